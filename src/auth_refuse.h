/*
 * auth_refuse.h
 *	  How a login is refused: once to the client, once to the server's log.
 *
 * src/auth_refuse.h
 */
#ifndef POOLER_AUTH_REFUSE_H
#define POOLER_AUTH_REFUSE_H

#include "auth.h"

/* A login's names as the server cuts them. */
typedef struct AuthNames
{
	char		user[NAMEDATALEN];
	char		database[NAMEDATALEN];
} AuthNames;

typedef struct AuthRefusal
{
	int			sqlstate;
	const char *message;
	const char *detail;			/* or NULL, as all that follow */
	const char *hint;
	const char *log_detail;		/* the server's log only: why in truth */
	const char *line;			/* the log only: text of pg_hba.conf, trusted */
	const SockAddr *client;		/* the log only */
} AuthRefusal;

extern void pooler_auth_names(AuthNames *names, const char *user,
							  const char *database);

/* Text for the server's log: what is not printable ASCII becomes \xNN. */
extern const char *pooler_auth_clean(const char *text);

/* Appends a FATAL ErrorResponse and writes the log; always AUTH_FAILED. */
extern AuthResult pooler_auth_refuse(const AuthNames *names,
									 const AuthRefusal *why, StringInfo out);

/* Whether pg_hba.conf's lines can be used in this process; else no login. */
extern bool pooler_auth_lines_usable(void);

#endif							/* POOLER_AUTH_REFUSE_H */
