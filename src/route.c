/*
 * route.c
 *	  The worker's side of a (pool, role) pair: its epoll and who waits in it.
 *
 * A route with backends is left alone: they sleep in its epoll and take clients
 * themselves. A route without backends is nested in the worker's own epoll: the
 * worker harvests who is ready and holds them, as their owner, in a FIFO (armed
 * again they would fire at once). Held clients are births wanted. When the
 * first backend is born the nesting ends and the held are armed in order.
 *
 *	  armed -> held [hold]: the worker owns it
 *	  held -> armed [backends_changed]: in the order of their coming
 *
 * A route outlives its clients and backends, for its counters' sake, until its
 * place is needed for another one or its pool is gone.
 *
 * src/route.c
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "counters.h"
#include "evloop.h"
#include "net.h"
#include "route.h"

#define HARVEST_AT_ONCE 256

WorkerRoute *pooler_worker_routes = NULL;
int			pooler_routes_seen = 0;

static int *held_next;			/* by slot */

/* No ERROR: whoever comes here is in the midst of a birth or of an end. What fails
 * is tried again [pooler_route_upkeep]. */
static void
watch(int route, bool on)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	if (w->watched == on)
		return;
	if (on)
		w->watched = pooler_evloop_try_add(w->epoll_fd, EVENT_ROUTE, route, 0);
	else
	{
		pooler_evloop_remove(w->epoll_fd);
		w->watched = false;
	}
}

void
pooler_route_clear_counters(int route)
{
	PoolerRoute *r = &pooler_routes[route];

	r->wait_us = 0;
	memset(&r->login, 0, sizeof(Histogram));
	memset(&r->birth, 0, sizeof(Histogram));
	pooler_counters_clear_route(route);
}

/* Nobody is in it yet. False: logged. */
static bool
open_route(int route)
{
	PoolerRoute *r = &pooler_routes[route];
	WorkerRoute *w = &pooler_worker_routes[route];
	int			fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not create an epoll instance for a role's clients: %m")));
		return false;
	}
	memset(w, 0, sizeof(*w));
	w->epoll_fd = fd;
	w->held_first = w->held_last = -1;
	r->clients = r->backends = 0;
	pg_atomic_write_u32(&r->keep, 0);
	pg_atomic_write_u32(&r->contended, 0);
	pg_atomic_write_u32(&r->eligible, 0);
	pg_atomic_write_u32(&r->idle, 0);
	watch(route, true);
	return true;
}

static bool
make_route(int route, int pool, Oid role, const char *role_name,
		   bool superuser)
{
	PoolerRoute *r = &pooler_routes[route];

	if (!open_route(route))
		return false;
	r->pool = pool;
	r->role = role;
	r->superuser = superuser;
	strlcpy(r->role_name, role_name, NAMEDATALEN);
	pooler_route_clear_counters(route);
	r->used = true;
	return true;
}

/* Those of an earlier worker go on, with what they have counted. */
void
pooler_route_start(void)
{
	int			n = pooler_shared->max_routes;

	pooler_worker_routes = MemoryContextAllocZero(TopMemoryContext,
												  sizeof(WorkerRoute) * n);
	held_next = MemoryContextAllocZero(TopMemoryContext,
									   sizeof(int) * pooler_shared->max_clients);
	for (int i = 0; i < n; i++)
	{
		pooler_worker_routes[i].epoll_fd = -1;
		pooler_routes[i].used = pooler_routes[i].used && open_route(i);
		if (pooler_routes[i].used)
			pooler_routes_seen = i + 1;
	}
}

static bool
is_empty(int route)
{
	return pooler_routes[route].clients == 0 &&
		pooler_routes[route].backends == 0 &&
		pooler_worker_routes[route].births == 0;
}

static void
forget(int route)
{
	watch(route, false);
	close(pooler_worker_routes[route].epoll_fd);
	pooler_worker_routes[route].epoll_fd = -1;
	pooler_routes[route].used = false;
}

void
pooler_route_forget_pool(int pool)
{
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		if (pooler_routes[i].used && pooler_routes[i].pool == pool &&
			is_empty(i))
			forget(i);
	}
}

/* A place for one more; -1: too many have clients or backends, see shmem.c. */
static int
free_route(void)
{
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		if (!pooler_routes[i].used)
			return i;
	}
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		if (is_empty(i))
		{
			forget(i);
			return i;
		}
	}
	return -1;
}

bool
pooler_route_is_room(void)
{
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		if (!pooler_routes[i].used || is_empty(i))
			return true;
	}
	return false;
}

int
pooler_route_find(int pool, Oid role, const char *role_name, bool superuser)
{
	int			made;

	for (int i = 0; i < pooler_routes_seen; i++)
	{
		PoolerRoute *r = &pooler_routes[i];

		if (!r->used || r->pool != pool || r->role != role ||
			r->superuser != superuser)
			continue;
		/* it may have been renamed; births go by this name */
		strlcpy(r->role_name, role_name, NAMEDATALEN);
		return i;
	}
	made = free_route();
	if (made < 0)
		return ROUTE_NO_ROOM;
	if (!make_route(made, pool, role, role_name, superuser))
		return ROUTE_NO_FILE;
	pooler_routes_seen = Max(pooler_routes_seen, made + 1);
	return made;
}

static bool
arm(int slot, uint64 packed, bool add)
{
	PoolerClient *c = &pooler_clients[slot];

	return pooler_net_arm(pooler_worker_routes[c->route].epoll_fd, add,
						  pooler_shared->base_fd + slot, packed, c->greet);
}

static uint64
pack(int slot)
{
	return pooler_client_pack(slot,
							  pg_atomic_read_u32(&pooler_clients[slot].generation));
}

bool
pooler_route_arm(int slot, bool add)
{
	uint64		packed = pack(slot);

	pooler_clients[slot].state = CLIENT_ARMED;
	if (!pooler_client_pass(packed, POOLER_WORKER_OWNS, POOLER_NOBODY))
		elog(ERROR, "the worker does not own client slot %d", slot);
	return arm(slot, packed, add);
}

void
pooler_route_disarm(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	if (c->route != POOLER_NO_ROUTE)
		(void) epoll_ctl(pooler_worker_routes[c->route].epoll_fd,
						 EPOLL_CTL_DEL, pooler_shared->base_fd + slot, NULL);
}

void
pooler_route_hold(int slot)
{
	WorkerRoute *w = &pooler_worker_routes[pooler_clients[slot].route];

	pooler_clients[slot].state = CLIENT_HELD;
	held_next[slot] = -1;
	if (w->held++ == 0)
		w->held_first = slot;
	else
		held_next[w->held_last] = slot;
	w->held_last = slot;
}

/* Out of the FIFO, wherever it stands; still the worker's. */
void
pooler_route_unhold(int slot)
{
	WorkerRoute *w = &pooler_worker_routes[pooler_clients[slot].route];
	int			before = -1;
	int			at = w->held_first;

	while (at != slot)
	{
		if (at < 0)
			return;
		before = at;
		at = held_next[at];
	}
	if (before < 0)
		w->held_first = held_next[slot];
	else
		held_next[before] = held_next[slot];
	if (w->held_last == slot)
		w->held_last = before;
	w->held--;
}

void
pooler_route_birth_failed(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	int			ms = w->failures == 0 ? 0 :
		Min(100 << w->failures, ROUTE_MAX_BACKOFF_MS);

	w->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	w->refused[0] = '\0';
	w->failures = Min(w->failures + 1, 10);
	w->failed++;
}

void
pooler_route_retry_all(void)
{
	for (int i = 0; i < pooler_routes_seen; i++)
		pooler_worker_routes[i].retry_at = 0;
}

void
pooler_route_backends_changed(int route)
{
	PoolerRoute *r = &pooler_routes[route];
	WorkerRoute *w = &pooler_worker_routes[route];

	pooler_route_update_keep(route, false);
	if (r->backends == 0)
	{
		w->saturated = false;
		watch(route, true);
		return;
	}
	watch(route, false);
	while (w->held > 0)
	{
		int			slot = w->held_first;

		pooler_route_unhold(slot);
		(void) pooler_route_arm(slot, false);
	}
}

/* The clock was set back: nobody knows how long ago it was. */
static bool
is_far_ahead(TimestampTz at)
{
	return at - USECS_PER_SEC > GetCurrentTimestamp();
}

int
pooler_route_recall(int route, TimestampTz silent_since)
{
	int			n = 0;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		uint32		expected = ACTIVITY_PRIVATE;

		if (m->state != MEMBER_BORN || m->route != route ||
			(m->idle_since > silent_since && !is_far_ahead(m->idle_since)) ||
			!pg_atomic_compare_exchange_u32(&m->activity, &expected,
											ACTIVITY_RECALLED))
			continue;
		pooler_shmem_wake_member(m);
		n++;
	}
	return n;
}

void
pooler_route_update_keep(int route, bool may_set)
{
	PoolerRoute *r = &pooler_routes[route];
	bool		want = r->clients <= r->backends;
	bool		is = pg_atomic_read_u32(&r->keep) != 0;

	if (want && !is && may_set)
		pg_atomic_write_u32(&r->keep, 1);
	if (!want && is)
	{
		pg_atomic_write_u32(&r->keep, 0);
		pg_memory_barrier();
		(void) pooler_route_recall(route, DT_NOEND);
	}
}

void
pooler_route_upkeep(void)
{
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		if (!pooler_routes[i].used)
			continue;
		pooler_route_update_keep(i, true);
		if (pooler_routes[i].backends == 0)
			watch(i, true);
	}
}

/*
 * A process that is stopped just as the kernel gives it an event has taken a
 * client and not said so. Those that nobody owns are armed once more: to an
 * armed one that does nothing, and of two who harvest it one wins it.
 */
void
pooler_route_rescue(int route)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		uint64		packed = pack(i);

		/* not a word about its owner: it may be won at this moment */
		if (c->state == CLIENT_ARMED && c->route == route &&
			(uint32) pg_atomic_read_u64(&c->owner) == POOLER_NOBODY)
			(void) arm(i, packed, false);
	}
}

/* Only what nobody owns: the worker's harvest is over within this turn. All of
 * them, or those who are armed again would come behind the rest. */
int
pooler_route_harvest(int route, uint64 *clients, int max)
{
	int			found = 0;
	struct epoll_event e[HARVEST_AT_ONCE];
	int			wanted;
	int			n;

	do
	{
		wanted = Min(max - found, HARVEST_AT_ONCE);
		n = epoll_wait(pooler_worker_routes[route].epoll_fd, e, wanted, 0);
		for (int i = 0; i < n; i++)
		{
			if (pooler_client_pass(e[i].data.u64, POOLER_NOBODY,
								   POOLER_WORKER_OWNS))
				clients[found++] = e[i].data.u64;
		}
	} while (n == wanted && found < max);
	return found;
}
