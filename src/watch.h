/*
 * watch.h
 *	  Notices session state that cannot be seen afterwards, and asks before a
 *	  statement that would leave some.
 *
 * src/watch.h
 */
#ifndef POOLER_WATCH_H
#define POOLER_WATCH_H

#include "shmem.h"

typedef struct PoolerWatch
{
	/* PIN_TEMP, PIN_LISTEN, PIN_SLOT: may have changed since these bits were
	 * cleared, look; PIN_TAINT_SEED: has happened; PIN_TAINT_LIBRARY: LOAD */
	uint32		touched;

	/* A setting may have another value or another reported one than when this
	 * was cleared. */
	bool		settings;

	/* set_config() was set up to be called since this was cleared. */
	bool		set_config;
	TimestampTz set_config_at;	/* the beginning of its message */

	/* Called before a statement runs that would leave state of this kind; may
	 * raise an ERROR. NULL: this backend is not pooled. */
	void		(*claim) (uint32 pin);

	/* Errors about currval() and lastval() get a HINT. */
	bool		hint_sequences;
} PoolerWatch;

extern PoolerWatch pooler_watch;

/* In _PG_init: the hook that does nothing in backends that are not pooled. */
extern void pooler_watch_install(void);

/* This backend is pooled; in a transaction. False: not everything can be
 * watched here, and a client's taint would be missed. */
extern bool pooler_watch_start(void (*claim) (uint32 pin));

#endif							/* POOLER_WATCH_H */
