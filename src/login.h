/*
 * login.h
 *	  A client's login: from its first byte to its route.
 *
 * src/login.h
 */
#ifndef POOLER_LOGIN_H
#define POOLER_LOGIN_H

#include "auth.h"
#include "lib/stringinfo.h"
#include "shmem.h"

typedef enum LoginResult
{
	LOGIN_MORE,					/* send `out`, wait for the client */
	LOGIN_CANCEL,				/* it was a cancel request: see pid, key */
	LOGIN_OK,					/* send `out`, it is allowed: see login */
	LOGIN_FAILED				/* send `out`, close */
} LoginResult;

/* All of it lives in cxt, which is deleted when the login is over. */
typedef struct LoginState
{
	MemoryContext cxt;
	StringInfoData in;			/* received, not consumed */
	PoolerAuth *auth;			/* NULL: the startup packet is awaited */
	bool		asked_ssl;
	bool		asked_gss;
	const SockAddr *raddr;
	const SockAddr *laddr;
	char	   *user;
	char	   *pool_name;		/* as the client calls its database */
	char	   *database;		/* the pool's, or the same */
	StringInfoData settings;	/* name\0value\0..., in the order of effect */
	char	   *application_name;	/* or NULL */
	PoolerLogin login;			/* LOGIN_OK */
	bool		console;		/* the same: it wants the console, not a pool */
	int32		cancel_pid;		/* LOGIN_CANCEL */
	int32		cancel_key;
} LoginState;

extern LoginState *pooler_login_begin(const SockAddr *raddr,
									  const SockAddr *laddr);
extern void pooler_login_end(LoginState *login);

/* How many bytes may be appended to login->in before the next step. */
extern int	pooler_login_room(const LoginState *login);

/* Goes on with what is in login->in. */
extern LoginResult pooler_login_step(LoginState *login, StringInfo out);

/* Is one of the startup packet's settings one that SET cannot undo, so that
 * its backend cannot serve others? */
extern bool pooler_login_needs_own_backend(const LoginState *login);

#endif							/* POOLER_LOGIN_H */
