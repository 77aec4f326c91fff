/*
 * client.c
 *	  A client as the worker sees it: accept to close.
 *
 *	  FREE -> LOGIN			[accept]
 *	  LOGIN -> ARMED		[enter_route]: with its greeting, or to get it from a
 *							backend (`greet`)
 *	  ARMED -> HELD			[harvested]: its route has no backend yet
 *	  HELD -> ARMED			[route.c]: a backend was born
 *	  ARMED, HELD -> ANSWERING [answer]: the worker speaks in the server's place
 *	  ANSWERING -> ARMED	[answer_on]: the batch has ended
 *	  any -> FREE			[close]: by its owner only
 *
 * An ARMED client may belong to a backend at any moment, so the worker does not
 * touch it. To end one it shuts the socket down for reading: whoever owns it
 * sees the end of file and reports it, and then the reason is told and the slot
 * is freed. Each use of a slot has its own generation; an event, a message or a
 * cached file of an earlier one is recognised and dropped.
 *
 * src/client.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ip.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cancel.h"
#include "client.h"
#include "compat.h"
#include "evloop.h"
#include "greetings.h"
#include "guc.h"
#include "login.h"
#include "net.h"
#include "pool.h"
#include "records.h"
#include "route.h"
#include "wire.h"

/* How many are accepted in one turn, so that the others get theirs. */
#define ACCEPT_MAX 32

/* Ready clients among which one is looked for; more wait in the kernel. */
#define SEIZE_MAX 256

/* Why a client is ended, kept until its owner has given it to us. */
typedef struct EndReason
{
	char		sqlstate[6];	/* '' : no reason, it has left */
	char		message[POOLER_MAX_MESSAGE];
	char		detail[POOLER_MAX_MESSAGE];
	char		hint[POOLER_MAX_MESSAGE];
} EndReason;

typedef struct WorkerClient
{
	bool		watched;		/* in the worker's epoll */
	bool		noticed;		/* was told that it waits */
	int			next_free;
	LoginState *login;			/* CLIENT_LOGIN */
	char	   *startup;		/* its settings, until it is greeted */
	int			startup_len;
	WireBatch	batch;			/* CLIENT_ANSWERING */
	EndReason  *reason;
} WorkerClient;

static WorkerClient *workers;
static int	first_free;
static uint64 next_id = 1;

static inline int
fd_of(int slot)
{
	return pooler_shared->base_fd + slot;
}

static inline uint32
generation_of(int slot)
{
	return pg_atomic_read_u32(&pooler_clients[slot].generation);
}

void
pooler_client_start(void)
{
	int			n = pooler_shared->clients_allowed;

	workers = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(WorkerClient) *
									 pooler_shared->max_clients);
	first_free = -1;
	for (int i = pooler_shared->max_clients - 1; i >= 0; i--)
	{
		PoolerClient *c = &pooler_clients[i];

		pg_atomic_fetch_add_u32(&c->generation, 1);
		pooler_records_unref(c->record);
		c->record = 0;
		c->state = CLIENT_FREE;
		c->route = POOLER_NO_ROUTE;
		if (i >= n)
			continue;
		workers[i].next_free = first_free;
		first_free = i;
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pooler_pools[i].clients = 0;
	next_id = Max(next_id, pooler_shared->last_client_id + 1);
}

static void
watch(int slot, bool on)
{
	WorkerClient *w = &workers[slot];

	if (w->watched == on)
		return;
	w->watched = on;
	if (on)
		pooler_evloop_add(fd_of(slot), false, EVENT_CLIENT, slot,
						  generation_of(slot));
	else
		pooler_evloop_remove(fd_of(slot));
}

/* False: it does not read what it asked for; the caller closes. */
static bool
say(int slot, const StringInfo out)
{
	if (out->len == 0)
		return true;
	return send(fd_of(slot), out->data, out->len,
				MSG_NOSIGNAL | MSG_DONTWAIT) == out->len;
}

static void
say_error(int slot, const char *severity, const char *sqlstate,
		  const char *message, const char *detail, const char *hint)
{
	StringInfoData out;

	initStringInfo(&out);
	pooler_wire_put_error(&out, severity, sqlstate, message, detail, hint);
	(void) say(slot, &out);
	pfree(out.data);
}

/* ---- close ---- */

static void
leave_route(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	int			route = c->route;

	if (route == POOLER_NO_ROUTE)
		return;
	if (c->state == CLIENT_HELD)
		pooler_route_unhold(slot);
	pooler_route_disarm(slot);
	pooler_routes[route].clients--;
	pooler_pools[c->pool].clients--;
	pooler_route_update_keep(route, false);
	c->route = POOLER_NO_ROUTE;
}

static void
free_texts(PoolerClient *c)
{
	if (DsaPointerIsValid(c->startup))
		dsa_free(pooler_shmem_dsa(), c->startup);
	if (DsaPointerIsValid(c->unnamed))
		dsa_free(pooler_shmem_dsa(), c->unnamed);
	c->startup = c->unnamed = InvalidDsaPointer;
	c->startup_len = c->unnamed_len = 0;
	pooler_records_unref(c->record);
	c->record = 0;
}

static void
free_private(WorkerClient *w)
{
	if (w->login)
		pooler_login_end(w->login);
	if (w->startup)
		pfree(w->startup);
	if (w->reason)
		pfree(w->reason);
	w->login = NULL;
	w->startup = NULL;
	w->reason = NULL;
	w->noticed = false;
}

void
pooler_client_close(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &workers[slot];

	if (c->state == CLIENT_FREE)
		return;
	if (w->reason && w->reason->sqlstate[0])
		say_error(slot, "FATAL", w->reason->sqlstate, w->reason->message,
				  w->reason->detail[0] ? w->reason->detail : NULL,
				  w->reason->hint[0] ? w->reason->hint : NULL);
	watch(slot, false);
	leave_route(slot);
	/* backends may hold this file too: the connection ends all the same */
	(void) shutdown(fd_of(slot), SHUT_RDWR);
	pg_atomic_fetch_add_u32(&c->generation, 1);
	close(fd_of(slot));
	free_texts(c);
	free_private(w);
	c->waiting_since = 0;
	c->state = CLIENT_FREE;
	w->next_free = first_free;
	first_free = slot;
}

bool
pooler_client_is(uint32 slot, uint32 generation)
{
	PoolerClientState state = pooler_clients[slot].state;

	return generation_of(slot) == generation &&
		(state == CLIENT_ARMED || state == CLIENT_HELD);
}

void
pooler_client_gone(int slot)
{
	pooler_client_close(slot);
}

/*
 * A backend woke for a client whose file it does not have, and did not think it
 * worth asking for: look whether there is more than a hang-up.
 */
void
pooler_client_hung_up(int slot)
{
	char		c;
	int			n = recv(fd_of(slot), &c, 1, MSG_PEEK | MSG_DONTWAIT);
	bool		nothing = n < 0 && (errno == EAGAIN || errno == EINTR);

	pooler_clients[slot].has_last_words = n == 1;
	if (!nothing && (n != 1 || c == 'X'))
		pooler_client_close(slot);
	else if (!pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

static void
set_reason(int slot, const char *sqlstate, const char *message,
		   const char *detail, const char *hint)
{
	EndReason  *r = MemoryContextAllocZero(TopMemoryContext, sizeof(EndReason));

	strlcpy(r->sqlstate, sqlstate, sizeof(r->sqlstate));
	strlcpy(r->message, message, POOLER_MAX_MESSAGE);
	if (detail)
		strlcpy(r->detail, detail, POOLER_MAX_MESSAGE);
	if (hint)
		strlcpy(r->hint, hint, POOLER_MAX_MESSAGE);
	workers[slot].reason = r;
}

void
pooler_client_end(int slot, const char *sqlstate, const char *message,
				  const char *detail, const char *hint)
{
	if (pooler_clients[slot].state == CLIENT_FREE || workers[slot].reason)
		return;
	set_reason(slot, sqlstate, message, detail, hint);
	if (pooler_clients[slot].state == CLIENT_ARMED)
		(void) shutdown(fd_of(slot), SHUT_RD);
	else
		pooler_client_close(slot);
}

bool
pooler_client_is_ending(int slot)
{
	return workers[slot].reason != NULL;
}

/* It does not read what it asked for, and others wait: no last word either. */
void
pooler_client_cut(int slot)
{
	ereport(LOG,
			(errmsg("pooler: client %s does not read its results while others wait, connection closed",
					pooler_clients[slot].remote_host)));
	(void) shutdown(fd_of(slot), SHUT_RDWR);
}

/* What the backend that owns it does with it; ACTIVITY_NONE: none owns it. */
PoolerActivity
pooler_client_activity(int slot)
{
	uint64		packed = pooler_client_pack(slot, generation_of(slot));

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		if (pg_atomic_read_u64(&pooler_members[i].client) == packed)
			return pg_atomic_read_u32(&pooler_members[i].activity);
	}
	return ACTIVITY_NONE;
}

void
pooler_client_abandon(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	if (c->state == CLIENT_FREE || pooler_client_activity(slot) == ACTIVITY_SERVING)
		return;
	if (c->state != CLIENT_LOGIN)
		say_error(slot, "FATAL", "57P01",
				  "terminating connection due to administrator command",
				  NULL, NULL);
	(void) shutdown(fd_of(slot), SHUT_RDWR);
}

/* ---- accept ---- */

static void
refuse(int fd)
{
	StringInfoData out;

	initStringInfo(&out);
	pooler_wire_put_error(&out, "FATAL", "53300",
						  "sorry, too many clients already",
						  psprintf("pooler serves at most %d clients.",
								   pooler_shared->clients_allowed),
						  "Raise pooler.max_client_conn.");
	(void) send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void) shutdown(fd, SHUT_WR);
	close(fd);
	pfree(out.data);
}

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
init_client(PoolerClient *c, int slot, const SockAddr *raddr,
			const SockAddr *laddr)
{
	c->pool = -1;
	c->route = POOLER_NO_ROUTE;
	c->pid = POOLER_FIRST_PID + slot;
	if (!pg_strong_random(&c->cancel_key, sizeof(c->cancel_key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random cancel key")));
	c->id = next_id++;
	pooler_shared->last_client_id = c->id;
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
	c->startup = c->unnamed = InvalidDsaPointer;
	c->startup_len = c->unnamed_len = 0;
	c->record = 0;
	c->transactions = c->checkouts = 0;
	c->idle_session_timeout_ms = 0;
	c->application_name[0] = '\0';
	pg_atomic_fetch_add_u32(&c->generation, 1);
	c->state = CLIENT_LOGIN;
}

/* Gives the file its number: the same in every process, see waitset.c. */
static int
take_slot(int fd)
{
	int			slot = first_free;

	if (dup3(fd, fd_of(slot), O_CLOEXEC) < 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not give a client's socket its number: %m")));
		return -1;
	}
	first_free = workers[slot].next_free;
	close(fd);
	return slot;
}

static void
accept_one(int fd, const SockAddr *raddr, const SockAddr *laddr)
{
	PoolerClient *c;
	int			slot = first_free < 0 ? -1 : take_slot(fd);

	if (slot < 0)
	{
		refuse(fd);
		return;
	}
	c = &pooler_clients[slot];
	init_client(c, slot, raddr, laddr);
	if (pooler_logs_receipt())
		ereport(LOG,
				(errmsg("connection received by pooler: host=%s%s%s",
						c->remote_host, c->remote_port[0] ? " port=" : "",
						c->remote_port)));
	workers[slot].login = pooler_login_begin(&c->raddr, &c->laddr);
	pooler_client_readable(slot);
}

void
pooler_client_accept(int listen_fd)
{
	for (int i = 0; i < ACCEPT_MAX; i++)
	{
		SockAddr	raddr;
		SockAddr	laddr;
		int			fd = pooler_net_accept(listen_fd, &raddr, &laddr);

		if (fd < 0)
			return;
		accept_one(fd, &raddr, &laddr);
	}
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

/* The worker says itself what a backend has said to the like before. */
static bool
greet(int slot, const Greeting *g)
{
	PoolerClient *c = &pooler_clients[slot];
	StringInfoData out;
	bool		said;

	initStringInfo(&out);
	appendBinaryStringInfo(&out, g->text, g->text_len);
	pooler_wire_put_key(&out, c->pid, c->cancel_key);
	pooler_wire_put_ready(&out, 'I');
	pooler_records_ref(g->record);
	c->record = g->record;
	said = say(slot, &out);
	pfree(out.data);
	return said;
}

/* A backend shall finish the login: it needs the startup packet's settings. */
static bool
leave_to_backend(int slot, const LoginState *login)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &workers[slot];
	int			len = login->settings.len;

	if (len > 0)
	{
		c->startup = dsa_allocate_extended(pooler_shmem_dsa(), len,
										   DSA_ALLOC_NO_OOM);
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

static void
log_authorized(const LoginState *login)
{
	if (pooler_logs_authorization())
		ereport(LOG,
				(errmsg("connection authorized by pooler: user=%s database=%s",
						login->user, login->database)));
}

/* LOGIN -> ARMED. False: an error has been said, or cannot be. */
static bool
enter_route(int slot, const LoginState *login)
{
	PoolerClient *c = &pooler_clients[slot];
	const PoolerLogin *allowed = &login->login;
	const Greeting *g;
	int			pool = pooler_pool_find(login->pool_name, allowed->database);
	int			route = pool < 0 ? -1 :
		pooler_route_find(pool, allowed->role, login->user,
						  allowed->superuser);

	if (route < 0)
	{
		say_error(slot, "FATAL", pool < 0 ? "3D000" : "53300",
				  pool < 0 ? psprintf("pooler has no pool for database \"%s\"",
									  login->pool_name) :
				  "pooler has no room for another role", NULL,
				  pool < 0 ? "Add it, or \"*\", to pooler.pools." : NULL);
		return false;
	}
	c->pool = pool;
	c->route = route;
	c->mode = mode_of(login, pool);
	c->catalog_generation = pooler_shmem_catalog_generation(allowed->role,
															allowed->database);
	c->closes_backend = allowed->own_backend;
	c->database = allowed->database;
	if (login->application_name)
		strlcpy(c->application_name, login->application_name, NAMEDATALEN);
	pooler_routes[route].clients++;
	pooler_pools[pool].clients++;
	pooler_route_update_keep(route, false);
	log_authorized(login);
	g = c->mode == MODE_TRANSACTION && !c->closes_backend ?
		pooler_greetings_find(allowed->role, allowed->database,
							  c->catalog_generation, login->settings.data,
							  login->settings.len) : NULL;
	if (g == NULL && pooler_login_needs_own_backend(login))
	{
		c->closes_backend = true;
		c->mode = MODE_SESSION;
	}
	return (g ? greet(slot, g) : leave_to_backend(slot, login)) &&
		pooler_route_arm(slot, true);
}

/*
 * Takes a waiting client out of its route's epoll; whoever else is ready goes
 * back in the same order. False: a backend was faster.
 */
static bool
seize(int slot)
{
	uint64		ready[SEIZE_MAX];
	int			n = pooler_route_harvest(pooler_clients[slot].route, ready,
										 SEIZE_MAX);
	bool		seized = false;

	for (int i = 0; i < n; i++)
	{
		int			other = pooler_client_slot(ready[i]);

		if (!pooler_client_is(other, pooler_client_generation(ready[i])))
			continue;
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

	return recv(fd_of(slot), &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/*
 * Cancels what the client runs or waits for, at once or not at all: a wish that
 * outlived this call would hit the client's next statement.
 */
void
pooler_client_cancel(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	uint64		packed = pooler_client_pack(slot, generation_of(slot));
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
		pooler_client_answer(slot, "57014",
							 "canceling statement due to user request", NULL,
							 NULL);
	else if (c->state == CLIENT_ARMED && !pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

/* The client is answered (by the end of the file) when it has been done. */
static void
cancel_and_close(int slot)
{
	int32		pid = workers[slot].login->cancel_pid;
	int32		key = workers[slot].login->cancel_key;

	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state != CLIENT_FREE && c->state != CLIENT_LOGIN &&
			c->pid == pid && c->cancel_key == key)
		{
			pooler_client_cancel(i);
			break;
		}
	}
	pooler_client_close(slot);
}

static void
login_on(int slot)
{
	WorkerClient *w = &workers[slot];
	StringInfoData out;
	LoginResult result;
	bool		said;

	initStringInfo(&out);
	result = pooler_login_step(w->login, &out);
	said = say(slot, &out);
	pfree(out.data);
	switch (result)
	{
		case LOGIN_MORE:
			if (said)
				return;
			break;
		case LOGIN_CANCEL:
			cancel_and_close(slot);
			return;
		case LOGIN_OK:
			watch(slot, false);
			if (!said || !enter_route(slot, w->login))
				break;
			pooler_login_end(w->login);
			w->login = NULL;
			return;
		case LOGIN_FAILED:
			break;
	}
	pooler_client_close(slot);
}

/* Reads what a client that logs in has sent, as far as there is room. */
static void
read_login(int slot)
{
	WorkerClient *w = &workers[slot];
	uint64		id = pooler_clients[slot].id;

	while (pooler_clients[slot].state == CLIENT_LOGIN &&
		   pooler_clients[slot].id == id)
	{
		int			room = pooler_login_room(w->login);
		int			n;

		enlargeStringInfo(&w->login->in, room);
		n = recv(fd_of(slot), w->login->in.data + w->login->in.len, room,
				 MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
		{
			watch(slot, true);
			return;
		}
		if (n <= 0)
		{
			pooler_client_close(slot);
			return;
		}
		w->login->in.len += n;
		login_on(slot);
	}
}

void
pooler_client_greeted(int slot, const char *text, int len, uint32 record)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &workers[slot];

	if (w->startup == NULL)
	{
		pooler_records_unref(record);
		return;
	}
	pooler_greetings_add(pooler_routes[c->route].role,
						 pooler_pools[c->pool].database_oid,
						 c->catalog_generation, w->startup, w->startup_len,
						 text, len, record);
	pfree(w->startup);
	w->startup = NULL;
}

/* ---- waiting, and answering in the server's place ---- */

/* What a route without backends brings up: a client that wants one. */
void
pooler_client_harvested(int slot, uint32 generation)
{
	PoolerClient *c = &pooler_clients[slot];
	char		byte;
	int			n;

	if (!pooler_client_is(slot, generation))
		return;
	n = recv(fd_of(slot), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !c->greet)
	{
		if (!pooler_route_arm(slot, false))
			pooler_client_close(slot);
		return;
	}
	if (n == 0 || (n < 0 && !c->greet) || (n == 1 && byte == 'X'))
	{
		pooler_client_close(slot);
		return;
	}
	if (!pooler_client_waits(c))
	{
		c->waiting_taken = pg_atomic_read_u32(&c->taken);
		c->waiting_since = GetCurrentTimestamp();
	}
	pooler_route_hold(slot);
}

/* The batch has been answered: the client may speak again. */
static void
answered(int slot)
{
	StringInfoData out;
	bool		said;

	watch(slot, false);
	initStringInfo(&out);
	pooler_wire_put_ready(&out, 'I');
	said = say(slot, &out);
	pfree(out.data);
	pooler_clients[slot].waiting_since = 0;
	workers[slot].noticed = false;
	if (!said || !pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

/*
 * Reads up to the end of the client's batch, and not a byte further: what comes
 * behind it is the next query. Of a batch that is only half here the rest is
 * read as it comes.
 */
static void
answer_on(int slot)
{
	WorkerClient *w = &workers[slot];
	char		buffer[8192];

	for (;;)
	{
		int			used = 0;
		int			n = recv(fd_of(slot), buffer, sizeof(buffer),
							 MSG_PEEK | MSG_DONTWAIT);
		WireResult	result;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
		{
			watch(slot, true);
			return;
		}
		if (n <= 0)
			break;
		result = pooler_wire_batch(&w->batch, buffer, n, &used);
		(void) recv(fd_of(slot), buffer, used, MSG_DONTWAIT);
		if (result == WIRE_BAD)
			break;
		if (result == WIRE_OK)
		{
			answered(slot);
			return;
		}
	}
	pooler_client_close(slot);
}

void
pooler_client_answer(int slot, const char *sqlstate, const char *message,
					 const char *detail, const char *hint)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &workers[slot];

	if (c->state == CLIENT_HELD)
		pooler_route_unhold(slot);
	/* one that logs in has no session yet that could be kept */
	if (c->greet)
	{
		c->state = CLIENT_ANSWERING;
		pooler_client_end(slot, sqlstate, message, detail, hint);
		return;
	}
	c->state = CLIENT_ANSWERING;
	memset(&w->batch, 0, sizeof(w->batch));
	say_error(slot, "ERROR", sqlstate, message, detail, hint);
	answer_on(slot);
}

void
pooler_client_notice(int slot, const char *message)
{
	StringInfoData out;

	if (workers[slot].noticed || pooler_clients[slot].greet)
		return;
	workers[slot].noticed = true;
	initStringInfo(&out);
	pooler_wire_put_notice(&out, "NOTICE", "00000", message, NULL, NULL);
	(void) say(slot, &out);
	pfree(out.data);
}

bool
pooler_client_was_noticed(int slot)
{
	return workers[slot].noticed;
}

/* A new wait begins. */
void
pooler_client_forget_notice(int slot)
{
	workers[slot].noticed = false;
}

void
pooler_client_readable(int slot)
{
	switch (pooler_clients[slot].state)
	{
		case CLIENT_LOGIN:
			read_login(slot);
			break;
		case CLIENT_ANSWERING:
			answer_on(slot);
			break;
		case CLIENT_FREE:
		case CLIENT_ARMED:
		case CLIENT_HELD:
			break;
	}
}

/* ---- upkeep ---- */

void
pooler_client_upkeep(TimestampTz now, const bool *with_backend)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state == CLIENT_LOGIN &&
			TimestampDifferenceExceeds(c->connected_at, now,
									   AuthenticationTimeout * 1000))
		{
			ereport(LOG,
					(errmsg("pooler: client %s did not complete its login in time",
							c->remote_host)));
			pooler_client_close(i);
		}
		else if (c->state == CLIENT_ARMED && c->idle_session_timeout_ms > 0 &&
				 !with_backend[i] && !pooler_client_waits(c) &&
				 TimestampDifferenceExceeds(c->state_since, now,
											c->idle_session_timeout_ms))
			pooler_client_end(i, "57P05",
							  "terminating connection due to idle-session timeout",
							  NULL, NULL);
		else if (c->route != POOLER_NO_ROUTE &&
				 c->database != pooler_pools[c->pool].database_oid &&
				 pooler_client_activity(i) != ACTIVITY_SERVING)
			pooler_client_end(i, "57P01",
							  "terminating connection due to administrator command",
							  "Its database was dropped.", NULL);
		else if (c->route != POOLER_NO_ROUTE &&
				 pooler_pools[c->pool].state == POOL_DRAINING &&
				 pooler_client_activity(i) != ACTIVITY_SERVING)
			pooler_client_end(i, "57P01",
							  "terminating connection due to administrator command",
							  "Its pool was removed from pooler.pools.", NULL);
	}
}
