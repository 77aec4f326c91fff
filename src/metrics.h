/*
 * metrics.h
 *	  The guide's four metrics of a pool, judged; pure.
 *
 * src/metrics.h
 */
#ifndef POOLER_METRICS_H
#define POOLER_METRICS_H

typedef enum Metric
{
	METRIC_EXHAUSTION,
	METRIC_WAIT,
	METRIC_IDLE_SURPLUS,
	METRIC_CHURN
} Metric;

#define POOLER_METRICS	4

typedef enum MetricVerdict
{
	VERDICT_OK,
	VERDICT_WARNING,
	VERDICT_UNKNOWN				/* nothing has happened that would tell */
} MetricVerdict;

/* A pool as it is, and what it did in the last hour. */
typedef struct MetricSample
{
	int			pool_size;
	int			max_overflow;	/* -1: no limit */
	int			backends;
	int			unneeded;		/* of pool_size, idle for `idle_s` */
	int			overflow;		/* beyond pool_size now */
	int			waiting;		/* clients now */
	double		longest_wait_s; /* of these */
	double		wait_s;			/* of all clients in that hour */
	double		timeouts;
	double		checkouts;
	double		replaced;		/* backends closed, recycling aside */
	double		known_s;		/* how long the pool has been looked at */
	double		idle_s;			/* what counts as consistently idle */
} MetricSample;

typedef struct MetricResult
{
	double		value;
	MetricVerdict verdict;

	/* of VERDICT_WARNING: what the guide would change them to; unlimited pools
	 * keep what they have */
	int			pool_size;
	int			max_overflow;
} MetricResult;

/* By how much the guide would change a number at once, for `needed` more: 20 to
 * 50 % of it, at least 1. */
extern int	pooler_metrics_step(int from, int needed);

/* Is the pool's limit only that of all pools together? */
extern bool pooler_metrics_unlimited(const MetricSample *s);

/*
 * value			exhaustion: share of checkouts that timed out
 *				wait: seconds, the longest now or the mean of all checkouts
 *				idle surplus: share of pool_size that nobody needs
 *				churn: times that all of pool_size were exchanged in the hour
 * More than the threshold is a warning.
 */
extern MetricResult pooler_metrics_judge(Metric metric, double threshold,
										 const MetricSample *s);

#endif							/* POOLER_METRICS_H */
