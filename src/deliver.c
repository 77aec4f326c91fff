/*
 * deliver.c
 *	  The worker's side of a birth: an unborn backend becomes a route's.
 *
 *	  UNBORN -> BIRTH		[pooler_deliver]: role, control socket, epoll
 *	  BIRTH -> BORN			[now_born]: libpq has seen the login's end
 *	  LEAVING				[login_ended]: the same, after it was given up
 *
 * The backend's side is birth.c. Here is also what libpq says before: the
 * opening and the birth are one login to it. What the server says against it is
 * told to the clients that wait, unless the next try may well succeed.
 *
 * src/deliver.c
 */
#include "postgres.h"

#include <sys/socket.h>
#include <unistd.h>

#include "access/xact.h"
#include "libpq-fe.h"
#include "utils/timestamp.h"

#include "answer.h"
#include "auth_cache.h"
#include "client.h"
#include "compat.h"
#include "conn_limit.h"
#include "control.h"
#include "deliver.h"
#include "evloop.h"
#include "inject.h"
#include "member.h"
#include "net.h"
#include "open.h"
#include "pool.h"
#include "refusal.h"
#include "route.h"
#include "since.h"

/* After so long a birth is tried again if somebody has locked the catalog of roles. */
#define LOCKED_MS		100

static int	this_process = -1;	/* a file that stands for the worker */

void
pooler_deliver_start(void)
{
	this_process = pooler_net_this_process();
}

/* ---- birth ---- */

typedef enum RoleLook
{
	ROLE_FOUND,
	ROLE_GONE,					/* or another than it was */
	ROLE_UNKNOWN				/* not to be said now */
} RoleLook;

/* A role is known by its OID: it may have another name by now. */
static RoleLook
find_role(int route)
{
	PoolerRoute *r = &pooler_routes[route];
	MemoryContext caller = CurrentMemoryContext;
	AuthRole	role;
	RoleLook	look = ROLE_UNKNOWN;

	StartTransactionCommand();
	if (pooler_auth_lock_catalogs())
		look = pooler_auth_find_role(NULL, r->role, &role) &&
			role.superuser == r->superuser ? ROLE_FOUND : ROLE_GONE;
	pooler_commit(caller);
	if (look == ROLE_FOUND)
		strlcpy(r->role_name, role.name, NAMEDATALEN);
	return look;
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

	/* those whose socket is with the backends are gone when it has told so */
	w->retry_at = GetCurrentTimestamp() + USECS_PER_SEC;
	if (w->held > 0 || w->saturated)
		end_clients_of(route);
}

/* The backend's ends of the control socket and the route's epoll go with it.
 * False: nobody is there to read it. */
static bool
send_birth(int member, int backend_end)
{
	PoolerMember *m = &pooler_members[member];
	PoolerRoute *r = &pooler_routes[m->route];
	WorkerMember *w = &pooler_worker_members[member];
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
pooler_deliver(int member, int route)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &pooler_worker_members[member];
	int			pair[2];
	bool		sent;
	RoleLook	role;

	if (pooler_conn_limit_is_full(route))
		return;
	role = find_role(route);
	if (role != ROLE_FOUND)
	{
		if (role == ROLE_GONE)
			not_what_it_was(route);
		else
			pooler_worker_routes[route].retry_at =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOCKED_MS);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				   pair) < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create a socket pair: %m")));
	m->state = MEMBER_BIRTH;
	w->role = pooler_routes[route].role;
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
		pooler_route_birth_failed(route);
		pooler_member_drop(member);
		PG_RE_THROW();
	}
	PG_END_TRY();
	close(pair[1]);
	if (!sent)
		pooler_member_drop(member);
}

/* Nothing is expected from libpq any more; the end shows on control. */
static void
unwatch_libpq(WorkerMember *w)
{
	pooler_evloop_remove(w->libpq_fd);
	w->libpq_fd = -1;
}

static void
now_born(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &pooler_worker_members[member];
	WorkerRoute *wr = &pooler_worker_routes[m->route];

	/* it has ended meanwhile: without its control socket nobody would hear */
	if (w->control < 0)
	{
		pooler_member_drop(member);
		return;
	}
	unwatch_libpq(w);
	m->born_at = GetCurrentTimestamp();
	m->state = MEMBER_BORN;
	w->failed_before = wr->failed;
	pooler_conn_limit_has_room(m->route);
	pooler_histogram_add(&pooler_pools[m->pool].birth,
						 m->born_at - w->birth_began, 1);
	pooler_histogram_add(&pooler_routes[m->route].birth,
						 m->born_at - w->birth_began, 1);
	wr->births--;
	pooler_routes[m->route].backends++;
	pooler_route_backends_changed(m->route);
	pooler_worker_pools[m->pool].dirty = true;
	pooler_member_echo(member, "birth");
}

/*
 * Its login has ended well. One that has been given up meanwhile has a process yet,
 * which comes to its first boundary and writes into its place: that is not another
 * one's before this one has gone.
 */
static void
login_ended(int member)
{
	WorkerMember *w = &pooler_worker_members[member];

	if (pooler_members[member].state == MEMBER_BIRTH)
		now_born(member);
	else if (pooler_members[member].state == MEMBER_LEAVING && w->control >= 0)
		unwatch_libpq(w);
	else
		/* a login without our hook: nobody's */
		pooler_member_drop(member);
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
		else if (pooler_answer_is_wanted(slot))
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

/* Of no interest to a client: the next try may well succeed. One that ended
 * without a word was ended, too. */
static bool
is_passing(int route, const char *sqlstate)
{
	/* the role may have been renamed on the way: the retry asks anew */
	if (strcmp(sqlstate, "28000") == 0)
		return pooler_worker_routes[route].failures == 0;
	return sqlstate[0] == '\0' || was_interrupted(sqlstate);
}

static void
birth_failed(int pool, int route, const Refusal *refusal)
{
	bool		passing;

	if (pooler_conn_limit_makes_room(route, refusal))
		return;
	passing = is_passing(route, refusal->sqlstate);
	pooler_route_birth_failed(route);
	strlcpy(pooler_worker_routes[route].refused, refusal->message,
			POOLER_MAX_MESSAGE);
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
	PGconn	   *conn = pooler_worker_members[member].conn;
	Refusal		refusal;
	bool		by_rules;

	(void) pooler_refusal_read(PQerrorMessage(conn), &refusal);
	by_rules = pooler_refusal_by_rules(&refusal) ||
		PQconnectionNeedsPassword(conn);
	pooler_member_drop(member);
	/* an unborn one that was ended is replaced like any other */
	if (was_unborn)
		return;
	if (route == POOLER_NO_ROUTE)
		pooler_pool_failed(pool, refusal.message, by_rules);
	else
		birth_failed(pool, route, &refusal);
}

/* It has served, and no birth has failed since its own: they succeed again. */
void
pooler_deliver_forgive_failures(int member)
{
	const PoolerMember *m = &pooler_members[member];
	WorkerRoute *w;

	if (m->state != MEMBER_BORN || m->counts.checkouts == 0)
		return;
	w = &pooler_worker_routes[m->route];
	if (w->failures > 0 &&
		pooler_worker_members[member].failed_before == w->failed)
	{
		w->failures = 0;
		w->retry_at = 0;
	}
}

/* ---- libpq's events ---- */

static void
watch_libpq(int member, bool write)
{
	WorkerMember *w = &pooler_worker_members[member];
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
pooler_deliver_libpq_event(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &pooler_worker_members[member];

	if (m->state == MEMBER_FREE || w->libpq_fd < 0)
		return;
	if (m->state == MEMBER_OPENING &&
		PQstatus(w->conn) == CONNECTION_AWAITING_RESPONSE &&
		pooler_open_done(member))
		return;
	switch (PQconnectPoll(w->conn))
	{
		case PGRES_POLLING_READING:
			watch_libpq(member, false);
			break;
		case PGRES_POLLING_WRITING:
			watch_libpq(member, true);
			break;
		case PGRES_POLLING_OK:
			login_ended(member);
			break;
		default:
			if (m->state == MEMBER_LEAVING)
				pooler_member_drop(member);
			else
				login_failed(member);
			break;
	}
}
