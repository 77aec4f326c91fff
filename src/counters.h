/*
 * counters.h
 *	  What pools and routes have done since start, or since reset_stats().
 *
 * src/counters.h
 */
#ifndef POOLER_COUNTERS_H
#define POOLER_COUNTERS_H

#include "shmem.h"

/* In a backend that has been born: counts for this pool and route from now on. */
extern void pooler_counters_start(PoolerMember *member, int pool, int route);

/* In a backend that ends: what it counted goes to its pool and route. */
extern void pooler_counters_fold(PoolerMember *member);

/* Everything counted so far, also by backends that are gone. Any process. */
extern PoolerCounts pooler_counters_of_pool(int pool);
extern PoolerCounts pooler_counters_of_route(int route);

/* All of it, one by one. */
extern void pooler_counters_add(PoolerCounts *sum, const PoolerCounts *c);

/* From zero again; the worker's. */
extern void pooler_counters_clear_pool(int pool);
extern void pooler_counters_clear_route(int route);

#endif							/* POOLER_COUNTERS_H */
