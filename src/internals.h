/*
 * internals.h
 *	  Reaches what PostgreSQL keeps in static variables.
 *
 * src/internals.h
 */
#ifndef POOLER_INTERNALS_H
#define POOLER_INTERNALS_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/plancache.h"

/* Measures a table of our own. False: this server's hash tables are laid out
 * otherwise, pooler_internals_table() finds nothing. */
extern bool pooler_internals_init(void);

/* The session's hash table of this name (hash_create()'s first argument), NULL
 * if there is none. Walks all children of TopMemoryContext. */
extern HTAB *pooler_internals_table(const char *name);

/* The same among the children of another context. */
extern HTAB *pooler_internals_table_in(MemoryContext parent,
									   const char *name);

/* A complete cached plan of an empty query, to be saved; in a transaction. */
extern CachedPlanSource *pooler_internals_empty_plan(void);

/* Finds plancache.c's list of saved plans, the last one saved at its end; in a
 * transaction. False: it is not as expected. */
extern bool pooler_internals_find_saved_plans(void);

/* That list; NULL: not found. */
extern dlist_head *pooler_internals_saved_plans(void);

#endif							/* POOLER_INTERNALS_H */
