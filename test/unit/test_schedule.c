/*
 * test_schedule.c
 *	  Who gets the next backend: each action, the order, a backend for each.
 *
 * links: src/schedule.c
 *
 * test/unit/test_schedule.c
 */
#include "postgres.h"

#include "schedule.h"
#include "tap.h"

/* The routes of the case at hand: A, B, C. */
enum
{
	A, B, C, NROUTES
};

static SchedulePool pool;
static ScheduleRoute routes[NROUTES];

/* A pool of four that may open no more; nobody has or wants anything. */
static void
begin(void)
{
	memset(&pool, 0, sizeof(pool));
	memset(routes, 0, sizeof(routes));
	pool.open = pool.limit = pool.pool_size = 4;
	for (int i = 0; i < NROUTES; i++)
	{
		routes[i].idle_since = PG_INT64_MAX;
		routes[i].may_grow = true;
	}
}

static void
has(int route, int clients, int backends)
{
	routes[route].clients = clients;
	routes[route].backends = backends;
}

static void
waits(int route, int waiting, int64 since)
{
	routes[route].waiting = waiting;
	routes[route].waiting_since = since;
}

static void
idles(int route, int64 since, bool idle_long)
{
	routes[route].idle_since = since;
	routes[route].idle_long = idle_long;
	pool.idle++;
}

static const char *
show(ScheduleAction action)
{
	switch (action)
	{
		case SCHEDULE_NOTHING:
			return "nothing";
		case SCHEDULE_BIRTH:
			return "birth";
		case SCHEDULE_OPEN:
			return "open";
		case SCHEDULE_RETIRE:
			return "retire";
		case SCHEDULE_TOKEN:
			return "token";
	}
	return "?";
}

/* route and victim are looked at where the action uses them. */
static void
next_is(ScheduleAction action, int route, int victim, const char *name)
{
	ScheduleDecision d = pooler_schedule_next(&pool, routes, NROUTES);
	bool		for_route = action == SCHEDULE_BIRTH ||
		action == SCHEDULE_TOKEN;
	bool		good = d.action == action &&
		(!for_route || d.route == route) &&
		(action != SCHEDULE_RETIRE || d.victim == victim);

	ok(good, name);
	if (!good)
		printf("# got %s, route %d, victim %d\n", show(d.action), d.route,
			   d.victim);
}

/* Somebody waits: unborn, new, another's idle one, another's busy one. */
static void
test_pressure(void)
{
	begin();
	next_is(SCHEDULE_NOTHING, -1, -1, "nobody wants anything");
	has(A, 5, 3);
	has(B, 1, 0);
	waits(B, 1, 10);
	idles(A, 5, false);
	pool.unborn = 1;
	pool.limit = 5;
	pool.may_open = true;
	next_is(SCHEDULE_BIRTH, B, -1, "an unborn one comes first");
	pool.unborn = 0;
	next_is(SCHEDULE_OPEN, B, -1, "then a new one");
	pool.coming = 1;
	next_is(SCHEDULE_NOTHING, B, -1, "one that is coming is waited for");
	pool.coming = 0;
	pool.may_open = false;
	next_is(SCHEDULE_RETIRE, B, A, "no slot: another's idle one");
	pool.may_open = true;
	pool.limit = 4;
	next_is(SCHEDULE_RETIRE, B, A, "at the limit: another's idle one");
	has(C, 1, 1);
	idles(C, 4, false);
	next_is(SCHEDULE_RETIRE, B, C, "the longest idle one of all");
	routes[A].idle_since = routes[C].idle_since = PG_INT64_MAX;
	next_is(SCHEDULE_TOKEN, B, -1, "nobody idle: the next boundary");
	routes[B].births = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "a birth on its way serves who waits");
	waits(B, 2, 10);
	next_is(SCHEDULE_TOKEN, B, -1, "but not two of them");
	begin();
	has(A, 6, 4);
	waits(A, 1, 10);
	idles(A, 5, true);
	next_is(SCHEDULE_TOKEN, A, -1, "a route does not retire its own");
}

/* Fewest backends first, then the longest wait. */
static void
test_order(void)
{
	begin();
	has(A, 9, 2);
	has(B, 9, 1);
	has(C, 9, 1);
	waits(A, 1, 1);
	waits(B, 1, 9);
	waits(C, 1, 8);
	pool.unborn = 1;
	next_is(SCHEDULE_BIRTH, C, -1, "fewest backends, then the oldest");
	waits(C, 0, 0);
	next_is(SCHEDULE_BIRTH, B, -1, "fewest backends before the oldest");
	routes[B].births = 1;
	waits(B, 2, 9);
	next_is(SCHEDULE_BIRTH, A, -1, "births count as backends");
	waits(A, 0, 0);
	next_is(SCHEDULE_BIRTH, B, -1, "who alone waits is served");
}

static void
test_eligible(void)
{
	begin();
	has(A, 9, 3);
	has(B, 9, 1);
	waits(A, 1, 1);
	waits(C, 1, 2);
	ok(pooler_schedule_eligible(routes, NROUTES, A, C),
	   "the greediest gives, even if it waits itself");
	ok(pooler_schedule_eligible(routes, NROUTES, B, C),
	   "one that does not wait gives, too");
	waits(B, 1, 3);
	ok(!pooler_schedule_eligible(routes, NROUTES, B, C),
	   "one that waits and has fewer does not");
	ok(!pooler_schedule_eligible(routes, NROUTES, C, C),
	   "nobody gives to himself");
	ok(pooler_schedule_eligible(routes, NROUTES, A, B),
	   "to one that has some: from who has two more");
	has(A, 9, 2);
	ok(!pooler_schedule_eligible(routes, NROUTES, A, B),
	   "not from who has one more, or they would take turns for ever");
	has(A, 9, 4);
	routes[B].births = 2;
	ok(!pooler_schedule_eligible(routes, NROUTES, A, B),
	   "births count as backends");
}

/* Nobody waits. */
static void
test_ready(void)
{
	begin();
	pool.open = 3;
	next_is(SCHEDULE_NOTHING, -1, -1, "nothing is opened without a slot");
	pool.may_open = true;
	next_is(SCHEDULE_OPEN, -1, -1, "pool_size is filled");
	pool.limit = 3;
	next_is(SCHEDULE_NOTHING, -1, -1, "within the limit");
	pool.limit = 6;
	pool.open = 4;
	next_is(SCHEDULE_NOTHING, -1, -1, "no spares unless wanted");
	pool.spares = 2;
	next_is(SCHEDULE_OPEN, -1, -1, "spares beyond pool_size while busy");
	pool.unborn = 1;
	pool.coming = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "those that are coming count");
	pool.coming = 0;
	next_is(SCHEDULE_OPEN, -1, -1, "not one too few");
	pool.unborn = 2;
	next_is(SCHEDULE_NOTHING, -1, -1, "nor one too many");
	pool.unborn = 0;
	pool.idle = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "none while one is idle");
	pool.idle = 0;
	pool.open = 6;
	next_is(SCHEDULE_NOTHING, -1, -1, "none beyond the limit");
	pool.open = 1;
	pool.unborn = 1;
	pool.pool_size = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "none while nobody is busy");
	pool.open = 3;
	pool.unborn = 0;
	pool.pool_size = 0;
	pool.spares = 0;
	next_is(SCHEDULE_NOTHING, -1, -1, "pool_size 0 asks for none");
}

/* A backend for each client while there are no more than pool_size. */
static void
test_one_for_each(void)
{
	begin();
	has(A, 2, 1);
	has(B, 2, 0);
	pool.unborn = 3;
	next_is(SCHEDULE_BIRTH, B, -1, "who lacks most gets an unborn one");
	has(B, 2, 2);
	next_is(SCHEDULE_BIRTH, A, -1, "until each client has one");
	routes[A].births = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "a birth on its way is enough");
	routes[A].births = 0;
	routes[A].may_grow = false;
	next_is(SCHEDULE_NOTHING, -1, -1, "not where births are held back");
	routes[A].may_grow = true;
	has(A, 3, 2);
	next_is(SCHEDULE_NOTHING, -1, -1, "never with more clients than pool_size");
	has(A, 2, 1);
	pool.limit = 3;
	next_is(SCHEDULE_NOTHING, -1, -1, "nor with more than the limit");
	pool.limit = 8;
	has(A, 3, 2);
	next_is(SCHEDULE_NOTHING, -1, -1, "overflow is not for this");

	begin();
	has(A, 2, 1);
	has(B, 1, 3);
	idles(B, 5, false);
	next_is(SCHEDULE_NOTHING, -1, -1, "another's surplus stays for a while");
	routes[B].idle_long = true;
	next_is(SCHEDULE_RETIRE, A, B, "idle for long it is retired");
	pool.coming = 1;
	next_is(SCHEDULE_NOTHING, -1, -1, "one at a time for one client");
	has(A, 3, 1);
	has(B, 1, 3);
	next_is(SCHEDULE_RETIRE, A, B, "two for two");
	pool.coming = 0;
	has(B, 1, 1);
	next_is(SCHEDULE_NOTHING, -1, -1, "what is no surplus is not touched");
	has(A, 4, 1);
	has(B, 1, 3);
	next_is(SCHEDULE_NOTHING, -1, -1, "nothing is retired for more clients than pool_size");
	has(A, 1, 1);
	next_is(SCHEDULE_NOTHING, -1, -1, "nor where nobody lacks one");
	has(A, 2, 1);
	has(C, 0, 0);
	waits(C, 1, 3);
	pool.unborn = 1;
	next_is(SCHEDULE_BIRTH, C, -1, "who waits goes first");
}

int
main(void)
{
	test_pressure();
	test_order();
	test_eligible();
	test_ready();
	test_one_for_each();
	return tap_end();
}
