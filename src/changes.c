/*
 * changes.c
 *	  Notes changes of roles and databases, in any backend.
 *
 * A backend keeps for its life what its login found: attributes and settings
 * of its role and database, and the right to connect. Statements that change
 * those are seen by ProcessUtility_hook in whatever backend runs them, and the
 * OIDs are collected while the names can still be resolved:
 *
 *	  statement		note_statement(): OIDs into `changed`
 *	  commit		publish(): pooler_shmem_note_change() for each
 *	  abort			forgotten
 *
 * Only at the commit: a backend that is born before it reads the old values,
 * and must not count as a new one. What a rolled back savepoint did is counted
 * too, which costs a needless exchange of a backend. A transaction that is
 * prepared is published at PREPARE, hence too early for backends that are born
 * before its COMMIT PREPARED; until then its locks tell that it is there, also
 * after a restart. Then everything counts as changed. (GRANT and REVOKE ON DATABASE
 * or ON PARAMETER keep no lock.)
 *
 * Membership in roles is looked up at each use by the server itself; a grantee
 * is noted, and who is its member, as what they may connect to, and set, may have
 * changed with it.
 *
 * src/changes.c
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "commands/dbcommands.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "changes.h"
#include "shmem.h"

static ProcessUtility_hook_type next_utility;

/* In TopTransactionContext. InvalidOid stands for everything. */
static List *changed = NIL;

static void
note(Oid oid)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	changed = list_append_unique_oid(changed, oid);
	MemoryContextSwitchTo(old);
}

/* And who is a member of it by way of it, whom what it has concerns as well. */
static void
note_with_members(Oid role)
{
	List	   *roles = list_make1_oid(role);
	ListCell   *lc;

	foreach(lc, roles)
	{
		CatCList   *members = SearchSysCacheList1(AUTHMEMROLEMEM,
												  ObjectIdGetDatum(lfirst_oid(lc)));

		note(lfirst_oid(lc));
		for (int i = 0; i < members->n_members; i++)
		{
			HeapTuple	row = &members->members[i]->tuple;

			roles = list_append_unique_oid(roles,
										   ((Form_pg_auth_members) GETSTRUCT(row))->member);
		}
		ReleaseSysCacheList(members);
	}
	list_free(roles);
}

/* What does not exist needs no note: the statement will fail. */
static void
note_role(const RoleSpec *role)
{
	Oid			oid;

	if (role == NULL || role->roletype == ROLESPEC_PUBLIC)
	{
		note(InvalidOid);
		return;
	}
	oid = get_rolespec_oid(role, true);
	if (OidIsValid(oid))
		note_with_members(oid);
}

static void
note_roles(List *roles)
{
	ListCell   *lc;

	foreach(lc, roles)
		note_role(lfirst_node(RoleSpec, lc));
}

static void
note_database(const char *name)
{
	Oid			oid = get_database_oid(name, true);

	if (OidIsValid(oid))
		note(oid);
}

static void
note_databases(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
		note_database(strVal(lfirst(lc)));
}

static void
note_role_setting(const AlterRoleSetStmt *stmt)
{
	if (stmt->role == NULL && stmt->database != NULL)
		note_database(stmt->database);
	else
		note_role(stmt->role);
}

static void
note_rename(const RenameStmt *stmt)
{
	if (stmt->renameType == OBJECT_DATABASE)
		note_database(stmt->subname);
	else if (stmt->renameType == OBJECT_ROLE)
	{
		Oid			oid = get_role_oid(stmt->subname, true);

		if (OidIsValid(oid))
			note(oid);
	}
}

/* Does any transaction, maybe a prepared one, hold the lock of a writer? */
static bool
is_written(Oid catalog)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, InvalidOid, catalog);
	return VirtualTransactionIdIsValid(*GetLockConflicts(&tag, ShareLock, NULL));
}

static void
note_transaction(const TransactionStmt *stmt)
{
	if (stmt->kind == TRANS_STMT_COMMIT_PREPARED &&
		(is_written(AuthIdRelationId) || is_written(AuthMemRelationId) ||
		 is_written(DatabaseRelationId) || is_written(DbRoleSettingRelationId)))
		note(InvalidOid);
}

static void
note_statement(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
			note_transaction((TransactionStmt *) stmt);
			break;
		case T_AlterRoleStmt:
			note_role(((AlterRoleStmt *) stmt)->role);
			break;
		case T_AlterRoleSetStmt:
			note_role_setting((AlterRoleSetStmt *) stmt);
			break;
		case T_DropRoleStmt:
			note_roles(((DropRoleStmt *) stmt)->roles);
			break;
		case T_GrantRoleStmt:
			note_roles(((GrantRoleStmt *) stmt)->grantee_roles);
			break;
		case T_DropOwnedStmt:
			note_roles(((DropOwnedStmt *) stmt)->roles);
			break;
		case T_RenameStmt:
			note_rename((RenameStmt *) stmt);
			break;
		case T_AlterDatabaseStmt:
			note_database(((AlterDatabaseStmt *) stmt)->dbname);
			break;
		case T_AlterDatabaseSetStmt:
			note_database(((AlterDatabaseSetStmt *) stmt)->dbname);
			break;
		case T_DropdbStmt:
			note_database(((DropdbStmt *) stmt)->dbname);
			break;
		case T_AlterOwnerStmt:
			if (((AlterOwnerStmt *) stmt)->objectType == OBJECT_DATABASE)
				note_database(strVal(((AlterOwnerStmt *) stmt)->object));
			break;
		case T_GrantStmt:
			if (((GrantStmt *) stmt)->objtype == OBJECT_DATABASE)
				note_databases(((GrantStmt *) stmt)->objects);
			else if (((GrantStmt *) stmt)->objtype == OBJECT_PARAMETER_ACL)
				note_roles(((GrantStmt *) stmt)->grantees);
			break;
		default:
			break;
	}
}

static void
changes_utility(PlannedStmt *pstmt, const char *text, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest,
				QueryCompletion *completion)
{
	note_statement(pstmt->utilityStmt);
	if (next_utility != NULL)
		next_utility(pstmt, text, read_only_tree, context, params, env, dest,
					 completion);
	else
		standard_ProcessUtility(pstmt, text, read_only_tree, context, params,
								env, dest, completion);
}

static void
publish(void)
{
	ListCell   *lc;

	foreach(lc, changed)
		pooler_shmem_note_change(lfirst_oid(lc));
}

static void
changes_xact(XactEvent event, void *arg)
{
	if (changed == NIL)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			publish();
			changed = NIL;
			break;
		case XACT_EVENT_ABORT:
			changed = NIL;
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			break;
	}
}

void
pooler_changes_install(void)
{
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = changes_utility;
	RegisterXactCallback(changes_xact, NULL);
}
