/*
 * test_rightsize.c
 *	  When a pool should grow, shift, shrink or stay, and how far at once.
 *
 * links: src/rightsize.c src/metrics.c
 *
 * test/unit/test_rightsize.c
 */
#include "postgres.h"

#include "rightsize.h"
#include "tap.h"

/* Ten backends, 6 of them busy: 30 holds a second of 0.2 s each. */
static RightsizeInput
healthy(void)
{
	RightsizeInput in = {
		.pool_size = 10, .max_overflow = 10, .seconds = 600, .holds = 18000,
		.held_s = 3600, .busy_mean = 6, .busy_p95 = 7.5
	};

	return in;
}

static void
advises(const RightsizeInput *in, RightsizeVerdict verdict, int pool_size,
		int max_overflow, const char *name)
{
	RightsizeResult r = pooler_rightsize(in);

	is(r.verdict, verdict, name);
	is(r.pool_size, pool_size, "  its pool_size");
	is(r.max_overflow, max_overflow, "  its max_overflow");
}

static void
little(void)
{
	RightsizeInput in = healthy();
	RightsizeResult r = pooler_rightsize(&in);

	ok(r.rate == 30, "holds a second");
	ok(r.mean_held_s == 0.2, "how long each lasts");
	ok(r.offered > 5.999 && r.offered < 6.001, "busy on average");
	is(r.needed, 9, "with the buffer: 7.5 x 1.2");
	advises(&in, RIGHTSIZE_KEEP, 10, 10, "a healthy pool stays");
}

static void
too_little(void)
{
	RightsizeInput in = healthy();

	in.seconds = 59;
	advises(&in, RIGHTSIZE_UNKNOWN, 10, 10, "less than a minute");
	in = healthy();
	in.holds = 99;
	advises(&in, RIGHTSIZE_UNKNOWN, 10, 10, "fewer than 100 holds");
}

static void
growing(void)
{
	RightsizeInput in = healthy();

	in.held_s = 12000;
	in.busy_mean = 20;
	in.busy_p95 = 20;
	in.waiting_p95 = 5;
	in.waiting_seconds = 600;
	advises(&in, RIGHTSIZE_GROW, 20, 10, "always waiting: not more than 50 %");
	in.waiting_p95 = 1;
	advises(&in, RIGHTSIZE_GROW, 16, 10, "what is needed: 26");
	in.waiting_p95 = 0;
	in.held_s = 3600;
	in.busy_mean = 6;
	advises(&in, RIGHTSIZE_GROW, 10, 14, "peaks only: max_overflow, 20 % at least");
	in = healthy();
	in.waiting_seconds = 30;
	advises(&in, RIGHTSIZE_KEEP, 10, 10, "waits in 5 % of the seconds");
	in.timeouts = 1;
	advises(&in, RIGHTSIZE_GROW, 10, 14, "but no time-out");
	in.max_overflow = -1;
	advises(&in, RIGHTSIZE_KEEP, 10, -1, "there is no limit to raise");
}

static void
shifting(void)
{
	RightsizeInput in = healthy();

	in.held_s = 7800;
	in.busy_mean = 13;
	in.busy_p95 = 15;
	advises(&in, RIGHTSIZE_SHIFT, 13, 7, "13 busy on average");
	in.held_s = 11400;
	in.busy_mean = 19;
	advises(&in, RIGHTSIZE_SHIFT, 15, 5, "not more than 50 %");
	in.max_overflow = 2;
	in.busy_p95 = 12;
	advises(&in, RIGHTSIZE_SHIFT, 12, 0, "not more than there is");
	in.max_overflow = 0;
	advises(&in, RIGHTSIZE_KEEP, 10, 0, "nothing to shift");
}

static void
shrinking(void)
{
	RightsizeInput in = healthy();

	in.held_s = 600;
	in.busy_mean = 1;
	in.busy_p95 = 2;
	advises(&in, RIGHTSIZE_SHRINK, 5, 15, "2 busy: half of it at once");
	in.busy_p95 = 6;
	advises(&in, RIGHTSIZE_SHRINK, 8, 12, "6 busy: 8 are needed");
	in.busy_p95 = 7;
	advises(&in, RIGHTSIZE_KEEP, 10, 10, "7 busy: 9 are needed");
	in.max_overflow = -1;
	in.busy_p95 = 2;
	advises(&in, RIGHTSIZE_SHRINK, 5, -1, "without limit");
	in.pool_size = 1;
	in.busy_p95 = 0;
	in.held_s = 1;
	in.busy_mean = 1.0 / 600;
	advises(&in, RIGHTSIZE_KEEP, 1, -1, "one is the least");
	in.pool_size = 0;
	advises(&in, RIGHTSIZE_KEEP, 0, -1, "pool_size 0 keeps what was needed");
}

/* Of a hold that lasted two hours 900 s were in these 15 minutes. */
static void
long_holds(void)
{
	RightsizeInput in = {
		.pool_size = 5, .max_overflow = 10, .seconds = 900, .holds = 200,
		.held_s = 7300, .busy_mean = 0.9, .busy_p95 = 1
	};
	RightsizeResult r = pooler_rightsize(&in);

	ok(r.offered == 0.9, "the load is what was busy, not the holds that ended");
	is(r.needed, 2, "and so is what is needed: 1 x 1.2");
	ok(r.verdict != RIGHTSIZE_SHIFT && r.verdict != RIGHTSIZE_GROW,
	   "one long hold is no reason for a larger pool");
	is(r.pool_size + r.max_overflow, 15, "  its limit stays");
	in.timeouts = 1;
	r = pooler_rightsize(&in);
	is(r.needed, 2, "nor does a time-out make more of it");
	ok(r.pool_size <= 5 && r.max_overflow <= 13, "  one step of max_overflow at most");
}

int
main(void)
{
	little();
	too_little();
	growing();
	shifting();
	shrinking();
	long_holds();
	return tap_end();
}
