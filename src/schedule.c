/*
 * schedule.c
 *	  Who gets the next backend of a pool: pure, counts in, one action out.
 *
 * The order under pressure: an unborn backend, a new one within the limit, the
 * longest idle one of another route, a busy route's next boundary. (An idle
 * backend of the route itself needs nobody's decision: it takes the client.)
 *
 * The route with the fewest backends is served first, then the one whose client
 * waits longest: oldest first alone once left a route without any backend for
 * seconds, while a hot one kept asking for more.
 *
 * While a pool has no more clients than pool_size, each client gets a backend of
 * its own without having to wait first: it is then kept there (await.c), which
 * is the fastest, and on a machine with few cores so few clients are busy at
 * once that nobody would ever be seen to wait.
 *
 * src/schedule.c
 */
#include "postgres.h"

#include "schedule.h"

static int
held_by(const ScheduleRoute *r)
{
	return r->backends + r->births;
}

static int
deficit(const ScheduleRoute *r)
{
	return Max(r->waiting - r->births, 0);
}

/* Does a come before b?  Both wait. */
static bool
goes_first(const ScheduleRoute *a, const ScheduleRoute *b)
{
	if (held_by(a) != held_by(b))
		return held_by(a) < held_by(b);
	return a->waiting_since < b->waiting_since;
}

static int
neediest(const ScheduleRoute *routes, int nroutes, int *wanted)
{
	int			best = -1;

	*wanted = 0;
	for (int i = 0; i < nroutes; i++)
	{
		if (deficit(&routes[i]) == 0)
			continue;
		*wanted += deficit(&routes[i]);
		if (best < 0 || goes_first(&routes[i], &routes[best]))
			best = i;
	}
	return best;
}

static int
longest_idle(const ScheduleRoute *routes, int nroutes, int except)
{
	int			victim = -1;

	for (int i = 0; i < nroutes; i++)
	{
		if (i == except || routes[i].idle_since == PG_INT64_MAX)
			continue;
		if (victim < 0 || routes[i].idle_since < routes[victim].idle_since)
			victim = i;
	}
	return victim;
}

/*
 * A route that has none may take from the greediest, or from any that does not
 * wait itself. One that has some may only take from a route with at least two
 * more, or the two would take turns for ever.
 */
bool
pooler_schedule_eligible(const ScheduleRoute *routes, int nroutes, int route,
						 int waiting)
{
	const ScheduleRoute *r = &routes[route];
	int			have = held_by(&routes[waiting]);

	if (route == waiting || r->backends == 0)
		return false;
	if (have > 0)
		return r->backends >= have + 2;
	for (int i = 0; i < nroutes; i++)
	{
		if (routes[i].backends > r->backends)
			return deficit(r) == 0;
	}
	return true;
}

/* How many more backends this route has use for, one for each client. */
static int
lacks(const ScheduleRoute *r)
{
	return r->may_grow ? Max(r->clients - held_by(r), 0) : 0;
}

/* Backends for all clients, taken from routes that have more than clients. */
static ScheduleDecision
one_for_each(const SchedulePool *pool, const ScheduleRoute *routes,
			 int nroutes)
{
	ScheduleDecision d = {SCHEDULE_NOTHING, -1, -1};
	int			clients = 0;
	int			wanted = 0;

	for (int i = 0; i < nroutes; i++)
	{
		const ScheduleRoute *r = &routes[i];

		clients += r->clients;
		wanted += lacks(r);
		if (lacks(r) > 0 && (d.route < 0 || lacks(r) > lacks(&routes[d.route])))
			d.route = i;
		if (r->idle_long && r->backends > r->clients)
			d.victim = i;
	}
	if (clients > Min(pool->pool_size, pool->limit) || d.route < 0)
		return d;
	if (pool->unborn > 0)
		d.action = SCHEDULE_BIRTH;
	else if (d.victim >= 0 && pool->coming < wanted)
		d.action = SCHEDULE_RETIRE;
	return d;
}

/* All that are open serve somebody, or are about to. */
bool
pooler_schedule_is_busy(const SchedulePool *pool)
{
	return pool->idle == 0 && pool->open > pool->unborn + pool->coming;
}

/* Nobody waits: what pool_size and the spares ask for. */
static ScheduleDecision
keep_ready(const SchedulePool *pool)
{
	ScheduleDecision d = {SCHEDULE_NOTHING, -1, -1};
	bool		spare_wanted = pooler_schedule_is_busy(pool) &&
		pool->open < pool->limit &&
		pool->unborn + pool->coming < pool->spares;

	if (pool->may_open && (pool->open < Min(pool->pool_size, pool->limit) ||
						   (spare_wanted && pool->open >= pool->pool_size)))
		d.action = SCHEDULE_OPEN;
	return d;
}

ScheduleDecision
pooler_schedule_next(const SchedulePool *pool, const ScheduleRoute *routes,
					 int nroutes)
{
	ScheduleDecision d = {SCHEDULE_NOTHING, -1, -1};
	int			wanted;

	d.route = neediest(routes, nroutes, &wanted);
	if (d.route < 0)
	{
		d = one_for_each(pool, routes, nroutes);
		return d.action == SCHEDULE_NOTHING ? keep_ready(pool) : d;
	}
	if (pool->unborn > 0)
		d.action = SCHEDULE_BIRTH;
	else if (pool->coming >= wanted)
		d.action = SCHEDULE_NOTHING;
	else if (pool->open < pool->limit && pool->may_open)
		d.action = SCHEDULE_OPEN;
	else
	{
		d.victim = longest_idle(routes, nroutes, d.route);
		d.action = d.victim >= 0 ? SCHEDULE_RETIRE : SCHEDULE_TOKEN;
	}
	return d;
}
