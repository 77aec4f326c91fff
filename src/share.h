/*
 * share.h
 *	  How the pools share the backends that all of them may have.
 *
 * src/share.h
 */
#ifndef POOLER_SHARE_H
#define POOLER_SHARE_H

#include "shmem.h"

/* A backend that nobody has wanted for so long is closed if it is overflow, or
 * makes room for another role's. */
#define POOLER_SURPLUS_IDLE_MS	1000

/* May one more backend be opened now, in this pool? */
extern bool pooler_share_may_open(int pool);

/* Has it no backend, and there is no place for the one that it needs? */
extern bool pooler_share_starves(int pool);

/* How many backends it has, without those that are about to go. */
extern int	pooler_share_staying(int pool);

/* The same of all pools. */
extern int	pooler_share_all_staying(void);

/* Are those more than its limit? */
extern bool pooler_share_is_over_limit(int pool);

/* Are more open than pooler.max_backends allows, without those about to go? */
extern bool pooler_share_are_too_many(void);

/* Do more pools starve than places are about to come free? */
extern bool pooler_share_place_is_wanted(void);

/* How many slots more have to be free for the pool that is first in line; 0: slots
 * are not what it lacks. */
extern int	pooler_share_missing_slots(void);

/* Does a client keep this backend for its session, or has worked for long?  Then
 * nobody knows when its place comes free. */
extern bool pooler_share_is_kept(PoolerMember *m, TimestampTz now);

#endif							/* POOLER_SHARE_H */
