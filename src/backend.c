/*
 * backend.c
 *	  What a pooled backend tells the worker and the views about itself.
 *
 * Its activity in shared memory, its place among the route's idle backends,
 * messages on the control socket, its end, and what it does not listen to. See
 * handoff.c for the states.
 *
 * src/backend.c
 */
#include "postgres.h"

#include <poll.h>
#include <signal.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "backend.h"
#include "catching.h"
#include "compat.h"
#include "guc.h"
#include "net.h"

PoolerSelf pooler_self = {.control = -1, .route_epoll = -1, .worker = -1};

static ReservedSlots reserved;	/* the server's, while they are waived */

void
pooler_backend_waive_reserved(void)
{
	ReservedSlots none = {0, 0};

	reserved = pooler_exchange_reserved(none);
}

void
pooler_backend_restore_reserved(void)
{
	(void) pooler_exchange_reserved(reserved);
}

void
pooler_backend_set_activity(PoolerActivity activity)
{
	pg_atomic_write_u32(&pooler_self.member->activity, activity);
}

/*
 * Out of SERVING: under the lock that whoever cancels holds while he looks and
 * signals, so that no signal is sent for a statement that has ended. One that
 * was sent before is dropped by whoever serves next (handoff.c).
 */
void
pooler_backend_end_serving(PoolerActivity next)
{
	PoolerMember *me = pooler_self.member;

	SpinLockAcquire(&me->cancel_lock);
	pg_write_barrier();			/* who sees it sees the times */
	pooler_backend_set_activity(next);
	SpinLockRelease(&me->cancel_lock);
}

/* False: somebody else (the worker) has moved it meanwhile. */
bool
pooler_backend_move_activity(PoolerActivity from, PoolerActivity to)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&pooler_self.member->activity,
										  &expected, to);
}

TimestampTz
pooler_backend_stamp_idle(void)
{
	PoolerMember *me = pooler_self.member;

	me->idle_since = me->alive_at = GetCurrentTimestamp();
	return me->idle_since;
}

/* The time has been stamped. Not if the worker has taken us for dead. */
void
pooler_backend_idle_on(void)
{
	if (pg_atomic_exchange_u32(&pooler_self.member->activity,
							   ACTIVITY_IDLE) == ACTIVITY_GONE)
		pooler_backend_leave();
	pg_atomic_fetch_add_u32(&pooler_self.route->idle, 1);
}

/*
 * The last one to leave the epoll wakes a worker that sleeps without a tick:
 * from now on somebody must look for clients that wait.
 */
void
pooler_backend_idle_off(void)
{
	/* a later worker has begun to count anew */
	if (pooler_backend_is_orphan())
		return;
	if (pg_atomic_fetch_sub_u32(&pooler_self.route->idle, 1) != 1)
		return;
	if (pg_atomic_read_u32(&pooler_shared->asleep) != 0 &&
		pg_atomic_exchange_u32(&pooler_shared->asleep, 0) != 0)
		pooler_shmem_wake_worker();
}

/* A control socket that is full empties as soon as the worker's turn comes. */
void
pooler_backend_tell_message(const ControlMessage *message)
{
	while (!pooler_net_send(pooler_self.control, message, sizeof(*message),
							NULL, 0))
	{
		if (errno != EAGAIN && errno != EINTR)
			proc_exit(0);
		pg_usleep(200);
	}
}

void
pooler_backend_tell(ControlType type, uint64 client)
{
	ControlMessage m = {.type = type};

	m.slot = pooler_client_slot(client);
	m.generation = pooler_client_generation(client);
	pooler_backend_tell_message(&m);
}

bool
pooler_backend_worker_gone(void)
{
	struct pollfd control = {.fd = pooler_self.control,.events = POLLRDHUP};

	return poll(&control, 1, 0) == 1;
}

bool
pooler_backend_is_orphan(void)
{
	return pooler_self.member->life != pooler_shared->life;
}

/*
 * Another route of this pool waits, or another pool has none, and ours may give a
 * backend up: whichever of
 * ours is first at a boundary takes the token. One that was chosen beforehand
 * might be in a long statement.
 */
static bool
take_token(void)
{
	pg_atomic_uint32 *wanted = &pooler_self.pool->wanted;
	uint32		n = pg_atomic_read_u32(wanted);

	if (n == 0 || pg_atomic_read_u32(&pooler_self.route->eligible) == 0)
		return false;
	/* a newborn serves somebody first, or two routes would take turns in vain */
	if (pooler_self.member->counts.checkouts == 0 ||
		!TimestampDifferenceExceeds(pooler_self.member->born_at,
									GetCurrentTimestamp(),
									pooler_guc_role_quantum))
		return false;
	while (n > 0)
	{
		if (pg_atomic_compare_exchange_u32(wanted, &n, n - 1))
			return true;
	}
	return false;
}

/* Once yes, always yes: a token that was taken is not taken twice. */
bool
pooler_backend_must_leave(void)
{
	PoolerMember *me = pooler_self.member;

	if (pg_atomic_read_u32(&me->leave) == 0 && take_token())
		pg_atomic_write_u32(&me->leave, 1);
	return pg_atomic_read_u32(&me->leave) != 0;
}

/* Owns nothing any more and exits. */
void
pooler_backend_leave(void)
{
	pooler_backend_set_activity(ACTIVITY_GONE);
	pooler_backend_tell(CONTROL_LEAVING, POOLER_NO_CLIENT);
	proc_exit(0);
}

/*
 * The line is about this client, whose settings are not loaded yet or no longer:
 * so log_line_prefix's %a shows its name for once.
 */
void
pooler_backend_echo(const char *what, uint64 client)
{
	char	   *loaded_name = application_name;

	if (!pooler_self.pool->limits.echo)
		return;
	application_name = pooler_clients[pooler_client_slot(client)].application_name;
	ereport(LOG_SERVER_ONLY,
			(errmsg("pool \"%s\": %s: client " UINT64_FORMAT
					", backend %d, role \"%s\"",
					pooler_self.pool->name, what,
					pooler_clients[pooler_client_slot(client)].id, MyProcPid,
					pooler_self.role_name),
			 errhidestmt(true)));
	application_name = loaded_name;
}

/* ---- cancels ---- */

/*
 * Throws what is pending and catches it. No signal comes meanwhile, and one that
 * was to end this process is left where it is.
 */
static void
throw_cancel(void)
{
	Catching	before;
	sigset_t	mask;

	sigprocmask(SIG_SETMASK, &BlockSig, &mask);
	pooler_catching_begin(&before);
	QueryCancelHoldoffCount = 0;
	(void) get_timeout_indicator(STATEMENT_TIMEOUT, true);
	(void) get_timeout_indicator(LOCK_TIMEOUT, true);
	PG_TRY();
	{
		if (!ProcDiePending)
			CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		pooler_catching_caught(&before);
		FlushErrorState();
		InterruptPending = true;	/* what else came with it */
	}
	PG_END_TRY();
	pooler_catching_end(&before);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/*
 * On a standby it may be a conflict with replay: PostgreSQL 15 marks that as a
 * cancel, keeps the difference to itself (postgres.c), and forgets it only by
 * throwing it: else at whoever reads or cancels next. Inside a transaction that
 * transaction may be what is in conflict, and PostgresMain() shall see it.
 */
void
pooler_backend_drop_cancel(void)
{
	if (!QueryCancelPending)
		return;
	if (!RecoveryInProgress())
		QueryCancelPending = false;
	else if (!IsTransactionOrTransactionBlock())
		throw_cancel();
}
