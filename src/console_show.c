/*
 * console_show.c
 *	  What each SHOW of the console has to show.
 *
 * Columns, their order, types and units are those of PgBouncer 1.24 (admin.c,
 * stats.c there), for the programs that read them; what pooler calls otherwise
 * or does not have is translated here:
 *
 *	  database	the pool
 *	  (nouser)	backends of a pool that are no role's yet
 *	  pgbouncer	the console itself, as a database
 *	  sv_tested	backends that are leaving
 *
 * Programs refuse two rows of the same key. So there is one for each name as it
 * is shown (console_rows.c): a role that was dropped and made again is one user,
 * and a pool that drains is shown with the one that has its name now, whose
 * settings and counters these are. Of pools whose names only look the same the
 * settings are those of the latest, the counters the sum.
 *
 * All of it is read from shared memory by the worker, as the views do it; no
 * backend is asked. What a backend or client is doing is called by views.c.
 *
 * src/console_show.c
 */
#include "postgres.h"

#include <math.h>

#include "common/ip.h"
#include "libpq/auth.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "postmaster/postmaster.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "client.h"
#include "compat.h"
#include "console_show.h"
#include "figures.h"
#include "guc.h"
#include "pool.h"
#include "route.h"
#include "shmem.h"
#include "stats.h"
#include "views.h"

#define NO_ROLE		"(nouser)"

#define T(name) {name, COLUMN_TEXT}
#define I(name) {name, COLUMN_INT4}
#define N(name) {name, COLUMN_NUMERIC}

static const ConsoleColumn sockets[] = {
	T("type"), T("user"), T("database"), T("replication"), T("state"),
	T("addr"), I("port"), T("local_addr"), I("local_port"),
	T("connect_time"), T("request_time"), I("wait"), I("wait_us"),
	I("close_needed"), T("ptr"), T("link"), I("remote_pid"), T("tls"),
	T("application_name"), I("prepared_statements"), I("id")
};

static const ConsoleColumn pools[] = {
	T("database"), T("user"), I("cl_active"), I("cl_waiting"),
	I("cl_active_cancel_req"), I("cl_waiting_cancel_req"), I("sv_active"),
	I("sv_active_cancel"), I("sv_being_canceled"), I("sv_idle"),
	I("sv_used"), I("sv_tested"), I("sv_login"), I("maxwait"),
	I("maxwait_us"), T("pool_mode"), T("load_balance_hosts")
};

static const ConsoleColumn databases[] = {
	T("name"), T("host"), I("port"), T("database"), T("force_user"),
	I("pool_size"), I("min_pool_size"), I("reserve_pool_size"),
	I("server_lifetime"), T("pool_mode"), T("load_balance_hosts"),
	I("max_connections"), I("current_connections"),
	I("max_client_connections"), I("current_client_connections"),
	I("paused"), I("disabled")
};

static const ConsoleColumn users[] = {
	T("name"), T("pool_size"), T("reserve_pool_size"), T("pool_mode"),
	I("max_user_connections"), I("current_connections"),
	I("max_user_client_connections"), I("current_client_connections")
};

static const ConsoleColumn stats[] = {
	T("database"), N("total_server_assignment_count"), N("total_xact_count"),
	N("total_query_count"), N("total_received"), N("total_sent"),
	N("total_xact_time"), N("total_query_time"), N("total_wait_time"),
	N("total_client_parse_count"), N("total_server_parse_count"),
	N("total_bind_count"), N("avg_server_assignment_count"),
	N("avg_xact_count"), N("avg_query_count"), N("avg_recv"), N("avg_sent"),
	N("avg_xact_time"), N("avg_query_time"), N("avg_wait_time"),
	N("avg_client_parse_count"), N("avg_server_parse_count"),
	N("avg_bind_count")
};

static const ConsoleColumn stats_totals[] = {
	T("database"), N("server_assignment_count"), N("xact_count"),
	N("query_count"), N("bytes_received"), N("bytes_sent"), N("xact_time"),
	N("query_time"), N("wait_time"), N("client_parse_count"),
	N("server_parse_count"), N("bind_count")
};

/* The last three are called so there, too. */
static const ConsoleColumn stats_averages[] = {
	T("database"), N("server_assignment_count"), N("xact_count"),
	N("query_count"), N("bytes_received"), N("bytes_sent"), N("xact_time"),
	N("query_time"), N("wait_time"), N("avg_client_parse_count"),
	N("avg_server_parse_count"), N("avg_bind_count")
};

/* Names of the rows of SHOW TOTALS, in the order of PoolerStat. */
static const char *const total_names[STAT_COUNT] = {
	"server_assignment_count", "xact_count", "query_count", "client_bytes",
	"server_bytes", "xact_time", "query_time", "wait_time",
	"ps_client_parse_count", "ps_server_parse_count", "ps_bind_count"
};

static const ConsoleColumn totals[] = {T("name"), N("value")};
static const ConsoleColumn lists[] = {T("list"), I("items")};
static const ConsoleColumn config[] = {
	T("key"), T("value"), T("default"), T("changeable")
};
static const ConsoleColumn state[] = {T("key"), T("value")};
static const ConsoleColumn version[] = {T("version")};

static void
put_text(ConsoleRows *rows, const char *value)
{
	pooler_console_rows_text(rows, value);
}

static void
put_number(ConsoleRows *rows, int64 value)
{
	pooler_console_rows_number(rows, value);
}

int
pooler_console_columns(ConsoleShow show, const ConsoleColumn **columns)
{
	*columns = NULL;
	switch (show)
	{
		case SHOW_CLIENTS:
		case SHOW_SERVERS:
			*columns = sockets;
			return lengthof(sockets);
		case SHOW_CONFIG:
			*columns = config;
			return lengthof(config);
		case SHOW_DATABASES:
			*columns = databases;
			return lengthof(databases);
		case SHOW_HELP:
			return 0;
		case SHOW_LISTS:
			*columns = lists;
			return lengthof(lists);
		case SHOW_POOLS:
			*columns = pools;
			return lengthof(pools);
		case SHOW_STATE:
			*columns = state;
			return lengthof(state);
		case SHOW_STATS:
			*columns = stats;
			return lengthof(stats);
		case SHOW_STATS_AVERAGES:
			*columns = stats_averages;
			return lengthof(stats_averages);
		case SHOW_STATS_TOTALS:
			*columns = stats_totals;
			return lengthof(stats_totals);
		case SHOW_TOTALS:
			*columns = totals;
			return lengthof(totals);
		case SHOW_USERS:
			*columns = users;
			return lengthof(users);
		case SHOW_VERSION:
			*columns = version;
			return lengthof(version);
	}
	return 0;
}

const char *
pooler_console_help(void)
{
	return "\n\tSHOW HELP|CONFIG|DATABASES"
		"|POOLS|CLIENTS|SERVERS|USERS|VERSION\n"
		"\tSHOW LISTS|STATE\n"
		"\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS\n"
		"\tThe views in the schema pooler have more.";
}

static const char *
mode_name(PoolerMode mode)
{
	return mode == MODE_SESSION ? "session" : "transaction";
}

static int
count_clients(PoolerClientState wanted)
{
	int			n = 0;

	for (int i = 0; i < pooler_shared->max_clients; i++)
		n += pooler_clients[i].state == wanted;
	return n;
}

/* ---- SHOW CLIENTS, SHOW SERVERS ---- */

static void
put_time(ConsoleRows *rows, TimestampTz time)
{
	pg_time_t	t = timestamptz_to_time_t(time);
	char		buffer[64];

	pg_strftime(buffer, sizeof(buffer), "%Y-%m-%d %H:%M:%S UTC",
				pg_gmtime(&t));
	put_text(rows, buffer);
}

static void
put_address(ConsoleRows *rows, const SockAddr *address)
{
	char		host[NI_MAXHOST];
	char		port[NI_MAXSERV];

	if (address->salen == 0 || address->addr.ss_family == AF_UNIX ||
		pg_getnameinfo_all(&address->addr, address->salen, host, sizeof(host),
						   port, sizeof(port),
						   NI_NUMERICHOST | NI_NUMERICSERV) != 0)
	{
		put_text(rows, "unix");
		put_number(rows, pooler_guc_port);
		return;
	}
	put_text(rows, host);
	put_number(rows, atoi(port));
}

/* What stands for the address of PgBouncer's object; '' where there is none. */
static void
put_pointer(ConsoleRows *rows, char kind, int64 id)
{
	put_text(rows, id < 0 ? "" : psprintf("%c" INT64_FORMAT, kind, id));
}

/* Whole seconds, and the rest in microseconds. */
static void
put_wait(ConsoleRows *rows, TimestampTz since)
{
	int64		us = since == 0 ? 0 : Max(GetCurrentTimestamp() - since, 0);

	put_number(rows, us / USECS_PER_SEC);
	put_number(rows, us % USECS_PER_SEC);
}

static void
client_row(ConsoleRows *rows, PoolerClient *c, PoolerMember *m)
{
	const char *doing = pooler_views_client_state(c, m);
	bool		console = c->state == CLIENT_CONSOLE;
	bool		waits = strcmp(doing, "waiting") == 0;

	put_text(rows, "C");
	put_text(rows, console ? pooler_worker_clients[c - pooler_clients].role :
		 pooler_routes[c->route].role_name);
	put_text(rows, console ? POOLER_CONSOLE : pooler_pools[c->pool].name);
	put_text(rows, "none");
	put_text(rows, console || strcmp(doing, "pinned") == 0 ? "active" : doing);
	put_address(rows, &c->raddr);
	put_address(rows, &c->laddr);
	put_time(rows, c->connected_at);
	put_time(rows, Max(c->state_since, c->request_at));
	put_wait(rows, waits ? c->waiting_since : 0);
	put_number(rows, pooler_worker_clients[c - pooler_clients].reason != NULL);
	put_pointer(rows, 'c', c->id);
	put_pointer(rows, 's', m ? m->pid : -1);
	put_number(rows, 0);
	put_text(rows, "");
	put_text(rows, c->application_name);
	put_number(rows, 0);
	put_number(rows, c->id);
}

static void
show_clients(ConsoleRows *rows)
{
	PoolerMember **members = pooler_views_members_by_client();

	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		if (c->state == CLIENT_CONSOLE ||
			(c->route != POOLER_NO_ROUTE && c->state != CLIENT_FREE))
			client_row(rows, c, members[i]);
	}
}

typedef enum ServerState
{
	SERVER_ACTIVE,
	SERVER_IDLE,
	SERVER_TESTED,
	SERVER_LOGIN,
	SERVER_STATES				/* it is not there */
} ServerState;

static const char *const server_states[] = {
	[SERVER_ACTIVE] = "active",
	[SERVER_IDLE] = "idle",
	[SERVER_TESTED] = "tested",
	[SERVER_LOGIN] = "new"
};

static ServerState
server_state(PoolerMember *m)
{
	const char *doing = pooler_figures_backend_state(m);

	/* an earlier worker's may be of a pool that is no more */
	if (doing == NULL || m->pool < 0 || m->pool >= POOLER_MAX_POOLS)
		return SERVER_STATES;
	if (strcmp(doing, "active") == 0 || strcmp(doing, "pinned") == 0)
		return SERVER_ACTIVE;
	if (strcmp(doing, "starting") == 0)
		return SERVER_LOGIN;
	return strcmp(doing, "leaving") == 0 ? SERVER_TESTED : SERVER_IDLE;
}

static void
server_row(ConsoleRows *rows, PoolerMember *m, ServerState doing)
{
	int			slot = pooler_views_member_client(m);

	put_text(rows, "S");
	put_text(rows, m->route == POOLER_NO_ROUTE ? NO_ROLE :
		 pooler_routes[m->route].role_name);
	put_text(rows, pooler_pools[m->pool].name);
	put_text(rows, "none");
	put_text(rows, server_states[doing]);
	put_text(rows, "unix");
	put_number(rows, PostPortNumber);
	put_text(rows, "unix");
	put_number(rows, PostPortNumber);
	put_time(rows, m->opened_at);
	put_time(rows, m->taken_at != 0 ? m->taken_at : m->opened_at);
	put_wait(rows, 0);
	put_number(rows, pg_atomic_read_u32(&m->leave) != 0);
	put_pointer(rows, 's', m->pid);
	put_pointer(rows, 'c', slot >= 0 ? (int64) pooler_clients[slot].id : -1);
	put_number(rows, m->pid);
	put_text(rows, "");
	put_text(rows, slot >= 0 ? pooler_clients[slot].application_name : "");
	put_number(rows, 0);
	put_number(rows, m->pid);
}

static void
show_servers(ConsoleRows *rows)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		ServerState doing = server_state(&pooler_members[i]);

		if (doing != SERVER_STATES)
			server_row(rows, &pooler_members[i], doing);
	}
}

/* ---- SHOW POOLS ---- */

typedef struct PoolRow
{
	int			clients;		/* -1: such a row is not there */
	int			waiting;
	TimestampTz waiting_since;
	int			servers[SERVER_STATES];
} PoolRow;

static void
pool_row(ConsoleRows *rows, const char *name, const char *user,
		 const PoolRow *row, const char *mode)
{
	put_text(rows, name);
	put_text(rows, user);
	put_number(rows, row->clients - row->waiting);
	put_number(rows, row->waiting);
	put_number(rows, 0);
	put_number(rows, 0);
	put_number(rows, row->servers[SERVER_ACTIVE]);
	put_number(rows, 0);
	put_number(rows, 0);
	put_number(rows, row->servers[SERVER_IDLE]);
	put_number(rows, 0);
	put_number(rows, row->servers[SERVER_TESTED]);
	put_number(rows, row->servers[SERVER_LOGIN]);
	put_wait(rows, row->waiting_since);
	put_text(rows, mode);
	put_text(rows, NULL);
}

/* By pool: the one under whose name and settings it is shown. */
static int *
shown_pools(void)
{
	int		   *shown = palloc(sizeof(int) * POOLER_MAX_POOLS);

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		shown[i] = pooler_figures_told_as(i, pooler_console_rows_alike);
	return shown;
}

static bool
is_same_role(int route, int other)
{
	return pooler_console_rows_alike(pooler_routes[route].role_name,
									 pooler_routes[other].role_name);
}

/* By route: the first one of these names, itself for instance. */
static int *
shown_routes(const int *shown_pool)
{
	int			n = pooler_shared->max_routes;
	int		   *shown = palloc(sizeof(int) * n);

	for (int i = 0; i < n; i++)
	{
		PoolerRoute *r = &pooler_routes[i];

		shown[i] = i;
		for (int j = 0; r->used && j < i; j++)
		{
			if (shown[j] != j || !pooler_routes[j].used ||
				shown_pool[pooler_routes[j].pool] != shown_pool[r->pool] ||
				!is_same_role(i, j))
				continue;
			shown[i] = j;
			break;
		}
	}
	return shown;
}

static void
add_route(PoolRow *row, const PoolerRoute *route, const WaitFigures *waits)
{
	row->clients += route->clients;
	row->waiting += waits->clients;
	if (row->waiting_since == 0 ||
		(waits->first != 0 && waits->first < row->waiting_since))
		row->waiting_since = waits->first;
}

/* By route that is shown; behind them, by pool, backends that are of none. */
static PoolRow *
gather_pools(const int *shown_pool, const int *shown_route)
{
	int			routes = pooler_shared->max_routes;
	PoolRow    *all = palloc0(sizeof(PoolRow) * (routes + POOLER_MAX_POOLS));
	WaitFigures *waits = pooler_figures_waits_by_route();

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		ServerState doing = server_state(m);

		if (doing != SERVER_STATES)
			all[m->route == POOLER_NO_ROUTE ? routes + shown_pool[m->pool] :
				shown_route[m->route]].servers[doing]++;
	}
	for (int i = 0; i < routes; i++)
	{
		if (pooler_routes[i].used)
			add_route(&all[shown_route[i]], &pooler_routes[i], &waits[i]);
	}
	return all;
}

static bool
has_servers(const PoolRow *row)
{
	for (int i = 0; i < SERVER_STATES; i++)
	{
		if (row->servers[i] > 0)
			return true;
	}
	return false;
}

static void
show_pools(ConsoleRows *rows)
{
	int		   *shown_pool = shown_pools();
	int		   *shown_route = shown_routes(shown_pool);
	PoolRow    *all = gather_pools(shown_pool, shown_route);
	PoolRow    *unborn = all + pooler_shared->max_routes;
	PoolRow		console = {.clients = count_clients(CLIENT_CONSOLE)};

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state == POOL_FREE || shown_pool[i] != i)
			continue;
		for (int r = 0; r < pooler_shared->max_routes; r++)
		{
			if (pooler_routes[r].used && shown_route[r] == r &&
				shown_pool[pooler_routes[r].pool] == i)
				pool_row(rows, p->name, pooler_routes[r].role_name, &all[r],
						 mode_name(p->limits.mode));
		}
		if (has_servers(&unborn[i]))
			pool_row(rows, p->name, NO_ROLE, &unborn[i],
					 mode_name(p->limits.mode));
	}
	pool_row(rows, POOLER_CONSOLE, POOLER_CONSOLE, &console, "statement");
}

/* ---- SHOW DATABASES, USERS, LISTS ---- */

/* Where PgBouncer says "no limit" or "never" by 0. */
static int
zero_if_none(int value)
{
	return Max(value, 0);
}

/* 0: no limit of its own. */
static int
most_backends(const PoolerLimits *limits)
{
	return pooler_guc_pool_unlimited(limits) ? 0 :
		limits->pool_size + limits->max_overflow;
}

/* With those that drain and have its name. */
static void
database_row(ConsoleRows *rows, int pool, const int *shown_pool)
{
	PoolerPool *p = &pooler_pools[pool];
	int			backends = 0;
	int			clients = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE || shown_pool[i] != pool)
			continue;
		backends += pooler_worker_pools[i].open;
		clients += pooler_pools[i].clients;
	}

	put_text(rows, p->name);
	put_text(rows, NULL);
	put_number(rows, PostPortNumber);
	put_text(rows, p->database);
	put_text(rows, NULL);
	put_number(rows, p->limits.pool_size);
	put_number(rows, p->limits.pool_size);
	put_number(rows, zero_if_none(p->limits.max_overflow));
	put_number(rows, zero_if_none(p->limits.recycle_s));
	put_text(rows, mode_name(p->limits.mode));
	put_text(rows, NULL);
	put_number(rows, most_backends(&p->limits));
	put_number(rows, backends);
	put_number(rows, 0);
	put_number(rows, clients);
	put_number(rows, pg_atomic_read_u32(&p->paused) != 0);
	put_number(rows, p->state == POOL_DRAINING);
}

static void
console_database_row(ConsoleRows *rows)
{
	put_text(rows, POOLER_CONSOLE);
	put_text(rows, NULL);
	put_number(rows, pooler_guc_port);
	put_text(rows, POOLER_CONSOLE);
	put_text(rows, NULL);
	for (int i = 0; i < 4; i++)
		put_number(rows, 0);
	put_text(rows, "statement");
	put_text(rows, NULL);
	put_number(rows, 0);
	put_number(rows, 0);
	put_number(rows, POOLER_MAX_CONSOLES);
	put_number(rows, count_clients(CLIENT_CONSOLE));
	put_number(rows, 0);
	put_number(rows, 0);
}

static int
count_pools(const int *shown_pool)
{
	int			n = 0;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		n += pooler_pools[i].state != POOL_FREE && shown_pool[i] == i;
	return n;
}

static void
show_databases(ConsoleRows *rows)
{
	int		   *shown_pool = shown_pools();

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state != POOL_FREE && shown_pool[i] == i)
			database_row(rows, i, shown_pool);
	}
	console_database_row(rows);
}

/* Is this the first route of a role that is called so? */
static bool
is_first_of_role(int route)
{
	for (int i = 0; i < route; i++)
	{
		if (pooler_routes[i].used && is_same_role(i, route))
			return false;
	}
	return pooler_routes[route].used;
}

static void
show_users(ConsoleRows *rows)
{
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		int			backends = 0;
		int			clients = 0;

		if (!is_first_of_role(i))
			continue;
		for (int r = i; r < pooler_shared->max_routes; r++)
		{
			if (!pooler_routes[r].used || !is_same_role(r, i))
				continue;
			backends += pooler_routes[r].backends;
			clients += pooler_routes[r].clients;
		}
		put_text(rows, pooler_routes[i].role_name);
		put_text(rows, "");
		put_text(rows, "");
		put_text(rows, NULL);
		put_number(rows, 0);
		put_number(rows, backends);
		put_number(rows, 0);
		put_number(rows, clients);
	}
}

static void
list_row(ConsoleRows *rows, const char *name, int items)
{
	put_text(rows, name);
	put_number(rows, items);
}

static void
show_lists(ConsoleRows *rows)
{
	int			free_clients = count_clients(CLIENT_FREE);
	int		   *shown_pool = shown_pools();
	int		   *shown_route = shown_routes(shown_pool);
	int			servers = 0;
	int			roles = 0;
	int			routes = 0;

	for (int i = 0; i < pooler_shared->max_members; i++)
		servers += server_state(&pooler_members[i]) != SERVER_STATES;
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		routes += pooler_routes[i].used && shown_route[i] == i;
		roles += is_first_of_role(i);
	}
	list_row(rows, "databases", count_pools(shown_pool) + 1);
	list_row(rows, "users", roles);
	list_row(rows, "peers", 0);
	list_row(rows, "pools", routes + 1);
	list_row(rows, "peer_pools", 0);
	list_row(rows, "free_clients",
			 Max(pooler_shared->clients_allowed -
				 (pooler_shared->max_clients - free_clients), 0));
	list_row(rows, "used_clients", pooler_shared->max_clients - free_clients);
	list_row(rows, "login_clients", count_clients(CLIENT_LOGIN));
	list_row(rows, "free_servers", pooler_shared->max_members - servers);
	list_row(rows, "used_servers", servers);
	list_row(rows, "dns_names", 0);
	list_row(rows, "dns_zones", 0);
	list_row(rows, "dns_queries", 0);
	list_row(rows, "dns_pending", 0);
}

/* ---- SHOW STATS and its parts ---- */

static void
put_stats(ConsoleRows *rows, const PoolerStats *s)
{
	for (int i = 0; i < STAT_COUNT; i++)
		put_number(rows, s->n[i]);
}

static void
stats_row(ConsoleRows *rows, const char *name, const bool *of,
		  bool with_totals, bool with_averages)
{
	PoolerStats total;
	PoolerStats average;

	pooler_stats_read(of, &total, &average);
	put_text(rows, name);
	if (with_totals)
		put_stats(rows, &total);
	if (with_averages)
		put_stats(rows, &average);
}

static void
show_stats(ConsoleRows *rows, bool with_totals, bool with_averages)
{
	int		   *shown_pool = shown_pools();
	bool		console[POOLER_STATS_OWNERS] = {[POOLER_STATS_CONSOLE] = true};

	pooler_client_count_traffic();
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		bool		of[POOLER_STATS_OWNERS] = {false};

		if (pooler_pools[i].state == POOL_FREE || shown_pool[i] != i)
			continue;
		/* a sum would fall when one that drains has gone */
		for (int j = 0; j < POOLER_MAX_POOLS; j++)
			of[j] = pooler_pools[j].state != POOL_FREE &&
				shown_pool[j] == i && pooler_figures_told(j) == j;
		stats_row(rows, pooler_pools[i].name, of, with_totals, with_averages);
	}
	stats_row(rows, POOLER_CONSOLE, console, with_totals, with_averages);
}

static void
total_rows(ConsoleRows *rows, const char *prefix, const PoolerStats *s)
{
	for (int i = 0; i < STAT_COUNT; i++)
	{
		put_text(rows, psprintf("%s_%s", prefix, total_names[i]));
		put_number(rows, s->n[i]);
	}
}

static void
show_totals(ConsoleRows *rows)
{
	PoolerStats total;
	PoolerStats average;

	pooler_client_count_traffic();
	pooler_stats_read(NULL, &total, &average);
	total_rows(rows, "total", &total);
	total_rows(rows, "avg", &average);
}

/* ---- SHOW CONFIG, STATE, VERSION ---- */

/* `initial`: PgBouncer's column "default". */
static void
config_row(ConsoleRows *rows, const char *key, const char *value,
		   const char *initial, bool changeable)
{
	put_text(rows, key);
	put_text(rows, value);
	put_text(rows, initial);
	put_text(rows, changeable ? "yes" : "no");
}

static void
config_number(ConsoleRows *rows, const char *key, int value, int initial,
			  bool changeable)
{
	config_row(rows, key, psprintf("%d", value), psprintf("%d", initial),
			   changeable);
}

/*
 * The settings of PgBouncer that have a counterpart here, in its order; 0 is
 * "no limit" or "never" there. Defaults are pooler's, for development.
 */
static void
show_config(ConsoleRows *rows)
{
	PoolerLimits limits = {
		.pool_size = pooler_guc_pool_size,
		.max_overflow = pooler_guc_max_overflow
	};

	config_row(rows, "auth_type", "hba", "hba", false);
	config_number(rows, "client_idle_timeout", IdleSessionTimeout / 1000, 0,
				  true);
	config_number(rows, "client_login_timeout", AuthenticationTimeout, 60,
				  true);
	config_number(rows, "default_pool_size", pooler_guc_pool_size, 5, true);
	config_row(rows, "listen_addr", pooler_guc_listen_addresses, "localhost",
			   false);
	config_number(rows, "listen_port", pooler_guc_port, 6432, false);
	config_number(rows, "log_connections", pooler_logs_authorization(), 0,
				  true);
	config_number(rows, "log_pooler_errors", 0, 0, false);
	config_number(rows, "log_stats", 0, 0, false);
	config_number(rows, "max_client_conn", pooler_shared->clients_allowed,
				  1000, false);
	config_number(rows, "max_db_client_connections", 0, 0, false);
	config_number(rows, "max_db_connections", most_backends(&limits), 15,
				  true);
	config_number(rows, "max_prepared_statements", 0, 0, false);
	config_number(rows, "max_user_client_connections", 0, 0, false);
	config_number(rows, "max_user_connections", 0, 0, false);
	config_number(rows, "min_pool_size", pooler_guc_pool_size, 5, true);
	config_row(rows, "pool_mode", mode_name(pooler_guc_mode), "transaction",
			   true);
	/* there 0 is for ever, and nothing is shorter than a second */
	config_number(rows, "query_wait_timeout",
				  pooler_guc_pool_timeout < 0 ? 0 :
				  (int) Max(ceil(pooler_guc_pool_timeout), 1), 30, true);
	config_number(rows, "reserve_pool_size",
				  zero_if_none(pooler_guc_max_overflow), 10, true);
	config_number(rows, "server_lifetime",
				  zero_if_none(pooler_guc_pool_recycle), 3600, true);
	config_number(rows, "stats_period", POOLER_STATS_PERIOD_S,
				  POOLER_STATS_PERIOD_S, false);
	config_row(rows, "unix_socket_dir", pooler_guc_unix_socket_directories,
			   NULL, false);
}

static void
state_row(ConsoleRows *rows, const char *key, bool value)
{
	put_text(rows, key);
	put_text(rows, value ? "yes" : "no");
}

static void
show_state(ConsoleRows *rows)
{
	state_row(rows, "active", true);
	state_row(rows, "paused", false);
	state_row(rows, "suspended", false);
}

void
pooler_console_show(ConsoleShow show, ConsoleRows *rows)
{
	switch (show)
	{
		case SHOW_CLIENTS:
			show_clients(rows);
			break;
		case SHOW_CONFIG:
			show_config(rows);
			break;
		case SHOW_DATABASES:
			show_databases(rows);
			break;
		case SHOW_HELP:
			break;
		case SHOW_LISTS:
			show_lists(rows);
			break;
		case SHOW_POOLS:
			show_pools(rows);
			break;
		case SHOW_SERVERS:
			show_servers(rows);
			break;
		case SHOW_STATE:
			show_state(rows);
			break;
		case SHOW_STATS:
			show_stats(rows, true, true);
			break;
		case SHOW_STATS_AVERAGES:
			show_stats(rows, false, true);
			break;
		case SHOW_STATS_TOTALS:
			show_stats(rows, true, false);
			break;
		case SHOW_TOTALS:
			show_totals(rows);
			break;
		case SHOW_USERS:
			show_users(rows);
			break;
		case SHOW_VERSION:
			put_text(rows, "PgBouncer " POOLER_CONSOLE_VERSION
				 " compatible: pooler " POOLER_VERSION
				 " in PostgreSQL " PG_VERSION);
			break;
	}
}
