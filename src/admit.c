/*
 * admit.c
 *	  A client's admission: from accept to its route.
 *
 *	  FREE -> LOGIN			[accept_one]: a slot, and the file its number
 *	  LOGIN -> ARMED		[enter_route]: authenticated and allowed (login.c)
 *
 * Without a slot, or while the server shuts down: door.c.
 *
 * How the login ends depends on the role's, the database's and the startup
 * packet's settings. Where a backend has greeted the like before (greetings.c)
 * the worker says the same; else the client enters its route with `greet` set
 * and counts as one that waits: a backend takes it and finishes the login.
 *
 * src/admit.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ip.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "admit.h"
#include "answer.h"
#include "client.h"
#include "compat.h"
#include "console.h"
#include "door.h"
#include "greetings.h"
#include "guc.h"
#include "inject.h"
#include "login.h"
#include "net.h"
#include "pool.h"
#include "records.h"
#include "route.h"
#include "wire.h"

/* How many are accepted in one turn, so that the others get theirs. */
#define ACCEPT_MAX 32

/* Where there is no room a login that has taken so long makes some. */
#define STALE_LOGIN_MS 5000

/* ---- accept ---- */

static int	accepting = -1;		/* slot of a client that is just let in */

static void
name_peer(PoolerClient *c)
{
	if (pg_getnameinfo_all(&c->raddr.addr, c->raddr.salen, c->remote_host,
						   sizeof(c->remote_host), c->remote_port,
						   sizeof(c->remote_port),
						   NI_NUMERICHOST | NI_NUMERICSERV) != 0)
	{
		strlcpy(c->remote_host, "???", sizeof(c->remote_host));
		c->remote_port[0] = '\0';
	}
	if (c->raddr.addr.ss_family == AF_UNIX)
	{
		strlcpy(c->remote_host, "[local]", sizeof(c->remote_host));
		c->remote_port[0] = '\0';
	}
}

static void
init_client(PoolerClient *c, int slot, int32 cancel_key, const SockAddr *raddr,
			const SockAddr *laddr)
{
	c->pool = -1;
	c->route = POOLER_NO_ROUTE;
	c->pid = POOLER_FIRST_PID + slot;
	c->cancel_key = cancel_key;
	c->id = ++pooler_shared->last_client_id;
	c->mode = MODE_TRANSACTION;
	c->closes_backend = c->has_last_words = false;
	c->database = InvalidOid;
	c->raddr = *raddr;
	c->laddr = *laddr;
	name_peer(c);
	c->connected_at = c->state_since = GetCurrentTimestamp();
	c->waiting_since = 0;
	c->greet = false;
	c->refusals = 0;
	pg_atomic_write_u32(&c->terminated, 0);
	c->startup = c->unnamed = InvalidDsaPointer;
	c->startup_len = c->unnamed_len = 0;
	c->record = 0;
	c->transactions = c->checkouts = c->wait_us = c->busy_us = 0;
	c->idle_session_timeout_ms = 0;
	c->encoding = PG_SQL_ASCII;
	c->application_name[0] = '\0';
	pooler_client_renew(slot);
	c->state = CLIENT_LOGIN;
}

/* Gives the file its number: the same in every process, see waitset.c. */
static int
take_slot(int fd)
{
	int			slot = pooler_client_first_free;

	if (dup3(fd, pooler_client_fd(slot), O_CLOEXEC) < 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not give a client's socket its number: %m")));
		return -1;
	}
	pooler_client_first_free = pooler_worker_clients[slot].next_free;
	close(fd);
	return slot;
}

/*
 * A login that has been going on for long; -1: none has. Those who begin now are
 * younger than the oldest one: nobody is looked for before that one is due.
 */
static int
stale_login(void)
{
	static TimestampTz due = 0;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz since = now;
	int			oldest = -1;

	if (pooler_is_ahead(due, now, STALE_LOGIN_MS))
		return -1;
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state != CLIENT_LOGIN || c->connected_at >= since)
			continue;
		oldest = i;
		since = c->connected_at;
	}
	due = TimestampTzPlusMilliseconds(since, STALE_LOGIN_MS);
	return now >= due ? oldest : -1;
}

/* Who says nothing must not keep those out who would. */
static void
make_room(void)
{
	int			slot = stale_login();

	if (slot < 0)
		return;
	ereport(LOG,
			(errmsg("pooler: client %s did not complete its login and makes room for another",
					pooler_clients[slot].remote_host)));
	(void) pooler_client_say_error(slot, "FATAL", "53300",
								   "sorry, too many clients already",
								   "The login was not completed, and others wait.",
								   NULL);
	pooler_client_close(slot);
}

static bool
make_cancel_key(int32 *key)
{
	if (pg_strong_random(key, sizeof(*key)))
		return true;
	ereport(LOG, (errmsg("could not generate random cancel key")));
	return false;
}

static void
accept_one(int fd, const SockAddr *raddr, const SockAddr *laddr)
{
	PoolerClient *c;
	int32		cancel_key;
	int			slot;

	if (pooler_client_first_free < 0)
		make_room();
	if (pooler_client_first_free < 0 || pooler_door_is_shut())
	{
		pooler_door_take(fd);
		return;
	}
	slot = make_cancel_key(&cancel_key) ? take_slot(fd) : -1;
	if (slot < 0)
	{
		pooler_door_refuse(fd, "pooler could not open another connection", NULL,
						   "The server's log says why.");
		return;
	}
	accepting = slot;
	c = &pooler_clients[slot];
	init_client(c, slot, cancel_key, raddr, laddr);
	POOLER_INJECT("admit-slot");
	if (pooler_logs_receipt())
		ereport(LOG,
				(errmsg("connection received by pooler: host=%s%s%s",
						c->remote_host, c->remote_port[0] ? " port=" : "",
						c->remote_port)));
	pooler_worker_clients[slot].login = pooler_login_begin(&c->raddr, &c->laddr);
	pooler_admit_readable(slot);
	accepting = -1;
}

void
pooler_admit_failed(void)
{
	if (accepting >= 0 && pooler_clients[accepting].state == CLIENT_LOGIN)
		pooler_client_close(accepting);
	accepting = -1;
}

bool
pooler_admit_accept(int listen_fd)
{
	for (int i = 0; i < ACCEPT_MAX; i++)
	{
		SockAddr	raddr;
		SockAddr	laddr;
		int			fd = pooler_net_accept(listen_fd, &raddr, &laddr);

		if (fd < 0)
			return fd == NET_NOBODY;
		accept_one(fd, &raddr, &laddr);
	}
	return true;
}

/* ---- login ---- */

/* Role before pool before global; superusers have their own setting. */
static PoolerMode
mode_of(const LoginState *login, int pool)
{
	if (login->login.superuser && pooler_guc_superuser_mode == MODE_SESSION)
		return MODE_SESSION;
	if (login->login.has_mode)
		return login->login.mode;
	return pooler_pools[pool].limits.mode;
}

/* Also one that the role has by ALTER ROLE ... SET: as ParameterStatus told. */
static void
show_application(PoolerClient *c, const Greeting *g)
{
	int64		whole;
	char		type;

	for (int at = 0;
		 pooler_wire_message(g->text + at, g->text_len - at, &type,
							 &whole) == WIRE_OK; at += whole)
	{
		const char *name = type != 'S' ? NULL :
			pooler_wire_param(g->text + at + WIRE_MESSAGE_HEAD,
							  whole - WIRE_MESSAGE_HEAD, "application_name");

		if (name != NULL)
			strlcpy(c->application_name, name, NAMEDATALEN);
	}
}

/* The worker says itself what a backend has said to the like before; after what
 * the login has to say, in one piece. */
static bool
greet(int slot, const Greeting *g, StringInfo out)
{
	PoolerClient *c = &pooler_clients[slot];

	appendBinaryStringInfo(out, g->text, g->text_len);
	pooler_wire_put_key(out, c->pid, c->cancel_key);
	pooler_wire_put_ready(out, 'I');
	pooler_records_ref(g->record);
	c->record = g->record;
	c->encoding = g->encoding;
	c->idle_session_timeout_ms = g->idle_session_timeout_ms;
	show_application(c, g);
	return pooler_client_say(slot, out);
}

/* A backend shall finish the login: it needs the startup packet's settings. */
static bool
leave_to_backend(int slot, const LoginState *login)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];
	int			len = login->settings.len;

	if (len > 0)
	{
		c->startup = pooler_shmem_allocate(len, NULL);
		if (!DsaPointerIsValid(c->startup))
			return false;
		memcpy(dsa_get_address(pooler_shmem_dsa(), c->startup),
			   login->settings.data, len);
		c->startup_len = len;
	}
	w->startup = MemoryContextAlloc(TopMemoryContext, Max(len, 1));
	memcpy(w->startup, login->settings.data, len);
	w->startup_len = len;
	c->greet = true;
	return true;
}

/* With the address: all lines of the worker have its own pid. */
static void
log_authorized(const LoginState *login, const PoolerClient *c)
{
	if (pooler_logs_authorization())
		ereport(LOG,
				(errmsg("connection authorized by pooler: user=%s database=%s host=%s%s%s",
						login->user, login->database, c->remote_host,
						c->remote_port[0] ? " port=" : "", c->remote_port)));
}

static void
count_login(const PoolerClient *c)
{
	int64		us = GetCurrentTimestamp() - c->connected_at;

	pooler_histogram_add(&pooler_pools[c->pool].login, us, 1);
	pooler_histogram_add(&pooler_routes[c->route].login, us, 1);
}

/* Since it began the pool may have become another database's, for which this
 * login was not judged. */
static int
find_pool(const LoginState *login)
{
	if (strcmp(pooler_pool_database(login->pool_name), login->database) != 0)
		return POOLER_NO_POOL;
	return pooler_pool_find(login->pool_name, login->login.database);
}

/* Why there is none. */
static void
say_no_pool(int slot, const char *name, int pool)
{
	if (pool == POOLER_NO_POOL)
		(void) pooler_client_say_error(slot, "FATAL", "3D000",
									   psprintf("pooler has no pool for database \"%s\"",
												name), NULL,
									   "Add it, or \"*\", to pooler.pools.");
	else
		(void) pooler_client_say_error(slot, "FATAL", "53300",
									   psprintf("pooler has no room for a pool of database \"%s\"",
												name),
									   psprintf("Each of %d pools is listed in pooler.pools, has clients, or has backends that have yet to end.",
												POOLER_MAX_POOLS), NULL);
}

static void
say_no_route(int slot, int route)
{
	if (route == ROUTE_NO_ROOM)
		(void) pooler_client_say_error(slot, "FATAL", "53300",
									   "pooler has no room for another role",
									   psprintf("There are clients or backends of %d pairs of a pool and a role, and may be of no more.",
												pooler_shared->max_routes),
									   "Use fewer roles at once: one makes room when its clients have left.");
	else
		(void) pooler_client_say_error(slot, "FATAL", "53300",
									   "pooler could not open another connection",
									   NULL, "The server's log says why.");
}

/* LOGIN -> ARMED; says `out` first. False: an error has been said, or cannot be. */
static bool
enter_route(int slot, const LoginState *login, StringInfo out)
{
	PoolerClient *c = &pooler_clients[slot];
	const PoolerLogin *allowed = &login->login;
	const Greeting *g;
	int			pool = find_pool(login);
	int			route = pool < 0 ? POOLER_NO_ROUTE :
		pooler_route_find(pool, allowed->role, login->user,
						  allowed->superuser);

	if (pool < 0 || route < 0)
	{
		(void) pooler_client_say(slot, out);
		if (pool < 0)
			say_no_pool(slot, login->pool_name, pool);
		else
			say_no_route(slot, route);
		return false;
	}
	POOLER_INJECT("admit-route");
	c->pool = pool;
	c->route = route;
	c->mode = allowed->own_backend ? MODE_SESSION : mode_of(login, pool);
	c->catalog_generation = pooler_shmem_catalog_generation(allowed->role,
															allowed->database);
	/* this one may be older than pooler.superuser_mode */
	c->closes_backend = allowed->own_backend ||
		(allowed->superuser && pooler_guc_superuser_mode == MODE_SESSION);
	c->database = allowed->database;
	if (login->application_name)
		strlcpy(c->application_name, login->application_name, NAMEDATALEN);
	pooler_routes[route].clients++;
	pooler_pools[pool].clients++;
	pooler_route_update_keep(route, false);
	log_authorized(login, &pooler_clients[slot]);
	count_login(c);
	c->state_since = GetCurrentTimestamp();
	POOLER_INJECT("admit-entered");
	g = c->mode == MODE_TRANSACTION && !c->closes_backend ?
		pooler_greetings_find(allowed->role, allowed->database,
							  c->catalog_generation, login->settings.data,
							  login->settings.len) : NULL;
	if (g == NULL && pooler_login_needs_own_backend(login))
	{
		c->closes_backend = true;
		c->mode = MODE_SESSION;
	}
	return (g ? greet(slot, g, out) :
			pooler_client_say(slot, out) && leave_to_backend(slot, login)) &&
		pooler_route_arm(slot, true);
}

static bool
enter_console(int slot, const LoginState *login, StringInfo out)
{
	log_authorized(login, &pooler_clients[slot]);
	return pooler_console_enter(slot, login, out);
}

/* The client is answered (by the end of the file) when it has been done. */
static void
cancel_and_close(int slot)
{
	const LoginState *login = pooler_worker_clients[slot].login;

	pooler_answer_cancel_request(login->cancel_pid, login->cancel_key);
	pooler_client_close(slot);
}

/* Off the socket, where it was only looked at. */
static void
take_in(int slot, int len)
{
	char	   *bytes = palloc(len);	/* the turn's memory */

	(void) recv(pooler_client_fd(slot), bytes, len, MSG_DONTWAIT);
}

/* With `len` bytes more in login->in, which are still in the socket as well. */
static void
login_on(int slot, int len)
{
	WorkerClient *w = &pooler_worker_clients[slot];
	StringInfoData out;			/* the turn's memory */
	LoginResult result;

	initStringInfo(&out);
	result = pooler_login_step(w->login, &out);
	take_in(slot, result == LOGIN_OK ? len - w->login->in.len : len);
	switch (result)
	{
		case LOGIN_MORE:
			if (!pooler_client_say(slot, &out))
				break;
			pooler_client_watch(slot, true);
			return;
		case LOGIN_CANCEL:
			cancel_and_close(slot);
			return;
		case LOGIN_OK:
			pooler_client_watch(slot, false);
			if (w->login->console ? !enter_console(slot, w->login, &out) :
				!enter_route(slot, w->login, &out))
				break;
			pooler_login_end(w->login);
			w->login = NULL;
			return;
		case LOGIN_FAILED:
			(void) pooler_client_say(slot, &out);
			break;
	}
	pooler_client_close(slot);
}

/*
 * Reads what a client that logs in has sent, as far as there is room, and not a
 * byte behind the login's end: that is for whoever serves it.
 */
void
pooler_admit_readable(int slot)
{
	LoginState *login = pooler_worker_clients[slot].login;
	int			room = pooler_login_room(login);
	int			n;

	enlargeStringInfo(&login->in, room);
	n = recv(pooler_client_fd(slot), login->in.data + login->in.len, room,
			 MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		pooler_client_watch(slot, true);
	else if (n <= 0)
		pooler_client_close(slot);
	else
	{
		login->in.len += n;
		login_on(slot, n);
	}
}

void
pooler_admit_greeted(int slot, const ControlMessage *m, char *text)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];
	Greeting	g = {0};

	if (w->startup == NULL)
	{
		pooler_records_unref(m->record);
		return;
	}
	POOLER_INJECT("admit-greeted");
	g.role = pooler_routes[c->route].role;
	g.database = pooler_pools[c->pool].database_oid;
	g.catalog_generation = c->catalog_generation;
	g.startup = w->startup;
	g.startup_len = w->startup_len;
	g.text = text;
	g.text_len = m->len;
	g.record = m->record;
	g.encoding = m->encoding;
	g.idle_session_timeout_ms = m->idle_session_timeout_ms;
	pooler_greetings_add(&g);
	pfree(w->startup);
	w->startup = NULL;
}

/*
 * Those that there are, and those that backends may be making now: of a login
 * that began before this nothing is kept.
 */
void
pooler_admit_forget_greetings(void)
{
	pooler_greetings_forget_all();
	for (int slot = 0; slot < pooler_shared->max_clients; slot++)
	{
		WorkerClient *w = &pooler_worker_clients[slot];

		if (w->startup == NULL)
			continue;
		pfree(w->startup);
		w->startup = NULL;
	}
}
