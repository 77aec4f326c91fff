/*
 * take.h
 *	  Inside a pooled backend: a client comes from the route's epoll.
 *
 * src/take.h
 */
#ifndef POOLER_TAKE_H
#define POOLER_TAKE_H

/* Before the first sleep. */
extern void pooler_take_init(void);

/* Sleeps until a client has something to say. On return it is ours, TAKEN, and
 * its socket is open here. */
extern uint64 pooler_take_client(void);

/* Back into the epoll: another backend may take it from here on. */
extern void pooler_take_rearm(uint64 packed);

#endif							/* POOLER_TAKE_H */
