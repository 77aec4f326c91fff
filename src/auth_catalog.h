/*
 * auth_catalog.h
 *	  Reads shared catalogs where no database is connected to.
 *
 * src/auth_catalog.h
 */
#ifndef POOLER_AUTH_CATALOG_H
#define POOLER_AUTH_CATALOG_H

#include "utils/acl.h"

typedef struct AuthRole
{
	Oid			oid;
	char		name[NAMEDATALEN];
	bool		superuser;
	bool		can_login;
	bool		readable;		/* else its births end with FATAL */
} AuthRole;

typedef struct AuthDatabase
{
	Oid			oid;
	char		name[NAMEDATALEN];
	Oid			owner;
	bool		allows_connections;
	bool		invalid;		/* DROP DATABASE was interrupted */
	int			connection_limit;	/* -1: none */
	Acl		   *acl;			/* never NULL */
} AuthDatabase;

/* In the worker, once; in a transaction. */
extern void pooler_auth_catalog_start(void);

/* Before anything that looks at roles or databases, also by the server's own
 * functions, which would wait. Until the transaction's end. False: somebody else
 * has locked a catalog. */
extern bool pooler_auth_lock_catalogs(void);

/* By name, or by OID where name is NULL; false: there is none. All of these
 * need a transaction and allocate in the current context. */
extern bool pooler_auth_read_role(const char *name, Oid oid, AuthRole *role);
extern bool pooler_auth_read_database(const char *name, Oid oid,
									  AuthDatabase *database);

/* values[i]: what pg_db_role_setting gives names[i] in a session of this role
 * in this database, or NULL. */
extern void pooler_auth_find_settings(Oid role, Oid database,
									  const char *const *names,
									  const char **values, int n);

/* Another number when rows of pg_db_role_setting are others. In a transaction.
 * False: somebody else has locked it; this does not wait. */
extern bool pooler_auth_hash_settings(uint64 *hash);

#endif							/* POOLER_AUTH_CATALOG_H */
