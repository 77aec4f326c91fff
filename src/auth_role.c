/*
 * auth_role.c
 *	  Whether a role may use a database, and how it is to be pooled.
 *
 * What a backend checks between authentication and its first query, in the
 * same order and the same words: InitializeSessionUserId(), InitPostgres(),
 * CheckMyDatabase(). A pooled client meets a backend long after its login,
 * or one that another client's login has made, so the worker checks here.
 * Connection limits are not checked, for they count backends: births meet them.
 *
 * A role gets a backend of its own for each client (PoolerLogin.own_backend) if
 * ALTER ROLE or ALTER DATABASE gives it libraries to load, whose state nobody
 * can carry, or another role to start as, with which backends of one route
 * would not be alike.
 *
 * src/auth_role.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "utils/acl.h"

#include "auth_cache.h"
#include "auth_refuse.h"
#include "compat.h"

typedef enum Verdict
{
	MAY_LOGIN,
	NO_ROLE,					/* from here on about the role ... */
	ROLE_UNREADABLE,
	ROLE_WITHOUT_LOGIN,
	NO_DATABASE,				/* ... and from here on the database */
	DATABASE_INVALID,
	DATABASE_CLOSED,
	NO_CONNECT,
	NO_CONSOLE,
	CATALOGS_LOCKED
} Verdict;

static bool
acl_allows(const AuthDatabase *database, Oid role)
{
	return aclmask(database->acl, role, database->owner, ACL_CONNECT,
				   ACLMASK_ANY) != 0;
}

/*
 * pg_database_aclcheck(), which would use the syscache (see auth_catalog.c).
 * There, who owns the database is a member of pg_database_owner; the worker is
 * in no database, so that membership is looked at here.
 */
bool
pooler_auth_acl_connects(const AuthDatabase *database, Oid role)
{
	return acl_allows(database, role) ||
		(has_privs_of_role(role, database->owner) &&
		 acl_allows(database, ROLE_PG_DATABASE_OWNER));
}

static Verdict
judge_role(const char *name, Oid oid, AuthRole *role)
{
	if (!pooler_auth_find_role(name, oid, role))
		return NO_ROLE;
	if (!role->readable)
		return ROLE_UNREADABLE;
	return role->can_login ? MAY_LOGIN : ROLE_WITHOUT_LOGIN;
}

static Verdict
judge_database(const char *name, Oid oid, const AuthRole *role,
			   AuthDatabase *database)
{
	if (!pooler_auth_find_database(name, oid, database))
		return NO_DATABASE;
	if (database->invalid)
		return DATABASE_INVALID;
	if (!database->allows_connections)
		return DATABASE_CLOSED;
	return role->superuser || pooler_auth_acl_connects(database, role->oid) ?
		MAY_LOGIN : NO_CONNECT;
}

/* What the server says, by verdict: one name is put into each message. */
static const struct
{
	int			sqlstate;
	const char *format;
	const char *detail;
	const char *hint;
}			words[] = {
	[NO_ROLE] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		gettext_noop("role \"%s\" does not exist"), NULL, NULL
	},
	[ROLE_UNREADABLE] = {
		ERRCODE_FEATURE_NOT_SUPPORTED,
		"the password of role \"%s\" is too long for pooler", NULL, NULL
	},
	[ROLE_WITHOUT_LOGIN] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		gettext_noop("role \"%s\" is not permitted to log in"),
		NULL, NULL
	},
	[NO_DATABASE] = {
		ERRCODE_UNDEFINED_DATABASE,
		gettext_noop("database \"%s\" does not exist"), NULL, NULL
	},
	[DATABASE_INVALID] = {
		ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		gettext_noop("cannot connect to invalid database \"%s\""), NULL,
		gettext_noop("Use DROP DATABASE to drop invalid databases.")
	},
	[DATABASE_CLOSED] = {
		ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		gettext_noop("database \"%s\" is not currently accepting connections"),
		NULL, NULL
	},
	[NO_CONNECT] = {
		ERRCODE_INSUFFICIENT_PRIVILEGE,
		gettext_noop("permission denied for database \"%s\""),
		gettext_noop("User does not have CONNECT privilege."), NULL
	},
	[NO_CONSOLE] = {
		ERRCODE_INSUFFICIENT_PRIVILEGE,
		"permission denied for console \"%s\"", NULL,
		"Superusers and members of pg_monitor may read it."
	},
	[CATALOGS_LOCKED] = {
		ERRCODE_LOCK_NOT_AVAILABLE,
		"catalogs of roles and databases are locked", NULL,
		"VACUUM FULL or REINDEX of them may be waiting or running. Try again."
	}
};

static AuthResult
refuse(Verdict verdict, const AuthNames *names, StringInfo out)
{
	bool		about_role = verdict < NO_DATABASE;
	AuthRefusal why = {0};

	Assert(verdict != MAY_LOGIN);
	why.sqlstate = words[verdict].sqlstate;
	why.message = psprintf(_(words[verdict].format),
						   about_role ? names->user : names->database);
	why.detail = words[verdict].detail ? _(words[verdict].detail) : NULL;
	why.hint = words[verdict].hint ? _(words[verdict].hint) : NULL;
	return pooler_auth_refuse(names, &why, out);
}

typedef enum LoginSetting
{
	SETTING_MODE,
	SETTING_SESSION_LIBRARIES,
	SETTING_LOCAL_LIBRARIES,
	SETTING_ROLE,
	SETTING_COUNT
} LoginSetting;

static const char *const setting_names[SETTING_COUNT] = {
	"pooler.mode", "session_preload_libraries", "local_preload_libraries",
	"role"
};

/* SET session_preload_libraries = '' is stored as a quoted empty name. */
static bool
is_set(const char *value)
{
	return value != NULL && value[strspn(value, "\", ")] != '\0';
}

/* A value that is neither mode is as good as none. */
static void
read_mode(const char *value, PoolerLogin *login)
{
	if (value == NULL)
		return;
	if (pg_strcasecmp(value, "session") == 0)
		login->mode = MODE_SESSION;
	else if (pg_strcasecmp(value, "transaction") == 0)
		login->mode = MODE_TRANSACTION;
	else
		return;
	login->has_mode = true;
}

static void
read_settings(PoolerLogin *login)
{
	const char *values[SETTING_COUNT];

	pooler_auth_find_settings(login->role, login->database, setting_names,
							  values, SETTING_COUNT);
	read_mode(values[SETTING_MODE], login);
	login->own_backend = is_set(values[SETTING_SESSION_LIBRARIES]) ||
		is_set(values[SETTING_LOCAL_LIBRARIES]) ||
		(is_set(values[SETTING_ROLE]) &&
		 strcmp(values[SETTING_ROLE], "none") != 0);
}

static Verdict
judge_console(const AuthRole *role)
{
	return role->superuser || has_privs_of_role(role->oid, ROLE_PG_MONITOR) ?
		MAY_LOGIN : NO_CONSOLE;
}

/*
 * Outside a transaction, and leaves none. The names are those of the startup
 * packet. An ERROR is the caller's: it aborts the transaction.
 */
static AuthResult
authorize(const char *user, const char *database, bool console,
		  PoolerLogin *login, StringInfo out)
{
	MemoryContext caller = CurrentMemoryContext;
	AuthResult	result = AUTH_OK;
	AuthNames	names;
	AuthRole	role;
	AuthDatabase db;
	Verdict		verdict;

	memset(login, 0, sizeof(*login));
	pooler_auth_names(&names, user, database);
	StartTransactionCommand();
	verdict = pooler_auth_lock_catalogs() ?
		judge_role(names.user, InvalidOid, &role) : CATALOGS_LOCKED;
	if (verdict == MAY_LOGIN)
		verdict = console ? judge_console(&role) :
			judge_database(names.database, InvalidOid, &role, &db);
	if (verdict != MAY_LOGIN)
		result = refuse(verdict, &names, out);
	else
		login->role = role.oid;
	if (verdict == MAY_LOGIN && !console)
	{
		login->database = db.oid;
		login->superuser = role.superuser;
		read_settings(login);
	}
	pooler_commit(caller);
	return result;
}

AuthResult
pooler_auth_authorize(const char *user, const char *database,
					  PoolerLogin *login, StringInfo out)
{
	return authorize(user, database, false, login, out);
}

AuthResult
pooler_auth_authorize_console(const char *user, const char *database,
							  PoolerLogin *login, StringInfo out)
{
	return authorize(user, database, true, login, out);
}

bool
pooler_auth_has_database(const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	AuthDatabase database;
	bool		found;

	StartTransactionCommand();
	/* if it cannot be said now: authorization is still to come */
	found = !pooler_auth_lock_catalogs() ||
		pooler_auth_find_database(name, InvalidOid, &database);
	pooler_commit(caller);
	return found;
}

/*
 * Whether a birth for them would pass the same checks now, as far as that can be
 * said. An expired password does not count: births need none.
 */
bool
pooler_auth_may_login(Oid role_oid, Oid database_oid)
{
	MemoryContext caller = CurrentMemoryContext;
	AuthRole	role;
	AuthDatabase database;
	Verdict		verdict;

	StartTransactionCommand();
	verdict = pooler_auth_lock_catalogs() ?
		judge_role(NULL, role_oid, &role) : CATALOGS_LOCKED;
	if (verdict == MAY_LOGIN)
		verdict = judge_database(NULL, database_oid, &role, &database);
	pooler_commit(caller);
	return verdict == MAY_LOGIN || verdict == CATALOGS_LOCKED;
}
