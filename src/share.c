/*
 * share.c
 *	  How the pools share the backends that all of them may have.
 *
 * pooler.max_backends and the server's free slots bound their number. Each listed
 * pool can always have one. A pool without any comes before those that have some:
 * a listed one first, then the one whose client has waited longest; where there
 * is no place for it, another pool's backend is to go (surplus.c says which).
 *
 * src/share.c
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "capacity.h"
#include "compat.h"
#include "guc.h"
#include "pool.h"
#include "route.h"
#include "share.h"
#include "since.h"

/* One that has served its client for longer may take long yet. */
#define LONG_MS 1000

/* What one look at all backends and routes tells of a pool. */
typedef struct Stock
{
	bool		has_one;
	TimestampTz held_since;
} Stock;

static Stock stock[POOLER_MAX_POOLS];
static int	on_their_way;

static int
listed_pools(void)
{
	int			n = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state != POOL_FREE && pooler_pools[i].listed)
			n++;
	}
	return n;
}

static int
open_backends(void)
{
	int			n = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		n += pooler_worker_pools[i].open;
	return n;
}

/* The most that all pools may have open; each listed one can have one. */
static int
all_backends(void)
{
	return pooler_capacity_backends(pooler_guc_max_backends, MaxConnections,
									pooler_guc_reserved(), 0, listed_pools());
}

/*
 * Of each pool: has it a backend that serves, or will?  Not one that hangs or that
 * an earlier worker opened: nobody knows when that ends, and its clients get
 * another. And the number of those on their way.
 */
static void
look_at_members(void)
{
	on_their_way = 0;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state == MEMBER_OPENING)
			on_their_way++;
		if (m->state != MEMBER_FREE && m->state != MEMBER_ORPHAN && !m->hung)
			stock[m->pool].has_one = true;
	}
}

/* Since when a client waits in each pool to whom a backend could be born; DT_NOEND:
 * none does. */
static void
look_at_routes(void)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < pooler_routes_seen; i++)
	{
		WorkerRoute *w = &pooler_worker_routes[i];
		TimestampTz since;
		TimestampTz *oldest;

		if (!pooler_routes[i].used || w->held == 0 ||
			pooler_is_ahead(w->retry_at, now, ROUTE_MAX_BACKOFF_MS))
			continue;
		since = pooler_clients[w->held_first].waiting_since;
		oldest = &stock[pooler_routes[i].pool].held_since;
		*oldest = Min(*oldest, since == 0 ? now : since);
	}
}

/* Once for each question that is asked of all pools. */
static void
take_stock(void)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		stock[i].has_one = false;
		stock[i].held_since = DT_NOEND;
	}
	look_at_members();
	look_at_routes();
}

/*
 * Unborn backends could take even the reserved slots, since the server tests
 * for those after our hook: so they are counted here. Backends that are on
 * their way do not show among the server's processes yet. A listed pool without
 * any may have one of pooler.reserve, never of what the server reserves.
 */
static int
slots_needed(int pool)
{
	bool		needs_one = pooler_pools[pool].listed && !stock[pool].has_one;
	int			reserved = pooler_guc_reserved() -
		(needs_one ? pooler_guc_reserve : 0);

	return reserved + on_their_way + 1;
}

static bool
slot_is_free(int pool)
{
	return pooler_have_free_procs(slots_needed(pool));
}

/*
 * Since when it has no backend and is to have one; DT_NOEND: that is not so.
 * Where no client waits that takes pool_size, which counts also what hangs: else
 * it would be first in line, and open none. One that '*' made has to do without:
 * there may be more of these than backends. Listed ones come first, as each can
 * always have one.
 */
static TimestampTz
needs_first_since(int pool)
{
	PoolerPool *p = &pooler_pools[pool];
	TimestampTz since;

	if (pooler_worker_pools[pool].open >= pooler_pool_limit(pool) ||
		stock[pool].has_one || !pooler_pool_may_try(pool))
		return DT_NOEND;
	since = stock[pool].held_since;
	if (p->listed && (pooler_worker_pools[pool].open < p->limits.pool_size ||
					  since != DT_NOEND))
		return DT_NOBEGIN;
	return since;
}

/* The pool that is to have the next backend, since it has none; -1: there is none.
 * By index some would take turns, and others never get any. */
static int
first_in_line(void)
{
	int			first = -1;
	TimestampTz oldest = DT_NOEND;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		TimestampTz since = needs_first_since(i);

		if (since >= oldest)
			continue;
		first = i;
		oldest = since;
	}
	return first;
}

/* Does the number of all backends allow this pool its first? */
static bool
number_allows_first(int pool)
{
	return pooler_pools[pool].listed || open_backends() < all_backends();
}

static bool
may_have_first(int pool)
{
	return number_allows_first(pool) && slot_is_free(pool);
}

static bool
starves(int pool)
{
	return needs_first_since(pool) != DT_NOEND && !may_have_first(pool);
}

bool
pooler_share_starves(int pool)
{
	take_stock();
	return starves(pool);
}

/* Is it about to go?  An orphan ends by itself, at a moment that it chooses. */
static bool
is_leaving(PoolerMember *m)
{
	return m->state == MEMBER_LEAVING || m->state == MEMBER_ORPHAN ||
		(m->state != MEMBER_FREE &&
		 pg_atomic_read_u32(&m->leave) != 0);
}

int
pooler_share_staying(int pool)
{
	int			n = pooler_worker_pools[pool].open;

	for (int i = 0; n > 0 && i < pooler_shared->max_members; i++)
	{
		if (pooler_members[i].pool == pool && is_leaving(&pooler_members[i]))
			n--;
	}
	return n;
}

bool
pooler_share_is_over_limit(int pool)
{
	int			limit = pooler_pool_limit(pool);

	return pooler_worker_pools[pool].open > limit &&
		pooler_share_staying(pool) > limit;
}

bool
pooler_share_is_kept(PoolerMember *m, TimestampTz now)
{
	uint32		activity = pg_atomic_read_u32(&m->activity);

	if (m->state != MEMBER_BORN || activity == ACTIVITY_GONE)
		return false;
	return pg_atomic_read_u32(&m->pins) != 0 ||
		(activity == ACTIVITY_SERVING &&
		 pooler_since_exceeds(m->taken_at, now, LONG_MS));
}

static bool
comes_free(PoolerMember *m, TimestampTz now)
{
	return is_leaving(m) && !m->hung && m->state != MEMBER_ORPHAN &&
		!pooler_share_is_kept(m, now);
}

bool
pooler_share_place_is_wanted(void)
{
	TimestampTz now = GetCurrentTimestamp();
	int			wanted = 0;

	take_stock();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		wanted += starves(i);
	for (int i = 0; wanted > 0 && i < pooler_shared->max_members; i++)
		wanted -= comes_free(&pooler_members[i], now);
	return wanted > 0;
}

int
pooler_share_missing_slots(void)
{
	int			first;
	int			missing;

	take_stock();
	first = first_in_line();
	if (first < 0 || !number_allows_first(first))
		return 0;
	missing = slots_needed(first);
	for (int free = 0; missing > 0 && pooler_have_free_procs(free + 1); free++)
		missing--;
	return missing;
}

int
pooler_share_all_staying(void)
{
	int			n = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		n += pooler_share_staying(i);
	return n;
}

bool
pooler_share_are_too_many(void)
{
	return pooler_share_all_staying() > all_backends();
}

bool
pooler_share_may_open(int pool)
{
	int			first;

	if (!pooler_pool_may_try(pool))
		return false;
	take_stock();
	if (!(stock[pool].has_one ?
		  open_backends() < all_backends() && slot_is_free(pool) :
		  may_have_first(pool)))
		return false;
	/* what another has given up is for the one that has none */
	first = first_in_line();
	return first < 0 || first == pool;
}
