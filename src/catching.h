/*
 * catching.h
 *	  What an ERROR that is caught must not leave otherwise than it was.
 *
 * src/catching.h
 */
#ifndef POOLER_CATCHING_H
#define POOLER_CATCHING_H

#include "utils/palloc.h"

typedef struct Catching
{
	MemoryContext context;
	bool		exit_on_error;
	uint32		holdoff;
	uint32		cancel_holdoff;
} Catching;

/* Before PG_TRY(): from here on an ERROR can be caught. */
extern void pooler_catching_begin(Catching *before);

/* First in PG_CATCH(): out of the context of errors. */
extern void pooler_catching_caught(const Catching *before);

/* Behind PG_END_TRY(), whether or not there was one: elog.c has cleared what
 * holds interrupts off. */
extern void pooler_catching_end(const Catching *before);

#endif							/* POOLER_CATCHING_H */
