/*
 * waitset.h
 *	  The client sockets that a backend has open, each with its wait set.
 *
 * src/waitset.h
 */
#ifndef POOLER_WAITSET_H
#define POOLER_WAITSET_H

#include "storage/latch.h"

/* At the first boundary after birth. False: this server's wait sets are not
 * built as we know them; no client can be served. */
extern bool pooler_waitset_init(void);

/* A set laid out as FeBeWaitSet, for any socket: that, our latch, and the
 * postmaster's death, which is reported. */
extern WaitEventSet *pooler_waitset_make(int fd);

/* Is this client's socket open here? */
extern bool pooler_waitset_have(uint32 slot, uint32 generation);

/* Takes a file that was sent or copied as this client's socket; closes fd. */
extern void pooler_waitset_adopt(uint32 slot, uint32 generation, int fd);

/* The set for FeBeWaitSet, and the socket's number. */
extern WaitEventSet *pooler_waitset_of(uint32 slot);
extern int	pooler_waitset_fd(uint32 slot);

/* The worker is gone and this backend ends: so do the connections of all clients
 * here that are nobody else's. owner: this backend, as in PoolerClient.owner;
 * told: a FATAL has told its own client why. */
extern void pooler_waitset_hang_up(uint32 owner, bool told);

/* Lets the set report nothing until PostgreSQL itself asks for something. */
extern void pooler_waitset_quiet(WaitEventSet *set);

#endif							/* POOLER_WAITSET_H */
