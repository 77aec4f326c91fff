/*
 * feed.h
 *	  Lets PostgresMain() read messages of ours before the client's own.
 *
 * src/feed.h
 */
#ifndef POOLER_FEED_H
#define POOLER_FEED_H

#include "libpq/libpq.h"

#include "await.h"
#include "shmem.h"

typedef enum FeedState
{
	FEED_NONE,
	FEED_RUNNING,				/* it reads what is fed, nobody hears it */
	FEED_DONE					/* its ReadyForQuery has been swallowed */
} FeedState;

extern FeedState pooler_feed_state;

/* Feeds what makes the unnamed statement here this client's, or none if its
 * first message replaces it; FATAL if it cannot. */
extern void pooler_feed_unnamed(PoolerClient *client, bool replaces);

/* The same before a message of the client, which is ready, where it matters.
 * AWAIT_GIVE_UP: it has said nothing after all. */
extern AwaitResult pooler_feed_if_needed(PoolerClient *client);

/* While it is FEED_RUNNING: is a message to the client not to be said?  One that
 * is may have another body then, which lives in the current context. */
extern bool pooler_feed_swallows(uint64 client, char type, const char **body,
								 size_t *len);

#endif							/* POOLER_FEED_H */
