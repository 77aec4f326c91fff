/*
 * upkeep.h
 *	  What the worker does with backends by the clock, ten times a second.
 *
 * src/upkeep.h
 */
#ifndef POOLER_UPKEEP_H
#define POOLER_UPKEEP_H

extern void pooler_upkeep_start(void);

/* Everything that is not urgent, waits and clients included. */
extern void pooler_upkeep_turn(void);

#endif							/* POOLER_UPKEEP_H */
