/*
 * console_session.c
 *	  What a console's client asks, message by message, and is answered.
 *
 * Simple and extended protocol. A prepared statement is no more than which SHOW
 * it is, so nothing of a client's text is kept; statements and portals are
 * bounded in number. The rows of a portal that is read in pieces are those of its
 * first Execute; they are kept of one portal at a time.
 *
 * Which SHOWs there are is console_query.c's, what they show console_show.c's,
 * the socket console.c's business.
 *
 * src/console_session.c
 */
#include "postgres.h"

#include "port/pg_bswap.h"
#include "utils/timestamp.h"

#include "console_query.h"
#include "console_rows.h"
#include "console_session.h"
#include "console_show.h"
#include "stats.h"
#include "wire.h"

/* A message's body as it is read; bad: it has ended too early. */
typedef struct Body
{
	const char *at;
	const char *end;
	bool		bad;
} Body;

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

/* Zeroes where there are fewer. */
static void
get_bytes(Body *body, void *to, int len)
{
	memset(to, 0, len);
	if (body->end - body->at < len)
	{
		body->bad = true;
		return;
	}
	memcpy(to, body->at, len);
	body->at += len;
}

static int
get_int16(Body *body)
{
	uint16		n;

	get_bytes(body, &n, sizeof(n));
	return (int16) pg_ntoh16(n);
}

static int
get_int32(Body *body)
{
	uint32		n;

	get_bytes(body, &n, sizeof(n));
	return (int32) pg_ntoh32(n);
}

static char
get_byte(Body *body)
{
	char		c;

	get_bytes(body, &c, sizeof(c));
	return c;
}

/* ---- answers ---- */

static void
put_error(ConsoleSession *con, const char *sqlstate, const char *message,
		  const char *detail, const char *hint)
{
	pooler_wire_put_error(con->out, "ERROR", sqlstate, message, detail, hint);
}

/* An error in the extended protocol. */
static void
fail(ConsoleSession *con, const char *sqlstate, const char *message,
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
refuses(ConsoleSession *con, const ConsoleStatement *s)
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
describe(ConsoleSession *con, const ConsoleStatement *s, const int16 *formats,
		 int nformats)
{
	const ConsoleColumn *columns;
	int			n = columns_of(s, &columns);
	ConsoleRows rows;

	if (n == 0)
	{
		pooler_wire_put(con->out, 'n', NULL, 0);
		return;
	}
	pooler_console_rows_begin(&rows, con->out, columns, n);
	rows.formats = formats;
	rows.nformats = nformats;
	pooler_console_rows_describe(&rows);
	pooler_console_rows_end(&rows);
}

static void
put_rows(StringInfo out, const ConsoleStatement *s, const int16 *formats,
		 int nformats)
{
	const ConsoleColumn *columns;
	int			n = columns_of(s, &columns);
	ConsoleRows rows;

	if (n == 0)
		return;
	pooler_console_rows_begin(&rows, out, columns, n);
	rows.formats = formats;
	rows.nformats = nformats;
	if (s->kind == CONSOLE_PARAMETER)
		pooler_console_rows_text(&rows, s->value);
	else
		pooler_console_show(s->show, &rows);
	pooler_console_rows_end(&rows);
}

/* What a statement does and says behind its rows. */
static void
complete(ConsoleSession *con, const ConsoleStatement *s)
{
	if (s->kind == CONSOLE_SHOW && s->show == SHOW_HELP)
		pooler_wire_put_notice(con->out, "NOTICE", "00000", "Console usage",
							   pooler_console_help(), NULL);
	if (s->kind == CONSOLE_BEGIN)
		con->in_transaction = true;
	if (s->kind == CONSOLE_END)
		con->in_transaction = false;
	pooler_wire_put(con->out, 'C', s->tag, strlen(s->tag) + 1);
}

static void
count(TimestampTz began)
{
	int64		us = Max(GetCurrentTimestamp() - began, 0);

	pooler_stats_of_console.n[STAT_QUERIES]++;
	pooler_stats_of_console.n[STAT_TRANSACTIONS]++;
	pooler_stats_of_console.n[STAT_QUERY_US] += us;
	pooler_stats_of_console.n[STAT_XACT_US] += us;
}

/* Runs one statement that is not refused. */
static void
execute(ConsoleSession *con, const ConsoleStatement *s, const int16 *formats,
		int nformats)
{
	TimestampTz began = GetCurrentTimestamp();

	if (s->kind == CONSOLE_EMPTY)
	{
		pooler_wire_put(con->out, 'I', NULL, 0);
		return;
	}
	put_rows(con->out, s, formats, nformats);
	complete(con, s);
	count(began);
}

/* ---- messages ---- */

static Named *
find_named(Named *list, const char *name)
{
	for (int i = 0; i < CONSOLE_MAX_NAMED; i++)
	{
		if (list[i].used && strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static void
forget_rows(ConsoleSession *con)
{
	pfree(con->rest.data);
	con->partly_read = NULL;
}

/* Its place is free again. */
static void
drop_named(ConsoleSession *con, Named *named)
{
	if (con->partly_read == named)
		forget_rows(con);
	named->used = false;
}

/* A portal lasts as long as its transaction. */
static void
put_ready(ConsoleSession *con)
{
	for (int i = 0; !con->in_transaction && i < CONSOLE_MAX_NAMED; i++)
		drop_named(con, &con->portals[i]);
	con->skips = false;
	pooler_wire_put_ready(con->out, con->in_transaction ? 'T' : 'I');
}

static void
simple_query(ConsoleSession *con, Body *body)
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
		if (con->out->len > CONSOLE_MUCH)
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

/* A new one, in the place of one of this name if it has none; NULL after an
 * error. */
static Named *
make_named(ConsoleSession *con, Named *list, const char *name)
{
	Named	   *place = find_named(list, name);

	if (place != NULL && name[0] != '\0')
	{
		fail(con, list == con->statements ? "42P05" : "42P03",
			 "this name is in use", NULL);
		return NULL;
	}
	for (int i = 0; place == NULL && i < CONSOLE_MAX_NAMED; i++)
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
	drop_named(con, place);
	memset(place, 0, sizeof(*place));
	place->used = true;
	strlcpy(place->name, name, NAMEDATALEN);
	return place;
}

static void
parse_statement(ConsoleSession *con, Body *body)
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
	pooler_wire_put(con->out, '1', NULL, 0);
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
bind_portal(ConsoleSession *con, Body *body)
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
		pooler_wire_put(con->out, '2', NULL, 0);
	else
	{
		drop_named(con, made);
		if (!body->bad)
			fail(con, "08P01", "invalid result formats", NULL);
	}
}

/* Of a Describe or Close: a statement or a portal, or NULL. */
static Named *
find_target(ConsoleSession *con, Body *body, bool *is_portal)
{
	char		kind = get_byte(body);
	const char *name = get_string(body);

	*is_portal = kind == 'P';
	if (kind != 'P' && kind != 'S')
		body->bad = true;
	return find_named(*is_portal ? con->portals : con->statements, name);
}

static void
describe_named(ConsoleSession *con, Body *body)
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
		pooler_wire_put(con->out, 't', no_parameters, sizeof(no_parameters));
	describe(con, &named->statement, named->formats, named->nformats);
}

static void
close_named(ConsoleSession *con, Body *body)
{
	bool		is_portal;
	Named	   *named = find_target(con, body, &is_portal);

	if (body->bad)
		return;
	if (named != NULL)
		drop_named(con, named);
	pooler_wire_put(con->out, '3', NULL, 0);
}

/* The first Execute of those that read a portal in pieces. */
static void
keep_rows(ConsoleSession *con, Named *portal)
{
	TimestampTz began = GetCurrentTimestamp();
	MemoryContext old = MemoryContextSwitchTo(con->context);

	initStringInfo(&con->rest);
	MemoryContextSwitchTo(old);
	con->partly_read = portal;
	put_rows(&con->rest, &portal->statement, portal->formats,
			 portal->nformats);
	count(began);
}

/* The next `limit` of the rows that are kept; 0: all that are left. */
static void
fetch(ConsoleSession *con, Named *portal, int limit)
{
	StringInfo	rest = &con->rest;
	int			start = rest->cursor;

	for (int n = 0; rest->cursor < rest->len && (limit == 0 || n < limit); n++)
	{
		char		type;
		int64		whole;

		if (pooler_wire_message(rest->data + rest->cursor,
								rest->len - rest->cursor, &type,
								&whole) != WIRE_OK)
			elog(ERROR, "row of the console is not whole");
		rest->cursor += whole;
	}
	appendBinaryStringInfo(con->out, rest->data + start, rest->cursor - start);
	if (rest->cursor < rest->len)
		pooler_wire_put(con->out, 's', NULL, 0);
	else
	{
		forget_rows(con);
		portal->ended = true;
		complete(con, &portal->statement);
	}
}

static void
execute_portal(ConsoleSession *con, Body *body)
{
	Named	   *portal = find_named(con->portals, get_string(body));
	int			limit = get_int32(body);
	const ConsoleColumn *columns;

	if (body->bad)
		return;
	if (portal == NULL)
		fail(con, "34000", "portal does not exist", NULL);
	else if (portal->ended)
		complete(con, &portal->statement);
	else if (con->partly_read == portal)
		fetch(con, portal, Max(limit, 0));
	else if (limit <= 0 || columns_of(&portal->statement, &columns) == 0)
		execute(con, &portal->statement, portal->formats, portal->nformats);
	else if (con->partly_read != NULL)
		fail(con, "0A000", "another portal has not been read to its end",
			 "The console reads one portal at a time in pieces.");
	else
	{
		keep_rows(con, portal);
		fetch(con, portal, limit);
	}
}

/* Answers one whole message that is not to be passed over. */
static bool
answer(ConsoleSession *con, char type, Body *body)
{
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
			put_ready(con);
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

bool
pooler_console_session_take(ConsoleSession *session, char type,
							const char *data, int len)
{
	Body		body = {.at = data,.end = data + len};

	if (session->skips && type != 'S')
		return true;
	return answer(session, type, &body);
}
