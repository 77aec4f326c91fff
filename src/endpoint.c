/*
 * endpoint.c
 *	  Serves metrics and probes by HTTP: /metrics, /ready, /live.
 *
 * It lives in the worker's loop, and so /live answers as long as that turns.
 * A connection is for one request:
 *
 *	  FREE -> READING		[let_in]
 *	  READING -> WRITING	[answer]: also if the request was refused
 *	  WRITING -> DRAINING	[write_on]: all has been sent, our side is closed
 *	  any -> FREE			[drop]
 *
 * In DRAINING what the peer still sends is thrown away until it hangs up: a
 * socket that is closed with unread bytes resets the connection, and the peer
 * could lose the answer.
 *
 * Nobody is trusted. There are few places; who comes when all are taken gets
 * that of the oldest, so that silent connections keep nobody out. A request has
 * a length, a connection a time. Each has a memory context of its own, which
 * goes with it. These connections are no clients of the pooler: they have no
 * slot, and their files are counted apart (worker.c).
 *
 * src/endpoint.c
 */
#include "postgres.h"

#include <sys/socket.h>
#include <unistd.h>

#include "access/xlog.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "endpoint.h"
#include "evloop.h"
#include "exposition.h"
#include "guc.h"
#include "http.h"
#include "net.h"
#include "openmetrics.h"
#include "pool.h"
#include "shmem.h"
#include "since.h"

#define MAX_CONNECTIONS	32
#define ACCEPT_MAX		4		/* in one turn; metrics take some time */
#define TIME_MS			10000	/* for a request and its answer */
#define DRAIN_MS		1000

typedef enum ConnectionState
{
	CONNECTION_FREE,
	CONNECTION_READING,
	CONNECTION_WRITING,
	CONNECTION_DRAINING
} ConnectionState;

typedef struct Connection
{
	ConnectionState state;
	int			fd;
	TimestampTz since;			/* in READING and WRITING: connected */
	MemoryContext context;
	StringInfo	in;
	StringInfo	out;
	int			sent;			/* of `out` */
	uint32		stamp;			/* of those that had this place */
} Connection;

static Connection connections[MAX_CONNECTIONS];
static int	listeners[NET_MAX_LISTEN];
static int	nlisteners = 0;
static bool resting = false;	/* nobody is let in until the next look */
static bool shutting_down = false;

static void
watch_listeners(bool on)
{
	/* what fails is tried again at the next slow tick */
	resting = !pooler_evloop_listen(listeners, nlisteners, EVENT_METRICS_LISTEN, on) || !on;
}

void
pooler_endpoint_start(void)
{
	if (pooler_guc_metrics_port == 0)
		return;
	nlisteners = pooler_net_listen_addresses("pooler.metrics_addresses",
											 pooler_guc_metrics_addresses,
											 pooler_guc_metrics_port,
											 listeners);
	watch_listeners(true);
	if (nlisteners > 0)
		ereport(LOG,
				(errmsg("pooler serves metrics on port %d",
						pooler_guc_metrics_port)));
}

int
pooler_endpoint_files(void)
{
	return pooler_guc_metrics_port == 0 ? 0 :
		NET_MAX_LISTEN + MAX_CONNECTIONS;
}

void
pooler_endpoint_note_shutdown(void)
{
	shutting_down = true;
}

/* ---- what is said ---- */

/* NULL: clients are served. */
static const char *
not_ready(void)
{
	int			pools[POOL_DRAINING + 1] = {0};
	int			made = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		pools[pooler_pools[i].state]++;
		made += pooler_pools[i].state != POOL_FREE &&
			pooler_pools[i].state != POOL_DRAINING && !pooler_pools[i].listed;
	}
	if (shutting_down)
		return "the server shuts down";
	if (!pooler_shared->serving)
		return "starting";
	if (pooler_shared->hba_missing[0] != '\0')
		return "pg_hba.conf lets no backend in, see pooler.hba_lines()";
	if (pools[POOL_OPEN] > 0)
		return NULL;
	/* '*' has not been asked for any, or not for one that there is */
	if (pooler_pool_has_wildcard() &&
		pools[POOL_STARTING] + pools[POOL_UNAVAILABLE] == made)
		return NULL;
	if (pools[POOL_STARTING] > 0)
		return "starting";
	if (pools[POOL_UNAVAILABLE] > 0)
		return "no pool is available, see pooler.pools";
	return pools[POOL_DRAINING] > 0 ? "draining" : "there is no pool";
}

/* The whole answer, with or without its body. */
static void
put_answer(Connection *c, int status, const char *type, const char *body,
		   int len, bool head)
{
	pooler_http_put_head(c->out, status, type, len);
	if (!head)
		appendBinaryStringInfo(c->out, body, len);
}

static void
put_line(Connection *c, int status, const char *line, bool head)
{
	const char *body = psprintf("%s\n", line);

	put_answer(c, status, "text/plain; charset=utf-8", body, strlen(body),
			   head);
}

static void
put_metrics(Connection *c, const HttpRequest *request)
{
	StringInfoData body;		/* the turn's memory */

	initStringInfo(&body);
	pooler_openmetrics_put(&body, request->openmetrics, not_ready() == NULL);
	put_answer(c, 200, pooler_exposition_content_type(request->openmetrics),
			   body.data, body.len, request->head);
}

static void
put_ready(Connection *c, const HttpRequest *request)
{
	const char *reason = not_ready();

	if (reason != NULL)
		put_line(c, 503, reason, request->head);
	else
		put_line(c, 200, RecoveryInProgress() ? "standby" : "primary",
				 request->head);
}

static void
put_page(Connection *c, const HttpRequest *request)
{
	if (pooler_http_is_path(request, "/metrics"))
		put_metrics(c, request);
	else if (pooler_http_is_path(request, "/ready"))
		put_ready(c, request);
	else if (pooler_http_is_path(request, "/live"))
		put_line(c, 200, "live", request->head);
	else
		put_line(c, 404, "/metrics, /ready or /live", request->head);
}

/* ---- connections ---- */

static void
drop(Connection *c)
{
	if (c->state == CONNECTION_FREE)
		return;
	c->state = CONNECTION_FREE;
	c->stamp++;
	pooler_evloop_remove(c->fd);
	close(c->fd);
	if (c->context != NULL)
		MemoryContextDelete(c->context);
	c->context = NULL;
	c->in = c->out = NULL;
}

static void
watch(Connection *c, bool write)
{
	pooler_evloop_change(c->fd, write, EVENT_METRICS, c - connections,
						 c->stamp);
}

static void
write_on(Connection *c)
{
	ssize_t		n = send(c->fd, c->out->data + c->sent,
						 c->out->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
	{
		drop(c);
		return;
	}
	c->sent += Max(n, 0);
	if (c->sent < c->out->len)
	{
		watch(c, true);
		return;
	}
	c->state = CONNECTION_DRAINING;
	c->since = GetCurrentTimestamp();
	(void) shutdown(c->fd, SHUT_WR);
	watch(c, false);
}

/* READING -> WRITING; `request` or, where it is NULL, a refusal. */
static void
answer(Connection *c, const HttpRequest *request, int status)
{
	c->state = CONNECTION_WRITING;
	if (request != NULL)
		put_page(c, request);
	else
		put_line(c, status, pooler_http_reason(status), false);
	write_on(c);
}

static void
read_on(Connection *c)
{
	HttpRequest request;
	ssize_t		n = recv(c->fd, c->in->data + c->in->len,
						 HTTP_MAX_REQUEST - c->in->len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
	{
		drop(c);
		return;
	}
	c->in->len += n;
	switch (pooler_http_read(c->in->data, c->in->len, &request))
	{
		case HTTP_MORE:
			break;
		case HTTP_OK:
			answer(c, &request, 0);
			break;
		case HTTP_BAD:
			answer(c, NULL, request.status);
			break;
	}
}

static void
drain(Connection *c)
{
	char		rest[4096];
	ssize_t		n = recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop(c);
}

void
pooler_endpoint_event(int index, uint32 stamp)
{
	Connection *c = &connections[index];

	if (c->stamp != stamp)
		return;
	switch (c->state)
	{
		case CONNECTION_FREE:
			break;
		case CONNECTION_READING:
			read_on(c);
			break;
		case CONNECTION_WRITING:
			write_on(c);
			break;
		case CONNECTION_DRAINING:
			drain(c);
			break;
	}
}

void
pooler_endpoint_failed(int index, uint32 stamp)
{
	if (connections[index].stamp == stamp)
		drop(&connections[index]);
}

/* A free place, or that of the oldest. */
static Connection *
take_place(void)
{
	Connection *oldest = &connections[0];

	for (int i = 0; i < MAX_CONNECTIONS; i++)
	{
		Connection *c = &connections[i];

		if (c->state == CONNECTION_FREE)
			return c;
		if (c->since < oldest->since)
			oldest = c;
	}
	drop(oldest);
	return oldest;
}

static void
let_in(int fd)
{
	Connection *c = take_place();
	MemoryContext old;

	c->state = CONNECTION_READING;
	c->fd = fd;
	c->since = GetCurrentTimestamp();
	c->sent = 0;
	c->context = AllocSetContextCreate(TopMemoryContext, "pooler endpoint",
									   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(c->context);
	c->in = makeStringInfo();
	enlargeStringInfo(c->in, HTTP_MAX_REQUEST);
	c->out = makeStringInfo();
	MemoryContextSwitchTo(old);
	pooler_evloop_add(fd, false, EVENT_METRICS, c - connections, c->stamp);
}

void
pooler_endpoint_accept(int index)
{
	for (int i = 0; i < ACCEPT_MAX; i++)
	{
		SockAddr	raddr;
		SockAddr	laddr;
		int			fd = resting ? NET_NOBODY :
			pooler_net_accept(listeners[index], &raddr, &laddr);

		if (fd == NET_NO_ROOM)
			watch_listeners(false);
		if (fd < 0)
			return;
		let_in(fd);
	}
}

/* See endpoint.h. Who has not asked in time hears so. */
void
pooler_endpoint_upkeep(TimestampTz now)
{
	if (resting)
		watch_listeners(true);
	for (int i = 0; i < MAX_CONNECTIONS; i++)
	{
		Connection *c = &connections[i];
		int			ms = c->state == CONNECTION_DRAINING ? DRAIN_MS : TIME_MS;

		if (c->state == CONNECTION_FREE ||
			!pooler_since_exceeds(c->since, now, ms))
			continue;
		if (c->state == CONNECTION_READING && c->out != NULL)
			answer(c, NULL, 408);
		else
			drop(c);
	}
}

void
pooler_endpoint_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < MAX_CONNECTIONS; i++)
		pooler_since_follow(&connections[i].since, step);
}
