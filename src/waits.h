/*
 * waits.h
 *	  Who waits for a backend, since when, and what is due to him.
 *
 * src/waits.h
 */
#ifndef POOLER_WAITS_H
#define POOLER_WAITS_H

#include "datatype/timestamp.h"

extern void pooler_waits_start(void);

/* Is anybody waiting, or a route saturated?  Then the next tick is due soon. */
extern bool pooler_waits_look(void);

/* Stamps each wait, elapsed_us after the last time, and does what is due to who
 * waits: notices, time-outs, an end. pooler_client_find_owned() comes first. */
extern void pooler_waits_serve(TimestampTz at, int64 elapsed_us);

/* Does a client of this pool wait, as far as was stamped? */
extern bool pooler_waits_somebody(int pool);

/* A route without backends has somebody who is ready. */
extern void pooler_waits_route_event(int route);

#endif							/* POOLER_WAITS_H */
