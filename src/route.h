/*
 * route.h
 *	  The worker's side of a (pool, role) pair: its epoll and who waits in it.
 *
 * src/route.h
 */
#ifndef POOLER_ROUTE_H
#define POOLER_ROUTE_H

#include "refusal.h"
#include "shmem.h"

/* What the worker alone knows of a route; the rest is in PoolerRoute. */
typedef struct WorkerRoute
{
	int			epoll_fd;
	bool		watched;		/* nested in the worker's own epoll */
	int			held_first;		/* FIFO of held clients, by slot; -1: none */
	int			held_last;
	int			held;
	int			births;			/* members on their way to this role */
	bool		saturated;		/* somebody is ready and nobody idle */
	TimestampTz saturated_since;
	TimestampTz contended_until;
	int			failures;		/* births that failed in a row */
	uint32		failed;			/* births that ever failed */
	char		refused[POOLER_MAX_MESSAGE];	/* why the last did; "": not said */
	TimestampTz retry_at;		/* no birth before */
	TimestampTz full_since;		/* a CONNECTION LIMIT is, conn_limit.c */
	TimestampTz full_at;		/* when the last birth met that */
	RefusedBy	full_by;		/* which limit that is */
	int			full_of;		/* so many of ours did it count then */
	bool		limited;		/* one of it has gone for that since a birth */
	bool		may_not_login;	/* births would fail: recycle nobody */
} WorkerRoute;

/* retry_at is never further off than this, in milliseconds. */
#define ROUTE_MAX_BACKOFF_MS	10000

extern WorkerRoute *pooler_worker_routes;	/* [max_routes] */

/* No route that was ever used has a higher index. */
extern int	pooler_routes_seen;

extern void pooler_route_start(void);

/* The route of this role in this pool, made if need be. */
#define ROUTE_NO_ROOM	(-1)	/* too many have clients or backends */
#define ROUTE_NO_FILE	(-2)	/* logged */
extern int	pooler_route_find(int pool, Oid role, const char *role_name,
							  bool superuser);

/* Is there a place for another one? */
extern bool pooler_route_is_room(void);

/* For pooler.reset_stats(). */
extern void pooler_route_clear_counters(int route);

/* Forgets the routes of a pool, which has neither clients nor backends. */
extern void pooler_route_forget_pool(int pool);

/* Puts a client into the epoll (add: for the first time). False: errno. */
extern bool pooler_route_arm(int slot, bool add);
extern void pooler_route_disarm(int slot);

/* The worker owns the client, whose query waits for a birth. */
extern void pooler_route_hold(int slot);
extern void pooler_route_unhold(int slot);

/* A backend has come or gone: watch the epoll, or leave it to the backends. */
extern void pooler_route_backends_changed(int route);

/* A birth has failed: the first retry comes at once, then back off. */
extern void pooler_route_birth_failed(int route);

/* What made births fail may be no more. */
extern void pooler_route_retry_all(void);

/* No more clients than backends: each may keep its own. Turned off at once;
 * on only where `may_set`. */
extern void pooler_route_update_keep(int route, bool may_set);

/* By the clock: who may keep his own; routes that could not be watched. */
extern void pooler_route_upkeep(void);

/* Backends whose kept clients have been silent since then (DT_NOEND: all) give
 * them up; how many are told so. */
extern int	pooler_route_recall(int route, TimestampTz silent_since);

/* A backend of this route hangs: whatever it may have harvested is saved. */
extern void pooler_route_rescue(int route);

/* Harvests who is ready, in order, at most max: they are the worker's. */
extern int	pooler_route_harvest(int route, uint64 *clients, int max);

#endif							/* POOLER_ROUTE_H */
