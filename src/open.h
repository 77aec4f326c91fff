/*
 * open.h
 *	  Opens a backend: by libpq, up to its word that it is there.
 *
 * src/open.h
 */
#ifndef POOLER_OPEN_H
#define POOLER_OPEN_H

/* Opens one more backend for a pool. False: it could not be tried. */
extern bool pooler_open_backend(int pool);

/* Has it said that it is there?  Then it is UNBORN. Looked for before libpq
 * reads, which would take that word for a broken server's. */
extern bool pooler_open_done(int member);

/* There was an ERROR at an event of libpq's. */
extern void pooler_open_failed(int member);

#endif							/* POOLER_OPEN_H */
