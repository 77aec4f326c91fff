/*
 * worker.c
 *	  The background worker: its start, its loop and its end.
 *
 * One turn of the loop: schedule what changed, sleep until something happens or
 * a tick is due, serve the events. Nothing in a turn waits. Signals come in
 * only where it sleeps (evloop.c). Each event is served under PG_TRY in a
 * context of its own: an ERROR ends the connection it was about, not the worker.
 *
 * It ticks every few milliseconds while somebody waits or a route has nobody
 * idle; otherwise it sleeps `asleep`, and the backend that takes the last idle
 * place of a route wakes it.
 *
 * It ends on SIGTERM with exit code 1, so that the postmaster starts it again:
 * clients that no backend serves are shut down, backends finish their
 * transaction and exit. In a smart shutdown nobody signals it, and the server
 * waits for sessions, of which pooled backends are some: it watches the state
 * in postmaster.pid, takes no more clients but cancel requests (door.c) and ends
 * those without a transaction.
 *
 * src/worker.c
 */
#include "postgres.h"

#include <sys/socket.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq-fe.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pidfile.h"
#include "utils/timestamp.h"

#include "admit.h"
#include "answer.h"
#include "auth.h"
#include "birth.h"
#include "client.h"
#include "compat.h"
#include "console.h"
#include "deliver.h"
#include "dispatch.h"
#include "door.h"
#include "endpoint.h"
#include "evloop.h"
#include "greetings.h"
#include "guc.h"
#include "hear.h"
#include "history.h"
#include "lock_file.h"
#include "member.h"
#include "net.h"
#include "open.h"
#include "pool.h"
#include "requests.h"
#include "route.h"
#include "shmem.h"
#include "since.h"
#include "standby.h"
#include "stats.h"
#include "upkeep.h"
#include "usage.h"
#include "validate.h"
#include "waits.h"
#include "worker.h"

#define MAX_EVENTS		128
#define TICK_MS			5		/* while somebody waits */
#define SLOW_TICK_MS	100
#define BUSY_MS			100	/* ticks go on for so long after a wait */
#define STOP_CHECK_MS	500
#define RESTART_S		1

PGDLLEXPORT void pooler_worker_main(Datum arg) __attribute__((noreturn));

static int	listeners[NET_MAX_LISTEN];
static int	nlisteners = 0;
static bool resting = false;	/* nobody is let in until the next slow tick */
static MemoryContext turn_context;
static bool stopping = false;	/* a smart shutdown is on */
static bool was_in_recovery;

/* ---- start ---- */

/* Of which every child of the postmaster has as many: for io_uring (18) it opens
 * one for each process that there may be. */
static int
files_open(void)
{
	static const char *const name = "/proc/self/fd";
	DIR		   *dir = AllocateDir(name);
	int			n = 0;

	while (ReadDirExtended(dir, name, LOG) != NULL)
		n++;
	FreeDir(dir);
	return n;
}

/*
 * Client numbers lie above every file that a backend opens for itself, and
 * above all that this worker opens: beside those that it was born with, which
 * from 18 on max_files_per_process does not count. Where the limit of open files
 * leaves fewer than max_client_conn, that is said now and not by a failure later.
 */
static void
number_clients(void)
{
	int			own = 2 * pooler_shared->max_members +
		pooler_shared->max_routes + NET_MAX_LISTEN +
		pooler_endpoint_files() + pooler_door_files() + 64;
	int			base = pooler_shared->base_fd;
	int64		limit;
	int			allowed;

	/* backends of an earlier life go by what it was then */
	if (base == 0)
		base = Max(max_files_per_process, own) + files_open() + 128;
	limit = pooler_net_raise_files(base + pooler_shared->max_clients);
	allowed = Min((int64) pooler_shared->max_clients, limit - base);
	pooler_shared->base_fd = base;
	pooler_shared->clients_allowed = Max(allowed, 0);
	if (allowed >= pooler_shared->max_clients)
		return;
	if (allowed <= 0)
	{
		ereport(LOG,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("pooler does not serve: the limit of open files is too low"),
				 errdetail("It is " INT64_FORMAT "; client sockets begin at %d.",
						   limit, base),
				 errhint("Raise it (ulimit -n, LimitNOFILE), or lower max_files_per_process.")));
		proc_exit(0);			/* 0: not started again */
	}
	ereport(WARNING,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("pooler can serve %d clients, not the %d of pooler.max_client_conn",
					pooler_shared->clients_allowed,
					pooler_shared->max_clients),
			 errdetail("The limit of open files is " INT64_FORMAT ".", limit),
			 errhint("Raise it to %d (ulimit -n, LimitNOFILE), or lower pooler.max_client_conn.",
					 base + pooler_shared->max_clients)));
}

/* libpq would listen to the server's environment: to a variable for each option
 * that this version of it knows, and to some more. Not to that of a service, which
 * it would look up here. */
static void
forget_environment(void)
{
	static const char *const names[] = {"PGSERVICE", "PGSERVICEFILE",
		"PGSYSCONFDIR", "PGREQUIRESSL", "PGDATESTYLE", "PGTZ", "PGGEQO",
		"PGLOCALEDIR", NULL};
	PQconninfoOption *options;

	for (int i = 0; names[i]; i++)
		unsetenv(names[i]);
	options = PQconndefaults();
	for (PQconninfoOption *o = options; o && o->keyword; o++)
	{
		if (o->envvar)
			unsetenv(o->envvar);
	}
	PQconninfoFree(options);
}

static void
make_nonce(void)
{
	uint8		random[16];

	if (!pg_strong_random(random, sizeof(random)))
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random data")));
	for (int i = 0; i < (int) sizeof(random); i++)
		snprintf(pooler_shared->nonce + 2 * i, 3, "%02x", random[i]);
}

static void
watch_listeners(bool on)
{
	/* what fails is tried again at the next slow tick */
	resting = !pooler_evloop_listen(listeners, nlisteners, EVENT_LISTEN, on) || !on;
}

static void
listen_all(void)
{
	nlisteners = pooler_net_listen(pooler_guc_listen_addresses,
								   pooler_guc_unix_socket_directories,
								   pooler_guc_port, listeners);
	if (nlisteners == 0)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("pooler could not listen on any address"),
				 errhint("Check pooler.listen_addresses, pooler.unix_socket_directories and pooler.port.")));
	watch_listeners(true);
	pooler_shared->serving = true;
	ereport(LOG,
			(errmsg("pooler listens on port %d", pooler_guc_port)));
}

static void
stop_listening(void)
{
	if (!resting)
		watch_listeners(false);
	for (int i = 0; i < nlisteners; i++)
		close(listeners[i]);
	nlisteners = 0;
	resting = false;
	pooler_net_unlisten();
	pooler_shared->serving = false;
}

/*
 * Files that backends have open too keep a connection alive after this process
 * has gone: whoever is not being served is shut down here.
 */
static void
at_exit(int code, Datum arg)
{
	LWLockReleaseAll();			/* a FATAL may have come under one */
	stop_listening();
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		if (pooler_worker_clients != NULL)
			pooler_usage_look(i);	/* the last one */
		pooler_client_abandon(i);
	}
	pooler_member_dismiss_all();
	pooler_greetings_forget_all();
	pooler_shared->worker_pid = 0;
}

static void
introduce(void)
{
	pooler_shared->life++;
	pooler_shared->worker_pgprocno = pooler_procno(MyProc);
	pooler_shared->started_at = GetCurrentTimestamp();
	if (pooler_shared->stats_reset_at == 0)
		pooler_shared->stats_reset_at = pooler_shared->started_at;
	pg_atomic_write_u32(&pooler_shared->asleep, 0);
	/* backends of an earlier life do not count (pins.c) */
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pg_atomic_write_u32(&pooler_pools[i].pinned, 0);
	make_nonce();
	number_clients();
	pooler_shared->worker_pid = MyProcPid;
	before_shmem_exit(at_exit, 0);
}

static void
refuse_foreign_hooks(void)
{
	if (!pooler_birth_foreign_hook())
		return;
	ereport(LOG,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("pooler does not serve: another module decides about logins (ClientAuthentication_hook)"),
			 errdetail("Modules such as auth_delay, credcheck or sepgsql would not see pooler's clients."),
			 errhint("Remove that module from shared_preload_libraries, or pooler.")));
	proc_exit(0);				/* 0: not started again */
}

static void
set_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	/* pg_cancel_backend(): there is no statement here */
	pqsignal(SIGINT, SIG_IGN);
}

static void
start(void)
{
	set_signals();
	refuse_foreign_hooks();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	forget_environment();
	pooler_auth_start();
	pooler_standby_start();
	introduce();
	pooler_evloop_start();
	pooler_usage_start();
	pooler_route_start();
	pooler_member_start();
	pooler_pool_configure();
	pooler_pool_find_databases();
	pooler_history_start();
	pooler_deliver_start();
	pooler_client_start();
	pooler_dispatch_start();
	pooler_waits_start();
	pooler_upkeep_start();
	pooler_stats_start();
	pooler_validate_log();
	was_in_recovery = RecoveryInProgress();
	turn_context = AllocSetContextCreate(TopMemoryContext, "pooler turn",
										 ALLOCSET_DEFAULT_SIZES);
	listen_all();
	pooler_endpoint_start();
}

/* ---- the loop ---- */

static void
reload(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	if (!pooler_auth_reload())
		ereport(LOG,
				(errmsg("pooler keeps the authentication rules it had")));
	pooler_admit_forget_greetings();
	pooler_pool_configure();
	pooler_pool_find_databases();
	pooler_pool_retry_all();
	pooler_route_retry_all();
	pooler_validate_log();
}

static void
reset_stats(void)
{
	if (pg_atomic_exchange_u32(&pooler_shared->reset_wanted, 0) == 0)
		return;
	/* what was before counts for before */
	pooler_client_count_traffic();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pooler_pool_clear_counters(i);
	for (int i = 0; i < pooler_routes_seen; i++)
		pooler_route_clear_counters(i);
	pooler_usage_clear();
	pooler_history_restart();
	pooler_stats_start();
	pooler_shared->stats_reset_at = GetCurrentTimestamp();
}

/* in_hot_standby is reported at login: greetings from before say it wrongly. */
static void
notice_promotion(void)
{
	if (was_in_recovery && !RecoveryInProgress())
	{
		was_in_recovery = false;
		pooler_admit_forget_greetings();
	}
}

static bool
postmaster_is_stopping(void)
{
	char		line[MAXPGPATH];

	return pooler_lock_file_line(LOCK_FILE_LINE_PM_STATUS, line) &&
		strncmp(line, PM_STATUS_STOPPING, strlen(PM_STATUS_STOPPING)) == 0;
}

/* A smart shutdown: see the head of the file. */
static void
notice_smart_shutdown(TimestampTz now)
{
	static TimestampTz looked_at = 0;
	int			idle = 0;

	if (!stopping)
	{
		if (pooler_is_ahead(looked_at + STOP_CHECK_MS * 1000, now,
							STOP_CHECK_MS))
			return;
		looked_at = now;
		if (!postmaster_is_stopping())
			return;
		stopping = true;
		pooler_endpoint_note_shutdown();
		ereport(LOG, (errmsg("pooler takes no more clients: the server shuts down")));
		pooler_shared->serving = false;
		pooler_door_shut();
		pooler_pool_close_all();
	}
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerActivity activity = pooler_client_activity(i);

		if (pooler_clients[i].state == CLIENT_FREE ||
			activity == ACTIVITY_SERVING || activity == ACTIVITY_PINNED)
			continue;
		idle++;
		pooler_client_dismiss(i, "The server shuts down.");
	}
	/* without backends the server would go on, and end us, too early */
	if (idle == 0)
		pooler_member_dismiss_all();
}

static void
client_readable(int slot)
{
	switch (pooler_clients[slot].state)
	{
		case CLIENT_LOGIN:
			pooler_admit_readable(slot);
			break;
		case CLIENT_ANSWERING:
			pooler_answer_readable(slot);
			break;
		case CLIENT_CONSOLE:
			pooler_console_ready(slot);
			break;
		case CLIENT_FREE:
		case CLIENT_ARMED:
		case CLIENT_HELD:
			break;
	}
}

static void
serve_event(const Event *e)
{
	switch (e->kind)
	{
		case EVENT_LISTEN:
			if (!resting && !pooler_admit_accept(listeners[e->index]))
				watch_listeners(false);
			break;
		case EVENT_CLIENT:
			if (pg_atomic_read_u32(&pooler_clients[e->index].generation) ==
				e->stamp)
				client_readable(e->index);
			break;
		case EVENT_LIBPQ:
			pooler_deliver_libpq_event(e->index);
			break;
		case EVENT_CONTROL:
			pooler_hear(e->index);
			break;
		case EVENT_ROUTE:
			if (pooler_routes[e->index].used)
				pooler_waits_route_event(e->index);
			break;
		case EVENT_METRICS_LISTEN:
			pooler_endpoint_accept(e->index);
			break;
		case EVENT_METRICS:
			pooler_endpoint_event(e->index, e->stamp);
			break;
		case EVENT_DOOR:
			pooler_door_event(e->index, e->stamp);
			break;
	}
}

/*
 * After an ERROR. Where no transaction runs AbortCurrentTransaction() does
 * nothing, and a lock that was held (dsa.c's, when there is no more shared
 * memory) would be waited for by this process itself.
 */
static void
recover(void)
{
	MemoryContextSwitchTo(turn_context);
	EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	LWLockReleaseAll();
}

/* An ERROR is one connection's: it is closed, the worker goes on. */
static void
serve_safely(const Event *e)
{
	PG_TRY();
	{
		serve_event(e);
	}
	PG_CATCH();
	{
		recover();
		if (e->kind == EVENT_CLIENT &&
			pg_atomic_read_u32(&pooler_clients[e->index].generation) ==
			e->stamp)
			pooler_client_close(e->index);
		if (e->kind == EVENT_LISTEN)
			pooler_admit_failed();
		if (e->kind == EVENT_LIBPQ)
			pooler_open_failed(e->index);
		if (e->kind == EVENT_METRICS)
			pooler_endpoint_failed(e->index, e->stamp);
		if (e->kind == EVENT_DOOR)
			pooler_door_failed(e->index, e->stamp);
	}
	PG_END_TRY();
}

/* Everything that goes by the clock. Returns how long the loop may sleep. */
static int
tick(void)
{
	static TimestampTz busy_until = 0;
	static TimestampTz slow_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	/* first the flag, then the look: who takes the last idle place wakes us */
	if (!pooler_is_ahead(busy_until, now, BUSY_MS))
	{
		pg_atomic_write_u32(&pooler_shared->asleep, 1);
		pg_memory_barrier();
	}
	if (pooler_waits_look())
	{
		busy_until = TimestampTzPlusMilliseconds(now, BUSY_MS);
		pg_atomic_write_u32(&pooler_shared->asleep, 0);
	}
	if (!pooler_is_ahead(slow_at, now, SLOW_TICK_MS))
	{
		slow_at = TimestampTzPlusMilliseconds(now, SLOW_TICK_MS);
		if (resting)
			watch_listeners(true);
		pooler_upkeep_turn();
		pooler_console_upkeep(now);
		pooler_stats_turn(now);
		pooler_history_turn(now);
		pooler_endpoint_upkeep(now);
		pooler_door_upkeep(now);
		notice_smart_shutdown(now);
		notice_promotion();
		pooler_standby_turn(now);
	}
	pooler_requests_serve();
	reset_stats();
	pooler_dispatch_pools();
	return pooler_is_ahead(busy_until, now, BUSY_MS) ? TICK_MS : SLOW_TICK_MS;
}

static void
tick_safely(int *timeout_ms)
{
	PG_TRY();
	{
		*timeout_ms = tick();
	}
	PG_CATCH();
	{
		recover();
		*timeout_ms = SLOW_TICK_MS;
	}
	PG_END_TRY();
}

/* What signals have asked for. */
static void
heed_signals(void)
{
	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
	}
	PG_CATCH();
	{
		recover();
	}
	PG_END_TRY();
}

/* Those who come are let in last: who has left makes room for them. */
static void
serve_events(const Event *events, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (events[i].kind != EVENT_LISTEN)
			serve_safely(&events[i]);
	}
	for (int i = 0; i < n; i++)
	{
		if (events[i].kind == EVENT_LISTEN)
			serve_safely(&events[i]);
	}
}

void
pooler_worker_main(Datum arg)
{
	start();
	for (;;)
	{
		Event		events[MAX_EVENTS];
		int			timeout_ms;
		int			n;

		MemoryContextSwitchTo(turn_context);
		MemoryContextReset(turn_context);
		tick_safely(&timeout_ms);
		n = pooler_evloop_wait(events, MAX_EVENTS,
							   ShutdownRequestPending ? 0 : timeout_ms);
		if (ShutdownRequestPending)
			proc_exit(1);
		if (!PostmasterIsAlive())
			proc_exit(1);
		heed_signals();
		serve_events(events, n);
	}
}

void
pooler_worker_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	/* also on a standby */
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_S;
	strlcpy(worker.bgw_name, "pooler", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pooler", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pooler", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pooler_worker_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
