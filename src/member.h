/*
 * member.h
 *	  A backend as the worker sees it: open, birth, close.
 *
 * src/member.h
 */
#ifndef POOLER_MEMBER_H
#define POOLER_MEMBER_H

#include "shmem.h"

/* At the worker's start: what an earlier worker left is counted as ORPHAN. */
extern void pooler_member_start(void);

/* Opens one more backend for a pool. False: it could not be tried. */
extern bool pooler_member_open(int pool);

/* Makes an unborn backend this route's. */
extern void pooler_member_give_birth(int member, int route);

/* Events of the worker's loop. */
extern void pooler_member_libpq_event(int member);
extern void pooler_member_failed(int member);
extern void pooler_member_control_event(int member);

/* The clock has been set back to this: no backend is of the future. */
extern void pooler_member_clock_set_back(TimestampTz now);

/* If it shows that births of its route succeed: no back-off any longer. */
extern void pooler_member_forgive_failures(int member);

/* Asks a backend to end at its next boundary; it may be unborn. */
extern void pooler_member_retire(int member);

/* The same for its age, counted and echoed. */
extern void pooler_member_recycle(int member);

/* One that leaves has not ended in time: nobody is to count on its place. */
extern void pooler_member_overdue(int member);

/* Takes a hung backend out of service: its client goes to another, SIGTERM. */
extern void pooler_member_invalidate(int member, const char *why);

/* Frees the places of an earlier worker's backends that are gone. */
extern void pooler_member_reap_orphans(void);

/* Ends of all: sets the wish to leave, wakes everybody. */
extern void pooler_member_dismiss_all(void);

/* Since when it has been idle or waiting for its kept client alone, so that it
 * may be retired; 0: it may not. */
extern TimestampTz pooler_member_idle_since(const PoolerMember *m);

#endif							/* POOLER_MEMBER_H */
