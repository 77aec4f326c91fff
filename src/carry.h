/*
 * carry.h
 *	  A client's whole session state: onto a backend and off it again.
 *
 * src/carry.h
 */
#ifndef POOLER_CARRY_H
#define POOLER_CARRY_H

#include "libpq/libpq.h"

#include "shmem.h"

/* At the first boundary after birth. */
extern void pooler_carry_init(void);

/* At take, before the load: is another unnamed statement here than this client's,
 * so that its first message must be looked at? */
extern bool pooler_carry_differs(PoolerClient *client, uint64 packed);

/* ParseComplete is about to be sent to the client. */
extern void pooler_carry_parse_complete(void);

/* Before the client's first byte is read. False: this backend cannot take the
 * state on; another one may. FATAL, to the client, where none can. */
extern bool pooler_carry_load(PoolerClient *client);

/* At a boundary: puts what can travel into the client's slot. Returns PIN_
 * bits of what cannot: then nothing has been given up. */
extern uint32 pooler_carry_save(PoolerClient *client, uint64 packed);

/* Part of that: what the worker and the views go by. For a pinned client, too. */
extern void pooler_carry_show(PoolerClient *client);

/* The client has left: nothing of it may stay. False: close this backend. */
extern bool pooler_carry_forget(void);

/* Finishes a login: applies the startup packet's settings and sends everything
 * after AuthenticationOk up to ReadyForQuery. FATAL for a bad setting. False:
 * what was loaded here cannot be undone; give it back and close this backend. */
extern bool pooler_carry_greet(PoolerClient *client,
							   const PQcommMethods *methods);

/* After the greeting: how the worker can greet the next such client itself. */
extern void pooler_carry_publish_greeting(PoolerClient *client, uint64 packed);

/* With nobody attached: the configuration file was read anew. False: close this
 * backend. */
extern bool pooler_carry_reload(void);

#endif							/* POOLER_CARRY_H */
