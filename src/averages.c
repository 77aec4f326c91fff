/*
 * averages.c
 *	  Averages as PgBouncer defines them; pure.
 *
 * At the end of each period of 60 s the counters are kept. An average is about
 * the time since the beginning of the period before: between one period and
 * two (PgBouncer's stats.c). Counts and bytes are per second; times are what
 * one transaction, query or wait took: their sum by their number.
 *
 * src/averages.c
 */
#include "postgres.h"

#include "averages.h"

#define US_PER_S	INT64CONST(1000000)

void
pooler_averages_add(PoolerStats *sum, const PoolerStats *stats)
{
	for (int i = 0; i < STAT_COUNT; i++)
		sum->n[i] += stats->n[i];
}

void
pooler_averages_turn(StatsWindow *window, const PoolerStats *now)
{
	window->older = window->newer;
	window->newer = *now;
}

/* What a time is divided by; STAT_COUNT: it is no time. */
static PoolerStat
divisor_of(PoolerStat stat)
{
	switch (stat)
	{
		case STAT_XACT_US:
			return STAT_TRANSACTIONS;
		case STAT_QUERY_US:
			return STAT_QUERIES;
		case STAT_WAIT_US:
			return STAT_CHECKOUTS;
		case STAT_CHECKOUTS:
		case STAT_TRANSACTIONS:
		case STAT_QUERIES:
		case STAT_RECEIVED:
		case STAT_SENT:
		case STAT_PARSES:
		case STAT_SERVER_PARSES:
		case STAT_BINDS:
		case STAT_COUNT:
			break;
	}
	return STAT_COUNT;
}

/* Without overflow, however long the counters have run. */
static uint64
per_second(uint64 n, int64 us)
{
	return n > PG_UINT64_MAX / US_PER_S ? (uint64) ((double) n * US_PER_S / us) :
		n * US_PER_S / us;
}

PoolerStats
pooler_averages_of(const PoolerStats *older, const PoolerStats *now, int64 us)
{
	PoolerStats average = {{0}};

	if (us <= 0)
		return average;
	for (int i = 0; i < STAT_COUNT; i++)
	{
		PoolerStat	by = divisor_of(i);
		uint64		n = now->n[i] - older->n[i];

		if (by == STAT_COUNT)
			average.n[i] = per_second(n, us);
		else if (now->n[by] != older->n[by])
			average.n[i] = n / (now->n[by] - older->n[by]);
	}
	return average;
}
