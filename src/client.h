/*
 * client.h
 *	  A client as the worker sees it: its slot, and the end of it.
 *
 * src/client.h
 */
#ifndef POOLER_CLIENT_H
#define POOLER_CLIENT_H

#include "lib/stringinfo.h"

#include "login.h"
#include "shmem.h"
#include "since.h"
#include "wire.h"

/* Why a client is ended, kept until its owner has given it to us. */
typedef struct EndReason
{
	TimestampTz since;
	char		sqlstate[6];	/* '' : no reason, it has left */
	char		message[POOLER_MAX_MESSAGE];
	char		detail[POOLER_MAX_MESSAGE];
	char		hint[POOLER_MAX_MESSAGE];
} EndReason;

typedef struct WorkerClient
{
	bool		watched;		/* in the worker's epoll */
	bool		noticed;		/* was told that it waits */
	short		hang;			/* it waits, and poll() says of its end: POLLRDHUP.. */
	bool		with_backend;	/* when backends were last looked at */
	bool		probed;			/* it was written to, to see whether it reads */
	int			next_free;
	int			orphan;			/* member + 1 of an earlier worker that has it */
	uint64		bytes_received; /* counted for its pool so far */
	uint64		bytes_sent;
	int64		counted_at;		/* its transactions at that moment */
	LoginState *login;			/* CLIENT_LOGIN */
	char	   *startup;		/* its settings, for its greeting to be kept */
	int			startup_len;
	WireBatch	batch;			/* CLIENT_ANSWERING */
	bool		unanswered;		/* of it nothing is to be answered */
	struct Console *console;	/* CLIENT_CONSOLE (console.c) */
	char		role[NAMEDATALEN];	/* the same */
	EndReason  *reason;
} WorkerClient;

extern WorkerClient *pooler_worker_clients; /* [max_clients] */
extern int	pooler_client_first_free;	/* slot, linked by next_free; or -1 */

/* The number of the client's socket, in every process. */
static inline int
pooler_client_fd(int slot)
{
	return pooler_shared->base_fd + slot;
}

static inline uint32
pooler_client_generation_of(int slot)
{
	return pg_atomic_read_u32(&pooler_clients[slot].generation);
}

/* Says what may as well be left out; a client that gets half of it is cut off. */
extern void pooler_client_remark(int slot, const StringInfo out);

/* Reads it in the worker's loop, or not. */
extern void pooler_client_watch(int slot, bool on);

/* Reads it there, and without an ERROR: one that cannot be read is closed. */
extern void pooler_client_watch_or_close(int slot);

/* Sends, without waiting. False: it does not read; the caller closes. */
extern bool pooler_client_say(int slot, const StringInfo out);
extern bool pooler_client_say_error(int slot, const char *severity,
									const char *sqlstate, const char *message,
									const char *detail, const char *hint);

/* At the worker's start: all slots are free, under new generations. */
extern void pooler_client_start(void);

/* A backend of an earlier worker has ended: its client's slot may be used. */
extern void pooler_client_orphan_gone(int member);

/* A new life of this slot, the worker's: what is known of the last is void. */
extern void pooler_client_renew(int slot);

/* Closes a client that the worker owns, with whatever reason it was given. */
extern void pooler_client_close(int slot);

/* Is this the client that a backend means, and with a backend or in the epoll? */
extern bool pooler_client_is(uint32 slot, uint32 generation);

/* A backend that owned it says so: it is of another database; it looks gone. */
extern void pooler_client_misplaced(int slot);
extern void pooler_client_hung_up(int slot);

/* A harmless message: to one that has closed its socket it brings a reset. */
extern void pooler_client_probe(int slot);

/* Ends a client with a FATAL; one that the worker does not own is shut down for
 * reading, and its owner will report it. */
extern void pooler_client_end(int slot, const char *sqlstate,
							  const char *message, const char *detail,
							  const char *hint);

/* The same in the server's words for 57P01, with this DETAIL or NULL. */
extern void pooler_client_dismiss(int slot, const char *why);

/* Has it been ended so, and not been given to us yet? */
extern bool pooler_client_is_ending(int slot);

/* Cuts the connection of a client that blocks its backend by not reading. */
extern void pooler_client_cut(int slot);

/* What the backend that owns it does with it; ACTIVITY_NONE: none owns it. In
 * a transaction it is ACTIVITY_SERVING. */
extern PoolerActivity pooler_client_activity(int slot);

/* This worker ends: a client that no backend serves loses its connection. */
extern void pooler_client_abandon(int slot);

/* Which clients have a backend (with_backend)? As old as this call. */
extern void pooler_client_find_owned(void);

/* Adds what they sent and got since they were last looked at to their pools'
 * counters: of those that ran a transaction, and of each at its end. */
extern void pooler_client_count_traffic(void);

/* Logins that take too long, idle_session_timeout, pools that drain. */
extern void pooler_client_upkeep(TimestampTz now);

/* An event harvested from a route without backends. */
extern void pooler_client_harvested(int slot, uint32 generation);

/* The clock was set. */
extern void pooler_client_follow_clock(const ClockStep *step);

#endif							/* POOLER_CLIENT_H */
