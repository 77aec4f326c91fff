/*
 * ask.c
 *	  SQL functions that want something of the worker, or of a backend.
 *
 * A request to the worker (cancel of a waiting client, end of any) is put into
 * a free place of pooler_shared->requests, which the worker empties when its
 * latch is set (requests.c).
 *
 * src/ask.c
 */
#include "postgres.h"

#include <signal.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "cancel.h"
#include "compat.h"
#include "rows.h"
#include "shmem.h"

/* A request to the worker waits for a place: 5 s at most. */
#define REQUEST_WAIT_MS	2
#define REQUEST_TRIES	2500

PG_FUNCTION_INFO_V1(pooler_ask_cancel_client);
PG_FUNCTION_INFO_V1(pooler_ask_terminate_client);
PG_FUNCTION_INFO_V1(pooler_ask_reset_stats);

static void
require_worker(void)
{
	pooler_rows_require_shared();
	if (pooler_shared->worker_pid <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the pooler's worker is not running"),
				 errhint("The server's log says why; it is started anew within "
						 "seconds.")));
}

/* Puts a request into a free place for the worker, if there is one. */
static bool
try_request(uint64 request)
{
	for (int i = 0; i < POOLER_REQUESTS; i++)
	{
		uint64		none = 0;

		if (pg_atomic_compare_exchange_u64(&pooler_shared->requests[i], &none,
										   request))
			return true;
	}
	return false;
}

/*
 * Sends a request to the worker.  Waits for a free place, as there are fewer
 * than clients: SELECT pooler.terminate_client(id) FROM pooler.clients.
 */
static void
send_request(uint64 id, int kind)
{
	static uint32 wait_event = 0;
	int			tries = REQUEST_TRIES;

	require_worker();
	while (!try_request(POOLER_REQUEST(id, kind)))
	{
		if (tries-- == 0)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("the pooler's worker does not take requests"),
					 errhint("Try again.")));
		pooler_shmem_wake_worker();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 REQUEST_WAIT_MS,
						 pooler_wait_event(&wait_event, "PoolerRequest"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	pooler_shmem_wake_worker();
}

/* The slot of the client with this id, or -1. */
static int
find_client(uint64 id)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
		if (pooler_clients[i].state != CLIENT_FREE &&
			pooler_clients[i].id == id)
			return i;
	return -1;
}

/*
 * pooler.cancel_client(id): false if there is no such client or it has nothing
 * to cancel.  One that waits for a backend is the worker's.
 */
Datum
pooler_ask_cancel_client(PG_FUNCTION_ARGS)
{
	uint64		id = PG_GETARG_INT64(0);
	PoolerClient *c;
	uint64		packed;
	int			slot;

	pooler_rows_require_shared();
	slot = find_client(id);
	if (slot < 0)
		PG_RETURN_BOOL(false);
	c = &pooler_clients[slot];
	packed = pooler_client_pack(slot, pg_atomic_read_u32(&c->generation));
	/* The slot may have passed on between the two reads. */
	pg_read_barrier();
	if (c->id != id)
		PG_RETURN_BOOL(false);
	if (pooler_cancel_running(packed))
		PG_RETURN_BOOL(true);
	if (c->state != CLIENT_HELD && !pooler_client_waits(c))
		PG_RETURN_BOOL(false);
	send_request(id, POOLER_REQUEST_CANCEL);
	PG_RETURN_BOOL(true);
}

/* pooler.terminate_client(id): false if there is no such client. */
Datum
pooler_ask_terminate_client(PG_FUNCTION_ARGS)
{
	uint64		id = PG_GETARG_INT64(0);

	pooler_rows_require_shared();
	if (find_client(id) < 0)
		PG_RETURN_BOOL(false);
	send_request(id, POOLER_REQUEST_TERMINATE);
	PG_RETURN_BOOL(true);
}

/* pooler.reset_stats(): at the worker's next turn. */
Datum
pooler_ask_reset_stats(PG_FUNCTION_ARGS)
{
	require_worker();
	pg_atomic_write_u32(&pooler_shared->reset_wanted, 1);
	pooler_shmem_wake_worker();
	PG_RETURN_VOID();
}
