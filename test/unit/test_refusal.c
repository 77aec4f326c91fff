/*
 * test_refusal.c
 *	  Refused logins in libpq's words, of several languages.
 *
 * links: src/refusal.c
 *
 * test/unit/test_refusal.c
 */
#include "postgres.h"

#include "refusal.h"
#include "tap.h"

#define PREFIX "connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: "

static Refusal r;

static void
same(const char *got, const char *expected, const char *name)
{
	ok(strcmp(got, expected) == 0, name);
	if (strcmp(got, expected) != 0)
		printf("# got \"%s\"\n", got);
}

static void
test_answers(void)
{
	ok(pooler_refusal_read(PREFIX "FATAL:  28000: role \"a\" is not permitted to log in\n"
						   "LOCATION:  InitializeSessionUserId, miscinit.c:753\n", &r),
	   "an answer");
	same(r.sqlstate, "28000", "its SQLSTATE");
	same(r.message, "role \"a\" is not permitted to log in", "its message");
	same(r.detail, "", "no detail");
	same(r.hint, "", "no hint");
	ok(pooler_refusal_by_rules(&r), "by the rules");

	ok(pooler_refusal_read(PREFIX "FATAL:  53300: too many: connections\n"
						   "DETAIL:  Of all.\nHINT:  Fewer.\nLOCATION:  x\n", &r),
	   "an answer with more");
	same(r.message, "too many: connections", "a message with a colon");
	same(r.detail, "Of all.", "a detail");
	same(r.hint, "Fewer.", "a hint");
	ok(!pooler_refusal_by_rules(&r), "not by the rules");
}

static RefusedBy
refused_by(const char *text)
{
	(void) pooler_refusal_read(text, &r);
	return r.by;
}

static void
test_limits(void)
{
	ok(refused_by(PREFIX "FATAL:  53300: too many connections for role \"a\"\n"
				  "LOCATION:  InitializeSessionUserId, miscinit.c:753\n") == REFUSED_BY_ROLE_LIMIT,
	   "a role's limit");
	ok(refused_by(PREFIX "FATAL:  53300: zu viele Verbindungen\n"
				  "ORT:  CheckMyDatabase, postinit.c:390\n\n") == REFUSED_BY_DATABASE_LIMIT,
	   "a database's, in German");
	ok(refused_by(PREFIX "FATAL:  53300: sorry, too many clients already\n"
				  "LOCATION:  ProcArrayAdd, procarray.c:470\n") == REFUSED_OTHERWISE,
	   "the server's");
	ok(refused_by(PREFIX "FATAL:  28000: role \"a\" is not permitted to log in\n"
				  "LOCATION:  InitializeSessionUserId, miscinit.c:753\n") == REFUSED_OTHERWISE,
	   "no limit");
	ok(refused_by(PREFIX "FATAL:  53300: too many connections for role \"\n CheckMyDatabase, \"\n"
				  "LOCATION:  InitializeSessionUserId, miscinit.c:753\n") == REFUSED_BY_ROLE_LIMIT,
	   "a role of that name");
	ok(refused_by("F:  53300: ") == REFUSED_OTHERWISE, "nothing more");
	ok(refused_by("") == REFUSED_OTHERWISE, "nothing");
}

static void
test_languages(void)
{
	ok(pooler_refusal_read("Verbindung zum Server fehlgeschlagen: FATAL:  28P01: "
						   "Passwort-Authentifizierung f\303\274r Benutzer "
						   "fehlgeschlagen\n", &r), "German");
	same(r.sqlstate, "28P01", "its SQLSTATE");
	ok(pooler_refusal_read("\320\222\320\220\320\226\320\235\320\236:  57P03: "
						   "\320\275\320\265\321\202\n", &r), "Russian");
	same(r.sqlstate, "57P03", "its SQLSTATE");
	same(r.message, "\320\275\320\265\321\202", "its message");
}

static void
test_others(void)
{
	const char *lost = "server closed the connection unexpectedly\n\tThis probably means: ...";
	char		long_text[1000];

	ok(!pooler_refusal_read(lost, &r), "no answer");
	same(r.sqlstate, "", "no SQLSTATE");
	same(r.message, lost, "the whole text");
	ok(!pooler_refusal_by_rules(&r), "not by the rules");
	ok(!pooler_refusal_read("", &r), "nothing");
	ok(!pooler_refusal_read("a:  12345", &r), "cut short");
	ok(!pooler_refusal_read("a:  123456: b", &r), "no SQLSTATE in it");
	ok(!pooler_refusal_read("a:  ", &r), "an end");
	memset(long_text, 'x', sizeof(long_text));
	memcpy(long_text, "F:  28000: ", 11);
	long_text[sizeof(long_text) - 1] = '\0';
	ok(pooler_refusal_read(long_text, &r), "a long message");
	is(strlen(r.message), POOLER_MAX_MESSAGE - 1, "is cut");
}

int
main(void)
{
	test_answers();
	test_limits();
	test_languages();
	test_others();
	return tap_end();
}
