/*
 * wire.c
 *	  Messages of the v3 protocol in memory: bounds-checked, no I/O.
 *
 * Everything that arrives from a client before a backend has it is read here,
 * and everything that pooler itself tells a client is written here. Readers
 * take a pointer and a length, look at nothing behind it and copy nothing;
 * limits are the server's own (ProcessStartupPacket() in postmaster.c,
 * SocketBackend() in postgres.c), so that whoever gets past them here would
 * have got past them there.
 *
 * A reader answers WIRE_MORE until what it wants is there, and WIRE_BAD as soon
 * as the bytes so far rule it out. WIRE_BAD is about the sender's stream: it
 * can have no further message, the connection is to be closed.
 *
 * The batch reader keeps the books of the extended protocol:
 *
 *	  between messages -> in a head -> in a body	[read_head, begin_message]
 *	  in the last message's body -> ended			[pooler_wire_batch]
 *
 * No state but the caller's structs, no memory but the caller's StringInfo,
 * nothing of the backend: unit tests and the fuzzer link this file alone.
 *
 * src/wire.c
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "wire.h"

#define LENGTH_WORD			4	/* counts itself, not the type byte */

/* pqcomm.h has these, but also half of the backend's types. */
#define CODE_MAJOR			1234
#define CODE_CANCEL			5678
#define CODE_SSL			5679
#define CODE_GSS			5680
#define CANCEL_PACKET		16	/* length word, code, pid, key */

/* As PQ_LARGE_MESSAGE_LIMIT, the most that the server takes from anyone. */
#define MAX_MESSAGE			0x3ffffffe

#define PROTOCOL_OPTION		"_pq_."

static uint32
get_uint32(const char *data)
{
	uint32		n;

	memcpy(&n, data, sizeof(n));
	return pg_ntoh32(n);
}

static void
put_uint32(StringInfo out, uint32 n)
{
	n = pg_hton32(n);
	appendBinaryStringInfo(out, (const char *) &n, sizeof(n));
}

/* With its NUL: how the protocol writes strings. */
static void
put_string(StringInfo out, const char *s)
{
	appendBinaryStringInfo(out, s, strlen(s) + 1);
}

/* The length word is filled in by end_message(). */
static int
begin_message_out(StringInfo out, char type)
{
	appendStringInfoChar(out, type);
	put_uint32(out, 0);
	return out->len - LENGTH_WORD;
}

static void
end_message_out(StringInfo out, int start)
{
	uint32		len = pg_hton32((uint32) (out->len - start));

	memcpy(out->data + start, &len, sizeof(len));
}

/* The string at *p, which is moved behind its NUL; NULL where none ends. */
static const char *
next_string(const char **p, const char *end)
{
	const char *s = *p;
	const char *nul;

	if (s >= end)
		return NULL;
	nul = memchr(s, '\0', end - s);
	if (nul == NULL)
		return NULL;
	*p = nul + 1;
	return s;
}

/*
 * The parameters of a protocol 3 packet: pairs of strings, then one NUL that is
 * its last byte. (The server reads a value that lacks its NUL as well, and then
 * refuses the packet for the missing terminator.)
 */
static WireResult
read_params(const char *data, int len, WireStartup *startup)
{
	const char *p = data;
	const char *end = data + len;

	while (p < end && *p != '\0')
	{
		if (next_string(&p, end) == NULL || next_string(&p, end) == NULL)
			return WIRE_BAD;
	}
	if (p != end - 1)
		return WIRE_BAD;
	startup->params = data;
	startup->params_len = (int) (p - data);
	return WIRE_OK;
}

/* Reads what follows the code of a request that is no protocol version. */
static WireResult
read_request(const char *data, WireStartup *startup)
{
	switch (startup->minor)
	{
		case CODE_SSL:
			startup->kind = STARTUP_SSL;
			return WIRE_OK;
		case CODE_GSS:
			startup->kind = STARTUP_GSS;
			return WIRE_OK;
		case CODE_CANCEL:
			if (startup->len != CANCEL_PACKET)
				return WIRE_BAD;
			startup->kind = STARTUP_CANCEL;
			startup->cancel_pid = (int32) get_uint32(data + 8);
			startup->cancel_key = (int32) get_uint32(data + 12);
			return WIRE_OK;
	}
	/* An unsupported version, as in the server: STARTUP_PACKET says so. */
	return WIRE_OK;
}

/*
 * Reads what a client sends first. WIRE_OK: startup->len bytes are consumed.
 * A version other than 3 is WIRE_OK without parameters, for the caller has an
 * error to send; so is an SSLRequest after an SSLRequest, which only the caller
 * can know. The same limits as ProcessStartupPacket(): 8 to 10004 bytes with
 * the length word, 16 for a cancel request, the terminator is the last byte.
 */
WireResult
pooler_wire_startup(const char *data, int len, WireStartup *startup)
{
	uint32		packet;

	memset(startup, 0, sizeof(*startup));
	startup->params = "";
	if (len < LENGTH_WORD)
		return WIRE_MORE;
	packet = get_uint32(data);
	if (packet < 2 * LENGTH_WORD || packet > WIRE_MAX_STARTUP)
		return WIRE_BAD;
	if (len < (int) packet)
		return WIRE_MORE;

	startup->kind = STARTUP_PACKET;
	startup->len = (int) packet;
	startup->major = get_uint32(data + LENGTH_WORD) >> 16;
	startup->minor = get_uint32(data + LENGTH_WORD) & 0xffff;
	if (startup->major == CODE_MAJOR)
		return read_request(data, startup);
	if (startup->major != 3)
		return WIRE_OK;
	return read_params(data + 2 * LENGTH_WORD, startup->len - 2 * LENGTH_WORD,
					   startup);
}

/*
 * The value of a parameter, or NULL. Where a name comes twice the last one
 * counts, as in the server.
 */
const char *
pooler_wire_param(const char *params, int len, const char *name)
{
	const char *p = params;
	const char *end = params + len;
	const char *found = NULL;

	for (;;)
	{
		const char *key = next_string(&p, end);
		const char *value = key ? next_string(&p, end) : NULL;

		if (value == NULL)
			return found;
		if (strcmp(key, name) == 0)
			found = value;
	}
}

/*
 * Type and whole length, type byte included, of the message at data. WIRE_MORE:
 * it is not all there; *whole is then 0 as long as the length is unknown, which
 * lets the caller refuse a long one before it has come.
 */
WireResult
pooler_wire_message(const char *data, int len, char *type, int64 *whole)
{
	uint32		body;

	*type = '\0';
	*whole = 0;
	if (len < 1)
		return WIRE_MORE;
	*type = data[0];
	if (len < WIRE_MESSAGE_HEAD)
		return WIRE_MORE;
	body = get_uint32(data + 1);
	if (body < LENGTH_WORD || body > MAX_MESSAGE)
		return WIRE_BAD;
	*whole = (int64) body + 1;
	return len < *whole ? WIRE_MORE : WIRE_OK;
}

/* The text in the body of a Query or Parse, whose bytes may end within it. */
static const char *
text_in_body(const char *body, const char *end, bool named, int *text_len)
{
	const char *p = body;
	const char *nul;

	if ((named && next_string(&p, end) == NULL) || p >= end)
		return NULL;
	nul = memchr(p, '\0', end - p);
	*text_len = (int) ((nul ? nul : end) - p);
	return p;
}

/*
 * What a client that has sent this wants to be run. An Execute or FunctionCall
 * says it by a name that only a backend knows.
 */
const char *
pooler_wire_statement(const char *data, int len, int *text_len)
{
	const char *end = data + len;

	for (;;)
	{
		char		type;
		int64		whole;
		WireResult	result = pooler_wire_message(data, (int) (end - data),
												 &type, &whole);

		if (result == WIRE_BAD || whole == 0 || type == 'E' || type == 'F')
			return NULL;
		if (type == 'Q' || type == 'P')
			return text_in_body(data + WIRE_MESSAGE_HEAD,
								result == WIRE_OK ? data + whole : end,
								type == 'P', text_len);
		if (result == WIRE_MORE)
			return NULL;
		data += whole;
	}
}

void
pooler_wire_put(StringInfo out, char type, const char *body, int len)
{
	int			start = begin_message_out(out, type);

	if (len > 0)
		appendBinaryStringInfo(out, body, len);
	end_message_out(out, start);
}

static void
put_field(StringInfo out, char field, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfoChar(out, field);
	put_string(out, value);
}

/* Fields and their order as in elog.c's send_message_to_frontend(). */
static void
put_report(StringInfo out, char type, const char *severity,
		   const char *sqlstate, const char *message, const char *detail,
		   const char *hint)
{
	int			start = begin_message_out(out, type);

	put_field(out, 'S', severity);
	put_field(out, 'V', severity);
	put_field(out, 'C', sqlstate);
	put_field(out, 'M', message);
	put_field(out, 'D', detail);
	put_field(out, 'H', hint);
	appendStringInfoChar(out, '\0');
	end_message_out(out, start);
}

/* ErrorResponse; detail and hint may be NULL. */
void
pooler_wire_put_error(StringInfo out, const char *severity,
					  const char *sqlstate, const char *message,
					  const char *detail, const char *hint)
{
	put_report(out, 'E', severity, sqlstate, message, detail, hint);
}

/* NoticeResponse; detail and hint may be NULL. */
void
pooler_wire_put_notice(StringInfo out, const char *severity,
					   const char *sqlstate, const char *message,
					   const char *detail, const char *hint)
{
	put_report(out, 'N', severity, sqlstate, message, detail, hint);
}

/* An authentication request: AUTH_REQ_ code and what belongs to it. */
void
pooler_wire_put_auth(StringInfo out, int32 code, const char *data, int len)
{
	int			start = begin_message_out(out, 'R');

	put_uint32(out, (uint32) code);
	if (len > 0)
		appendBinaryStringInfo(out, data, len);
	end_message_out(out, start);
}

/* ParameterStatus */
void
pooler_wire_put_parameter(StringInfo out, const char *name, const char *value)
{
	int			start = begin_message_out(out, 'S');

	put_string(out, name);
	put_string(out, value);
	end_message_out(out, start);
}

/* BackendKeyData */
void
pooler_wire_put_key(StringInfo out, int32 pid, int32 key)
{
	int			start = begin_message_out(out, 'K');

	put_uint32(out, (uint32) pid);
	put_uint32(out, (uint32) key);
	end_message_out(out, start);
}

/* ReadyForQuery */
void
pooler_wire_put_ready(StringInfo out, char status)
{
	pooler_wire_put(out, 'Z', &status, 1);
}

/* Appends the _pq_. names (out NULL: only counts them). */
static int
put_protocol_options(StringInfo out, const char *params, int len)
{
	const char *p = params;
	const char *end = params + len;
	int			n = 0;

	for (;;)
	{
		const char *key = next_string(&p, end);

		if (key == NULL || next_string(&p, end) == NULL)
			return n;
		if (strncmp(key, PROTOCOL_OPTION, strlen(PROTOCOL_OPTION)) != 0)
			continue;
		if (out != NULL)
			put_string(out, key);
		n++;
	}
}

/*
 * NegotiateProtocolVersion, if this client needs one: it asked for a newer
 * minor version or for protocol options, of which we know none. True if one was
 * appended; it goes out before the first authentication request, and is no
 * refusal. As SendNegotiateProtocolVersion(), which sends major and minor.
 */
bool
pooler_wire_put_negotiate(StringInfo out, const WireStartup *startup,
						  int newest_minor)
{
	int			names = put_protocol_options(NULL, startup->params,
											 startup->params_len);
	int			minor = Min(startup->minor, newest_minor);
	int			start;

	if (names == 0 && startup->minor <= newest_minor)
		return false;
	start = begin_message_out(out, 'v');
	put_uint32(out, (3 << 16) | (uint32) minor);
	put_uint32(out, (uint32) names);
	(void) put_protocol_options(out, startup->params, startup->params_len);
	end_message_out(out, start);
	return true;
}

/*
 * What a message means for the batch. An error in a Parse, Bind, Describe,
 * Execute or Close makes the server discard everything up to a Sync, simple
 * queries too; without one a Query or FunctionCall has its own answer. Flush
 * and what is left over of a COPY are answered by nothing and begin nothing.
 */
static WireResult
begin_message(WireBatch *batch, char type)
{
	switch (type)
	{
		case 'P':
		case 'B':
		case 'D':
		case 'E':
		case 'C':
			batch->extended = true;
			return WIRE_OK;
		case 'Q':
		case 'F':
			batch->ends = !batch->extended;
			return WIRE_OK;
		case 'S':
			batch->ends = true;
			return WIRE_OK;
		case 'H':
		case 'd':
		case 'c':
		case 'f':
			return WIRE_OK;
		case 'X':
			batch->goodbye = true;
			return WIRE_BAD;
	}
	return WIRE_BAD;
}

/* Completes batch->head; WIRE_MORE if the data do not suffice for that. */
static WireResult
read_head(WireBatch *batch, const char *data, int len, int *used)
{
	int			n = Min(len, WIRE_MESSAGE_HEAD - batch->head_len);
	char		type;
	int64		whole;

	memcpy(batch->head + batch->head_len, data, n);
	batch->head_len += n;
	*used += n;
	if (pooler_wire_message(batch->head, batch->head_len, &type,
							&whole) == WIRE_BAD)
		return WIRE_BAD;
	if (whole == 0)
		return WIRE_MORE;
	batch->head_len = 0;
	batch->skip = whole - WIRE_MESSAGE_HEAD;
	return begin_message(batch, type);
}

/* What is here of a message whose head has been read. */
static void
skip_body(WireBatch *batch, int len, int *used)
{
	int64		n = Min(batch->skip, (int64) (len - *used));

	batch->skip -= n;
	*used += (int) n;
}

/*
 * Skips a client's bytes to the end of its batch, over as many calls as they
 * take to come. Begin with a zeroed struct at the start of a message, where the
 * answer is an error for that message. WIRE_OK: the batch has ended behind
 * *used bytes, owes the client one ReadyForQuery, and the struct is zeroed for
 * the next. WIRE_MORE: all len bytes are used. WIRE_BAD: no message of the
 * protocol, or the client's Terminate, and then batch->goodbye is set; a
 * Terminate counts also where everything else waits for a Sync.
 */
WireResult
pooler_wire_batch(WireBatch *batch, const char *data, int len, int *used)
{
	*used = 0;
	for (;;)
	{
		WireResult	result;

		skip_body(batch, len, used);
		if (batch->skip == 0 && batch->ends)
		{
			memset(batch, 0, sizeof(*batch));
			return WIRE_OK;
		}
		if (*used == len)
			return WIRE_MORE;
		result = read_head(batch, data + *used, len - *used, used);
		if (result != WIRE_OK)
			return result;
	}
}

/*
 * Skips a Flush and what is left over of a COPY, over as many calls as they take
 * to come; begin with a zeroed struct at the start of a message. WIRE_OK: the
 * byte at *used begins another message; WIRE_MORE: all len bytes are used.
 */
WireResult
pooler_wire_unanswered(WireBatch *batch, const char *data, int len, int *used)
{
	*used = 0;
	for (;;)
	{
		WireResult	result;

		skip_body(batch, len, used);
		if (*used == len)
			return WIRE_MORE;
		if (batch->head_len == 0 && !pooler_wire_is_unanswered(data[*used]))
			return WIRE_OK;
		result = read_head(batch, data + *used, len - *used, used);
		if (result != WIRE_OK)
			return result;
	}
}

/* Is the rest of a message still to come? */
bool
pooler_wire_is_within(const WireBatch *batch)
{
	return batch->skip > 0 || batch->head_len > 0;
}
