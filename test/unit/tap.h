/*
 * tap.h
 *	  A unit test's verdicts as TAP.
 *
 * test/unit/tap.h
 */
#ifndef POOLER_TAP_H
#define POOLER_TAP_H

static int	tap_tests = 0;
static int	tap_failures = 0;

static inline void
ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_tests, name);
	tap_failures += !good;
}

static inline void
is(long got, long expected, const char *name)
{
	ok(got == expected, name);
	if (got != expected)
		printf("# got %ld, expected %ld\n", got, expected);
}

/* The last line, and the program's exit code. */
static inline int
tap_end(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failures != 0;
}

#endif							/* POOLER_TAP_H */
