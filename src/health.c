/*
 * health.c
 *	  pooler.health: the guide's four metrics of each pool.
 *
 * What a pool is doing now and what it has done in the last hour (history.c)
 * becomes a sample; metrics.c judges it; here the verdict gets its evidence, and
 * a warning a remedy with the numbers of this pool and the statements to run:
 * pooler.pools with other limits for this pool alone, and what has to grow with
 * them (pooler.max_backends, max_connections).  Each row's statements are meant
 * by themselves: after them look again.
 *
 * Shared memory is read without locks, as by the views.
 *
 * src/health.c
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "figures.h"
#include "guc.h"
#include "history.h"
#include "metrics.h"
#include "remedy.h"
#include "rows.h"
#include "shmem.h"
#include "validate.h"

PG_FUNCTION_INFO_V1(pooler_health_metrics);

/* A pool, its sample, and what is said of it. */
typedef struct Patient
{
	PoolerPool *pool;
	const PoolCounts *counts;
	const WaitFigures *waits;
	TimestampTz since;			/* what is counted is counted from here */
	TimestampTz now;
	MetricSample sample;
	Remedy		remedy;
} Patient;

static const struct
{
	const char *name;
	const char *unit;
}			metrics[POOLER_METRICS] =
{
	[METRIC_EXHAUSTION] = {"exhaustion", "share of checkouts"},
	[METRIC_WAIT] = {"wait", "s"},
	[METRIC_IDLE_SURPLUS] = {"idle surplus", "share of pool_size"},
	[METRIC_CHURN] = {"churn", "exchanges per hour"},
};

static double
threshold_of(Metric metric)
{
	switch (metric)
	{
		case METRIC_EXHAUSTION:
			return pooler_guc_health_exhaustion;
		case METRIC_WAIT:
			return pooler_guc_health_wait;
		case METRIC_IDLE_SURPLUS:
			return pooler_guc_health_idle_surplus;
		case METRIC_CHURN:
			return pooler_guc_health_churn;
	}
	return 0;
}

static const char *
verdict_name(MetricVerdict verdict)
{
	switch (verdict)
	{
		case VERDICT_OK:
			return "ok";
		case VERDICT_WARNING:
			return "warning";
		case VERDICT_UNKNOWN:
			return "unknown";
	}
	return NULL;
}

static double
seconds(int64 us)
{
	return Max(us, 0) / 1000000.0;
}

/* The last hour, but not what was before the counters were set back. */
static void
choose_period(Patient *p)
{
	TimestampTz known = Max(p->pool->made_at, pooler_shared->stats_reset_at);

	p->since = Max(known, p->now - HISTORY_SECONDS * USECS_PER_SEC);
	p->sample.known_s = seconds(p->now - known);
}

static void
sum_up(Patient *p, HistorySample *samples)
{
	MetricSample *s = &p->sample;
	int			known = p->now / USECS_PER_SEC - p->since / USECS_PER_SEC;
	int			n = pooler_history_read(p->pool - pooler_pools, p->now, known,
										samples);

	for (int i = 0; i < n; i++)
	{
		/* a kept client has its backend without one */
		s->checkouts += Max(samples[i].checkouts, samples[i].uses);
		s->timeouts += samples[i].timeouts;
		s->wait_s += seconds(samples[i].wait_us);
		s->replaced += samples[i].closed - (double) samples[i].recycled;
	}
}

static void
take_sample(Patient *p, HistorySample *samples)
{
	PoolerPool *pool = p->pool;
	MetricSample *s = &p->sample;

	s->pool_size = pool->limits.pool_size;
	s->max_overflow = pool->limits.max_overflow;
	s->backends = p->counts->all;
	s->unneeded = p->counts->unneeded;
	s->overflow = p->counts->overflow;
	s->waiting = p->waits->clients;
	s->longest_wait_s = p->waits->first != 0 ?
		seconds(p->now - p->waits->first) : 0;
	s->idle_s = pooler_guc_health_idle_time / 1000.0;
	choose_period(p);
	sum_up(p, samples);
}

static const char *
evidence_of(const Patient *p, Metric metric)
{
	const MetricSample *s = &p->sample;

	switch (metric)
	{
		case METRIC_EXHAUSTION:
			return psprintf("checkouts: %.0f, ended in \"QueuePool limit "
							"reached\": %.0f; backends now: %d, of these "
							"busy: %d; clients that wait: %d", s->checkouts,
							s->timeouts, s->backends,
							p->counts->active + p->counts->pinned, s->waiting);
		case METRIC_WAIT:
			return psprintf("clients that wait: %d, the first for %.1f s; a "
							"checkout waited %.3f s on average", s->waiting,
							s->longest_wait_s,
							s->checkouts > 0 ? s->wait_s / s->checkouts : 0);
		case METRIC_IDLE_SURPLUS:
			return psprintf("backends: %d, not needed for %g s: %d; "
							"pool_size: %d", s->backends, s->idle_s,
							s->unneeded, s->pool_size);
		case METRIC_CHURN:
			return psprintf("closed in %.0f s, recycling aside: %.0f; beyond "
							"pool_size now: %d", seconds(p->now - p->since),
							Max(s->replaced, 0), s->overflow);
	}
	return NULL;
}

/* A pool without limit of its own has what all pools share. */
static const char *
raise_shared(Patient *p)
{
	int			left = MaxConnections - pooler_guc_reserved() -
		pooler_validate_others();
	bool		bounded = pooler_guc_max_backends >= 0 &&
		pooler_guc_max_backends < left;
	int			from = bounded ? pooler_guc_max_backends : MaxConnections;
	int			to = from + Max(from / 5, 1);

	pooler_remedy_add(&p->remedy, psprintf("ALTER SYSTEM SET %s = %d;", bounded ?
							  "pooler.max_backends" : "max_connections", to));
	if (bounded)
		pooler_remedy_add(&p->remedy, "SELECT pg_catalog.pg_reload_conf();");
	return psprintf("The pool has no limit of its own: raise %s from %d to "
					"%d%s.", bounded ? "pooler.max_backends" :
					"max_connections", from, to,
					bounded ? "" : ", and restart");
}

static const char *
resize_words(const Patient *p, Metric metric, const MetricResult *r)
{
	const MetricSample *s = &p->sample;

	switch (metric)
	{
		case METRIC_EXHAUSTION:
			return psprintf("Raise max_overflow from %d to %d.",
							s->max_overflow, r->max_overflow);
		case METRIC_WAIT:
			return psprintf("Raise pool_size from %d to %d.", s->pool_size,
							r->pool_size);
		case METRIC_IDLE_SURPLUS:
			if (s->pool_size == 0)
				return psprintf("Set pool_size to %d: there is no limit.",
								r->pool_size);
			return psprintf("Lower pool_size from %d to %d, max_overflow %d "
							"keeps the limit.", s->pool_size, r->pool_size,
							r->max_overflow);
		case METRIC_CHURN:
			return psprintf("Raise pool_size from %d to %d, with max_overflow "
							"%d.", s->pool_size, r->pool_size,
							r->max_overflow);
	}
	return "";
}

/* The guide's remedy in this pool's numbers; its statements go to `p`. */
static const char *
remedy_of(Patient *p, Metric metric, const MetricResult *r)
{
	const MetricSample *s = &p->sample;
	const char *first = pooler_remedy_first(p->pool);
	const char *what;
	const char *room = "";

	p->remedy.n = 0;
	if (first != NULL && metric != METRIC_IDLE_SURPLUS)
		return first;
	if (pooler_metrics_unlimited(s) && metric != METRIC_IDLE_SURPLUS)
		what = raise_shared(p);
	else
	{
		room = pooler_remedy_resize(&p->remedy, p->pool, r->pool_size,
									r->max_overflow);
		what = room != NULL ? resize_words(p, metric, r) :
			"pooler.pools has no room for an entry of this pool.";
	}
	/* what was not mended is not to be forgotten */
	if (p->remedy.n > 0 && metric != METRIC_IDLE_SURPLUS)
		pooler_remedy_add(&p->remedy, "SELECT pooler.reset_stats();");
	return psprintf("%s%s", what, room != NULL ? room : "");
}

static void
metric_row(Row *row, Patient *p, Metric metric)
{
	double		threshold = threshold_of(metric);
	MetricResult r = pooler_metrics_judge(metric, threshold, &p->sample);

	put_text(row, p->pool->name);
	put_text(row, metrics[metric].name);
	put_float(row, r.value, r.verdict == VERDICT_UNKNOWN);
	put_float(row, threshold, false);
	put_text(row, metrics[metric].unit);
	put_text(row, verdict_name(r.verdict));
	put_time(row, p->since);
	put_text(row, evidence_of(p, metric));
	if (r.verdict == VERDICT_WARNING)
	{
		put_text(row, remedy_of(p, metric, &r));
		pooler_remedy_put(row, &p->remedy);
	}
	else
	{
		put_null(row);
		put_null(row);
	}
	pooler_rows_end(row);
}

/*
 * pooler.health(): four rows for each pool that is not draining.  Units as in
 * metrics.h; thresholds are the settings pooler.health_...
 */
Datum
pooler_health_metrics(PG_FUNCTION_ARGS)
{
	Row			row;
	TimestampTz now = GetCurrentTimestamp();
	PoolCounts *counts;
	WaitFigures *waits;
	HistorySample *samples = palloc(sizeof(HistorySample) * HISTORY_SECONDS);

	pooler_rows_begin(fcinfo, &row);
	counts = pooler_figures_count(now - pooler_guc_health_idle_time *
								  INT64CONST(1000));
	waits = pooler_figures_waits();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		Patient		p = {.pool = &pooler_pools[i], .counts = &counts[i],
		.waits = &waits[i], .now = now};

		if (p.pool->state == POOL_FREE || p.pool->state == POOL_DRAINING)
			continue;
		take_sample(&p, samples);
		for (int m = 0; m < POOLER_METRICS; m++)
			metric_row(&row, &p, (Metric) m);
	}
	return (Datum) 0;
}
