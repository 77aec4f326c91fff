/*
 * feed.c
 *	  Lets PostgresMain() read messages of ours before the client's own.
 *
 * They come from a socket pair that stands in for the client until the whole
 * reply is swallowed. That is how a client's unnamed statement is parsed anew
 * on a backend that has another one (unnamed.c).
 *
 *	  FEED_NONE -> FEED_RUNNING	[pooler_feed_unnamed]: nobody hears the backend
 *	  FEED_RUNNING -> FEED_DONE	[pooler_feed_put]: at its ReadyForQuery
 *	  FEED_DONE -> FEED_NONE	handoff.c, when it goes on with the client
 *
 * src/feed.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"

#include "backend.h"
#include "feed.h"
#include "inject.h"
#include "unnamed.h"
#include "waitset.h"

FeedState	pooler_feed_state = FEED_NONE;

static int	pair[2] = {-1, -1};

void
pooler_feed_unnamed(PoolerClient *client)
{
	int			len;
	char	   *message = pooler_unnamed_message(client, &len);

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
	pfree(message);
	POOLER_INJECT("switch-feed");
	MyProcPort->sock = pair[1];
	pooler_feed_state = FEED_RUNNING;
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
	char		head[POOLER_UNNAMED_PEEK];
	int			n;

	n = recv(MyProcPort->sock, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return AWAIT_GIVE_UP;
	/* an error may be followed by bytes: then they must not be the first */
	if (n == 0 ||
		(n > 0 && (head[0] == 'X' || pooler_unnamed_harmless(head, n))))
		return pooler_await_first_byte();
	pooler_feed_unnamed(client);
	return AWAIT_SPOKE;
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
int
pooler_feed_put(uint64 client, char type, const char *body, size_t len,
				const PQcommMethods *methods)
{
	bool		last_word = type == 'E' && is_fatal(body, len);

	if (type == 'Z' || last_word)
	{
		pooler_feed_state = type == 'Z' ? FEED_DONE : FEED_NONE;
		MyProcPort->sock = pooler_waitset_fd(pooler_client_slot(client));
	}
	if (type == 'Z')
		pooler_unnamed_fed(client);
	if (type == '1')
		pooler_self.member->counts.reparses++;
	if (type == 'S' || last_word)
		return methods->putmessage(type, body, len);
	return 0;
}
