/*
 * cancel.h
 *	  Cancels a client's statement, and never another client's.
 *
 * src/cancel.h
 */
#ifndef POOLER_CANCEL_H
#define POOLER_CANCEL_H

#include "shmem.h"

/* In any process: signals the backend that runs a statement for this client.
 * False: none does. */
extern bool pooler_cancel_running(uint64 client);

/* In the worker: cancels what this client runs or waits for. */
extern void pooler_cancel_start(void);
extern void pooler_cancel_client(int slot);

/* Shall a client that waits be cancelled?  Asked once. */
extern bool pooler_cancel_wanted(void);
extern bool pooler_cancel_take(int slot);

#endif							/* POOLER_CANCEL_H */
