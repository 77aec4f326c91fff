/*
 * since.h
 *	  Has something lasted so long? And what if the clock is set meanwhile.
 *
 * src/since.h
 */
#ifndef POOLER_SINCE_H
#define POOLER_SINCE_H

#include "utils/timestamp.h"

/* More than `ms` milliseconds; never, where since is 0. */
static inline bool
pooler_since_exceeds(TimestampTz since, TimestampTz now, int ms)
{
	return since != 0 && TimestampDifferenceExceeds(since, now, ms);
}

/* Yet to come. What is more than `most_ms` milliseconds off was not meant so:
 * the clock has been set back. */
static inline bool
pooler_is_ahead(TimestampTz at, TimestampTz now, int most_ms)
{
	return at > now && at - now <= most_ms * (int64) 1000;
}

/* The clock was set, by `by` microseconds, between these two. */
typedef struct ClockStep
{
	TimestampTz before;			/* the last that is known of the old clock */
	TimestampTz now;
	int64		by;
} ClockStep;

/* A stamp of the old clock goes on as one of the new. */
static inline void
pooler_since_follow(TimestampTz *at, const ClockStep *step)
{
	bool		is_old = step->by > 0 ? *at <= step->before : *at > step->now;

	if (*at != 0 && is_old)
		*at = Min(*at + step->by, step->now);
}

#endif							/* POOLER_SINCE_H */
