/*
 * views.h
 *	  What a client is doing, as the views call it.
 *
 * src/views.h
 */
#ifndef POOLER_VIEWS_H
#define POOLER_VIEWS_H

#include "shmem.h"

/* NULL: it is not there. `m`: the backend that has the client, or NULL. */
extern const char *pooler_views_client_state(PoolerClient *c, PoolerMember *m);

/* The client that this backend has, or -1. */
extern int	pooler_views_member_client(PoolerMember *m);

/* For each client's slot the backend that has it, or NULL; palloc'd. */
extern PoolerMember **pooler_views_members_by_client(void);

#endif							/* POOLER_VIEWS_H */
