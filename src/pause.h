/*
 * pause.h
 *	  Keeps a pool out of its database while that is dropped or copied.
 *
 * src/pause.h
 */
#ifndef POOLER_PAUSE_H
#define POOLER_PAUSE_H

/* In _PG_init. */
extern void pooler_pause_install(void);

#endif							/* POOLER_PAUSE_H */
