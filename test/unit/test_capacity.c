/*
 * test_capacity.c
 *	  The arithmetic of max_connections: the guide's figures, edges, limits.
 *
 * links: src/capacity.c
 *
 * test/unit/test_capacity.c
 */
#include "postgres.h"

#include <limits.h>

#include "capacity.h"
#include "tap.h"

/* Every figure of the guide's four scales, with 20 and 30 %. */
static void
test_guide(void)
{
	is(pooler_capacity_required(1, 4, 5, 10, 0), 60, "small, no buffer");
	is(pooler_capacity_required(1, 4, 5, 10, 0.2), 72, "small, 20 %");
	is(pooler_capacity_required(1, 4, 5, 10, 0.3), 78, "small, 30 %");
	is(pooler_capacity_required(1, 4, 10, 20, 0.2), 144, "medium, 20 %");
	is(pooler_capacity_required(1, 4, 10, 20, 0.3), 156, "medium, 30 %");
	is(pooler_capacity_required(1, 4, 20, 40, 0.2), 288, "large pooled, 20 %");
	is(pooler_capacity_required(1, 4, 20, 40, 0.3), 312, "large pooled, 30 %");
	is(pooler_capacity_required(2, 4, 20, 40, 0.2), 576, "large, 2 servers");
	is(pooler_capacity_required(4, 4, 20, 40, 0.3), 1248, "large, 4 servers");
	is(pooler_capacity_required(5, 4, 30, 70, 0.2), 2400, "enterprise, 20 %");
	is(pooler_capacity_required(5, 4, 30, 70, 0.3), 2600, "enterprise, 30 %");
}

/* What is an integer on paper must not be rounded up for its binary form. */
static void
test_rounding(void)
{
	int			wrong = 0;

	for (int n = 1; n <= 10000; n++)
	{
		wrong += pooler_capacity_required(1, 1, n, 0, 0.1) != (n * 11 + 9) / 10;
		wrong += pooler_capacity_required(1, 1, n, 0, 0.2) != (n * 6 + 4) / 5;
		wrong += pooler_capacity_required(1, 1, n, 0, 0.3) != (n * 13 + 9) / 10;
	}
	is(wrong, 0, "rounded up exactly, 30,000 products");
	is(pooler_capacity_required(1, 1, 1, 0, 0.2), 2, "1.2 is 2");
}

static void
test_unlimited(void)
{
	is(pooler_capacity_required(1, 4, 5, -1, 0.2), -1, "max_overflow -1");
	is(pooler_capacity_required(1, 4, 0, 10, 0.2), -1, "pool_size 0");
	is(pooler_capacity_required(INT_MAX, INT_MAX, INT_MAX, INT_MAX, 0.2), -1,
	   "too large for an int");
	is(pooler_capacity_required(0, 4, 5, 10, 0.2), 0, "no servers");
	is(pooler_capacity_required(1, 1, INT_MAX, 0, 0), INT_MAX,
	   "the largest int");
}

static void
test_backends(void)
{
	is(pooler_capacity_backends(-1, 100, 6, 0, 4), 94, "what is left");
	is(pooler_capacity_backends(-1, 100, 6, 10, 4), 84, "others count");
	is(pooler_capacity_backends(50, 100, 6, 0, 4), 50, "the setting");
	is(pooler_capacity_backends(500, 100, 6, 0, 4), 94,
	   "never the reserved ones");
	is(pooler_capacity_backends(2, 100, 6, 0, 4), 4,
	   "each listed pool can have one");
	is(pooler_capacity_backends(0, 100, 6, 0, 0), 0, "none wanted");
	is(pooler_capacity_backends(2, 10, 6, 1, 4), 3,
	   "not even for the listed pools the reserved ones");
	is(pooler_capacity_backends(-1, 10, 6, 9, 4), 0, "nothing left");
}

int
main(void)
{
	test_guide();
	test_rounding();
	test_unlimited();
	test_backends();
	return tap_end();
}
