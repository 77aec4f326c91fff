/*
 * surplus.c
 *	  Which backends are closed for a limit's sake, or for another one's.
 *
 * A limit that is kept only while nobody works would not be one: where no backend
 * is idle, the one that is missed least is told to go, and goes at the end of its
 * transaction. One that a client keeps for its session comes last. Where another
 * pool has none, and nobody is idle, it is whoever comes to such an end first.
 *
 * src/surplus.c
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "dispatch.h"
#include "guc.h"
#include "member.h"
#include "pool.h"
#include "route.h"
#include "share.h"
#include "since.h"
#include "surplus.h"
#include "waits.h"

/* A slot that was given up is anybody's: so long no more are given than were
 * missing, as direct clients may take each. */
#define GIVING_MS 30000

static TimestampTz now;			/* of this turn */

static bool
older_than(TimestampTz since, int ms)
{
	return pooler_since_exceeds(since, now, ms);
}

/* Since when it serves nobody; 0: it does. */
static TimestampTz
unused_since(const PoolerMember *m)
{
	return m->state == MEMBER_UNBORN ? m->opened_at :
		pooler_member_idle_since(m);
}

/* A client keeps it for its session: it only goes with that client. */
static bool
is_pinned(PoolerMember *m)
{
	return pg_atomic_read_u32(&m->pins) != 0;
}

/*
 * A newborn serves somebody first, or two pools would take turns in vain. So does
 * a pool's first that is yet to be born for who waits there.
 */
static bool
is_newborn(const PoolerMember *m)
{
	if (m->state == MEMBER_UNBORN)
		return pooler_share_staying(m->pool) == 1 &&
			pooler_waits_somebody(m->pool);
	return !(older_than(m->born_at, pooler_guc_role_quantum) &&
			 (m->counts.checkouts > 0 ||
			  older_than(m->born_at, POOLER_SURPLUS_IDLE_MS)));
}

/* May it be told to go?  A newborn only for its own pool's limit. */
static bool
may_go(PoolerMember *m, int pool, bool newborn)
{
	if (m->pool != pool || pg_atomic_read_u32(&m->leave) != 0 ||
		(!newborn && is_newborn(m)))
		return false;
	return m->state == MEMBER_UNBORN ||
		(m->state == MEMBER_BORN &&
		 !pooler_worker_routes[m->route].may_not_login);
}

/* The longest idle backend of a pool, or an unborn one if those are to go, too;
 * -1: none has been so long. */
static int
longest_unused(int pool, int ms, bool with_unborn, bool newborn)
{
	int			best = -1;
	TimestampTz best_since = PG_INT64_MAX;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since = unused_since(m);

		if (!may_go(m, pool, newborn) ||
			(m->state == MEMBER_UNBORN && !with_unborn) ||
			since == 0 || since >= best_since || !older_than(since, ms))
			continue;
		best = i;
		best_since = since;
	}
	return best;
}

/* Who is likely to come to a boundary soon: the one that has begun last. */
static int
soonest_free(int pool, bool newborn)
{
	int			best = -1;
	bool		best_pinned = true;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		bool		pinned = is_pinned(m);

		if (!may_go(m, pool, newborn) || m->state != MEMBER_BORN)
			continue;
		if (best < 0 || pinned < best_pinned ||
			(pinned == best_pinned && m->taken_at > pooler_members[best].taken_at))
		{
			best = i;
			best_pinned = pinned;
		}
	}
	return best;
}

/* The one of this pool that is missed least, and sooner gone than others; -1: none
 * may go. */
static int
least_missed(int pool, bool newborn)
{
	int			victim = longest_unused(pool, 0, true, newborn);

	return victim >= 0 ? victim : soonest_free(pool, newborn);
}

/* Overflow that nobody needs, and what is over the pool's limit. */
void
pooler_surplus_close(int pool)
{
	PoolerLimits *limits = &pooler_pools[pool].limits;
	bool		spares = pooler_dispatch_needs_spares(pool);
	int			victim = -1;

	/* those that leave are none, however long that takes them */
	if (pooler_share_is_over_limit(pool))
		victim = least_missed(pool, true);
	else if (limits->pool_size > 0 &&
			 pooler_share_staying(pool) > limits->pool_size &&
			 !pooler_waits_somebody(pool))
		victim = longest_unused(pool, POOLER_SURPLUS_IDLE_MS, !spares,
								true);
	if (victim >= 0)
		pooler_member_retire(victim);
}

/*
 * Without a place for one more role those without clients give theirs up, who was
 * idle longest first. Nobody else would close their backends: who logs in as
 * another role is refused, and does not wait for one.
 */
static void
make_room_for_roles(void)
{
	int			victim = -1;
	TimestampTz best = PG_INT64_MAX;

	if (pooler_route_is_room())
		return;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		TimestampTz since = pooler_member_idle_since(m);

		if (since == 0 || since >= best || pooler_routes[m->route].clients > 0 ||
			pg_atomic_read_u32(&m->leave) != 0)
			continue;
		best = since;
		victim = i;
	}
	if (victim >= 0)
		pooler_member_retire(victim);
}

/*
 * Each is its pool's least missed: does m go before the other?  Of one that is
 * kept nobody knows when it goes. Else the largest pool gives first; of equal
 * ones the one that makes less use of its backend, or has had it longer.
 */
static bool
goes_before(PoolerMember *m, PoolerMember *other)
{
	bool		kept = pooler_share_is_kept(m, now);
	int			more = pooler_share_staying(m->pool) -
		pooler_share_staying(other->pool);
	TimestampTz unused = unused_since(m);
	TimestampTz other_unused = unused_since(other);

	if (kept != pooler_share_is_kept(other, now))
		return !kept;
	if (is_pinned(m) != is_pinned(other))
		return is_pinned(other);
	if (more != 0)
		return more > 0;
	if ((unused != 0) != (other_unused != 0))
		return unused != 0;
	return unused != 0 ? unused < other_unused : m->born_at < other->born_at;
}

/* Each listed pool can always have one. */
static bool
may_give(int pool)
{
	return pooler_share_staying(pool) > (pooler_pools[pool].listed ? 1 : 0);
}

/* The one of all pools that goes before all others; -1: none may go. */
static int
first_to_go(void)
{
	int			victim = -1;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		int			member = may_give(i) ? least_missed(i, false) : -1;

		if (member < 0)
			continue;
		if (victim < 0 || goes_before(&pooler_members[member],
									  &pooler_members[victim]))
			victim = member;
	}
	return victim;
}

/*
 * A backend for a pool that has none is to be one of those that work: whoever
 * comes to a boundary first, and nobody else. It is one of the largest pool. Where
 * all work for long, nobody knows who ends first: then it is any pool's, but no
 * pool's only one while another has two. -1: there is none to be given.
 */
static void
ask_for_one(int victim)
{
	PoolerMember *m = victim < 0 ? NULL : &pooler_members[victim];
	bool		any = m && pooler_share_is_kept(m, now);
	int			least = m ? Min(pooler_share_staying(m->pool), 2) : 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pooler_dispatch_give(i, m && (any ? may_give(i) &&
									  pooler_share_staying(i) >= least :
									  i == m->pool));
}

/*
 * Has a pool that lacks slots been given all that it lacked, and lacks some yet?
 * One more would not help it, and where direct clients wait for slots each pool
 * would soon have its last backend. What is opened instead does not count as
 * given.
 */
static bool
is_given_in_vain(void)
{
	static TimestampTz until = 0;
	static int	least = 0;		/* of all pools' backends stay until then */
	int			missing = pooler_share_missing_slots();
	int			staying = pooler_share_all_staying();

	if (missing == 0)
		return false;
	if (!pooler_is_ahead(until, now, GIVING_MS))
	{
		until = TimestampTzPlusMilliseconds(now, GIVING_MS);
		least = staying - missing;
	}
	return staying <= least;
}

/* For all pools' limit, or for a pool that has none. */
static void
shrink_pools(void)
{
	bool		too_many = pooler_share_are_too_many();
	int			victim = -1;

	if (too_many || (pooler_share_place_is_wanted() && !is_given_in_vain()))
		victim = first_to_go();
	if (victim >= 0 && (too_many || unused_since(&pooler_members[victim]) != 0))
	{
		pooler_member_retire(victim);
		victim = -1;
	}
	ask_for_one(victim);
}

void
pooler_surplus_turn(TimestampTz at)
{
	now = at;
	make_room_for_roles();
	shrink_pools();
}
