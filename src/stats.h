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

/* Of nobody's pool: what consoles themselves asked. */
#define POOLER_STATS_CONSOLE	(-1)

/* The worker's, which counts it. */
extern PoolerStats pooler_stats_of_console;

/* At the worker's start, and when all counters are cleared. */
extern void pooler_stats_start(void);

/* This pool's counters begin at zero. */
extern void pooler_stats_forget(int pool);

/* By the clock: ends periods. */
extern void pooler_stats_turn(TimestampTz now);

/* Totals, and averages for the time up to now. */
extern void pooler_stats_read(int pool, PoolerStats *total,
							  PoolerStats *average);

/* The same of all pools and the console together. */
extern void pooler_stats_read_all(PoolerStats *total, PoolerStats *average);

#endif							/* POOLER_STATS_H */
