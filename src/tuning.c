/*
 * tuning.c
 *	  SQL: what size each pool should have, by what it did (pooler.advice).
 *
 * The samples of the last 15 minutes (history.c) are summed up, rightsize.c
 * judges, and remedy.c writes the statements. Of a pool that can open no backend
 * it says that first, and no number.
 *
 * src/tuning.c
 */
#include "postgres.h"

#include <unistd.h>

#include "fmgr.h"
#include "utils/timestamp.h"

#include "history.h"
#include "remedy.h"
#include "rightsize.h"
#include "rows.h"
#include "shmem.h"

#define SECONDS	900

PG_FUNCTION_INFO_V1(pooler_tuning_advice);

static const char *
verdict_name(RightsizeVerdict verdict)
{
	switch (verdict)
	{
		case RIGHTSIZE_UNKNOWN:
			return "unknown";
		case RIGHTSIZE_KEEP:
			return "keep";
		case RIGHTSIZE_GROW:
			return "grow";
		case RIGHTSIZE_SHIFT:
			return "shift";
		case RIGHTSIZE_SHRINK:
			return "shrink";
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Sorts them. 0 where there are none. */
static double
percentile_95(double *values, int n)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(double), compare);
	return values[(n * 95 - 1) / 100];
}

static void
sum_up(const PoolerPool *pool, RightsizeInput *in)
{
	HistorySample *samples = palloc(sizeof(HistorySample) * SECONDS);
	double	   *busy = palloc(sizeof(double) * SECONDS);
	double	   *waiting = palloc(sizeof(double) * SECONDS);

	memset(in, 0, sizeof(*in));
	in->pool_size = pool->limits.pool_size;
	in->max_overflow = pool->limits.max_overflow;
	in->seconds = pooler_history_read(pool - pooler_pools,
									  GetCurrentTimestamp(), SECONDS, samples);
	for (int i = 0; i < in->seconds; i++)
	{
		in->holds += samples[i].uses;
		in->held_s += samples[i].held_us / 1000000.0;
		in->waiting_seconds += samples[i].waiting > 0;
		in->timeouts += samples[i].timeouts;
		busy[i] = samples[i].busy;
		in->busy_mean += samples[i].busy / in->seconds;
		waiting[i] = samples[i].waiting;
	}
	in->busy_p95 = percentile_95(busy, in->seconds);
	in->waiting_p95 = percentile_95(waiting, in->seconds);
	pfree(samples);
	pfree(busy);
	pfree(waiting);
}

/* HikariCP's rule of thumb; more than that only help while statements wait. */
static int
busy_at_most(void)
{
	return 2 * (int) sysconf(_SC_NPROCESSORS_ONLN) + 1;
}

static const char *
evidence_of(const PoolerPool *pool, const RightsizeInput *in,
			const RightsizeResult *r)
{
	if (r->verdict == RIGHTSIZE_UNKNOWN)
		return psprintf("Known of the last 15 minutes: %d s, in which a backend was held %.0f times. That is too little: at least %d s and %d times.",
						in->seconds, in->holds, RIGHTSIZE_SECONDS,
						RIGHTSIZE_HOLDS);
	return psprintf("In %d s: %.1f backends busy on average, and %.1f in 95 %% of the seconds; %.1f holds ended a second, of %.4f s each; clients that waited: %.0f in 95 %% of the seconds, some in %d of them, time-outs %.0f. With a buffer of 20 %%: %d. A backend takes %.0f ms to open and %.0f ms to be born.",
					in->seconds, r->offered, in->busy_p95, r->rate,
					r->mean_held_s, in->waiting_p95, in->waiting_seconds,
					in->timeouts, r->needed,
					Max(pooler_histogram_mean(&pool->open), 0) / 1000.0,
					Max(pooler_histogram_mean(&pool->birth), 0) / 1000.0);
}

static const char *
change_of(const RightsizeInput *in, const RightsizeResult *r)
{
	int			most = busy_at_most();
	const char *cores = "";

	if (r->verdict == RIGHTSIZE_KEEP && in->waiting_seconds > 0 &&
		(in->max_overflow < 0 || in->pool_size == 0))
		return "The pool has no limit of its own: see pooler.max_backends, max_connections and pooler.diagnose().";
	if (r->verdict == RIGHTSIZE_UNKNOWN || r->verdict == RIGHTSIZE_KEEP)
		return NULL;
	if (r->verdict == RIGHTSIZE_GROW && r->needed > most)
		cores = psprintf(" This machine runs about %d at once (2 x cores + 1): more help only where statements wait, for locks, disks or their clients.",
						 most);
	return psprintf("pool_size from %d to %d, max_overflow from %d to %d.%s",
					in->pool_size, r->pool_size, in->max_overflow,
					r->max_overflow, cores);
}

/* Clients wait, or do nothing, because no backend can be opened: what was seen
 * meanwhile is for no other size. */
static void
keep_size(const RightsizeInput *in, RightsizeResult *r)
{
	if (r->verdict != RIGHTSIZE_UNKNOWN)
		r->verdict = RIGHTSIZE_KEEP;
	r->pool_size = in->pool_size;
	r->max_overflow = in->max_overflow;
}

static void
advice_row(Row *row, const PoolerPool *pool)
{
	RightsizeInput in;
	RightsizeResult r;
	Remedy		remedy = {.n = 0};
	const char *first = pooler_remedy_first(pool);
	const char *change;
	const char *room = NULL;

	sum_up(pool, &in);
	r = pooler_rightsize(&in);
	if (first != NULL)
		keep_size(&in, &r);
	change = first != NULL ? first : change_of(&in, &r);
	if (r.verdict > RIGHTSIZE_KEEP)
		room = pooler_remedy_resize(&remedy, pool, r.pool_size, r.max_overflow);
	put_text(row, pool->name);
	put_text(row, verdict_name(r.verdict));
	put_limit(row, pooler_size_in_effect(in.pool_size));
	put_limit(row, pooler_overflow_in_effect(in.pool_size, in.max_overflow));
	put_limit(row, pooler_size_in_effect(r.pool_size));
	put_limit(row, pooler_overflow_in_effect(r.pool_size, r.max_overflow));
	put_text(row, change && room ? psprintf("%s%s", change, room) : change);
	put_text(row, evidence_of(pool, &in, &r));
	if (room != NULL)
		pooler_remedy_put(row, &remedy);
	else
		put_null(row);
	pooler_rows_end(row);
}

/* pooler.advice(): a row for each pool that is not draining */
Datum
pooler_tuning_advice(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state != POOL_FREE && p->state != POOL_DRAINING)
			advice_row(&row, p);
	}
	return (Datum) 0;
}
