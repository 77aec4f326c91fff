/*
 * test_console.c
 *	  Unit tests of src/console_query.c, console_rows.c and averages.c.
 *
 * links: src/console_query.c src/console_rows.c src/averages.c src/wire.c
 *
 * test/unit/test_console.c
 */
#include "postgres.h"

#include "averages.h"
#include "console_query.h"
#include "console_rows.h"
#include "tap.h"

/* Every statement of a text as a letter, of a SHOW with its number. */
static const char *
kinds(const char *text)
{
	static char result[256];
	/* a heap block of its own: a read behind its end is seen by ASan */
	char	   *copy = strdup(text);
	const char *at = copy;
	ConsoleStatement s;
	int			n = 0;

	result[0] = '\0';
	while (pooler_console_query_next(&at, &s) && n < 200)
	{
		if (s.kind == CONSOLE_SHOW)
			n += snprintf(result + n, sizeof(result) - n, "%d ", s.show);
		else
			n += snprintf(result + n, sizeof(result) - n, "%c ",
						  "_?pbenSR-"[s.kind]);
	}
	free(copy);
	return result;
}

static bool
reads(const char *text, const char *expected)
{
	if (strcmp(kinds(text), expected) == 0)
		return true;
	printf("# \"%s\": got \"%s\", expected \"%s\"\n", text, kinds(text),
		   expected);
	return false;
}

static const char *
show(ConsoleShow show)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d ", show);
	return text;
}

static void
test_query(void)
{
	ok(reads("", ""), "nothing");
	ok(reads(" ;;\n; ", ""), "semicolons");
	ok(reads("-- a comment", ""), "a comment");
	ok(reads("/* one", ""), "one that does not end");
	ok(reads("SHOW POOLS", show(SHOW_POOLS)), "SHOW POOLS");
	ok(reads("show pools;", show(SHOW_POOLS)), "in small letters");
	ok(reads("  /* x; */ sHoW -- y;\n stats_totals ; ;", show(SHOW_STATS_TOTALS)), "with comments");
	ok(reads("SHOW \"stats\"", show(SHOW_STATS)), "a quoted word");
	ok(reads("SELECT version", show(SHOW_VERSION)), "PgBouncer's alias");
	ok(reads("show", "- "), "show what?");
	ok(reads("show pools now", "- "), "more than a name");
	ok(reads("show nothing_like_it", "- "), "an unknown name");
	ok(reads("select 1", "- "), "no SQL");
	ok(reads("show client_encoding; SHOW TRANSACTION ISOLATION LEVEL", "p p "), "settings that drivers ask for");
	ok(reads("show search_path", "- "), "and one that has no value here");
	ok(reads("SET client_encoding TO 'UTF8'; set datestyle = iso; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "n n n "), "drivers' SETs");
	ok(reads("set application_name = 'a;b'; set local timezone to \"x;y\"", "n n "), "semicolons in quotes");
	ok(reads("set default_pool_size = 5; set pool_size to 3", "S S "), "settings that are not the session's");
	ok(reads("set; set x; set session", "- - - "), "half a SET");
	ok(reads("begin; start transaction; commit; end; rollback; abort", "b b e e e e "), "transactions");
	ok(reads("PAUSE; resume main; KILL x; SHUTDOWN; reload", "R R R R R "), "commands that are not here");
	ok(reads("discard all; reset all; deallocate all; unlisten *; close all", "n n n n n "), "resets");
	ok(reads("set x = 'abc", "S "), "a quote that does not end");
	ok(reads("\"", "- ") && reads("'", "- ") && reads("show \"", "- "), "only a quote");
	ok(reads("\xff\xfe show", "- "), "bytes that are no text");
	ok(reads("ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssshow pools", "- "), "a long word");
}

static const ConsoleColumn columns[] = {
	{"t", COLUMN_TEXT}, {"i", COLUMN_INT4}, {"n", COLUMN_NUMERIC}
};

/* A row of (text, number, number), with these formats. */
static StringInfo
row(const char *text, int64 number, const int16 *formats, int nformats)
{
	StringInfo	out = makeStringInfo();
	ConsoleRows rows;

	pooler_console_rows_begin(&rows, out, columns, 3);
	rows.formats = formats;
	rows.nformats = nformats;
	pooler_console_rows_text(&rows, text);
	pooler_console_rows_number(&rows, number);
	pooler_console_rows_number(&rows, number);
	pooler_console_rows_end(&rows);
	return out;
}

static bool
is_row(StringInfo out, const char *bytes, int len)
{
	bool		same = out->len == len && memcmp(out->data, bytes, len) == 0;

	if (!same)
		for (int i = 0; i < out->len; i++)
			printf("%s%02x%s", i ? " " : "# got ", (uint8) out->data[i],
				   i == out->len - 1 ? "\n" : "");
	pfree(out->data);
	pfree(out);
	return same;
}

#define IS_ROW(out, bytes) is_row(out, bytes, sizeof(bytes) - 1)

static void
test_rows(void)
{
	const int16 binary[] = {1};
	const int16 mixed[] = {0, 1, 0};

	ok(IS_ROW(row("ab", 12, NULL, 0),
			  "D\0\0\0\030\0\003\0\0\0\002ab\0\0\0\00212\0\0\0\00212"), "text");
	ok(IS_ROW(row(NULL, 0, NULL, 0),
			  "D\0\0\0\024\0\003\377\377\377\377\0\0\0\0010\0\0\0\0010"), "NULL");
	ok(IS_ROW(row("a", 7, mixed, 3),
			  "D\0\0\0\030\0\003\0\0\0\001a\0\0\0\004\0\0\0\007\0\0\0\0017"), "int4 in binary, beside text");
	ok(IS_ROW(row("a", 0, binary, 1),
			  "D\0\0\0\037\0\003\0\0\0\001a\0\0\0\004\0\0\0\0\0\0\0\010\0\0\0\0\0\0\0\0"), "numeric 0");
	ok(IS_ROW(row("a", 20000, binary, 1),
			  "D\0\0\0\041\0\003\0\0\0\001a\0\0\0\004\0\0\116\040\0\0\0\012\0\001\0\001\0\0\0\0\0\002"), "20000: no zeroes behind");
	ok(IS_ROW(row("a", -10001, binary, 1),
			  "D\0\0\0\043\0\003\0\0\0\001a\0\0\0\004\377\377\330\357\0\0\0\014\0\002\0\001\100\0\0\0\0\001\0\001"), "-10001");
	ok(IS_ROW(row("\303\244\377", 1, NULL, 0),
			  "D\0\0\0\027\0\003\0\0\0\003???\0\0\0\0011\0\0\0\0011"), "what is not UTF-8");
}

static void
test_alike(void)
{
	ok(pooler_console_rows_alike("app", "app") && pooler_console_rows_alike("", ""), "the same name");
	ok(!pooler_console_rows_alike("app", "apt") && !pooler_console_rows_alike("app", "ap") &&
	   !pooler_console_rows_alike("", "a"), "others");
	ok(pooler_console_rows_alike("m\374ller", "m\366ller"), "both are no UTF-8");
	ok(pooler_console_rows_alike("m?ller", "m\366ller"), "one is, and looks like it");
	ok(!pooler_console_rows_alike("m\374ller", "m\366llex") && !pooler_console_rows_alike("m\374", "m\374\374") &&
	   !pooler_console_rows_alike("m\374", "m"), "different behind it");
	ok(pooler_console_rows_alike("\303\274", "\303\274") && !pooler_console_rows_alike("\303\274", "\303\266"), "UTF-8");
	ok(!pooler_console_rows_alike("\303\274", "\303\274\374") && !pooler_console_rows_alike("\303\274", "??") &&
	   pooler_console_rows_alike("\303\374", "??"), "UTF-8 and what is not");
}

static void
test_averages(void)
{
	StatsWindow window;
	PoolerStats now = {{0}};
	PoolerStats average;

	now.n[STAT_QUERIES] = 600;
	now.n[STAT_QUERY_US] = 6000000;
	now.n[STAT_WAIT_US] = 5;
	memset(&window, 0, sizeof(window));
	average = pooler_averages_of(&window.older, &now, 60 * INT64CONST(1000000));
	ok(average.n[STAT_QUERIES] == 10, "600 in a minute are 10 a second");
	ok(average.n[STAT_QUERY_US] == 10000, "each took 10 ms");
	ok(average.n[STAT_WAIT_US] == 0, "a time without any number");
	average = pooler_averages_of(&window.older, &now, 0);
	ok(average.n[STAT_QUERIES] == 0, "no time has passed");

	pooler_averages_turn(&window, &now);
	ok(window.older.n[STAT_QUERIES] == 0, "the first period still counts");
	now.n[STAT_QUERIES] = 900;
	pooler_averages_turn(&window, &now);
	ok(window.older.n[STAT_QUERIES] == 600, "until the second has ended");
	now.n[STAT_QUERIES] = 960;
	average = pooler_averages_of(&window.older, &now, 72 * INT64CONST(1000000));
	ok(average.n[STAT_QUERIES] == 5, "360 in 72 s: 5 a second");
	now.n[STAT_RECEIVED] = PG_UINT64_MAX / 2;
	average = pooler_averages_of(&window.older, &now, INT64CONST(1000000));
	ok(average.n[STAT_RECEIVED] > PG_UINT64_MAX / 2 - 10000, "very many, without overflow");
}

int
main(void)
{
	test_query();
	test_rows();
	test_alike();
	test_averages();
	return tap_end();
}
