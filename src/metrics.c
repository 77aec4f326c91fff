/*
 * metrics.c
 *	  The guide's four metrics of a pool, judged; pure.
 *
 * "Key Metrics to Monitor" says what each means and which setting to change;
 * "Tuning Guidelines" says by how much at once: 20 to 50 %.  Within that range
 * the step is what would have been needed: a place for each client that waits,
 * or for each overflow backend; all idle ones but a buffer of 20 %.
 *
 *	  exhaustion	max_overflow is raised
 *	  wait			pool_size is raised
 *	  idle surplus	pool_size is lowered, and max_overflow raised by as much, so
 *					that peaks find the same limit
 *	  churn			pool_size is raised, and max_overflow lowered by as much
 *
 * health.c takes the sample and puts the result into words.
 *
 * src/metrics.c
 */
#include "postgres.h"

#include <math.h>

#include "metrics.h"

#define LEAST_STEP	0.2
#define MOST_STEP	0.5
#define BUFFER		0.2

bool
pooler_metrics_unlimited(const MetricSample *s)
{
	return s->max_overflow < 0 || s->pool_size == 0;
}

/* What was needed, as far as the guide would go at once; at least one. */
int
pooler_metrics_step(int from, int needed)
{
	int			least = (int) ceil(from * LEAST_STEP);
	int			most = (int) floor(from * MOST_STEP);

	return Max(Min(Max(needed, least), most), 1);
}

/* The size that would do, not less than half of what it is. */
static int
smaller_size(const MetricSample *s, int size)
{
	int			needed = size - s->unneeded;
	int			wanted = needed + (int) ceil(needed * BUFFER);

	return Max(Max(wanted, size - (int) floor(size * MOST_STEP)), 1);
}

static MetricResult
judge_exhaustion(const MetricSample *s)
{
	MetricResult r = {0, VERDICT_OK, s->pool_size, s->max_overflow};
	double		all = s->checkouts + s->timeouts;

	if (all == 0)
		r.verdict = VERDICT_UNKNOWN;
	else
		r.value = s->timeouts / all;
	if (!pooler_metrics_unlimited(s))
		r.max_overflow += pooler_metrics_step(s->pool_size + s->max_overflow, s->waiting);
	return r;
}

static MetricResult
judge_wait(const MetricSample *s)
{
	MetricResult r = {0, VERDICT_OK, s->pool_size, s->max_overflow};

	if (s->checkouts + s->waiting == 0)
		r.verdict = VERDICT_UNKNOWN;
	if (s->checkouts > 0)
		r.value = s->wait_s / s->checkouts;
	if (s->waiting > 0)
		r.value = Max(r.value, s->longest_wait_s);
	if (!pooler_metrics_unlimited(s))
		r.pool_size += pooler_metrics_step(s->pool_size, s->waiting);
	return r;
}

/* Where no smaller size is left there is no surplus. */
static MetricResult
judge_idle_surplus(const MetricSample *s)
{
	MetricResult r = {0, VERDICT_OK, s->pool_size, s->max_overflow};
	int			size = s->pool_size > 0 ? s->pool_size : s->backends;
	int			smaller = size;

	if (s->known_s < s->idle_s)
	{
		r.verdict = VERDICT_UNKNOWN;
		return r;
	}
	if (size > 0)
		smaller = smaller_size(s, size);
	if (smaller >= size)
		return r;
	r.value = (double) s->unneeded / size;
	r.pool_size = smaller;
	r.max_overflow = pooler_metrics_unlimited(s) ? -1 :
		s->max_overflow + size - smaller;
	return r;
}

static MetricResult
judge_churn(const MetricSample *s)
{
	MetricResult r = {0, VERDICT_OK, s->pool_size, s->max_overflow};
	int			size = s->pool_size > 0 ? s->pool_size : Max(s->backends, 1);
	int			more = pooler_metrics_step(size, s->overflow);

	r.value = Max(s->replaced, 0) / size;
	if (pooler_metrics_unlimited(s))
		return r;
	r.pool_size += more;
	r.max_overflow = Max(r.max_overflow - more, 0);
	return r;
}

/* One metric's value and verdict; see metrics.h. */
MetricResult
pooler_metrics_judge(Metric metric, double threshold, const MetricSample *s)
{
	MetricResult r = {0};

	switch (metric)
	{
		case METRIC_EXHAUSTION:
			r = judge_exhaustion(s);
			break;
		case METRIC_WAIT:
			r = judge_wait(s);
			break;
		case METRIC_IDLE_SURPLUS:
			r = judge_idle_surplus(s);
			break;
		case METRIC_CHURN:
			r = judge_churn(s);
			break;
	}
	if (r.verdict == VERDICT_OK && r.value > threshold)
		r.verdict = VERDICT_WARNING;
	return r;
}
