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

#endif							/* POOLER_SINCE_H */
