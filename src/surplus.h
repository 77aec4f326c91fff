/*
 * surplus.h
 *	  Which backends are closed for a limit's sake, or for another one's.
 *
 * Each call tells at most one or two to go, which they do at their next boundary:
 * the next one looks again.
 *
 * src/surplus.h
 */
#ifndef POOLER_SURPLUS_H
#define POOLER_SURPLUS_H

#include "datatype/timestamp.h"

/* For all pools' limit, for a pool that has no backend, for one more role. */
extern void pooler_surplus_turn(TimestampTz at);

/* What is over this pool's limit, or overflow that nobody needs; after the
 * former. */
extern void pooler_surplus_close(int pool);

#endif							/* POOLER_SURPLUS_H */
