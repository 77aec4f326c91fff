/*
 * door.h
 *	  Connections that come when nobody is let in: cancel requests are served.
 *
 * src/door.h
 */
#ifndef POOLER_DOOR_H
#define POOLER_DOOR_H

#include "datatype/timestamp.h"

#include "since.h"

/* The most files that it has open at once. */
extern int	pooler_door_files(void);

/* A smart shutdown has begun: nobody is let in any more. */
extern void pooler_door_shut(void);
extern bool pooler_door_is_shut(void);

/* Takes a connection over for which there is no slot. */
extern void pooler_door_take(int fd);

/* One can go on; serving it failed by an ERROR. */
extern void pooler_door_event(int index, uint32 stamp);
extern void pooler_door_failed(int index, uint32 stamp);

/* From time to time: who says nothing is refused. */
extern void pooler_door_upkeep(TimestampTz now);

/* The clock was set: nobody's time is up for that, nor later. */
extern void pooler_door_follow_clock(const ClockStep *step);

/* Says why not, with SQLSTATE 53300 and as far as it can be said, and closes. */
extern void pooler_door_refuse(int fd, const char *message, const char *detail,
							   const char *hint);

#endif							/* POOLER_DOOR_H */
