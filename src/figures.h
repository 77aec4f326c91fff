/*
 * figures.h
 *	  What pools, routes and the worker are doing now and have done.
 *
 * src/figures.h
 */
#ifndef POOLER_FIGURES_H
#define POOLER_FIGURES_H

#include "shmem.h"

/* What the backends of a pool are doing. */
typedef struct PoolCounts
{
	int			all;
	int			starting;
	int			unborn;
	int			idle;
	int			active;
	int			pinned;
	int			leaving;
	int			overflow;		/* counted among the others, too */
	int			unneeded;		/* unborn or idle since before `cutoff`, or never
								 * checked out; overflow does not count */
} PoolCounts;

/* Clients that wait for a backend now. */
typedef struct WaitFigures
{
	int			clients;
	TimestampTz first;			/* since when the first does, 0: none */
} WaitFigures;

typedef struct PoolFigures
{
	const PoolerPool *pool;
	PoolCounts	backends;
	WaitFigures waits;
	PoolerCounts done;
} PoolFigures;

typedef struct RouteFigures
{
	const PoolerRoute *route;
	WaitFigures waits;
	PoolerCounts done;
} RouteFigures;

typedef struct WorkerFigures
{
	pid_t		pid;			/* 0: does not run */
	TimestampTz started_at;
	TimestampTz stats_reset_at;
	bool		listening;
	int			clients;
	int			max_clients;
	int			backends;
	const char *hba_missing;	/* '' where nothing is */
} WorkerFigures;

/*
 * Which pool is told of those that have the name of this one, which is in use?
 * Where one drains beside its successor it is the successor: what the other one
 * has counted is not its, and a sum would fall when the other one has gone.
 */
extern int	pooler_figures_told(int pool);

/* The same, of those whose names are the same to this one. */
extern int	pooler_figures_told_as(int pool,
								   bool (*same) (const char *a, const char *b));

extern const char *pooler_figures_pool_state(PoolerPoolState state);
extern const char *pooler_figures_backend_state(PoolerMember *m);

/* What follows is palloc'd, and a moment old. By pool, [POOLER_MAX_POOLS]: */
extern PoolCounts *pooler_figures_count(TimestampTz cutoff);
extern WaitFigures *pooler_figures_waits(void);

/* By route, [max_routes]. */
extern WaitFigures *pooler_figures_waits_by_route(void);

/* Of those that are in use, *n of them. */
extern PoolFigures *pooler_figures_pools(int *n);
extern RouteFigures *pooler_figures_routes(int *n);

extern void pooler_figures_worker(WorkerFigures *f);

#endif							/* POOLER_FIGURES_H */
