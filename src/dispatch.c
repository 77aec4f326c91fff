/*
 * dispatch.c
 *	  Gives backends to the routes that need them.
 *
 * For each pool where something has changed (`dirty`): count what its routes
 * have and want, let schedule.c decide, act, and count again until nothing is
 * left to do.
 *
 * Who waits is seen by waits.c; how a backend is opened, born or retired is
 * open.c's, deliver.c's and member.c's business.
 *
 * src/dispatch.c
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "deliver.h"
#include "dispatch.h"
#include "guc.h"
#include "member.h"
#include "open.h"
#include "pool.h"
#include "route.h"
#include "schedule.h"
#include "share.h"
#include "since.h"

static TimestampTz now;

static ScheduleRoute *counts;	/* by route, of the pool at hand */
static int *count_route;		/* index in counts -> route */
static int *count_of_route;		/* and back */
static int	ncounts;

void
pooler_dispatch_start(void)
{
	int			routes = pooler_shared->max_routes;

	counts = MemoryContextAllocZero(TopMemoryContext,
									sizeof(ScheduleRoute) * routes);
	count_route = MemoryContextAllocZero(TopMemoryContext, sizeof(int) * routes);
	count_of_route = MemoryContextAllocZero(TopMemoryContext,
											sizeof(int) * routes);
}

static TimestampTz
oldest_wait(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	if (w->held > 0)
		return pooler_clients[w->held_first].waiting_since;
	return w->saturated ? w->saturated_since : 0;
}

static bool
may_be_born(int route)
{
	return !pooler_is_ahead(pooler_worker_routes[route].retry_at, now,
							ROUTE_MAX_BACKOFF_MS) &&
		!pooler_pool_is_paused(pooler_routes[route].pool);
}

/* What `waiting` means for a route: clients held, or one for a saturated one. */
static int
births_wanted(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	return may_be_born(route) ? w->held + (w->saturated ? 1 : 0) : 0;
}

/*
 * Is this idle backend another role's for the asking?  A newborn serves somebody
 * first, or two routes would take turns in vain.
 */
static bool
may_go_to_another(const PoolerMember *m, TimestampTz since)
{
	return pooler_since_exceeds(m->born_at, now, pooler_guc_role_quantum) &&
		(m->counts.checkouts > 0 || pooler_since_exceeds(since, now, POOLER_SURPLUS_IDLE_MS)) &&
		!pooler_worker_routes[m->route].may_not_login;
}

static void
count_members(int pool, SchedulePool *p)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since;
		ScheduleRoute *r;

		if (m->state == MEMBER_FREE || m->pool != pool)
			continue;
		if (m->state == MEMBER_UNBORN && pg_atomic_read_u32(&m->leave) == 0)
			p->unborn++;
		else if (m->state != MEMBER_BORN)
			/* orphans end when they like */
			p->coming += m->state != MEMBER_BIRTH &&
				m->state != MEMBER_ORPHAN && !m->hung;
		since = pooler_member_idle_since(m);
		if (since == 0)
			continue;
		if (pg_atomic_read_u32(&m->leave) != 0)
		{
			p->coming++;
			continue;
		}
		p->idle++;
		r = &counts[count_of_route[m->route]];
		if (may_go_to_another(m, since))
		{
			r->idle_since = Min(r->idle_since, since);
			r->idle_long = r->idle_long || pooler_since_exceeds(since, now, POOLER_SURPLUS_IDLE_MS);
		}
	}
}

static void
count_pool(int pool, SchedulePool *p)
{
	memset(p, 0, sizeof(*p));
	p->open = pooler_worker_pools[pool].open;
	p->limit = pooler_pool_limit(pool);
	p->pool_size = pooler_pools[pool].limits.pool_size;
	p->spares = pooler_guc_spare_backends;
	p->may_open = p->open < p->limit && pooler_share_may_open(pool);
	ncounts = 0;
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		PoolerRoute *r = &pooler_routes[i];
		ScheduleRoute *c = &counts[ncounts];

		if (!r->used || r->pool != pool)
			continue;
		c->backends = r->backends;
		c->births = pooler_worker_routes[i].births;
		c->clients = r->clients;
		/* for nobody who waits one that fails is not tried again, nor a place
		 * taken back that another route needed */
		c->may_grow = may_be_born(i) && pooler_worker_routes[i].failures == 0 &&
			!pooler_worker_routes[i].limited &&
			!pooler_worker_routes[i].may_not_login;
		c->waiting = births_wanted(i);
		c->waiting_since = oldest_wait(i);
		c->idle_since = PG_INT64_MAX;
		c->idle_long = false;
		count_of_route[i] = ncounts;
		count_route[ncounts++] = i;
	}
	count_members(pool, p);
}

static int
find_unborn(int pool)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state == MEMBER_UNBORN && m->pool == pool &&
			pg_atomic_read_u32(&m->leave) == 0)
			return i;
	}
	return -1;
}

static void
retire_longest_idle(int route)
{
	int			victim = -1;
	TimestampTz best = PG_INT64_MAX;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since = pooler_member_idle_since(m);

		if (m->route == route && since != 0 && since < best &&
			may_go_to_another(m, since) && pg_atomic_read_u32(&m->leave) == 0)
		{
			best = since;
			victim = i;
		}
	}
	if (victim >= 0)
		pooler_member_retire(victim);
}

static void
offer_token(int pool, int waiting)
{
	for (int i = 0; i < ncounts; i++)
	{
		int			route = count_route[i];
		bool		yes = pooler_schedule_eligible(counts, ncounts, i,
												   waiting) &&
			!pooler_worker_routes[route].may_not_login;

		pg_atomic_write_u32(&pooler_routes[route].eligible, yes);
	}
	pg_atomic_write_u32(&pooler_pools[pool].wanted, 1);
}

void
pooler_dispatch_give(int pool, bool yes)
{
	pooler_worker_pools[pool].gives = yes;
	if (!yes)
		return;
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		if (pooler_routes[i].used && pooler_routes[i].pool == pool)
			pg_atomic_write_u32(&pooler_routes[i].eligible,
								!pooler_worker_routes[i].may_not_login);
	}
	pg_atomic_write_u32(&pooler_pools[pool].wanted, 1);
}

/* One step; false: nothing more to do now. */
static bool
schedule_once(int pool)
{
	bool		gives = pooler_worker_pools[pool].gives;
	SchedulePool p;
	ScheduleDecision d;

	count_pool(pool, &p);
	d = pooler_schedule_next(&p, counts, ncounts);
	/* a token stays as long as it is wanted: boundaries come at any moment */
	if (d.action != SCHEDULE_TOKEN && !gives)
		pg_atomic_write_u32(&pooler_pools[pool].wanted, 0);
	switch (d.action)
	{
		case SCHEDULE_BIRTH:
			pooler_deliver(find_unborn(pool), count_route[d.route]);
			return true;
		case SCHEDULE_OPEN:
			return pooler_open_backend(pool);
		case SCHEDULE_RETIRE:
			retire_longest_idle(count_route[d.victim]);
			return true;
		case SCHEDULE_TOKEN:
			if (!gives)
				offer_token(pool, d.route);
			return false;
		case SCHEDULE_NOTHING:
			return false;
	}
	return false;
}

void
pooler_dispatch_pools(void)
{
	now = GetCurrentTimestamp();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		WorkerPool *w = &pooler_worker_pools[i];

		if (!w->dirty || pooler_pools[i].state == POOL_FREE)
			continue;
		w->dirty = false;
		for (int n = 0; n < pooler_shared->max_members && schedule_once(i); n++)
			;
	}
}

/*
 * A busy pool keeps its spares: closed they would be opened again at once. It
 * is busy until it has had an idle backend for as long as makes a surplus.
 */
bool
pooler_dispatch_needs_spares(int pool)
{
	WorkerPool *w = &pooler_worker_pools[pool];
	SchedulePool p;

	now = GetCurrentTimestamp();
	count_pool(pool, &p);
	if (pooler_schedule_is_busy(&p))
		w->busy_at = now;
	return p.unborn <= p.spares && w->busy_at != 0 &&
		!pooler_since_exceeds(w->busy_at, now, POOLER_SURPLUS_IDLE_MS);
}
