/*
 * admit.h
 *	  A client's admission: from accept to its route.
 *
 * src/admit.h
 */
#ifndef POOLER_ADMIT_H
#define POOLER_ADMIT_H

#include "control.h"

/* False: nobody can be let in now (net.h's NET_NO_ROOM). */
extern bool pooler_admit_accept(int listen_fd);

/* An ERROR while it accepted: the client that it was about is closed. */
extern void pooler_admit_failed(void);

/* Event of the worker's loop; the client's state is CLIENT_LOGIN. */
extern void pooler_admit_readable(int slot);

/* A backend finished a login: the worker can do the same from now on. Takes
 * over the record's reference. */
extern void pooler_admit_greeted(int slot, const ControlMessage *m,
								 char *text);

/* The configuration is another one: what logins were told holds no more. */
extern void pooler_admit_forget_greetings(void);

#endif							/* POOLER_ADMIT_H */
