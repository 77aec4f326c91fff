/*
 * usage.h
 *	  What roles and applications use: pooler.usage.
 *
 * src/usage.h
 */
#ifndef POOLER_USAGE_H
#define POOLER_USAGE_H

extern Size pooler_usage_size(void);
extern void pooler_usage_startup(void *place, bool found);

/* At the worker's start: no client is counted. */
extern void pooler_usage_start(void);

/* In the worker: takes note of what a client has done since the last time, and
 * of its name as it is now. leave: for the last time. */
extern void pooler_usage_look(int slot);
extern void pooler_usage_leave(int slot);

/* The pool's number is another one's from now on. */
extern void pooler_usage_forget_pool(int pool);

/* For reset_stats(). */
extern void pooler_usage_clear(void);

#endif							/* POOLER_USAGE_H */
