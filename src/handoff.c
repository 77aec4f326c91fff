/*
 * handoff.c
 *	  Inside a pooled backend: serve a client, and give it up at a boundary.
 *
 * PqCommMethods is wrapped. ReadyForQuery() is putmessage('Z') and then
 * flush(); after that flush, with nothing unread in the receive buffer, status
 * 'I' is a transaction boundary: there, and only there, a client changes hands.
 * Blocking inside that flush is what a pooled backend does while it is idle.
 *
 * Only the owner of a client reads, writes, re-arms or reports it closed; the
 * worker wins the words of backends that die or hang. test/model holds this
 * protocol.
 *
 *	  IDLE -> TAKEN			[take.c]
 *	  TAKEN -> SERVING		[start_serving]: the worker may win this race and
 *							give the client to another; then we exit
 *	  SERVING -> RETURNING -> IDLE	[return_client]: state saved, re-armed
 *	  SERVING -> CLEANING -> IDLE	[client_left]
 *	  SERVING -> PRIVATE -> SERVING [await.c]: a kept client
 *	  PRIVATE -> RECALLED	by the worker, for one that waits: give it up
 *	  SERVING -> PINNED -> SERVING	[await.c]: its session state is here
 *
 * From flush to return this is foreign ground for errors: an ERROR would make
 * PostgresMain() send E and Z to whoever is attached. guard.c makes each
 * FATAL, whereToSendOutput is DestNone while nobody is served, and MyProcPort's
 * socket is then our own, so that no last word reaches the last client.
 *
 * What a client's session is, and how it travels, is carry.c's business; the
 * worker's half of the protocol is member.c's and hear.c's.
 *
 * src/handoff.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bswap.h"
#include "storage/ipc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "await.h"
#include "backend.h"
#include "carry.h"
#include "compat.h"
#include "functions.h"
#include "counters.h"
#include "feed.h"
#include "guard.h"
#include "handoff.h"
#include "identity.h"
#include "inject.h"
#include "measure.h"
#include "net.h"
#include "pins.h"
#include "take.h"
#include "unnamed.h"
#include "waitset.h"
#include "watch.h"
#include "wire.h"

static const PQcommMethods *real_methods;
static PQcommMethods wrapped_methods;

static bool started = false;	/* past the first boundary: pooled */
static bool ready_seen = false; /* a 'Z' is on its way */
static char ready_status;

static pgsocket own_socket;		/* libpq's, from the birth */
static WaitEventSet *own_set;

static uint64 serving = POOLER_NO_CLIENT;
static TimestampTz query_began; /* 0: when its statement began */
static TimestampTz xact_began;
static bool pinned = false;		/* counted in the pool's pinned */
static bool just_greeted = false;	/* nothing but the login's end was sent */
static bool quick = false;		/* it spoke soon after its last answer */

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
	pooler_backend_drop_cancel();
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

/* ---- serving one ---- */

/*
 * TAKEN -> SERVING. The worker may have found that we took too long over it and
 * given the client to another: then it is no longer ours to touch. A cancel
 * request that is pending now was for somebody else.
 */
static void
start_serving(uint64 packed)
{
	PoolerClient *c = pooler_client_of(packed);
	TimestampTz taken_at = pooler_self.member->taken_at;

	POOLER_INJECT("take-serve");
	pooler_backend_drop_cancel();
	if (!pooler_backend_move_activity(ACTIVITY_TAKEN, ACTIVITY_SERVING))
	{
		pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
		pooler_backend_leave();
	}
	attach(packed);
	pooler_measure_begin(taken_at);
	query_began = xact_began = taken_at;
	pooler_self.member->counts.checkouts++;
	c->checkouts++;
	quick = pooler_await_is_quick(taken_at - c->state_since);
	c->state_since = taken_at;
	pooler_backend_echo("checkout", packed);
}

/*
 * SERVING -> IDLE by way of RETURNING; the state has been saved. Should we die
 * here the client goes on elsewhere, so nothing may be said to it any more. One
 * that was kept has been idle_since already; 0: it is so now.
 */
static void
return_client(TimestampTz idle_since)
{
	uint64		packed = serving;
	PoolerClient *c = pooler_client_of(packed);
	WaitEventSet *set = FeBeWaitSet;
	TimestampTz now;

	pooler_backend_end_serving(ACTIVITY_RETURNING);
	detach();
	POOLER_INJECT("give-up-returning");
	pooler_waitset_quiet(set);
	POOLER_INJECT("give-up-detached");
	now = pooler_backend_stamp_idle();
	c->state_since = idle_since != 0 ? idle_since : now;
	pooler_measure_end(c, now);
	pooler_backend_echo("checkin", packed);
	pooler_take_rearm(packed);
}

/* The client's settings cannot be had here; another backend may manage. */
static void
refuse_client(void)
{
	return_client(0);
	pooler_backend_leave();
}

/* It is being ended: what it has sent and nobody has run is not to be run. */
static bool
is_terminated(void)
{
	return serving != POOLER_NO_CLIENT &&
		pg_atomic_read_u32(&pooler_client_of(serving)->terminated) != 0;
}

/*
 * What a load had to say goes out now: what is still unsent when the client is
 * given up without an answer would reach the next one. A connection that is lost
 * is for the read to find.
 */
static void
say_what_was_told(void)
{
	if (!real_methods->is_send_pending())
		return;
	(void) real_methods->flush();
	ClientConnectionLost = false;
}

/* Serves the client that was taken, up to its first byte. */
static AwaitResult
begin_client(uint64 packed)
{
	PoolerClient *c = pooler_client_of(packed);
	bool		differs;

	start_serving(packed);
	POOLER_INJECT("take-serving");
	pooler_pins_serve(c->mode == MODE_TRANSACTION);
	pooler_functions_serve(packed);
	if (is_terminated())
		return AWAIT_LEFT;
	differs = pooler_carry_differs(c, packed);
	if (c->greet)
	{
		if (!pooler_carry_greet(c, real_methods))
			refuse_client();
		ClientConnectionLost = false;	/* as above */
		just_greeted = true;
		if (!differs)
			return AWAIT_NOTHING;
		pooler_feed_unnamed(c, false);
		return AWAIT_SPOKE;
	}
	if (!pooler_carry_load(c))
		refuse_client();
	say_what_was_told();
	return differs ? pooler_feed_if_needed(c) : pooler_await_first_byte();
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
	pooler_backend_drop_cancel();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The client has left: the worker closes it. */
static void
client_left(bool in_transaction)
{
	uint64		packed = serving;
	PoolerClient *c = pooler_client_of(serving);
	bool		closes = c->closes_backend;
	bool		clean;
	TimestampTz now;

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
	now = pooler_backend_stamp_idle();
	pooler_measure_end(c, now);
	pooler_backend_tell(CONTROL_CLOSED, packed);
	pg_atomic_write_u64(&pooler_self.member->client, POOLER_NO_CLIENT);
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

/* Waits for it alone, though another backend could serve it as well. */
static AwaitResult
keep_client(void)
{
	AwaitResult result = pooler_await_client(false);

	pooler_measure_end(pooler_client_of(serving),
					   pooler_self.member->idle_since);
	if (result == AWAIT_SPOKE)
		pooler_measure_again(pooler_self.member->alive_at);
	return result;
}

/*
 * The client's answer has been sent and it is in no transaction: keep it, wait
 * for it, or give it up. AWAIT_SPOKE: go on serving it; else it is not ours any
 * more.
 */
static AwaitResult
after_transaction(void)
{
	PoolerClient *c = pooler_client_of(serving);
	AwaitResult result = AWAIT_GIVE_UP;
	uint32		pins = look_at_pins(c);
	TimestampTz idle_since = 0;

	POOLER_INJECT("give-up-look");
	if (pins == 0)
	{
		unpin();
		/* also for a kept client: should this backend hang, another takes it */
		pins = pooler_carry_save(c, serving);
		if (pins == 0 && !just_greeted && !pooler_unnamed_is_absent() &&
			pooler_await_may_keep(quick))
		{
			result = keep_client();
			idle_since = pooler_self.member->idle_since;
		}
	}
	if (pins != 0)
	{
		pin(pins);
		pooler_carry_show(c);
		POOLER_INJECT("give-up-pinned");
		result = pooler_await_client(true);
		if (result == AWAIT_GIVE_UP)
			proc_exit(0);		/* the worker is gone, and the client with it */
	}
	switch (result)
	{
		case AWAIT_SPOKE:
			c->request_at = query_began = xact_began =
				pooler_self.member->alive_at;
			/* a kept client's next statement is as one that was just taken */
			pooler_self.member->taken_at = c->request_at;
			if (pins == 0)
				c->state_since = c->request_at;
			quick = pooler_await_is_quick(c->request_at -
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
			return_client(idle_since);
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

	query_began = 0;
	if (RecoveryInProgress())
		return AWAIT_SPOKE;
	POOLER_INJECT("in-transaction");
	result = pooler_await_in_transaction();
	query_began = GetCurrentTimestamp();
	if (result == AWAIT_LEFT)
		client_left(true);
	return result;
}

/* ---- the boundary ---- */

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
	pooler_backend_restore_reserved();
	own_socket = MyProcPort->sock;
	own_set = FeBeWaitSet;
	pooler_take_init();
	check_identity();
	if (!pooler_waitset_init())
		ereport(FATAL,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pooler does not know this server's wait event sets")));
	pooler_carry_init();
	POOLER_INJECT("birth-started");
	started = true;
	pooler_self.member->encoding = GetDatabaseEncoding();
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

	pooler_feed_state = FEED_NONE;
	if (!just_greeted)
		result = pooler_await_first_byte();
	if (result == AWAIT_LEFT)
		client_left(false);
	else if (result == AWAIT_NOTHING)
		result = after_transaction();
	return result;
}

/*
 * Is what came together with the message that has just been answered to be
 * answered, too?  PostgresMain() would pass over a Flush, or what is left of a
 * COPY that failed, and then wait for more with this backend; a good-bye would
 * end it.
 */
static bool
has_more_to_answer(void)
{
	int			type;

	if (pooler_receive_buffer_empty())
		return false;
	if (pooler_feed_state != FEED_NONE)
		return true;
	pq_startmsgread();
	type = pq_peekbyte();
	pq_endmsgread();
	return type != 'X' &&
		(ready_status != 'I' || !pooler_wire_is_unanswered(type));
}

/* With something in the receive buffer that is not to be answered. */
static AwaitResult
after_unread(void)
{
	AwaitResult result = pooler_await_first_byte();

	if (result == AWAIT_LEFT)
		client_left(IsTransactionBlock());
	else if (result == AWAIT_NOTHING)
		result = after_transaction();
	return result;
}

static void
leave_terminated(void)
{
	pooler_await_forget_unread();
	pooler_feed_state = FEED_NONE;
	just_greeted = false;
	client_left(IsTransactionBlock());
}

/* It spoke: is it to be heard?  What we feed is swallowed first. */
static bool
may_be_heard(void)
{
	return pooler_feed_state == FEED_RUNNING || !is_terminated();
}

/* Until a client has said something that PostgresMain() shall read. */
static void
await_next_message(void)
{
	AwaitResult result = AWAIT_NOTHING;

	if (!started)
		start();
	else if (is_terminated())
		leave_terminated();
	else if (pooler_feed_state == FEED_DONE)
		result = after_feeding();
	else if (!pooler_receive_buffer_empty())
		result = after_unread();
	else if (ready_status == 'I')
		result = after_transaction();
	else
		result = inside_transaction();
	while (result != AWAIT_SPOKE || !may_be_heard())
	{
		if (result == AWAIT_SPOKE)
			leave_terminated();
		if (pooler_backend_must_leave())
			pooler_backend_leave();
		result = begin_client(pooler_take_client());
		if (result == AWAIT_LEFT)
			client_left(false);
		else if (result == AWAIT_GIVE_UP)
			return_client(0);
		else if (result == AWAIT_NOTHING)
			result = after_transaction();
	}
}

static void
note_reads(bool in_transaction)
{
	pooler_self.member->reads = in_transaction ? READS_IN_TRANSACTION :
		READS_MESSAGE;
}

/*
 * From a client's answer to the next message, of another client perhaps. See the
 * head of the file for why errors are kept from leaving.
 */
static void
boundary(void)
{
	MemoryContext context = CurrentMemoryContext;

	pooler_guard_begin();
	HOLD_CANCEL_INTERRUPTS();
	POOLER_INJECT("give-up-boundary");
	await_next_message();
	note_reads(IsTransactionBlock());
	pooler_backend_drop_cancel();
	RESUME_CANCEL_INTERRUPTS();
	pooler_guard_end();
	MemoryContextSwitchTo(context);
}

/*
 * A query has been answered. In a pipeline the next one begins now, for it is
 * here; else await_next_message() knows when. The clock may have been set back.
 */
static void
count_answer(void)
{
	PoolerCounts *counts = &pooler_self.member->counts;
	TimestampTz now = GetCurrentTimestamp();

	if (query_began == 0)
		query_began = GetCurrentStatementStartTimestamp();
	counts->queries++;
	counts->query_us += Max(now - query_began, 0);
	query_began = now;
	if (ready_status != 'I')
		return;
	counts->transactions++;
	counts->xact_us += Max(now - xact_began, 0);
	xact_began = now;
	pooler_client_of(serving)->transactions++;
}

/* ---- the wrapped methods ---- */

static int
wrapped_flush(void)
{
	int			result = real_methods->flush();
	bool		ready = ready_seen;
	bool		fed = pooler_feed_state == FEED_DONE;

	ready_seen = false;
	if (!ready && !fed)
		return result;
	if (started && !fed)
	{
		if (ready_status == 'I' && pooler_backend_is_orphan())
			pooler_backend_leave();
		count_answer();
	}
	if (result == 0 && (!has_more_to_answer() || is_terminated()))
		boundary();
	return result;
}

/*
 * A notification names the backend that sent it. A client in transaction mode
 * knows itself by the pid that it was given at login.
 */
static int
put_notification(const char *body, size_t len)
{
	PoolerClient *c = pooler_client_of(serving);
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

/* An answer says that a message has been read, and 'Z' that its batch has ended;
 * what is said unasked says nothing of that. */
static void
note_answer(char type, char status)
{
	if (strchr("ANS", type) != NULL)
		return;
	if (type == 'Z')
		note_reads(status != 'I');
	else
		pooler_self.member->reads = READS_MORE;
}

static int
wrapped_putmessage(char type, const char *body, size_t len)
{
	pooler_self.member->said++;
	if (type == 'S')
		pooler_watch.settings = true;
	if (pooler_feed_state == FEED_RUNNING &&
		pooler_feed_swallows(serving, type, &body, &len))
		return 0;
	note_answer(type, len > 0 ? body[0] : 0);
	switch (type)
	{
		case '1':
			if (started)
			{
				pooler_self.member->counts.parses++;
				pooler_pins_parse_complete();
				pooler_carry_parse_complete();
			}
			break;
		case '2':
			if (started)
				pooler_self.member->counts.binds++;
			break;
		case 'A':
			if (started && len > sizeof(int32))
				return put_notification(body, len);
			break;
		case 'E':
			pooler_unnamed_error();
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

/*
 * Before the first boundary there is nothing to undo, and nothing may be touched:
 * the worker drops a backend that it knows by libpq alone at its last word, and
 * its place may be another's by now.
 */
void
pooler_handoff_exit(bool told)
{
	POOLER_INJECT("exit-begun");
	if (!started)
		return;
	if (pooler_backend_move_activity(ACTIVITY_IDLE, ACTIVITY_GONE) &&
		!pooler_backend_is_orphan())
		pg_atomic_fetch_sub_u32(&pooler_self.route->idle, 1);
	if (pooler_backend_worker_gone())
		pooler_waitset_hang_up(pooler_self.index + 1, told);
	unpin();
	pooler_counters_fold(pooler_self.member);
}
