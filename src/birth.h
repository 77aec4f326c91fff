/*
 * birth.h
 *	  A pooled backend's life up to its first client.
 *
 * src/birth.h
 */
#ifndef POOLER_BIRTH_H
#define POOLER_BIRTH_H

#include "shmem.h"

/* In _PG_init. */
extern void pooler_birth_install(void);

/* May somebody else's ClientAuthentication_hook want to see logins? */
extern bool pooler_birth_foreign_hook(void);

/* What this backend was born as; control < 0: it is not a pooled one. */
typedef struct PoolerSelf
{
	PoolerMember *member;
	PoolerPool *pool;
	PoolerRoute *route;
	int			index;			/* of member */
	int			route_index;
	int			control;
	int			route_epoll;
	Oid			role;
	bool		superuser;
	char		role_name[NAMEDATALEN];
} PoolerSelf;

extern PoolerSelf pooler_self;

#endif							/* POOLER_BIRTH_H */
