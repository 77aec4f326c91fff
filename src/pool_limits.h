/*
 * pool_limits.h
 *	  The settings of a pool as one value.
 *
 * src/pool_limits.h
 */
#ifndef POOLER_POOL_LIMITS_H
#define POOLER_POOL_LIMITS_H

#define POOLER_MAX_POOLS	128

typedef enum PoolerMode
{
	MODE_TRANSACTION,
	MODE_SESSION
} PoolerMode;

/* The six settings of a pool, after its own and the global values. */
typedef struct PoolerLimits
{
	int			pool_size;
	int			max_overflow;	/* -1: no limit */
	int			recycle_s;		/* -1: never */
	int			timeout_ms;		/* 0: at once, -1: never */
	bool		pre_ping;
	bool		echo;
	PoolerMode	mode;
} PoolerLimits;

/* What both are in effect, -1: no limit. QueuePool: with a pool_size of 0 there is
 * none, whatever max_overflow says. */
static inline int
pooler_size_in_effect(int pool_size)
{
	return pool_size > 0 ? pool_size : -1;
}

static inline int
pooler_overflow_in_effect(int pool_size, int max_overflow)
{
	return pool_size > 0 ? max_overflow : -1;
}

#endif							/* POOLER_POOL_LIMITS_H */
