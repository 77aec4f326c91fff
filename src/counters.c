/*
 * counters.c
 *	  What pools and routes have done since start, or since reset_stats().
 *
 * Each backend counts in its own member, in memory that nobody else writes:
 * counters shared by all backends would go from core to core in every
 * transaction. A backend that ends adds its counts to its pool's
 * and its route's totals [fold]; whoever reads adds up the totals and the
 * members. So that nothing is seen twice or not at all on its way from one to
 * the other, folding (and clearing) is announced before and after, and a reader
 * who was crossed by one starts again.
 *
 * Counters wrap at 2^64 and are added up without regard to it: clearing sets
 * the totals to minus what the members have.
 *
 * src/counters.c
 */
#include "postgres.h"

#include "counters.h"

/* A reader that is crossed again and again takes what it has. */
#define MAX_TRIES	100

void
pooler_counters_start(PoolerMember *member, int pool, int route)
{
	memset(&member->counts, 0, sizeof(member->counts));
	member->counts_pool = pool;
	member->counts_route = route;
}

static void
fold_into(PoolerTotals *t, const PoolerCounts *c)
{
	const uint64 *from = (const uint64 *) c;

	for (int i = 0; i < (int) POOLER_COUNTS; i++)
	{
		if (from[i] != 0)
			pg_atomic_fetch_add_u64(&t->counts[i], from[i]);
	}
}

void
pooler_counters_fold(PoolerMember *member)
{
	PoolerTotals *pool = &pooler_pools[member->counts_pool].totals;
	PoolerTotals *route = &pooler_routes[member->counts_route].totals;

	pg_atomic_fetch_add_u32(&pool->begun, 1);
	pg_atomic_fetch_add_u32(&route->begun, 1);
	fold_into(pool, &member->counts);
	fold_into(route, &member->counts);
	memset(&member->counts, 0, sizeof(member->counts));
	pg_memory_barrier();
	pg_atomic_fetch_add_u32(&pool->ended, 1);
	pg_atomic_fetch_add_u32(&route->ended, 1);
}

void
pooler_counters_add(PoolerCounts *sum, const PoolerCounts *c)
{
	uint64	   *to = (uint64 *) sum;
	const uint64 *from = (const uint64 *) c;

	for (int i = 0; i < (int) POOLER_COUNTS; i++)
		to[i] += from[i];
}

/* Of a pool's members where route is POOLER_NO_ROUTE, else of a route's. */
static PoolerCounts
of_members(int pool, int route)
{
	PoolerCounts sum = {0};

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (route == POOLER_NO_ROUTE ? m->counts_pool == pool :
			m->counts_route == route)
			pooler_counters_add(&sum, &m->counts);
	}
	return sum;
}

static PoolerCounts
of_totals(PoolerTotals *t)
{
	PoolerCounts c = {0};		/* cppcheck does not see that all are set */
	uint64	   *to = (uint64 *) &c;

	for (int i = 0; i < (int) POOLER_COUNTS; i++)
		to[i] = pg_atomic_read_u64(&t->counts[i]);
	return c;
}

/* Members and totals as they were at one moment, as far as folding goes. */
static void
read_both(PoolerTotals *t, int pool, int route, PoolerCounts *members,
		  PoolerCounts *totals)
{
	for (int i = 0; i < MAX_TRIES; i++)
	{
		uint32		ended = pg_atomic_read_u32(&t->ended);

		pg_memory_barrier();
		*members = of_members(pool, route);
		*totals = of_totals(t);
		pg_memory_barrier();
		if (pg_atomic_read_u32(&t->begun) == ended)
			return;
	}
}

static PoolerCounts
sum_of(PoolerTotals *t, int pool, int route)
{
	PoolerCounts members;
	PoolerCounts totals;

	read_both(t, pool, route, &members, &totals);
	pooler_counters_add(&totals, &members);
	return totals;
}

static void
clear(PoolerTotals *t, int pool, int route)
{
	PoolerCounts sum = sum_of(t, pool, route);

	pg_atomic_fetch_add_u32(&t->begun, 1);
	for (int i = 0; i < (int) POOLER_COUNTS; i++)
		pg_atomic_fetch_sub_u64(&t->counts[i], ((uint64 *) &sum)[i]);
	pg_memory_barrier();
	pg_atomic_fetch_add_u32(&t->ended, 1);
}

PoolerCounts
pooler_counters_of_pool(int pool)
{
	return sum_of(&pooler_pools[pool].totals, pool, POOLER_NO_ROUTE);
}

PoolerCounts
pooler_counters_of_route(int route)
{
	return sum_of(&pooler_routes[route].totals, pooler_routes[route].pool,
				  route);
}

void
pooler_counters_clear_pool(int pool)
{
	clear(&pooler_pools[pool].totals, pool, POOLER_NO_ROUTE);
}

void
pooler_counters_clear_route(int route)
{
	clear(&pooler_routes[route].totals, pooler_routes[route].pool, route);
}
