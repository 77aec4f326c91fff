/*
 * views.c
 *	  SQL functions: the state behind the views.
 *
 * They read shared memory as it is, without a lock that the worker or a backend
 * might want, and so work while every pool is exhausted; shmem.h says what may
 * be read.  Each function with a result set is the base of the view of the same
 * name in pooler--0.1.sql.
 *
 * What is counted comes from figures.c, which the metrics' endpoint reads, too.
 * What a client is doing follows from several fields (its state, its backend's
 * activity and pins); pooler_views_client_state() alone decides how it is called.
 *
 * src/views.c
 */
#include "postgres.h"

#include "common/ip.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

#include "capacity.h"
#include "figures.h"
#include "guc.h"
#include "pins.h"
#include "reserved.h"
#include "rows.h"
#include "shmem.h"
#include "validate.h"
#include "views.h"

#define MAX_PIN_NAMES	32

PG_FUNCTION_INFO_V1(pooler_views_version);
PG_FUNCTION_INFO_V1(pooler_views_worker);
PG_FUNCTION_INFO_V1(pooler_views_pools);
PG_FUNCTION_INFO_V1(pooler_views_routes);
PG_FUNCTION_INFO_V1(pooler_views_backends);
PG_FUNCTION_INFO_V1(pooler_views_clients);
PG_FUNCTION_INFO_V1(pooler_views_settings);
PG_FUNCTION_INFO_V1(pooler_views_capacity);
PG_FUNCTION_INFO_V1(pooler_views_validation);
PG_FUNCTION_INFO_V1(pooler_views_required_max_connections);
PG_FUNCTION_INFO_V1(pooler_views_hba_lines);

/* How long ago; NULL if never. */
static void
put_since(Row *row, TimestampTz then)
{
	if (then == 0)
		put_null(row);
	else
		put_interval(row, Max(GetCurrentTimestamp() - then, 0));
}

static void
put_pins(Row *row, uint32 pins)
{
	Datum		names[MAX_PIN_NAMES];
	const char *name;
	int			n = 0;

	while (n < MAX_PIN_NAMES && (name = pooler_pins_name(&pins)) != NULL)
		names[n++] = CStringGetTextDatum(name);
	put(row, PointerGetDatum(construct_array_builtin(names, n, TEXTOID)),
		false);
}

/* Address and port, as pg_stat_activity has them. */
static void
put_address(Row *row, const SockAddr *shared)
{
	SockAddr	addr = *shared;
	char		host[NI_MAXHOST] = "";
	char		port[NI_MAXSERV] = "";

	if (addr.salen == 0 ||
		(addr.addr.ss_family != AF_INET && addr.addr.ss_family != AF_INET6) ||
		pg_getnameinfo_all(&addr.addr, addr.salen, host, sizeof(host), port,
						   sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
	{
		put_null(row);
		put(row, Int32GetDatum(-1), addr.addr.ss_family != AF_UNIX);
		return;
	}
	clean_ipv6_addr(addr.addr.ss_family, host);
	put(row, DirectFunctionCall1(inet_in, CStringGetDatum(host)), false);
	put_int(row, atoi(port));
}

static const char *
mode_name(PoolerMode mode)
{
	return mode == MODE_SESSION ? "session" : "transaction";
}

static const char *
pool_name(int pool)
{
	if (pool < 0 || pool >= POOLER_MAX_POOLS)
		return NULL;
	return pooler_pools[pool].name;
}

/* Beside the name: a pool that drains may have a successor of the same name. */
static const char *
pool_database(int pool)
{
	if (pool < 0 || pool >= POOLER_MAX_POOLS)
		return NULL;
	return pooler_pools[pool].database;
}

static const char *
route_role(int route)
{
	if (route < 0 || route >= pooler_shared->max_routes)
		return NULL;
	return pooler_routes[route].role_name;
}

/* The client that this member has, or -1; a stale entry counts as none. */
int
pooler_views_member_client(PoolerMember *m)
{
	uint64		packed = pg_atomic_read_u64(&m->client);
	uint32		slot = pooler_client_slot(packed);

	if (m->state == MEMBER_FREE || packed == POOLER_NO_CLIENT ||
		slot >= pooler_shared->max_clients ||
		pg_atomic_read_u32(&pooler_clients[slot].generation) !=
		pooler_client_generation(packed))
		return -1;
	return slot;
}

/* For each client's slot the member that has it, or NULL. */
PoolerMember **
pooler_views_members_by_client(void)
{
	PoolerMember **map;

	map = palloc0(sizeof(PoolerMember *) * pooler_shared->max_clients);
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		int			slot = pooler_views_member_client(&pooler_members[i]);

		if (slot >= 0)
			map[slot] = &pooler_members[i];
	}
	return map;
}

/* `m`: the backend that has it, or NULL. A kept client is idle, too. */
const char *
pooler_views_client_state(PoolerClient *c, PoolerMember *m)
{
	const char *busy = m != NULL ? pooler_figures_backend_state(m) : NULL;

	switch (c->state)
	{
		case CLIENT_FREE:
			break;
		case CLIENT_LOGIN:
			return "login";
		case CLIENT_HELD:
			return "waiting";
		case CLIENT_ANSWERING:
			return "active";
		case CLIENT_ARMED:
			if (busy != NULL && (strcmp(busy, "active") == 0 ||
								 strcmp(busy, "pinned") == 0))
				return busy;
			return pooler_client_waits(c) ? "waiting" : "idle";
		case CLIENT_CONSOLE:
			return "console";
	}
	return NULL;
}

static void
put_limits(Row *row, const PoolerLimits *limits)
{
	put_limit(row, pooler_size_in_effect(limits->pool_size));
	put_limit(row, pooler_overflow_in_effect(limits->pool_size,
											 limits->max_overflow));
	put_limit(row, limits->recycle_s);
	put_float(row, limits->timeout_ms / 1000.0, limits->timeout_ms < 0);
	put_bool(row, limits->pre_ping);
	put_bool(row, limits->echo);
}

static void
put_counts(Row *row, const PoolCounts *counts)
{
	put_int(row, counts->all);
	put_int(row, counts->unborn);
	put_int(row, counts->idle);
	put_int(row, counts->active);
	put_int(row, counts->pinned);
	put_int(row, counts->overflow);
}

static void
put_waits(Row *row, const WaitFigures *waits)
{
	put_int(row, waits->clients);
	put_since(row, waits->first);
}

static void
pool_row(Row *row, const PoolFigures *f)
{
	const PoolerPool *pool = f->pool;

	put_text(row, pool->name);
	put_name(row, pool->database);
	put_text(row, mode_name(pool->limits.mode));
	put_text(row, pooler_figures_pool_state(pool->state));
	put_limits(row, &pool->limits);
	put_counts(row, &f->backends);
	put_int(row, pool->clients);
	put_waits(row, &f->waits);
	put_int8(row, f->done.transactions);
	put_int8(row, f->done.queries);
	put_interval(row, f->done.xact_us);
	put_interval(row, f->done.query_us);
	put_int8(row, pool->bytes_received);
	put_int8(row, pool->bytes_sent);
	put_int8(row, f->done.checkouts);
	put_int8(row, pool->timeouts);
	put_int8(row, pool->opened);
	put_int8(row, pool->closed);
	put_int8(row, pool->recycled);
	put_int8(row, pool->invalidated);
	put_name(row, pool->last_error);
	put_time(row, pool->last_error_at);
	put_time(row, pool->state == POOL_UNAVAILABLE ?
			 pool->unavailable_since : 0);
	put_time(row, pooler_shared->stats_reset_at);
	pooler_rows_end(row);
}

/* pooler.pools() */
Datum
pooler_views_pools(PG_FUNCTION_ARGS)
{
	Row			row;
	PoolFigures *pools;
	int			n;

	pooler_rows_begin(fcinfo, &row);
	pools = pooler_figures_pools(&n);
	for (int i = 0; i < n; i++)
		pool_row(&row, &pools[i]);
	return (Datum) 0;
}

/* pooler.routes() */
Datum
pooler_views_routes(PG_FUNCTION_ARGS)
{
	Row			row;
	RouteFigures *routes;
	int			n;

	pooler_rows_begin(fcinfo, &row);
	routes = pooler_figures_routes(&n);
	for (int i = 0; i < n; i++)
	{
		const RouteFigures *f = &routes[i];

		put_text(&row, pool_name(f->route->pool));
		put_text(&row, f->route->role_name);
		put_int(&row, f->route->backends);
		put_int(&row, f->route->clients);
		put_waits(&row, &f->waits);
		put_int8(&row, f->done.transactions);
		put_interval(&row, f->route->wait_us);
		put_interval(&row, f->done.held.sum_us);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}

static void
backend_row(Row *row, PoolerMember *m, const char *state)
{
	int			slot = pooler_views_member_client(m);

	put(row, Int32GetDatum(m->pid), m->pid <= 0);
	put_text(row, pool_name(m->pool));
	put_text(row, route_role(m->route));
	put_text(row, state);
	put_bool(row, m->overflow);
	if (slot >= 0)
		put_int8(row, pooler_clients[slot].id);
	else
		put_null(row);
	put_since(row, m->opened_at);
	put_since(row, strcmp(state, "idle") == 0 ? m->idle_since : 0);
	put_int8(row, m->counts.checkouts);
	put_int8(row, m->counts.transactions);
	put_pins(row, pg_atomic_read_u32(&m->pins));
	pooler_rows_end(row);
}

/* pooler.backends() */
Datum
pooler_views_backends(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		const char *state = pooler_figures_backend_state(m);

		if (state != NULL)
			backend_row(&row, m, state);
	}
	return (Datum) 0;
}

static void
client_row(Row *row, PoolerClient *c, PoolerMember *m, const char *state)
{
	bool		waits = strcmp(state, "waiting") == 0;

	put_int8(row, c->id);
	put_text(row, c->state == CLIENT_CONSOLE ? POOLER_CONSOLE :
			 pool_name(c->pool));
	put_text(row, pool_database(c->pool));
	put_text(row, c->state == CLIENT_CONSOLE ?
			 GetUserNameFromId(c->console_role, true) : route_role(c->route));
	put_text(row, mode_name(c->mode));
	put_address(row, &c->raddr);
	put_name(row, c->application_name);
	put_text(row, state);
	if (waits && c->waiting_since != 0)
		put_time(row, c->waiting_since);
	else
		put_time(row, c->state_since != 0 ? c->state_since : c->connected_at);
	put(row, Int32GetDatum(m != NULL ? m->pid : 0), m == NULL || m->pid <= 0);
	put_pins(row, m != NULL ? pg_atomic_read_u32(&m->pins) : 0);
	put_int8(row, c->transactions);
	put_int8(row, c->checkouts);
	put_time(row, c->connected_at);
	pooler_rows_end(row);
}

/*
 * pooler.clients(): of now, and so what pg_stat_activity says afterwards of their
 * backends has to be of now, too: it would be of the transaction's first look.
 */
Datum
pooler_views_clients(PG_FUNCTION_ARGS)
{
	Row			row;
	PoolerMember **members;

	pooler_rows_begin(fcinfo, &row);
	pgstat_clear_backend_activity_snapshot();
	members = pooler_views_members_by_client();
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];
		const char *state = pooler_views_client_state(c, members[i]);

		if (state != NULL)
			client_row(&row, c, members[i], state);
	}
	return (Datum) 0;
}

/* pooler.worker(): one row */
Datum
pooler_views_worker(PG_FUNCTION_ARGS)
{
	Row			row;
	WorkerFigures f;

	pooler_rows_begin(fcinfo, &row);
	pooler_figures_worker(&f);
	put(&row, Int32GetDatum(f.pid), f.pid <= 0);
	put_time(&row, f.started_at);
	put_bool(&row, f.listening);
	put_int(&row, f.clients);
	put_int(&row, f.max_clients);
	put_int(&row, f.backends);
	put_name(&row, f.hba_missing);
	put_time(&row, f.stats_reset_at);
	pooler_rows_end(&row);
	return (Datum) 0;
}

/* A pool's value of a parameter; whether it is its own. */
static void
setting_row(Row *row, const char *pool, const char *parameter,
			const char *setting, const char *value, const char *unit, bool own)
{
	put_text(row, pool);
	put_text(row, parameter);
	put_text(row, value);
	put_text(row, unit);
	put_bool(row, own);
	put_text(row, setting);
	pooler_rows_end(row);
}

/* As text; NULL if negative, that is, unlimited. */
static const char *
limit_text(int value)
{
	return value < 0 ? NULL : psprintf("%d", value);
}

static void
setting_rows(Row *row, const char *pool, const PoolerLimits *l,
			 const PoolEntry *e)
{
	int			overflow = pooler_overflow_in_effect(l->pool_size,
													 l->max_overflow);

	setting_row(row, pool, "pool_size", "pooler.pool_size",
				limit_text(pooler_size_in_effect(l->pool_size)), NULL,
				e->has_pool_size);
	setting_row(row, pool, "max_overflow", "pooler.max_overflow",
				limit_text(overflow), NULL, e->has_max_overflow);
	setting_row(row, pool, "pool_recycle", "pooler.pool_recycle",
				limit_text(l->recycle_s), "s", e->has_recycle);
	setting_row(row, pool, "pool_timeout", "pooler.pool_timeout",
				l->timeout_ms < 0 ? NULL :
				psprintf("%.10g", l->timeout_ms / 1000.0), "s", e->has_timeout);
	setting_row(row, pool, "pool_pre_ping", "pooler.pool_pre_ping",
				l->pre_ping ? "on" : "off", NULL, e->has_pre_ping);
	setting_row(row, pool, "echo_pool", "pooler.echo_pool",
				l->echo ? "on" : "off", NULL, e->has_echo);
	setting_row(row, pool, "mode", "pooler.mode",
				mode_name(l->mode), NULL, e->has_mode);
}

/* The entry of pooler.pools that a pool comes from; an empty one if none. */
static const PoolEntry *
find_entry(const PoolEntry *entries, int n, const PoolerPool *pool)
{
	static const PoolEntry none;

	for (int i = 0; i < n; i++)
		if (pool->listed ? !entries[i].wildcard &&
			strcmp(entries[i].name, pool->name) == 0 : entries[i].wildcard)
			return &entries[i];
	return &none;
}

/* pooler.settings(): what the worker works with; a draining pool has none. */
Datum
pooler_views_settings(PG_FUNCTION_ARGS)
{
	Row			row;
	PoolEntry  *entries = palloc(sizeof(PoolEntry) * POOLER_MAX_ENTRIES);
	char	   *error;
	int			n;

	pooler_rows_begin(fcinfo, &row);
	n = pooler_guc_parse_pools(pooler_guc_pools, entries, POOLER_MAX_ENTRIES,
							   &error);
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *pool = &pooler_pools[i];
		PoolerLimits limits = pool->limits;

		if (pool->state != POOL_FREE && pool->state != POOL_DRAINING)
			setting_rows(&row, pool->name, &limits,
						 find_entry(entries, n, pool));
	}
	return (Datum) 0;
}

/* pooler.capacity() */
Datum
pooler_views_capacity(PG_FUNCTION_ARGS)
{
	Row			row;
	ListCell   *lc;

	pooler_rows_begin(fcinfo, &row);
	foreach(lc, pooler_validate_capacity())
	{
		CapacityCheck *c = lfirst(lc);

		put_text(&row, c->name);
		put_text(&row, c->subject);
		put_limit(&row, c->required);
		put_int(&row, c->available);
		if (c->required >= 0)
			put_int(&row, Max(c->required - c->available, 0));
		else
			put_null(&row);
		put_text(&row, c->enough ? "ok" : "short");
		put_text(&row, c->detail);
		put_text(&row, c->advice);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}

/* pooler.validation() */
Datum
pooler_views_validation(PG_FUNCTION_ARGS)
{
	Row			row;
	ListCell   *lc;

	pooler_rows_begin(fcinfo, &row);
	foreach(lc, pooler_validate_production())
	{
		ProductionCheck *p = lfirst(lc);

		put_text(&row, p->name);
		put_text(&row, p->pool);
		put_text(&row, p->setting);
		put_text(&row, p->value);
		put_text(&row, p->required);
		put_text(&row, p->passed ? "ok" : "short");
		put_bool(&row, pooler_guc_env == ENV_PRODUCTION);
		put_text(&row, p->hint);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}

/*
 * pooler.required_max_connections(app_servers, databases, pool_size,
 * max_overflow, buffer): the guide's formula; NULL if unlimited.
 */
Datum
pooler_views_required_max_connections(PG_FUNCTION_ARGS)
{
	int			servers = PG_GETARG_INT32(0);
	int			databases = PG_GETARG_INT32(1);
	int			size = PG_GETARG_INT32(2);
	int			overflow = PG_GETARG_INT32(3);
	double		buffer = PG_GETARG_FLOAT8(4);
	int			required;

	if (servers < 0 || databases < 0 || size < 0 || overflow < -1 ||
		!(buffer >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbers of servers, databases and connections must "
						"not be negative"),
				 errdetail("Only max_overflow may be -1, for no limit.")));
	if (size == 0 || overflow < 0)
		PG_RETURN_NULL();
	required = pooler_capacity_required(servers, databases, size, overflow,
										buffer);
	if (required < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("integer out of range")));
	PG_RETURN_INT32(required);
}

/* pooler.hba_lines(): they must come first in their files. */
Datum
pooler_views_hba_lines(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	put_text(&row, GetConfigOption("hba_file", false, false));
	put_text(&row, pooler_reserved_hba_line());
	pooler_rows_end(&row);
	put_text(&row, GetConfigOption("ident_file", false, false));
	put_text(&row, pooler_reserved_ident_line());
	pooler_rows_end(&row);
	return (Datum) 0;
}

/* pooler.version() */
Datum
pooler_views_version(PG_FUNCTION_ARGS)
{
	pooler_rows_require_shared();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("pooler %s on PostgreSQL %s",
											  POOLER_VERSION,
											  GetConfigOption("server_version",
															  false, false))));
}
