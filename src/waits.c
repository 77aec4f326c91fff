/*
 * waits.c
 *	  Who waits for a backend, since when, and what is due to him.
 *
 * A route with an idle backend needs nothing: the kernel wakes one. So the
 * worker looks only at routes where nobody is idle, every few milliseconds
 * while there is one [pooler_waits_look]: is its epoll readable? Then a client
 * waits and dispatch.c has work.
 *
 * How long each client waits [pooler_waits_serve]: it is readable, and its
 * `taken` stands still. That is seen by one poll() over the sockets, without
 * harvesting, which would take clients from backends that were about to serve
 * them. Only when somebody's time is up, he is owed a notice, or he seems to
 * have left, are the ready ones harvested; those who are not meant are armed
 * again in the same order.
 *
 * What is said to them is answer.c's business.
 *
 * src/waits.c
 */
#include "postgres.h"

#include <poll.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "answer.h"
#include "client.h"
#include "guc.h"
#include "pool.h"
#include "route.h"
#include "share.h"
#include "since.h"
#include "wait_texts.h"
#include "waits.h"

#define CONTENDED_MS	1000

static TimestampTz now;

static struct pollfd *polled;	/* by client, or by route */
static int *polled_slot;
static uint64 *harvested;

void
pooler_waits_start(void)
{
	int			clients = pooler_shared->max_clients;
	int			most = Max(clients, pooler_shared->max_routes);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	polled = palloc0(sizeof(struct pollfd) * most);
	polled_slot = palloc0(sizeof(int) * most);
	harvested = palloc0(sizeof(uint64) * clients);
	MemoryContextSwitchTo(old);
}

/* ---- is somebody waiting? ---- */

/* For a second: whoever comes first after that may wait for one look. */
static void
note_contention(int route, bool somebody_waits)
{
	PoolerRoute *r = &pooler_routes[route];
	WorkerRoute *w = &pooler_worker_routes[route];

	if (somebody_waits)
	{
		w->contended_until = TimestampTzPlusMilliseconds(now, CONTENDED_MS);
		pg_atomic_write_u32(&r->contended, 1);
	}
	else if (pg_atomic_read_u32(&r->contended) != 0 &&
			 !pooler_is_ahead(w->contended_until, now, CONTENDED_MS))
		pg_atomic_write_u32(&r->contended, 0);
}

/*
 * Nobody is idle there; somebody_waits: the epoll is readable. What helps first
 * is that silent clients are not kept, and quick ones no longer (await.c); only
 * if somebody still waits then is the route saturated.
 */
static void
look_at_busy(int route, bool somebody_waits)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	bool		was_contended =
		pg_atomic_read_u32(&pooler_routes[route].contended) != 0;
	bool		saturated;

	note_contention(route, somebody_waits);
	saturated = pooler_route_recall(route, now - POOLER_QUICK_US) == 0 &&
		somebody_waits && was_contended;
	if (saturated && !w->saturated)
		w->saturated_since = now;
	w->saturated = saturated;
	if (saturated)
		pooler_worker_pools[pooler_routes[route].pool].dirty = true;
}

bool
pooler_waits_look(void)
{
	int			n = 0;
	bool		soon = false;

	now = GetCurrentTimestamp();
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		PoolerRoute *r = &pooler_routes[i];
		WorkerRoute *w = &pooler_worker_routes[i];

		if (!r->used)
			continue;
		if (r->backends > 0 && (int32) pg_atomic_read_u32(&r->idle) <= 0 &&
			pg_atomic_read_u32(&r->keep) == 0)
		{
			polled[n].fd = w->epoll_fd;
			polled[n].events = POLLIN;
			polled_slot[n++] = i;
		}
		else
		{
			w->saturated = false;
			note_contention(i, false);
		}
		if (w->held > 0)
		{
			soon = true;
			pooler_worker_pools[r->pool].dirty = true;
		}
	}
	if (n > 0 && poll(polled, n, 0) < 0)
		return true;
	for (int i = 0; i < n; i++)
		look_at_busy(polled_slot[i], polled[i].revents != 0);
	return soon || n > 0;
}

/* ---- who, since when ---- */

/*
 * A client that is readable and has not been taken waits. Waits shorter than
 * the time between two looks are mostly not seen, but as many of them are seen
 * as there are at any moment: so each look counts for the time since the last.
 */
static void
stamp_wait(int slot, bool ready, int64 elapsed_us)
{
	PoolerClient *c = &pooler_clients[slot];

	if (!ready)
	{
		c->waiting_since = 0;
		return;
	}
	/* later than now: the clock has been set back */
	if (!pooler_client_waits(c) || c->waiting_since > now)
	{
		c->waiting_taken = pg_atomic_read_u32(&c->taken);
		c->waiting_since = now;
		pooler_answer_forget_notice(slot);
	}
	else
		pooler_wait_texts_look(slot, pooler_client_fd(slot));
	pooler_routes[c->route].wait_us += elapsed_us;
	c->wait_us += elapsed_us;
	pooler_pools[c->pool].wait_us += elapsed_us;
}

/* Is it seen from afar that it waits, if it does? */
static bool
is_in_queue(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	return c->state == CLIENT_HELD ||
		(c->state == CLIENT_ARMED && c->route != POOLER_NO_ROUTE &&
		 pooler_worker_routes[c->route].saturated && !pooler_worker_clients[slot].with_backend);
}

/* Who waits, among the armed clients of saturated routes and those held. */
static void
stamp_waits(int64 elapsed_us)
{
	int			n = 0;

	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		pooler_worker_clients[i].hang = 0;
		if (!is_in_queue(i))
		{
			if (c->state == CLIENT_ARMED)
				c->waiting_since = 0;
			continue;
		}
		polled[n].fd = pooler_client_fd(i);
		polled[n].events = POLLIN | POLLRDHUP;
		polled[n].revents = 0;
		polled_slot[n++] = i;
	}
	if (n > 0 && poll(polled, n, 0) < 0)
		return;
	for (int i = 0; i < n; i++)
	{
		int			slot = polled_slot[i];
		PoolerClient *c = &pooler_clients[slot];

		stamp_wait(slot, polled[i].revents != 0 || c->greet ||
				   c->state == CLIENT_HELD, elapsed_us);
		pooler_worker_clients[slot].hang =
			polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR);
	}
}

/* -1 is never, 0 is at once: as soon as it is seen to wait. */
static bool
timed_out(PoolerClient *c)
{
	int			ms = pooler_pools[c->pool].limits.timeout_ms;

	return pooler_client_waits(c) && ms >= 0 &&
		now - c->waiting_since >= (int64) ms * 1000;
}

static bool
owed_notice(PoolerClient *c, int slot)
{
	return pooler_guc_wait_notice >= 0 && !c->greet &&
		pooler_since_exceeds(c->waiting_since, now, pooler_guc_wait_notice) &&
		!pooler_answer_was_noticed(slot);
}

/*
 * One that waits and will send no more: has it left, or does it want its answer
 * yet?  PostgreSQL serves what it has read before it sees the end, so this one
 * is served, too, in its turn. It is written to once: where the socket has been
 * closed that brings a reset, and the next look sees it. One that logs in has
 * asked for nothing.
 */
static bool
owed_look(int slot)
{
	WorkerClient *w = &pooler_worker_clients[slot];

	return (w->hang & (POLLHUP | POLLERR)) != 0 ||
		((w->hang & POLLRDHUP) != 0 && !w->probed);
}

/* True: it has left. */
static bool
look_after(int slot)
{
	if (!owed_look(slot))
		return false;
	if ((pooler_worker_clients[slot].hang & (POLLHUP | POLLERR)) != 0 ||
		pooler_clients[slot].greet)
	{
		pooler_client_close(slot);
		return true;
	}
	pooler_client_probe(slot);
	return false;
}

/* The role has none, and the server said why; the next try comes later. */
static bool
births_fail(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	return pooler_routes[route].backends == 0 && w->failures > 0 &&
		w->refused[0] != '\0' &&
		pooler_is_ahead(w->retry_at, now, ROUTE_MAX_BACKOFF_MS);
}

static char *
timeout_detail(int pool, int route)
{
	PoolerPool *p = &pooler_pools[pool];

	if (p->state == POOL_UNAVAILABLE)
		return psprintf("Pool \"%s\" cannot open backends: %s", p->name,
						p->last_error);
	if (pooler_pool_is_paused(pool))
		return psprintf("Pool \"%s\" may have no backend while its database is dropped, moved or copied.",
						p->name);
	if (pooler_share_starves(pool))
		return psprintf("Pool \"%s\" has no backend, and no other pool could give one up in time.",
						p->name);
	if (births_fail(route))
		return psprintf("Pool \"%s\" has no backend for role \"%s\": %s", p->name,
						pooler_routes[route].role_name,
						pooler_worker_routes[route].refused);
	if (pooler_worker_pools[pool].open > 0)
		return psprintf("All backends of pool \"%s\" are in use.", p->name);
	return psprintf("Pool \"%s\" has no backend yet.", p->name);
}

static const char *
timeout_hint(int pool, int route)
{
	if (pooler_pools[pool].state == POOL_UNAVAILABLE)
		return "pooler.diagnose() says what to do.";
	if (pooler_pool_is_paused(pool))
		return "Try again when that has ended.";
	if (pooler_share_starves(pool))
		return "Raise pooler.max_backends or max_connections, or lower the size of other pools.";
	if (births_fail(route))
		return "For a CONNECTION LIMIT pooler.capacity says what to do.";
	return "Raise pooler.max_overflow or pooler.pool_size, find what holds backends in pooler.backends, or raise pooler.pool_timeout.";
}

static void
say_timeout(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	PoolerPool *p = &pooler_pools[c->pool];

	p->timeouts++;
	pooler_answer_error(slot, "53300",
						 psprintf("QueuePool limit of size %d overflow %d reached, connection timed out, timeout %.2f",
								  p->limits.pool_size, p->limits.max_overflow,
								  p->limits.timeout_ms / 1000.0),
						 timeout_detail(c->pool, c->route),
						 timeout_hint(c->pool, c->route));
}

/* A client that waits and that the worker owns: is anything due?  True: it is
 * not to be armed any more. */
static bool
serve_waiting(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	if (pooler_client_is_ending(slot))
		return false;
	if (look_after(slot))
		return true;
	if (!timed_out(c) && !owed_notice(c, slot))
		return false;
	if (!pooler_answer_is_wanted(slot))
		return true;
	if (timed_out(c))
	{
		say_timeout(slot);
		return true;
	}
	pooler_answer_notice(slot,
						 psprintf("waiting for a backend of pool \"%s\"",
								  pooler_pools[c->pool].name));
	return false;
}

static void
serve_held(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	int			n = 0;

	for (int i = 0; w->held > 0 && i < pooler_shared->max_clients; i++)
	{
		if (pooler_clients[i].state == CLIENT_HELD &&
			pooler_clients[i].route == route)
			polled_slot[n++] = i;
	}
	for (int i = 0; i < n; i++)
		(void) serve_waiting(polled_slot[i]);
}

/* Is something due for an armed client of this route? */
static bool
route_is_due(int route)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state != CLIENT_ARMED || c->route != route)
			continue;
		if (pooler_client_is_ending(i) ||
			(pooler_client_waits(c) &&
			 (timed_out(c) || owed_notice(c, i) || owed_look(i))))
			return true;
	}
	return false;
}

static void
arm_or_close(int slot)
{
	if (pooler_client_is_ending(slot) || !pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

/*
 * Takes those who are ready, serves who is due, arms the others in order. Who
 * came meanwhile is taken, too, or would be in front of them.
 */
static void
harvest_due(int route)
{
	int			n = pooler_route_harvest(route, harvested,
										 pooler_shared->max_clients);
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		int			slot = pooler_client_slot(harvested[i]);

		Assert(pooler_client_is(slot, pooler_client_generation(harvested[i])));
		if (!pooler_client_waits(&pooler_clients[slot]) || !serve_waiting(slot))
			harvested[left++] = harvested[i];
	}
	left += pooler_route_harvest(route, harvested + left,
								 pooler_shared->max_clients - left);
	for (int i = 0; i < left; i++)
		arm_or_close(pooler_client_slot(harvested[i]));
}

/*
 * Within a turn the worker holds clients that are ready, and those that it
 * answers: after an ERROR (no memory) somebody may be left in its hands, whom
 * nobody would ever look at again.
 */
static void
let_go_of_all(void)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state == CLIENT_ARMED &&
			(uint32) pg_atomic_read_u64(&c->owner) == POOLER_WORKER_OWNS)
			arm_or_close(i);
		else if (c->state == CLIENT_ANSWERING &&
				 !pooler_worker_clients[i].watched)
			pooler_client_close(i);
	}
}

bool
pooler_waits_somebody(int pool)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state != CLIENT_FREE && c->pool == pool &&
			pooler_client_waits(c))
			return true;
	}
	return false;
}

void
pooler_waits_serve(TimestampTz at, int64 elapsed_us)
{
	now = at;
	let_go_of_all();
	stamp_waits(elapsed_us);
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		if (!pooler_routes[i].used)
			continue;
		serve_held(i);
		if (pooler_routes[i].used && pooler_worker_routes[i].saturated &&
			route_is_due(i))
			harvest_due(i);
	}
}

void
pooler_waits_route_event(int route)
{
	int			n;

	/* it was in one batch with a birth: the backend serves who is there */
	if (pooler_routes[route].backends > 0)
		return;
	n = pooler_route_harvest(route, harvested, pooler_shared->max_clients);
	for (int i = 0; i < n; i++)
		pooler_client_harvested(pooler_client_slot(harvested[i]),
								pooler_client_generation(harvested[i]));
	if (pooler_routes[route].used)
		pooler_worker_pools[pooler_routes[route].pool].dirty = true;
}
