/*
 * test_first_use.c
 *	  Unit tests of src/first_use.c: TAP on stdout, no server.
 *
 * links: src/first_use.c
 *
 * Every head has exactly the bytes of the test, in a heap block of its own, so
 * that a run under -fsanitize=address sees a read behind its end.
 *
 * test/unit/test_first_use.c
 */
#include "postgres.h"

#include "tap.h"
#include "first_use.h"

/* What the first `len` of these bytes mean. */
static FirstUse
use_of(const char *bytes, int len)
{
	char	   *head = malloc(len > 0 ? len : 1);
	FirstUse	use;

	memcpy(head, bytes, len);
	use = pooler_first_use(head, len);
	free(head);
	return use;
}

/* Of a whole message, given with its length word as a string constant. */
#define USE_OF(message) use_of(message, sizeof(message) - 1)

static void
test_replaced(void)
{
	ok(USE_OF("Q\0\0\0\7ab\0") == USE_REPLACES_SURELY, "a Query");
	ok(USE_OF("Q\0\0\0\7ab\0S\0\0\0\4") == USE_REPLACES_SURELY, "and more");
	ok(USE_OF("Q\0\0\0\7ab") == USE_REPLACES, "not seen whole");
	ok(USE_OF("Q") == USE_REPLACES, "nor more than its type");
	ok(USE_OF("Q\0\0\0\7\xc3\xa9\0") == USE_REPLACES, "perhaps no text");
	ok(USE_OF("Q\0\0\0\7a\0b") == USE_REPLACES, "with a rest");
	ok(USE_OF("Q\0\0\0\4") == USE_REPLACES, "an empty one");
	ok(USE_OF("Q\xff\xff\xff\xff") == USE_REPLACES, "a hostile length");
	ok(USE_OF("P\0\0\0\x9\0a\0\0\0") == USE_REPLACES_SURELY, "a Parse");
	ok(USE_OF("P\0\0\0\xd\0a\0\0\1\0\0\0\1") == USE_REPLACES_SURELY,
	   "with a type");
	ok(USE_OF("P\0\0\0\xd\0a\0\0\2\0\0\0\1") == USE_REPLACES,
	   "with fewer types than it says");
	ok(USE_OF("P\0\0\0\x9\0") == USE_REPLACES, "its name is seen");
}

static void
test_used(void)
{
	ok(USE_OF("B\0\0\0\x10\0\0") == USE_BINDS, "a Bind");
	ok(USE_OF("B\0\0\0\x10p\0\0") == USE_BINDS, "to a portal with a name");
	ok(USE_OF("D\0\0\0\6S\0") == USE_BINDS, "a Describe");
}

static void
test_unknown(void)
{
	ok(USE_OF("") == USE_UNKNOWN, "nothing is here");
	ok(pooler_first_use(NULL, -1) == USE_UNKNOWN, "nor can it be looked at");
	ok(USE_OF("P\0\0\0\x9") == USE_UNKNOWN, "a Parse without its name");
	ok(USE_OF("P\0\0\0\xanamed\0") == USE_UNKNOWN, "of a name");
	ok(USE_OF("B\0\0\0\x10p") == USE_UNKNOWN, "a Bind without its statement");
	ok(USE_OF("B\0\0\0\x10portal") == USE_UNKNOWN, "or the portal's end");
	ok(USE_OF("B\0\0\0\x10p\0") == USE_UNKNOWN, "that is not there yet");
	ok(USE_OF("B\0\0\0\x10\0named\0") == USE_UNKNOWN, "to a name");
	ok(USE_OF("D\0\0\0\6P\0") == USE_UNKNOWN, "a Describe of a portal");
	ok(USE_OF("D\0\0\0\7Sn\0") == USE_UNKNOWN, "of a name");
	ok(USE_OF("E\0\0\0\x9\0\0\0\0\0") == USE_UNKNOWN, "an Execute");
}

static void
test_batches(void)
{
	static const char with[] = "BCDEPS";
	static const char without[] = "QFHXdcfp";
	int			good = 0;

	for (const char *type = with; *type != '\0'; type++)
		good += pooler_first_ends_with_sync(type, 1);
	is(good, strlen(with), "these are followed by a Sync");
	good = 0;
	for (const char *type = without; *type != '\0'; type++)
		good += !pooler_first_ends_with_sync(type, 1);
	is(good, strlen(without), "these need not be");
	ok(!pooler_first_ends_with_sync("", 1), "nor what is no message");
	ok(!pooler_first_ends_with_sync(with, 0), "nor what is not here");
}

int
main(void)
{
	test_replaced();
	test_used();
	test_unknown();
	test_batches();
	return tap_end();
}
