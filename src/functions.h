/*
 * functions.h
 *	  What functions keep of the settings under which they were first called.
 *
 * src/functions.h
 */
#ifndef POOLER_FUNCTIONS_H
#define POOLER_FUNCTIONS_H

/* At the first boundary after birth: from now on each function is looked at when
 * it is about to be called. */
extern void pooler_functions_start(void);

/* Who calls functions from now on, as in its slot. */
extern void pooler_functions_serve(uint64 client);

/* At a boundary. False: what another client left could not be renewed in this
 * server; close the backend. */
extern bool pooler_functions_good(void);

#endif							/* POOLER_FUNCTIONS_H */
