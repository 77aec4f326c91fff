/*
 * pause.c
 *	  Keeps a pool out of its database while that is dropped or copied.
 *
 * DROP DATABASE, RENAME, SET TABLESPACE and CREATE DATABASE ... TEMPLATE fail
 * while anybody is connected to the database, and idle pooled backends are
 * connected. So whatever backend runs such a statement first pauses the pool:
 * the worker retires its backends at their next boundary and lets none be born
 * until the statement has ended. Backends that serve a transaction or a pinned
 * client are not touched: if they are still there after a while, the statement
 * fails as it would for any session. Unborn backends are in no database yet.
 *
 * src/pause.c
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "pause.h"
#include "shmem.h"

#define MAX_WAIT_MS		5000
#define LOOK_MS			10

static ProcessUtility_hook_type next_utility = NULL;

static const char *
template_of(CreatedbStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "template") == 0 && option->arg)
			return defGetString(option);
	}
	return "template1";
}

static bool
sets_tablespace(AlterDatabaseStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
			return true;
	}
	return false;
}

/* The database that nobody may be connected to; NULL: none. */
static const char *
wanted_database(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			return castNode(DropdbStmt, stmt)->dbname;
		case T_CreatedbStmt:
			return template_of(castNode(CreatedbStmt, stmt));
		case T_RenameStmt:
			if (castNode(RenameStmt, stmt)->renameType == OBJECT_DATABASE)
				return castNode(RenameStmt, stmt)->subname;
			return NULL;
		case T_AlterDatabaseStmt:
			if (sets_tablespace(castNode(AlterDatabaseStmt, stmt)))
				return castNode(AlterDatabaseStmt, stmt)->dbname;
			return NULL;
		default:
			return NULL;
	}
}

/* WITH (FORCE) ends whoever is there: nobody need be waited for. */
static bool
is_forced(Node *stmt)
{
	ListCell   *lc;

	if (!IsA(stmt, DropdbStmt))
		return false;
	foreach(lc, castNode(DropdbStmt, stmt)->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "force") == 0)
			return true;
	}
	return false;
}

static bool
is_pool_of(int pool, const char *database)
{
	return pooler_pools[pool].state != POOL_FREE &&
		strcmp(pooler_pools[pool].database, database) == 0;
}

/* Is there another backend that may yet leave of itself? */
static bool
is_idle_in(const char *database)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		uint32		activity = pg_atomic_read_u32(&m->activity);

		if (m->pid != MyProcPid &&
			(m->state == MEMBER_BIRTH || m->state == MEMBER_LEAVING ||
			 (m->state == MEMBER_BORN && activity != ACTIVITY_PINNED)) &&
			!m->hung && m->pool >= 0 && is_pool_of(m->pool, database))
			return true;
	}
	return false;
}

/* Which pools are paused, so that just those go on afterwards. */
typedef struct Paused
{
	bool		pools[POOLER_MAX_POOLS];
} Paused;

static void
resume(int code, Datum arg)
{
	Paused	   *paused = (Paused *) DatumGetPointer(arg);

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (paused->pools[i])
			pg_atomic_fetch_sub_u32(&pooler_pools[i].paused, 1);
		paused->pools[i] = false;
	}
}

static bool
may_create_databases(Oid user)
{
	HeapTuple	role = SearchSysCache1(AUTHOID, ObjectIdGetDatum(user));
	bool		may = superuser_arg(user);

	if (!HeapTupleIsValid(role))
		return false;
	may = may || ((Form_pg_authid) GETSTRUCT(role))->rolcreatedb;
	ReleaseSysCache(role);
	return may;
}

static bool
is_template(Oid database)
{
	HeapTuple	row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		is;

	if (!HeapTupleIsValid(row))
		return false;
	is = ((Form_pg_database) GETSTRUCT(row))->datistemplate;
	ReleaseSysCache(row);
	return is;
}

/* Who may not do it cannot disturb the pool by trying. The rules of dbcommands.c:
 * a template is for all who may create databases. */
static bool
is_allowed(Node *stmt, const char *database)
{
	Oid			oid = get_database_oid(database, true);

	if (!OidIsValid(oid) ||
		(IsA(stmt, CreatedbStmt) && !may_create_databases(GetUserId())))
		return false;
	return pooler_owns_database(oid, GetUserId()) ||
		(IsA(stmt, CreatedbStmt) && is_template(oid));
}

/* True: some pool has been paused. */
static bool
pause_pools(const char *database, Paused *paused)
{
	bool		any = false;

	memset(paused, 0, sizeof(*paused));
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (!is_pool_of(i, database))
			continue;
		paused->pools[i] = any = true;
		pg_atomic_fetch_add_u32(&pooler_pools[i].paused, 1);
	}
	return any;
}

static void
await_empty(const char *database)
{
	static uint32 wait_event = 0;
	TimestampTz start = GetCurrentTimestamp();

	while (is_idle_in(database) &&
		   !TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   MAX_WAIT_MS))
	{
		pooler_shmem_wake_worker();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS,
						 pooler_wait_event(&wait_event, "PoolerPause"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
call_next(PlannedStmt *pstmt, const char *query, bool read_only_tree,
		  ProcessUtilityContext context, ParamListInfo params,
		  QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	if (next_utility)
		next_utility(pstmt, query, read_only_tree, context, params, env, dest,
					 qc);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								env, dest, qc);
}

static void
utility_hook(PlannedStmt *pstmt, const char *query, bool read_only_tree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	/* none of them runs in a transaction block, or in a function */
	const char *database = pooler_shared == NULL || IsTransactionBlock() ||
		context != PROCESS_UTILITY_TOPLEVEL ? NULL :
		wanted_database(pstmt->utilityStmt);
	Paused		paused;

	if (database == NULL || !is_allowed(pstmt->utilityStmt, database) ||
		!pause_pools(database, &paused))
	{
		call_next(pstmt, query, read_only_tree, context, params, env, dest,
				  qc);
		return;
	}
	/* also at a FATAL: a pool must not stay paused */
	PG_ENSURE_ERROR_CLEANUP(resume, PointerGetDatum(&paused));
	{
		if (!is_forced(pstmt->utilityStmt))
			await_empty(database);
		call_next(pstmt, query, read_only_tree, context, params, env, dest,
				  qc);
	}
	PG_END_ENSURE_ERROR_CLEANUP(resume, PointerGetDatum(&paused));
	resume(0, PointerGetDatum(&paused));
}

void
pooler_pause_install(void)
{
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility_hook;
}
