/*
 * test_pools.c
 *	  The text of pooler.pools: what it may say, how errors are told, and how it
 *	  is written.
 *
 * The server's parsers of values are replaced by simple ones; the real ones are
 * used in test/sql/pools_setting.sql.
 *
 * links: src/guc_pools.c src/pools_text.c
 *
 * test/unit/test_pools.c
 */
#include "postgres.h"

#include "guc.h"
#include "pools_text.h"
#include "tap.h"
#include "utils/builtins.h"
#include "utils/guc.h"

static PoolEntry entries[POOLER_MAX_ENTRIES];
static char *error;

static double
unit_factor(const char *unit)
{
	if (*unit == '\0' || strcmp(unit, "s") == 0)
		return 1;
	if (strcmp(unit, "ms") == 0)
		return 0.001;
	if (strcmp(unit, "min") == 0)
		return 60;
	return strcmp(unit, "h") == 0 ? 3600 : 0;
}

bool
parse_real(const char *value, double *result, int flags, const char **hintmsg)
{
	char	   *end;
	double		factor;

	*result = strtod(value, &end);
	while (*end == ' ')
		end++;
	factor = unit_factor(end);
	if (end == value || factor == 0 || (*end != '\0' && flags == 0))
		return false;
	*result *= factor;
	return true;
}

bool
parse_int(const char *value, int *result, int flags, const char **hintmsg)
{
	double		real;

	if (!parse_real(value, &real, flags, hintmsg))
		return false;
	*result = (int) real;
	return true;
}

bool
parse_bool(const char *value, bool *result)
{
	*result = strcmp(value, "on") == 0;
	return *result || strcmp(value, "off") == 0;
}

static int
parse(const char *text)
{
	return pooler_guc_parse_pools(text, entries, POOLER_MAX_ENTRIES, &error);
}

/* An entry of one pool: its name, its database. */
static void
names(const char *text, const char *name, const char *database)
{
	int			n = parse(text);

	ok(n == 1 && strcmp(entries[0].name, name) == 0 &&
	   strcmp(entries[0].database, database) == 0 && !entries[0].wildcard,
	   text);
	if (n < 0)
		printf("# %s\n", error);
}

static void
fails(const char *text, const char *expected)
{
	bool		good = parse(text) == -1 && strcmp(error, expected) == 0;

	ok(good, text);
	if (!good)
		printf("# %s\n", error != NULL ? error : "no error");
}

static void
test_names(void)
{
	names("main", "main", "main");
	names("  main  ", "main", "main");
	names("Main", "Main", "Main");
	names("reports=warehouse", "reports", "warehouse");
	names("reports = warehouse", "reports", "warehouse");
	names("\"my db\"", "my db", "my db");
	names("a=\"x, y = \"\"z\"\"\"", "a", "x, y = \"z\"");
	names("\"*\"", "*", "*");
	names("main pool_size=1", "main", "main");
	names("gr\xc3\xbc\xc3\x9f" "e", "gr\xc3\xbc\xc3\x9f" "e",
		  "gr\xc3\xbc\xc3\x9f" "e");
	ok(parse("") == 0, "no pools");
	ok(parse(" \n\t") == 0, "white space only");
	ok(parse("main, telehealth,fire ,hems") == 4, "the guide's four");
	ok(strcmp(entries[3].name, "hems") == 0, "the last of them");
	ok(parse("main, *") == 2 && entries[1].wildcard, "a wildcard");
	ok(parse("* pool_size=2") == 1 && entries[0].wildcard &&
	   entries[0].has_pool_size, "a wildcard with values");
	ok(parse("*, \"*\"") == 2, "a database called *, too");
}

static void
test_values(void)
{
	const PoolerLimits *l = &entries[0].limits;

	ok(parse("a pool_size=3 max_overflow=2 recycle=30min timeout=500ms "
			 "pre_ping=off echo=on mode=session") == 1, "all parameters");
	ok(l->pool_size == 3 && l->max_overflow == 2, "counts");
	ok(l->recycle_s == 1800 && l->timeout_ms == 500, "times");
	ok(!l->pre_ping && l->echo && l->mode == MODE_SESSION, "switches");
	ok(parse("a pool_recycle=-1 pool_timeout=-1 max_overflow=-1") == 1 &&
	   l->recycle_s == -1 && l->timeout_ms == -1 && l->max_overflow == -1,
	   "without limits");
	ok(parse("a timeout=0.25") == 1 && l->timeout_ms == 250, "a fraction");
	ok(parse("a timeout=0.0001") == 1 && l->timeout_ms == 1,
	   "little is not nothing");
	ok(parse("a timeout=0") == 1 && l->timeout_ms == 0, "at once");
	ok(parse("a timeout=\"2 min\"") == 1 && l->timeout_ms == 120000,
	   "a quoted value");
	ok(parse("a POOL_SIZE = 4") == 1 && l->pool_size == 4,
	   "case and white space");
	ok(parse("a pool_pre_ping=on, b") == 2 && entries[0].has_pre_ping &&
	   !entries[1].has_pre_ping, "what is not said is not set");
}

static void
test_errors(void)
{
	fails("main,", "Entry 2: the name of the pool is empty.");
	fails(",main", "Entry 1: the name of the pool is empty.");
	fails("a,,b", "Entry 2: the name of the pool is empty.");
	fails("\"\"", "Entry 1 (\"\"): the name of the pool is empty.");
	fails("a=", "Entry 1 (a=): the name of the database is empty.");
	fails("a=b=c", "Entry 1 (a=b=c): \"=\" is not expected here.");
	fails("=b", "Entry 1 (=b): the name of the pool is empty.");
	fails("a b", "Entry 1 (a b): \"=\" and a value are missing after \"b\".");
	fails("a pool_size", "Entry 1 (a pool_size): \"=\" and a value are missing "
		  "after \"pool_size\".");
	fails("a pool_size=", "Entry 1 (a pool_size=): \"pool_size\" has no "
		  "value.");
	fails("a, b size=3", "Entry 2 (b size=3): there is no parameter \"size\".");
	fails("a recycle=9 pool_recycle=9", "Entry 1 (a recycle=9 "
		  "pool_recycle=9): parameter \"pool_recycle\" is given twice.");
	fails("a pool_size=-1", "Entry 1 (a pool_size=-1): \"pool_size\" must be "
		  "an integer from 0 to 262143, not \"-1\".");
	fails("a max_overflow=-2", "Entry 1 (a max_overflow=-2): \"max_overflow\" "
		  "must be an integer from -1 to 262143, not \"-2\".");
	fails("a recycle=0", "Entry 1 (a recycle=0): \"recycle\" must be a time "
		  "of at least a second (such as 1800, 30min or 1h), or -1 for "
		  "never, not \"0\".");
	fails("a timeout=-0.5", "Entry 1 (a timeout=-0.5): \"timeout\" must be a "
		  "time (such as 30, 0.5 or 500ms), 0 for at once, or -1 for never, "
		  "not \"-0.5\".");
	fails("a echo=maybe", "Entry 1 (a echo=maybe): \"echo\" must be on or off, "
		  "not \"maybe\".");
	fails("a mode=statement", "Entry 1 (a mode=statement): \"mode\" must be "
		  "transaction or session, not \"statement\".");
	fails("a, \"b", "Entry 2 (\"b): a double quote is not closed.");
	fails("a timeout=\"1", "Entry 1 (a timeout=\"1): a double quote is not "
		  "closed.");
	fails("a, a", "Entry 2 (a): there are two pools of the name \"a\".");
	fails("*, *", "Entry 2 (*): there are two pools of the name \"*\".");
	fails("*=b", "Entry 1 (*=b): * stands for every database and cannot name "
		  "one.");
	fails("\"a,b\" x=1", "Entry 1 (\"a,b\" x=1): there is no parameter "
		  "\"x\".");
}

/* A text of n entries of `len` bytes each. */
static char *
many(int n, int len)
{
	char	   *text = palloc0(n * (len + 1) + 1);

	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), "%s%0*d", i > 0 ? "," : "", len, i);
	return text;
}

static void
test_sizes(void)
{
	ok(parse(many(1, NAMEDATALEN - 1)) == 1, "a name of 63 bytes");
	ok(parse(many(1, NAMEDATALEN)) == -1 &&
	   strstr(error, "longer than 63 bytes") != NULL, "one of 64");
	ok(parse(many(POOLER_MAX_ENTRIES, 5)) == POOLER_MAX_ENTRIES,
	   "as many as there may be");
	ok(parse(many(POOLER_MAX_ENTRIES + 1, 5)) == -1 &&
	   strstr(error, "there may be 64 pools at most") != NULL, "one more");
}

/* No text, however it is cut or mixed, may do worse than fail. */
static void
test_noise(void)
{
	static const char set[] = "a*=,\" \tpool_size=1timeout";
	char		text[40];

	srand(1);
	for (int i = 0; i < 200000; i++)
	{
		int			len = rand() % (sizeof(text) - 1);

		for (int j = 0; j < len; j++)
			text[j] = set[rand() % (sizeof(set) - 1)];
		text[len] = '\0';
		if (parse(text) == -1 && error == NULL)
			break;
		if (i == 199999)
			ok(true, "200,000 random texts");
	}
}

/* Written as expected, and the same when read and written again. */
static void
writes(const char *text, const char *expected)
{
	int			n = parse(text);
	char	   *out = n >= 0 ? pooler_pools_text(entries, n) : NULL;
	bool		good = out != NULL && strcmp(out, expected) == 0;

	n = good ? parse(out) : -1;
	good = n >= 0 && strcmp(pooler_pools_text(entries, n), expected) == 0;
	ok(good, expected);
	if (!good)
		printf("# %s\n", out != NULL ? out : "not read");
}

static void
test_write(void)
{
	writes("", "");
	writes(" main ,fire=main,* ", "main, fire=main, *");
	writes("a pool_size=3 max_overflow=-1 pool_recycle=1h timeout=0.5",
		   "a pool_size=3 max_overflow=-1 recycle=3600 timeout=500ms");
	writes("a timeout=-1 recycle=-1 pre_ping=off echo=on mode=session, "
		   "b mode=transaction",
		   "a recycle=-1 timeout=-1 pre_ping=off echo=on mode=session, "
		   "b mode=transaction");
	writes("\"my db\"=\"a, b = \"\"c\"\"\", \"*\"",
		   "\"my db\"=\"a, b = \"\"c\"\"\", \"*\"");
	writes("* pool_size=0", "* pool_size=0");
}

static void
resizes(const char *text, const char *pool, const char *expected)
{
	char	   *out = pooler_pools_text_resized(text, pool, 7, 9);

	ok(expected == NULL ? out == NULL :
	   out != NULL && strcmp(out, expected) == 0,
	   expected != NULL ? expected : text);
}

static void
test_resize(void)
{
	char		full[POOLER_MAX_ENTRIES * 8] = "*";

	resizes("main, fire mode=session", "fire",
			"main, fire pool_size=7 max_overflow=9 mode=session");
	resizes("main pool_size=1 max_overflow=2, fire", "main",
			"main pool_size=7 max_overflow=9, fire");
	resizes("main, * recycle=60", "hems",
			"main, hems pool_size=7 max_overflow=9 recycle=60, * recycle=60");
	resizes("main, *", "main", "main pool_size=7 max_overflow=9, *");
	resizes("main, fire", "hems", NULL);
	resizes("main,", "main", NULL);
	resizes("", "main", NULL);
	for (int i = 1; i < POOLER_MAX_ENTRIES; i++)
		snprintf(full + strlen(full), 8, ",p%d", i);
	resizes(full, "hems", NULL);
}

int
main(void)
{
	test_names();
	test_values();
	test_errors();
	test_sizes();
	test_noise();
	test_write();
	test_resize();
	return tap_end();
}
