/*
 * latency.c
 *	  SQL: how long clients wait, hold a backend and log in, as distributions.
 *
 * The histograms are counted by measure.c (wait, held), admit.c (login), open.c
 * (open) and deliver.c (birth); they are copied here and then read.
 *
 * src/latency.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "counters.h"
#include "figures.h"
#include "histogram.h"
#include "rows.h"
#include "shmem.h"

typedef enum Measure
{
	MEASURE_WAIT,
	MEASURE_HELD,
	MEASURE_LOGIN,
	MEASURE_BIRTH,
	MEASURE_OPEN
} Measure;

#define MEASURES	5

static const char *const measure_names[MEASURES] = {
	"wait", "held", "login", "birth", "open"
};

PG_FUNCTION_INFO_V1(pooler_latency_summary);
PG_FUNCTION_INFO_V1(pooler_latency_histogram);

/* Of a route, or of its whole pool where it is POOLER_NO_ROUTE. False: backends
 * are opened for a pool, not for a role. */
static bool
copy(int pool, int route, Measure measure, Histogram *h)
{
	bool		whole = route == POOLER_NO_ROUTE;
	PoolerCounts counts;

	switch (measure)
	{
		case MEASURE_WAIT:
		case MEASURE_HELD:
			counts = whole ? pooler_counters_of_pool(pool) :
				pooler_counters_of_route(route);
			*h = measure == MEASURE_WAIT ? counts.wait : counts.held;
			return true;
		case MEASURE_LOGIN:
			*h = whole ? pooler_pools[pool].login : pooler_routes[route].login;
			return true;
		case MEASURE_BIRTH:
			*h = whole ? pooler_pools[pool].birth : pooler_routes[route].birth;
			return true;
		case MEASURE_OPEN:
			*h = pooler_pools[pool].open;
			return whole;
	}
	return false;
}

static void
summary_rows(Row *row, int pool, int route)
{
	Histogram	h;

	for (int i = 0; i < MEASURES; i++)
	{
		if (!copy(pool, route, i, &h))
			continue;
		put_text(row, pooler_pools[pool].name);
		put_text(row, route == POOLER_NO_ROUTE ? NULL :
				 pooler_routes[route].role_name);
		put_text(row, measure_names[i]);
		put_int8(row, pooler_histogram_total(&h));
		put_interval(row, pooler_histogram_mean(&h));
		put_interval(row, pooler_histogram_quantile(&h, 0.5));
		put_interval(row, pooler_histogram_quantile(&h, 0.9));
		put_interval(row, pooler_histogram_quantile(&h, 0.99));
		put_interval(row, pooler_histogram_quantile(&h, 1));
		pooler_rows_end(row);
	}
}

/* pooler.latencies() */
Datum
pooler_latency_summary(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE)
			continue;
		summary_rows(&row, i, POOLER_NO_ROUTE);
		for (int j = 0; j < pooler_shared->max_routes; j++)
		{
			if (pooler_routes[j].used && pooler_routes[j].pool == i)
				summary_rows(&row, i, j);
		}
	}
	return (Datum) 0;
}

/* One that drains only where no other has its name. */
static int
find_pool(const char *name)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state != POOL_FREE &&
			strcmp(pooler_pools[i].name, name) == 0 &&
			pooler_figures_told(i) == i)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("pool \"%s\" does not exist", name)));
}

/* Of all routes of this name: a role that was dropped and made again has one for
 * each of its lives. */
static bool
copy_of_role(int pool, const char *role, Measure measure, Histogram *h)
{
	bool		found = false;
	bool		measured = false;

	memset(h, 0, sizeof(*h));
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		Histogram	one;

		if (!pooler_routes[i].used || pooler_routes[i].pool != pool ||
			strcmp(pooler_routes[i].role_name, role) != 0)
			continue;
		found = true;
		if (!copy(pool, i, measure, &one))
			continue;
		measured = true;
		pooler_histogram_merge(h, &one);
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" has not used pool \"%s\"", role,
						pooler_pools[pool].name)));
	return measured;
}

static Measure
find_measure(const char *name)
{
	for (int i = 0; i < MEASURES; i++)
	{
		if (strcmp(measure_names[i], name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("pooler does not measure \"%s\"", name),
			 errhint("It measures wait, held, login, birth and open.")));
}

/* pooler.histogram(pool, measure, role): the buckets that are not empty */
Datum
pooler_latency_histogram(PG_FUNCTION_ARGS)
{
	Row			row;
	Histogram	h;
	int			pool;
	Measure		measure;
	bool		measured;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("pool and measure must not be null")));
	pooler_rows_begin(fcinfo, &row);
	pool = find_pool(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	measure = find_measure(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	measured = PG_ARGISNULL(2) ? copy(pool, POOLER_NO_ROUTE, measure, &h) :
		copy_of_role(pool, text_to_cstring(PG_GETARG_TEXT_PP(2)), measure, &h);
	if (!measured)
		return (Datum) 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		bool		last = i == HISTOGRAM_BUCKETS - 1;

		if (h.count[i] == 0)
			continue;
		put_interval(&row, pooler_histogram_from(i));
		put_interval(&row, last ? -1 : pooler_histogram_from(i + 1));
		put_int8(&row, h.count[i]);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}
