/*
 * histogram.c
 *	  Times by how long they are: log-linear buckets, from 1 us to 2.4 hours.
 *
 * Pure, and without locks: whoever adds is alone, whoever reads copies.
 *
 * src/histogram.c
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "histogram.h"

#define SUB_BITS	2			/* four buckets a doubling */
#define SUB			(1 << SUB_BITS)

int
pooler_histogram_bucket(int64 us)
{
	int			octave;

	if (us < SUB)
		return Max(us, 0);
	octave = pg_leftmost_one_pos64(us);
	return Min((octave - SUB_BITS + 1) * SUB +
			   (int) ((us >> (octave - SUB_BITS)) & (SUB - 1)),
			   HISTOGRAM_BUCKETS - 1);
}

int64
pooler_histogram_from(int bucket)
{
	int			octave = bucket / SUB + SUB_BITS - 1;

	if (bucket < SUB)
		return bucket;
	return (int64) (SUB + bucket % SUB) << (octave - SUB_BITS);
}

void
pooler_histogram_add(Histogram *h, int64 us, uint64 weight)
{
	h->count[pooler_histogram_bucket(us)] += weight;
	h->sum_us += Max(us, 0) * weight;
}

void
pooler_histogram_merge(Histogram *sum, const Histogram *h)
{
	sum->sum_us += h->sum_us;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->count[i] += h->count[i];
}

uint64
pooler_histogram_total(const Histogram *h)
{
	uint64		total = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h->count[i];
	return total;
}

int64
pooler_histogram_quantile(const Histogram *h, double q)
{
	uint64		total = pooler_histogram_total(h);
	double		wanted = q * total;
	double		below = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		int64		from = pooler_histogram_from(i);
		int64		to = pooler_histogram_from(i + 1);

		if (h->count[i] > 0 && below + h->count[i] >= wanted)
		{
			if (i == HISTOGRAM_BUCKETS - 1)
				return -1;		/* it has no end */
			return from + (to - from) * ((wanted - below) / h->count[i]);
		}
		below += h->count[i];
	}
	return -1;
}

int64
pooler_histogram_mean(const Histogram *h)
{
	uint64		total = pooler_histogram_total(h);

	return total == 0 ? -1 : (int64) (h->sum_us / total);
}
