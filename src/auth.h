/*
 * auth.h
 *	  Logs clients in, in the worker, by the server's own pg_hba.conf.
 *
 * src/auth.h
 */
#ifndef POOLER_AUTH_H
#define POOLER_AUTH_H

#include "lib/stringinfo.h"
#include "shmem.h"

/* The longest message that a client may send during its login, type byte and
 * all: the server's PG_MAX_AUTH_TOKEN_LENGTH. */
#define POOLER_AUTH_MAX_MESSAGE	(1 + 65535)

typedef enum AuthResult
{
	AUTH_MORE,					/* send `out`, then call again with the answer */
	AUTH_OK,					/* send `out` */
	AUTH_FAILED					/* send `out` (an ErrorResponse), then close */
} AuthResult;

typedef struct PoolerAuth PoolerAuth;
struct AuthDatabase;			/* auth_catalog.h */

/* What a login is allowed, from the shared catalogs. */
typedef struct PoolerLogin
{
	Oid			role;
	Oid			database;
	bool		superuser;
	bool		has_mode;		/* ALTER ROLE ... SET pooler.mode */
	PoolerMode	mode;
	bool		own_backend;	/* session_preload_libraries, role: see
								 * auth_role.c */
} PoolerLogin;

/* In _PG_init. (auth_hba.c) */
extern void pooler_auth_install(void);

/* In ClientAuthentication_hook, in every backend: gives the server back what
 * pooler_auth_install() keeps for the worker. (auth_hba.c) */
extern void pooler_auth_release(void);

/* In the worker, after BackgroundWorkerInitializeConnection(NULL, NULL, 0), and
 * outside a transaction. (auth_hba.c) */
extern void pooler_auth_start(void);

/* At SIGHUP: pg_hba.conf and pg_ident.conf anew; false: the old ones stay.
 * (auth_hba.c) */
extern bool pooler_auth_reload(void);

/* A login: all in `cxt`, deleted by the caller when it is over. Never blocks.
 * The first step has no message (NULL, 0); each other one has one whole message
 * of at most POOLER_AUTH_MAX_MESSAGE bytes.
 * (auth_dialog.c) */
extern PoolerAuth *pooler_auth_begin(MemoryContext cxt, const char *user,
									 const char *database,
									 const SockAddr *raddr,
									 const SockAddr *laddr);
extern AuthResult pooler_auth_step(PoolerAuth *auth, const char *message,
								   int len, StringInfo out);

/* After AUTH_OK: may this role use this database?  AUTH_OK (nothing to send) or
 * AUTH_FAILED. (auth_role.c) */
extern AuthResult pooler_auth_authorize(const char *user, const char *database,
										PoolerLogin *login, StringInfo out);

/* The same for the console, which is no database: superusers and members of
 * pg_monitor. (auth_role.c) */
extern AuthResult pooler_auth_authorize_console(const char *user,
												const char *database,
												PoolerLogin *login,
												StringInfo out);

/* Does the database's ACL let this role, which is no superuser, connect? In a
 * transaction that has the catalogs locked, or in a session. (auth_role.c) */
extern bool pooler_auth_acl_connects(const struct AuthDatabase *database,
									 Oid role);

/* Is there such a database? (auth_role.c) */
extern bool pooler_auth_has_database(const char *name);

/* May this role (still) log in to this database?  For upkeep. (auth_role.c) */
extern bool pooler_auth_may_login(Oid role, Oid database);

#endif							/* POOLER_AUTH_H */
