/*
 * requests.c
 *	  What SQL functions ask of the worker: cancel a client, end a client.
 *
 * A request is a word in shared memory that a backend wins while it is 0
 * (ask.c) and that the worker sets back.
 *
 * src/requests.c
 */
#include "postgres.h"

#include "answer.h"
#include "cancel.h"
#include "client.h"
#include "requests.h"

static int
find_client(uint64 id)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		if (pooler_clients[i].state != CLIENT_FREE && pooler_clients[i].id == id)
			return i;
	}
	return -1;
}

static void
terminate(int slot)
{
	uint32		generation = pg_atomic_read_u32(&pooler_clients[slot].generation);

	/* first: a backend that has not seen it is still in a statement then */
	pg_atomic_write_u32(&pooler_clients[slot].terminated, 1);
	pg_memory_barrier();
	pooler_client_dismiss(slot, NULL);
	(void) pooler_cancel_running(pooler_client_pack(slot, generation));
}

void
pooler_requests_serve(void)
{
	for (int i = 0; i < POOLER_REQUESTS; i++)
	{
		uint64		request = pg_atomic_read_u64(&pooler_shared->requests[i]);
		int			slot;

		if (request == 0)
			continue;
		pg_atomic_write_u64(&pooler_shared->requests[i], 0);
		slot = find_client(request >> 1);
		if (slot < 0)
			continue;
		if ((request & 1) == POOLER_REQUEST_TERMINATE)
			terminate(slot);
		else
			pooler_answer_cancel(slot);
	}
}
