/*
 * cancel.c
 *	  Cancels a client's statement, and never another client's.
 *
 * A running statement is cancelled by SIGINT to its backend, sent under the
 * backend's cancel lock and only while it is SERVING that very client: it
 * leaves SERVING under the same lock, and drops a signal that came late before
 * it serves anybody else (handoff.c).
 *
 * A client whose query still waits has no backend: the worker answers it
 * (answer.c).
 *
 * src/cancel.c
 */
#include "postgres.h"

#include <signal.h>

#include "cancel.h"

/* The whole process group, as the server does: COPY ... PROGRAM waits for a
 * child. */
static bool
signal_if_serving(PoolerMember *m, uint64 client)
{
	bool		serving;

	if (pg_atomic_read_u64(&m->client) != client)
		return false;
	SpinLockAcquire(&m->cancel_lock);
	serving = pg_atomic_read_u64(&m->client) == client &&
		pg_atomic_read_u32(&m->activity) == ACTIVITY_SERVING && m->pid > 0;
	if (serving)
		(void) kill(-m->pid, SIGINT);
	SpinLockRelease(&m->cancel_lock);
	return serving;
}

bool
pooler_cancel_running(uint64 client)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		if (signal_if_serving(&pooler_members[i], client))
			return true;
	}
	return false;
}
