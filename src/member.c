/*
 * member.c
 *	  A backend as the worker sees it: open, birth, close.
 *
 *	  FREE -> OPENING		[open]: libpq, never blocking
 *	  OPENING -> UNBORN		[libpq_event]: it says so, out of its login
 *	  UNBORN -> BIRTH		[give_birth]: role, control socket, epoll
 *	  BIRTH -> BORN			[libpq_event]: libpq has seen the login's end
 *	  BORN -> LEAVING		[control_event]: it says so and owns nothing
 *	  any -> FREE			[drop]: end of file on its socket
 *	  ORPHAN -> FREE		[reap_orphans]: of an earlier worker
 *
 * Until birth the backend is known by libpq's socket, afterwards by the control
 * socket. libpq closes its socket after a failure, so a remembered number is
 * never taken out of the epoll without asking libpq for it again.
 *
 * When a backend has gone, the client that it owned is the worker's: one that
 * was TAKEN and not yet read from, or RETURNING with its state saved, goes to
 * another backend, every other one has lost its session and is closed.
 *
 * src/member.c
 */
#include "postgres.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/xact.h"
#include "libpq-fe.h"
#include "libpq/libpq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "admit.h"
#include "answer.h"
#include "auth_cache.h"
#include "client.h"
#include "compat.h"
#include "control.h"
#include "evloop.h"
#include "inject.h"
#include "member.h"
#include "net.h"
#include "pool.h"
#include "records.h"
#include "refusal.h"
#include "route.h"

/* After so long a birth is tried again for which backends of ours must leave. */
#define LEAVING_MS		20

typedef struct WorkerMember
{
	PGconn	   *conn;
	int			libpq_fd;		/* watched, or -1 */
	int			control;		/* watched, or -1 */
	TimestampTz birth_began;
	uint32		failed_before;	/* births of its route, when it was born */
} WorkerMember;

static WorkerMember *workers;
static int	this_process = -1;	/* a file that stands for the worker */

void
pooler_member_start(void)
{
	int			n = pooler_shared->max_members;

	this_process = pooler_net_this_process();
	workers = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(WorkerMember) * n);
	for (int i = 0; i < n; i++)
	{
		workers[i].libpq_fd = workers[i].control = -1;
		pooler_members[i].route = POOLER_NO_ROUTE;
		if (pooler_members[i].state == MEMBER_FREE)
			continue;
		pooler_members[i].state = MEMBER_ORPHAN;
		pooler_worker_pools[pooler_members[i].pool].open++;
	}
}

static void
echo(int member, const char *what)
{
	PoolerMember *m = &pooler_members[member];

	if (pooler_pools[m->pool].limits.echo)
		ereport(LOG,
				(errmsg("pool \"%s\": %s: backend %d%s%s%s",
						pooler_pools[m->pool].name, what, (int) m->pid,
						m->route >= 0 ? ", role \"" : "",
						m->route >= 0 ? pooler_routes[m->route].role_name : "",
						m->route >= 0 ? "\"" : "")));
}

static void
wake(const PoolerMember *m)
{
	if (m->pid != 0)
		SetLatch(&ProcGlobal->allProcs[m->pgprocno].procLatch);
}

/* ---- the end ---- */

static void
close_sockets(WorkerMember *w)
{
	if (w->libpq_fd >= 0 && PQsocket(w->conn) == w->libpq_fd)
		pooler_evloop_remove(w->libpq_fd);
	if (w->control >= 0)
	{
		pooler_evloop_remove(w->control);
		close(w->control);
	}
	if (w->conn)
		PQfinish(w->conn);
	w->conn = NULL;
	w->libpq_fd = w->control = -1;
}

static bool
owned(PoolerMember *m, uint64 packed)
{
	return pooler_client_pass(packed, m - pooler_members + 1,
							  POOLER_WORKER_OWNS);
}

/* The client that a backend owned is the worker's; -1: it owned none. */
static int
take_over(PoolerMember *m)
{
	uint64		packed = pg_atomic_exchange_u64(&m->client, POOLER_NO_CLIENT);

	return packed != POOLER_NO_CLIENT && owned(m, packed) ?
		(int) pooler_client_slot(packed) : -1;
}

/* What a dead backend owned: back into the epoll if its session is not lost. */
static void
take_back_client(PoolerMember *m)
{
	uint32		activity = pg_atomic_read_u32(&m->activity);
	int			slot = take_over(m);

	/* nobody's already, and not yet armed */
	if (activity == ACTIVITY_RETURNING && m->route != POOLER_NO_ROUTE)
		pooler_route_rescue(m->route);
	if (slot < 0)
		return;
	if ((activity != ACTIVITY_TAKEN && activity != ACTIVITY_RETURNING) ||
		!pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

/* Births of this route fail: the first retry comes at once, then back off. */
static void
back_off(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];
	int			ms = w->failures == 0 ? 0 :
		Min(100 << w->failures, ROUTE_MAX_BACKOFF_MS);

	w->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	w->failures = Min(w->failures + 1, 10);
	w->failed++;
}

void
pooler_member_clock_set_back(TimestampTz now)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		m->opened_at = Min(m->opened_at, now);
		m->born_at = Min(m->born_at, now);
	}
}

/* It has served, and no birth has failed since its own: they succeed again. */
void
pooler_member_forgive_failures(int member)
{
	const PoolerMember *m = &pooler_members[member];
	WorkerRoute *w;

	if (m->state != MEMBER_BORN || m->counts.checkouts == 0)
		return;
	w = &pooler_worker_routes[m->route];
	if (w->failures > 0 && workers[member].failed_before == w->failed)
	{
		w->failures = 0;
		w->retry_at = 0;
	}
}

static void
leave_route(PoolerMember *m, bool was_born)
{
	int			route = m->route;

	if (route == POOLER_NO_ROUTE)
		return;
	if (was_born)
		pooler_routes[route].backends--;
	else
		pooler_worker_routes[route].births--;
	pooler_route_backends_changed(route);
}

static void
drop(int member)
{
	PoolerMember *m = &pooler_members[member];
	PoolerMemberState state = m->state;

	close_sockets(&workers[member]);
	if (state == MEMBER_BIRTH)
		leave_route(m, false);
	else if (state == MEMBER_BORN)
	{
		/* it did not come as far as its first boundary */
		if (pg_atomic_read_u32(&m->activity) == ACTIVITY_NONE)
			back_off(m->route);
		leave_route(m, true);
	}
	take_back_client(m);
	echo(member, "close");
	pooler_records_unref(m->record);
	m->record = 0;
	m->state = MEMBER_FREE;
	m->route = POOLER_NO_ROUTE;
	m->pid = 0;
	m->status = NULL;
	pooler_pools[m->pool].closed++;
	pooler_worker_pools[m->pool].open--;
	pooler_worker_pools[m->pool].dirty = true;
}

/* ---- opening ---- */

static int
free_member(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		if (pooler_members[i].state == MEMBER_FREE)
			return i;
	}
	return -1;
}

static void
reset_member(PoolerMember *m, int pool)
{
	m->pool = pool;
	m->route = POOLER_NO_ROUTE;
	m->overflow = m->hung = false;
	m->life = pooler_shared->life;
	m->opening++;
	m->opened_at = GetCurrentTimestamp();
	m->born_at = 0;
	m->pid = 0;
	m->status = NULL;
	m->encoding = PG_SQL_ASCII;
	m->idle_since = m->alive_at = m->taken_at = 0;
	m->record = 0;
	pg_atomic_write_u32(&m->leave, 0);
	pg_atomic_write_u32(&m->pins, 0);
	pg_atomic_write_u32(&m->activity, ACTIVITY_NONE);
	pg_atomic_write_u64(&m->client, POOLER_NO_CLIENT);
	m->state = MEMBER_OPENING;
}

/* Everything explicit: nothing of the server's environment may speak here. */
static PGconn *
connect_start(int member, const char *database)
{
	char		port[16];
	char		name[64];
	char	   *directory = pstrdup(Unix_socket_directories);
	const char *keys[] = {"host", "port", "dbname", "user", "application_name",
	"sslmode", "gssencmode", "passfile", NULL};
	const char *values[] = {directory, port, database, POOLER_RESERVED_USER,
	name, "disable", "disable", "/dev/null/none", NULL};

	directory[strcspn(directory, ",")] = '\0';
	snprintf(port, sizeof(port), "%d", PostPortNumber);
	snprintf(name, sizeof(name), "pooler:%d:%u:%s", member,
			 pooler_members[member].opening, pooler_shared->nonce);
	return PQconnectStartParams(keys, values, 0);
}

/* False: libpq cannot even begin. */
static bool
start_opening(int member)
{
	WorkerMember *w = &workers[member];
	int			pool = pooler_members[member].pool;

	w->conn = connect_start(member, pooler_pools[pool].database);
	if (w->conn == NULL || PQstatus(w->conn) == CONNECTION_BAD ||
		PQsocket(w->conn) < 0)
	{
		pooler_pool_failed(pool, w->conn ? PQerrorMessage(w->conn) :
						   "out of memory", false);
		return false;
	}
	(void) PQsetErrorVerbosity(w->conn, PQERRORS_VERBOSE);
	POOLER_INJECT("open-started");
	w->libpq_fd = PQsocket(w->conn);
	pooler_evloop_add(w->libpq_fd, true, EVENT_LIBPQ, member, 0);
	return true;
}

/* After an ERROR nobody would hear of it any more. */
static bool
start_or_drop(int member)
{
	bool		ok;

	PG_TRY();
	{
		ok = start_opening(member);
	}
	PG_CATCH();
	{
		drop(member);
		pooler_pool_failed(pooler_members[member].pool,
						   "the connection to it could not be watched", false);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!ok)
		drop(member);
	return ok;
}

bool
pooler_member_open(int pool)
{
	PoolerLimits *limits = &pooler_pools[pool].limits;
	int			member = free_member();

	if (member < 0)
		return false;
	POOLER_INJECT("open-start");
	reset_member(&pooler_members[member], pool);
	pooler_members[member].overflow = limits->pool_size > 0 &&
		pooler_worker_pools[pool].open >= limits->pool_size;
	pooler_worker_pools[pool].open++;
	return start_or_drop(member);
}

/*
 * Looks for the unborn backend's word before libpq does, which would take it
 * for a broken server.
 */
static bool
is_unborn(int member)
{
	UnbornMessage hello;
	int			fd = workers[member].libpq_fd;

	if (recv(fd, &hello, sizeof(hello), MSG_PEEK | MSG_DONTWAIT) !=
		sizeof(hello) ||
		hello.magic != CONTROL_UNBORN_MAGIC || hello.member != member)
		return false;
	(void) recv(fd, &hello, sizeof(hello), MSG_DONTWAIT);
	return true;
}

static void
now_unborn(int member)
{
	PoolerMember *m = &pooler_members[member];

	POOLER_INJECT("open-unborn");
	m->state = MEMBER_UNBORN;
	pooler_histogram_add(&pooler_pools[m->pool].open,
						 GetCurrentTimestamp() - m->opened_at, 1);
	pooler_pools[m->pool].opened++;
	pooler_pool_works(m->pool);
	pooler_worker_pools[m->pool].dirty = true;
	echo(member, "open");
}

/* ---- birth ---- */

/* A role is known by its OID: it may have another name by now. */
static bool
find_role(int route)
{
	PoolerRoute *r = &pooler_routes[route];
	MemoryContext caller = CurrentMemoryContext;
	AuthRole	role;
	bool		found;

	StartTransactionCommand();
	found = pooler_auth_find_role(NULL, r->role, &role) &&
		role.superuser == r->superuser;
	pooler_commit(caller);
	if (found)
		strlcpy(r->role_name, role.name, NAMEDATALEN);
	return found;
}

static void
end_clients_of(int route)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		if (pooler_clients[i].state != CLIENT_FREE &&
			pooler_clients[i].route == route &&
			pooler_client_activity(i) != ACTIVITY_SERVING)
			pooler_client_dismiss(i,
								  "The role was dropped, or is not what it was at login.");
	}
}

/*
 * The role is gone, or has become or ceased to be a superuser: it is not what
 * its clients logged in as. They are told so if they wait for this birth; else
 * the backends that they have go on, as sessions do.
 */
static void
not_what_it_was(int route)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	if (w->held > 0 || w->saturated)
		end_clients_of(route);
	else
		w->retry_at = GetCurrentTimestamp() + USECS_PER_SEC;
}

/* The backend's ends of the control socket and the route's epoll go with it.
 * False: nobody is there to read it. */
static bool
send_birth(int member, int backend_end)
{
	PoolerMember *m = &pooler_members[member];
	PoolerRoute *r = &pooler_routes[m->route];
	WorkerMember *w = &workers[member];
	BirthMessage birth = {.magic = CONTROL_BIRTH_MAGIC};
	int			fds[NET_MAX_FDS];

	POOLER_INJECT("give-birth");
	birth.member = member;
	birth.pool = m->pool;
	birth.route = m->route;
	birth.role = r->role;
	birth.superuser = r->superuser;
	strlcpy(birth.role_name, r->role_name, NAMEDATALEN);
	fds[0] = backend_end;
	fds[1] = pooler_worker_routes[m->route].epoll_fd;
	fds[2] = this_process;
	pooler_evloop_add(w->control, false, EVENT_CONTROL, member, 0);
	return pooler_net_send(w->libpq_fd, &birth, sizeof(birth), fds,
						   this_process < 0 ? 2 : 3);
}

void
pooler_member_give_birth(int member, int route)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &workers[member];
	int			pair[2];
	bool		sent;

	if (!find_role(route))
	{
		not_what_it_was(route);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				   pair) < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create a socket pair: %m")));
	m->state = MEMBER_BIRTH;
	w->birth_began = GetCurrentTimestamp();
	m->route = route;
	m->catalog_generation =
		pooler_shmem_catalog_generation(pooler_routes[route].role,
										pooler_pools[m->pool].database_oid);
	pooler_worker_routes[route].births++;
	w->control = pair[0];
	PG_TRY();
	{
		sent = send_birth(member, pair[1]);
	}
	PG_CATCH();
	{
		/* it would wait for its birth for ever */
		close(pair[1]);
		back_off(route);
		drop(member);
		PG_RE_THROW();
	}
	PG_END_TRY();
	close(pair[1]);
	if (!sent)
		drop(member);
}

static void
now_born(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &workers[member];
	WorkerRoute *wr = &pooler_worker_routes[m->route];

	/* it has ended meanwhile: without its control socket nobody would hear */
	if (w->control < 0)
	{
		drop(member);
		return;
	}
	/* nothing is expected on it any more; the end shows on control */
	pooler_evloop_remove(w->libpq_fd);
	w->libpq_fd = -1;
	m->born_at = GetCurrentTimestamp();
	m->state = MEMBER_BORN;
	w->failed_before = wr->failed;
	pooler_histogram_add(&pooler_pools[m->pool].birth,
						 m->born_at - w->birth_began, 1);
	pooler_histogram_add(&pooler_routes[m->route].birth,
						 m->born_at - w->birth_began, 1);
	wr->births--;
	pooler_routes[m->route].backends++;
	pooler_route_backends_changed(m->route);
	pooler_worker_pools[m->pool].dirty = true;
	echo(member, "birth");
}

/* ---- failure ---- */

static const char *
or_null(const char *text)
{
	return text[0] ? text : NULL;
}

/*
 * Whoever waits for a birth in this route hears what the server said: one that
 * logs in as the end of its login, the others as the answer to their query.
 */
static void
tell_held(int route, const Refusal *refusal)
{
	WorkerRoute *w = &pooler_worker_routes[route];

	for (int n = w->held; n > 0; n--)
	{
		int			slot = w->held_first;

		if (pooler_clients[slot].greet)
			pooler_client_end(slot, refusal->sqlstate, refusal->message,
							  or_null(refusal->detail), or_null(refusal->hint));
		else
			pooler_answer_error(slot, refusal->sqlstate, refusal->message,
								 or_null(refusal->detail),
								 or_null(refusal->hint));
	}
}

/* Class 57: somebody's signal ended it, which is no answer to a client. */
static bool
was_interrupted(const char *sqlstate)
{
	return strncmp(sqlstate, "57", 2) == 0;
}

/* Backends of ours are about to end: a CONNECTION LIMIT still counts them. */
static bool
somebody_leaves(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (!m->hung && (m->state == MEMBER_LEAVING ||
						 (m->state == MEMBER_BORN &&
						  pg_atomic_read_u32(&m->activity) == ACTIVITY_GONE)))
			return true;
	}
	return false;
}

/* Of no interest to a client: the next try may well succeed. */
static bool
is_passing(int route, const char *sqlstate)
{
	/* the role may have been renamed on the way: the retry asks anew */
	if (strcmp(sqlstate, "28000") == 0)
		return pooler_worker_routes[route].failures == 0;
	return was_interrupted(sqlstate);
}

static void
birth_failed(int pool, int route, const Refusal *refusal)
{
	bool		passing;

	if (strcmp(refusal->sqlstate, "53300") == 0 && somebody_leaves())
	{
		pooler_worker_routes[route].retry_at =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LEAVING_MS);
		return;
	}
	passing = is_passing(route, refusal->sqlstate);
	back_off(route);
	strlcpy(pooler_pools[pool].last_error, refusal->message,
			POOLER_MAX_MESSAGE);
	pooler_pools[pool].last_error_at = GetCurrentTimestamp();
	if (!passing)
		tell_held(route, refusal);
}

/* libpq says that it is over: while it was opened, or at birth. */
static void
login_failed(int member)
{
	PoolerMember *m = &pooler_members[member];
	int			pool = m->pool;
	int			route = m->state == MEMBER_BIRTH ? m->route : POOLER_NO_ROUTE;
	bool		was_unborn = m->state == MEMBER_UNBORN;
	PGconn	   *conn = workers[member].conn;
	Refusal		refusal;
	bool		answered = pooler_refusal_read(PQerrorMessage(conn), &refusal);
	bool		by_rules = pooler_refusal_by_rules(&refusal) ||
		PQconnectionNeedsPassword(conn);

	drop(member);
	/* an unborn one that was ended is replaced like any other */
	if (was_unborn)
		return;
	if (route == POOLER_NO_ROUTE)
		pooler_pool_failed(pool, refusal.message, by_rules);
	else if (answered)
		birth_failed(pool, route, &refusal);
}

/* ---- events ---- */

static void
watch_libpq(int member, bool write)
{
	WorkerMember *w = &workers[member];
	int			fd = PQsocket(w->conn);

	/* libpq may have gone on to another socket */
	if (fd != w->libpq_fd)
	{
		w->libpq_fd = fd;
		pooler_evloop_add(fd, write, EVENT_LIBPQ, member, 0);
	}
	else
		pooler_evloop_change(fd, write, EVENT_LIBPQ, member, 0);
}

void
pooler_member_libpq_event(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &workers[member];

	if (m->state == MEMBER_FREE || w->libpq_fd < 0)
		return;
	if (m->state == MEMBER_OPENING &&
		PQstatus(w->conn) == CONNECTION_AWAITING_RESPONSE && is_unborn(member))
	{
		now_unborn(member);
		return;
	}
	switch (PQconnectPoll(w->conn))
	{
		case PGRES_POLLING_READING:
			watch_libpq(member, false);
			break;
		case PGRES_POLLING_WRITING:
			watch_libpq(member, true);
			break;
		case PGRES_POLLING_OK:
			if (m->state == MEMBER_BIRTH)
				now_born(member);
			else
				drop(member);	/* a login without our hook: nobody's */
			break;
		default:
			if (m->state == MEMBER_LEAVING)
				drop(member);
			else
				login_failed(member);
			break;
	}
}

/*
 * An ERROR while it was opened: without this it would count for ever. One that
 * is being born may have a client by now, and ends as any other does.
 */
void
pooler_member_failed(int member)
{
	if (pooler_members[member].state == MEMBER_OPENING)
		drop(member);
}

static void
send_file(int member, const ControlMessage *request)
{
	ControlMessage answer = *request;
	int			fd = pooler_shared->base_fd + request->slot;
	bool		have = pooler_client_is(request->slot, request->generation);

	answer.type = have ? CONTROL_FILE : CONTROL_NO_FILE;
	/* one request at a time: the socket cannot be full */
	if (!pooler_net_send(workers[member].control, &answer, sizeof(answer), &fd,
						 have ? 1 : 0))
		ereport(LOG,
				(errcode_for_socket_access(),
				 errmsg("could not send a client's socket to backend %d: %m",
						(int) pooler_members[member].pid)));
}

static void
take_greeting(const ControlMessage *m)
{
	dsa_area   *area = pooler_shmem_dsa();

	if (pooler_client_is(m->slot, m->generation))
		pooler_admit_greeted(m->slot, dsa_get_address(area, m->text), m->len,
							  m->record, m->encoding);
	else
		pooler_records_unref(m->record);
	dsa_free(area, m->text);
}

static void
now_leaving(int member)
{
	PoolerMember *m = &pooler_members[member];

	if (m->state != MEMBER_BORN)
		return;
	m->state = MEMBER_LEAVING;
	leave_route(m, true);
	m->route = POOLER_NO_ROUTE;
	pooler_worker_pools[m->pool].dirty = true;
}

/* What it says of a client counts only while it owns it. */
static bool
takes_over(int member, const ControlMessage *m)
{
	return m->slot < pooler_shared->max_clients &&
		owned(&pooler_members[member],
			  pooler_client_pack(m->slot, m->generation));
}

static void
serve_message(int member, const ControlMessage *m)
{
	switch (m->type)
	{
		case CONTROL_FETCH:
			if (m->slot < pooler_shared->max_clients)
				send_file(member, m);
			break;
		case CONTROL_CLOSED:
			if (takes_over(member, m))
				pooler_client_close(m->slot);
			break;
		case CONTROL_MISPLACED:
			if (takes_over(member, m))
				pooler_client_misplaced(m->slot);
			break;
		case CONTROL_HUNG_UP:
			if (takes_over(member, m))
				pooler_client_hung_up(m->slot);
			break;
		case CONTROL_GREETED:
			take_greeting(m);
			break;
		case CONTROL_LEAVING:
			now_leaving(member);
			break;
		case CONTROL_FILE:
		case CONTROL_NO_FILE:
			break;				/* the worker's own words */
	}
}

/* All that it has said: who left makes room for those who come (worker.c). */
void
pooler_member_control_event(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &workers[member];

	while (m->state != MEMBER_FREE && w->control >= 0)
	{
		ControlMessage message;
		int			n = recv(w->control, &message, sizeof(message),
							 MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == sizeof(message))
			serve_message(member, &message);
		else if (m->state == MEMBER_BIRTH)
		{
			/* libpq will say why it ended */
			pooler_evloop_remove(w->control);
			close(w->control);
			w->control = -1;
		}
		else
			drop(member);
	}
}

/* ---- the worker's wishes ---- */

void
pooler_member_retire(int member)
{
	PoolerMember *m = &pooler_members[member];

	pg_atomic_write_u32(&m->leave, 1);
	wake(m);
}

void
pooler_member_recycle(int member)
{
	pooler_pools[pooler_members[member].pool].recycled++;
	echo(member, "recycle");
	pooler_member_retire(member);
}

static bool
move(PoolerMember *m, PoolerActivity from)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&m->activity, &expected,
										  ACTIVITY_GONE);
}

/*
 * Out of its activity, so that it cannot go on should it wake up again; a client
 * that it has not begun goes to another backend. False: it is busy.
 */
static bool
disarm_member(PoolerMember *m)
{
	int			slot;

	if (m->state != MEMBER_BORN)
		return true;
	if (move(m, ACTIVITY_IDLE))
		pg_atomic_fetch_sub_u32(&pooler_routes[m->route].idle, 1);
	/* in these the client's state is saved, or not yet loaded (handoff.c) */
	else if (!move(m, ACTIVITY_TAKEN) && !move(m, ACTIVITY_PRIVATE) &&
			 !move(m, ACTIVITY_RECALLED) && !move(m, ACTIVITY_RETURNING))
		return false;
	slot = take_over(m);
	if (slot >= 0 && !pooler_route_arm(slot, false))
		pooler_client_close(slot);
	pooler_route_rescue(m->route);
	return true;
}

void
pooler_member_overdue(int member)
{
	pooler_members[member].hung = true;
}

/*
 * SIGTERM, never SIGKILL, which would restart the whole cluster. A stopped
 * process keeps its place until it can die; nobody waits for that.
 */
void
pooler_member_invalidate(int member, const char *why)
{
	PoolerMember *m = &pooler_members[member];
	PoolerPool *p = &pooler_pools[m->pool];

	if (!disarm_member(m))
		return;
	snprintf(p->last_error, POOLER_MAX_MESSAGE, "invalidated backend %d: %s",
			 (int) m->pid, why);
	p->last_error_at = GetCurrentTimestamp();
	ereport(LOG,
			(errmsg("pool \"%s\": %s", p->name, p->last_error)));
	p->invalidated++;
	pg_atomic_write_u32(&m->leave, 1);
	if (m->pid != 0)
		(void) kill(m->pid, SIGTERM);
	m->hung = true;
	if (m->route != POOLER_NO_ROUTE)
		leave_route(m, m->state == MEMBER_BORN);
	m->route = POOLER_NO_ROUTE;
	m->state = MEMBER_LEAVING;
	pooler_worker_pools[m->pool].dirty = true;
}

void
pooler_member_reap_orphans(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_ORPHAN)
			continue;
		if (m->pid != 0 && (kill(m->pid, 0) == 0 || errno != ESRCH))
			continue;
		pooler_records_unref(m->record);
		m->record = 0;
		m->state = MEMBER_FREE;
		pooler_client_orphan_gone(i);
		pooler_worker_pools[m->pool].open--;
		pooler_worker_pools[m->pool].dirty = true;
	}
}

void
pooler_member_dismiss_all(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_FREE)
		{
			pg_atomic_write_u32(&m->leave, 1);
			wake(m);
		}
	}
}

TimestampTz
pooler_member_idle_since(const PoolerMember *m)
{
	uint32		activity = pg_atomic_read_u32(unconstify(pg_atomic_uint32 *,
														 &m->activity));

	if (m->state != MEMBER_BORN ||
		(activity != ACTIVITY_IDLE && activity != ACTIVITY_PRIVATE))
		return 0;
	return m->idle_since;
}
