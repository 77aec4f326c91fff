/*
 * pool.h
 *	  The worker's side of the pools: which there are, and their limits.
 *
 * src/pool.h
 */
#ifndef POOLER_POOL_H
#define POOLER_POOL_H

#include "guc.h"
#include "shmem.h"
#include "since.h"

/* What the worker alone knows of a pool; the rest is in PoolerPool. */
typedef struct WorkerPool
{
	TimestampTz retry_at;		/* no opening before */
	TimestampTz unused_since;	/* without clients, for pools that '*' made */
	TimestampTz busy_at;		/* last seen without an idle backend */
	int			open;			/* members, whatever they do */
	int			failures;		/* openings that failed in a row */
	PoolEntry	entry;			/* what pooler.pools says */
	bool		refused;		/* the last opening, by the server's rules */
	bool		no_database;	/* its database is not there (yet) */
	bool		gives;			/* one, to a pool that has none: see surplus.c */
	bool		dirty;			/* somebody may have to be scheduled */
} WorkerPool;

extern WorkerPool pooler_worker_pools[POOLER_MAX_POOLS];

/* At start (first) and after each reload: from pooler.pools as it is now. */
extern void pooler_pool_configure(void);

/* There is none of this name; or it is to be one, and all entries are in use. */
#define POOLER_NO_POOL	(-1)
#define POOLER_NO_ROOM	(-2)

/* The pool of this database, made by '*' if need be, or one of these. */
extern int	pooler_pool_find(const char *name, Oid database_oid);

/* Is there a pool of this name, or is to be, or would '*' make one? */
extern bool pooler_pool_serves(const char *name);

/* The database that a client means by this name: the pool's, or the name. */
extern const char *pooler_pool_database(const char *name);

/* Is there '*', which makes a pool for any database? */
extern bool pooler_pool_has_wildcard(void);

/* How many backends this pool may have open now. */
extern int	pooler_pool_limit(int pool);

/* Looks which pools' databases there are: a backend is opened without one. */
extern void pooler_pool_find_databases(void);
extern void pooler_pool_find_database(int pool);

/* Its database is being dropped or copied: no backend may be in it. */
extern bool pooler_pool_is_paused(int pool);

/* May it open a backend, as far as not their number is in the way? */
extern bool pooler_pool_may_try(int pool);

/* An opening failed, where `by_rules` because of pg_hba.conf, or succeeded. */
extern void pooler_pool_failed(int pool, const char *error, bool by_rules);
extern void pooler_pool_works(int pool);

/* Retries at once what was backing off: something may have been mended. */
extern void pooler_pool_retry_all(void);

/* The server shuts down: no pool opens a backend any more. */
extern void pooler_pool_close_all(void);

/* For pooler.reset_stats(). */
extern void pooler_pool_clear_counters(int pool);

/* Frees a pool that drains, or that '*' made and nobody uses. */
extern void pooler_pool_upkeep(int pool, TimestampTz now);

/* Drains what nobody uses as far as entries are wanted. */
extern void pooler_pool_make_room(void);

/* The clock was set. */
extern void pooler_pool_follow_clock(const ClockStep *step);

#endif							/* POOLER_POOL_H */
