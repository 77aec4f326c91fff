/*
 * guard.h
 *	  Makes each error between two messages the backend's end.
 *
 * src/guard.h
 */
#ifndef POOLER_GUARD_H
#define POOLER_GUARD_H

/* From one to the other each ERROR is a FATAL, and SET exit_on_error has its
 * effect only afterwards.  They do not nest. */
extern void pooler_guard_begin(void);
extern void pooler_guard_end(void);

#endif							/* POOLER_GUARD_H */
