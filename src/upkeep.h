/*
 * upkeep.h
 *	  What the worker does by the clock: see who waits, and schedule.
 *
 * src/upkeep.h
 */
#ifndef POOLER_UPKEEP_H
#define POOLER_UPKEEP_H

extern void pooler_upkeep_start(void);

/* Gives backends to routes of every pool that may need it. */
extern void pooler_upkeep_schedule(void);

/* Is anybody waiting, or a route saturated?  Then the next tick is due soon. */
extern bool pooler_upkeep_fast(void);

/* Every 100 ms, or sooner while somebody waits. */
extern void pooler_upkeep_slow(void);

/* A route without backends has somebody who is ready. */
extern void pooler_upkeep_route_event(int route);

/* Requests that SQL functions left in shared memory. */
extern void pooler_upkeep_requests(void);

#endif							/* POOLER_UPKEEP_H */
