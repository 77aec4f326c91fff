/*
 * feed.c
 *	  Lets PostgresMain() read messages of ours before the client's own.
 *
 * They come from a socket pair that stands in for the client until the whole
 * reply is swallowed. That is how a client's unnamed statement is parsed anew
 * on a backend that has another one (unnamed.c).
 *
 * Parse waits for locks, under the client's own time-outs and cancel requests.
 * An error of it is the client's, if it wanted the statement or has cancelled
 * what it waits for: as on a direct connection its batch fails with that, and
 * the statement is still there. Anyone else goes on without it.
 *
 *	  FEED_NONE -> FEED_RUNNING	[feed]: nobody hears the backend
 *	  FEED_RUNNING -> FEED_DONE	[pooler_feed_swallows]: at its ReadyForQuery
 *	  FEED_RUNNING -> FEED_NONE	[pooler_feed_swallows]: an error for the client
 *	  FEED_DONE -> FEED_NONE	handoff.c, when it goes on with the client
 *
 * src/feed.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "backend.h"
#include "feed.h"
#include "first_use.h"
#include "inject.h"
#include "unnamed.h"
#include "waitset.h"

FeedState	pooler_feed_state = FEED_NONE;

static int	pair[2] = {-1, -1};

static char fed_type;			/* of the message that is not answered yet */

static void
feed(const char *message, int len)
{
	if (pair[0] < 0 &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				   pair) < 0)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not create a socket pair: %m")));
	if (send(pair[0], message, len, MSG_NOSIGNAL) != len)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not restore the unnamed statement: %m")));
	fed_type = message[0];
	POOLER_INJECT("switch-feed");
	MyProcPort->sock = pair[1];
	pooler_feed_state = FEED_RUNNING;
}

void
pooler_feed_unnamed(PoolerClient *client, bool replaces)
{
	int			len;
	char	   *message = pooler_unnamed_message(client, replaces, &len);

	feed(message, len);
	pfree(message);
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
AwaitResult
pooler_feed_if_needed(PoolerClient *client)
{
	char		head[POOLER_FIRST_USE_PEEK];
	int			n;
	FirstUse	use;

	n = recv(MyProcPort->sock, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return AWAIT_GIVE_UP;
	use = pooler_first_use(head, n);
	/* an error may be followed by bytes: then they must not be the first */
	if (n == 0 || use == USE_REPLACES_SURELY || (n > 0 && head[0] == 'X'))
		return pooler_await_first_byte();
	pooler_feed_unnamed(client, use == USE_REPLACES);
	return AWAIT_SPOKE;
}

/* ---- what PostgresMain() says to it ---- */

static bool
has_field(const char *body, size_t len, const char *field)
{
	return memmem(body, len, field, strlen(field + 1) + 2) != NULL;
}

/*
 * Shall the client have this error?  PostgresMain() then passes over its batch,
 * so it must be one that ends with a Sync. What has been cancelled, or took
 * longer than statement_timeout, is what the client waits for.
 */
static bool
is_for_client(uint64 client, const char *body, size_t len)
{
	char		head[POOLER_FIRST_USE_PEEK];
	int			n;

	if (fed_type != 'P')
		return false;
	n = recv(pooler_waitset_fd(pooler_client_slot(client)), head, sizeof(head),
			 MSG_PEEK | MSG_DONTWAIT);
	return pooler_first_ends_with_sync(head, n) &&
		(pooler_first_use(head, n) == USE_BINDS ||
		 has_field(body, len, "\0C57014"));
}

static void
end_feeding(uint64 client, FeedState state)
{
	pooler_feed_state = state;
	MyProcPort->sock = pooler_waitset_fd(pooler_client_slot(client));
	pooler_unnamed_fed(client);
}

/* The Sync: PostgresMain() is to wait for the client's own. */
static void
drop_unread(void)
{
	char		rest[64];

	pooler_await_forget_unread();
	while (recv(pair[1], rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}

/* An error's fields, which were made while its encoding was set aside. */
static void
convert_fields(const char **body, size_t *len)
{
	StringInfoData out;
	const char *end = *body + *len;

	initStringInfo(&out);
	for (const char *field = *body; field < end && *field != '\0';
		 field += strlen(field) + 1)
	{
		pq_sendbyte(&out, *field);
		pq_sendstring(&out, field + 1);
	}
	pq_sendbyte(&out, '\0');
	*body = out.data;
	*len = out.len;
}

/*
 * Nobody shall hear what PostgresMain() says to what it was fed, but for the
 * news of a setting, an error that is the client's, and a last word.
 */
bool
pooler_feed_swallows(uint64 client, char type, const char **body, size_t *len)
{
	if (type == '1')
	{
		pooler_self.member->counts.reparses++;
		fed_type = 'S';
	}
	if (type == 'Z')
		end_feeding(client, FEED_DONE);
	if (type != 'E')
		return type != 'S';
	if (!has_field(*body, *len, "\0VFATAL"))
	{
		if (!is_for_client(client, *body, *len))
			return true;
		drop_unread();
	}
	end_feeding(client, FEED_NONE);
	convert_fields(body, len);
	return false;
}
