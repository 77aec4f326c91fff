/*
 * stats.h
 *	  Each pool's counters and their averages, for the console.
 *
 * src/stats.h
 */
#ifndef POOLER_STATS_H
#define POOLER_STATS_H

#include "datatype/timestamp.h"

#include "averages.h"
#include "pool_limits.h"
#include "since.h"

/* Of nobody's pool, behind them all: what consoles themselves asked. */
#define POOLER_STATS_CONSOLE	POOLER_MAX_POOLS
#define POOLER_STATS_OWNERS		(POOLER_MAX_POOLS + 1)

/* The worker's, which counts it. */
extern PoolerStats pooler_stats_of_console;

/* At the worker's start, and when all counters are cleared. */
extern void pooler_stats_start(void);

/* This pool's counters begin at zero. */
extern void pooler_stats_forget(int pool);

/* By the clock: ends periods. */
extern void pooler_stats_turn(TimestampTz now);

/* The clock was set. */
extern void pooler_stats_follow_clock(const ClockStep *step);

/* Totals of these together, and averages for the time up to now; by owner,
 * [POOLER_STATS_OWNERS]. NULL: of all. */
extern void pooler_stats_read(const bool *of, PoolerStats *total,
							  PoolerStats *average);

#endif							/* POOLER_STATS_H */
