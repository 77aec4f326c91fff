/*
 * leaks.h
 *	  Backends that their clients do not give back: pooler.leak_warn.
 *
 * src/leaks.h
 */
#ifndef POOLER_LEAKS_H
#define POOLER_LEAKS_H

#include "since.h"

extern void pooler_leaks_start(void);

/* By the worker's clock, for every backend, also one that is gone. */
extern void pooler_leaks_look(int member, TimestampTz now);

/* The clock was set. */
extern void pooler_leaks_follow_clock(const ClockStep *step);

#endif							/* POOLER_LEAKS_H */
