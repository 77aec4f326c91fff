/*
 * cancel.c
 *	  Cancels a client's statement, and never another client's.
 *
 * A running statement is cancelled by SIGINT to its backend, sent under the
 * backend's cancel lock and only while it is SERVING that very client: it
 * leaves SERVING under the same lock, and drops a signal that came late before
 * it serves anybody else (handoff.c).
 *
 * A client whose query still waits has no backend. The wish is noted; the
 * worker's next look at those who wait (upkeep.c) answers it, if it is waiting
 * still. One that has sent nothing has nothing to cancel: the wish is void at
 * once, or it would hit the next statement.
 *
 * src/cancel.c
 */
#include "postgres.h"

#include <poll.h>
#include <signal.h>

#include "utils/memutils.h"

#include "cancel.h"

static bool *wanted = NULL;		/* by slot */
static int	nwanted = 0;

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
		(void) kill(m->pid, SIGINT);
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

void
pooler_cancel_start(void)
{
	wanted = MemoryContextAllocZero(TopMemoryContext,
									sizeof(bool) * pooler_shared->max_clients);
}

/* Has it sent something that nobody has read yet? */
static bool
has_spoken(int slot)
{
	struct pollfd p = {.fd = pooler_shared->base_fd + slot, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

void
pooler_cancel_client(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	uint32		generation = pg_atomic_read_u32(&c->generation);

	if (pooler_cancel_running(pooler_client_pack(slot, generation)) ||
		wanted[slot] || !has_spoken(slot))
		return;
	wanted[slot] = true;
	nwanted++;
}

bool
pooler_cancel_wanted(void)
{
	return nwanted > 0;
}

bool
pooler_cancel_take(int slot)
{
	bool		was = wanted[slot];

	wanted[slot] = false;
	if (was)
		nwanted--;
	return was;
}
