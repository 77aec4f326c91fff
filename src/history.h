/*
 * history.h
 *	  What each pool did in each second of the last hour.
 *
 * src/history.h
 */
#ifndef POOLER_HISTORY_H
#define POOLER_HISTORY_H

#include "datatype/timestamp.h"

#include "since.h"

#define HISTORY_SECONDS	3600

/* Of one second; times are of all clients together. */
typedef struct HistorySample
{
	int64		second;			/* since 2000, 0: nothing here */
	float		busy;			/* backends, on average */
	int			backends;
	int			clients;
	int			waiting;
	uint32		longest_wait_ms;	/* of those who wait */
	uint32		transactions;
	uint32		checkouts;
	uint32		timeouts;
	uint32		closed;			/* backends */
	uint32		recycled;		/* or invalidated, some time before they close */
	uint32		uses;			/* times a backend was held, to an end */
	int64		held_us;		/* in these */
	int64		wait_us;
} HistorySample;

/* In the worker, once the pools are known: what they have counted is past. */
extern void pooler_history_start(void);

/* In the worker, at every turn of its slow tick. */
extern void pooler_history_turn(TimestampTz now);

/* In the worker, when it sets counters back: they begin anew. */
extern void pooler_history_restart(void);

/* In the worker, with the pools' own beginnings, by which it knows them again. */
extern void pooler_history_follow_clock(const ClockStep *step);

/* Those of a pool from the `seconds` before now, oldest first, into samples[seconds].
 * How many there are: not one for a second in which the worker did not run. */
extern int	pooler_history_read(int pool, TimestampTz now, int seconds,
							   HistorySample *samples);

#endif							/* POOLER_HISTORY_H */
