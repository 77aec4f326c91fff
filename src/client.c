/*
 * client.c
 *	  A client as the worker sees it: its slot, and the end of it.
 *
 *	  FREE -> LOGIN			[admit.c]
 *	  LOGIN -> ARMED		[admit.c]: with its greeting, or to get it from a
 *							backend (`greet`)
 *	  ARMED -> HELD			[harvested]: its route has no backend yet
 *	  HELD -> ARMED			[route.c]: a backend was born
 *	  ARMED, HELD -> ANSWERING -> ARMED [answer.c]: the worker speaks in the
 *							server's place
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
#include "traffic.h"
#include "usage.h"
#include "wire.h"

/* Reads of 8 kB from a client that is closed with a last word. */
#define LAST_READS 16

/* After so long a client that is terminated is cut off. */
#define LAST_WORD_MS 5000

WorkerClient *pooler_worker_clients = NULL;
int			pooler_client_first_free = -1;

void
pooler_client_renew(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	uint32		generation = pg_atomic_add_fetch_u32(&c->generation, 1);

	pg_atomic_write_u64(&c->owner, pooler_client_pack(POOLER_WORKER_OWNS,
													 generation));
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
free_slot(int slot)
{
	pooler_client_renew(slot);
	free_texts(&pooler_clients[slot]);
	if (slot >= pooler_shared->clients_allowed)
		return;
	pooler_worker_clients[slot].next_free = pooler_client_first_free;
	pooler_client_first_free = slot;
}

/* The orphan whose client it is, + 1, or 0. */
static int
orphan_of(int slot)
{
	uint32		owner = (uint32) pg_atomic_read_u64(&pooler_clients[slot].owner);

	return owner != POOLER_NOBODY && owner <= (uint32) pooler_shared->max_members &&
		pooler_members[owner - 1].state == MEMBER_ORPHAN ? owner : 0;
}

/*
 * A backend of an earlier worker may still serve its client, and touches its
 * slot until it sees that it is alone: so long nobody else gets that slot.
 */
void
pooler_client_start(void)
{

	pooler_worker_clients = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(WorkerClient) *
									 pooler_shared->max_clients);
	pooler_client_first_free = -1;
	for (int i = pooler_shared->max_clients - 1; i >= 0; i--)
	{
		PoolerClient *c = &pooler_clients[i];
		int			orphan = orphan_of(i);

		c->state = CLIENT_FREE;
		c->route = POOLER_NO_ROUTE;
		pooler_worker_clients[i].orphan = orphan;
		if (orphan == 0)
			free_slot(i);
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pooler_pools[i].clients = 0;
}

void
pooler_client_watch(int slot, bool on)
{
	WorkerClient *w = &pooler_worker_clients[slot];

	if (w->watched == on)
		return;
	if (on)
		pooler_evloop_add(pooler_client_fd(slot), false, EVENT_CLIENT, slot,
						  pooler_client_generation_of(slot));
	else
		pooler_evloop_remove(pooler_client_fd(slot));
	w->watched = on;
}

void
pooler_client_watch_or_close(int slot)
{
	WorkerClient *w = &pooler_worker_clients[slot];

	if (!w->watched)
		w->watched = pooler_evloop_try_add(pooler_client_fd(slot),
										   EVENT_CLIENT, slot,
										   pooler_client_generation_of(slot));
	if (!w->watched)
		pooler_client_close(slot);
}

/* False: it does not read what it asked for; the caller closes. */
bool
pooler_client_say(int slot, const StringInfo out)
{
	if (out->len == 0)
		return true;
	return send(pooler_client_fd(slot), out->data, out->len,
				MSG_NOSIGNAL | MSG_DONTWAIT) == out->len;
}

bool
pooler_client_say_error(int slot, const char *severity, const char *sqlstate,
		  const char *message, const char *detail, const char *hint)
{
	StringInfoData out;
	bool		said;

	initStringInfo(&out);
	pooler_wire_put_error(&out, severity, sqlstate, message, detail, hint);
	said = pooler_client_say(slot, &out);
	pfree(out.data);
	return said;
}

void
pooler_client_remark(int slot, const StringInfo out)
{
	int			n = send(pooler_client_fd(slot), out->data, out->len,
						 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0 && n < out->len)
		(void) shutdown(pooler_client_fd(slot), SHUT_RDWR);
}

/* The news of a setting may come at any time, and this one is no news. */
void
pooler_client_probe(int slot)
{
	StringInfoData out;

	initStringInfo(&out);
	pooler_wire_put_parameter(&out, "server_version", PG_VERSION);
	pooler_client_remark(slot, &out);
	pfree(out.data);
	pooler_worker_clients[slot].probed = true;
}

/* ---- traffic ---- */

static void
count_bytes(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];
	uint64		received;
	uint64		sent;

	w->counted_at = c->transactions;
	if (c->raddr.addr.ss_family == AF_UNIX ||
		!pooler_traffic_read(pooler_client_fd(slot), &received, &sent))
		return;
	pooler_pools[c->pool].bytes_received += received - w->bytes_received;
	pooler_pools[c->pool].bytes_sent += sent - w->bytes_sent;
	w->bytes_received = received;
	w->bytes_sent = sent;
}

void
pooler_client_count_traffic(void)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if ((c->state == CLIENT_ARMED || c->state == CLIENT_HELD) &&
			c->transactions != pooler_worker_clients[i].counted_at)
			count_bytes(i);
	}
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
	count_bytes(slot);
	pooler_routes[route].clients--;
	pooler_pools[c->pool].clients--;
	pooler_worker_pools[c->pool].unused_since = 0;	/* anew, from the next look */
	pooler_route_update_keep(route, false);
	c->route = POOLER_NO_ROUTE;
}

void
pooler_client_orphan_gone(int member)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		if (pooler_worker_clients[i].orphan != member + 1)
			continue;
		pooler_worker_clients[i].orphan = 0;
		free_slot(i);
	}
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
	if (w->console)
		MemoryContextDelete(GetMemoryChunkContext(w->console));
	w->login = NULL;
	w->startup = NULL;
	w->reason = NULL;
	w->console = NULL;
	w->noticed = w->probed = false;
	w->hang = 0;
	w->bytes_received = w->bytes_sent = 0;
	w->counted_at = 0;
}

/* A last word, as far as it can be said. What the client has sent is thrown
 * away: closed with bytes unread the connection would be reset, and the client
 * might lose that word. */
static void
say_reason(int slot, const EndReason *r)
{
	char		buffer[8192];

	(void) pooler_client_say_error(slot, "FATAL", r->sqlstate, r->message,
								   r->detail[0] ? r->detail : NULL,
								   r->hint[0] ? r->hint : NULL);
	for (int n = 0; n < LAST_READS; n++)
	{
		if (recv(pooler_client_fd(slot), buffer, sizeof(buffer),
				 MSG_DONTWAIT) <= 0)
			break;
	}
}

/* As log_disconnections() does for a direct connection; its pid would be the
 * worker's, so the port is what tells it from others. */
static void
log_end(const PoolerClient *c)
{
	long		s;
	int			us;

	if (c->route == POOLER_NO_ROUTE ||
		strcmp(GetConfigOption("log_disconnections", false, false), "on") != 0)
		return;
	TimestampDifference(c->connected_at, GetCurrentTimestamp(), &s, &us);
	ereport(LOG,
			(errmsg("disconnection: session time: %ld:%02ld:%02ld.%03d user=%s database=%s host=%s%s%s",
					s / SECS_PER_HOUR, s / SECS_PER_MINUTE % MINS_PER_HOUR,
					s % SECS_PER_MINUTE, us / 1000,
					pooler_routes[c->route].role_name,
					pooler_pools[c->pool].database, c->remote_host,
					c->remote_port[0] ? " port=" : "", c->remote_port)));
}

void
pooler_client_close(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];

	if (c->state == CLIENT_FREE)
		return;
	if (w->reason && w->reason->sqlstate[0])
		say_reason(slot, w->reason);
	pooler_client_watch(slot, false);
	pooler_usage_leave(slot);
	log_end(c);
	leave_route(slot);
	/* backends may hold this file too: the connection ends all the same */
	(void) shutdown(pooler_client_fd(slot), SHUT_RDWR);
	close(pooler_client_fd(slot));
	free_private(w);
	c->waiting_since = 0;
	c->state = CLIENT_FREE;
	free_slot(slot);
}

bool
pooler_client_is(uint32 slot, uint32 generation)
{
	PoolerClientState state = pooler_clients[slot].state;

	return pooler_client_generation_of(slot) == generation &&
		(state == CLIENT_ARMED || state == CLIENT_HELD);
}

static void
set_reason(int slot, const char *sqlstate, const char *message,
		   const char *detail, const char *hint)
{
	EndReason  *r = MemoryContextAllocZero(TopMemoryContext, sizeof(EndReason));

	r->since = GetCurrentTimestamp();
	strlcpy(r->sqlstate, sqlstate, sizeof(r->sqlstate));
	strlcpy(r->message, message, POOLER_MAX_MESSAGE);
	if (detail)
		strlcpy(r->detail, detail, POOLER_MAX_MESSAGE);
	if (hint)
		strlcpy(r->hint, hint, POOLER_MAX_MESSAGE);
	pooler_worker_clients[slot].reason = r;
}

/* Why the pool cannot keep this client; NULL: it can. */
static const char *
pool_is_lost(int slot)
{
	PoolerClient *c = &pooler_clients[slot];

	if (c->route == POOLER_NO_ROUTE)
		return NULL;
	if (c->database != pooler_pools[c->pool].database_oid)
		return "Its database was dropped.";
	if (pooler_pools[c->pool].state == POOL_DRAINING)
		return "Its pool was removed from pooler.pools.";
	return NULL;
}

/* Its database was made anew under the same name, maybe since the last look. */
void
pooler_client_misplaced(int slot)
{
	if (!pooler_client_is_ending(slot))
	{
		const char *why;

		pooler_pool_find_database(pooler_clients[slot].pool);
		why = pool_is_lost(slot);
		if (why)
			set_reason(slot, "57P01", WIRE_ADMIN_SHUTDOWN, why, NULL);
	}
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
	int			n = recv(pooler_client_fd(slot), &c, 1, MSG_PEEK | MSG_DONTWAIT);
	bool		nothing = n < 0 && (errno == EAGAIN || errno == EINTR);

	pooler_clients[slot].has_last_words = n == 1;
	if (pooler_client_is_ending(slot) || (!nothing && (n != 1 || c == 'X')))
		pooler_client_close(slot);
	else if (!pooler_route_arm(slot, false))
		pooler_client_close(slot);
}

void
pooler_client_end(int slot, const char *sqlstate, const char *message,
				  const char *detail, const char *hint)
{
	if (pooler_clients[slot].state == CLIENT_FREE || pooler_worker_clients[slot].reason)
		return;
	set_reason(slot, sqlstate, message, detail, hint);
	if (pooler_clients[slot].state == CLIENT_ARMED)
		(void) shutdown(pooler_client_fd(slot), SHUT_RD);
	else
		pooler_client_close(slot);
}

void
pooler_client_dismiss(int slot, const char *why)
{
	pooler_client_end(slot, "57P01", WIRE_ADMIN_SHUTDOWN, why, NULL);
}

bool
pooler_client_is_ending(int slot)
{
	return pooler_worker_clients[slot].reason != NULL;
}

/* It does not read what it asked for, and others wait: no last word either. */
void
pooler_client_cut(int slot)
{
	ereport(LOG,
			(errmsg("pooler: client %s does not read its results while others wait, connection closed",
					pooler_clients[slot].remote_host)));
	(void) shutdown(pooler_client_fd(slot), SHUT_RDWR);
}

/* What the backend that owns it does with it; ACTIVITY_NONE: none owns it. */
PoolerActivity
pooler_client_activity(int slot)
{
	uint64		packed = pooler_client_pack(slot, pooler_client_generation_of(slot));

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
		(void) pooler_client_say_error(slot, "FATAL", "57P01",
									   WIRE_ADMIN_SHUTDOWN, NULL, NULL);
	(void) shutdown(pooler_client_fd(slot), SHUT_RDWR);
}

/* ---- waiting ---- */

/* What a route without backends brings up: a client that wants one. */
void
pooler_client_harvested(int slot, uint32 generation)
{
	PoolerClient *c = &pooler_clients[slot];
	char		byte;
	int			n;

	if (!pooler_client_is(slot, generation))
		return;
	/* what it asked before it was ended, or since, is not waited for */
	if (pooler_client_is_ending(slot))
	{
		pooler_client_close(slot);
		return;
	}
	n = recv(pooler_client_fd(slot), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
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

/* ---- upkeep ---- */

/*
 * One that is being terminated and is still served: its next statement may have
 * begun when the first one was cancelled. If it does not read its results
 * either, nobody waits for it.
 */
static void
press(int slot, TimestampTz now)
{
	EndReason  *r = pooler_worker_clients[slot].reason;

	if (pg_atomic_read_u32(&pooler_clients[slot].terminated) == 0 ||
		r == NULL)
		return;
	(void) pooler_cancel_running(pooler_client_pack(slot,
													pooler_client_generation_of(slot)));
	if (TimestampDifferenceExceeds(r->since, now, LAST_WORD_MS))
		(void) shutdown(pooler_client_fd(slot), SHUT_RDWR);
}

void
pooler_client_find_owned(void)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
		pooler_worker_clients[i].with_backend = false;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		uint64		packed = pg_atomic_read_u64(&pooler_members[i].client);

		if (packed != POOLER_NO_CLIENT &&
			pooler_client_slot(packed) < pooler_shared->max_clients)
			pooler_worker_clients[pooler_client_slot(packed)].with_backend = true;
	}
}

static int
idle_timeout_of(const PoolerClient *c)
{
	return c->idle_session_timeout_ms < 0 ? IdleSessionTimeout :
		c->idle_session_timeout_ms;
}

/* Those of a client that a backend serves are the backend's. */
void
pooler_client_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];
		WorkerClient *w = &pooler_worker_clients[i];

		if (c->state == CLIENT_LOGIN)
			pooler_since_follow(&c->connected_at, step);
		if (w->reason != NULL)
			pooler_since_follow(&w->reason->since, step);
		if (!w->with_backend)
		{
			pooler_since_follow(&c->waiting_since, step);
			pooler_since_follow(&c->state_since, step);
			pooler_since_follow(&c->request_at, step);
		}
	}
}

void
pooler_client_upkeep(TimestampTz now)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		pooler_usage_look(i);
		press(i, now);
		if (c->state == CLIENT_LOGIN &&
			TimestampDifferenceExceeds(c->connected_at, now,
									   AuthenticationTimeout * 1000))
		{
			ereport(LOG,
					(errmsg("pooler: client %s did not complete its login in time",
							c->remote_host)));
			pooler_client_close(i);
		}
		else if (c->state == CLIENT_ARMED && idle_timeout_of(c) > 0 &&
				 !pooler_worker_clients[i].with_backend && !pooler_client_waits(c) &&
				 TimestampDifferenceExceeds(c->state_since, now,
											idle_timeout_of(c)))
			pooler_client_end(i, "57P05",
							  "terminating connection due to idle-session timeout",
							  NULL, NULL);
		else
		{
			const char *why = pool_is_lost(i);

			if (why && pooler_client_activity(i) != ACTIVITY_SERVING)
				pooler_client_dismiss(i, why);
		}
	}
}
