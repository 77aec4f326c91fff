/*
 * pools_text.h
 *	  Writes the text of pooler.pools.
 *
 * src/pools_text.h
 */
#ifndef POOLER_POOLS_TEXT_H
#define POOLER_POOLS_TEXT_H

#include "guc.h"

/* The text that reads as these entries; palloc'd. */
extern char *pooler_pools_text(const PoolEntry *entries, int n);

/*
 * `text` with these values for one pool, palloc'd.  A pool that '*' made gets
 * an entry of its own, with what '*' has.  NULL: the text has an error, the pool
 * is in no entry, or there is no room for one more.
 */
extern char *pooler_pools_text_resized(const char *text, const char *pool,
									   int pool_size, int max_overflow);

#endif							/* POOLER_POOLS_TEXT_H */
