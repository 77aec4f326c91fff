/*
 * fuzz_wire.c
 *	  libFuzzer target: any bytes from a client, read by src/wire.c.
 *
 * Reads the input as a startup packet, as a message and as the rest of a batch
 * in pieces, and traps on answers that contradict each other.
 *
 * links: src/wire.c
 *
 * test/fuzz/fuzz_wire.c
 */
#include "postgres.h"

#include "wire.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#define MUST(condition) \
	do { if (!(condition)) __builtin_trap(); } while (0)

static void
try_startup(const char *data, int len)
{
	StringInfoData out;
	WireStartup startup;

	if (pooler_wire_startup(data, len, &startup) != WIRE_OK)
		return;
	MUST(startup.len >= 8 && startup.len <= WIRE_MAX_STARTUP);
	MUST(startup.len <= len);
	MUST(startup.params_len >= 0 && startup.params_len < startup.len);
	(void) pooler_wire_param(startup.params, startup.params_len, "user");
	initStringInfo(&out);
	(void) pooler_wire_put_negotiate(&out, &startup, 0);
	MUST(out.len <= startup.len + 13);
	pfree(out.data);
}

static void
try_message(const char *data, int len)
{
	char		type;
	int64		whole;

	switch (pooler_wire_message(data, len, &type, &whole))
	{
		case WIRE_OK:
			MUST(whole >= 5 && whole <= len);
			break;
		case WIRE_MORE:
			MUST(whole == 0 || whole > len);
			break;
		case WIRE_BAD:
			MUST(len >= 5);
			break;
	}
}

static void
try_statement(const char *data, int len)
{
	int			text_len = 0;
	const char *text = pooler_wire_statement(data, len, &text_len);

	if (text == NULL)
		return;
	MUST(text >= data + 5 && text_len >= 0 && text + text_len <= data + len);
	MUST(memchr(text, '\0', text_len) == NULL);
}

/* All of the bytes; returns where the first batch has ended, or what else. */
static int
try_batch(const char *data, int len, int piece)
{
	WireBatch	batch = {0};
	int			at = 0;

	while (at < len)
	{
		int			n = Min(piece, len - at);
		int			used;
		WireResult	result = pooler_wire_batch(&batch, data + at, n, &used);

		MUST(used >= 0 && used <= n);
		at += used;
		if (result == WIRE_OK)
			return at;
		if (result == WIRE_BAD)
			return batch.goodbye ? -3 : -2;
		MUST(used == n);
	}
	return -1;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const char *bytes = (const char *) data;
	int			len = (int) size;
	int			ended;

	try_startup(bytes, len);
	try_message(bytes, len);
	try_statement(bytes, len);
	(void) pooler_wire_param(bytes, len, "database");
	ended = try_batch(bytes, len, len);
	MUST(try_batch(bytes, len, 1) == ended);
	MUST(try_batch(bytes, len, 7) == ended);
	return 0;
}
