/*
 * since.h
 *	  Has something lasted so long?
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

#endif							/* POOLER_SINCE_H */
