/*
 * console.c
 *	  A client of the console: its login, its socket and its end.
 *
 *	  LOGIN -> CONSOLE		[enter]: authenticated, and allowed to read
 *	  CONSOLE -> FREE		client.c, as any client
 *
 * The worker itself answers, from shared memory: it works while every pool is
 * exhausted.
 *
 *	  read -> answer -> send -> read	[turn]
 *
 * One that asks much gets its answers in many turns of the loop, a few
 * statements in each, also if it has ended sending; one that does not read them
 * is not read either, and is cut after pooler.client_read_timeout, as is one that
 * leaves a message half sent. What is kept of it is bounded: a message
 * (MAX_MESSAGE), an answer, and the rows of a portal that it reads in pieces.
 *
 * What its messages ask is console_session.c's business.
 *
 * src/console.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "client.h"
#include "compat.h"
#include "console.h"
#include "console_session.h"
#include "console_show.h"
#include "evloop.h"
#include "guc.h"
#include "since.h"
#include "stats.h"
#include "wire.h"

#define MAX_MESSAGE		16384
#define MESSAGES_A_TURN	8

struct Console
{
	MemoryContext cxt;
	StringInfoData in;
	StringInfoData out;
	int			sent;			/* of out */
	bool		writing;		/* watched for being writable */
	bool		ended;			/* it sends no more */
	TimestampTz moved_at;		/* a message was completed, or bytes sent */
	ConsoleSession session;
};

static int	consoles = 0;		/* as of the last upkeep, or more */

/* ---- the socket ---- */

/* The memory of a long answer is given back. */
static void
forget_sent(Console *con)
{
	if (con->out.maxlen > CONSOLE_MUCH)
	{
		MemoryContext old = MemoryContextSwitchTo(con->cxt);

		pfree(con->out.data);
		initStringInfo(&con->out);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&con->out);
	con->sent = 0;
}

/* False: the connection is over. */
static bool
send_out(int slot, Console *con)
{
	while (con->sent < con->out.len)
	{
		int			n = send(pooler_client_fd(slot), con->out.data + con->sent,
							 con->out.len - con->sent,
							 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		con->sent += n;
		con->moved_at = GetCurrentTimestamp();
		pooler_stats_of_console.n[STAT_SENT] += n;
	}
	forget_sent(con);
	return true;
}

/* False: the connection is over. */
static bool
receive(int slot, Console *con)
{
	int			room = MAX_MESSAGE - con->in.len;
	int			n;

	if (room <= 0 || con->ended)
		return true;
	enlargeStringInfo(&con->in, room);
	n = recv(pooler_client_fd(slot), con->in.data + con->in.len, room,
			 MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	con->ended = n == 0;
	if (n > 0 && con->in.len == 0)
		con->moved_at = GetCurrentTimestamp();
	con->in.len += n;
	pooler_stats_of_console.n[STAT_RECEIVED] += n;
	return true;
}

static void
consume(Console *con, int len)
{
	con->in.len -= len;
	memmove(con->in.data, con->in.data + len, con->in.len);
}

/* WIRE_OK: a message was taken. WIRE_BAD: no further one can be. */
static WireResult
take_next(int slot, Console *con)
{
	char		type;
	int64		whole;
	WireResult	result = pooler_wire_message(con->in.data, con->in.len, &type,
											 &whole);
	bool		ok;

	if (result == WIRE_BAD || whole > MAX_MESSAGE || type == 'X')
		return WIRE_BAD;
	if (result == WIRE_MORE)
		return WIRE_MORE;
	ok = pooler_console_session_take(&con->session, type, con->in.data + 5,
									 whole - 5);
	consume(con, whole);
	con->moved_at = pooler_clients[slot].state_since = GetCurrentTimestamp();
	return ok ? WIRE_OK : WIRE_BAD;
}

/* Answers what is there. False: it cannot go on. */
static bool
answer_some(int slot, Console *con, bool *more)
{
	*more = false;
	for (int i = 0; i < MESSAGES_A_TURN; i++)
	{
		if (con->out.len - con->sent > CONSOLE_MUCH)
			break;
		switch (take_next(slot, con))
		{
			case WIRE_OK:
				break;
			case WIRE_MORE:
				return true;
			case WIRE_BAD:
				return false;
		}
	}
	*more = con->in.len > 0;
	return true;
}

/* Waits for it to be writable where something is left to do. */
static void
watch(int slot, Console *con, bool write)
{
	pooler_client_watch(slot, true);
	if (con->writing == write)
		return;
	con->writing = write;
	pooler_evloop_change(pooler_client_fd(slot), write, EVENT_CLIENT, slot,
						 pooler_client_generation_of(slot));
}

/* What it did wrong; nothing where it has just left. */
static void
say_goodbye(Console *con)
{
	if (con->in.len > 0 && con->in.data[0] == 'X')
		return;
	pooler_wire_put_error(&con->out, "FATAL", "08P01",
						  "invalid message to the console", NULL, NULL);
}

/* False: close it. */
static bool
turn(int slot, Console *con)
{
	bool		more;

	if (!send_out(slot, con))
		return false;
	if (con->out.len > 0)
	{
		watch(slot, con, true);
		return true;
	}
	if (!receive(slot, con))
		return false;
	if (!answer_some(slot, con, &more))
	{
		say_goodbye(con);
		(void) send_out(slot, con);
		return false;
	}
	if (!send_out(slot, con))
		return false;
	if (con->ended && !more && con->out.len == 0)
		return false;
	watch(slot, con, more || con->out.len > 0);
	return true;
}

void
pooler_console_ready(int slot)
{
	if (!turn(slot, pooler_worker_clients[slot].console))
		pooler_client_close(slot);
}

/* ---- its beginning and end ---- */

static Console *
make_console(void)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext,
											  "pooler console",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Console    *con = palloc0(sizeof(Console));

	con->cxt = cxt;
	initStringInfo(&con->in);
	initStringInfo(&con->out);
	con->session.context = cxt;
	con->session.out = &con->out;
	con->moved_at = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	return con;
}

static void
put_greeting(StringInfo out, const PoolerClient *c)
{
	pooler_wire_put_parameter(out, "server_version", PG_VERSION);
	pooler_wire_put_parameter(out, "client_encoding", "UTF8");
	pooler_wire_put_parameter(out, "server_encoding", "UTF8");
	pooler_wire_put_parameter(out, "DateStyle", "ISO");
	pooler_wire_put_parameter(out, "IntervalStyle", "postgres");
	pooler_wire_put_parameter(out, "TimeZone", "UTC");
	pooler_wire_put_parameter(out, "standard_conforming_strings", "on");
	pooler_wire_put_parameter(out, "integer_datetimes", "on");
	pooler_wire_put_parameter(out, "application_name", c->application_name);
	pooler_wire_put_parameter(out, "is_superuser", "off");
	pooler_wire_put_key(out, c->pid, c->cancel_key);
	pooler_wire_put_ready(out, 'I');
}

static int
count_consoles(void)
{
	int			n = 0;

	for (int i = 0; i < pooler_shared->max_clients; i++)
		n += pooler_clients[i].state == CLIENT_CONSOLE;
	return n;
}

bool
pooler_console_enter(int slot, const LoginState *login, StringInfo out)
{
	PoolerClient *c = &pooler_clients[slot];
	WorkerClient *w = &pooler_worker_clients[slot];

	consoles = count_consoles();
	if (consoles >= POOLER_MAX_CONSOLES)
	{
		(void) pooler_client_say(slot, out);
		(void) pooler_client_say_error(slot, "FATAL", "53300",
									   "too many connections to the console",
									   psprintf("There may be %d at once.",
												POOLER_MAX_CONSOLES), NULL);
		return false;
	}
	consoles++;
	c->console_role = login->login.role;
	c->state_since = GetCurrentTimestamp();
	if (login->application_name)
		strlcpy(c->application_name, login->application_name, NAMEDATALEN);
	strlcpy(w->role, login->user, NAMEDATALEN);
	w->console = make_console();
	c->state = CLIENT_CONSOLE;
	put_greeting(out, c);
	if (!pooler_client_say(slot, out))
		return false;
	watch(slot, w->console, false);
	return true;
}

/* Why this one shall end; NULL: it may stay. */
static const char *
overdue(int slot, TimestampTz now, const char **sqlstate)
{
	Console    *con = pooler_worker_clients[slot].console;

	*sqlstate = "08P01";
	if (con->out.len > 0 || con->in.len > 0)
		return pooler_guc_client_read_timeout > 0 &&
			pooler_since_exceeds(con->moved_at, now,
								 pooler_guc_client_read_timeout) ?
			"terminating connection: a message was begun and not completed, or an answer not read, within pooler.client_read_timeout" : NULL;
	*sqlstate = "57P05";
	return IdleSessionTimeout > 0 &&
		pooler_since_exceeds(pooler_clients[slot].state_since, now,
							 IdleSessionTimeout) ?
		"terminating connection due to idle-session timeout" : NULL;
}

void
pooler_console_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		Console    *con = pooler_worker_clients[i].console;

		if (con != NULL)
			pooler_since_follow(&con->moved_at, step);
	}
}

void
pooler_console_upkeep(TimestampTz now)
{
	if (consoles == 0)
		return;
	consoles = count_consoles();
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		const char *sqlstate;
		const char *why;

		if (pooler_clients[i].state != CLIENT_CONSOLE)
			continue;
		why = overdue(i, now, &sqlstate);
		if (why == NULL)
			continue;
		/* a last word in the middle of an answer would not be one */
		if (pooler_worker_clients[i].console->sent > 0)
			pooler_client_close(i);
		else
			pooler_client_end(i, sqlstate, why, NULL, NULL);
	}
}
