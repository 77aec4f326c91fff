/*
 * histogram.h
 *	  Times by how long they are: log-linear buckets, from 1 us to two hours.
 *
 * src/histogram.h
 */
#ifndef POOLER_HISTOGRAM_H
#define POOLER_HISTOGRAM_H

/*
 * Up to 4 us a bucket is 1 us wide; then each doubling has four, so that what is
 * said of a time is at most 25 % more than it, and half of that on average. The
 * last one has everything from 2.1 hours.
 */
#define HISTOGRAM_BUCKETS	128

/* Written by one process, or added up from such. */
typedef struct Histogram
{
	uint64		sum_us;
	uint64		count[HISTOGRAM_BUCKETS];
} Histogram;

extern int	pooler_histogram_bucket(int64 us);

/* The smallest time of a bucket, us; of HISTOGRAM_BUCKETS: where the last ends. */
extern int64 pooler_histogram_from(int bucket);

/* `weight` times of so many us; less than none counts as none. */
extern void pooler_histogram_add(Histogram *h, int64 us, uint64 weight);

/* All that `h` has, too. */
extern void pooler_histogram_merge(Histogram *sum, const Histogram *h);

/* All times that are in it. */
extern uint64 pooler_histogram_total(const Histogram *h);

/* us, or -1 where nothing is in it; 0 < q <= 1: the time that this share of all
 * did not exceed, between the ends of its bucket in proportion; 1: the longest,
 * to the end of its bucket. */
extern int64 pooler_histogram_quantile(const Histogram *h, double q);
extern int64 pooler_histogram_mean(const Histogram *h);

#endif							/* POOLER_HISTOGRAM_H */
