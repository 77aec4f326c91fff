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

#endif							/* POOLER_CANCEL_H */
