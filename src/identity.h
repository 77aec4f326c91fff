/*
 * identity.h
 *	  Whom a backend shows as its client.
 *
 * src/identity.h
 */
#ifndef POOLER_IDENTITY_H
#define POOLER_IDENTITY_H

#include "shmem.h"

/* In Port and in pg_stat_activity: this client, or nobody. */
extern void pooler_identity_show(PoolerClient *client);
extern void pooler_identity_hide(void);

#endif							/* POOLER_IDENTITY_H */
