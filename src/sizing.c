/*
 * sizing.c
 *	  The guide's scales, and what a deployment of given size needs; pure.
 *
 * The figures are the guide's own, also where they do not agree: a scale has
 * its six values from "Deployment Scale Recommendations" and beside them the
 * ranges of "Connection Pooling Parameters" and "PostgreSQL Recommendations".
 * advise.c says where they differ.
 *
 * A plan counts connections: servers x pools x (pool_size + max_overflow),
 * where the pooler makes of all servers one.
 *
 * src/sizing.c
 */
#include "postgres.h"

#include <limits.h>

#include "common/int.h"

#include "capacity.h"
#include "sizing.h"

const SizingScale pooler_sizing_scales[POOLER_SCALES] = {
	{
		"small", "1-10", 10, 5, 10, 3600, 30, true, false,
		{1, 1}, {100, 100}, {5, 5}, {10, 10}
	},
	{
		"medium", "10-100", 100, 10, 20, 1800, 30, true, false,
		{1, 1}, {100, 100}, {10, 20}, {20, 40}
	},
	{
		"large", "100-1000", 1000, 20, 40, 1800, 30, true, false,
		{2, 4}, {200, 300}, {20, 50}, {40, 100}
	},
	{
		"enterprise", "1000+", INT_MAX, 30, 70, 900, 20, true, false,
		{5, INT_MAX}, {400, 500}, {50, 100}, {100, 200}
	}
};

/* The smallest scale that has so many concurrent users. */
const SizingScale *
pooler_sizing_scale(int users)
{
	int			i = 0;

	while (i < POOLER_SCALES - 1 && users > pooler_sizing_scales[i].most_users)
		i++;
	return &pooler_sizing_scales[i];
}

/* The next scale, where the guide lists this number of users there, too. */
const SizingScale *
pooler_sizing_also(int users)
{
	for (int i = 0; i < POOLER_SCALES - 1; i++)
		if (users == pooler_sizing_scales[i].most_users)
			return &pooler_sizing_scales[i + 1];
	return NULL;
}

/* The largest overflow whose requirement fits; it grows with the overflow. */
static int
most_overflow(const SizingPlan *plan)
{
	int			low = -1;
	int			high = Min(plan->max_connections, INT_MAX - 1);

	while (low < high)
	{
		int			middle = high - (high - low) / 2;
		int			required;

		required = pooler_capacity_required(plan->copies, plan->pools,
											plan->pool_size, middle,
											plan->buffer);
		if (required >= 0 && required <= plan->max_connections)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/*
 * Fills in the answers.  Units: connections and bytes.  A plan without limit
 * (QueuePool: max_overflow = -1, or pool_size = 0) has -1 for what depends on
 * it.  False: the bytes exceed an int64, and are not filled in.
 */
bool
pooler_sizing_plan(SizingPlan *plan)
{
	int64		work_bytes;

	plan->most_overflow = plan->pool_size > 0 ? most_overflow(plan) : -1;
	plan->required = pooler_capacity_required(plan->copies, plan->pools,
											  plan->pool_size,
											  plan->max_overflow,
											  plan->buffer);
	if (plan->required < 0)
	{
		plan->connections = plan->shortfall = -1;
		plan->idle_bytes = plan->busy_bytes = -1;
		return true;
	}
	plan->connections = (int64) plan->copies * plan->pools *
		((int64) plan->pool_size + plan->max_overflow);
	plan->shortfall = Max(plan->required - plan->max_connections, 0);
	return !pg_mul_s64_overflow(plan->connections, plan->backend_bytes,
								&plan->idle_bytes) &&
		!pg_mul_s64_overflow(plan->connections, plan->work_bytes,
							 &work_bytes) &&
		!pg_add_s64_overflow(plan->idle_bytes, work_bytes,
							 &plan->busy_bytes);
}
