/*
 * stall.h
 *	  Clients that hold a backend by doing nothing, and are ended.
 *
 * src/stall.h
 */
#ifndef POOLER_STALL_H
#define POOLER_STALL_H

#include "since.h"

extern void pooler_stall_start(void);

/* By the worker's clock, for every backend, also one that is gone. */
extern void pooler_stall_look(int member, TimestampTz now);

/* The clock was set. */
extern void pooler_stall_follow_clock(const ClockStep *step);

#endif							/* POOLER_STALL_H */
