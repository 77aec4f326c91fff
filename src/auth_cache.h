/*
 * auth_cache.h
 *	  Rows of pg_authid and pg_database that logins have asked for by name.
 *
 * src/auth_cache.h
 */
#ifndef POOLER_AUTH_CACHE_H
#define POOLER_AUTH_CACHE_H

#include "auth_catalog.h"

/* In the worker, once. */
extern void pooler_auth_cache_start(void);

/* By name, or by OID (not kept) where name is NULL; false: there is none. In a
 * transaction that has been begun for this; the ACL is in the current context. */
extern bool pooler_auth_find_role(const char *name, Oid oid, AuthRole *role);
extern bool pooler_auth_find_database(const char *name, Oid oid,
									  AuthDatabase *database);

#endif							/* POOLER_AUTH_CACHE_H */
