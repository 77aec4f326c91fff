/*
 * console.c
 *	  A client of the console: what it asks and what it is answered.
 *
 *	  LOGIN -> CONSOLE		[enter]: authenticated, and allowed to read
 *	  CONSOLE -> FREE		client.c, as any client
 *
 * The worker itself answers, from shared memory: it works while every pool is
 * exhausted. Simple and extended protocol. A prepared statement is no more than
 * which SHOW it is, so nothing of a client's text is kept.
 *
 *	  read -> answer -> send -> read	[turn]
 *
 * One that asks much gets its answers in many turns of the loop, a few
 * statements in each; one that does not read them is not read either, and is cut
 * after pooler.client_read_timeout, as is one that leaves a message half sent.
 * What is kept of it is bounded: a message (MAX_MESSAGE), the statements and
 * portals (MAX_NAMED), and an answer.
 *
 * Which SHOWs there are is console_query.c's, what they show console_show.c's
 * business.
 *
 * src/console.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "port/pg_bswap.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "client.h"
#include "compat.h"
#include "console.h"
#include "console_query.h"
#include "console_rows.h"
#include "console_show.h"
#include "evloop.h"
#include "guc.h"
#include "since.h"
#include "stats.h"
#include "wire.h"

#define MAX_MESSAGE		16384
#define MAX_NAMED		32		/* statements, and portals, of one console */
#define MAX_FORMATS		32		/* result formats in a Bind: most columns */
#define MESSAGES_A_TURN	8
#define MUCH_UNSENT		65536	/* no more answers before this is sent */

typedef struct Named
{
	bool		used;
	char		name[NAMEDATALEN];
	ConsoleStatement statement;
	int16		formats[MAX_FORMATS];	/* portals */
	int			nformats;
} Named;

struct Console
{
	MemoryContext cxt;
	StringInfoData in;
	StringInfoData out;
	int			sent;			/* of out */
	bool		writing;		/* watched for being writable */
	bool		in_transaction;
	bool		skips;			/* an error: everything up to Sync */
	TimestampTz moved_at;		/* a message was completed, or bytes sent */
	Named		statements[MAX_NAMED];
	Named		portals[MAX_NAMED];
};

/* A message's body as it is read; bad: it has ended too early. */
typedef struct Body
{
	const char *at;
	const char *end;
	bool		bad;
} Body;

static int	consoles = 0;		/* as of the last upkeep, or more */

/* ---- reading a message ---- */

static const char *
get_string(Body *body)
{
	const char *s = body->at;
	const char *nul = s < body->end ? memchr(s, '\0', body->end - s) : NULL;

	if (nul == NULL)
	{
		body->bad = true;
		return "";
	}
	body->at = nul + 1;
	return s;
}

static int
get_int16(Body *body)
{
	uint16		n;

	if (body->end - body->at < (int) sizeof(n))
	{
		body->bad = true;
		return 0;
	}
	memcpy(&n, body->at, sizeof(n));
	body->at += sizeof(n);
	return (int16) pg_ntoh16(n);
}

static char
get_byte(Body *body)
{
	if (body->at < body->end)
		return *body->at++;
	body->bad = true;
	return '\0';
}

/* ---- answers ---- */

static void
put_error(Console *con, const char *sqlstate, const char *message,
		  const char *detail, const char *hint)
{
	pooler_wire_put_error(&con->out, "ERROR", sqlstate, message, detail, hint);
}

static void
put_ready(Console *con)
{
	con->skips = false;
	pooler_wire_put_ready(&con->out, con->in_transaction ? 'T' : 'I');
}

/* An error in the extended protocol. */
static void
fail(Console *con, const char *sqlstate, const char *message,
	 const char *hint)
{
	put_error(con, sqlstate, message, NULL, hint);
	con->skips = true;
}

static char *
syntax_message(const char *start, int len)
{
	char	   *shown = pnstrdup(start, Min(len, 200));

	/* cut, or not UTF-8, as the client reads it */
	for (char *p = shown; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p) || (unsigned char) *p < ' ')
			*p = '?';
	}
	return psprintf("invalid command '%s', use SHOW HELP;", shown);
}

static const char *
instead_of(const char *command)
{
	if (strcmp(command, "kill_client") == 0)
		return "Use SELECT pooler.terminate_client(id) in a database with the extension.";
	if (strcmp(command, "reload") == 0)
		return "Use SELECT pg_reload_conf() in any database.";
	if (strcmp(command, "shutdown") == 0)
		return "pooler ends with the server.";
	return "Use ALTER SYSTEM SET pooler.pools and SELECT pg_reload_conf() in any database; SELECT pooler.terminate_client(id) ends a client.";
}

/* Says why this cannot be run. False: it can. */
static bool
refuses(Console *con, const ConsoleStatement *s)
{
	switch (s->kind)
	{
		case CONSOLE_REFUSED_SET:
			put_error(con, "0A000", "the console cannot change settings", NULL,
					  "Use ALTER SYSTEM SET pooler... and SELECT pg_reload_conf() in any database.");
			return true;
		case CONSOLE_REFUSED:
			put_error(con, "0A000",
					  psprintf("%s is not supported: the console is read-only",
							   s->name), NULL, instead_of(s->name));
			return true;
		case CONSOLE_UNKNOWN:
			/* the SQLSTATE is PgBouncer's */
			put_error(con, "08P01", syntax_message(s->text, s->len), NULL,
					  NULL);
			return true;
		case CONSOLE_EMPTY:
		case CONSOLE_SHOW:
		case CONSOLE_PARAMETER:
		case CONSOLE_BEGIN:
		case CONSOLE_END:
		case CONSOLE_NOTHING:
			break;
	}
	return false;
}

/* The columns of its rows; 0: it has none. */
static int
columns_of(const ConsoleStatement *s, const ConsoleColumn **columns)
{
	static ConsoleColumn parameter = {NULL, COLUMN_TEXT};

	if (s->kind == CONSOLE_SHOW)
		return pooler_console_columns(s->show, columns);
	if (s->kind != CONSOLE_PARAMETER)
		return 0;
	parameter.name = s->name;
	*columns = &parameter;
	return 1;
}

static void
describe(Console *con, const ConsoleStatement *s, const int16 *formats,
		 int nformats)
{
	const ConsoleColumn *columns;
	int			n = columns_of(s, &columns);
	ConsoleRows rows;

	if (n == 0)
	{
		pooler_wire_put(&con->out, 'n', NULL, 0);
		return;
	}
	pooler_console_rows_begin(&rows, &con->out, columns, n);
	rows.formats = formats;
	rows.nformats = nformats;
	pooler_console_rows_describe(&rows);
	pooler_console_rows_end(&rows);
}

static void
put_rows(Console *con, const ConsoleStatement *s, const int16 *formats,
		 int nformats)
{
	const ConsoleColumn *columns;
	int			n = columns_of(s, &columns);
	ConsoleRows rows;

	if (n == 0)
		return;
	pooler_console_rows_begin(&rows, &con->out, columns, n);
	rows.formats = formats;
	rows.nformats = nformats;
	if (s->kind == CONSOLE_PARAMETER)
		pooler_console_rows_text(&rows, s->value);
	else
		pooler_console_show(s->show, &rows);
	pooler_console_rows_end(&rows);
}

/* Runs one statement that is not refused. */
static void
execute(Console *con, const ConsoleStatement *s, const int16 *formats,
		int nformats)
{
	TimestampTz began = GetCurrentTimestamp();
	int64		us;

	if (s->kind == CONSOLE_EMPTY)
	{
		pooler_wire_put(&con->out, 'I', NULL, 0);
		return;
	}
	put_rows(con, s, formats, nformats);
	if (s->kind == CONSOLE_SHOW && s->show == SHOW_HELP)
		pooler_wire_put_notice(&con->out, "NOTICE", "00000", "Console usage",
							   pooler_console_help(), NULL);
	if (s->kind == CONSOLE_BEGIN)
		con->in_transaction = true;
	if (s->kind == CONSOLE_END)
		con->in_transaction = false;
	pooler_wire_put(&con->out, 'C', s->tag, strlen(s->tag) + 1);
	us = GetCurrentTimestamp() - began;
	pooler_stats_of_console.n[STAT_QUERIES]++;
	pooler_stats_of_console.n[STAT_TRANSACTIONS]++;
	pooler_stats_of_console.n[STAT_QUERY_US] += us;
	pooler_stats_of_console.n[STAT_XACT_US] += us;
}

/* ---- messages ---- */

static void
simple_query(Console *con, Body *body)
{
	const char *at = get_string(body);
	const ConsoleColumn *columns;
	ConsoleStatement s;
	int			n = 0;

	if (body->bad)
		return;
	while (pooler_console_query_next(&at, &s))
	{
		n++;
		if (refuses(con, &s))
			break;
		if (con->out.len - con->sent > MUCH_UNSENT)
		{
			put_error(con, "54000", "too many statements in one query", NULL,
					  NULL);
			break;
		}
		if (columns_of(&s, &columns) > 0)
			describe(con, &s, NULL, 0);
		execute(con, &s, NULL, 0);
	}
	if (n == 0)
		execute(con, &s, NULL, 0);
	put_ready(con);
}

static Named *
find_named(Named *list, const char *name)
{
	for (int i = 0; i < MAX_NAMED; i++)
	{
		if (list[i].used && strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

/* A new one, in the place of one of this name if it has none; NULL after an
 * error. */
static Named *
make_named(Console *con, Named *list, const char *name)
{
	Named	   *place = find_named(list, name);

	if (place != NULL && name[0] != '\0')
	{
		fail(con, list == con->statements ? "42P05" : "42P03",
			 "this name is in use", NULL);
		return NULL;
	}
	for (int i = 0; place == NULL && i < MAX_NAMED; i++)
	{
		if (!list[i].used)
			place = &list[i];
	}
	if (place == NULL || strlen(name) >= NAMEDATALEN)
	{
		fail(con, "53400", "too many prepared statements, or too long a name",
			 "Close those that are not needed.");
		return NULL;
	}
	memset(place, 0, sizeof(*place));
	place->used = true;
	strlcpy(place->name, name, NAMEDATALEN);
	return place;
}

static void
parse_statement(Console *con, Body *body)
{
	const char *name = get_string(body);
	const char *at = get_string(body);
	ConsoleStatement s;
	ConsoleStatement another;
	Named	   *made;

	if (body->bad)
		return;
	(void) pooler_console_query_next(&at, &s);
	if (pooler_console_query_next(&at, &another))
	{
		fail(con, "42601",
			 "cannot insert multiple commands into a prepared statement", NULL);
		return;
	}
	if (refuses(con, &s))
	{
		con->skips = true;
		return;
	}
	made = make_named(con, con->statements, name);
	if (made == NULL)
		return;
	made->statement = s;
	made->statement.text = NULL;	/* it goes with the message */
	pooler_wire_put(&con->out, '1', NULL, 0);
}

/* The result formats at the end of a Bind, into the portal. */
static bool
read_formats(Body *body, Named *portal)
{
	const ConsoleColumn *columns;
	int			most = columns_of(&portal->statement, &columns);

	portal->nformats = get_int16(body);
	if (portal->nformats < 0 || portal->nformats > Max(most, 1))
		return false;
	for (int i = 0; i < portal->nformats; i++)
	{
		portal->formats[i] = get_int16(body);
		if (portal->formats[i] != 0 && portal->formats[i] != 1)
			return false;
	}
	return portal->nformats <= 1 || portal->nformats == most;
}

static void
bind_portal(Console *con, Body *body)
{
	const char *portal_name = get_string(body);
	const char *name = get_string(body);
	Named	   *from = find_named(con->statements, name);
	int			nparams;
	Named	   *made;

	for (int n = get_int16(body); n > 0 && !body->bad; n--)
		(void) get_int16(body);
	nparams = get_int16(body);
	if (body->bad)
		return;
	if (from == NULL || nparams != 0)
	{
		fail(con, from == NULL ? "26000" : "08P01", from == NULL ?
			 "prepared statement does not exist" :
			 "statements of the console have no parameters", NULL);
		return;
	}
	made = make_named(con, con->portals, portal_name);
	if (made == NULL)
		return;
	made->statement = from->statement;
	if (read_formats(body, made))
		pooler_wire_put(&con->out, '2', NULL, 0);
	else
	{
		made->used = false;
		if (!body->bad)
			fail(con, "08P01", "invalid result formats", NULL);
	}
}

/* Of a Describe or Close: a statement or a portal, or NULL. */
static Named *
find_target(Console *con, Body *body, bool *is_portal)
{
	char		kind = get_byte(body);
	const char *name = get_string(body);

	*is_portal = kind == 'P';
	if (kind != 'P' && kind != 'S')
		body->bad = true;
	return find_named(*is_portal ? con->portals : con->statements, name);
}

static void
describe_named(Console *con, Body *body)
{
	static const char no_parameters[2] = {0, 0};
	bool		is_portal;
	Named	   *named = find_target(con, body, &is_portal);

	if (body->bad)
		return;
	if (named == NULL)
	{
		fail(con, is_portal ? "34000" : "26000",
			 "prepared statement or portal does not exist", NULL);
		return;
	}
	if (!is_portal)
		pooler_wire_put(&con->out, 't', no_parameters, sizeof(no_parameters));
	describe(con, &named->statement, named->formats, named->nformats);
}

static void
close_named(Console *con, Body *body)
{
	bool		is_portal;
	Named	   *named = find_target(con, body, &is_portal);

	if (body->bad)
		return;
	if (named != NULL)
		named->used = false;
	pooler_wire_put(&con->out, '3', NULL, 0);
}

/* All rows, also for one that asked for some only. */
static void
execute_portal(Console *con, Body *body)
{
	Named	   *portal = find_named(con->portals, get_string(body));

	if (body->bad)
		return;
	if (portal == NULL)
		fail(con, "34000", "portal does not exist", NULL);
	else
		execute(con, &portal->statement, portal->formats, portal->nformats);
}

static void
sync_up(Console *con)
{
	if (!con->in_transaction)
	{
		for (int i = 0; i < MAX_NAMED; i++)
			con->portals[i].used = false;
	}
	put_ready(con);
}

/* One whole message. False: there can be no further one. */
static bool
take_message(Console *con, char type, Body *body)
{
	if (con->skips && type != 'S' && type != 'X')
		return true;
	switch (type)
	{
		case 'Q':
			simple_query(con, body);
			break;
		case 'P':
			parse_statement(con, body);
			break;
		case 'B':
			bind_portal(con, body);
			break;
		case 'D':
			describe_named(con, body);
			break;
		case 'E':
			execute_portal(con, body);
			break;
		case 'C':
			close_named(con, body);
			break;
		case 'S':
			sync_up(con);
			break;
		case 'F':
			put_error(con, "0A000", "the console has no functions", NULL,
					  NULL);
			put_ready(con);
			break;
		case 'H':
		case 'd':
		case 'c':
		case 'f':
			break;
		default:
			return false;
	}
	return !body->bad;
}

/* ---- the socket ---- */

/* The memory of a long answer is given back. */
static void
forget_sent(Console *con)
{
	if (con->out.maxlen > MUCH_UNSENT)
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

/* False: it has left. */
static bool
receive(int slot, Console *con)
{
	int			room = MAX_MESSAGE - con->in.len;
	int			n;

	if (room <= 0)
		return true;
	enlargeStringInfo(&con->in, room);
	n = recv(pooler_client_fd(slot), con->in.data + con->in.len, room,
			 MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (con->in.len == 0)
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
	Body		body;
	bool		ok;

	if (result == WIRE_BAD || whole > MAX_MESSAGE || type == 'X')
		return WIRE_BAD;
	if (result == WIRE_MORE)
		return WIRE_MORE;
	body.at = con->in.data + 5;
	body.end = con->in.data + whole;
	body.bad = false;
	ok = take_message(con, type, &body);
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
		if (con->out.len - con->sent > MUCH_UNSENT)
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
		pooler_client_say_error(slot, "FATAL", "53300",
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
	appendBinaryStringInfo(&w->console->in, login->in.data,
						   Min(login->in.len, MAX_MESSAGE));
	c->state = CLIENT_CONSOLE;
	put_greeting(out, c);
	if (!pooler_client_say(slot, out))
		return false;
	watch(slot, w->console, w->console->in.len > 0);
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
