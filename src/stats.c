/*
 * stats.c
 *	  Each pool's counters and their averages, for the console.
 *
 * All of it is the worker's own: what the counters were at the ends of the
 * last two periods (averages.c).
 *
 * src/stats.c
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "counters.h"
#include "shmem.h"
#include "stats.h"

PoolerStats pooler_stats_of_console;

static StatsWindow windows[POOLER_STATS_OWNERS];
static TimestampTz older_at;
static TimestampTz newer_at;

void
pooler_stats_forget(int pool)
{
	memset(&windows[pool], 0, sizeof(windows[pool]));
}

static PoolerStats
totals_of(int pool)
{
	PoolerPool *p = &pooler_pools[pool];
	PoolerCounts done = pooler_counters_of_pool(pool);
	PoolerStats s;

	s.n[STAT_CHECKOUTS] = done.checkouts;
	s.n[STAT_TRANSACTIONS] = done.transactions;
	s.n[STAT_QUERIES] = done.queries;
	s.n[STAT_RECEIVED] = p->bytes_received;
	s.n[STAT_SENT] = p->bytes_sent;
	s.n[STAT_XACT_US] = done.xact_us;
	s.n[STAT_QUERY_US] = done.query_us;
	s.n[STAT_WAIT_US] = p->wait_us;
	s.n[STAT_PARSES] = done.parses;
	s.n[STAT_SERVER_PARSES] = done.parses + done.reparses;
	s.n[STAT_BINDS] = done.binds;
	return s;
}

/* i: of windows. False: that pool is not there. */
static bool
find_totals(int i, PoolerStats *total)
{
	if (i == POOLER_STATS_CONSOLE)
		*total = pooler_stats_of_console;
	else if (pooler_pools[i].state != POOL_FREE)
		*total = totals_of(i);
	else
		return false;
	return true;
}

/* Both windows begin now: what pools have done before, under an earlier worker
 * or by another clock, is in no average. */
static void
restart(TimestampTz now)
{
	PoolerStats total;

	older_at = newer_at = now;
	for (int i = 0; i < POOLER_STATS_OWNERS; i++)
	{
		memset(&windows[i], 0, sizeof(windows[i]));
		if (!find_totals(i, &total))
			continue;
		pooler_averages_turn(&windows[i], &total);
		pooler_averages_turn(&windows[i], &total);
	}
}

void
pooler_stats_start(void)
{
	memset(&pooler_stats_of_console, 0, sizeof(pooler_stats_of_console));
	restart(GetCurrentTimestamp());
}

void
pooler_stats_turn(TimestampTz now)
{
	PoolerStats total;

	if (now < newer_at)
		restart(now);
	if (now - newer_at < POOLER_STATS_PERIOD_S * USECS_PER_SEC)
		return;
	older_at = newer_at;
	newer_at = now;
	for (int i = 0; i < POOLER_STATS_OWNERS; i++)
	{
		if (find_totals(i, &total))
			pooler_averages_turn(&windows[i], &total);
	}
}

/* Set back both windows begin anew, see above; no time has passed where it was set
 * forward. */
void
pooler_stats_follow_clock(const ClockStep *step)
{
	if (step->by < 0)
		return;
	pooler_since_follow(&older_at, step);
	pooler_since_follow(&newer_at, step);
}

void
pooler_stats_read(const bool *of, PoolerStats *total, PoolerStats *average)
{
	PoolerStats older = {{0}};
	PoolerStats one;

	memset(total, 0, sizeof(*total));
	for (int i = 0; i < POOLER_STATS_OWNERS; i++)
	{
		if ((of != NULL && !of[i]) || !find_totals(i, &one))
			continue;
		pooler_averages_add(total, &one);
		pooler_averages_add(&older, &windows[i].older);
	}
	*average = pooler_averages_of(&older, total,
								  GetCurrentTimestamp() - older_at);
}
