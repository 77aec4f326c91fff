/*
 * test_histogram.c
 *	  Buckets cover every time once, and what is said of them is near enough.
 *
 * links: src/histogram.c
 *
 * test/unit/test_histogram.c
 */
#include "postgres.h"

#include "histogram.h"
#include "tap.h"

#define HOUR	INT64CONST(3600000000)

static void
buckets(void)
{
	bool		in_order = true;
	bool		their_own = true;
	bool		narrow = true;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		int64		from = pooler_histogram_from(i);
		int64		to = pooler_histogram_from(i + 1);

		in_order = in_order && from < to;
		their_own = their_own && pooler_histogram_bucket(from) == i &&
			pooler_histogram_bucket(to - 1) == i;
		narrow = narrow && (to - from <= 1 || (to - from) * 4 <= from);
	}
	ok(in_order, "each bucket ends where the next begins");
	ok(their_own, "both ends of a bucket are in it");
	ok(narrow, "no bucket is wider than a quarter of its begin");
	is(pooler_histogram_from(0), 0, "the first begins at 0");
	is(pooler_histogram_bucket(-5), 0, "a clock that went back counts as 0");
	is(pooler_histogram_bucket(PG_INT64_MAX), HISTOGRAM_BUCKETS - 1,
	   "the last has everything");
	ok(pooler_histogram_from(HISTOGRAM_BUCKETS - 1) > 2 * HOUR,
	   "two hours are not the last");
}

static void
figures(void)
{
	Histogram	h = {0};
	bool		near = true;

	is(pooler_histogram_quantile(&h, 0.5), -1, "nothing in it: no quantile");
	is(pooler_histogram_mean(&h), -1, "and no mean");
	for (int i = 1; i <= 1000; i++)
		pooler_histogram_add(&h, i * 100, 1);
	is(pooler_histogram_total(&h), 1000, "all of them are counted");
	is(pooler_histogram_mean(&h), 50050, "the mean is exact");
	for (int i = 1; i <= 100; i++)
	{
		double		exact = i * 1000;
		double		said = pooler_histogram_quantile(&h, i / 100.0);

		near = near && said >= 0.8 * exact && said <= 1.25 * exact;
	}
	ok(near, "every percentile within its bucket");
	is(pooler_histogram_quantile(&h, 1), pooler_histogram_from(pooler_histogram_bucket(100000) + 1),
	   "the longest: the end of its bucket");
}

static void
weights(void)
{
	Histogram	h = {0};

	pooler_histogram_add(&h, 3, 15);
	pooler_histogram_add(&h, 1000, 1);
	is(pooler_histogram_total(&h), 16, "a weight counts as so many");
	is(pooler_histogram_mean(&h), 65, "also in the mean");
	is(pooler_histogram_bucket(pooler_histogram_quantile(&h, 0.5)), 3, "and in the median");
	h.count[3] = PG_UINT64_MAX;
	pooler_histogram_add(&h, 3, 2);
	is(h.count[3], 1, "counts wrap");
}

/* What is said of times that only the last bucket has: unknown, or enough. */
static void
long_times(void)
{
	const int64 hours[] = {3, 24, 24 * 30};

	for (int i = 0; i < (int) lengthof(hours); i++)
	{
		Histogram	h = {0};
		int64		max;
		int64		median;

		for (int n = 0; n < 3; n++)
			pooler_histogram_add(&h, hours[i] * HOUR, 1);
		max = pooler_histogram_quantile(&h, 1);
		median = pooler_histogram_quantile(&h, 0.5);
		is(pooler_histogram_mean(&h), hours[i] * HOUR, "the mean of long times");
		ok(max == -1 || max >= hours[i] * HOUR,
		   "the longest is not less than the mean");
		ok(median == -1 || median >= hours[i] * HOUR * 0.8,
		   "nor is the median of equal times");
		pooler_histogram_add(&h, 1000, 97);
		is(pooler_histogram_bucket(pooler_histogram_quantile(&h, 0.9)),
		   pooler_histogram_bucket(1000), "what most times are is known beside them");
	}
}

int
main(void)
{
	buckets();
	figures();
	weights();
	long_times();
	return tap_end();
}
