/*
 * test_metrics.c
 *	  The four metrics of a pool: when they warn, and how far remedies go.
 *
 * links: src/metrics.c
 *
 * test/unit/test_metrics.c
 */
#include "postgres.h"

#include "metrics.h"
#include "tap.h"

/* A healthy pool with an hour of work behind it. */
static MetricSample
healthy(void)
{
	MetricSample s = {
		.pool_size = 10, .max_overflow = 10, .backends = 10,
		.checkouts = 1000, .known_s = 3600, .idle_s = 600
	};

	return s;
}

static void
verdict(Metric metric, double threshold, const MetricSample *s,
		MetricVerdict expected, const char *name)
{
	is(pooler_metrics_judge(metric, threshold, s).verdict, expected, name);
}

/* A warning, and the limits it leads to. */
static void
warns(Metric metric, double threshold, const MetricSample *s, int pool_size,
	  int max_overflow, const char *name)
{
	MetricResult r = pooler_metrics_judge(metric, threshold, s);

	is(r.verdict, VERDICT_WARNING, name);
	is(r.pool_size, pool_size, "  its pool_size");
	is(r.max_overflow, max_overflow, "  its max_overflow");
}

static void
test_exhaustion(void)
{
	MetricSample s = healthy();

	verdict(METRIC_EXHAUSTION, 0, &s, VERDICT_OK, "no time-outs");
	s.timeouts = 1;
	warns(METRIC_EXHAUSTION, 0, &s, 10, 14, "one is too many: 20 %");
	verdict(METRIC_EXHAUSTION, 0.001, &s, VERDICT_OK, "but one in 1,001 may be");
	s.waiting = 6;
	warns(METRIC_EXHAUSTION, 0, &s, 10, 16, "as many as wait");
	s.waiting = 500;
	warns(METRIC_EXHAUSTION, 0, &s, 10, 20, "at most 50 %");
	s.pool_size = 1;
	s.max_overflow = 0;
	warns(METRIC_EXHAUSTION, 0, &s, 1, 1, "at least one");
	s.checkouts = 0;
	is((long) pooler_metrics_judge(METRIC_EXHAUSTION, 0, &s).value, 1,
	   "nothing but time-outs");
	s.timeouts = 0;
	verdict(METRIC_EXHAUSTION, 0, &s, VERDICT_UNKNOWN, "nothing at all");
	s = healthy();
	s.timeouts = 1;
	s.max_overflow = -1;
	warns(METRIC_EXHAUSTION, 0, &s, 10, -1, "an unlimited pool stays so");
}

static void
test_wait(void)
{
	MetricSample s = healthy();

	verdict(METRIC_WAIT, 1, &s, VERDICT_OK, "no waiting");
	s.wait_s = 1001;
	warns(METRIC_WAIT, 1, &s, 12, 10, "on average too long");
	s.wait_s = 1000;
	verdict(METRIC_WAIT, 1, &s, VERDICT_OK, "the threshold itself is none");
	s.longest_wait_s = 2;
	verdict(METRIC_WAIT, 1, &s, VERDICT_OK, "nobody waits");
	s.waiting = 4;
	warns(METRIC_WAIT, 1, &s, 14, 10, "somebody waits too long");
	s.checkouts = 0;
	verdict(METRIC_WAIT, 1, &s, VERDICT_WARNING, "also the very first");
	s.waiting = 0;
	verdict(METRIC_WAIT, 1, &s, VERDICT_UNKNOWN, "nothing at all");
}

static void
test_idle_surplus(void)
{
	MetricSample s = healthy();

	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_OK, "all are needed");
	s.unneeded = 3;
	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_OK, "a buffer of 30 %");
	s.unneeded = 4;
	warns(METRIC_IDLE_SURPLUS, 0.3, &s, 8, 12, "6 needed, 20 % buffer");
	s.unneeded = 10;
	warns(METRIC_IDLE_SURPLUS, 0.3, &s, 5, 15, "at most 50 % at once");
	s.known_s = 599;
	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_UNKNOWN, "too early to tell");
	s.known_s = 600;
	s.pool_size = 2;
	s.unneeded = 1;
	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_OK, "1 needed: 2 is right");
	s.unneeded = 2;
	warns(METRIC_IDLE_SURPLUS, 0.3, &s, 1, 11, "2 of 2");
	s.pool_size = s.unneeded = 1;
	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_OK, "one is never too many");
	s.pool_size = 0;
	s.backends = s.unneeded = 8;
	warns(METRIC_IDLE_SURPLUS, 0.3, &s, 4, -1, "without limit: stays so");
	s.backends = s.unneeded = 0;
	verdict(METRIC_IDLE_SURPLUS, 0.3, &s, VERDICT_OK, "no backends");
}

/* Sizes go down step by step and never below one. */
static void
test_idle_steps(void)
{
	int			wrong = 0;

	for (int size = 1; size <= 300; size++)
	{
		MetricSample s = healthy();
		int			steps = 0;

		s.pool_size = size;
		while (s.pool_size > 1 && steps++ < 20)
		{
			s.unneeded = s.pool_size;
			s.pool_size = pooler_metrics_judge(METRIC_IDLE_SURPLUS, 0.3,
											   &s).pool_size;
		}
		wrong += s.pool_size != 1;
	}
	is(wrong, 0, "an unused pool comes to one backend");
}

static void
test_churn(void)
{
	MetricSample s = healthy();

	verdict(METRIC_CHURN, 4, &s, VERDICT_OK, "none");
	s.replaced = 40;
	verdict(METRIC_CHURN, 4, &s, VERDICT_OK, "4 an hour");
	s.replaced = 41;
	warns(METRIC_CHURN, 4, &s, 12, 8, "more");
	s.overflow = 9;
	warns(METRIC_CHURN, 4, &s, 15, 5, "with what is open beyond");
	s.max_overflow = 2;
	warns(METRIC_CHURN, 4, &s, 15, 0, "the overflow is used up");
	s.replaced = -1;
	verdict(METRIC_CHURN, 0, &s, VERDICT_OK, "more recycled than closed yet");
}

int
main(void)
{
	test_exhaustion();
	test_wait();
	test_idle_surplus();
	test_idle_steps();
	test_churn();
	return tap_end();
}
