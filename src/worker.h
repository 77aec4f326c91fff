/*
 * worker.h
 *	  The background worker.
 *
 * src/worker.h
 */
#ifndef POOLER_WORKER_H
#define POOLER_WORKER_H

/* In _PG_init: asks the postmaster to run it. */
extern void pooler_worker_register(void);

#endif							/* POOLER_WORKER_H */
