/*
 * capacity.c
 *	  The arithmetic of max_connections; pure.
 *
 * The views (validate.c, views.c), the log and the worker's limits all take
 * their figures from here.  Rules: pooling-guide.md, "Database Server
 * Configuration"; QueuePool for what counts as unlimited.
 *
 * src/capacity.c
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "capacity.h"

/*
 * The guide's formula: ceil(servers x databases x (size + overflow) x
 * (1 + buffer)).  -1: unlimited (max_overflow = -1, or pool_size = 0, which
 * QueuePool takes for that), or too large for an int.
 *
 * 60 x 1.3 is a little more than 78 in binary; what is that close to an integer
 * is one.
 */
int
pooler_capacity_required(int app_servers, int databases, int pool_size,
						 int max_overflow, double buffer)
{
	double		demand;

	if (max_overflow < 0 || pool_size <= 0)
		return -1;
	demand = (double) app_servers * databases *
		((double) pool_size + max_overflow) * (1.0 + buffer);
	demand = ceil(demand - demand * 1e-12);
	if (!(demand <= INT_MAX))
		return -1;
	return (int) demand;
}

/*
 * How many backends all pools together may have open.  A setting below the
 * number of listed pools is raised to it, as each can always have one; what
 * max_connections leaves is never exceeded, not even for that.
 */
int
pooler_capacity_backends(int max_backends, int max_connections, int reserved,
						 int others, int listed)
{
	int			left = Max(max_connections - reserved - others, 0);

	if (max_backends < 0)
		return left;
	return Min(Max(max_backends, listed), left);
}
