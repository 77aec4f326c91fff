/*
 * guc.c
 *	  The settings.
 *
 * pooler.env is defined first: it decides the defaults of the DB_* mirror
 * (pool_size, max_overflow, pool_recycle, pool_timeout, pool_pre_ping,
 * echo_pool).  That works because the configuration file is read in full
 * before shared_preload_libraries are loaded, wherever in the file the line
 * is, and because pooler.env cannot change afterwards.  The defaults are
 * therefore ordinary boot values: SHOW, RESET, pg_settings and the removal of
 * a line from the file need nothing from us.
 *
 * pooler.mode alone may be set per role, by a superuser.  In a backend it may
 * thus be the role's; the pools' own modes are in shared memory.
 *
 * The text of pooler.pools is read by guc_pools.c.
 *
 * src/guc.c
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "capacity.h"
#include "compat.h"
#include "guc.h"

#define MAX_BACKENDS_SETTING	0x3FFFF /* as max_connections */
#define MAX_SECONDS				(INT_MAX / 1000)

char	   *pooler_guc_pools;
int			pooler_guc_pool_size;
int			pooler_guc_max_overflow;
int			pooler_guc_pool_recycle;
double		pooler_guc_pool_timeout;
bool		pooler_guc_pool_pre_ping;
bool		pooler_guc_echo_pool;
int			pooler_guc_env;
int			pooler_guc_mode;
char	   *pooler_guc_listen_addresses;
int			pooler_guc_port;
char	   *pooler_guc_unix_socket_directories;
int			pooler_guc_metrics_port;
char	   *pooler_guc_metrics_addresses;
int			pooler_guc_max_client_conn;
int			pooler_guc_max_backends;
int			pooler_guc_spare_backends;
int			pooler_guc_reserve;
int			pooler_guc_app_servers;
double		pooler_guc_capacity_buffer;
int			pooler_guc_wait_notice;
int			pooler_guc_client_read_timeout;
int			pooler_guc_leak_warn;
int			pooler_guc_client_write_timeout;
int			pooler_guc_role_quantum;
int			pooler_guc_max_pinned;
int			pooler_guc_pool_idle_timeout;
char	   *pooler_guc_known_libraries;
int			pooler_guc_superuser_mode;
double		pooler_guc_health_exhaustion;
double		pooler_guc_health_wait;
double		pooler_guc_health_idle_surplus;
int			pooler_guc_health_idle_time;
double		pooler_guc_health_churn;
double		pooler_guc_health_memory;

static const struct config_enum_entry env_options[] = {
	{"development", ENV_DEVELOPMENT, false},
	{"production", ENV_PRODUCTION, false},
	{NULL, 0, false}
};

static const struct config_enum_entry mode_options[] = {
	{"transaction", MODE_TRANSACTION, false},
	{"session", MODE_SESSION, false},
	{NULL, 0, false}
};

/*
 * Contrib modules whose C code keeps nothing in a session that its next client
 * could see.  Left out for what they keep: dblink and postgres_fdw (remote
 * sessions), isn (isn_weak()), sepgsql (the client's label), refint (plans),
 * sslinfo (the connection's certificate), and every procedural language with
 * its transforms (global variables).
 */
#define KNOWN_LIBRARIES_DEFAULT \
	"amcheck, auth_delay, auto_explain, autoinc, bloom, btree_gin, " \
	"btree_gist, citext, cube, dict_int, dict_xsyn, earthdistance, " \
	"file_fdw, fuzzystrmatch, hstore, insert_username, _int, lo, ltree, " \
	"moddatetime, old_snapshot, pageinspect, passwordcheck, " \
	"pg_buffercache, pg_freespacemap, pg_logicalinspect, pg_overexplain, " \
	"pg_prewarm, pg_stat_statements, pg_surgery, pg_trgm, pg_visibility, " \
	"pg_walinspect, pgcrypto, pgrowlocks, pgstattuple, seg, tablefunc, tcn, " \
	"tsm_system_rows, tsm_system_time, unaccent, uuid-ossp"

/*
 * Libraries that are part of the server: what it loads by itself (encoding
 * conversions when a client's encoding differs, stemmers, the JIT compiler)
 * and this one.  Whoever replaces the setting does not lose them.
 */
static const char *const core_libraries[] = {
	"pooler", "plpgsql", "dict_snowball", "llvmjit", "libpqwalreceiver",
	"pgoutput",
	"cyrillic_and_mic", "euc2004_sjis2004", "euc_cn_and_mic",
	"euc_jp_and_sjis", "euc_kr_and_mic", "euc_tw_and_big5",
	"latin2_and_win1250", "latin_and_mic", "utf8_and_big5",
	"utf8_and_cyrillic", "utf8_and_euc2004", "utf8_and_euc_cn",
	"utf8_and_euc_jp", "utf8_and_euc_kr", "utf8_and_euc_tw",
	"utf8_and_gb18030", "utf8_and_gbk", "utf8_and_iso8859",
	"utf8_and_iso8859_1", "utf8_and_johab", "utf8_and_sjis",
	"utf8_and_sjis2004", "utf8_and_uhc", "utf8_and_win",
	NULL
};

typedef struct IntSetting
{
	const char *name;
	int		   *value;
	int			boot[2];		/* development, production */
	int			min;
	int			max;
	GucContext	context;
	int			flags;
	const char *what;
	const char *detail;
} IntSetting;

static const IntSetting int_settings[] = {
	{
		"pooler.pool_size", &pooler_guc_pool_size, {5, 20},
		0, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of backends that each pool keeps open.",
		"0 opens none ahead and keeps all that were needed, up to "
		"pooler.max_backends."
	},
	{
		"pooler.max_overflow", &pooler_guc_max_overflow, {10, 40},
		-1, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of backends that each pool may open beyond its size.",
		"-1 sets no limit but pooler.max_backends."
	},
	{
		"pooler.max_client_conn", &pooler_guc_max_client_conn, {1000, 1000},
		1, MAX_BACKENDS_SETTING, PGC_POSTMASTER, 0,
		"Number of clients that may be connected to the pooler.",
		NULL
	},
	{
		"pooler.port", &pooler_guc_port, {6432, 6432},
		1, 65535, PGC_POSTMASTER, 0,
		"Port that the pooler listens on.",
		NULL
	},
	{
		"pooler.metrics_port", &pooler_guc_metrics_port, {0, 0},
		0, 65535, PGC_POSTMASTER, 0,
		"Port for metrics and probes, by HTTP.",
		"0 turns it off."
	},
	{
		"pooler.max_backends", &pooler_guc_max_backends, {-1, -1},
		-1, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of backends that all pools together may have open.",
		"-1 stands for what max_connections leaves. A pool that is listed "
		"can always have one."
	},
	{
		"pooler.spare_backends", &pooler_guc_spare_backends, {1, 1},
		0, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of unborn backends that each pool keeps ready for roles "
		"without one.",
		NULL
	},
	{
		"pooler.reserve", &pooler_guc_reserve, {3, 3},
		0, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of connections that pools leave to direct clients.",
		"They are counted beside those that the server itself reserves."
	},
	{
		"pooler.app_servers", &pooler_guc_app_servers, {1, 1},
		1, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of application servers, for the arithmetic of capacity.",
		NULL
	},
	{
		"pooler.max_pinned", &pooler_guc_max_pinned, {-1, -1},
		-1, MAX_BACKENDS_SETTING, PGC_SIGHUP, 0,
		"Number of backends of a pool that may be bound to a client by its "
		"session's state.",
		"-1 stands for one less than the pool may open, but at least one."
	},
	{
		"pooler.wait_notice", &pooler_guc_wait_notice, {5000, 5000},
		-1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time after which a client that waits for a backend is told so.",
		"-1 never tells it."
	},
	{
		"pooler.client_read_timeout", &pooler_guc_client_read_timeout,
		{60000, 60000},
		0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time that a client may take to send the rest of a message.",
		"0 turns it off."
	},
	{
		"pooler.client_write_timeout", &pooler_guc_client_write_timeout,
		{0, 0},
		0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time that a client may leave its results unread while others wait.",
		"0 turns it off."
	},
	{
		"pooler.leak_warn", &pooler_guc_leak_warn, {0, 0},
		0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time after which a client that holds a backend is logged as an "
		"apparent connection leak.",
		"0 turns it off. In session mode clients may hold their backends."
	},
	{
		"pooler.role_quantum", &pooler_guc_role_quantum, {50, 50},
		0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time that a backend stays with its role at least before it makes "
		"room for another.",
		NULL
	},
	{
		"pooler.pool_idle_timeout", &pooler_guc_pool_idle_timeout, {600, 600},
		-1, MAX_SECONDS, PGC_SIGHUP, GUC_UNIT_S,
		"Time after which a pool without clients that '*' made is closed.",
		"-1 never closes it."
	},
	{
		"pooler.health_idle_time", &pooler_guc_health_idle_time,
		{600000, 600000},
		0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
		"Time after which a backend that nobody needs counts as idle surplus.",
		NULL
	}
};

typedef struct RealSetting
{
	const char *name;
	double	   *value;
	double		boot;
	double		max;
	int			flags;
	const char *what;
	const char *detail;
} RealSetting;

/* Above what pooler.health warns, and pooler.diagnose() tells. */
static const RealSetting health_settings[] = {
	{
		"pooler.health_exhaustion", &pooler_guc_health_exhaustion,
		0, 1, 0,
		"Share of checkouts that may end in \"QueuePool limit reached\".",
		"More is a warning of pooler.health."
	},
	{
		"pooler.health_wait", &pooler_guc_health_wait,
		1, MAX_SECONDS, GUC_UNIT_S,
		"Time that a client may wait for a backend, now or on average.",
		"More is a warning of pooler.health."
	},
	{
		"pooler.health_idle_surplus", &pooler_guc_health_idle_surplus,
		0.3, 1, 0,
		"Share of pool_size that may be idle for pooler.health_idle_time.",
		"More is a warning of pooler.health."
	},
	{
		"pooler.health_churn", &pooler_guc_health_churn,
		4, INT_MAX, 0,
		"Times an hour that a pool's backends may be exchanged, recycling "
		"aside.",
		"More is a warning of pooler.health."
	},
	{
		"pooler.health_memory", &pooler_guc_health_memory,
		0.25, 1, 0,
		"Share of the machine's memory that backends of pools may have for "
		"themselves.",
		"More is a problem that pooler.diagnose() tells."
	}
};

/* The lines' text, without looking at what other settings say. */
static bool
check_pools(char **newval, void **extra, GucSource source)
{
	PoolEntry  *entries;
	char	   *error;
	int			n;

	entries = palloc(sizeof(PoolEntry) * POOLER_MAX_ENTRIES);
	n = pooler_guc_parse_pools(*newval, entries, POOLER_MAX_ENTRIES, &error);
	pfree(entries);
	if (n >= 0)
		return true;
	GUC_check_errdetail("%s", error);
	return false;
}

static bool
check_pool_recycle(int *newval, void **extra, GucSource source)
{
	if (*newval != 0)
		return true;
	GUC_check_errdetail("0 would replace every backend at once; -1 means "
						"never.");
	return false;
}

static bool
check_pool_timeout(double *newval, void **extra, GucSource source)
{
	if (*newval >= 0 || *newval == -1)
		return true;
	GUC_check_errdetail("0 gives up at once, -1 waits without limit; other "
						"values are positive.");
	return false;
}

/* The names are compared later; here only the list's syntax counts. */
static bool
check_known_libraries(char **newval, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*newval);
	List	   *names = NIL;
	bool		ok = SplitDirectoriesString(copy, ',', &names);

	list_free_deep(names);
	pfree(copy);
	if (!ok)
		GUC_check_errdetail("List syntax is invalid.");
	return ok;
}

static void
define_env(void)
{
	DefineCustomEnumVariable("pooler.env",
							 "Which of the guide's defaults apply, and whether "
							 "its rules for production are checked.",
							 NULL, &pooler_guc_env,
							 ENV_DEVELOPMENT, env_options,
							 PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

static void
define_ints(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *s = &int_settings[i];

		DefineCustomIntVariable(s->name, s->what, s->detail, s->value,
								s->boot[pooler_guc_env], s->min, s->max,
								s->context, s->flags, NULL, NULL, NULL);
	}
	DefineCustomIntVariable("pooler.pool_recycle",
							"Age at which a backend is replaced when it is "
							"next idle.",
							"-1 never replaces it.",
							&pooler_guc_pool_recycle,
							pooler_guc_env == ENV_PRODUCTION ? 1800 : 3600,
							-1, INT_MAX, PGC_SIGHUP, GUC_UNIT_S,
							check_pool_recycle, NULL, NULL);
}

static void
define_reals_and_bools(void)
{
	DefineCustomRealVariable("pooler.pool_timeout",
							 "Time that a client may wait for a backend.",
							 "0 gives up at once, -1 waits without limit.",
							 &pooler_guc_pool_timeout, 30, -1, MAX_SECONDS,
							 PGC_SIGHUP, GUC_UNIT_S,
							 check_pool_timeout, NULL, NULL);
	DefineCustomRealVariable("pooler.capacity_buffer",
							 "Share of connections to add for administration "
							 "and other services.",
							 "The guide says 0.2 to 0.3.",
							 &pooler_guc_capacity_buffer, 0.2, 0, 10,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pooler.pool_pre_ping",
							 "Makes sure that a backend is alive before a "
							 "client meets it.",
							 NULL, &pooler_guc_pool_pre_ping, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pooler.echo_pool",
							 "Logs checkouts, checkins and what else happens "
							 "to backends of pools.",
							 NULL, &pooler_guc_echo_pool, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
define_health(void)
{
	for (int i = 0; i < lengthof(health_settings); i++)
	{
		const RealSetting *s = &health_settings[i];

		DefineCustomRealVariable(s->name, s->what, s->detail, s->value,
								 s->boot, 0, s->max, PGC_SIGHUP, s->flags,
								 NULL, NULL, NULL);
	}
}

static void
define_modes(void)
{
	DefineCustomEnumVariable("pooler.mode",
							 "Whether a client keeps its backend for a "
							 "transaction or for its session.",
							 "A role's own value wins over a pool's, a pool's "
							 "over this one.",
							 &pooler_guc_mode, MODE_TRANSACTION, mode_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pooler.superuser_mode",
							 "Mode for superusers.",
							 NULL, &pooler_guc_superuser_mode, MODE_SESSION,
							 mode_options, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/*
 * The pooler's sockets lie beside the server's by default.  The copy is needed
 * as a boot value must never move.
 */
static void
define_sockets(void)
{
	DefineCustomStringVariable("pooler.listen_addresses",
							   "Host names or addresses that the pooler "
							   "listens on.",
							   NULL, &pooler_guc_listen_addresses, "localhost",
							   PGC_POSTMASTER, GUC_LIST_INPUT,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pooler.metrics_addresses",
							   "Host names or addresses that metrics are "
							   "served on.",
							   "Whoever reaches them may read.",
							   &pooler_guc_metrics_addresses, "localhost",
							   PGC_POSTMASTER, GUC_LIST_INPUT,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pooler.unix_socket_directories",
							   "Directories for the pooler's Unix sockets.",
							   "The default is the server's "
							   "unix_socket_directories.",
							   &pooler_guc_unix_socket_directories,
							   MemoryContextStrdup(TopMemoryContext,
												   Unix_socket_directories),
							   PGC_POSTMASTER,
							   GUC_LIST_INPUT | GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
}

static void
define_lists(void)
{
	DefineCustomStringVariable("pooler.pools",
							   "Pools: name[=database] [parameter=value ...], "
							   "separated by commas.",
							   "Parameters are pool_size, max_overflow, "
							   "recycle, timeout, pre_ping, echo and mode. "
							   "Other characters than letters, digits and _ "
							   "need double quotes; case matters. "
							   "The name * stands for every other database.",
							   &pooler_guc_pools,
							   "main, telehealth, fire, hems",
							   PGC_SIGHUP, 0, check_pools, NULL, NULL);
	DefineCustomStringVariable("pooler.known_libraries",
							   "Loadable libraries that keep no state in a "
							   "session.",
							   "Whoever makes use of another one keeps its "
							   "backend, which is closed afterwards.",
							   &pooler_guc_known_libraries,
							   KNOWN_LIBRARIES_DEFAULT,
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_known_libraries, NULL, NULL);
}

/*
 * Defines all settings.  Only while the postmaster preloads libraries: later
 * there is no shared memory to be had, and the ERROR here is the one that
 * CREATE EXTENSION and LOAD show.  (Not for a binary upgrade, in which _PG_init
 * must return before this.)
 */
void
pooler_guc_define(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pooler is not loaded into the server"),
				 errhint("Add pooler to shared_preload_libraries in "
						 "postgresql.conf and restart the server.")));
	define_env();
	define_ints();
	define_reals_and_bools();
	define_health();
	define_modes();
	define_sockets();
	define_lists();
	MarkGUCPrefixReserved("pooler");
}

/* The entry's own values over the global ones as they are now. */
void
pooler_guc_limits(const PoolEntry *entry, PoolerLimits *limits)
{
	const PoolerLimits *own = &entry->limits;
	double		timeout_ms = pooler_guc_pool_timeout < 0 ? -1 :
		ceil(pooler_guc_pool_timeout * 1000.0);

	limits->pool_size = entry->has_pool_size ?
		own->pool_size : pooler_guc_pool_size;
	limits->max_overflow = entry->has_max_overflow ?
		own->max_overflow : pooler_guc_max_overflow;
	limits->recycle_s = entry->has_recycle ?
		own->recycle_s : pooler_guc_pool_recycle;
	limits->timeout_ms = entry->has_timeout ?
		own->timeout_ms : (int) timeout_ms;
	limits->pre_ping = entry->has_pre_ping ?
		own->pre_ping : pooler_guc_pool_pre_ping;
	limits->echo = entry->has_echo ? own->echo : pooler_guc_echo_pool;
	limits->mode = entry->has_mode ? own->mode : (PoolerMode) pooler_guc_mode;
}

/*
 * Does QueuePool set no limit?  A size of 0 means so there, too.
 */
bool
pooler_guc_pool_unlimited(const PoolerLimits *limits)
{
	return limits->max_overflow < 0 || limits->pool_size == 0;
}

/* The most backends a pool may have open; max_backends where unlimited. */
int
pooler_guc_pool_limit(const PoolerLimits *limits)
{
	if (!pooler_guc_pool_unlimited(limits))
		return limits->pool_size + limits->max_overflow;
	return pooler_capacity_backends(pooler_guc_max_backends, MaxConnections,
									pooler_guc_reserved(), 0, 1);
}

/* How many of a pool's backends may be bound to a client by its state. */
int
pooler_guc_pool_max_pinned(const PoolerLimits *limits)
{
	int			limit = pooler_guc_pool_limit(limits);

	if (pooler_guc_max_pinned >= 0)
		return Min(pooler_guc_max_pinned, limit);
	return Max(limit - 1, 1);
}

/* Connections that no pool may take: the server's reserved ones and ours. */
int
pooler_guc_reserved(void)
{
	return pooler_server_reserved() + pooler_guc_reserve;
}

/*
 * Is this library, by its name without directory and suffix, known to keep no
 * state in a session?
 */
bool
pooler_guc_library_known(const char *name)
{
	char	   *copy = pstrdup(pooler_guc_known_libraries);
	List	   *names = NIL;
	ListCell   *lc;
	bool		known = false;

	for (int i = 0; core_libraries[i] != NULL; i++)
		known = known || strcmp(core_libraries[i], name) == 0;
	if (SplitDirectoriesString(copy, ',', &names))
		foreach(lc, names)
			known = known || strcmp(lfirst(lc), name) == 0;
	list_free_deep(names);
	pfree(copy);
	return known;
}
