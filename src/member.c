/*
 * member.c
 *	  A backend as the worker sees it: its place, and the end of it.
 *
 *	  FREE -> OPENING -> UNBORN	[open.c]
 *	  UNBORN -> BIRTH -> BORN	[deliver.c]
 *	  BORN -> LEAVING			[hear.c]: it says so and owns nothing
 *	  any -> LEAVING			[pooler_member_invalidate]: it hangs
 *	  any -> FREE				[pooler_member_drop]: end of file on its socket
 *	  ORPHAN -> FREE			[pooler_member_reap_orphans]: of an earlier worker
 *
 * Until birth the backend is known by libpq's socket, afterwards by the control
 * socket. libpq closes its socket after a failure, so a remembered number is
 * never taken out of the epoll without asking libpq for it again.
 *
 * When a backend has gone, the client that it owned is the worker's: one that
 * was TAKEN and not yet read from, or RETURNING with its state saved, goes to
 * another backend, every other one has lost its session and is closed.
 *
 * src/member.c
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "libpq-fe.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "client.h"
#include "evloop.h"
#include "member.h"
#include "pool.h"
#include "records.h"
#include "route.h"

WorkerMember *pooler_worker_members;

void
pooler_member_start(void)
{
	int			n = pooler_shared->max_members;

	pooler_worker_members = MemoryContextAllocZero(TopMemoryContext,
												   sizeof(WorkerMember) * n);
	for (int i = 0; i < n; i++)
	{
		pooler_worker_members[i].libpq_fd = -1;
		pooler_worker_members[i].control = -1;
		pooler_members[i].route = POOLER_NO_ROUTE;
		if (pooler_members[i].state == MEMBER_FREE)
			continue;
		pooler_members[i].state = MEMBER_ORPHAN;
		pooler_worker_pools[pooler_members[i].pool].open++;
	}
}

void
pooler_member_echo(int member, const char *what)
{
	PoolerMember *m = &pooler_members[member];

	if (pooler_pools[m->pool].limits.echo)
		ereport(LOG,
				(errmsg("pool \"%s\": %s: backend %d%s%s%s",
						pooler_pools[m->pool].name, what, (int) m->pid,
						m->route >= 0 ? ", role \"" : "",
						m->route >= 0 ? pooler_routes[m->route].role_name : "",
						m->route >= 0 ? "\"" : "")));
}

/* ---- the end ---- */

static void
close_sockets(WorkerMember *w)
{
	if (w->libpq_fd >= 0 && PQsocket(w->conn) == w->libpq_fd)
		pooler_evloop_remove(w->libpq_fd);
	if (w->control >= 0)
	{
		pooler_evloop_remove(w->control);
		close(w->control);
	}
	if (w->conn)
		PQfinish(w->conn);
	w->conn = NULL;
	w->libpq_fd = w->control = -1;
}

bool
pooler_member_owned(PoolerMember *m, uint64 packed)
{
	return pooler_client_pass(packed, m - pooler_members + 1,
							  POOLER_WORKER_OWNS);
}

/* The client that a backend owned is the worker's; -1: it owned none. */
static int
take_over(PoolerMember *m)
{
	uint64		packed = pg_atomic_exchange_u64(&m->client, POOLER_NO_CLIENT);

	return packed != POOLER_NO_CLIENT && pooler_member_owned(m, packed) ?
		(int) pooler_client_slot(packed) : -1;
}

/* What a dead backend owned: back into the epoll if its session is not lost. */
static void
take_back_client(PoolerMember *m)
{
	uint32		activity = pg_atomic_read_u32(&m->activity);
	int			slot = take_over(m);

	/* nobody's already, and not yet armed */
	if (activity == ACTIVITY_RETURNING && m->route != POOLER_NO_ROUTE)
		pooler_route_rescue(m->route);
	if (slot < 0)
		return;
	if ((activity != ACTIVITY_TAKEN && activity != ACTIVITY_RETURNING) ||
		!pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

void
pooler_member_leave_route(PoolerMember *m, bool was_born)
{
	int			route = m->route;

	if (route == POOLER_NO_ROUTE)
		return;
	if (was_born)
		pooler_routes[route].backends--;
	else
		pooler_worker_routes[route].births--;
	pooler_route_backends_changed(route);
}

/* An attempt that came to nothing is neither opened nor closed. */
static void
count_closed(const PoolerMember *m)
{
	if (m->opened)
		pooler_pools[m->pool].closed++;
	pooler_worker_pools[m->pool].open--;
	pooler_worker_pools[m->pool].dirty = true;
}

void
pooler_member_drop(int member)
{
	PoolerMember *m = &pooler_members[member];
	PoolerMemberState state = m->state;

	close_sockets(&pooler_worker_members[member]);
	if (state == MEMBER_BIRTH)
		pooler_member_leave_route(m, false);
	else if (state == MEMBER_BORN)
	{
		/* it did not come as far as its first boundary */
		if (pg_atomic_read_u32(&m->activity) == ACTIVITY_NONE)
			pooler_route_birth_failed(m->route);
		pooler_member_leave_route(m, true);
	}
	take_back_client(m);
	pooler_member_echo(member, "close");
	pooler_records_unref(m->record);
	m->record = 0;
	m->state = MEMBER_FREE;
	m->route = POOLER_NO_ROUTE;
	if (!pooler_worker_members[member].recycled)
		m->unneeded_since = 0;
	m->pid = 0;
	m->status = NULL;
	count_closed(m);
}

/* ---- the worker's wishes ---- */

void
pooler_member_retire(int member)
{
	PoolerMember *m = &pooler_members[member];

	pg_atomic_write_u32(&m->leave, 1);
	pooler_shmem_wake_member(m);
}

/* What replaces it will be needed no more than it is; 0: it is busy. */
static TimestampTz
unneeded_since(const PoolerMember *m)
{
	TimestampTz idle_since = pooler_member_idle_since(m);

	if (m->state == MEMBER_UNBORN ||
		(idle_since != 0 && m->counts.checkouts == 0))
		return m->unneeded_since;
	return idle_since;
}

void
pooler_member_recycle(int member)
{
	PoolerMember *m = &pooler_members[member];

	m->unneeded_since = unneeded_since(m);
	pooler_worker_members[member].recycled = true;
	pooler_pools[m->pool].recycled++;
	pooler_member_echo(member, "recycle");
	pooler_member_retire(member);
}

static bool
move(PoolerMember *m, PoolerActivity from)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&m->activity, &expected,
										  ACTIVITY_GONE);
}

/*
 * Out of its activity, so that it cannot go on should it wake up again; a client
 * that it has not begun goes to another backend. False: it is busy.
 */
static bool
disarm_member(PoolerMember *m)
{
	int			slot;

	if (m->state != MEMBER_BORN)
		return true;
	if (move(m, ACTIVITY_IDLE))
		pg_atomic_fetch_sub_u32(&pooler_routes[m->route].idle, 1);
	/* in these the client's state is saved, or not yet loaded (handoff.c) */
	else if (!move(m, ACTIVITY_TAKEN) && !move(m, ACTIVITY_PRIVATE) &&
			 !move(m, ACTIVITY_RECALLED) && !move(m, ACTIVITY_RETURNING))
		return false;
	slot = take_over(m);
	if (slot >= 0 && !pooler_route_arm(slot, false))
		pooler_client_close(slot);
	pooler_route_rescue(m->route);
	return true;
}

void
pooler_member_overdue(int member)
{
	pooler_members[member].hung = true;
}

/*
 * SIGTERM, never SIGKILL, which would restart the whole cluster. A stopped
 * process keeps its place until it can die; nobody waits for that.
 */
void
pooler_member_invalidate(int member, const char *why)
{
	PoolerMember *m = &pooler_members[member];
	PoolerPool *p = &pooler_pools[m->pool];

	if (!disarm_member(m))
		return;
	snprintf(p->last_error, POOLER_MAX_MESSAGE, "invalidated backend %d: %s",
			 (int) m->pid, why);
	p->last_error_at = GetCurrentTimestamp();
	ereport(LOG,
			(errmsg("pool \"%s\": %s", p->name, p->last_error)));
	p->invalidated++;
	pg_atomic_write_u32(&m->leave, 1);
	if (m->pid != 0)
		(void) kill(m->pid, SIGTERM);
	m->hung = true;
	if (m->route != POOLER_NO_ROUTE)
		pooler_member_leave_route(m, m->state == MEMBER_BORN);
	m->route = POOLER_NO_ROUTE;
	m->state = MEMBER_LEAVING;
	pooler_worker_pools[m->pool].dirty = true;
}

void
pooler_member_reap_orphans(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_ORPHAN)
			continue;
		if (m->pid != 0 && (kill(m->pid, 0) == 0 || errno != ESRCH))
			continue;
		pooler_records_unref(m->record);
		m->record = 0;
		m->state = MEMBER_FREE;
		m->unneeded_since = 0;
		pooler_client_orphan_gone(i);
		count_closed(m);
	}
}

void
pooler_member_dismiss_all(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_FREE)
		{
			pg_atomic_write_u32(&m->leave, 1);
			pooler_shmem_wake_member(m);
		}
	}
}

/* ---- the clock ---- */

TimestampTz
pooler_member_idle_since(const PoolerMember *m)
{
	uint32		activity = pg_atomic_read_u32(unconstify(pg_atomic_uint32 *,
														 &m->activity));

	pg_read_barrier();
	if (m->state != MEMBER_BORN ||
		(activity != ACTIVITY_IDLE && activity != ACTIVITY_PRIVATE))
		return 0;
	return m->idle_since;
}

void
pooler_member_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		pooler_since_follow(&m->opened_at, step);
		pooler_since_follow(&m->unneeded_since, step);
		pooler_since_follow(&m->born_at, step);
		pooler_since_follow(&m->idle_since, step);
		pooler_since_follow(&m->alive_at, step);
		pooler_since_follow(&m->taken_at, step);
		pooler_since_follow(&pooler_worker_members[i].birth_began, step);
	}
}
