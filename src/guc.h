/*
 * guc.h
 *	  The settings, and the list of pools that they describe.
 *
 * src/guc.h
 */
#ifndef POOLER_GUC_H
#define POOLER_GUC_H

#include "pool_limits.h"

typedef enum PoolerEnv
{
	ENV_DEVELOPMENT,
	ENV_PRODUCTION
} PoolerEnv;

extern char *pooler_guc_pools;
extern int	pooler_guc_pool_size;
extern int	pooler_guc_max_overflow;
extern int	pooler_guc_pool_recycle;	/* s */
extern double pooler_guc_pool_timeout;	/* s */
extern bool pooler_guc_pool_pre_ping;
extern bool pooler_guc_echo_pool;
extern int	pooler_guc_env;
extern int	pooler_guc_mode;
extern char *pooler_guc_listen_addresses;
extern int	pooler_guc_port;
extern char *pooler_guc_unix_socket_directories;
extern int	pooler_guc_metrics_port;	/* 0: off */
extern char *pooler_guc_metrics_addresses;
extern int	pooler_guc_max_client_conn;
extern int	pooler_guc_max_backends;	/* -1: what max_connections leaves */
extern int	pooler_guc_spare_backends;
extern int	pooler_guc_reserve;
extern int	pooler_guc_app_servers;
extern double pooler_guc_capacity_buffer;
extern int	pooler_guc_wait_notice; /* ms, -1: never */
extern int	pooler_guc_client_read_timeout; /* ms, 0: off */
extern int	pooler_guc_leak_warn;	/* ms, 0: off */
extern int	pooler_guc_client_write_timeout;	/* ms, 0: off */
extern int	pooler_guc_role_quantum;	/* ms */
extern int	pooler_guc_max_pinned;	/* -1: pool_size + max_overflow - 1 */
extern int	pooler_guc_pool_idle_timeout;	/* s, for pools that '*' made */
extern char *pooler_guc_known_libraries;
extern int	pooler_guc_superuser_mode;
extern double pooler_guc_health_exhaustion; /* share of checkouts */
extern double pooler_guc_health_wait;	/* s */
extern double pooler_guc_health_idle_surplus;	/* share of pool_size */
extern int	pooler_guc_health_idle_time;	/* ms */
extern double pooler_guc_health_churn;	/* per backend and hour */
extern double pooler_guc_health_memory; /* share of the machine's */

/* In _PG_init, first of all: ERROR unless the library is being preloaded. Not
 * under IsBinaryUpgrade, where nothing is defined. */
extern void pooler_guc_define(void);

/* Half of the pools, so that all can be exchanged while the old ones drain. */
#define POOLER_MAX_ENTRIES	(POOLER_MAX_POOLS / 2)

/* An entry of pooler.pools: what is not said there is not set. */
typedef struct PoolEntry
{
	char		name[NAMEDATALEN];
	char		database[NAMEDATALEN];
	bool		wildcard;		/* '*' */
	bool		has_pool_size;
	bool		has_max_overflow;
	bool		has_recycle;
	bool		has_timeout;
	bool		has_pre_ping;
	bool		has_echo;
	bool		has_mode;
	PoolerLimits limits;
} PoolEntry;

/* Reads pooler.pools' text. Returns the number of entries (at most max), or
 * -1 with *error set to a palloc'd sentence. */
extern int	pooler_guc_parse_pools(const char *text, PoolEntry *entries,
								   int max, char **error);

/* The entry's own values over the global ones as they are now. */
extern void pooler_guc_limits(const PoolEntry *entry, PoolerLimits *limits);

/* max_overflow -1 or pool_size 0: no limit but that of all pools together. */
extern bool pooler_guc_pool_unlimited(const PoolerLimits *limits);

/* The most backends a pool may have open; max_backends where unlimited. */
extern int	pooler_guc_pool_limit(const PoolerLimits *limits);
extern int	pooler_guc_pool_max_pinned(const PoolerLimits *limits);

/* Connections that no pool may take: the server's reserved ones and
 * pooler.reserve. */
extern int	pooler_guc_reserved(void);

/* Is a library (name without directory and suffix) part of the server, or in
 * pooler.known_libraries? */
extern bool pooler_guc_library_known(const char *name);

#endif							/* POOLER_GUC_H */
