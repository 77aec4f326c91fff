/*
 * login.c
 *	  A client's login: from its first byte to its route.
 *
 *	  startup packet -> authentication (auth_dialog.c) -> authorization (auth_role.c)
 *
 * Reads no socket: the caller appends what has arrived to login->in. The
 * startup packet's settings are brought into one list, in the order in which
 * process_startup_options() gives them effect; nothing is applied here, and
 * nothing of it is looked at before the client is authenticated but the names
 * of role and database. A TLS or GSS request is answered 'N'.
 *
 * src/login.c
 */
#include "postgres.h"

#include "libpq/pqcomm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"

#include "compat.h"
#include "inject.h"
#include "login.h"
#include "pool.h"
#include "wire.h"

#define NEWEST_MINOR	0

LoginState *
pooler_login_begin(const SockAddr *raddr, const SockAddr *laddr)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext,
											  "pooler login",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	LoginState *login = palloc0(sizeof(LoginState));

	login->cxt = cxt;
	login->raddr = raddr;
	login->laddr = laddr;
	initStringInfo(&login->in);
	initStringInfo(&login->settings);
	MemoryContextSwitchTo(old);
	return login;
}

void
pooler_login_end(LoginState *login)
{
	MemoryContextDelete(login->cxt);
}

int
pooler_login_room(const LoginState *login)
{
	int			most = login->auth ? POOLER_AUTH_MAX_MESSAGE + 5 :
		WIRE_MAX_STARTUP;

	return Max(most - login->in.len, 0);
}

static void
consume(LoginState *login, int len)
{
	login->in.len -= len;
	memmove(login->in.data, login->in.data + len, login->in.len);
}

static LoginResult
fail(StringInfo out, int sqlstate, const char *message, const char *detail,
	 const char *hint)
{
	pooler_wire_put_error(out, "FATAL", unpack_sql_state(sqlstate), message,
						  detail, hint);
	return LOGIN_FAILED;
}

/* ---- the startup packet ---- */

static void
add_setting(LoginState *login, const char *name, const char *value)
{
	appendBinaryStringInfo(&login->settings, name, strlen(name) + 1);
	appendBinaryStringInfo(&login->settings, value, strlen(value) + 1);
	if (pg_strcasecmp(name, "application_name") == 0)
		login->application_name = pooler_clean_ascii(value);
}

/*
 * The "options" parameter: the switches -c name=value and --name=value. The
 * server's other switches have settings of the same meaning; they are refused
 * rather than passed over.
 */
static bool
add_options(LoginState *login, const char *options)
{
	char	  **argv;
	int			argc = 0;

	argv = palloc((strlen(options) / 2 + 2) * sizeof(char *));
	pg_split_opts(argv, &argc, options);
	for (int i = 0; i < argc; i++)
	{
		const char *arg = argv[i];
		char	   *name;
		char	   *value;

		if (strcmp(arg, "-c") == 0 && i + 1 < argc)
			arg = argv[++i];
		else if (strncmp(arg, "-c", 2) == 0 || strncmp(arg, "--", 2) == 0)
			arg += 2;
		else
			return false;
		ParseLongOption(arg, &name, &value);
		if (value == NULL)
			return false;
		add_setting(login, name, value);
	}
	return true;
}

static bool
wants_replication(const char *value)
{
	bool		on = true;

	if (value == NULL)
		return false;
	/* anything but a plain "no" asks for it: true, database, nonsense */
	return !parse_bool(value, &on) || on;
}

/* The parameters that are settings, after those of "options". */
static void
add_parameters(LoginState *login, const WireStartup *startup)
{
	const char *at = startup->params;
	const char *end = at + startup->params_len;

	while (at < end)
	{
		const char *name = at;
		const char *value = name + strlen(name) + 1;

		at = value + strlen(value) + 1;
		if (strcmp(name, "user") != 0 && strcmp(name, "database") != 0 &&
			strcmp(name, "options") != 0 && strcmp(name, "replication") != 0 &&
			strncmp(name, "_pq_.", 5) != 0)
			add_setting(login, name, value);
	}
}

/* As the server truncates what it is asked for. */
static char *
truncated(const char *name)
{
	char	   *copy = pstrdup(name);

	if (strlen(copy) >= NAMEDATALEN)
		copy[NAMEDATALEN - 1] = '\0';
	return copy;
}

static LoginResult
read_parameters(LoginState *login, const WireStartup *startup, StringInfo out)
{
	const char *p = startup->params;
	int			len = startup->params_len;
	const char *user = pooler_wire_param(p, len, "user");
	const char *database = pooler_wire_param(p, len, "database");
	const char *options = pooler_wire_param(p, len, "options");

	if (user == NULL || user[0] == '\0')
		return fail(out, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					"no PostgreSQL user name specified in startup packet",
					NULL, NULL);
	if (wants_replication(pooler_wire_param(p, len, "replication")))
		return fail(out, ERRCODE_FEATURE_NOT_SUPPORTED,
					"replication connections cannot be pooled", NULL,
					"Connect to the server's own port for replication.");
	login->user = truncated(user);
	login->pool_name = truncated(database && database[0] ? database : user);
	if (strcmp(login->user, POOLER_RESERVED_USER) == 0)
		return fail(out, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					"this user name is reserved for pooler's own backends",
					NULL, NULL);
	if (options && !add_options(login, options))
		return fail(out, ERRCODE_FEATURE_NOT_SUPPORTED,
					"unsupported switch in the connection's options", NULL,
					"Pooler passes on -c name=value and --name=value.");
	add_parameters(login, startup);
	return LOGIN_OK;
}

static LoginResult
begin_auth(LoginState *login, const WireStartup *startup, StringInfo out)
{
	LoginResult result;

	if (startup->major != 3)
		return fail(out, ERRCODE_FEATURE_NOT_SUPPORTED,
					psprintf("unsupported frontend protocol %d.%d: server supports 3.0 to 3.%d",
							 startup->major, startup->minor, NEWEST_MINOR),
					NULL, NULL);
	result = read_parameters(login, startup, out);
	if (result != LOGIN_OK)
		return result;
	POOLER_INJECT("login-startup");
	(void) pooler_wire_put_negotiate(out, startup, NEWEST_MINOR);
	login->database = pstrdup(pooler_pool_database(login->pool_name));
	login->auth = pooler_auth_begin(login->cxt, login->user, login->database,
									login->raddr, login->laddr);
	return LOGIN_OK;
}

/* LOGIN_OK: authentication has begun. */
static LoginResult
step_startup(LoginState *login, StringInfo out)
{
	WireStartup startup;
	LoginResult result;

	for (;;)
	{
		switch (pooler_wire_startup(login->in.data, login->in.len, &startup))
		{
			case WIRE_MORE:
				return LOGIN_MORE;
			case WIRE_BAD:
				return LOGIN_FAILED;
			case WIRE_OK:
				break;
		}
		switch (startup.kind)
		{
			case STARTUP_SSL:
			case STARTUP_GSS:
				{
					bool	   *asked = startup.kind == STARTUP_SSL ?
						&login->asked_ssl : &login->asked_gss;

					/* what follows a request at once would have been injected */
					if (*asked || login->in.len > startup.len)
						return LOGIN_FAILED;
					*asked = true;
					appendStringInfoChar(out, 'N');
					consume(login, startup.len);
					break;
				}
			case STARTUP_CANCEL:
				login->cancel_pid = startup.cancel_pid;
				login->cancel_key = startup.cancel_key;
				return LOGIN_CANCEL;
			case STARTUP_PACKET:
				result = begin_auth(login, &startup, out);
				consume(login, startup.len);
				return result;
		}
	}
}

/* ---- authentication ---- */

static LoginResult
authorize(LoginState *login, StringInfo out)
{
	POOLER_INJECT("login-authorize");
	/* a pool of that name comes first */
	login->console = strcmp(login->pool_name, POOLER_CONSOLE) == 0 &&
		!pooler_pool_serves(login->pool_name);
	if (login->console)
		return pooler_auth_authorize_console(login->user, login->database,
											 &login->login,
											 out) == AUTH_OK ?
			LOGIN_OK : LOGIN_FAILED;
	if (pooler_auth_authorize(login->user, login->database, &login->login,
							  out) != AUTH_OK)
		return LOGIN_FAILED;
	return LOGIN_OK;
}

/* One whole message; NULL, 0 at the beginning. */
static LoginResult
step_auth(LoginState *login, const char *message, int len, StringInfo out)
{
	switch (pooler_auth_step(login->auth, message, len, out))
	{
		case AUTH_MORE:
			return LOGIN_MORE;
		case AUTH_OK:
			return authorize(login, out);
		case AUTH_FAILED:
			break;
	}
	return LOGIN_FAILED;
}

static LoginResult
step_message(LoginState *login, StringInfo out)
{
	char		type;
	int64		whole = 0;
	LoginResult result;

	switch (pooler_wire_message(login->in.data, login->in.len, &type, &whole))
	{
		case WIRE_MORE:
			if (whole <= POOLER_AUTH_MAX_MESSAGE + 1)
				return LOGIN_MORE;
			/* FALLTHROUGH */
		case WIRE_BAD:
			return fail(out, ERRCODE_PROTOCOL_VIOLATION,
						"invalid password packet size", NULL, NULL);
		case WIRE_OK:
			break;
	}
	result = step_auth(login, login->in.data, whole, out);
	consume(login, whole);
	return result;
}

static LoginResult
step(LoginState *login, StringInfo out)
{
	LoginResult result;

	if (login->auth != NULL)
		return step_message(login, out);
	result = step_startup(login, out);
	return result == LOGIN_OK ? step_auth(login, NULL, 0, out) : result;
}

LoginResult
pooler_login_step(LoginState *login, StringInfo out)
{
	MemoryContext old = MemoryContextSwitchTo(login->cxt);
	LoginResult result;
	int			len;

	do
	{
		len = login->in.len;
		result = step(login, out);
	} while (result == LOGIN_MORE && login->in.len > 0 &&
			 login->in.len < len);
	MemoryContextSwitchTo(old);
	return result;
}

/* ---- after it ---- */

static bool
needs_own_backend(const char *name)
{
	const struct config_generic *g = pooler_find_setting(name);

	if (pg_strcasecmp(name, "local_preload_libraries") == 0 ||
		pg_strcasecmp(name, "session_preload_libraries") == 0)
		return true;
	return g != NULL &&
		(g->context == PGC_BACKEND || g->context == PGC_SU_BACKEND);
}

bool
pooler_login_needs_own_backend(const LoginState *login)
{
	const char *at = login->settings.data;
	const char *end = at + login->settings.len;

	while (at < end)
	{
		if (needs_own_backend(at))
			return true;
		at += strlen(at) + 1;
		at += strlen(at) + 1;
	}
	return false;
}
