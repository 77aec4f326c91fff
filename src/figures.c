/*
 * figures.c
 *	  What pools, routes and the worker are doing now and have done.
 *
 * The views (views.c) and the metrics (openmetrics.c) show these very figures,
 * and so cannot differ. They are read from shared memory as it is, without a
 * lock that the worker or a backend might want; shmem.h says what may be read.
 * Clients, of which there may be very many, are gone over once and not for each
 * pool and route: the worker itself calls this, in its loop.
 *
 * What a backend is doing follows from several fields (its state, activity and
 * pins); pooler_figures_backend_state() alone decides how it is called.
 *
 * src/figures.c
 */
#include "postgres.h"

#include "counters.h"
#include "figures.h"

/* As the views call it; NULL: not in use. */
const char *
pooler_figures_pool_state(PoolerPoolState state)
{
	switch (state)
	{
		case POOL_FREE:
			break;
		case POOL_STARTING:
			return "starting";
		case POOL_OPEN:
			return "open";
		case POOL_UNAVAILABLE:
			return "unavailable";
		case POOL_DRAINING:
			return "draining";
	}
	return NULL;
}

/* Is `p` told rather than `other`, which has its name? */
static bool
precedes(const PoolerPool *p, const PoolerPool *other)
{
	bool		drains = p->state == POOL_DRAINING;

	if (drains != (other->state == POOL_DRAINING))
		return !drains;
	if (p->made_at != other->made_at)
		return p->made_at > other->made_at;
	return p < other;
}

int
pooler_figures_told_as(int pool, bool (*same) (const char *a, const char *b))
{
	int			told = pool;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		const PoolerPool *other = &pooler_pools[i];

		if (i != told && other->state != POOL_FREE &&
			same(other->name, pooler_pools[pool].name) &&
			precedes(other, &pooler_pools[told]))
			told = i;
	}
	return told;
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

int
pooler_figures_told(int pool)
{
	return pooler_figures_told_as(pool, is_same);
}

/* What a born backend is doing. */
static const char *
born_state(PoolerMember *m)
{
	switch ((PoolerActivity) pg_atomic_read_u32(&m->activity))
	{
		case ACTIVITY_NONE:
		case ACTIVITY_IDLE:
		case ACTIVITY_PRIVATE:
		case ACTIVITY_RECALLED:
			return "idle";
		case ACTIVITY_TAKEN:
		case ACTIVITY_SERVING:
		case ACTIVITY_RETURNING:
		case ACTIVITY_CLEANING:
			return "active";
		case ACTIVITY_PINNED:
			return "pinned";
		case ACTIVITY_GONE:
			return "leaving";
	}
	return NULL;
}

/* How the views call what a backend is doing; NULL: there is none. */
const char *
pooler_figures_backend_state(PoolerMember *m)
{
	switch (m->state)
	{
		case MEMBER_FREE:
			break;
		case MEMBER_OPENING:
		case MEMBER_BIRTH:
			return "starting";
		case MEMBER_UNBORN:
			return "unborn";
		case MEMBER_LEAVING:
		case MEMBER_ORPHAN:
			return "leaving";
		case MEMBER_BORN:
			if (pg_atomic_read_u32(&m->pins) != 0)
				return "pinned";
			return born_state(m);
	}
	return NULL;
}

/* Has nobody needed this idle or unborn backend since then? */
static bool
is_unneeded(PoolerMember *m, bool idle, TimestampTz cutoff)
{
	TimestampTz since = idle ? m->opened_at : m->unneeded_since;

	if (m->overflow)
		return false;
	if (idle && m->idle_since != 0)
	{
		if (m->counts.checkouts == 0)
			return true;
		since = m->idle_since;
	}
	return since <= cutoff;
}

static void
count_member(PoolCounts *counts, PoolerMember *m, TimestampTz cutoff)
{
	const char *state = pooler_figures_backend_state(m);
	bool		unborn;
	bool		idle;

	if (state == NULL)
		return;
	unborn = strcmp(state, "unborn") == 0;
	idle = strcmp(state, "idle") == 0;
	counts->all++;
	counts->unborn += unborn;
	counts->idle += idle;
	counts->active += strcmp(state, "active") == 0;
	counts->pinned += strcmp(state, "pinned") == 0;
	counts->starting += strcmp(state, "starting") == 0;
	counts->leaving += strcmp(state, "leaving") == 0;
	counts->overflow += m->overflow;
	counts->unneeded += (unborn || idle) && is_unneeded(m, idle, cutoff);
}

/* By pool; see figures.h. */
PoolCounts *
pooler_figures_count(TimestampTz cutoff)
{
	PoolCounts *counts = palloc0(sizeof(PoolCounts) * POOLER_MAX_POOLS);

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		int			pool = pooler_members[i].pool;

		if (pool >= 0 && pool < POOLER_MAX_POOLS)
			count_member(&counts[pool], &pooler_members[i], cutoff);
	}
	return counts;
}

/* The client waits since then, beside those of its pool or route so far. */
static void
note_waiting(WaitFigures *waits, TimestampTz since)
{
	waits->clients++;
	if (waits->first == 0 || since < waits->first)
		waits->first = since;
}

/* Of pools and of routes; either may be NULL. */
static void
read_waits(WaitFigures *pools, WaitFigures *routes)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];
		TimestampTz since = c->waiting_since;
		int			pool = c->pool;
		int			route = c->route;

		if (c->state == CLIENT_FREE || since == 0 || pool < 0 ||
			pool >= POOLER_MAX_POOLS || !pooler_client_waits(c))
			continue;
		if (pools != NULL)
			note_waiting(&pools[pool], since);
		if (routes != NULL && route >= 0 && route < pooler_shared->max_routes)
			note_waiting(&routes[route], since);
	}
}

WaitFigures *
pooler_figures_waits(void)
{
	WaitFigures *pools = palloc0(sizeof(WaitFigures) * POOLER_MAX_POOLS);

	read_waits(pools, NULL);
	return pools;
}

WaitFigures *
pooler_figures_waits_by_route(void)
{
	WaitFigures *routes = palloc0(sizeof(WaitFigures) *
								  pooler_shared->max_routes);

	read_waits(NULL, routes);
	return routes;
}

/* All that are in use; see figures.h. */
PoolFigures *
pooler_figures_pools(int *n)
{
	PoolFigures *figures = palloc0(sizeof(PoolFigures) * POOLER_MAX_POOLS);
	PoolCounts *backends = pooler_figures_count(0);
	WaitFigures *waits = pooler_figures_waits();

	*n = 0;
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolFigures *f = &figures[*n];

		if (pooler_pools[i].state == POOL_FREE)
			continue;
		f->pool = &pooler_pools[i];
		f->backends = backends[i];
		f->waits = waits[i];
		f->done = pooler_counters_of_pool(i);
		(*n)++;
	}
	return figures;
}

/* All that are in use; see figures.h. */
RouteFigures *
pooler_figures_routes(int *n)
{
	int			max = pooler_shared->max_routes;
	RouteFigures *figures = palloc0(sizeof(RouteFigures) * max);
	WaitFigures *waits = pooler_figures_waits_by_route();

	*n = 0;
	for (int i = 0; i < max; i++)
	{
		RouteFigures *f = &figures[*n];

		if (!pooler_routes[i].used)
			continue;
		f->route = &pooler_routes[i];
		f->waits = waits[i];
		f->done = pooler_counters_of_route(i);
		(*n)++;
	}
	return figures;
}

void
pooler_figures_worker(WorkerFigures *f)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < pooler_shared->max_clients; i++)
		f->clients += pooler_clients[i].state != CLIENT_FREE;
	for (int i = 0; i < pooler_shared->max_members; i++)
		f->backends += pooler_members[i].state != MEMBER_FREE;
	f->pid = pooler_shared->worker_pid;
	f->started_at = pooler_shared->started_at;
	f->listening = f->pid > 0 && pooler_shared->serving;
	f->max_clients = pooler_shared->clients_allowed > 0 ?
		pooler_shared->clients_allowed : pooler_shared->max_clients;
	f->hba_missing = pooler_shared->hba_missing;
	f->stats_reset_at = pooler_shared->stats_reset_at;
}
