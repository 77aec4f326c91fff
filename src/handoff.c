/*
 * handoff.c
 *	  Inside a pooled backend: take a client, serve it, give it up.
 *
 * PqCommMethods is wrapped. ReadyForQuery() is putmessage('Z') and then
 * flush(); after that flush, with nothing unread in the receive buffer, status
 * 'I' is a transaction boundary: there, and only there, a client changes hands.
 * Blocking inside that flush is what a pooled backend does while it is idle.
 *
 * The route's epoll is the only arbiter. A client is armed in it (one shot) or
 * owned by the one process that harvested its event and won its owner word; only
 * the owner reads, writes, re-arms or reports it closed. The worker wins the
 * words of backends that die or hang. test/model holds this protocol.
 *
 *	  IDLE -> TAKEN			[harvest]: `client` set before any interrupt
 *	  TAKEN -> SERVING		[start_serving]: the worker may win this race and
 *							give the client to another; then we exit
 *	  SERVING -> RETURNING -> IDLE	[return_client]: state saved, re-armed
 *	  SERVING -> CLEANING -> IDLE	[client_left]
 *	  SERVING -> PRIVATE -> SERVING [await.c]: a kept client
 *	  PRIVATE -> RECALLED	by the worker, for one that waits: give it up
 *	  SERVING -> PINNED -> SERVING	[await.c]: its session state is here
 *
 * From flush to return this is foreign ground for errors: an ERROR would make
 * PostgresMain() send E and Z to whoever is attached. ExitOnAnyError makes each
 * FATAL, whereToSendOutput is DestNone while nobody is served, and MyProcPort's
 * socket is then our own, so that no last word reaches the last client.
 *
 * What a client's session is, and how it travels, is carry.c's business; the
 * worker's half of the protocol is member.c's.
 *
 * src/handoff.c
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bswap.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/sinval.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "await.h"
#include "backend.h"
#include "carry.h"
#include "compat.h"
#include "counters.h"
#include "handoff.h"
#include "identity.h"
#include "inject.h"
#include "net.h"
#include "pins.h"
#include "settings.h"
#include "unnamed.h"
#include "waitset.h"
#include "watch.h"

/* See sleep_in_route(); also how fresh alive_at is. */
#define MAX_SLEEP_MS 1000

static const PQcommMethods *real_methods;
static PQcommMethods wrapped_methods;

static bool started = false;	/* past the first boundary: pooled */
static bool ready_seen = false; /* a 'Z' is on its way */
static char ready_status;

static pgsocket own_socket;		/* libpq's, from the birth */
static WaitEventSet *own_set;
static sigset_t sleep_mask;

static uint64 serving = POOLER_NO_CLIENT;
static TimestampTz taken_at;
static bool pinned = false;		/* counted in the pool's pinned */
static bool just_greeted = false;	/* nothing but the login's end was sent */
static bool quick = false;		/* it spoke soon after its last answer */

/* Messages of ours that PostgresMain() reads first: see feed_unnamed(). */
static int	feed_pair[2] = {-1, -1};
static bool feeding = false;	/* it reads from feed_pair, nobody hears it */
static bool fed = false;		/* its ReadyForQuery has been swallowed */

static inline PoolerClient *
client_of(uint64 packed)
{
	return &pooler_clients[pooler_client_slot(packed)];
}

/* ---- nobody is served ---- */

/*
 * Whatever the last client armed or left pending must not hit the next one, or
 * this backend while it is idle.
 */
static void
drop_pending(void)
{
	if (get_timeout_active(IDLE_SESSION_TIMEOUT))
		disable_timeout(IDLE_SESSION_TIMEOUT, false);
	if (get_timeout_active(CLIENT_CONNECTION_CHECK_TIMEOUT))
		disable_timeout(CLIENT_CONNECTION_CHECK_TIMEOUT, false);
	(void) get_timeout_indicator(STATEMENT_TIMEOUT, true);
	(void) get_timeout_indicator(LOCK_TIMEOUT, true);
	IdleSessionTimeoutPending = false;
	IdleInTransactionSessionTimeoutPending = false;
	CheckClientConnectionPending = false;
	pooler_drop_transaction_timeout();
	QueryCancelPending = false;
}

static void
detach(void)
{
	MyProcPort->sock = own_socket;
	FeBeWaitSet = own_set;
	whereToSendOutput = DestNone;
	pooler_identity_hide();
	drop_pending();
	serving = POOLER_NO_CLIENT;
}

static void
attach(uint64 packed)
{
	uint32		slot = pooler_client_slot(packed);

	serving = packed;
	MyProcPort->sock = pooler_waitset_fd(slot);
	FeBeWaitSet = pooler_waitset_of(slot);
	whereToSendOutput = DestRemote;
	pooler_identity_show(&pooler_clients[slot]);
}

/*
 * The interrupts of a backend that serves nobody. QueryCancelPending first: the
 * check would throw an ERROR, and nobody asked for it.
 */
static void
serve_idle_interrupts(void)
{
	ResetLatch(MyLatch);
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending || pooler_settings_reload_due())
		pooler_carry_reload();
	if (IdleStatsUpdateTimeoutPending)
	{
		IdleStatsUpdateTimeoutPending = false;
		pgstat_report_stat(true);
	}
	if (!PostmasterIsAlive())
		proc_exit(1);
}

/* ---- taking a client ---- */

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

/* Not asleep in the epoll any more, and on the way out. */
static void
leave_idle(void)
{
	if (pooler_backend_move_activity(ACTIVITY_IDLE, ACTIVITY_GONE))
		pooler_backend_idle_off();
	pooler_backend_leave();
}

/*
 * The client is armed again: the kernel wakes another backend for it. If we were
 * stopped for long the worker has given it to another. If we stop before it is
 * armed, the worker arms what nobody owns.
 */
static void
rearm(uint64 packed)
{
	bool		greet = client_of(packed)->greet;
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

/* Waits for a client; on return it is ours and TAKEN. */
static uint64
harvest(uint32 *events)
{
	struct epoll_event e;

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
	pg_atomic_fetch_add_u32(&client_of(e.data.u64)->taken, 1);
	POOLER_INJECT("take-taken");
	*events = e.events;
	return e.data.u64;
}

/* Asks the worker for the client's file. False: that client is gone. */
static bool
fetch(uint64 packed)
{
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
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE |
								 WL_EXIT_ON_PM_DEATH,
								 pooler_self.control, -1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		QueryCancelPending = false;
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
	if (fetch(packed))
		return true;
	hand_back_unopened(packed);
	pooler_backend_leave();
}

/*
 * TAKEN -> SERVING. The worker may have found that we took too long over it and
 * given the client to another: then it is no longer ours to touch. A cancel
 * request that is pending now was for somebody else.
 */
static void
start_serving(uint64 packed)
{
	PoolerClient *c = client_of(packed);

	POOLER_INJECT("take-serve");
	QueryCancelPending = false;
	if (!pooler_backend_move_activity(ACTIVITY_TAKEN, ACTIVITY_SERVING))
	{
		pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
		pooler_backend_leave();
	}
	attach(packed);
	taken_at = pooler_self.member->taken_at;
	pooler_self.member->counts.checkouts++;
	c->checkouts++;
	quick = pooler_await_is_quick(taken_at - c->state_since);
	c->state_since = taken_at;
	pooler_backend_echo("checkout", packed);
}

/*
 * Feeds messages to PostgresMain() before the client's own bytes: through a
 * socket pair that stands in for the client until the whole reply is swallowed.
 */
static void
feed_unnamed(PoolerClient *client)
{
	int			len;
	char	   *message = pooler_unnamed_message(client, &len);

	if (feed_pair[0] < 0 &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				   feed_pair) < 0)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not create a socket pair: %m")));
	if (send(feed_pair[0], message, len, MSG_NOSIGNAL) != len)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not restore the unnamed statement: %m")));
	pfree(message);
	POOLER_INJECT("switch-feed");
	MyProcPort->sock = feed_pair[1];
	feeding = true;
}

/*
 * The unnamed statement here is not this client's: its first message says
 * whether that matters. It is looked at in the socket: once it is in the
 * receive buffer, PostgresMain() would read it before anything that we feed,
 * and a Bind would run a stranger's statement. So nothing is read before we
 * have fed, but where there is nothing more to come or nothing to be run. One
 * that has said nothing (AWAIT_GIVE_UP) must not be kept here, where it would be
 * read without a look; and what is here says nothing of its state.
 */
static AwaitResult
restore_unnamed(PoolerClient *client)
{
	char		head[POOLER_UNNAMED_PEEK];
	int			n;

	n = recv(MyProcPort->sock, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return AWAIT_GIVE_UP;
	/* an error may be followed by bytes: then they must not be the first */
	if (n == 0 ||
		(n > 0 && (head[0] == 'X' || pooler_unnamed_harmless(head, n))))
		return pooler_await_first_byte();
	feed_unnamed(client);
	return AWAIT_SPOKE;
}

/*
 * SERVING -> IDLE by way of RETURNING; the state has been saved. Should we die
 * here the client goes on elsewhere, so nothing may be said to it any more.
 */
static void
return_client(void)
{
	uint64		packed = serving;
	PoolerClient *c = client_of(packed);
	WaitEventSet *set = FeBeWaitSet;
	TimestampTz now;

	pooler_backend_end_serving(ACTIVITY_RETURNING);
	detach();
	POOLER_INJECT("give-up-returning");
	pooler_waitset_quiet(set);
	POOLER_INJECT("give-up-detached");
	now = pooler_backend_stamp_idle();
	c->state_since = now;
	pooler_self.member->counts.busy_us += now - taken_at;
	pooler_backend_echo("checkin", packed);
	rearm(packed);
}

/* The client's settings cannot be had here; another backend may manage. */
static void
refuse_client(void)
{
	return_client();
	pooler_backend_leave();
}

/* Serves the client that was taken, up to its first byte. */
static AwaitResult
begin_client(uint64 packed)
{
	PoolerClient *c = client_of(packed);
	bool		differs;

	start_serving(packed);
	POOLER_INJECT("take-serving");
	pooler_pins_serve(c->mode == MODE_TRANSACTION);
	differs = pooler_unnamed_differs(c, packed);
	if (c->greet)
	{
		pooler_carry_greet(c, real_methods);
		just_greeted = true;
		if (!differs)
			return AWAIT_NOTHING;
		feed_unnamed(c);
		return AWAIT_SPOKE;
	}
	if (!pooler_carry_load(c))
		refuse_client();
	return differs ? restore_unnamed(c) : pooler_await_first_byte();
}

/* Somebody ended this backend while the kernel woke it for a client. */
static void
die_unseen(uint64 packed)
{
	if (pooler_backend_move_activity(ACTIVITY_TAKEN, ACTIVITY_RETURNING))
		rearm(packed);
	pooler_backend_leave();
}

/* Waits for a client in the epoll. On return one is being served. */
static AwaitResult
take(void)
{
	for (;;)
	{
		uint32		events;
		uint64		packed;

		pooler_backend_idle_on();
		POOLER_INJECT("take-idle");
		packed = harvest(&events);
		if (client_of(packed)->catalog_generation >
			pooler_self.member->catalog_generation)
		{
			/* born before its role was altered: not for this client */
			hand_back_unopened(packed);
			pooler_backend_leave();
		}
		if (client_of(packed)->database != MyDatabaseId)
			pooler_backend_tell(CONTROL_CLOSED, packed);
		else if (open_client(packed, events))
		{
			if (ProcDiePending)
				die_unseen(packed);
			return begin_client(packed);
		}
		pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
		(void) pooler_backend_stamp_idle();
	}
}

/* ---- giving it up ---- */

static void
unpin(void)
{
	if (!pinned)
		return;
	pooler_pins_leave(pooler_self.pool);
	pinned = false;
	pg_atomic_write_u32(&pooler_self.member->pins, 0);
}

/* ROLLBACK as exec_simple_query() would run it, but without a text. */
static void
roll_back(void)
{
	ereport(LOG_SERVER_ONLY,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("client left inside a transaction, which is rolled back"),
			 errhidestmt(true)));
	disable_timeout(IDLE_IN_TRANSACTION_SESSION_TIMEOUT, false);
	StartTransactionCommand();
	UserAbortTransactionBlock(false);
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The client has left: the worker closes it. */
static void
client_left(bool in_transaction)
{
	uint64		packed = serving;
	bool		closes = client_of(serving)->closes_backend;
	bool		clean;

	pooler_backend_end_serving(ACTIVITY_CLEANING);
	detach();
	POOLER_INJECT("left-detached");
	if (in_transaction)
		roll_back();
	POOLER_INJECT("left-forget");
	clean = !closes && pooler_carry_forget();
	unpin();
	POOLER_INJECT("left-tell");
	pooler_backend_echo("checkin, client left", packed);
	pooler_backend_tell(CONTROL_CLOSED, packed);
	pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
	pooler_self.member->counts.busy_us += pooler_backend_stamp_idle() - taken_at;
	if (!clean)
		pooler_backend_leave();
}

/*
 * Bits of all that keeps this client here. In session mode it is the mode; what
 * cannot be cleaned afterwards counts everywhere.
 */
static uint32
look_at_pins(PoolerClient *client)
{
	uint32		pins = pooler_pins_look();

	if (client->mode == MODE_SESSION)
		pins |= PIN_SESSION;
	if (client->closes_backend)
		pins |= PIN_TAINT_STARTUP;
	return pins;
}

static void
pin(uint32 pins)
{
	pg_atomic_write_u32(&pooler_self.member->pins, pins);
	if (pinned)
		return;
	/* session mode was asked for by the administrator, who sized the pool */
	if (!pooler_pins_enter(pooler_self.pool) && (pins & PIN_SESSION) == 0)
	{
		uint32		first = pins;

		ereport(FATAL,
				(errcode(ERRCODE_TOO_MANY_CONNECTIONS),
				 errmsg("too many clients of pool \"%s\" keep a backend for their session state",
						pooler_self.pool->name),
				 errdetail("This session would keep one for: %s.",
						   pooler_pins_name(&first)),
				 errhint("Raise pooler.max_pinned or the pool's size, or do without that state.")));
	}
	pinned = true;
}

/*
 * The client's answer has been sent and it is in no transaction: keep it, wait
 * for it, or give it up. AWAIT_SPOKE: go on serving it; else it is not ours any
 * more.
 */
static AwaitResult
after_transaction(void)
{
	PoolerClient *c = client_of(serving);
	AwaitResult result = AWAIT_GIVE_UP;
	uint32		pins = look_at_pins(c);

	POOLER_INJECT("give-up-look");
	if (pins == 0)
	{
		unpin();
		/* also for a kept client: should this backend hang, another takes it */
		pins = pooler_carry_save(c, serving);
		if (pins == 0 && !just_greeted && pooler_await_may_keep(quick))
			result = pooler_await_client(false);
	}
	if (pins != 0)
	{
		pin(pins);
		POOLER_INJECT("give-up-pinned");
		result = pooler_await_client(true);
		if (result == AWAIT_GIVE_UP)
			proc_exit(0);		/* the worker is gone, and the client with it */
	}
	switch (result)
	{
		case AWAIT_SPOKE:
			c->state_since = pooler_self.member->alive_at;
			quick = pooler_await_is_quick(c->state_since -
										  pooler_self.member->idle_since);
			break;
		case AWAIT_LEFT:
			client_left(false);
			break;
		case AWAIT_GIVE_UP:
		case AWAIT_NOTHING:
			if (just_greeted)
				pooler_carry_publish_greeting(c, serving);
			pooler_pins_forget_sequences();
			return_client();
			break;
	}
	just_greeted = false;
	return result;
}

/*
 * The same inside a transaction: one that vanishes there costs a rollback, not
 * a backend. On a standby PostgresMain() must be the one that reads, for
 * recovery conflicts to work.
 */
static AwaitResult
inside_transaction(void)
{
	AwaitResult result;

	if (RecoveryInProgress())
		return AWAIT_SPOKE;
	POOLER_INJECT("in-transaction");
	result = pooler_await_in_transaction();
	if (result == AWAIT_LEFT)
		client_left(true);
	return result;
}

/* ---- the boundary ---- */

static void
wake_up(SIGNAL_ARGS)
{
}

/* No backend reads a byte for a client whose role it does not have. */
static void
check_identity(void)
{
	if (GetSessionUserId() != pooler_self.role ||
		GetAuthenticatedUserId() != pooler_self.role ||
		GetSessionUserIsSuperuser() != pooler_self.superuser)
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("a backend of pool \"%s\" was not born as role \"%s\"",
						pooler_self.pool->name, pooler_self.role_name)));
}

/* The login has ended: this backend is pooled from now on. */
static void
start(void)
{
	POOLER_INJECT("birth-login");
	own_socket = MyProcPort->sock;
	own_set = FeBeWaitSet;
	sleep_mask = UnBlockSig;
	sigdelset(&sleep_mask, SIGURG);
	pqsignal(SIGURG, wake_up);
	check_identity();
	if (!pooler_waitset_init())
		ereport(FATAL,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pooler does not know this server's wait event sets")));
	pooler_carry_init();
	POOLER_INJECT("birth-started");
	started = true;
	detach();
	(void) pooler_backend_stamp_idle();
}

/*
 * PostgresMain() has read what it was fed: now for the client's own message,
 * which is there, unless we fed at the end of its login.
 */
static AwaitResult
after_feeding(void)
{
	AwaitResult result = AWAIT_NOTHING;

	fed = false;
	if (!just_greeted)
		result = pooler_await_first_byte();
	if (result == AWAIT_LEFT)
		client_left(false);
	else if (result == AWAIT_NOTHING)
		result = after_transaction();
	return result;
}

/* Until a client has said something that PostgresMain() shall read. */
static void
await_next_message(void)
{
	AwaitResult result = AWAIT_NOTHING;

	if (!started)
		start();
	else if (fed)
		result = after_feeding();
	else if (ready_status == 'I')
		result = after_transaction();
	else
		result = inside_transaction();
	while (result != AWAIT_SPOKE)
	{
		if (pooler_backend_must_leave())
			pooler_backend_leave();
		result = take();
		if (result == AWAIT_LEFT)
			client_left(false);
		else if (result == AWAIT_GIVE_UP)
			return_client();
		else if (result == AWAIT_NOTHING)
			result = after_transaction();
	}
}

/* See the head of the file for why errors are kept from leaving. */
static void
boundary(void)
{
	bool		exit_on_any_error = ExitOnAnyError;
	MemoryContext context = CurrentMemoryContext;

	ExitOnAnyError = true;
	HOLD_CANCEL_INTERRUPTS();
	POOLER_INJECT("give-up-boundary");
	await_next_message();
	RESUME_CANCEL_INTERRUPTS();
	ExitOnAnyError = exit_on_any_error;
	MemoryContextSwitchTo(context);
}

static void
count_transaction(void)
{
	pooler_self.member->counts.transactions++;
	client_of(serving)->transactions++;
}

/* ---- the wrapped methods ---- */

static int
wrapped_flush(void)
{
	int			result = real_methods->flush();
	bool		ready = ready_seen;

	ready_seen = false;
	if (!ready && !fed)
		return result;
	if (started && !fed && ready_status == 'I')
	{
		if (pooler_backend_is_orphan())
			pooler_backend_leave();
		count_transaction();
	}
	if (result == 0 && pooler_receive_buffer_empty())
		boundary();
	return result;
}

static bool
is_fatal(const char *body, size_t len)
{
	return memmem(body, len, "\0VFATAL", 8) != NULL;
}

/*
 * What PostgresMain() says to what it was fed: nobody shall hear it, but for
 * the news of a setting, and a last word.
 */
static int
put_while_feeding(char type, const char *body, size_t len)
{
	bool		last_word = type == 'E' && is_fatal(body, len);

	if (type == 'Z' || last_word)
	{
		feeding = false;
		fed = type == 'Z';
		ready_status = 'I';
		MyProcPort->sock = pooler_waitset_fd(pooler_client_slot(serving));
	}
	if (type == 'Z')
		pooler_unnamed_fed(serving);
	if (type == 'S' || last_word)
		return real_methods->putmessage(type, body, len);
	return 0;
}

/*
 * A notification names the backend that sent it. A client in transaction mode
 * knows itself by the pid that it was given at login.
 */
static int
put_notification(const char *body, size_t len)
{
	PoolerClient *c = client_of(serving);
	char	   *copy = palloc(len);
	int32		pid;
	int			result;

	memcpy(copy, body, len);
	memcpy(&pid, copy, sizeof(pid));
	if ((int32) pg_ntoh32(pid) == MyProcPid)
	{
		pid = pg_hton32(c->pid);
		memcpy(copy, &pid, sizeof(pid));
	}
	result = real_methods->putmessage('A', copy, len);
	pfree(copy);
	return result;
}

static int
wrapped_putmessage(char type, const char *body, size_t len)
{
	if (type == 'S')
		pooler_watch.settings = true;
	if (feeding)
		return put_while_feeding(type, body, len);
	switch (type)
	{
		case '1':
			if (started)
			{
				pooler_pins_parse_complete();
				pooler_unnamed_parse_complete();
			}
			break;
		case 'A':
			if (started && len > sizeof(int32))
				return put_notification(body, len);
			break;
		case 'Z':
			ready_seen = true;
			ready_status = body[0];
			break;
	}
	return real_methods->putmessage(type, body, len);
}

void
pooler_handoff_wrap(void)
{
	real_methods = PqCommMethods;
	wrapped_methods = *real_methods;
	wrapped_methods.putmessage = wrapped_putmessage;
	wrapped_methods.flush = wrapped_flush;
	PqCommMethods = &wrapped_methods;
}

void
pooler_handoff_raise_files(void)
{
	int64		needed = pooler_shared->base_fd + pooler_shared->max_clients;

	if (pooler_net_raise_files(needed) <
		pooler_shared->base_fd + pooler_shared->clients_allowed)
		ereport(FATAL,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("the limit of open files is too low for pooler's clients"),
				 errhint("Raise it (ulimit -n), or lower pooler.max_client_conn.")));
}

void
pooler_handoff_exit(void)
{
	if (pooler_backend_move_activity(ACTIVITY_IDLE, ACTIVITY_GONE) &&
		!pooler_backend_is_orphan())
		pg_atomic_fetch_sub_u32(&pooler_self.route->idle, 1);
	unpin();
	pooler_counters_fold(pooler_self.member);
}
