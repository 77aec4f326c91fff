/*
 * auth_cache.c
 *	  Rows of pg_authid and pg_database that logins have asked for by name.
 *
 * The same applications log in again and again, and a look at a nailed catalog
 * opens its file anew each time once the worker has heard of any change of that
 * relation (RelationReloadNailed() needs a database's pg_class to call it valid
 * again). The syscaches cannot be used (auth_catalog.c), but what keeps them
 * right keeps this cache right, too: each committed change of a row is told to
 * all processes, and a transaction hears of those before it begins. A row that
 * was read while a change was told of is returned, and not kept.
 *
 * Also kept is which roles there are none of: the time that a login takes until it is
 * asked for a password must not tell whose roles exist. They have a table of their
 * own, for anybody may try any names, and must not drive out those in use; and nobody
 * knows which two names share a place in it.
 *
 * src/auth_cache.c
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "auth_cache.h"

#define CACHED_ROLES		256
#define CACHED_DATABASES	64

typedef struct CachedRole
{
	uint64		changes;		/* role_changes when it was read; 0: none was */
	AuthRole	role;
} CachedRole;

typedef struct UnknownRole
{
	uint64		changes;		/* as above */
	char		name[NAMEDATALEN];
} UnknownRole;

typedef struct CachedDatabase
{
	uint64		changes;
	AuthDatabase database;		/* acl: in TopMemoryContext */
} CachedDatabase;

static CachedRole roles[CACHED_ROLES];	/* by the hash of the name */
static UnknownRole unknown[CACHED_ROLES];	/* likewise, with `seed` */
static uint64 seed;
static CachedDatabase databases[CACHED_DATABASES];

static uint64 role_changes = 1; /* times that one was told of */
static uint64 database_changes = 1;

static void
note_change(Datum changes, int cache, uint32 hash)
{
	++*(uint64 *) DatumGetPointer(changes);
}

void
pooler_auth_cache_start(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, note_change,
								  PointerGetDatum(&role_changes));
	CacheRegisterSyscacheCallback(DATABASEOID, note_change,
								  PointerGetDatum(&database_changes));
	seed = pg_prng_uint64(&pg_global_prng_state);
}

/* Its place among those that there are none of. */
static UnknownRole *
place_unknown(const char *name)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) name,
										   strlen(name), seed);

	return &unknown[hash % CACHED_ROLES];
}

bool
pooler_auth_find_role(const char *name, Oid oid, AuthRole *role)
{
	uint64		changes = role_changes;
	CachedRole *cached;
	UnknownRole *none;

	if (name == NULL)
		return pooler_auth_read_role(NULL, oid, role);
	cached = &roles[string_hash(name, NAMEDATALEN) % CACHED_ROLES];
	if (cached->changes == changes && strcmp(cached->role.name, name) == 0)
	{
		*role = cached->role;
		return true;
	}
	none = place_unknown(name);
	if (none->changes == changes && strcmp(none->name, name) == 0)
		return false;
	if (!pooler_auth_read_role(name, InvalidOid, role))
	{
		strlcpy(none->name, name, NAMEDATALEN);
		none->changes = changes;
		return false;
	}
	cached->role = *role;
	cached->changes = changes;
	return true;
}

static Acl *
copy_acl(const Acl *acl, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum		copy = datumCopy(PointerGetDatum(acl), false, -1);

	MemoryContextSwitchTo(old);
	return (Acl *) DatumGetPointer(copy);
}

bool
pooler_auth_find_database(const char *name, Oid oid, AuthDatabase *database)
{
	uint64		changes = database_changes;
	CachedDatabase *cached;

	if (name == NULL)
		return pooler_auth_read_database(NULL, oid, database);
	cached = &databases[string_hash(name, NAMEDATALEN) % CACHED_DATABASES];
	if (cached->changes == changes && strcmp(cached->database.name, name) == 0)
	{
		*database = cached->database;
		database->acl = copy_acl(cached->database.acl, CurrentMemoryContext);
		return true;
	}
	if (!pooler_auth_read_database(name, InvalidOid, database))
		return false;
	cached->changes = 0;
	if (cached->database.acl)
		pfree(cached->database.acl);
	cached->database = *database;
	cached->database.acl = NULL;
	cached->database.acl = copy_acl(database->acl, TopMemoryContext);
	cached->changes = changes;
	return true;
}
