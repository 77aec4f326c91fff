/*
 * upkeep.c
 *	  What the worker does by the clock: see who waits, and schedule.
 *
 * A route with an idle backend needs nothing: the kernel wakes one. So the
 * worker looks only at routes where nobody is idle, every few milliseconds
 * while there is one (fast): is its epoll readable? Then a client waits and the
 * pool is scheduled (schedule.c decides, this file counts and acts).
 *
 * How long each client waits (slow): it is readable, and its `taken` stands
 * still. That is seen by one poll() over the sockets, without harvesting, which
 * would take clients from backends that were about to serve them. Only when
 * somebody's time is up, he is owed a notice, or he seems to have left, are the
 * ready ones harvested; those who are not meant are armed again in the same
 * order.
 *
 * src/upkeep.c
 */
#include "postgres.h"

#include <poll.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "answer.h"
#include "auth.h"
#include "cancel.h"
#include "client.h"
#include "guc.h"
#include "member.h"
#include "pool.h"
#include "route.h"
#include "schedule.h"
#include "upkeep.h"

/* A backend that nobody has wanted for so long is closed if it is overflow, or
 * makes room for another role's. */
#define SURPLUS_IDLE_MS	1000

/* An idle backend comes by once a second; a taken client is served at once. */
#define HUNG_IDLE_MS		3500
#define HUNG_TAKEN_MS		1000
#define HUNG_BIRTH_MS		10000

static TimestampTz now;

static ScheduleRoute *counts;	/* by route, of the pool at hand */
static int *count_route;		/* index in counts -> route */
static int	ncounts;
static struct pollfd *polled;	/* by client */
static int *polled_slot;
static bool *with_backend;		/* by slot */
static uint64 *harvested;
static TimestampTz last_slow = 0;

void
pooler_upkeep_start(void)
{
	int			clients = pooler_shared->max_clients;
	int			routes = pooler_shared->max_routes;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	counts = palloc0(sizeof(ScheduleRoute) * routes);
	count_route = palloc0(sizeof(int) * routes);
	polled = palloc0(sizeof(struct pollfd) * Max(clients, routes));
	polled_slot = palloc0(sizeof(int) * Max(clients, routes));
	with_backend = palloc0(sizeof(bool) * clients);
	harvested = palloc0(sizeof(uint64) * clients);
	MemoryContextSwitchTo(old);
	last_slow = GetCurrentTimestamp();
}

static bool
older_than(TimestampTz since, int ms)
{
	return since != 0 && TimestampDifferenceExceeds(since, now, ms);
}

/* ---- scheduling ---- */

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
	return pooler_worker_routes[route].retry_at <= now &&
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
	return older_than(m->born_at, pooler_guc_role_quantum) &&
		(m->counts.checkouts > 0 || older_than(since, SURPLUS_IDLE_MS)) &&
		!pooler_worker_routes[m->route].may_not_login;
}

static void
count_members(int pool, SchedulePool *p, const int *count_of_route)
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
			p->coming += m->state != MEMBER_BIRTH && !m->hung;
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
			r->idle_long = r->idle_long || older_than(since, SURPLUS_IDLE_MS);
		}
	}
}

static void
count_pool(int pool, SchedulePool *p)
{
	static int *count_of_route = NULL;

	if (count_of_route == NULL)
		count_of_route = MemoryContextAllocZero(TopMemoryContext, sizeof(int) *
												pooler_shared->max_routes);
	memset(p, 0, sizeof(*p));
	p->open = pooler_worker_pools[pool].open;
	p->limit = pooler_pool_limit(pool);
	p->pool_size = pooler_pools[pool].limits.pool_size;
	p->spares = pooler_guc_spare_backends;
	p->may_open = p->open < p->limit && pooler_pool_may_open(pool);
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
		/* one that fails is not tried again for nobody who waits */
		c->may_grow = may_be_born(i) && pooler_worker_routes[i].failures == 0 &&
			!pooler_worker_routes[i].may_not_login;
		c->waiting = births_wanted(i);
		c->waiting_since = oldest_wait(i);
		c->idle_since = PG_INT64_MAX;
		c->idle_long = false;
		count_of_route[i] = ncounts;
		count_route[ncounts++] = i;
	}
	count_members(pool, p, count_of_route);
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

/* One step; false: nothing more to do now. */
static bool
schedule_once(int pool)
{
	SchedulePool p;
	ScheduleDecision d;

	count_pool(pool, &p);
	d = pooler_schedule_next(&p, counts, ncounts);
	/* a token stays as long as it is wanted: boundaries come at any moment */
	if (d.action != SCHEDULE_TOKEN)
		pg_atomic_write_u32(&pooler_pools[pool].wanted, 0);
	switch (d.action)
	{
		case SCHEDULE_BIRTH:
			pooler_member_give_birth(find_unborn(pool), count_route[d.route]);
			return true;
		case SCHEDULE_OPEN:
			return pooler_member_open(pool);
		case SCHEDULE_RETIRE:
			retire_longest_idle(count_route[d.victim]);
			return true;
		case SCHEDULE_TOKEN:
			offer_token(pool, d.route);
			return false;
		case SCHEDULE_NOTHING:
			return false;
	}
	return false;
}

void
pooler_upkeep_schedule(void)
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

/* ---- fast: is somebody waiting? ---- */

bool
pooler_upkeep_fast(void)
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
			w->saturated = false;
		if (w->held > 0)
		{
			soon = true;
			pooler_worker_pools[r->pool].dirty = true;
		}
	}
	if (n > 0 && poll(polled, n, 0) < 0)
		return true;
	for (int i = 0; i < n; i++)
	{
		WorkerRoute *w = &pooler_worker_routes[polled_slot[i]];
		/* silent clients that are kept give their backends up first */
		bool		saturated = polled[i].revents != 0 &&
			pooler_route_recall(polled_slot[i], now - POOLER_QUICK_US) == 0;

		if (saturated && !w->saturated)
			w->saturated_since = now;
		w->saturated = saturated;
		if (saturated)
			pooler_worker_pools[pooler_routes[polled_slot[i]].pool].dirty = true;
	}
	return soon || n > 0;
}

/* ---- slow: who waits, since when ---- */

static void
find_owned(void)
{
	memset(with_backend, 0, sizeof(bool) * pooler_shared->max_clients);
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		uint64		packed = pg_atomic_read_u64(&pooler_members[i].client);

		if (packed != POOLER_NO_CLIENT &&
			pooler_client_slot(packed) < pooler_shared->max_clients)
			with_backend[pooler_client_slot(packed)] = true;
	}
}

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
	if (!pooler_client_waits(c))
	{
		c->waiting_taken = pg_atomic_read_u32(&c->taken);
		c->waiting_since = now;
		pooler_answer_forget_notice(slot);
	}
	pooler_routes[c->route].wait_us += elapsed_us;
}

/* Is it seen from afar that it waits, if it does? */
static bool
is_in_queue(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	return c->state == CLIENT_HELD ||
		(c->state == CLIENT_ARMED && c->route != POOLER_NO_ROUTE &&
		 pooler_worker_routes[c->route].saturated && !with_backend[slot]);
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
		older_than(c->waiting_since, pooler_guc_wait_notice) &&
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

static void
say_timeout(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	PoolerPool *p = &pooler_pools[c->pool];
	const char *error = p->state == POOL_UNAVAILABLE ? p->last_error : NULL;

	p->timeouts++;
	pooler_answer_error(slot, "53300",
						 psprintf("QueuePool limit of size %d overflow %d reached, connection timed out, timeout %.2f",
								  p->limits.pool_size, p->limits.max_overflow,
								  p->limits.timeout_ms / 1000.0),
						 error ? psprintf("Pool \"%s\" cannot open backends: %s",
										  p->name, error) :
						 psprintf("All backends of pool \"%s\" are in use.",
								  p->name),
						 "Raise pooler.max_overflow or pooler.pool_size, find what holds backends in pooler.backends, or raise pooler.pool_timeout.");
}

/* A client that waits and that the worker owns: is anything due? */
static bool
serve_waiting(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	if (pooler_client_is_ending(slot))
		return false;
	if (look_after(slot))
		return true;
	if (timed_out(c))
	{
		say_timeout(slot);
		return true;
	}
	if (owed_notice(c, slot))
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

/* Takes those who are ready, serves who is due, arms the others in order. */
static void
harvest_due(int route)
{
	int			n = pooler_route_harvest(route, harvested,
										 pooler_shared->max_clients);

	for (int i = 0; i < n; i++)
	{
		int			slot = pooler_client_slot(harvested[i]);

		if (!pooler_client_is(slot, pooler_client_generation(harvested[i])))
			continue;
		if (pooler_client_waits(&pooler_clients[slot]) && serve_waiting(slot))
			continue;
		if (pooler_client_is_ending(slot) ||
			!pooler_route_arm(slot, false))
			pooler_client_close(slot);
	}
}

static bool
somebody_waits(int pool)
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

static void
serve_waits(int64 elapsed_us)
{
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

/* ---- slow: backends ---- */

static bool
is_too_old(const PoolerMember *m, int member)
{
	int			recycle_s = pooler_pools[m->pool].limits.recycle_s;
	int64		jitter;
	int64		age_ms;

	if (recycle_s < 0 || m->opened_at == 0)
		return false;
	/* +-5 %, fixed for this life of this backend, so that not all end at once */
	jitter = (int64) recycle_s * ((m->pid * 7919 + member) % 101 - 50);
	age_ms = (now - m->opened_at) / 1000;
	return age_ms > (int64) recycle_s * 1000 + jitter;
}

static void
recycle(int member)
{
	PoolerMember *m = &pooler_members[member];

	if (pg_atomic_read_u32(&m->leave) != 0 || !is_too_old(m, member))
		return;
	if (m->state == MEMBER_UNBORN || pooler_member_idle_since(m) != 0 ||
		m->state == MEMBER_BORN)
	{
		if (m->route != POOLER_NO_ROUTE &&
			pooler_worker_routes[m->route].may_not_login)
			return;
		pooler_member_recycle(member);
	}
}

/* Since when each look has found it giving a client up, which takes no time. */
static TimestampTz
returning_since(int member, uint32 activity)
{
	static TimestampTz *since = NULL;

	if (since == NULL)
		since = MemoryContextAllocZero(TopMemoryContext, sizeof(TimestampTz) *
									   pooler_shared->max_members);
	if (activity != ACTIVITY_RETURNING)
		since[member] = 0;
	else if (since[member] == 0)
		since[member] = now;
	return since[member];
}

/* Is it alive?  It comes by once a second while it is idle or unborn. */
static void
ping(int member)
{
	PoolerMember *m = &pooler_members[member];
	uint32		activity = pg_atomic_read_u32(&m->activity);
	TimestampTz returning = returning_since(member, activity);
	const char *why = NULL;

	if (!pooler_pools[m->pool].limits.pre_ping)
		return;
	if ((m->state == MEMBER_UNBORN || activity == ACTIVITY_IDLE ||
		 activity == ACTIVITY_PRIVATE || activity == ACTIVITY_RECALLED) &&
		older_than(m->alive_at, HUNG_IDLE_MS))
		why = "it does not respond";
	else if (m->state == MEMBER_BIRTH && older_than(m->alive_at, HUNG_BIRTH_MS))
		why = "its login does not come to an end";
	else if (activity == ACTIVITY_TAKEN && older_than(m->taken_at,
													  HUNG_TAKEN_MS))
		why = "it took a client and did not begin";
	else if (older_than(returning, HUNG_TAKEN_MS))
		why = "it did not give its client up";
	if (why && m->state != MEMBER_LEAVING && m->state != MEMBER_ORPHAN)
		pooler_member_invalidate(member, why);
}

/* Born before its role or database was altered: replaced when idle. */
static void
replace_outdated(int member)
{
	PoolerMember *m = &pooler_members[member];
	PoolerRoute *r;

	if (m->state != MEMBER_BORN || pg_atomic_read_u32(&m->leave) != 0)
		return;
	r = &pooler_routes[m->route];
	/* it has served, and is no older than the last failure: births succeed */
	if (m->counts.checkouts > 0 &&
		m->born_at >= pooler_worker_routes[m->route].retry_at)
		pooler_worker_routes[m->route].failures = 0;
	if (m->catalog_generation >=
		pooler_shmem_catalog_generation(r->role,
										pooler_pools[m->pool].database_oid) ||
		pooler_member_idle_since(m) == 0 ||
		pooler_worker_routes[m->route].may_not_login)
		return;
	pooler_member_retire(member);
}

static bool
half_a_message(const PoolerMember *m)
{
	return pooler_guc_client_read_timeout > 0 &&
		pg_atomic_read_u32(unconstify(pg_atomic_uint32 *,
									  &m->activity)) == ACTIVITY_SERVING &&
		m->status != NULL && m->status->st_state == STATE_IDLE &&
		older_than(m->taken_at, pooler_guc_client_read_timeout);
}

/*
 * Since when a backend waits for its client's socket in the middle of
 * something: in a message, in a batch without its Sync, in COPY, or for the
 * client to read. A plain "idle in transaction" is none of these.
 */
static TimestampTz
stuck_since(int member, uint32 wait_event)
{
	static TimestampTz *since = NULL;
	static uint32 *event = NULL;
	PoolerMember *m = &pooler_members[member];
	uint32		now_event = 0;

	if (since == NULL)
	{
		since = MemoryContextAllocZero(TopMemoryContext, sizeof(TimestampTz) *
									   pooler_shared->max_members);
		event = MemoryContextAllocZero(TopMemoryContext, sizeof(uint32) *
									   pooler_shared->max_members);
	}
	if (m->state == MEMBER_BORN && m->pid != 0 && m->status != NULL &&
		m->status->st_state == STATE_RUNNING &&
		pg_atomic_read_u32(&m->activity) == ACTIVITY_SERVING)
		now_event = ProcGlobal->allProcs[m->pgprocno].wait_event_info;
	if (now_event != event[member])
	{
		event[member] = now_event;
		since[member] = now;
	}
	return now_event == wait_event ? since[member] : 0;
}

/*
 * Clients that hold a backend by doing nothing: half a message sent, or others
 * wait while a batch is not ended or results are not read.
 */
static void
watch_holder(int member)
{
	PoolerMember *m = &pooler_members[member];
	uint64		packed = pg_atomic_read_u64(&m->client);
	int			slot = pooler_client_slot(packed);
	TimestampTz reading = stuck_since(member, WAIT_EVENT_CLIENT_READ);
	TimestampTz writing = stuck_since(member, WAIT_EVENT_CLIENT_WRITE);

	if (m->state != MEMBER_BORN || packed == POOLER_NO_CLIENT ||
		!pooler_client_is(slot, pooler_client_generation(packed)))
		return;
	if (half_a_message(m) ||
		(pooler_guc_client_read_timeout > 0 &&
		 older_than(reading, pooler_guc_client_read_timeout) &&
		 somebody_waits(m->pool)))
		pooler_client_end(slot, "08P01",
						  "terminating connection: a message or batch was begun and not completed within pooler.client_read_timeout",
						  NULL, NULL);
	if (pooler_guc_client_write_timeout > 0 &&
		older_than(writing, pooler_guc_client_write_timeout) &&
		somebody_waits(m->pool))
		pooler_client_cut(slot);
}

/* The longest idle backend of a pool, or an unborn one if those are to go, too;
 * -1: none has been so long. */
static int
longest_unused(int pool, int ms, bool with_unborn)
{
	int			best = -1;
	TimestampTz best_since = PG_INT64_MAX;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since;

		if (m->state == MEMBER_FREE || m->pool != pool ||
			pg_atomic_read_u32(&m->leave) != 0 ||
			(m->state == MEMBER_UNBORN && !with_unborn))
			continue;
		since = m->state == MEMBER_UNBORN ? m->opened_at :
			pooler_member_idle_since(m);
		if (since == 0 || since >= best_since || !older_than(since, ms) ||
			(m->route != POOLER_NO_ROUTE &&
			 pooler_worker_routes[m->route].may_not_login))
			continue;
		best = i;
		best_since = since;
	}
	return best;
}

/*
 * A busy pool keeps its spares: closed they would be opened again at once. It
 * is busy until it has had an idle backend for as long as makes a surplus.
 */
static bool
needs_spares(int pool)
{
	WorkerPool *w = &pooler_worker_pools[pool];
	SchedulePool p;

	count_pool(pool, &p);
	if (pooler_schedule_is_busy(&p))
		w->busy_at = now;
	return p.unborn <= p.spares && w->busy_at != 0 &&
		!older_than(w->busy_at, SURPLUS_IDLE_MS);
}

/* Overflow that nobody needs, and what is over the limit of all pools. */
static void
close_surplus(int pool)
{
	PoolerLimits *limits = &pooler_pools[pool].limits;
	int			open = pooler_worker_pools[pool].open;
	bool		spares = needs_spares(pool);
	int			victim = -1;

	if (pooler_pool_must_shrink(pool))
		victim = longest_unused(pool, 0, true);
	else if (limits->pool_size > 0 && open > limits->pool_size &&
			 !somebody_waits(pool))
		victim = longest_unused(pool, SURPLUS_IDLE_MS, !spares);
	if (victim >= 0)
		pooler_member_retire(victim);
}

/* A pool that was removed, or is paused: each backend goes at its next
 * boundary. */
static void
drain(int pool)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_FREE && m->pool == pool &&
			pg_atomic_read_u32(&m->leave) == 0)
			pooler_member_retire(i);
	}
}

/* Those opened last are the overflow. */
static void
mark_overflow(int pool)
{
	int			over = 0;
	int			size = pooler_pools[pool].limits.pool_size;

	if (size > 0)
		over = Max(pooler_worker_pools[pool].open - size, 0);
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		int			younger = 0;

		if (m->state == MEMBER_FREE || m->pool != pool)
			continue;
		for (int j = 0; over > 0 && j < pooler_shared->max_members; j++)
		{
			PoolerMember *o = &pooler_members[j];

			if (o->state != MEMBER_FREE && o->pool == pool &&
				(o->opened_at > m->opened_at ||
				 (o->opened_at == m->opened_at && j > i)))
				younger++;
		}
		m->overflow = younger < over;
	}
}

/* A role that may not log in any more keeps the backends that it has. */
static void
check_logins(void)
{
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		PoolerRoute *r = &pooler_routes[i];

		if (r->used && r->clients > 0)
			pooler_worker_routes[i].may_not_login =
				!pooler_auth_may_login(r->role,
									   pooler_pools[r->pool].database_oid);
		else
			pooler_worker_routes[i].may_not_login = false;
	}
}

/* Has any role or database been altered since the last look? */
static bool
roles_changed(void)
{
	static uint64 last = 0;
	uint64		sum = pg_atomic_read_u64(&pooler_shared->changes_all);
	bool		changed;

	for (int i = 0; i < POOLER_ROLE_SLOTS; i++)
		sum += pg_atomic_read_u64(&pooler_shared->changes[i]);
	changed = sum != last;
	last = sum;
	return changed;
}

void
pooler_upkeep_slow(void)
{
	static int	turn = 0;
	int64		elapsed_us;

	now = GetCurrentTimestamp();
	elapsed_us = now - last_slow;
	last_slow = now;
	find_owned();
	serve_waits(elapsed_us);
	pooler_client_upkeep(now, with_backend);
	pooler_member_reap_orphans();
	if (turn++ % 10 == 0)
		pooler_pool_find_databases();
	if (turn % 10 == 1 || roles_changed())
		check_logins();
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		if (pooler_members[i].state == MEMBER_FREE)
			continue;
		recycle(i);
		replace_outdated(i);
		watch_holder(i);
		/* if we ourselves were stopped, nobody else can be blamed */
		if (elapsed_us < 2 * USECS_PER_SEC)
			ping(i);
	}
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		if (pooler_routes[i].used)
			pooler_route_update_keep(i, true);
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE)
			continue;
		if (pooler_pools[i].state == POOL_DRAINING || pooler_pool_is_paused(i))
			drain(i);
		else
			close_surplus(i);
		mark_overflow(i);
		pooler_pool_upkeep(i, now);
		pooler_worker_pools[i].dirty = true;
	}
}

/* ---- events ---- */

void
pooler_upkeep_route_event(int route)
{
	int			n = pooler_route_harvest(route, harvested,
										 pooler_shared->max_clients);

	for (int i = 0; i < n; i++)
		pooler_client_harvested(pooler_client_slot(harvested[i]),
								pooler_client_generation(harvested[i]));
	if (pooler_routes[route].used)
		pooler_worker_pools[pooler_routes[route].pool].dirty = true;
}

static int
find_client(uint64 id)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		if (pooler_clients[i].state != CLIENT_FREE && pooler_clients[i].id == id)
			return i;
	}
	return -1;
}

static void
terminate(int slot)
{
	uint32		generation = pg_atomic_read_u32(&pooler_clients[slot].generation);

	pooler_client_end(slot, "57P01",
					  "terminating connection due to administrator command",
					  NULL, NULL);
	(void) pooler_cancel_running(pooler_client_pack(slot, generation));
}

void
pooler_upkeep_requests(void)
{
	for (int i = 0; i < POOLER_REQUESTS; i++)
	{
		uint64		request = pg_atomic_read_u64(&pooler_shared->requests[i]);
		int			slot;

		if (request == 0)
			continue;
		pg_atomic_write_u64(&pooler_shared->requests[i], 0);
		slot = find_client(request >> 1);
		if (slot < 0)
			continue;
		if ((request & 1) == POOLER_REQUEST_TERMINATE)
			terminate(slot);
		else
			pooler_answer_cancel(slot);
	}
}
