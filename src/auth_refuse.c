/*
 * auth_refuse.c
 *	  How a login is refused: once to the client, once to the server's log.
 *
 * The client gets the ErrorResponse that a backend would have sent it before
 * ending (severity FATAL; message and detail worded as there). The worker does
 * not end, so its log line is a LOG with the same text and SQLSTATE. What
 * comes from a peer that nobody has authenticated can be any bytes: terminal
 * escapes, line feeds that fake a log line, text in no encoding. To the peer it
 * goes back as it came; in the log it is ASCII, the rest as \xNN.
 *
 * Messages are allocated in the current context.
 *
 * src/auth_refuse.c
 */
#include "postgres.h"

#include "common/ip.h"

#include "auth_refuse.h"
#include "wire.h"

/*
 * ProcessStartupPacket() cuts names after NAMEDATALEN - 1 bytes, and takes the
 * user's name where a database is missing.
 */
void
pooler_auth_names(AuthNames *names, const char *user, const char *database)
{
	if (database == NULL || database[0] == '\0')
		database = user;
	strlcpy(names->user, user, NAMEDATALEN);
	strlcpy(names->database, database, NAMEDATALEN);
}

static bool
is_clean(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

const char *
pooler_auth_clean(const char *text)
{
	StringInfoData clean;

	if (text == NULL || is_clean(text))
		return text;
	initStringInfo(&clean);
	for (; *text != '\0'; text++)
	{
		if (*text < ' ' || *text > '~')
			appendStringInfo(&clean, "\\x%02x", (unsigned char) *text);
		else
			appendStringInfoChar(&clean, *text);
	}
	return clean.data;
}

/* The detail for the log: the true reason first, as auth_failed() has it. */
static const char *
log_detail(const AuthRefusal *why, bool clean)
{
	const char *detail = why->log_detail ? why->log_detail : why->detail;

	if (!clean)
		detail = pooler_auth_clean(detail);
	if (detail == NULL || why->line == NULL)
		return detail ? detail : why->line;
	return psprintf("%s\n%s", detail, why->line);
}

/* The worker's log_line_prefix knows no client; who guesses passwords is one
 * address, and the log must show it. */
static void
add_client(const SockAddr *client)
{
	char		host[NI_MAXHOST];
	char		service[NI_MAXSERV];

	pg_getnameinfo_all(&client->addr, client->salen, host, sizeof(host),
					   service, sizeof(service),
					   NI_NUMERICHOST | NI_NUMERICSERV);
	errcontext("login through pooler from host \"%s\", port %s", host, service);
}

AuthResult
pooler_auth_refuse(const AuthNames *names, const AuthRefusal *why,
				   StringInfo out)
{
	/* Translated text is left alone unless a name makes it suspect. */
	bool		clean = is_clean(names->user) && is_clean(names->database);
	const char *detail = log_detail(why, clean);

	pooler_wire_put_error(out, "FATAL", unpack_sql_state(why->sqlstate),
						  why->message, why->detail, why->hint);
	ereport(LOG,
			(errcode(why->sqlstate),
			 errmsg_internal("%s", clean ? why->message :
							 pooler_auth_clean(why->message)),
			 detail ? errdetail_internal("%s", detail) : 0,
			 why->hint ? errhint("%s", why->hint) : 0,
			 why->client ? add_client(why->client) : (void) 0,
			 errhidestmt(true)));
	return AUTH_FAILED;
}
