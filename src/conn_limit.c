/*
 * conn_limit.c
 *	  A birth that a CONNECTION LIMIT refuses because of backends of ours.
 *
 * The server counts each backend that is not unborn: one that is about to end,
 * and one that is idle in another pool or as another role. With direct connections
 * neither would be there. So an idle one goes, and the birth is tried again when
 * one of those that count has gone: each try costs a process.
 *
 * src/conn_limit.c
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "conn_limit.h"
#include "guc.h"
#include "member.h"
#include "pool.h"
#include "route.h"
#include "share.h"
#include "since.h"

/* How often it is looked for a place, and for how long: in the end it has failed. */
#define RETRY_MS		20
#define RETRY_MOST_MS	2000

/* Does the limit that refused this route's birth count that backend? */
static bool
is_counted(int member, int route, RefusedBy by)
{
	const PoolerMember *m = &pooler_members[member];
	const PoolerRoute *r = &pooler_routes[route];
	Oid			role = pooler_worker_members[member].role;

	if (m->state == MEMBER_FREE || !OidIsValid(role))
		return false;
	if (by == REFUSED_BY_ROLE_LIMIT)
		return role == r->role;
	return by == REFUSED_BY_DATABASE_LIMIT &&
		strcmp(pooler_pools[m->pool].database,
			   pooler_pools[r->pool].database) == 0;
}

/* One that has been told to, and works for long, may do so for long yet. */
static bool
is_leaving(PoolerMember *m, TimestampTz now)
{
	if (m->hung)
		return false;
	return m->state == MEMBER_LEAVING ||
		(m->state == MEMBER_BORN &&
		 (pg_atomic_read_u32(&m->activity) == ACTIVITY_GONE ||
		  (pg_atomic_read_u32(&m->leave) != 0 &&
		   !pooler_share_is_kept(m, now))));
}

/* A newborn serves somebody first, or two routes would take turns in vain; but one
 * that was born for a silent client, as after a recycling, may never do so. */
static bool
is_newborn(const PoolerMember *m, TimestampTz idle_since, TimestampTz now)
{
	return !pooler_since_exceeds(m->born_at, now, pooler_guc_role_quantum) ||
		(m->counts.checkouts == 0 &&
		 !pooler_since_exceeds(idle_since, now, POOLER_SURPLUS_IDLE_MS));
}

/*
 * Is it idle, or will be in a moment?  One that could not be born again is all
 * that its clients have.
 */
static bool
may_go(PoolerMember *m, TimestampTz now)
{
	if (m->state == MEMBER_BIRTH)
		return true;
	return m->state == MEMBER_BORN && pg_atomic_read_u32(&m->leave) == 0 &&
		!pooler_worker_routes[m->route].may_not_login &&
		!pooler_share_is_kept(m, now);
}

/* Those that a limit counts. */
typedef struct Counted
{
	int			all;
	bool		leaves;			/* one of them is about to be gone */
	bool		may_go;			/* one could go for who has none */
	int			victim;			/* the longest idle of these; -1: none yet */
} Counted;

static Counted
look(int route, TimestampTz now)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	Counted		counted = {.victim = -1};
	TimestampTz best = PG_INT64_MAX;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since;

		if (!is_counted(i, route, w->full_by))
			continue;
		counted.all++;
		counted.leaves = counted.leaves || is_leaving(m, now);
		since = pooler_member_idle_since(m);
		/* its own route's serves those clients before long */
		if (w->held == 0 || m->route == route || !may_go(m, now))
			continue;
		counted.may_go = true;
		if (since != 0 && !is_newborn(m, since, now) && since < best)
		{
			best = since;
			counted.victim = i;
		}
	}
	return counted;
}

/*
 * True: a place comes free. If none leaves, one is told to, but not while another
 * birth of the route is on its way: its backend serves all who wait there.
 */
static bool
has_hope(int route, const Counted *counted)
{
	bool		waits = counted->leaves ||
		pooler_worker_routes[route].births > 0;

	if (!waits && counted->victim >= 0)
	{
		pooler_worker_routes[pooler_members[counted->victim].route].limited = true;
		pooler_member_retire(counted->victim);
	}
	return waits || counted->may_go;
}

static bool
has_tried_for_long(const WorkerRoute *w, TimestampTz now)
{
	return now - w->full_since > RETRY_MOST_MS * INT64CONST(1000);
}

static void
try_again_after(WorkerRoute *w, TimestampTz now)
{
	w->retry_at = TimestampTzPlusMilliseconds(now, RETRY_MS);
}

bool
pooler_conn_limit_makes_room(int route, const Refusal *refusal)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	TimestampTz now = GetCurrentTimestamp();
	Counted		counted;

	if (refusal->by == REFUSED_OTHERWISE)
		return false;
	w->full_by = refusal->by;
	counted = look(route, now);
	w->full_of = counted.all;
	if (w->full_since == 0 || w->full_since > now ||
		pooler_since_exceeds(w->full_at, now, 2 * RETRY_MOST_MS))
		w->full_since = now;
	w->full_at = now;
	if (has_tried_for_long(w, now) || !has_hope(route, &counted))
	{
		/* who comes next begins anew: others may be idle by then */
		w->full_since = 0;
		return false;
	}
	try_again_after(w, now);
	return true;
}

bool
pooler_conn_limit_is_full(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	TimestampTz now = GetCurrentTimestamp();
	Counted		counted;

	if (w->full_by == REFUSED_OTHERWISE || w->full_since == 0 ||
		w->full_since > now || has_tried_for_long(w, now))
		return false;
	counted = look(route, now);
	if (counted.all < w->full_of || !has_hope(route, &counted))
		return false;
	try_again_after(w, now);
	return true;
}

/* It waits for its next try, which is the later the more often the limit was full. */
static bool
backs_off(int route, TimestampTz now)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	return pooler_routes[route].used && w->held > 0 && w->births == 0 &&
		w->full_by != REFUSED_OTHERWISE && w->full_since == 0 &&
		pooler_is_ahead(w->retry_at, now, ROUTE_MAX_BACKOFF_MS);
}

void
pooler_conn_limit_upkeep(TimestampTz now)
{
	for (int i = 0; i < pooler_routes_seen; i++)
	{
		WorkerRoute *w = &pooler_worker_routes[i];
		Counted		counted;

		if (!backs_off(i, now))
			continue;
		counted = look(i, now);
		if (counted.all >= w->full_of && counted.victim < 0)
			continue;
		w->full_since = w->full_at = now;
		w->retry_at = 0;
	}
}

void
pooler_conn_limit_has_room(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	w->full_since = 0;
	w->full_by = REFUSED_OTHERWISE;
	w->limited = false;
}
