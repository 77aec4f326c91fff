/*
 * take.c
 *	  Inside a pooled backend: a client comes from the route's epoll.
 *
 * The epoll is the only arbiter: a client is armed in it (one shot) or owned by
 * the one process that harvested its event and won its owner word.
 *
 *	  IDLE -> TAKEN			[harvest]: `client` set before any interrupt
 *	  TAKEN -> RETURNING	[hand_back_unopened, die_unseen]: not served here
 *
 * While it is idle a backend sleeps here, serves its interrupts, and ends when
 * the worker wants that. handoff.c serves what was taken.
 *
 * src/take.c
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "backend.h"
#include "carry.h"
#include "compat.h"
#include "inject.h"
#include "measure.h"
#include "net.h"
#include "settings.h"
#include "take.h"
#include "waitset.h"

/* See sleep_in_route(); also how fresh alive_at is. */
#define MAX_SLEEP_MS 1000

static sigset_t sleep_mask;

static void
wake_up(SIGNAL_ARGS)
{
}

void
pooler_take_init(void)
{
	sleep_mask = UnBlockSig;
	sigdelset(&sleep_mask, SIGURG);
	pqsignal(SIGURG, wake_up);
}

/* Not asleep in the epoll any more, and on the way out. */
static void
leave_idle(void)
{
	if (pooler_backend_move_activity(ACTIVITY_IDLE, ACTIVITY_GONE))
		pooler_backend_idle_off();
	pooler_backend_leave();
}

/*
 * With nobody's settings here. Also a reload that came while a startup option covered
 * a value, which is seen before the next client uncovers it. False: close this backend.
 */
static bool
serve_reload(void)
{
	return !pooler_settings_reload_due() || pooler_carry_reload();
}

/*
 * The interrupts of a backend that serves nobody. Cancels first: the check would
 * throw an ERROR, and nobody asked for it.
 */
static void
serve_idle_interrupts(void)
{
	ResetLatch(MyLatch);
	pooler_backend_drop_cancel();
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (!serve_reload())
		leave_idle();
	if (IdleStatsUpdateTimeoutPending)
	{
		IdleStatsUpdateTimeoutPending = false;
		pgstat_report_stat(true);
	}
	if (!PostmasterIsAlive())
		proc_exit(1);
}

/*
 * Sleeps in the route's epoll with signals let in. A signal handler of our own
 * process raises SIGURG only while latch.c itself waits, so one that comes
 * between the test of the latch and the sleep does not end it: every sleep is
 * bounded.
 */
static bool
sleep_in_route(struct epoll_event *e)
{
	int			n = 0;

	pgstat_report_wait_start(WAIT_EVENT_CLIENT_READ);
	MyLatch->maybe_sleeping = true;
	pg_memory_barrier();
	if (!MyLatch->is_set && !InterruptPending)
		n = epoll_pwait(pooler_self.route_epoll, e, 1, MAX_SLEEP_MS,
						&sleep_mask);
	MyLatch->maybe_sleeping = false;
	pgstat_report_wait_end();
	return n == 1;
}

/*
 * The client is armed again: the kernel wakes another backend for it. If we were
 * stopped for long the worker has given it to another. If we stop before it is
 * armed, the worker arms what nobody owns.
 */
void
pooler_take_rearm(uint64 packed)
{
	bool		greet = pooler_client_of(packed)->greet;
	int			fd = pooler_waitset_fd(pooler_client_slot(packed));
	bool		ours;

	POOLER_INJECT("give-up-arm");
	ours = pooler_client_pass(packed, pooler_self.index + 1, POOLER_NOBODY);
	pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
	POOLER_INJECT("give-up-passed");
	if (ours &&
		!pooler_net_arm(pooler_self.route_epoll, false, fd, packed, greet) &&
		pooler_client_pass(packed, POOLER_NOBODY, pooler_self.index + 1))
		pooler_backend_tell(CONTROL_CLOSED, packed);
}

/* A client that we own without its file: the worker does it for us. */
static void
hand_back_unopened(uint64 packed)
{
	if (!pooler_backend_move_activity(ACTIVITY_TAKEN, ACTIVITY_RETURNING))
		pooler_backend_leave();
	pooler_backend_tell(CONTROL_HUNG_UP, packed);
	pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
}

static void
idle_turn(void)
{
	pooler_self.member->alive_at = GetCurrentTimestamp();
	serve_idle_interrupts();
	if (pooler_backend_must_leave() || pooler_backend_worker_gone())
		leave_idle();
}

/* The event says that it is ready; it is ours if nobody else won it. */
static bool
win(uint64 packed)
{
	pg_atomic_write_u64(&pooler_self.member->client, packed);
	POOLER_INJECT("take-win");
	if (pooler_client_pass(packed, POOLER_NOBODY, pooler_self.index + 1))
		return true;
	pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
	return false;
}

/* The worker took us for dead and no longer counts us. If it has not given the
 * client to another (we won it afterwards), it does so now. */
static void
leave_unbegun(uint64 packed)
{
	pooler_backend_tell(CONTROL_HUNG_UP, packed);
	pooler_backend_leave();
}

/* Waits for a client; on return it is ours and TAKEN. waiting_since: 0, if the
 * worker has not seen it wait. */
static uint64
harvest(uint32 *events, TimestampTz *waiting_since)
{
	struct epoll_event e;
	PoolerClient *c;

	for (;;)
	{
		if (!sleep_in_route(&e))
			idle_turn();
		else if (win(e.data.u64))
			break;
	}
	POOLER_INJECT("take-won");
	pooler_self.member->taken_at = GetCurrentTimestamp();
	if (!pooler_backend_move_activity(ACTIVITY_IDLE, ACTIVITY_TAKEN))
		leave_unbegun(e.data.u64);
	pooler_backend_idle_off();
	/* what the worker says of its wait is void from here on */
	c = pooler_client_of(e.data.u64);
	*waiting_since = pooler_client_waits(c) ? c->waiting_since : 0;
	pg_atomic_fetch_add_u32(&c->taken, 1);
	POOLER_INJECT("take-taken");
	*events = e.events;
	return e.data.u64;
}

/*
 * Copies the client's file out of the worker, which has it as long as we own the
 * client: what was copied after we had lost it may be another's. False: ask for
 * it. Where this is not allowed (an old kernel; Yama or a container forbid one
 * process to trace another) it is not tried again.
 */
static bool
copy_file(uint64 packed)
{
	uint32		me = pooler_self.index + 1;
	uint32		slot = pooler_client_slot(packed);
	int			fd;

	if (pooler_self.worker < 0)
		return false;
	POOLER_INJECT("take-copy");
	fd = pooler_net_copy_file(pooler_self.worker, pooler_waitset_fd(slot));
	if (fd < 0)
	{
		if (errno == EPERM || errno == ENOSYS)
		{
			close(pooler_self.worker);
			pooler_self.worker = -1;
		}
		return false;
	}
	POOLER_INJECT("take-copied");
	if (!pooler_client_pass(packed, me, me))
	{
		close(fd);
		return false;
	}
	pooler_waitset_adopt(slot, pooler_client_generation(packed), fd);
	return true;
}

/* Asks the worker for the client's file. False: that client is gone. */
static bool
fetch(uint64 packed)
{
	static uint32 wait_event = 0;
	static WaitEventSet *set = NULL;
	WaitEvent	event;
	ControlMessage answer;
	int			fds[NET_MAX_FDS];
	int			nfds;

	POOLER_INJECT("take-fetch");
	pooler_backend_tell(CONTROL_FETCH, packed);
	for (;;)
	{
		int			n = pooler_net_receive(pooler_self.control, &answer,
										   sizeof(answer), fds, &nfds);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			proc_exit(0);
		if (n == sizeof(answer))
			break;
		if (set == NULL)
			set = pooler_waitset_make(pooler_self.control);
		(void) WaitEventSetWait(set, -1, &event, 1,
								pooler_wait_event(&wait_event, "PoolerFetch"));
		if (event.events & WL_POSTMASTER_DEATH)
			proc_exit(1);
		ResetLatch(MyLatch);
		pooler_backend_drop_cancel();
		CHECK_FOR_INTERRUPTS();
	}
	if (answer.type != CONTROL_FILE || nfds != 1)
		return false;
	POOLER_INJECT("take-fetched");
	pooler_waitset_adopt(answer.slot, answer.generation, fds[0]);
	return true;
}

/*
 * Makes sure of the client's socket. False: there is nobody to serve. A backend
 * that cannot open it, having no descriptor left, is of no use.
 */
static bool
open_client(uint64 packed, uint32 events)
{
	uint32		slot = pooler_client_slot(packed);

	if (pooler_waitset_have(slot, pooler_client_generation(packed)))
		return true;
	/* it hung up: why open a stranger's socket, if there is nothing in it */
	if (!pooler_clients[slot].has_last_words &&
		(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
	{
		hand_back_unopened(packed);
		return false;
	}
	if (copy_file(packed) || fetch(packed))
		return true;
	hand_back_unopened(packed);
	pooler_backend_leave();
}

/* Somebody ended this backend while the kernel woke it for a client, or a reload that
 * came then cannot be done here. */
static void
die_unseen(uint64 packed)
{
	if (pooler_backend_move_activity(ACTIVITY_TAKEN, ACTIVITY_RETURNING))
		pooler_take_rearm(packed);
	pooler_backend_leave();
}

/* Nobody's whom this backend may not serve: it ends, or asks the worker. */
static bool
may_serve(uint64 packed)
{
	if (pooler_client_of(packed)->catalog_generation >
		pooler_self.member->catalog_generation)
	{
		/* born before its role was altered: not for this client */
		hand_back_unopened(packed);
		pooler_backend_leave();
	}
	if (pooler_client_of(packed)->database == MyDatabaseId)
		return true;
	pooler_backend_tell(CONTROL_MISPLACED, packed);
	return false;
}

uint64
pooler_take_client(void)
{
	if (!serve_reload())
		pooler_backend_leave();
	for (;;)
	{
		uint32		events;
		uint64		packed;
		TimestampTz waiting_since;

		pooler_backend_idle_on();
		POOLER_INJECT("take-idle");
		packed = harvest(&events, &waiting_since);
		if (may_serve(packed) && open_client(packed, events))
		{
			/* a signal that came with the event has not ended the sleep */
			if (ProcDiePending || !serve_reload())
				die_unseen(packed);
			/* who hung up has waited for nothing */
			if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
				pooler_measure_wait(pooler_waitset_fd(pooler_client_slot(packed)),
									pooler_self.member->taken_at,
									waiting_since);
			return packed;
		}
		pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
		(void) pooler_backend_stamp_idle();
	}
}
