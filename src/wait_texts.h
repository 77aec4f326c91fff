/*
 * wait_texts.h
 *	  The statements of clients that wait for a backend, in shared memory.
 *
 * src/wait_texts.h
 */
#ifndef POOLER_WAIT_TEXTS_H
#define POOLER_WAIT_TEXTS_H

#include "datatype/timestamp.h"

/* What a waiting client wants to be run. */
typedef struct WaitText
{
	uint32		generation;		/* of its slot */
	uint32		taken;			/* the client's, in this wait */
	TimestampTz since;			/* of this wait */
	Oid			role;
	int			encoding;		/* of text */
	int			len;			/* -1: it is not known */
} WaitText;

extern Size pooler_wait_texts_size(void);
extern void pooler_wait_texts_startup(void *place, bool found);

/* In the worker: looks at the socket of a client that waits, once a wait. */
extern void pooler_wait_texts_look(int slot, int fd);

/* The text for which this client waits now, palloc'd, with a NUL; NULL: none is
 * known. head->generation says whose it is. */
extern char *pooler_wait_texts_read(int slot, WaitText *head);

#endif							/* POOLER_WAIT_TEXTS_H */
