/*
 * views.h
 *	  What pools are doing now, as the views call it.
 *
 * src/views.h
 */
#ifndef POOLER_VIEWS_H
#define POOLER_VIEWS_H

#include "datatype/timestamp.h"

#include "shmem.h"

/* What the backends of a pool are doing. */
typedef struct PoolCounts
{
	int			all;
	int			unborn;
	int			idle;
	int			active;
	int			pinned;
	int			overflow;
	int			unneeded;		/* unborn or idle since before `cutoff`, or never
								 * checked out; overflow does not count */
} PoolCounts;

/* By pool, [POOLER_MAX_POOLS], palloc'd. Reads shared memory without locks. */
extern PoolCounts *pooler_views_count(TimestampTz cutoff);

/* Clients of a pool, or of one of its routes (else POOLER_NO_ROUTE), that wait
 * for a backend now, and since when the first of them does; 0: none. */
extern int	pooler_views_waiting(int pool, int route, TimestampTz *first);

/* What it is called; NULL: it is not there. `m`: the backend that has the
 * client, or NULL. */
extern const char *pooler_views_backend_state(PoolerMember *m);
extern const char *pooler_views_client_state(PoolerClient *c, PoolerMember *m);

/* The client that this backend has, or -1. */
extern int	pooler_views_member_client(PoolerMember *m);

/* For each client's slot the backend that has it, or NULL; palloc'd. */
extern PoolerMember **pooler_views_members_by_client(void);

#endif							/* POOLER_VIEWS_H */
