/*
 * validate.c
 *	  Are the settings sufficient, and fit for production?
 *
 * Each question is answered once, here: pooler.capacity and pooler.validation
 * (views.c) show the answers, and the log has those that are not good.  The
 * arithmetic itself is capacity.c's.
 *
 * The pools are those that pooler.pools lists now, and those that '*' has made
 * (shared memory).  Nothing of the worker's is locked or waited for, and the
 * worker itself waits for nobody.
 *
 *	  server	what all pools may open, what is reserved and who else is
 *				connected, against max_connections
 *	  direct	the guide's formula: as if all application servers had these
 *				pools without the pooler
 *	  clients	the same demand without buffer against max_client_conn
 *	  database	CONNECTION LIMITs below what the database's pools may open
 *	  role		the same for a role that may connect to a pool's database
 *
 * src/validate.c
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "auth.h"
#include "auth_catalog.h"
#include "capacity.h"
#include "compat.h"
#include "guc.h"
#include "shmem.h"
#include "validate.h"

#define PRODUCTION_RECYCLE	1800	/* s; the guide's checklist */

/* A pool as far as it matters here. */
typedef struct PoolDemand
{
	const char *name;
	const char *database;
	PoolerLimits limits;
	int			limit;			/* most backends; a number even if unlimited */
	AuthDatabase row;			/* oid InvalidOid: there is none */
} PoolDemand;

typedef struct Demand
{
	PoolDemand	pools[POOLER_MAX_ENTRIES + POOLER_MAX_POOLS];
	int			n;
	int			listed;
	int			size;			/* sums over the pools */
	int			overflow;
	bool		unlimited;
	PoolEntry	entries[POOLER_MAX_ENTRIES];
	int			n_entries;
} Demand;

static void
add_pool(Demand *d, const char *name, const char *database,
		 const PoolerLimits *limits)
{
	PoolDemand *pool = &d->pools[d->n++];

	pool->name = pstrdup(name);
	pool->database = pstrdup(database);
	pool->limits = *limits;
	pool->limit = pooler_guc_pool_limit(limits);
	pool->row.connection_limit = -1;
	if (pooler_guc_pool_unlimited(limits))
		d->unlimited = true;
	d->size += limits->pool_size;
	d->overflow += Max(limits->max_overflow, 0);
}

static void
add_made_pools(Demand *d)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *pool = &pooler_pools[i];

		if (!pool->listed && (pool->state == POOL_STARTING ||
							  pool->state == POOL_OPEN))
			add_pool(d, pool->name, pool->database, &pool->limits);
	}
}

/*
 * Which databases exist, their limits and who may connect.  Not by the server's
 * functions: they use the syscache, which is the worker's end where a
 * database's ACL is long (auth_catalog.c).
 */
static void
read_databases(Demand *d)
{
	for (int i = 0; i < d->n; i++)
		(void) pooler_auth_read_database(d->pools[i].database, InvalidOid,
										 &d->pools[i].row);
}

/* What the settings say; no catalog is read. */
static Demand *
read_pools(void)
{
	Demand	   *d = palloc0(sizeof(Demand));
	char	   *error;

	d->n_entries = pooler_guc_parse_pools(pooler_guc_pools, d->entries,
										  POOLER_MAX_ENTRIES, &error);
	for (int i = 0; i < d->n_entries; i++)
	{
		PoolEntry  *entry = &d->entries[i];
		PoolerLimits limits;

		if (entry->wildcard)
			continue;
		pooler_guc_limits(entry, &limits);
		add_pool(d, entry->name, entry->database, &limits);
	}
	d->listed = d->n;
	if (pooler_shared != NULL)
		add_made_pools(d);
	return d;
}

static Demand *
read_demand(void)
{
	Demand	   *d = read_pools();

	read_databases(d);
	return d;
}

/*
 * Used slots of max_connections that are not the pooler's backends.  They are
 * the first of ProcGlobal; who uses one owns its latch (proc->pid stays behind
 * when it is given back).  Reads without a lock: somebody who just comes or
 * goes may be missed.
 */
int
pooler_validate_others(void)
{
	int			used = 0;

	for (int i = 0; i < MaxConnections; i++)
		if (ProcGlobal->allProcs[i].procLatch.owner_pid != 0)
			used++;
	if (pooler_shared == NULL)
		return used;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		pid_t		pid = m->pid;
		int			procno = m->pgprocno;

		if (m->state != MEMBER_FREE && pid > 0 &&
			procno >= 0 && procno < MaxConnections &&
			ProcGlobal->allProcs[procno].procLatch.owner_pid == pid)
			used--;
	}
	return Max(used, 0);
}

static CapacityCheck *
new_check(const char *name, const char *subject, int required, int available)
{
	CapacityCheck *c = palloc0(sizeof(CapacityCheck));

	c->name = name;
	c->subject = subject;
	c->required = required;
	c->available = available;
	c->enough = required >= 0 && required <= available;
	return c;
}

/* How many backends all pools together would open; -1: no limit is set. */
static int
wanted_backends(const Demand *d)
{
	int			sum = d->size + d->overflow;

	if (pooler_guc_max_backends < 0)
		return d->unlimited ? -1 : sum;
	if (d->unlimited)
		return Max(pooler_guc_max_backends, d->listed);
	return Min(sum, Max(pooler_guc_max_backends, d->listed));
}

/*
 * Pools without limits are bounded by what max_connections leaves, so that they
 * never want more than there is.
 */
static CapacityCheck *
check_server(const Demand *d)
{
	int			others = pooler_validate_others();
	int			reserved = pooler_guc_reserved();
	int			left = MaxConnections - reserved - others;
	int			backends = wanted_backends(d);
	CapacityCheck *c;

	c = new_check("server", NULL,
				  backends < 0 ? -1 : backends + reserved + others,
				  MaxConnections);
	if (backends < 0)
	{
		c->enough = left >= d->listed;
		c->detail = psprintf("pools without limit share what is left: %d - "
							 "%d reserved - %d in use by others",
							 MaxConnections, reserved, others);
		if (!c->enough)
			c->advice = psprintf("Set max_connections to %d.",
								 d->listed + reserved + others);
		return c;
	}
	c->detail = psprintf("%d for %d pools + %d reserved + %d in use by others",
						 backends, d->n, reserved, others);
	if (c->enough)
		return c;
	if (left >= d->listed && left > 0)
		c->advice = psprintf("Set max_connections to %d, or "
							 "pooler.max_backends to %d.",
							 c->required, left);
	else
		c->advice = psprintf("Set max_connections to %d.", c->required);
	return c;
}

/* The buffer of 20 to 30 % holds the reserved connections (the guide). */
static CapacityCheck *
check_direct(const Demand *d)
{
	int			required = 0;
	CapacityCheck *c;

	if (d->unlimited)
		required = -1;
	else if (d->n > 0)
		required = pooler_capacity_required(pooler_guc_app_servers, 1,
											d->size, d->overflow,
											pooler_guc_capacity_buffer);
	c = new_check("direct", NULL, required, MaxConnections);
	c->detail = psprintf("without the pooler: %d (pooler.app_servers) x %d "
						 "for %d pools + %g %%", pooler_guc_app_servers,
						 d->size + d->overflow, d->n,
						 pooler_guc_capacity_buffer * 100.0);
	if (c->enough)
		return c;
	if (required < 0)
		c->advice = psprintf("Let the applications connect to the pooler's "
							 "port %d, or set pooler.max_overflow to a limit.",
							 pooler_guc_port);
	else
		c->advice = psprintf("Let the applications connect to the pooler's "
							 "port %d, or set max_connections to %d.",
							 pooler_guc_port, required);
	return c;
}

static CapacityCheck *
check_clients(const Demand *d)
{
	int			available = pooler_guc_max_client_conn;
	int			required = 0;
	CapacityCheck *c;

	if (pooler_shared != NULL && pooler_shared->clients_allowed > 0)
		available = Min(available, pooler_shared->clients_allowed);
	if (d->unlimited)
		required = -1;
	else if (d->n > 0)
		required = pooler_capacity_required(pooler_guc_app_servers, 1,
											d->size, d->overflow, 0);
	c = new_check("clients", NULL, required, available);
	c->detail = psprintf("%d (pooler.app_servers) x %d for %d pools",
						 pooler_guc_app_servers, d->size + d->overflow, d->n);
	if (required < 0)
		c->enough = true;		/* nobody says how many clients there will be */
	if (c->enough)
		return c;
	if (available < pooler_guc_max_client_conn)
		c->advice = psprintf("Raise the limit of open files (ulimit -n): it "
							 "lowers pooler.max_client_conn to %d and %d are "
							 "needed.", available, required);
	else
		c->advice = psprintf("Set pooler.max_client_conn to %d.", required);
	return c;
}

/* What all pools that use a database may open. */
static int
database_demand(const Demand *d, Oid database)
{
	int			required = 0;

	for (int i = 0; i < d->n; i++)
		if (d->pools[i].row.oid == database)
			required += d->pools[i].limit;
	return required;
}

/* A database's limit holds for all pools that use it. */
static CapacityCheck *
check_database(const Demand *d, const PoolDemand *pool)
{
	int			limit = pool->row.connection_limit;
	int			required = database_demand(d, pool->row.oid);
	CapacityCheck *c;

	if (limit < 0 || limit >= required)
		return NULL;
	c = new_check("database", pool->database, required, limit);
	c->detail = psprintf("CONNECTION LIMIT %d of the database", limit);
	c->advice = psprintf("Set its limit with ALTER DATABASE %s CONNECTION "
						 "LIMIT %d, or pool_size + max_overflow of its pool "
						 "to %d.", quote_identifier(pool->database), required,
						 limit);
	return c;
}

static List *
check_databases(const Demand *d, List *checks)
{
	for (int i = 0; i < d->n; i++)
	{
		CapacityCheck *c;
		bool		seen = false;

		for (int j = 0; j < i; j++)
			seen |= d->pools[i].row.oid == d->pools[j].row.oid;
		if (seen)
			continue;
		c = check_database(d, &d->pools[i]);
		if (c != NULL)
			checks = lappend(checks, c);
	}
	return checks;
}

/* Does the role use this pool now? Routes outlive their clients and backends. */
static bool
has_route(Oid role, const char *pool)
{
	if (pooler_shared == NULL)
		return false;
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		PoolerRoute *r = &pooler_routes[i];

		if (r->used && r->role == role && (r->clients > 0 || r->backends > 0) &&
			r->pool >= 0 && r->pool < POOLER_MAX_POOLS &&
			pooler_pools[r->pool].state != POOL_DRAINING &&
			strcmp(pooler_pools[r->pool].name, pool) == 0)
			return true;
	}
	return false;
}

/*
 * What a role's limit must allow: all pools that it uses now, at least the
 * largest of those that it may connect to.
 */
static int
role_demand(const Demand *d, Oid role)
{
	int			used = 0;
	int			largest = 0;

	for (int i = 0; i < d->n; i++)
	{
		const PoolDemand *pool = &d->pools[i];

		if (!OidIsValid(pool->row.oid) ||
			!pooler_auth_acl_connects(&pool->row, role))
			continue;
		largest = Max(largest, pool->limit);
		if (has_route(role, pool->name))
			used += pool->limit;
	}
	return Max(used, largest);
}

static CapacityCheck *
check_role(const Demand *d, Form_pg_authid role)
{
	const char *name = pstrdup(NameStr(role->rolname));
	int			required = role_demand(d, role->oid);
	CapacityCheck *c;

	if (role->rolconnlimit >= required)
		return NULL;
	c = new_check("role", name, required, role->rolconnlimit);
	c->detail = psprintf("CONNECTION LIMIT %d of the role",
						 role->rolconnlimit);
	c->advice = psprintf("Set its limit with ALTER ROLE %s CONNECTION LIMIT "
						 "%d, or pool_size + max_overflow of its pools to %d.",
						 quote_identifier(name), required, role->rolconnlimit);
	return c;
}

/* Superusers have no limit, whatever theirs says (InitializeSessionUserId). */
static List *
check_roles(const Demand *d, List *checks)
{
	Relation	rel = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid role = (Form_pg_authid) GETSTRUCT(tuple);
		CapacityCheck *c;

		if (!role->rolcanlogin || role->rolsuper || role->rolconnlimit < 0)
			continue;
		c = check_role(d, role);
		if (c != NULL)
			checks = lappend(checks, c);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return checks;
}

static List *
totals_of(const Demand *d)
{
	/* each makes a Check of its own; in which order does not matter */
	/* cppcheck-suppress unknownEvaluationOrder */
	return list_make3(check_server(d), check_direct(d), check_clients(d));
}

static List *
capacity_of(const Demand *d)
{
	List	   *checks = check_databases(d, totals_of(d));

	return check_roles(d, checks);
}

/* The demands that no catalog is needed for; without a transaction. */
List *
pooler_validate_totals(void)
{
	return totals_of(read_pools());
}

/* All demands for connections; server, direct and clients always. */
List *
pooler_validate_capacity(void)
{
	return capacity_of(read_demand());
}

/* See validate.h. */
int
pooler_validate_database(const char *database, int *limit)
{
	Demand	   *d = read_demand();

	*limit = -1;
	for (int i = 0; i < d->n; i++)
	{
		if (strcmp(d->pools[i].database, database) != 0)
			continue;
		*limit = d->pools[i].row.connection_limit;
		return database_demand(d, d->pools[i].row.oid);
	}
	return 0;
}

static ProductionCheck *
new_rule(const char *name, const PoolEntry *entry, const char *parameter,
		 const char *value, const char *required, bool passed)
{
	ProductionCheck *p = palloc0(sizeof(ProductionCheck));
	bool		own = entry != NULL;

	p->name = name;
	p->pool = own ? pstrdup(entry->name) : NULL;
	p->setting = own ? "pooler.pools" : psprintf("pooler.%s", parameter);
	p->value = value;
	p->required = required;
	p->passed = passed;
	return p;
}

/* `entry` NULL: the global value. */
static ProductionCheck *
recycle_rule(const PoolEntry *entry, int seconds)
{
	bool		passed = seconds >= 0 && seconds <= PRODUCTION_RECYCLE;
	ProductionCheck *p;

	p = new_rule("recycle", entry, "pool_recycle",
				 seconds < 0 ? "-1" : psprintf("%ds", seconds),
				 psprintf("at most %ds", PRODUCTION_RECYCLE), passed);
	if (!passed && entry == NULL)
		p->hint = psprintf("Set pooler.pool_recycle to %d or less.",
						   PRODUCTION_RECYCLE);
	else if (!passed)
		p->hint = psprintf("Set recycle of pool %s in pooler.pools to %d or "
						   "less.", p->pool, PRODUCTION_RECYCLE);
	return p;
}

static ProductionCheck *
switch_rule(const char *name, const PoolEntry *entry, const char *parameter,
			bool value, bool required)
{
	ProductionCheck *p;
	const char *want = required ? "on" : "off";

	p = new_rule(name, entry, parameter, value ? "on" : "off", want,
				 value == required);
	if (!p->passed && entry == NULL)
		p->hint = psprintf("Set pooler.%s to %s.", parameter, want);
	else if (!p->passed)
		p->hint = psprintf("Set %s of pool %s in pooler.pools to %s.", name,
						   p->pool, want);
	return p;
}

static ProductionCheck *
capacity_rule(const CapacityCheck *c)
{
	ProductionCheck *p = palloc0(sizeof(ProductionCheck));

	p->name = "capacity";
	if (strcmp(c->name, "clients") == 0)
		p->setting = "pooler.max_client_conn";
	else if (c->subject != NULL)
		p->setting = psprintf("CONNECTION LIMIT of %s %s", c->name,
							  quote_identifier(c->subject));
	else
		p->setting = "max_connections";
	p->value = psprintf("%d", c->available);
	if (c->required >= 0)
		p->required = psprintf("at least %d (%s)", c->required, c->name);
	p->passed = c->enough;
	p->hint = c->advice;
	return p;
}

/* The values that hold for all pools, then what single pools have instead. */
static List *
limit_rules(const Demand *d)
{
	List	   *rules;

	/* each makes a rule of its own; in which order does not matter */
	/* cppcheck-suppress unknownEvaluationOrder */
	rules = list_make3(recycle_rule(NULL, pooler_guc_pool_recycle),
					   switch_rule("pre_ping", NULL, "pool_pre_ping",
								   pooler_guc_pool_pre_ping, true),
					   switch_rule("echo", NULL, "echo_pool",
								   pooler_guc_echo_pool, false));
	for (int i = 0; i < d->n_entries; i++)
	{
		const PoolEntry *e = &d->entries[i];

		if (e->has_recycle)
			rules = lappend(rules, recycle_rule(e, e->limits.recycle_s));
		if (e->has_pre_ping)
			rules = lappend(rules, switch_rule("pre_ping", e, NULL,
											   e->limits.pre_ping, true));
		if (e->has_echo)
			rules = lappend(rules, switch_rule("echo", e, NULL,
											   e->limits.echo, false));
	}
	return rules;
}

/* The guide's checklist for production, whatever pooler.env is. */
List *
pooler_validate_production(void)
{
	Demand	   *d = read_demand();
	List	   *rules = limit_rules(d);
	ListCell   *lc;

	foreach(lc, capacity_of(d))
		rules = lappend(rules, capacity_rule(lfirst(lc)));
	return rules;
}

static void
log_capacity(const CapacityCheck *c)
{
	if (c->enough)
		return;
	if (c->subject != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("pools may open %d connections, but the limit of "
						"%s \"%s\" is %d", c->required, c->name, c->subject,
						c->available),
				 errhint("%s", c->advice)));
	else if (c->required < 0)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("capacity check \"%s\": pools have no limit, "
						"available are %d connections", c->name, c->available),
				 errdetail_internal("%s.", c->detail),
				 errhint("%s", c->advice)));
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("capacity check \"%s\": %d connections are required, "
						"available are %d", c->name, c->required,
						c->available),
				 errdetail_internal("Required: %s.", c->detail),
				 errhint("%s", c->advice)));
}

static void
log_rule(const ProductionCheck *p)
{
	if (p->passed)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 p->pool != NULL ?
			 errmsg("pooler.env is production, but %s of pool \"%s\" is %s",
					p->name, p->pool, p->value) :
			 errmsg("pooler.env is production, but %s is %s", p->setting,
					p->value),
			 errhint("%s", p->hint)));
}

/*
 * Shortfalls always, the rules for production where pooler.env says so.  A
 * transaction is needed for the CONNECTION LIMITs, which are in catalogs; while
 * somebody locks those the rest is said, for nobody may wait here.
 */
void
pooler_validate_log(void)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		locked;
	Demand	   *d;
	ListCell   *lc;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	locked = pooler_auth_lock_catalogs();
	if (!locked)
		ereport(LOG,
				(errmsg("CONNECTION LIMITs are not compared with pools: catalogs of roles and databases are locked"),
				 errhint("pooler.capacity shows them.")));
	d = locked ? read_demand() : read_pools();
	foreach(lc, locked ? capacity_of(d) : totals_of(d))
		log_capacity(lfirst(lc));
	if (pooler_guc_env == ENV_PRODUCTION)
		foreach(lc, limit_rules(d))
			log_rule(lfirst(lc));
	PopActiveSnapshot();
	pooler_commit(caller);
}
