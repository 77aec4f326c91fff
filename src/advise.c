/*
 * advise.c
 *	  SQL functions that size a deployment: presets, recommend, plan.
 *
 * They need no pools and no worker: the figures come from their arguments and
 * from the guide (sizing.c).  Where the guide contradicts itself, a note says
 * what it says elsewhere.
 *
 * src/advise.c
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "capacity.h"
#include "guc.h"
#include "rows.h"
#include "sizing.h"

PG_FUNCTION_INFO_V1(pooler_advise_presets);
PG_FUNCTION_INFO_V1(pooler_advise_recommend);
PG_FUNCTION_INFO_V1(pooler_advise_plan);

#define PRODUCTION_RECYCLE	1800	/* s; the guide's checklist */
#define MOST_NUMBER	0x3FFFF /* of clients and servers; guc.c has it, too */

/* What is asked of pooler.recommend(). */
typedef struct Deployment
{
	int			users;
	int			servers;
	int			databases;
	double		buffer;
	const SizingScale *scale;
	int			direct;			/* max_connections without the pooler */
	int			pooled;			/* and with it */
} Deployment;

/* pooler.presets(): the guide's scales; of "5+" servers the least count. */
Datum
pooler_advise_presets(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < POOLER_SCALES; i++)
	{
		const SizingScale *s = &pooler_sizing_scales[i];

		put_text(&row, s->name);
		put_text(&row, s->users);
		put_int(&row, s->pool_size);
		put_int(&row, s->max_overflow);
		put_int(&row, s->recycle_s);
		put_int(&row, s->timeout_s);
		put_bool(&row, s->pre_ping);
		put_bool(&row, s->echo);
		put_int(&row, s->servers.low);
		put_int(&row, s->servers.high == INT_MAX ?
				s->servers.low : s->servers.high);
		put_int(&row, s->max_connections.low);
		put_int(&row, s->max_connections.high);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}

/* "20", "20-50" or "5+" */
static const char *
range_text(SizingRange range)
{
	if (range.high == INT_MAX)
		return psprintf("%d+", range.low);
	if (range.low == range.high)
		return psprintf("%d", range.low);
	return psprintf("%d-%d", range.low, range.high);
}

/* `setting` NULL: nothing to set. */
static void
advice_row(Row *row, const char *parameter, const char *value,
		   const char *unit, const char *guide, const char *note,
		   const char *setting)
{
	put_text(row, parameter);
	put_text(row, value);
	put_text(row, unit);
	put_text(row, guide);
	put_text(row, note);
	put_text(row, setting == NULL ? NULL :
			 psprintf("ALTER SYSTEM SET %s = %s;", setting,
					  quote_literal_cstr(value)));
	pooler_rows_end(row);
}

/* A setting that is a number: no more than `most`, which it can be. */
static void
number_row(Row *row, const char *parameter, int value, int most,
		   const char *guide, const char *note, const char *setting)
{
	if (value > most)
		note = psprintf("The deployment asks for %d, the server takes at most "
						"%d.", value, most);
	advice_row(row, parameter, psprintf("%d", Min(value, most)), NULL, guide,
			   note, setting);
}

static const char *
scale_note(const Deployment *d)
{
	const SizingScale *also = pooler_sizing_also(d->users);
	const char *servers = NULL;

	if (!pooler_sizing_within(d->servers, d->scale->servers))
		servers = psprintf("Its application servers at this scale are %s, not "
						   "%d. Pools of the pooler count once, so the users "
						   "decide.", range_text(d->scale->servers),
						   d->servers);
	if (also == NULL)
		return servers;
	return psprintf("It lists %d users under %s and under %s; \"start "
					"conservative\" decides.%s%s", d->users, d->scale->name,
					also->name, servers != NULL ? " " : "",
					servers != NULL ? servers : "");
}

/* What its list of parameters says, where that excludes the scale's value. */
static const char *
list_note(int value, SizingRange list)
{
	if (pooler_sizing_within(value, list))
		return NULL;
	return psprintf("The guide contradicts itself: its list of parameters has "
					"%s for the same scale.", range_text(list));
}

static const char *
recycle_note(const SizingScale *s)
{
	if (s->recycle_s > PRODUCTION_RECYCLE)
		return psprintf("Not for production: its checklist asks for %d s or "
						"less.", PRODUCTION_RECYCLE);
	if (s->recycle_s < PRODUCTION_RECYCLE)
		return psprintf("The guide contradicts itself: its list of parameters "
						"has %d s for production and %d s for managed "
						"databases with aggressive timeouts.",
						PRODUCTION_RECYCLE, s->recycle_s);
	return NULL;
}

static const char *
timeout_note(const SizingScale *s)
{
	if (s->timeout_s >= 30)
		return NULL;
	return psprintf("The guide contradicts itself: its list of parameters has "
					"%d s for low-latency environments only, 30 s for "
					"standard ones.", s->timeout_s);
}

static void
scale_rows(Row *row, const Deployment *d)
{
	const SizingScale *s = d->scale;
	bool		small = s == &pooler_sizing_scales[0];

	advice_row(row, "scale", s->name, NULL,
			   psprintf("users: %s, application servers: %s", s->users,
						range_text(s->servers)), scale_note(d), NULL);
	advice_row(row, "env", small ? "development" : "production", NULL,
			   "ENV=production for every deployment to production", NULL,
			   "pooler.env");
	advice_row(row, "pool_size", psprintf("%d", s->pool_size), NULL,
			   range_text(s->list_size),
			   list_note(s->pool_size, s->list_size), "pooler.pool_size");
	advice_row(row, "max_overflow", psprintf("%d", s->max_overflow), NULL,
			   range_text(s->list_overflow),
			   list_note(s->max_overflow, s->list_overflow),
			   "pooler.max_overflow");
	advice_row(row, "pool_recycle", psprintf("%d", s->recycle_s), "s",
			   "3600 for development, 1800 for production, 900 for managed "
			   "databases", recycle_note(s), "pooler.pool_recycle");
	advice_row(row, "pool_timeout", psprintf("%d", s->timeout_s), "s",
			   "10-20 for low latency, 30 standard, 60 for high latency",
			   timeout_note(s), "pooler.pool_timeout");
	advice_row(row, "pool_pre_ping", s->pre_ping ? "on" : "off", NULL,
			   "on; off only if pool_recycle is optimized", NULL,
			   "pooler.pool_pre_ping");
	advice_row(row, "echo_pool", s->echo ? "on" : "off", NULL,
			   "off in production", small ?
			   "The guide contradicts itself: its list of parameters turns it "
			   "on for development." : NULL, "pooler.echo_pool");
}

/*
 * Only where a formula's figure exceeds what the guide recommends; it looks at
 * the deployment that was asked for.
 */
static const char *
formula_note(const Deployment *d, int required, const char *what)
{
	SizingRange has = d->scale->max_connections;

	if (required <= has.high)
		return NULL;
	return psprintf("The guide contradicts itself: it recommends "
					"max_connections = %s, but its own formula asks for %d "
					"%s.", range_text(has), required, what);
}

static void
connection_rows(Row *row, const Deployment *d)
{
	const SizingScale *s = d->scale;
	const char *recommended = range_text(s->max_connections);
	int			present = pooler_guc_max_client_conn;

	number_row(row, "app_servers", d->servers, MOST_NUMBER,
			   range_text(s->servers), NULL, "pooler.app_servers");
	/* the buffer is for administration and others, who come beside them */
	number_row(row, "max_client_conn", Max(d->direct, present), MOST_NUMBER,
			   "servers x databases x (pool_size + max_overflow), and the "
			   "buffer", d->direct >= present ? NULL :
			   psprintf("%d would do; what is set is not lowered.", d->direct),
			   "pooler.max_client_conn");
	/*
	 * The guide's least, where its formula asks for less; the server's other
	 * processes count with it.
	 */
	number_row(row, "max_connections",
			   Max(d->pooled, s->max_connections.low),
			   MOST_NUMBER - (MaxBackends - MaxConnections), recommended,
			   formula_note(d, d->pooled, "even with the pooler, for which "
							"all servers count as one"),
			   "max_connections");
	advice_row(row, "max_connections without pooler",
			   psprintf("%d", d->direct), NULL, recommended,
			   formula_note(d, d->direct,
							psprintf("for %d application server%s and %d "
									 "database%s", d->servers,
									 d->servers == 1 ? "" : "s", d->databases,
									 d->databases == 1 ? "" : "s")), NULL);
}

static void
check_counts(int a, int b, int c, double buffer)
{
	if (a < 1 || b < 1 || c < 1 || !(buffer >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbers of users, servers and databases must be "
						"positive"),
				 errdetail("The buffer must not be negative.")));
}

/*
 * pooler.recommend(users, app_servers, databases, buffer): the guide's scale
 * for a deployment, a row for each setting.  Users are concurrent ones, the
 * buffer is a share.  ERROR: 22023 for what is not positive, 22003 where the
 * figures exceed an integer.
 */
Datum
pooler_advise_recommend(PG_FUNCTION_ARGS)
{
	Deployment	d;
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	d.users = PG_GETARG_INT32(0);
	d.servers = PG_GETARG_INT32(1);
	d.databases = PG_GETARG_INT32(2);
	d.buffer = PG_GETARG_FLOAT8(3);
	check_counts(d.users, d.servers, d.databases, d.buffer);
	d.scale = pooler_sizing_scale(d.users);
	d.direct = pooler_capacity_required(d.servers, d.databases,
										d.scale->pool_size,
										d.scale->max_overflow, d.buffer);
	d.pooled = pooler_capacity_required(1, d.databases, d.scale->pool_size,
										d.scale->max_overflow, d.buffer);
	if (d.direct < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("integer out of range")));
	scale_rows(&row, &d);
	connection_rows(&row, &d);
	return (Datum) 0;
}

/* Bytes, from a text as the settings have it ('4MB'); not negative. */
static int64
size_arg(FunctionCallInfo fcinfo, int n)
{
	int64		bytes = DatumGetInt64(DirectFunctionCall1(pg_size_bytes,
														  PG_GETARG_DATUM(n)));

	if (bytes < 0 || bytes > (INT64CONST(1) << 40))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a backend's memory must be from 0 to 1 TB")));
	return bytes;
}

static const char *
plan_advice(const SizingPlan *p, bool pooled)
{
	const char *way = pooled ? "" :
		psprintf("Let the applications connect to the pooler's port %d, or ",
				 pooler_guc_port);
	const char *verb = pooled ? "Set" : "set";

	if (p->required < 0)
		return psprintf("%s%s max_overflow to a limit%s.", way, verb,
						p->most_overflow >= 0 ?
						psprintf(": %d fits", p->most_overflow) : "");
	if (p->most_overflow >= 0)
		return psprintf("%s%s max_connections to %d, or max_overflow to %d.",
						way, verb, p->required, p->most_overflow);
	return psprintf("%s%s max_connections to %d; pool_size alone is too "
					"much.", way, verb, p->required);
}

static void
put_amount(Row *row, int64 value)
{
	put(row, Int64GetDatum(value), value < 0);
}

/* Pools of the pooler that have no limit share what there is. */
static void
plan_row(Row *row, const SizingPlan *asked, int copies, bool pooled)
{
	SizingPlan	p = *asked;
	bool		enough;

	p.copies = copies;
	if (!pooler_sizing_plan(&p))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range"),
				 errdetail("The plan's memory exceeds it.")));
	enough = p.shortfall == 0 || (pooled && p.required < 0);
	put_text(row, pooled ? "pooler" : "direct");
	put_amount(row, p.connections);
	put_limit(row, p.required);
	put_int(row, p.max_connections);
	put_amount(row, p.shortfall);
	put_text(row, enough ? "ok" : "short");
	put_amount(row, p.idle_bytes);
	put_amount(row, p.busy_bytes);
	put_text(row, psprintf("each backend has " INT64_FORMAT " kB of its own; "
						   "each that runs a statement " INT64_FORMAT " kB "
						   "more: one work_mem x hash_mem_multiplier %g",
						   p.backend_bytes / 1024, p.work_bytes / 1024,
						   hash_mem_multiplier));
	put_text(row, enough ? NULL : plan_advice(&p, pooled));
	pooler_rows_end(row);
}

/*
 * pooler.plan(app_servers, pools, pool_size, max_overflow, max_connections,
 * buffer, work_mem, backend_memory): what if?  Two rows, direct and pooler.
 * Memory is in bytes and rests on the assumptions that its column names.
 * ERROR: 22023 for what is negative, 22003 where the figures exceed an integer.
 */
Datum
pooler_advise_plan(PG_FUNCTION_ARGS)
{
	SizingPlan	p = {0};
	Row			row;
	int			servers = PG_GETARG_INT32(0);

	pooler_rows_begin(fcinfo, &row);
	p.pools = PG_GETARG_INT32(1);
	p.pool_size = PG_GETARG_INT32(2);
	p.max_overflow = PG_GETARG_INT32(3);
	p.max_connections = PG_GETARG_INT32(4);
	p.buffer = PG_GETARG_FLOAT8(5);
	p.work_bytes = (int64) (size_arg(fcinfo, 6) * hash_mem_multiplier);
	p.backend_bytes = size_arg(fcinfo, 7);
	if (servers < 1 || p.pools < 1 || p.pool_size < 0 || p.max_overflow < -1 ||
		p.max_connections < 1 || !(p.buffer >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbers of servers, pools and connections must not "
						"be negative"),
				 errdetail("Only max_overflow may be -1, for no limit.")));
	if (p.max_overflow >= 0 && p.pool_size > 0 &&
		pooler_capacity_required(servers, p.pools, p.pool_size, p.max_overflow,
								 p.buffer) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("integer out of range")));
	plan_row(&row, &p, servers, false);
	plan_row(&row, &p, 1, true);
	return (Datum) 0;
}
