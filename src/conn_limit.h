/*
 * conn_limit.h
 *	  A birth that a CONNECTION LIMIT refuses because of backends of ours.
 *
 * src/conn_limit.h
 */
#ifndef POOLER_CONN_LIMIT_H
#define POOLER_CONN_LIMIT_H

#include "refusal.h"

/*
 * A birth of this route was refused so. True: it is tried again soon, for a place
 * that a backend of ours gives up, and has not failed yet.
 */
extern bool pooler_conn_limit_makes_room(int route, const Refusal *refusal);

/* A birth of this route was, and would be again: the place has yet to come free. */
extern bool pooler_conn_limit_is_full(int route);

/* By the clock: who backs off does not where the next try may well succeed. */
extern void pooler_conn_limit_upkeep(TimestampTz now);

/* One of its births has succeeded. */
extern void pooler_conn_limit_has_room(int route);

#endif							/* POOLER_CONN_LIMIT_H */
