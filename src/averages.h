/*
 * averages.h
 *	  Averages as PgBouncer defines them; pure.
 *
 * src/averages.h
 */
#ifndef POOLER_AVERAGES_H
#define POOLER_AVERAGES_H

#define POOLER_STATS_PERIOD_S	60

/* In the order of the console's columns; times are in microseconds. */
typedef enum PoolerStat
{
	STAT_CHECKOUTS,
	STAT_TRANSACTIONS,
	STAT_QUERIES,
	STAT_RECEIVED,
	STAT_SENT,
	STAT_XACT_US,
	STAT_QUERY_US,
	STAT_WAIT_US,
	STAT_PARSES,
	STAT_SERVER_PARSES,
	STAT_BINDS,
	STAT_COUNT
} PoolerStat;

typedef struct PoolerStats
{
	uint64		n[STAT_COUNT];
} PoolerStats;

/* The counters at the beginning of the last two periods. */
typedef struct StatsWindow
{
	PoolerStats older;
	PoolerStats newer;
} StatsWindow;

extern void pooler_averages_add(PoolerStats *sum, const PoolerStats *stats);

/* A period has ended. */
extern void pooler_averages_turn(StatsWindow *window, const PoolerStats *now);

/* Per second, or per query, transaction or checkout, since `older`, which was
 * so long ago. */
extern PoolerStats pooler_averages_of(const PoolerStats *older,
									  const PoolerStats *now, int64 us);

#endif							/* POOLER_AVERAGES_H */
