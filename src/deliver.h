/*
 * deliver.h
 *	  The worker's side of a birth: an unborn backend becomes a route's.
 *
 * src/deliver.h
 */
#ifndef POOLER_DELIVER_H
#define POOLER_DELIVER_H

/* At the worker's start. */
extern void pooler_deliver_start(void);

/* Makes an unborn backend this route's. */
extern void pooler_deliver(int member, int route);

/* If it shows that births of its route succeed: no back-off any longer. */
extern void pooler_deliver_forgive_failures(int member);

/* Something came from libpq's socket, of an opening or a birth. */
extern void pooler_deliver_libpq_event(int member);

#endif							/* POOLER_DELIVER_H */
