/*
 * client.h
 *	  A client as the worker sees it: accept to close.
 *
 * src/client.h
 */
#ifndef POOLER_CLIENT_H
#define POOLER_CLIENT_H

#include "shmem.h"

/* At the worker's start: all slots are free, under new generations. */
extern void pooler_client_start(void);

/* Events of the worker's loop. */
extern void pooler_client_accept(int listen_fd);
extern void pooler_client_readable(int slot);

/* Closes a client that the worker owns, with whatever reason it was given. */
extern void pooler_client_close(int slot);

/* Is this the client that a backend means, and with a backend or in the epoll? */
extern bool pooler_client_is(uint32 slot, uint32 generation);

/* A backend that owned it says so: it has gone; it looks gone. */
extern void pooler_client_gone(int slot);
extern void pooler_client_hung_up(int slot);

/* A backend finished its login: the worker can do the same from now on.
 * Takes over the record's reference. */
extern void pooler_client_greeted(int slot, const char *text, int len,
								  uint32 record);

/* Answers a waiting client that the worker owns with an error, keeps the
 * protocol's books and its session. */
extern void pooler_client_answer(int slot, const char *sqlstate,
								 const char *message, const char *detail,
								 const char *hint);

/* A cancel request, from the wire or from SQL. */
extern void pooler_client_cancel(int slot);

/* Ends a client with a FATAL; one that the worker does not own is shut down for
 * reading, and its owner will report it. */
extern void pooler_client_end(int slot, const char *sqlstate,
							  const char *message, const char *detail,
							  const char *hint);

/* Has it been ended so, and not been given to us yet? */
extern bool pooler_client_is_ending(int slot);

/* Cuts the connection of a client that blocks its backend by not reading. */
extern void pooler_client_cut(int slot);

/* What the backend that owns it does with it; ACTIVITY_NONE: none owns it. In
 * a transaction it is ACTIVITY_SERVING. */
extern PoolerActivity pooler_client_activity(int slot);

/* This worker ends: a client that no backend serves loses its connection. */
extern void pooler_client_abandon(int slot);

/* Tells a waiting client that the worker owns that it waits; once per wait. */
extern void pooler_client_notice(int slot, const char *message);

extern bool pooler_client_was_noticed(int slot);
extern void pooler_client_forget_notice(int slot);

/* Logins that take too long, idle_session_timeout, pools that drain.
 * with_backend: by slot, does a backend own it? */
extern void pooler_client_upkeep(TimestampTz now, const bool *with_backend);

/* An event harvested from a route without backends. */
extern void pooler_client_harvested(int slot, uint32 generation);

#endif							/* POOLER_CLIENT_H */
