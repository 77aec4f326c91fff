/*
 * member.h
 *	  A backend as the worker sees it: its place, and the end of it.
 *
 * src/member.h
 */
#ifndef POOLER_MEMBER_H
#define POOLER_MEMBER_H

#include "shmem.h"
#include "since.h"

/* What the worker alone knows of a backend; the rest is in PoolerMember. */
typedef struct WorkerMember
{
	struct pg_conn *conn;		/* libpq's, for its login */
	int			libpq_fd;		/* watched, or -1 */
	int			control;		/* watched, or -1 */
	bool		recycled;		/* it leaves for its age */
	Oid			role;			/* since its birth; InvalidOid: unborn */
	TimestampTz birth_began;
	uint32		failed_before;	/* births of its route, when it was born */
} WorkerMember;

extern WorkerMember *pooler_worker_members;	/* [max_members] */

/* At the worker's start: what an earlier worker left is counted as ORPHAN. */
extern void pooler_member_start(void);

/* Logs what happens to it, where echo_pool is on. */
extern void pooler_member_echo(int member, const char *what);

/* The client that it owned is the worker's. False: it did not own it. */
extern bool pooler_member_owned(PoolerMember *m, uint64 packed);

/* It is no longer its route's, if it was any's. */
extern void pooler_member_leave_route(PoolerMember *m, bool was_born);

/* It is gone, or is to be: its place is free. */
extern void pooler_member_drop(int member);

/* The clock was set. */
extern void pooler_member_follow_clock(const ClockStep *step);

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
