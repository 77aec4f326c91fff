/*
 * backend.h
 *	  What a pooled backend tells the worker and the views about itself.
 *
 * src/backend.h
 */
#ifndef POOLER_BACKEND_H
#define POOLER_BACKEND_H

#include "control.h"
#include "shmem.h"

/* What this backend was born as; control < 0: it is not a pooled one. */
typedef struct PoolerSelf
{
	PoolerMember *member;
	PoolerPool *pool;
	PoolerRoute *route;
	int			index;			/* of member */
	int			route_index;
	int			control;
	int			route_epoll;
	int			worker;			/* stands for the worker, whose files may be
								 * copied; -1: they may not */
	Oid			role;
	bool		superuser;
	char		role_name[NAMEDATALEN];
} PoolerSelf;

extern PoolerSelf pooler_self;

/*
 * The server refuses a login when less than its reserved slots are free. This
 * process has had its slot since it was opened, when more were: superusers who
 * came since must not cost it its login. From waive to restore none is reserved
 * in this process's eyes.
 */
extern void pooler_backend_waive_reserved(void);
extern void pooler_backend_restore_reserved(void);

/* One writer per state: all changes of our activity go through these. */
extern void pooler_backend_set_activity(PoolerActivity activity);
extern bool pooler_backend_move_activity(PoolerActivity from,
										 PoolerActivity to);

extern void pooler_backend_end_serving(PoolerActivity next);

/* Alive, and serving nobody from now on; returns now. */
extern TimestampTz pooler_backend_stamp_idle(void);

/* Counted in the route as one that sleeps in its epoll. */
extern void pooler_backend_idle_on(void);
extern void pooler_backend_idle_off(void);

/* Says something to the worker; does not fail (exits if the worker is gone). */
extern void pooler_backend_tell(ControlType type, uint64 client);
extern void pooler_backend_tell_message(const ControlMessage *message);
extern bool pooler_backend_worker_gone(void);

/* Another worker has come since: routes, pools and clients are not ours. */
extern bool pooler_backend_is_orphan(void);

/* Does the worker, or a waiting route, want this backend to end? */
extern bool pooler_backend_must_leave(void);
extern void pooler_backend_leave(void) __attribute__((noreturn));

/*
 * Before PostgresMain() reads: a cancel that is pending is for nobody, nor is a
 * conflict between a standby's replay and a transaction that is over.
 */
extern void pooler_backend_drop_cancel(void);

/* A LOG line of echo_pool about this client. */
extern void pooler_backend_echo(const char *what, uint64 client);

#endif							/* POOLER_BACKEND_H */
