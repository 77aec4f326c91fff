/*
 * first_use.h
 *	  What a client's first bytes mean for its unnamed statement.
 *
 * src/first_use.h
 */
#ifndef POOLER_FIRST_USE_H
#define POOLER_FIRST_USE_H

typedef enum FirstUse
{
	USE_UNKNOWN,				/* it, or what comes with it, may use it */
	USE_BINDS,					/* it does */
	USE_REPLACES,				/* takes its place, if the server can read it */
	USE_REPLACES_SURELY			/* seen whole, and cannot be misread */
} FirstUse;

/* Of the first `len` bytes of a message. Up to POOLER_FIRST_USE_PEEK are worth a
 * look; with fewer, also of 0, less is known. */
#define POOLER_FIRST_USE_PEEK	4096
extern FirstUse pooler_first_use(const char *head, int len);

/* Does its sender wait for a Sync, and the server pass over all up to that once
 * something has failed?  Not so with Query, FunctionCall and what belongs to a
 * COPY; after a Flush a Query may follow. */
extern bool pooler_first_ends_with_sync(const char *head, int len);

#endif							/* POOLER_FIRST_USE_H */
