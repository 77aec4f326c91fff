/*
 * remedy.h
 *	  The statements that give a pool another size, and room for it; and what has
 *	  to come first.
 *
 * src/remedy.h
 */
#ifndef POOLER_REMEDY_H
#define POOLER_REMEDY_H

#include "rows.h"
#include "shmem.h"

#define REMEDY_STATEMENTS	8

/* To be run one by one; each a text. */
typedef struct Remedy
{
	Datum		statements[REMEDY_STATEMENTS];
	int			n;
} Remedy;

extern void pooler_remedy_add(Remedy *remedy, const char *statement);

/* What no other size would mend, a sentence; NULL: backends can be opened. */
extern const char *pooler_remedy_first(const PoolerPool *pool);

/* Adds what sets this size. Returns what has to grow with it, a sentence with a
 * space before it, or ""; NULL: pooler.pools has no room for such an entry. */
extern const char *pooler_remedy_resize(Remedy *remedy, const PoolerPool *pool,
										int pool_size, int max_overflow);

/* As an array. */
extern void pooler_remedy_put(Row *row, const Remedy *remedy);

#endif							/* POOLER_REMEDY_H */
