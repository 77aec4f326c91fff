/*
 * answer.c
 *	  Answers a client in the server's place: time-out, cancel, notice.
 *
 *	  ARMED, HELD -> ANSWERING [error]: the client is the worker's
 *	  ARMED, HELD -> ANSWERING [is_wanted]: it sent what needs no answer
 *	  ANSWERING -> ARMED	[go_on]: its batch has ended, or nothing more is here
 *
 * A client whose query waits has a session, which is kept: it gets one error and
 * one ReadyForQuery for its batch, be it a simple query or everything up to and
 * with Sync, and may go on. The books of that are wire.c's.
 *
 * A Flush, or what is left of a COPY that failed, wakes a backend like a query,
 * but waits for nothing: an error would be taken for the next query's, and that
 * one would not be run. So it is skipped first.
 *
 * src/answer.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "utils/timestamp.h"

#include "answer.h"
#include "cancel.h"
#include "client.h"
#include "route.h"
#include "wire.h"

/* Reads of 8 kB in a turn, so that the others get theirs. */
#define MAX_READS 16

/* The client may speak again, and does not wait. */
static void
go_on(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	pooler_client_watch(slot, false);
	c->waiting_since = 0;
	/* idle from now on, as after a backend's answer */
	c->state_since = GetCurrentTimestamp();
	pooler_worker_clients[slot].noticed = false;
	if (!pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

/* The batch has been answered. */
static void
answered(int slot)
{
	StringInfoData out;
	bool		said;

	initStringInfo(&out);
	pooler_wire_put_ready(&out, 'I');
	said = pooler_client_say(slot, &out);
	pfree(out.data);
	if (said)
		go_on(slot);
	else
		pooler_client_close(slot);
}

/*
 * Reads and throws away what `reader`, one of wire.c's, takes, and not a byte
 * further. WIRE_OK: *next is what follows, if that is here.
 */
static WireResult
skip(int slot, WireReader reader, char *next)
{
	WorkerClient *w = &pooler_worker_clients[slot];
	char		buffer[8192];

	for (int i = 0; i < MAX_READS; i++)
	{
		int			used = 0;
		int			n = recv(pooler_client_fd(slot), buffer, sizeof(buffer),
							 MSG_PEEK | MSG_DONTWAIT);
		WireResult	result;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return WIRE_MORE;
		result = n <= 0 ? WIRE_BAD : reader(&w->batch, buffer, n, &used);
		if (result == WIRE_BAD)
			return result;
		if (used > 0)
			(void) recv(pooler_client_fd(slot), buffer, used, MSG_DONTWAIT);
		if (result == WIRE_OK)
		{
			*next = used < n ? buffer[used] : 0;
			return result;
		}
	}
	return WIRE_MORE;
}

/* Skips what needs no answer. WIRE_OK: something else follows; WIRE_MORE:
 * nothing yet; WIRE_BAD: nothing ever. */
static WireResult
skip_unanswered(int slot)
{
	char		next;
	WireResult	result = skip(slot, pooler_wire_unanswered, &next);

	return result == WIRE_OK && next == 'X' ? WIRE_BAD : result;
}

/* The rest of a half message is read as it comes. */
static void
after_unanswered(int slot, WireResult result)
{
	if (result == WIRE_BAD)
		pooler_client_close(slot);
	else if (result == WIRE_MORE &&
			 pooler_wire_is_within(&pooler_worker_clients[slot].batch))
		pooler_client_watch_or_close(slot);
	else
		go_on(slot);
}

/* From the worker's hands into its answer: however long it leaves its batch open
 * then, it waits for nothing. */
static void
begin_answer(int slot, bool unanswered)
{
	PoolerClient *c = &pooler_clients[slot];

	if (c->state == CLIENT_HELD)
		pooler_route_unhold(slot);
	c->state = CLIENT_ANSWERING;
	c->waiting_since = 0;
	pooler_worker_clients[slot].unanswered = unanswered;
}

bool
pooler_answer_is_wanted(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];
	WireResult	result;

	if (c->greet)
		return true;
	memset(&w->batch, 0, sizeof(w->batch));
	result = skip_unanswered(slot);
	if (result == WIRE_OK)
		return true;
	begin_answer(slot, true);
	after_unanswered(slot, result);
	return false;
}

/*
 * Reads up to the end of the client's batch: what comes behind it is the next
 * query. Of a batch that is only half here the rest is read as it comes.
 */
static void
read_batch(int slot)
{
	char		next;

	switch (skip(slot, pooler_wire_batch, &next))
	{
		case WIRE_OK:
			answered(slot);
			break;
		case WIRE_MORE:
			pooler_client_watch_or_close(slot);
			break;
		case WIRE_BAD:
			pooler_client_close(slot);
			break;
	}
}

void
pooler_answer_readable(int slot)
{
	if (pooler_worker_clients[slot].unanswered)
		after_unanswered(slot, skip_unanswered(slot));
	else
		read_batch(slot);
}

void
pooler_answer_error(int slot, const char *sqlstate, const char *message,
					 const char *detail, const char *hint)
{
	begin_answer(slot, false);
	/* one that logs in has no session yet that could be kept */
	if (pooler_clients[slot].greet)
	{
		pooler_client_end(slot, sqlstate, message, detail, hint);
		return;
	}
	memset(&pooler_worker_clients[slot].batch, 0, sizeof(WireBatch));
	/* without its error a batch would seem to have been run */
	if (pooler_client_say_error(slot, "ERROR", sqlstate, message, detail, hint))
		pooler_answer_readable(slot);
	else
		pooler_client_close(slot);
}

void
pooler_answer_notice(int slot, const char *message)
{
	StringInfoData out;

	pooler_worker_clients[slot].noticed = true;
	initStringInfo(&out);
	pooler_wire_put_notice(&out, "NOTICE", "00000", message, NULL, NULL);
	pooler_client_remark(slot, &out);
	pfree(out.data);
}

bool
pooler_answer_was_noticed(int slot)
{
	return pooler_worker_clients[slot].noticed;
}

/* A new wait begins. */
void
pooler_answer_forget_notice(int slot)
{
	pooler_worker_clients[slot].noticed = false;
}

/* ---- cancel ---- */

/*
 * Takes a waiting client out of its route's epoll; whoever else is ready goes
 * back in the same order. False: a backend was faster.
 */
static bool
seize(int slot)
{
	int			max = pooler_shared->max_clients;
	uint64	   *ready = palloc(sizeof(uint64) * max);	/* the turn's memory */
	int			n = pooler_route_harvest(pooler_clients[slot].route, ready, max);
	bool		seized = false;

	for (int i = 0; i < n; i++)
	{
		int			other = pooler_client_slot(ready[i]);

		Assert(pooler_client_is(other, pooler_client_generation(ready[i])));
		if (other == slot)
			seized = true;
		else if (!pooler_route_arm(other, false))
			pooler_client_close(other);
	}
	return seized;
}

/* Has it sent something that nobody has read yet? */
static bool
has_spoken(int slot)
{
	char		c;

	return recv(pooler_client_fd(slot), &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/*
 * Cancels what the client runs or waits for, at once or not at all: a wish that
 * outlived this call would hit the client's next statement.
 */
void
pooler_answer_cancel(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	uint64		packed = pooler_client_pack(slot, pooler_client_generation_of(slot));
	bool		seized = c->state == CLIENT_HELD;

	if (pooler_cancel_running(packed))
		return;
	if (c->state == CLIENT_ARMED && !c->greet &&
		pooler_client_activity(slot) == ACTIVITY_NONE && has_spoken(slot))
	{
		seized = seize(slot);
		if (!seized)
			(void) pooler_cancel_running(packed);
	}
	if (!seized)
		return;
	/* what was read meanwhile is no query any more */
	if (has_spoken(slot))
	{
		if (pooler_answer_is_wanted(slot))
			pooler_answer_error(slot, "57014",
								"canceling statement due to user request",
								NULL, NULL);
	}
	else if (c->state == CLIENT_ARMED && !pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

void
pooler_answer_cancel_request(int32 pid, int32 key)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state != CLIENT_FREE && c->state != CLIENT_LOGIN &&
			c->pid == pid && c->cancel_key == key)
		{
			pooler_answer_cancel(i);
			break;
		}
	}
}
