/*
 * test_sizing.c
 *	  The guide's scales, and the arithmetic of plans.
 *
 * links: src/sizing.c src/capacity.c
 *
 * test/unit/test_sizing.c
 */
#include "postgres.h"

#include <limits.h>

#include "capacity.h"
#include "sizing.h"
#include "tap.h"

static void
test_scales(void)
{
	const SizingScale *s = pooler_sizing_scales;

	ok(pooler_sizing_scale(1) == &s[0], "1 user: small");
	ok(pooler_sizing_scale(10) == &s[0], "10 users: small");
	ok(pooler_sizing_also(10) == &s[1], "and medium");
	ok(pooler_sizing_scale(11) == &s[1], "11 users: medium");
	ok(pooler_sizing_also(11) == NULL, "and nothing else");
	ok(pooler_sizing_scale(100) == &s[1], "100 users: medium");
	ok(pooler_sizing_scale(101) == &s[2], "101 users: large");
	ok(pooler_sizing_scale(1000) == &s[2], "1000 users: large");
	ok(pooler_sizing_also(1000) == &s[3], "and enterprise");
	ok(pooler_sizing_scale(1001) == &s[3], "1001 users: enterprise");
	ok(pooler_sizing_scale(INT_MAX) == &s[3], "any number: enterprise");
	ok(pooler_sizing_also(INT_MAX) == NULL, "and nothing else");
}

static SizingPlan
plan_of(int copies, int size, int overflow, int max_connections)
{
	SizingPlan	p = {
		.copies = copies, .pools = 4, .pool_size = size,
		.max_overflow = overflow, .max_connections = max_connections,
		.buffer = 0.2, .backend_bytes = 5 << 20, .work_bytes = 8 << 20
	};

	pooler_sizing_plan(&p);
	return p;
}

static void
test_plan(void)
{
	SizingPlan	p = plan_of(2, 20, 40, 300);

	is(p.connections, 480, "connections");
	is(p.required, 576, "with the buffer");
	is(p.shortfall, 276, "more than there are");
	is(p.most_overflow, 11, "the overflow that fits");
	is(p.idle_bytes, INT64CONST(480) * (5 << 20), "memory at rest");
	is(p.busy_bytes, INT64CONST(480) * (13 << 20), "memory at work");
	p = plan_of(1, 20, 40, 288);
	is(p.shortfall, 0, "exactly enough");
	is(p.most_overflow, 40, "its overflow is the most");
	is(plan_of(2, 30, 0, 100).most_overflow, -1, "the size alone is too much");
	is(plan_of(1, 20, 40, 262143).most_overflow, 54593, "a large server");
	is(plan_of(1, 5, -1, INT_MAX).most_overflow, 447392421, "no larger one");
	is(plan_of(1, 5, -1, INT_MAX - 1).most_overflow, 447392421, "but by one");
}

/* What most_overflow says, by trying all. */
static void
test_most_overflow(void)
{
	int			wrong = 0;

	for (int max = 1; max <= 200; max++)
		for (int size = 1; size <= 40; size += 3)
		{
			int			most = -1;

			while (pooler_capacity_required(1, 4, size, most + 1, 0.2) <= max)
				most++;
			wrong += plan_of(1, size, 0, max).most_overflow != most;
		}
	is(wrong, 0, "2,800 plans, as by trying");
}

static void
test_unlimited(void)
{
	SizingPlan	p = plan_of(1, 5, -1, 100);

	is(p.required, -1, "max_overflow -1: required");
	is(p.connections, -1, "connections");
	is(p.shortfall, -1, "shortfall");
	is(p.idle_bytes, -1, "memory");
	is(p.most_overflow, 15, "a limit that fits");
	p = plan_of(1, 0, 10, 100);
	is(p.required, -1, "pool_size 0: required");
	is(p.most_overflow, -1, "no overflow is a limit");
	is(plan_of(INT_MAX, 5, 10, 100).required, -1, "too large for an int");
}

static bool
fits(int pools, int64 backend_bytes, int64 work_bytes)
{
	SizingPlan	p = {
		.copies = 1, .pools = pools, .pool_size = 1, .max_connections = 100,
		.backend_bytes = backend_bytes, .work_bytes = work_bytes
	};

	return pooler_sizing_plan(&p);
}

static void
test_too_large(void)
{
	int64		tb = INT64CONST(1) << 40;

	ok(fits((1 << 23) - 1, tb, 0), "nearly 8 million TB");
	ok(!fits(1 << 23, tb, 0), "8 million TB: too many bytes at rest");
	ok(!fits(1 << 23, 0, tb), "or at work");
	ok(!fits((1 << 23) - 1, tb, tb), "or both together");
}

int
main(void)
{
	test_scales();
	test_plan();
	test_most_overflow();
	test_unlimited();
	test_too_large();
	return tap_end();
}
