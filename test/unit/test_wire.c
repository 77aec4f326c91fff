/*
 * test_wire.c
 *	  Unit tests of src/wire.c: TAP on stdout, no server.
 *
 * links: src/wire.c
 *
 * Every buffer that is read from has exactly the bytes of the test, so that a
 * run under -fsanitize=address sees a read behind its end.
 *
 * test/unit/test_wire.c
 */
#include "postgres.h"

#include "tap.h"
#include "wire.h"

/* len bytes in a heap block of their own */
static char *
exact(const char *bytes, int len)
{
	char	   *copy = malloc(len > 0 ? len : 1);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static void
append32(StringInfo buf, uint32 n)
{
	char		bytes[4] = {n >> 24, n >> 16, n >> 8, n};

	appendBinaryStringInfo(buf, bytes, 4);
}

/* A startup packet whose length word says `claimed` (0: the truth). */
static StringInfo
packet(uint32 claimed, uint32 code, const char *body, int len)
{
	StringInfo	buf = makeStringInfo();

	append32(buf, claimed ? claimed : (uint32) (8 + len));
	append32(buf, code);
	appendBinaryStringInfo(buf, body, len);
	return buf;
}

static WireResult
startup(StringInfo buf, WireStartup *result)
{
	/* the result points into the data, which outlives it: leaked on purpose */
	char	   *data = exact(buf->data, buf->len);

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return pooler_wire_startup(data, buf->len, result);
}

#define PROTOCOL_3		(3 << 16)
#define PAIRS(s)		s, (int) sizeof(s)	/* the literal's NUL is the
											 * terminator */

static void
test_startup_params(void)
{
	WireStartup s;

	ok(startup(packet(0, PROTOCOL_3, PAIRS("user\0alice\0database\0shop\0")),
			   &s) == WIRE_OK && s.kind == STARTUP_PACKET && s.major == 3 &&
	   s.minor == 0, "startup packet is read");
	ok(strcmp(pooler_wire_param(s.params, s.params_len, "user"),
			  "alice") == 0 &&
	   strcmp(pooler_wire_param(s.params, s.params_len, "database"),
			  "shop") == 0, "parameters are found");
	ok(pooler_wire_param(s.params, s.params_len, "alice") == NULL,
	   "a value is no name");
	ok(pooler_wire_param(s.params, s.params_len, "use") == NULL,
	   "half a name is no name");

	startup(packet(0, PROTOCOL_3, PAIRS("user\0a\0user\0b\0")), &s);
	ok(strcmp(pooler_wire_param(s.params, s.params_len, "user"), "b") == 0,
	   "of two the last one counts, as in the server");
	startup(packet(0, PROTOCOL_3, PAIRS("user\0\0x\0y\0")), &s);
	ok(strcmp(pooler_wire_param(s.params, s.params_len, "user"), "") == 0 &&
	   strcmp(pooler_wire_param(s.params, s.params_len, "x"), "y") == 0,
	   "an empty value is a value");
	ok(startup(packet(0, PROTOCOL_3, PAIRS("")), &s) == WIRE_OK &&
	   s.params_len == 0, "no parameters at all");
	ok(pooler_wire_param("user\0x", 6, "user") == NULL,
	   "a value without its NUL is not read");
}

static void
test_startup_layout(void)
{
	WireStartup s;

	ok(startup(packet(0, PROTOCOL_3, "", 0), &s) == WIRE_BAD,
	   "no terminator");
	ok(startup(packet(0, PROTOCOL_3, "user\0a\0", 7), &s) == WIRE_BAD,
	   "pairs without a terminator");
	ok(startup(packet(0, PROTOCOL_3, "user\0a", 6), &s) == WIRE_BAD,
	   "a value without NUL");
	ok(startup(packet(0, PROTOCOL_3, "user", 4), &s) == WIRE_BAD,
	   "a name without NUL");
	ok(startup(packet(0, PROTOCOL_3, "user\0", 5), &s) == WIRE_BAD,
	   "a name without value");
	ok(startup(packet(0, PROTOCOL_3, "user\0a\0\0x", 9), &s) == WIRE_BAD,
	   "bytes behind the terminator");
	ok(startup(packet(0, 2 << 16, "junk", 4), &s) == WIRE_OK &&
	   s.major == 2 && s.params_len == 0, "version 2 is the caller's to refuse");
	ok(startup(packet(0, (1234 << 16) | 4711, "", 0), &s) == WIRE_OK &&
	   s.kind == STARTUP_PACKET && s.major == 1234,
	   "an unknown request is an unsupported version");
}

static void
test_startup_length(void)
{
	static const uint32 bad[] = {0, 1, 4, 7, 10005, 0x7fffffff, 0x80000000,
	0xffffffff};
	WireStartup s;
	StringInfo	whole;
	char	   *big = calloc(1, 20000);
	int			i;

	for (i = 0; i < (int) lengthof(bad); i++)
	{
		StringInfo	buf = makeStringInfo();
		char		name[64];

		append32(buf, bad[i]);
		snprintf(name, sizeof(name), "length %u is refused at once", bad[i]);
		ok(startup(buf, &s) == WIRE_BAD, name);
	}

	memset(big, 'x', 20000);
	memcpy(big, "user", 5);
	big[9994] = big[9995] = '\0';
	whole = packet(0, PROTOCOL_3, big, 9996);
	ok(startup(whole, &s) == WIRE_OK && s.len == WIRE_MAX_STARTUP,
	   "the longest packet is taken");
	big[9995] = 'x';
	big[9996] = '\0';
	ok(startup(packet(0, PROTOCOL_3, big, 9997), &s) == WIRE_BAD,
	   "one byte more is not");

	whole = packet(0, PROTOCOL_3, PAIRS("user\0alice\0"));
	for (i = 0; i < whole->len; i++)
	{
		char	   *part = exact(whole->data, i);

		if (pooler_wire_startup(part, i, &s) != WIRE_MORE)
			break;
		free(part);
	}
	ok(i == whole->len, "every part of a packet wants more");
	appendStringInfoString(whole, "next");
	ok(startup(whole, &s) == WIRE_OK && s.len == whole->len - 4,
	   "what follows is left alone");
	free(big);
}

static void
test_requests(void)
{
	WireStartup s;

	ok(startup(packet(0, 80877103, "", 0), &s) == WIRE_OK &&
	   s.kind == STARTUP_SSL && s.len == 8, "SSLRequest");
	ok(startup(packet(0, 80877104, "", 0), &s) == WIRE_OK &&
	   s.kind == STARTUP_GSS, "GSSENCRequest");
	ok(startup(packet(0, 80877102, "\0\100\0\1\377\377\377\376", 8),
			   &s) == WIRE_OK && s.kind == STARTUP_CANCEL &&
	   s.cancel_pid == 4194305 && s.cancel_key == -2, "CancelRequest");
	ok(startup(packet(0, 80877102, "\0\0\0\1", 4), &s) == WIRE_BAD,
	   "a short CancelRequest");
	ok(startup(packet(0, 80877102, "123456789", 9), &s) == WIRE_BAD,
	   "a long CancelRequest");
}

static void
test_message(void)
{
	static const char query[] = "Q\0\0\0\6x";
	char		type;
	int64		whole;

	ok(pooler_wire_message(query, 7, &type, &whole) == WIRE_OK &&
	   type == 'Q' && whole == 7, "a message");
	ok(pooler_wire_message(query, 6, &type, &whole) == WIRE_MORE &&
	   whole == 7, "not whole, its length is known");
	ok(pooler_wire_message(query, 4, &type, &whole) == WIRE_MORE &&
	   whole == 0 && type == 'Q', "its length is not known");
	ok(pooler_wire_message(query, 0, &type, &whole) == WIRE_MORE,
	   "nothing");
	ok(pooler_wire_message("S\0\0\0\4", 5, &type, &whole) == WIRE_OK &&
	   whole == 5, "the shortest");
	ok(pooler_wire_message("S\0\0\0\3", 5, &type, &whole) == WIRE_BAD,
	   "shorter than its length word");
	ok(pooler_wire_message("S\377\377\377\377", 5, &type, &whole) == WIRE_BAD,
	   "a negative length");
	ok(pooler_wire_message("S\77\377\377\377", 5, &type, &whole) == WIRE_BAD,
	   "a length that the server would not take");
	ok(pooler_wire_message("d\77\377\377\376", 5, &type, &whole) == WIRE_MORE &&
	   whole == INT64CONST(0x3fffffff), "the longest that it would");
}

/* Are these bytes, in a block of their own, read as this statement? */
static bool
states(const char *bytes, int len, const char *expected)
{
	char	   *data = exact(bytes, len);
	int			text_len = -1;
	const char *text = pooler_wire_statement(data, len, &text_len);
	bool		good = expected == NULL ? text == NULL :
		text != NULL && text_len == (int) strlen(expected) &&
		memcmp(text, expected, text_len) == 0;

	free(data);
	return good;
}

#define STATES(s, expected) states(s, (int) sizeof(s) - 1, expected)

static void
test_statement(void)
{
	ok(STATES("Q\0\0\0\7ab\0", "ab"), "a query");
	ok(STATES("Q\0\0\0\5\0", ""), "an empty one");
	ok(STATES("Q\0\0\0\77ab", "ab"), "one that is not all there");
	ok(STATES("Q\0\0\0\77", NULL), "one of which nothing is");
	ok(STATES("Q\0\0\0", NULL), "nor even its length");
	ok(STATES("Q\0\0\0\6abc\0", "ab"), "one without its NUL ends where it ends");
	ok(STATES("Q\0\0\0\4ab\0", NULL), "one without a body has no text");
	ok(STATES("Q\0\0\0\3ab\0", NULL), "no message");
	ok(STATES("Q\377\377\377\377ab", NULL), "nor this");
	ok(STATES("P\0\0\0\14n\0ab\0\0\0", "ab"), "a statement with a name");
	ok(STATES("P\0\0\0\77nam", NULL), "its name is not all there");
	ok(STATES("P\0\0\0\77name\0", NULL), "its text is not");
	ok(STATES("P\0\0\0\77\0ab", "ab"), "a part of it is");
	ok(STATES("C\0\0\0\6S\0S\0\0\0\4Q\0\0\0\7ab\0", "ab"), "behind others");
	ok(STATES("B\0\0\0\14\0\0\0\0\0\0\0\0Q\0\0\0\7ab\0", "ab"),
	   "also behind a Bind alone");
	ok(STATES("E\0\0\0\11\0\0\0\0\0Q\0\0\0\7ab\0", NULL),
	   "not behind what runs");
	ok(STATES("d\0\0\0\77ab", NULL), "not in other messages");
	ok(STATES("", NULL), "nor in nothing");
}

static bool
holds(StringInfo out, const char *bytes, int len)
{
	return out->len == len && memcmp(out->data, bytes, len) == 0;
}

#define IS(out, s) holds(out, s, (int) sizeof(s) - 1)

static void
test_put(void)
{
	StringInfo	out = makeStringInfo();

	pooler_wire_put_error(out, "FATAL", "28P01", "no", NULL, NULL);
	ok(IS(out, "E\0\0\0\36SFATAL\0VFATAL\0C28P01\0Mno\0\0"),
	   "an error of three fields");
	resetStringInfo(out);
	pooler_wire_put_notice(out, "NOTICE", "00000", "m", "d", "h");
	ok(IS(out, "N\0\0\0\45SNOTICE\0VNOTICE\0C00000\0Mm\0Dd\0Hh\0\0"),
	   "a notice with all");
	resetStringInfo(out);
	pooler_wire_put_auth(out, 5, "salt", 4);
	pooler_wire_put_auth(out, 0, NULL, 0);
	ok(IS(out, "R\0\0\0\14\0\0\0\5saltR\0\0\0\10\0\0\0\0"),
	   "two authentication requests");
	resetStringInfo(out);
	pooler_wire_put_parameter(out, "a", "");
	ok(IS(out, "S\0\0\0\7a\0\0"), "an empty parameter");
	resetStringInfo(out);
	pooler_wire_put_key(out, 4194305, -1);
	ok(IS(out, "K\0\0\0\14\0\100\0\1\377\377\377\377"), "a cancel key");
	resetStringInfo(out);
	pooler_wire_put_ready(out, 'I');
	ok(IS(out, "Z\0\0\0\5I"), "ready for query");
	resetStringInfo(out);
	pooler_wire_put(out, '3', NULL, 0);
	ok(IS(out, "3\0\0\0\4"), "a message without a body");
}

static void
test_negotiate(void)
{
	StringInfo	out = makeStringInfo();
	WireStartup s;

	startup(packet(0, PROTOCOL_3, PAIRS("user\0a\0")), &s);
	ok(!pooler_wire_put_negotiate(out, &s, 0) && out->len == 0,
	   "3.0 needs no negotiation");
	startup(packet(0, PROTOCOL_3 | 2, PAIRS("user\0a\0")), &s);
	ok(pooler_wire_put_negotiate(out, &s, 0) &&
	   IS(out, "v\0\0\0\14\0\3\0\0\0\0\0\0"), "3.2 is answered with 3.0");
	resetStringInfo(out);
	ok(!pooler_wire_put_negotiate(out, &s, 2), "3.2 where that is known");
	startup(packet(0, PROTOCOL_3,
				   PAIRS("_pq_.x\0001\0user\0_pq_.v\0_pq_.\0001\0")), &s);
	ok(pooler_wire_put_negotiate(out, &s, 0) &&
	   IS(out, "v\0\0\0\31\0\3\0\0\0\0\0\2_pq_.x\0_pq_.\0"),
	   "protocol options are named, values are not");
	resetStringInfo(out);
	startup(packet(0, 2 << 16, "", 0), &s);
	ok(!pooler_wire_put_negotiate(out, &s, 0), "no parameters, no crash");
}

/* Of these types, 8 bytes each. */
static StringInfo
messages(const char *types)
{
	StringInfo	buf = makeStringInfo();

	for (const char *t = types; *t; t++)
	{
		appendStringInfoChar(buf, *t);
		append32(buf, 4 + 3);
		appendBinaryStringInfo(buf, "abc", 3);
	}
	return buf;
}

/*
 * How a batch of these messages (types; lower-case ones are COPY data) ends:
 * the number of messages consumed, -1 if it has not ended, -2 if it is bad, -3
 * if the client said goodbye. In pieces of `piece` bytes.
 */
static int
batch(const char *types, int piece)
{
	StringInfo	buf = messages(types);
	WireBatch	b = {0};
	int			at = 0;

	while (at < buf->len)
	{
		int			n = Min(piece, buf->len - at);
		char	   *data = exact(buf->data + at, n);
		int			used;
		WireResult	r = pooler_wire_batch(&b, data, n, &used);

		free(data);
		at += used;
		if (r == WIRE_OK)
			return at % 8 == 0 && b.head_len == 0 && !b.extended ? at / 8 : -4;
		if (r == WIRE_BAD)
			return b.goodbye ? -3 : -2;
		if (used != n)
			return -5;
	}
	return -1;
}

static void
test_batch(void)
{
	static const struct
	{
		const char *types;
		int			ends;
		const char *name;
	}			table[] = {
		{"QQ", 1, "a query is a batch"},
		{"FQ", 1, "a function call too"},
		{"SQ", 1, "a lone Sync is one"},
		{"PBDESQ", 5, "the extended protocol ends with Sync"},
		{"PBDE", -1, "and not before"},
		{"PQS", 3, "a query after a failed Parse is discarded"},
		{"PFQS", 4, "a function call too"},
		{"CQ", -1, "Close begins a batch"},
		{"dcQ", 3, "what is left of a COPY is nothing"},
		{"fHQ", 3, "nor is a Flush"},
		{"dcfHS", 5, "before a Sync neither"},
		{"PdcHQS", 6, "nor in between"},
		{"X", -3, "goodbye"},
		{"PBX", -3, "goodbye in the middle of a batch"},
		{"dX", -3, "goodbye after a COPY"},
		{"p", -2, "a password is none of these"},
		{"\1", -2, "nor is garbage"},
		{"P\200S", -2, "nor in the middle"},
	};

	for (int i = 0; i < (int) lengthof(table); i++)
	{
		bool		good = true;

		for (int piece = 1; piece <= 64; piece++)
			good &= batch(table[i].types, piece) == table[i].ends;
		ok(good, table[i].name);
	}
}

/* How many messages of 8 bytes are skipped; + 100: there is nothing more. */
static int
unanswered(const char *types, int cut, int piece)
{
	StringInfo	buf = messages(types);
	WireBatch	b = {0};
	int			at = 0;

	while (at < buf->len - cut)
	{
		int			n = Min(piece, buf->len - cut - at);
		char	   *data = exact(buf->data + at, n);
		int			used;
		WireResult	r = pooler_wire_unanswered(&b, data, n, &used);

		free(data);
		at += used;
		if (r == WIRE_OK)
			return at % 8 == 0 && !pooler_wire_is_within(&b) ? at / 8 : -4;
		if (r == WIRE_BAD)
			return -2;
		if (used != n)
			return -5;
	}
	return pooler_wire_is_within(&b) ? -1 : 100 + at / 8;
}

static void
test_unanswered(void)
{
	static const struct
	{
		const char *types;
		int			cut;
		int			skipped;
		const char *name;
	}			table[] = {
		{"Q", 0, 0, "a query is to be answered"},
		{"dcfHQ", 0, 4, "what comes before it is not"},
		{"HX", 0, 1, "goodbye is for the caller"},
		{"H\1", 0, 1, "and so is garbage"},
		{"dc", 0, 102, "nothing but what is left of a COPY"},
		{"dc", 2, -1, "half a message of it"},
		{"dc", 5, -1, "half a head of it"},
		{"dc", 7, -1, "its first byte"},
	};

	for (int i = 0; i < (int) lengthof(table); i++)
	{
		bool		good = true;

		for (int piece = 1; piece <= 64; piece++)
			good &= unanswered(table[i].types, table[i].cut, piece) ==
				table[i].skipped;
		ok(good, table[i].name);
	}
}

static void
test_batch_length(void)
{
	WireBatch	b = {0};
	int			used;

	ok(pooler_wire_batch(&b, "Q\0\0\0\3", 5, &used) == WIRE_BAD,
	   "a bad length in a batch");
	memset(&b, 0, sizeof(b));
	ok(pooler_wire_batch(&b, "d\77\377\377\376ab", 7, &used) == WIRE_MORE &&
	   used == 7 && b.skip == INT64CONST(0x3ffffff8),
	   "a gigabyte is skipped without a buffer");
	memset(&b, 0, sizeof(b));
	ok(pooler_wire_batch(&b, "", 0, &used) == WIRE_MORE && used == 0,
	   "no bytes, no end");
	ok(pooler_wire_batch(&b, "S\0\0\0\4Q", 6, &used) == WIRE_OK && used == 5,
	   "an empty message ends where it ends");
}

int
main(void)
{
	test_startup_params();
	test_startup_layout();
	test_startup_length();
	test_requests();
	test_message();
	test_statement();
	test_put();
	test_negotiate();
	test_batch();
	test_batch_length();
	test_unanswered();
	return tap_end();
}
