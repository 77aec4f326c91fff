/*
 * open.h
 *	  Opens a backend: by libpq, up to its word that it is there.
 *
 * src/open.h
 */
#ifndef POOLER_OPEN_H
#define POOLER_OPEN_H

#include "shmem.h"

/* Opens one more backend for a pool. False: it could not be tried. */
extern bool pooler_open_backend(int pool);

/* Has it said that it is there?  Looks for that word before libpq does. */
extern bool pooler_open_is_done(int member);

/* It has: it is UNBORN. */
extern void pooler_open_done(int member);

/* There was an ERROR at an event of libpq's. */
extern void pooler_open_failed(int member);

#endif							/* POOLER_OPEN_H */
