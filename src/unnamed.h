/*
 * unnamed.h
 *	  Carries the unnamed prepared statement from backend to backend.
 *
 * At a take, before anything of the client is in the receive buffer:
 *
 *	  if (pooler_unnamed_differs())
 *	  {
 *		look at the client's first bytes with MSG_PEEK, waiting for them;
 *		if (they do not surely replace it, see first_use.h)
 *		{
 *			feed pooler_unnamed_message() to PostgresMain();
 *			swallow its whole reply, up to and with the ReadyForQuery;
 *			pooler_unnamed_fed();
 *		}
 *	  }
 *
 * src/unnamed.h
 */
#ifndef POOLER_UNNAMED_H
#define POOLER_UNNAMED_H

#include "shmem.h"

/* At the first boundary after birth, outside any transaction. */
extern void pooler_unnamed_init(void);

/* ParseComplete is about to be sent, and not for an injected message.
 * settings_known: the Parse had the settings of the record that is loaded. */
extern void pooler_unnamed_parse_complete(bool settings_known);

/* Another record is loaded here now. */
extern void pooler_unnamed_other_settings(void);

/* Some setting may have been another one for a while. */
extern void pooler_unnamed_doubt(void);

/* Another record is the client's now. */
extern void pooler_unnamed_settings_changed(PoolerClient *client);

/* At give-up of a client that was served: publishes in the slot the statement
 * that it left here (or frees what the slot had).  False: too large, or no
 * memory: keep the client here. */
extern bool pooler_unnamed_save(PoolerClient *client, uint64 packed);

/* At take: whether the client's first message must be looked at. Notes whose
 * statements come from now on, so it is called for every client. same_settings:
 * the client's record is the one that is loaded here. */
extern bool pooler_unnamed_differs(PoolerClient *client, uint64 packed,
								   bool same_settings);

/* The messages to feed to PostgresMain() before the client's own bytes: a Parse,
 * or a Close, also if its first message replaces the statement; and a Sync;
 * palloc'd, *len set, at most POOLER_UNNAMED_FEED. The client's settings must be
 * loaded by then; from here to pooler_unnamed_fed() its encoding is the
 * server's. */
extern char *pooler_unnamed_message(PoolerClient *client, bool replaces,
									int *len);

/* The reply's last message was swallowed, or is to be said. Whether Parse
 * succeeded is found out here. */
extern void pooler_unnamed_fed(uint64 packed);

/* An error of the client's own is about to be sent. */
extern void pooler_unnamed_error(void);

/* The client that is served has a statement that is not here: it must be given
 * up, to be taken again with the next look. */
extern bool pooler_unnamed_is_absent(void);

#define POOLER_UNNAMED_MAX	65536	/* of a Parse message that is carried */
#define POOLER_UNNAMED_FEED (POOLER_UNNAMED_MAX + 16)

#endif							/* POOLER_UNNAMED_H */
