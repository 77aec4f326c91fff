/*
 * upkeep.c
 *	  What the worker does with backends by the clock, ten times a second.
 *
 * It replaces those that are too old or born before their role was altered,
 * invalidates those that do not respond, and drains pools that are no more. Each is
 * a short function of one backend, or of one pool. What goes for a limit's sake is
 * surplus.c's business.
 *
 * Who waits for a backend is waits.c's business, who gets one dispatch.c's; who
 * holds one too long leaks.c's and stall.c's.
 *
 * src/upkeep.c
 */
#include "postgres.h"

#include <time.h>

#include "postmaster/postmaster.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth.h"
#include "client.h"
#include "conn_limit.h"
#include "console.h"
#include "deliver.h"
#include "dispatch.h"
#include "door.h"
#include "endpoint.h"
#include "guc.h"
#include "history.h"
#include "leaks.h"
#include "member.h"
#include "open.h"
#include "pool.h"
#include "route.h"
#include "since.h"
#include "stall.h"
#include "stats.h"
#include "surplus.h"
#include "upkeep.h"
#include "waits.h"

/* An idle backend comes by once a second; a taken client is served at once. */
#define HUNG_IDLE_MS		3500
#define HUNG_TAKEN_MS		1000
#define HUNG_BIRTH_MS		10000
#define HUNG_LEAVING_MS		2000

/* Less than this is no setting of the clock. */
#define CLOCK_STEP_US		(500 * INT64CONST(1000))

/* What the last look at a backend found. */
typedef struct MemberLook
{
	TimestampTz returning_since;
	int64		checkouts;		/* then */
	TimestampTz leaving_since;
} MemberLook;

static TimestampTz now;
static TimestampTz last_turn;
static TimestampTz looking_since;	/* without a break */
static MemberLook *looks;		/* by member */

void
pooler_upkeep_start(void)
{
	looks = MemoryContextAllocZero(TopMemoryContext, sizeof(MemberLook) *
								   pooler_shared->max_members);
	last_turn = looking_since = GetCurrentTimestamp();
	pooler_leaks_start();
	pooler_stall_start();
}

static bool
older_than(TimestampTz since, int ms)
{
	return pooler_since_exceeds(since, now, ms);
}

static bool
is_too_old(const PoolerMember *m, int member)
{
	int			recycle_s = pooler_pools[m->pool].limits.recycle_s;
	int64		jitter;
	int64		age_ms;

	if (recycle_s < 0 || m->opened_at == 0)
		return false;
	/* +-5 %, fixed for this life of this backend, so that not all end at once */
	jitter = (int64) recycle_s * (((int64) m->pid * 7919 + member) % 101 - 50);
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

/* Since when each look has found it giving one client up, which takes no time. */
static TimestampTz
returning_since(int member, uint32 activity)
{
	MemberLook *look = &looks[member];
	int64		checkouts = pooler_members[member].counts.checkouts;

	if (activity != ACTIVITY_RETURNING)
		look->returning_since = 0;
	else if (look->returning_since == 0 || look->checkouts != checkouts)
		look->returning_since = now;
	look->checkouts = checkouts;
	return look->returning_since;
}

/* If we ourselves were stopped, or the clock was set, nobody else is blamed. */
static bool
silent_since(TimestampTz since, int ms)
{
	return older_than(since, ms) && older_than(looking_since, ms);
}

/* One that has not even a process yet is not there to be ended. */
static void
give_opening_up(int member)
{
	if (pooler_members[member].pid != 0)
	{
		pooler_member_invalidate(member, "it does not come to its login");
		return;
	}
	pooler_pool_failed(pooler_members[member].pool,
					   "the server does not start it", false);
	pooler_open_failed(member);
}

/* Is it alive?  It comes by once a second while it is idle or unborn. */
static void
ping(int member)
{
	PoolerMember *m = &pooler_members[member];
	uint32		activity = pg_atomic_read_u32(&m->activity);
	TimestampTz returning = returning_since(member, activity);
	const char *why = NULL;

	pg_read_barrier();			/* the times are of what it was doing, or later */
	/* the server would have ended it, if it could */
	if (m->state == MEMBER_OPENING &&
		silent_since(m->opened_at, AuthenticationTimeout * 1000))
	{
		give_opening_up(member);
		return;
	}
	if (!pooler_pools[m->pool].limits.pre_ping)
		return;
	if ((m->state == MEMBER_UNBORN || activity == ACTIVITY_IDLE ||
		 activity == ACTIVITY_PRIVATE || activity == ACTIVITY_RECALLED) &&
		silent_since(m->alive_at, HUNG_IDLE_MS))
		why = "it does not respond";
	else if (m->state == MEMBER_BIRTH &&
			 silent_since(m->alive_at, HUNG_BIRTH_MS))
		why = "its login does not come to an end";
	else if (activity == ACTIVITY_TAKEN &&
			 silent_since(m->taken_at, HUNG_TAKEN_MS))
		why = "it took a client and did not begin";
	else if (silent_since(returning, HUNG_TAKEN_MS))
		why = "it did not give its client up";
	if (why && m->state != MEMBER_LEAVING && m->state != MEMBER_ORPHAN)
		pooler_member_invalidate(member, why);
}

/*
 * An exit takes a moment, unless it waits for a lock, of its temporary tables for
 * instance: then its place is not about to be free.
 */
static void
miss_leaver(int member)
{
	PoolerMember *m = &pooler_members[member];
	TimestampTz *since = &looks[member].leaving_since;

	if (m->state != MEMBER_LEAVING)
		*since = 0;
	else if (*since == 0)
		*since = now;
	else if (silent_since(*since, HUNG_LEAVING_MS))
		pooler_member_overdue(member);
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
	if (m->catalog_generation >=
		pooler_shmem_catalog_generation(r->role,
										pooler_pools[m->pool].database_oid) ||
		pooler_member_idle_since(m) == 0 ||
		pooler_worker_routes[m->route].may_not_login)
		return;
	pooler_member_retire(member);
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

static void
look_at_pools(void)
{
	pooler_surplus_turn(now);
	pooler_pool_make_room();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE)
			continue;
		if (pooler_pools[i].state == POOL_DRAINING || pooler_pool_is_paused(i))
			drain(i);
		else
			pooler_surplus_close(i);
		mark_overflow(i);
		pooler_pool_upkeep(i, now);
		pooler_worker_pools[i].dirty = true;
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

/* On the clock that nobody sets, and that stands still while the machine does. */
static int64
monotonic_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * USECS_PER_SEC + t.tv_nsec / 1000;
}

/* Nobody's time is up because the clock was set: what lasts goes on to do so. */
static void
follow_clock(int64 elapsed_us)
{
	ClockStep	step = {.before = last_turn + elapsed_us,.now = now};

	step.by = now - step.before;
	if (step.by > -CLOCK_STEP_US && step.by < CLOCK_STEP_US)
		return;
	looking_since = now;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		pooler_since_follow(&looks[i].returning_since, &step);
		pooler_since_follow(&looks[i].leaving_since, &step);
	}
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		pooler_since_follow(&pooler_worker_routes[i].full_since, &step);
		pooler_since_follow(&pooler_worker_routes[i].full_at, &step);
	}
	pooler_member_follow_clock(&step);
	pooler_client_follow_clock(&step);
	pooler_console_follow_clock(&step);
	pooler_door_follow_clock(&step);
	pooler_endpoint_follow_clock(&step);
	pooler_pool_follow_clock(&step);
	pooler_history_follow_clock(&step);
	pooler_stats_follow_clock(&step);
	pooler_since_follow(&pooler_shared->stats_reset_at, &step);
	pooler_stall_follow_clock(&step);
	pooler_leaks_follow_clock(&step);
}

void
pooler_upkeep_turn(void)
{
	static int	turn = 0;
	static int64 last_us = 0;
	int64		now_us = monotonic_us();
	int64		elapsed_us = last_us == 0 ? 0 : now_us - last_us;

	now = GetCurrentTimestamp();
	/* half of the shortest time after which somebody is blamed */
	if (elapsed_us > HUNG_TAKEN_MS * 1000 / 2)
		looking_since = now;
	pooler_client_find_owned();
	if (last_us != 0)
		follow_clock(elapsed_us);
	last_turn = now;
	last_us = now_us;
	pooler_waits_serve(now, elapsed_us);
	pooler_client_upkeep(now);
	pooler_member_reap_orphans();
	if (turn++ % 10 == 0)
	{
		pooler_pool_find_databases();
		pooler_client_count_traffic();
	}
	if (roles_changed())
	{
		pooler_route_retry_all();
		check_logins();
	}
	else if (turn % 10 == 1)
		check_logins();
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		pooler_leaks_look(i, now);
		pooler_stall_look(i, now);
		if (pooler_members[i].state == MEMBER_FREE)
			continue;
		recycle(i);
		pooler_deliver_forgive_failures(i);
		replace_outdated(i);
		ping(i);
		miss_leaver(i);
	}
	pooler_route_upkeep();
	pooler_conn_limit_upkeep(now);
	look_at_pools();
}
