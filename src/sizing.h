/*
 * sizing.h
 *	  The guide's scales, and what a deployment of given size needs; pure.
 *
 * src/sizing.h
 */
#ifndef POOLER_SIZING_H
#define POOLER_SIZING_H

#define POOLER_SCALES	4

typedef struct SizingRange
{
	int			low;
	int			high;
} SizingRange;

/* A scale as the guide's "Deployment Scale Recommendations" have it, and what
 * other sections say about the same. */
typedef struct SizingScale
{
	const char *name;
	const char *users;			/* concurrent ones, as the guide writes them */
	int			most_users;
	int			pool_size;
	int			max_overflow;
	int			recycle_s;
	int			timeout_s;
	bool		pre_ping;
	bool		echo;
	SizingRange servers;		/* application servers */
	SizingRange max_connections;	/* "PostgreSQL Recommendations" */
	SizingRange list_size;		/* "Connection Pooling Parameters" */
	SizingRange list_overflow;
} SizingScale;

extern const SizingScale pooler_sizing_scales[POOLER_SCALES];

/* The scale for so many concurrent users; where the guide lists a number under
 * two scales (10, 100, 1000), the smaller one. */
extern const SizingScale *pooler_sizing_scale(int users);

/* The scale that begins with this number of users, or NULL. */
extern const SizingScale *pooler_sizing_also(int users);

static inline bool
pooler_sizing_within(int value, SizingRange range)
{
	return value >= range.low && value <= range.high;
}

/* A way to connect: copies of pools, each of so many connections. */
typedef struct SizingPlan
{
	/* asked */
	int			copies;			/* application servers; 1: with the pooler */
	int			pools;
	int			pool_size;
	int			max_overflow;	/* -1: no limit */
	int			max_connections;
	double		buffer;			/* share to add */
	int64		backend_bytes;	/* private memory of a backend at rest */
	int64		work_bytes;		/* what a running statement adds */

	/* answered */
	int64		connections;	/* -1: no limit */
	int			required;		/* with the buffer; -1: no limit, or too many */
	int64		shortfall;		/* -1: no limit */
	int			most_overflow;	/* that fits; -1: not even 0 does */
	int64		idle_bytes;		/* all connections at rest; -1: no limit */
	int64		busy_bytes;		/* all of them running a statement */
} SizingPlan;

/* Fills in the answers. False: the bytes exceed an int64. */
extern bool pooler_sizing_plan(SizingPlan *plan);

#endif							/* POOLER_SIZING_H */
