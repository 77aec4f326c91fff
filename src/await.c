/*
 * await.c
 *	  A backend waits for one client alone.
 *
 * In three cases a backend does not go back to the route's epoll after an
 * answer: inside a transaction, with a client whose state is here (pinned), and
 * with one that it may keep: since the route has no more clients than backends,
 * or since it is quick, and another backend is idle or nobody had to wait lately.
 * It then waits on FeBeWaitSet and reads the client's next byte itself, so that
 * a client that has left is noticed here and not by PostgresMain(), which would
 * end the whole backend.
 *
 * While it waits it serves what PostgresMain() would serve there: interrupts,
 * catch-up, notifications for a client that listens, statistics. What the
 * client armed (idle_in_transaction_session_timeout, idle_session_timeout)
 * fires as on a direct connection, with a FATAL to that client.
 *
 * src/await.c
 */
#include "postgres.h"

#include <signal.h>

#include "commands/async.h"
#include "lib/stringinfo.h"
#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "await.h"
#include "backend.h"
#include "compat.h"
#include "inject.h"
#include "wire.h"

/* Also notices a worker that is gone; see serve_interrupts(). A kept client that
 * is silent for so long is given up, if the worker has not wanted that before. */
#define MAX_WAIT_MS 1000

/* Whatever the client sent together with its last word is of no interest. */
void
pooler_await_forget_unread(void)
{
	pq_startmsgread();
	while (!pooler_receive_buffer_empty())
		(void) pq_getbyte();
	pq_endmsgread();
}

/*
 * Reads one message that yields no answer, and so no boundary: CopyData,
 * CopyDone and CopyFail that come too late, a Flush. PostgresMain() would
 * ignore them too, but then wait for the next one, with this backend.
 */
static bool
swallow_message(void)
{
	StringInfoData body;
	int			type;
	int			limit;
	bool		ok;

	pq_startmsgread();
	type = pq_getbyte();
	limit = type == 'd' ? PQ_LARGE_MESSAGE_LIMIT : PQ_SMALL_MESSAGE_LIMIT;
	initStringInfo(&body);
	ok = pq_getmessage(&body, limit) != EOF;
	pfree(body.data);
	if (!ok && pq_is_reading_msg())
		pq_endmsgread();		/* or nobody could be read from here any more */
	return ok;
}

/* `swallow`: what yields no answer. Inside a transaction PostgresMain() reads it,
 * whose time-outs then hold for half of it. */
static AwaitResult
first_byte(bool swallow)
{
	for (;;)
	{
		int			c;

		pq_startmsgread();
		c = pq_peekbyte();
		pq_endmsgread();
		if (c != EOF && c != 'X')
		{
			if (!swallow || !pooler_wire_is_unanswered(c))
				return AWAIT_SPOKE;
			if (swallow_message())
			{
				if (pooler_receive_buffer_empty())
					return AWAIT_NOTHING;
				continue;
			}
		}
		pooler_await_forget_unread();
		return AWAIT_LEFT;
	}
}

AwaitResult
pooler_await_first_byte(void)
{
	return first_byte(true);
}

/* Cancels first: one that comes between statements is for nobody. */
static void
serve_interrupts(bool at_boundary)
{
	ResetLatch(MyLatch);
	pooler_backend_drop_cancel();
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (at_boundary && notifyInterruptPending)
		ProcessNotifyInterrupt(true);
	if (at_boundary && IdleStatsUpdateTimeoutPending)
	{
		IdleStatsUpdateTimeoutPending = false;
		pgstat_report_stat(true);
	}
}

/*
 * The same with a kept client. False: this backend shall end, but a last word of
 * it must not reach the client, whom another one can serve. A SIGTERM that comes
 * now waits until nobody is served.
 */
static bool
serve_interrupts_kept(void)
{
	sigset_t	sigterm;
	sigset_t	before;
	bool		goes_on;

	sigemptyset(&sigterm);
	sigaddset(&sigterm, SIGTERM);
	sigprocmask(SIG_BLOCK, &sigterm, &before);
	goes_on = !ProcDiePending;
	if (goes_on)
		serve_interrupts(true);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return goes_on;
}

/* True: the client's socket has something. False: time for interrupts. */
static bool
wait_for_socket(int timeout_ms)
{
	WaitEvent	event;

	ModifyWaitEvent(FeBeWaitSet, FeBeWaitSetSocketPos, WL_SOCKET_READABLE,
					NULL);
	if (WaitEventSetWait(FeBeWaitSet, timeout_ms, &event, 1,
						 WAIT_EVENT_CLIENT_READ) == 0)
		return false;
	if (event.events & WL_POSTMASTER_DEATH)
		proc_exit(1);
	return (event.events & WL_SOCKET_MASK) != 0;
}

AwaitResult
pooler_await_in_transaction(void)
{
	while (!wait_for_socket(-1))
		serve_interrupts(false);
	return first_byte(false);
}

static bool
has_one_for_each(void)
{
	return pg_atomic_read_u32(&pooler_self.route->keep) != 0;
}

static bool
another_is_idle(void)
{
	return (int32) pg_atomic_read_u32(&pooler_self.route->idle) > 0;
}

/* Also with nobody idle, if that made nobody wait lately. */
static bool
is_needed_by_none(void)
{
	return has_one_for_each() || another_is_idle() ||
		pg_atomic_read_u32(&pooler_self.route->contended) == 0;
}

/* A kept client is given up when its backend is wanted. */
static bool
is_recalled(void)
{
	return pg_atomic_read_u32(&pooler_self.member->activity) !=
		ACTIVITY_PRIVATE || pooler_backend_must_leave();
}

/* Or the clock was set back: nobody knows for how long. */
static bool
is_silent(const PoolerMember *me)
{
	return me->idle_since > me->alive_at ||
		me->alive_at - me->idle_since >= MAX_WAIT_MS * 1000;
}

/* The worker may have taken us for dead: then the client is another's. */
static void
keep_serving(void)
{
	if (!pooler_backend_move_activity(ACTIVITY_PRIVATE, ACTIVITY_SERVING) &&
		!pooler_backend_move_activity(ACTIVITY_RECALLED, ACTIVITY_SERVING) &&
		!pooler_backend_move_activity(ACTIVITY_SERVING, ACTIVITY_SERVING))
		pooler_backend_leave();
}

/*
 * A client that has not spoken for a while is not kept: in the epoll it can be
 * served by any backend, whatever happens to this one.
 */
static AwaitResult
await_or_recall(bool pinned)
{
	PoolerMember *me = pooler_self.member;

	for (;;)
	{
		bool		spoke = wait_for_socket(MAX_WAIT_MS);
		AwaitResult result;

		me->alive_at = GetCurrentTimestamp();
		if (spoke)
		{
			POOLER_INJECT(pinned ? "pinned-spoke" : "keep-spoke");
			if (!pinned)
			{
				/* not read yet: another backend can serve it */
				if (ProcDiePending)
					return AWAIT_GIVE_UP;
				keep_serving();
			}
			result = pooler_await_first_byte();
			if (result != AWAIT_NOTHING)
				return result;
			if (!pinned)
				return AWAIT_GIVE_UP;
			continue;
		}
		if (pinned)
		{
			serve_interrupts(true);
			if (pooler_backend_worker_gone())
				return AWAIT_GIVE_UP;
		}
		else if (is_recalled() || is_silent(me) || !serve_interrupts_kept())
			return AWAIT_GIVE_UP;
	}
}

bool
pooler_await_is_quick(int64 silence_us)
{
	return silence_us < POOLER_QUICK_US;
}

/* PostgresMain() has armed it, but for a client that came while it waited here. */
static bool
arm_idle_session(void)
{
	if (IdleSessionTimeout <= 0 || get_timeout_active(IDLE_SESSION_TIMEOUT))
		return false;
	enable_timeout_after(IDLE_SESSION_TIMEOUT, IdleSessionTimeout);
	return true;
}

static void
disarm_idle_session(bool armed)
{
	if (!armed)
		return;
	disable_timeout(IDLE_SESSION_TIMEOUT, false);
	IdleSessionTimeoutPending = false;
}

/* Only a hint: pooler_await_client() looks again when it is PRIVATE. */
bool
pooler_await_may_keep(bool quick)
{
	return (quick || has_one_for_each()) && is_needed_by_none() &&
		!pooler_backend_must_leave();
}

/*
 * The activity is set before the flag is looked at; the worker clears the flag
 * before it looks for activities to recall: one of us sees the other. Where
 * there is no backend for each client no such order is needed: the worker looks
 * again and again while nobody is idle (waits.c).
 */
AwaitResult
pooler_await_client(bool pinned)
{
	AwaitResult result;
	bool		armed = pinned && arm_idle_session();

	(void) pooler_backend_stamp_idle();
	pooler_backend_end_serving(pinned ? ACTIVITY_PINNED : ACTIVITY_PRIVATE);
	POOLER_INJECT(pinned ? "pinned-wait" : "keep-wait");
	pg_memory_barrier();
	if (!pinned && !is_needed_by_none())
		result = AWAIT_GIVE_UP;
	else
		result = await_or_recall(pinned);
	disarm_idle_session(armed);
	if (pinned)
		pooler_backend_set_activity(ACTIVITY_SERVING);
	else
		keep_serving();
	return result;
}
