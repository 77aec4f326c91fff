/*
 * openmetrics.c
 *	  The text of /metrics.
 *
 * The figures are those of the views (figures.c, validate.c). For each kind of
 * thing there is a table of families and one function that knows the value of
 * each of them; exposition.c writes them.
 *
 * There are at most so many samples as there may be pools and routes, times the
 * families. Two samples must not have the same labels, or the whole text would
 * be refused: routes of a role that was dropped and made again are added up
 * first. So are a pool that drains and the one that has its name now, as far as
 * clients and backends go; counters are those of the latter alone, since a sum
 * would fall when the other one has gone, and be taken for a restart.
 *
 * Neither statements nor clients' addresses are told: who reads here has not
 * logged in.
 *
 * src/openmetrics.c
 */
#include "postgres.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "counters.h"
#include "exposition.h"
#include "figures.h"
#include "openmetrics.h"
#include "validate.h"

#define NONE	EXPOSITION_NONE

/* ---- values ---- */

/* What is negative is not limited. */
static int64
limit(int64 value)
{
	return value < 0 ? NONE : value;
}

/* Microseconds since then. */
static int64
since(TimestampTz then)
{
	return then == 0 ? 0 : Max(GetCurrentTimestamp() - then, 0);
}

/* As Unix counts, in microseconds. */
static int64
unix_time(TimestampTz t)
{
	if (t == 0)
		return NONE;
	return t + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* ---- the worker ---- */

typedef enum WorkerSeries
{
	WORKER_READY,
	WORKER_LISTENING,
	WORKER_STANDBY,
	WORKER_HBA_MISSING,
	WORKER_CLIENTS,
	WORKER_MAX_CLIENTS,
	WORKER_BACKENDS,
	WORKER_MAX_CONNECTIONS,
	WORKER_STARTED,
	WORKER_STATS_RESET,
	PROCESS_CPU,
	PROCESS_MEMORY,
	PROCESS_STARTED,
	PROCESS_MAX_FDS
} WorkerSeries;

static const Family worker_families[] = {
	[WORKER_READY] = {"pooler_ready", FAMILY_GAUGE, UNIT_NONE,
	"1 if clients are taken and a pool is open, as /ready says."},
	[WORKER_LISTENING] = {"pooler_listening", FAMILY_GAUGE, UNIT_NONE,
	"1 if the worker takes clients."},
	[WORKER_STANDBY] = {"pooler_standby", FAMILY_GAUGE, UNIT_NONE,
	"1 on a standby, 0 on a primary."},
	[WORKER_HBA_MISSING] = {"pooler_hba_missing", FAMILY_GAUGE, UNIT_NONE,
	"1 if no backend can be opened because of pg_hba.conf."},
	[WORKER_CLIENTS] = {"pooler_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients that are connected."},
	[WORKER_MAX_CLIENTS] = {"pooler_max_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients that can be connected."},
	[WORKER_BACKENDS] = {"pooler_backends", FAMILY_GAUGE, UNIT_NONE,
	"Backends of all pools."},
	[WORKER_MAX_CONNECTIONS] = {"pooler_max_connections", FAMILY_GAUGE,
	UNIT_NONE, "The server's max_connections."},
	[WORKER_STARTED] = {"pooler_worker_start_time_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "When the worker started, in Unix time."},
	[WORKER_STATS_RESET] = {"pooler_stats_reset_time_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "Counters of pools and routes count from here, in Unix time."},
	[PROCESS_CPU] = {"process_cpu_seconds", FAMILY_COUNTER, UNIT_SECONDS,
	"User and system CPU time of the worker."},
	[PROCESS_MEMORY] = {"process_resident_memory_bytes", FAMILY_GAUGE,
	UNIT_BYTES, "Resident memory of the worker, shared memory included."},
	[PROCESS_STARTED] = {"process_start_time_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "When the worker's process started, in Unix time."},
	[PROCESS_MAX_FDS] = {"process_max_fds", FAMILY_GAUGE, UNIT_NONE,
	"Files that the worker may have open."},
};

static int64
cpu_time(void)
{
	struct rusage used;
	struct timeval sum;

	if (getrusage(RUSAGE_SELF, &used) < 0)
		return NONE;
	timeradd(&used.ru_utime, &used.ru_stime, &sum);
	return sum.tv_sec * USECS_PER_SEC + sum.tv_usec;
}

static int64
resident_memory(void)
{
	FILE	   *file = AllocateFile("/proc/self/statm", "r");
	long		pages;
	bool		good;

	if (file == NULL)
		return NONE;
	good = fscanf(file, "%*s %ld", &pages) == 1;
	FreeFile(file);
	return good ? (int64) pages * sysconf(_SC_PAGESIZE) : NONE;
}

static int64
max_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
		files.rlim_cur == RLIM_INFINITY)
		return NONE;
	return files.rlim_cur;
}

static int64
worker_value(WorkerSeries series, const WorkerFigures *f, bool ready)
{
	switch (series)
	{
		case WORKER_READY:
			return ready;
		case WORKER_LISTENING:
			return f->listening;
		case WORKER_STANDBY:
			return RecoveryInProgress();
		case WORKER_HBA_MISSING:
			return f->hba_missing[0] != '\0';
		case WORKER_CLIENTS:
			return f->clients;
		case WORKER_MAX_CLIENTS:
			return f->max_clients;
		case WORKER_BACKENDS:
			return f->backends;
		case WORKER_MAX_CONNECTIONS:
			return MaxConnections;
		case WORKER_STARTED:
			return unix_time(f->started_at);
		case WORKER_STATS_RESET:
			return unix_time(f->stats_reset_at);
		case PROCESS_CPU:
			return cpu_time();
		case PROCESS_MEMORY:
			return resident_memory();
		case PROCESS_STARTED:
			return unix_time(MyStartTimestamp);
		case PROCESS_MAX_FDS:
			return max_files();
	}
	return NONE;
}

static void
put_worker(Exposition *x, bool ready)
{
	WorkerFigures f;

	pooler_figures_worker(&f);
	for (int i = 0; i < lengthof(worker_families); i++)
	{
		int64		value = worker_value((WorkerSeries) i, &f, ready);

		if (value == NONE)
			continue;
		pooler_exposition_family(x, &worker_families[i]);
		pooler_exposition_sample(x);
		pooler_exposition_value(x, value);
	}
}

static void
put_build(Exposition *x)
{
	static const Family build = {"pooler_build", FAMILY_INFO, UNIT_NONE,
	"Versions of the pooler and of the server."};

	pooler_exposition_family(x, &build);
	pooler_exposition_sample(x);
	pooler_exposition_label(x, "version", POOLER_VERSION);
	pooler_exposition_label(x, "postgres_version",
							GetConfigOption("server_version", false, false));
	pooler_exposition_value(x, 1);
}

/* ---- pools ---- */

typedef enum PoolSeries
{
	SERIES_SIZE,
	SERIES_MAX_OVERFLOW,
	SERIES_RECYCLE,
	SERIES_TIMEOUT,
	SERIES_PRE_PING,
	SERIES_ECHO,
	SERIES_OVERFLOW,
	SERIES_CLIENTS,
	SERIES_WAITING,
	SERIES_LONGEST_WAIT,
	SERIES_TRANSACTIONS,
	SERIES_CHECKOUTS,
	SERIES_BUSY,
	SERIES_TIMEOUTS,
	SERIES_OPENED,
	SERIES_CLOSED,
	SERIES_RECYCLED,
	SERIES_INVALIDATED,
	SERIES_LAST_ERROR
} PoolSeries;

static const Family pool_families[] = {
	[SERIES_SIZE] = {"pooler_pool_size", FAMILY_GAUGE, UNIT_NONE,
	"pool_size: backends that the pool keeps open; absent: no limit."},
	[SERIES_MAX_OVERFLOW] = {"pooler_pool_max_overflow", FAMILY_GAUGE,
	UNIT_NONE, "max_overflow: backends beyond pool_size; absent: no limit."},
	[SERIES_RECYCLE] = {"pooler_pool_recycle_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "pool_recycle; absent: never."},
	[SERIES_TIMEOUT] = {"pooler_pool_timeout_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "pool_timeout; absent: no limit."},
	[SERIES_PRE_PING] = {"pooler_pool_pre_ping", FAMILY_GAUGE, UNIT_NONE,
	"1 if pool_pre_ping is on."},
	[SERIES_ECHO] = {"pooler_pool_echo", FAMILY_GAUGE, UNIT_NONE,
	"1 if echo_pool is on."},
	[SERIES_OVERFLOW] = {"pooler_pool_overflow_backends", FAMILY_GAUGE,
	UNIT_NONE, "Backends opened beyond pool_size, whatever their state."},
	[SERIES_CLIENTS] = {"pooler_pool_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients that are connected."},
	[SERIES_WAITING] = {"pooler_pool_waiting_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients that wait for a backend."},
	[SERIES_LONGEST_WAIT] = {"pooler_pool_longest_wait_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "Time that the first of those has waited, 0: nobody waits."},
	[SERIES_TRANSACTIONS] = {"pooler_pool_transactions", FAMILY_COUNTER,
	UNIT_NONE, "Transactions."},
	[SERIES_CHECKOUTS] = {"pooler_pool_checkouts", FAMILY_COUNTER, UNIT_NONE,
	"Times that a backend took a client until it gave it up."},
	[SERIES_BUSY] = {"pooler_pool_busy_seconds", FAMILY_COUNTER, UNIT_SECONDS,
	"Time that backends served clients."},
	[SERIES_TIMEOUTS] = {"pooler_pool_timeouts", FAMILY_COUNTER, UNIT_NONE,
	"Clients that waited longer than pool_timeout."},
	[SERIES_OPENED] = {"pooler_pool_backends_opened", FAMILY_COUNTER,
	UNIT_NONE, "Backends that were opened."},
	[SERIES_CLOSED] = {"pooler_pool_backends_closed", FAMILY_COUNTER,
	UNIT_NONE, "Backends that were closed, for whatever reason."},
	[SERIES_RECYCLED] = {"pooler_pool_backends_recycled", FAMILY_COUNTER,
	UNIT_NONE, "Backends that were to be closed because of pool_recycle."},
	[SERIES_INVALIDATED] = {"pooler_pool_backends_invalidated", FAMILY_COUNTER,
	UNIT_NONE, "Backends that were found hung and ended."},
	[SERIES_LAST_ERROR] = {"pooler_pool_last_error_time_seconds", FAMILY_GAUGE,
		UNIT_SECONDS,
	"When a backend could not be had last, or was found hung, in Unix time; absent: never."},
};

/* A pool as it is told: those of the same name are one. */
typedef struct PoolSample
{
	PoolerPool	pool;
	PoolCounts	backends;
	WaitFigures waits;
	PoolerCounts done;
} PoolSample;

static int64
limit_value(PoolSeries series, const PoolerLimits *l)
{
	if (series == SERIES_SIZE)
		return limit(pooler_size_in_effect(l->pool_size));
	if (series == SERIES_MAX_OVERFLOW)
		return limit(pooler_overflow_in_effect(l->pool_size, l->max_overflow));
	if (series == SERIES_RECYCLE)
		return l->recycle_s < 0 ? NONE : l->recycle_s * USECS_PER_SEC;
	return l->timeout_ms < 0 ? NONE : l->timeout_ms * INT64CONST(1000);
}

static int64
pool_value(PoolSeries series, const PoolSample *s)
{
	switch (series)
	{
		case SERIES_SIZE:
		case SERIES_MAX_OVERFLOW:
		case SERIES_RECYCLE:
		case SERIES_TIMEOUT:
			return limit_value(series, &s->pool.limits);
		case SERIES_PRE_PING:
			return s->pool.limits.pre_ping;
		case SERIES_ECHO:
			return s->pool.limits.echo;
		case SERIES_OVERFLOW:
			return s->backends.overflow;
		case SERIES_CLIENTS:
			return s->pool.clients;
		case SERIES_WAITING:
			return s->waits.clients;
		case SERIES_LONGEST_WAIT:
			return since(s->waits.first);
		case SERIES_TRANSACTIONS:
			return s->done.transactions;
		case SERIES_CHECKOUTS:
			return s->done.checkouts;
		case SERIES_BUSY:
			return s->done.held.sum_us;
		case SERIES_TIMEOUTS:
			return s->pool.timeouts;
		case SERIES_OPENED:
			return s->pool.opened;
		case SERIES_CLOSED:
			return s->pool.closed;
		case SERIES_RECYCLED:
			return s->pool.recycled;
		case SERIES_INVALIDATED:
			return s->pool.invalidated;
		case SERIES_LAST_ERROR:
			return unix_time(s->pool.last_error_at);
	}
	return NONE;
}

static void
add_waits(WaitFigures *sum, const WaitFigures *w)
{
	if (sum->first == 0 || (w->first != 0 && w->first < sum->first))
		sum->first = w->first;
	sum->clients += w->clients;
}

static void
add_backends(PoolCounts *sum, const PoolCounts *c)
{
	sum->all += c->all;
	sum->starting += c->starting;
	sum->unborn += c->unborn;
	sum->idle += c->idle;
	sum->active += c->active;
	sum->pinned += c->pinned;
	sum->leaving += c->leaving;
	sum->overflow += c->overflow;
}

/* What it has of clients and backends. */
static void
add_present(PoolSample *sum, const PoolFigures *f)
{
	sum->pool.clients += f->pool->clients;
	add_backends(&sum->backends, &f->backends);
	add_waits(&sum->waits, &f->waits);
}

/* All of it; settings and state are those of the one that does not drain. */
static void
add_pool(PoolSample *sum, const PoolFigures *f)
{
	bool		sum_drains = sum->pool.state == POOL_DRAINING;
	PoolerPool	kept = sum_drains ? *f->pool : sum->pool;
	const PoolerPool *other = sum_drains ? &sum->pool : f->pool;

	kept.clients = sum->pool.clients;
	kept.timeouts = sum->pool.timeouts + f->pool->timeouts;
	kept.opened = sum->pool.opened + f->pool->opened;
	kept.closed = sum->pool.closed + f->pool->closed;
	kept.recycled = sum->pool.recycled + f->pool->recycled;
	kept.invalidated = sum->pool.invalidated + f->pool->invalidated;
	kept.last_error_at = Max(sum->pool.last_error_at, f->pool->last_error_at);
	pooler_histogram_merge(&kept.login, &other->login);
	pooler_histogram_merge(&kept.birth, &other->birth);
	pooler_histogram_merge(&kept.open, &other->open);
	sum->pool = kept;
	add_present(sum, f);
	pooler_counters_add(&sum->done, &f->done);
}

static bool
is_told(const PoolerPool *pool)
{
	int			i = pool - pooler_pools;

	return pooler_figures_told(i) == i;
}

/* Which of the samples is of this name; n: none. */
static int
find_pool(const PoolSample *samples, int n, const char *name)
{
	int			at = 0;

	while (at < n && strcmp(samples[at].pool.name, name) != 0)
		at++;
	return at;
}

static PoolSample *
read_pools(int *n)
{
	int			all;
	PoolFigures *figures = pooler_figures_pools(&all);
	PoolSample *samples = palloc0(sizeof(PoolSample) * Max(all, 1));

	*n = 0;
	for (int i = 0; i < all; i++)
	{
		char	   *name = pooler_exposition_shown(figures[i].pool->name);
		int			at = find_pool(samples, *n, name);

		if (!is_told(figures[i].pool))
			continue;
		if (at < *n)
		{
			add_pool(&samples[at], &figures[i]);
			continue;
		}
		samples[*n] = (PoolSample) {
			*figures[i].pool, figures[i].backends, figures[i].waits,
				figures[i].done
		};
		strlcpy(samples[(*n)++].pool.name, name, NAMEDATALEN);
	}
	for (int i = 0; i < all; i++)
	{
		int			at = find_pool(samples, *n,
								   pooler_exposition_shown(figures[i].pool->name));

		if (!is_told(figures[i].pool) && at < *n)
			add_present(&samples[at], &figures[i]);
	}
	return samples;
}

static void
put_pool_state(Exposition *x, const PoolSample *pools, int n)
{
	static const Family state = {"pooler_pool_state", FAMILY_GAUGE, UNIT_NONE,
	"1 for the state that the pool is in."};

	pooler_exposition_family(x, &state);
	for (int i = 0; i < n; i++)
		for (int s = POOL_STARTING; s <= POOL_DRAINING; s++)
		{
			pooler_exposition_sample(x);
			pooler_exposition_label(x, "pool", pools[i].pool.name);
			pooler_exposition_label(x, "state",
									pooler_figures_pool_state((PoolerPoolState) s));
			pooler_exposition_value(x, pools[i].pool.state == s);
		}
}

static void
put_histograms(Exposition *x, const PoolSample *pools, int n)
{
	static const struct
	{
		Family		family;
		size_t		offset;		/* of its Histogram in a PoolSample */
	}			all[] =
	{
		{{"pooler_pool_wait_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
				"How long clients waited for a backend; see pooler.latencies."},
		offsetof(PoolSample, done.wait)},
		{{"pooler_pool_held_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
				"How long clients held a backend."},
		offsetof(PoolSample, done.held)},
		{{"pooler_pool_login_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
				"From accept to the end of authentication."},
		offsetof(PoolSample, pool.login)},
		{{"pooler_pool_birth_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
				"From an unborn backend to one of a role."},
		offsetof(PoolSample, pool.birth)},
		{{"pooler_pool_open_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
				"From the connection to the unborn backend."},
		offsetof(PoolSample, pool.open)}
	};

	for (int f = 0; f < (int) lengthof(all); f++)
	{
		pooler_exposition_family(x, &all[f].family);
		for (int i = 0; i < n; i++)
			pooler_exposition_histogram(x, "pool", pools[i].pool.name,
										(const Histogram *)
										((const char *) &pools[i] +
										 all[f].offset));
	}
}

static void
put_pool_info(Exposition *x, const PoolSample *pools, int n)
{
	static const Family info = {"pooler_pool", FAMILY_INFO, UNIT_NONE,
	"The pool's database and mode."};

	pooler_exposition_family(x, &info);
	for (int i = 0; i < n; i++)
	{
		pooler_exposition_sample(x);
		pooler_exposition_label(x, "pool", pools[i].pool.name);
		pooler_exposition_label(x, "database", pools[i].pool.database);
		pooler_exposition_label(x, "mode",
								pools[i].pool.limits.mode == MODE_SESSION ?
								"session" : "transaction");
		pooler_exposition_value(x, 1);
	}
}

static void
put_backends_of(Exposition *x, const char *pool, const char *state, int count)
{
	pooler_exposition_sample(x);
	pooler_exposition_label(x, "pool", pool);
	pooler_exposition_label(x, "state", state);
	pooler_exposition_value(x, count);
}

static void
put_backends(Exposition *x, const PoolSample *pools, int n)
{
	static const Family family = {"pooler_pool_backends", FAMILY_GAUGE,
		UNIT_NONE, "Backends by what they do; the sum is all of them."};

	pooler_exposition_family(x, &family);
	for (int i = 0; i < n; i++)
	{
		const PoolCounts *c = &pools[i].backends;
		const char *pool = pools[i].pool.name;

		put_backends_of(x, pool, "starting", c->starting);
		put_backends_of(x, pool, "unborn", c->unborn);
		put_backends_of(x, pool, "idle", c->idle);
		put_backends_of(x, pool, "active", c->active);
		put_backends_of(x, pool, "pinned", c->pinned);
		put_backends_of(x, pool, "leaving", c->leaving);
	}
}

static void
put_pools(Exposition *x)
{
	int			n;
	PoolSample *pools = read_pools(&n);

	put_histograms(x, pools, n);
	put_pool_info(x, pools, n);
	put_pool_state(x, pools, n);
	put_backends(x, pools, n);
	for (int series = 0; series < lengthof(pool_families); series++)
	{
		pooler_exposition_family(x, &pool_families[series]);
		for (int i = 0; i < n; i++)
		{
			int64		value = pool_value((PoolSeries) series, &pools[i]);

			if (value == NONE)
				continue;
			pooler_exposition_sample(x);
			pooler_exposition_label(x, "pool", pools[i].pool.name);
			pooler_exposition_value(x, value);
		}
	}
}

/* ---- routes ---- */

typedef enum RouteSeries
{
	ROUTE_BACKENDS,
	ROUTE_CLIENTS,
	ROUTE_WAITING,
	ROUTE_LONGEST_WAIT,
	ROUTE_TRANSACTIONS,
	ROUTE_WAIT,
	ROUTE_BUSY
} RouteSeries;

static const Family route_families[] = {
	[ROUTE_BACKENDS] = {"pooler_route_backends", FAMILY_GAUGE, UNIT_NONE,
	"Backends of a role in a pool."},
	[ROUTE_CLIENTS] = {"pooler_route_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients of a role in a pool."},
	[ROUTE_WAITING] = {"pooler_route_waiting_clients", FAMILY_GAUGE, UNIT_NONE,
	"Clients of a role that wait for a backend."},
	[ROUTE_LONGEST_WAIT] = {"pooler_route_longest_wait_seconds", FAMILY_GAUGE,
	UNIT_SECONDS, "Time that the first of those has waited, 0: nobody waits."},
	[ROUTE_TRANSACTIONS] = {"pooler_route_transactions", FAMILY_COUNTER,
	UNIT_NONE, "Transactions of a role in a pool."},
	[ROUTE_WAIT] = {"pooler_route_wait_seconds", FAMILY_COUNTER, UNIT_SECONDS,
	"Time that clients of a role waited for a backend, all together."},
	[ROUTE_BUSY] = {"pooler_route_busy_seconds", FAMILY_COUNTER, UNIT_SECONDS,
	"Time that clients of a role were served, all together."},
};

/* A role in a pool: routes of the same names are one. */
typedef struct RouteSample
{
	const char *pool;
	const char *role;
	int			backends;
	int			clients;
	int64		wait_us;
	WaitFigures waits;
	PoolerCounts done;
} RouteSample;

static int64
route_value(RouteSeries series, const RouteSample *s)
{
	switch (series)
	{
		case ROUTE_BACKENDS:
			return s->backends;
		case ROUTE_CLIENTS:
			return s->clients;
		case ROUTE_WAITING:
			return s->waits.clients;
		case ROUTE_LONGEST_WAIT:
			return since(s->waits.first);
		case ROUTE_TRANSACTIONS:
			return s->done.transactions;
		case ROUTE_WAIT:
			return s->wait_us;
		case ROUTE_BUSY:
			return s->done.held.sum_us;
	}
	return NONE;
}

static void
add_route(RouteSample *sum, const RouteFigures *f, bool counters)
{
	sum->backends += f->route->backends;
	sum->clients += f->route->clients;
	add_waits(&sum->waits, &f->waits);
	if (!counters)
		return;
	sum->wait_us += f->route->wait_us;
	pooler_counters_add(&sum->done, &f->done);
}

/* To the sample of its names, among *n. The first `counted` of them have counters
 * that are not to be touched. */
static void
note_route(RouteSample *samples, int *n, int counted, const RouteFigures *f)
{
	const char *role = pooler_exposition_shown(f->route->role_name);
	const char *pool = pooler_exposition_shown(pooler_pools[f->route->pool].name);
	int			at = 0;

	while (at < *n && (strcmp(samples[at].role, role) != 0 ||
					   strcmp(samples[at].pool, pool) != 0))
		at++;
	if (at == *n)
		samples[(*n)++] = (RouteSample) {.pool = pool, .role = role};
	add_route(&samples[at], f, at >= counted);
}

/* Behind those of the pools that are told, roles that are only in a draining one. */
static RouteSample *
read_routes(int *n)
{
	int			all;
	int			told;
	RouteFigures *figures = pooler_figures_routes(&all);
	RouteSample *samples = palloc0(sizeof(RouteSample) * Max(all, 1));

	*n = 0;
	for (int i = 0; i < all; i++)
	{
		if (is_told(&pooler_pools[figures[i].route->pool]))
			note_route(samples, n, 0, &figures[i]);
	}
	told = *n;
	for (int i = 0; i < all; i++)
	{
		if (!is_told(&pooler_pools[figures[i].route->pool]))
			note_route(samples, n, told, &figures[i]);
	}
	return samples;
}

static void
put_routes(Exposition *x)
{
	int			n;
	RouteSample *routes = read_routes(&n);

	for (int series = 0; series < lengthof(route_families); series++)
	{
		pooler_exposition_family(x, &route_families[series]);
		for (int i = 0; i < n; i++)
		{
			pooler_exposition_sample(x);
			pooler_exposition_label(x, "pool", routes[i].pool);
			pooler_exposition_label(x, "role", routes[i].role);
			pooler_exposition_value(x, route_value((RouteSeries) series,
												   &routes[i]));
		}
	}
}

/* ---- capacity ---- */

static void
put_capacity(Exposition *x)
{
	static const Family families[] = {
		{"pooler_capacity_required_connections", FAMILY_GAUGE, UNIT_NONE,
		"What pooler.capacity requires; absent: a pool has no limit."},
		{"pooler_capacity_available_connections", FAMILY_GAUGE, UNIT_NONE,
		"What there is of it."},
		{"pooler_capacity_shortfall_connections", FAMILY_GAUGE, UNIT_NONE,
		"What is lacking; absent: a pool has no limit."},
	};
	List	   *checks = pooler_validate_totals();

	for (int i = 0; i < lengthof(families); i++)
	{
		ListCell   *lc;

		pooler_exposition_family(x, &families[i]);
		foreach(lc, checks)
		{
			const CapacityCheck *c = lfirst(lc);
			int			values[] = {c->required, c->available,
			Max(c->required - c->available, 0)};

			if (c->required < 0 && i != 1)
				continue;
			pooler_exposition_sample(x);
			pooler_exposition_label(x, "check", c->name);
			pooler_exposition_value(x, values[i]);
		}
	}
}

/* See openmetrics.h. */
void
pooler_openmetrics_put(StringInfo out, bool openmetrics, bool ready)
{
	Exposition	x;

	pooler_exposition_begin(&x, out, openmetrics);
	put_build(&x);
	put_worker(&x, ready);
	put_pools(&x);
	put_routes(&x);
	put_capacity(&x);
	pooler_exposition_end(&x);
}
