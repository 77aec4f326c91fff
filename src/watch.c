/*
 * watch.c
 *	  Notices session state that cannot be seen afterwards, and asks before a
 *	  statement that would leave some.
 *
 *	  ProcessUtility_hook	LISTEN, PREPARE and the like, wherever they stand:
 *							in a function, in a transaction that fails later
 *	  object_access_hook	functions by OID, when an expression that calls them
 *							is set up; it does not fire for trigger functions
 *							and type I/O, and none of those below can be one
 *	  XactCallback			use of pg_temp; MyXactFlags forgets it with each
 *							transaction, and a message may hold several
 *	  assign hook of seed	SET, SET LOCAL and set_config() alike, also where
 *							the value is undone: random()'s state is not
 *	  error context			a HINT for currval() and lastval()
 *
 * The first is set in every process and returns at once where nobody is pooled;
 * the others are set in pooled backends only, since an object_access_hook costs
 * something by its mere presence.
 *
 * What was touched is a hint to look (pins.c, carry.c); nothing is concluded
 * here. A setting outlives its transaction by a statement or by set_config(),
 * which no trigger, type or operator class can call without an expression; a
 * user's function counts, since it may be a library's.
 *
 * src/watch.c
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "compat.h"
#include "watch.h"

PoolerWatch pooler_watch;

static ProcessUtility_hook_type next_utility;
static object_access_hook_type next_access;
static GucRealAssignHook seed_assign;

/* ---- statements ---- */

/* ON COMMIT DROP leaves nothing at a boundary. */
static uint32
relation_pin(const RangeVar *rel, OnCommitAction on_commit)
{
	if (rel == NULL || on_commit == ONCOMMIT_DROP)
		return 0;
	if (rel->relpersistence == RELPERSISTENCE_TEMP)
		return PIN_TEMP;
	if (rel->schemaname != NULL && strcmp(rel->schemaname, "pg_temp") == 0)
		return PIN_TEMP;
	return 0;
}

static uint32
name_pin(List *names)
{
	if (list_length(names) > 1 &&
		strcmp(strVal(linitial(names)), "pg_temp") == 0)
		return PIN_TEMP;
	return 0;
}

/* SET ROLE and SET SESSION AUTHORIZATION, unless back to the own role. */
static uint32
variable_pin(const VariableSetStmt *set)
{
	if (set->kind != VAR_SET_VALUE || set->is_local)
		return 0;
	if (strcmp(set->name, "session_authorization") == 0)
		return PIN_ROLE;
	if (strcmp(set->name, "role") != 0)
		return 0;
	if (list_length(set->args) == 1 && IsA(linitial(set->args), A_Const))
	{
		A_Const    *value = linitial_node(A_Const, set->args);

		if (IsA(&value->val, String) &&
			strcmp(strVal(&value->val), "none") == 0)
			return 0;
	}
	return PIN_ROLE;
}

/* The pin that this statement leaves if it succeeds, 0 if none. */
static uint32
statement_pin(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_ListenStmt:
			return PIN_LISTEN;
		case T_PrepareStmt:
			return PIN_PREPARED;
		case T_LoadStmt:
			return PIN_TAINT_LIBRARY;
		case T_DeclareCursorStmt:
			return (((DeclareCursorStmt *) stmt)->options & CURSOR_OPT_HOLD) ?
				PIN_HOLD : 0;
		case T_CreateStmt:
			return relation_pin(((CreateStmt *) stmt)->relation,
								((CreateStmt *) stmt)->oncommit);
		case T_CreateTableAsStmt:
			return relation_pin(((CreateTableAsStmt *) stmt)->into->rel,
								((CreateTableAsStmt *) stmt)->into->onCommit);
		case T_ViewStmt:
			return relation_pin(((ViewStmt *) stmt)->view, ONCOMMIT_NOOP);
		case T_CreateSeqStmt:
			return relation_pin(((CreateSeqStmt *) stmt)->sequence,
								ONCOMMIT_NOOP);
		case T_CompositeTypeStmt:
			return relation_pin(((CompositeTypeStmt *) stmt)->typevar,
								ONCOMMIT_NOOP);
		case T_CreateFunctionStmt:
			return name_pin(((CreateFunctionStmt *) stmt)->funcname);
		case T_VariableSetStmt:
			return variable_pin((VariableSetStmt *) stmt);
		default:
			return 0;
	}
}

/*
 * What may have changed even if the statement fails: whoever looks finds it as
 * it was. Dropping objects of pg_temp, and making others than relations, does
 * not always leave a trace in MyXactFlags.
 */
static uint32
statement_touches(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_ListenStmt:
		case T_UnlistenStmt:
			return PIN_LISTEN;
		case T_DiscardStmt:
			return PIN_LISTEN | PIN_TEMP;
		case T_DropStmt:
		case T_DropOwnedStmt:
			return PIN_TEMP;
			/* pg_temp may be called by its number, pg_temp_3 */
		case T_CreateFunctionStmt:
		case T_DefineStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateRangeStmt:
		case T_CreateConversionStmt:
		case T_CreateOpClassStmt:
		case T_CreateOpFamilyStmt:
		case T_CreateStatsStmt:
		case T_AlterDefaultPrivilegesStmt:
			return PIN_TEMP;
		case T_LoadStmt:
			return PIN_TAINT_LIBRARY;
		default:
			return 0;
	}
}

/*
 * The common ones that leave all settings alone, but for the transaction's own.
 * What they run, say a trigger at COMMIT, is seen by itself.
 */
static bool
leaves_settings(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
		case T_CopyStmt:
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_ClosePortalStmt:
		case T_ExecuteStmt:
		case T_LockStmt:
		case T_NotifyStmt:
			return true;
		default:
			return false;
	}
}

static void
watch_statement(Node *stmt)
{
	uint32		pin = statement_pin(stmt);

	if (pin != 0)
		pooler_watch.claim(pin);
	pooler_watch.touched |= statement_touches(stmt);
	if (!leaves_settings(stmt))
		pooler_watch.settings = true;
}

static void
watch_utility(PlannedStmt *pstmt, const char *text, bool read_only_tree,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *env, DestReceiver *dest,
			  QueryCompletion *completion)
{
	if (pooler_watch.claim != NULL)
		watch_statement(pstmt->utilityStmt);
	if (next_utility != NULL)
		next_utility(pstmt, text, read_only_tree, context, params, env, dest,
					 completion);
	else
		standard_ProcessUtility(pstmt, text, read_only_tree, context, params,
								env, dest, completion);
}

void
pooler_watch_install(void)
{
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = watch_utility;
}

/* ---- currval() and lastval() of another backend's nextval() ---- */

/*
 * The message is not yet reported when context callbacks run, so that a HINT
 * added here reaches the client, the log and an EXCEPTION block.
 */
static void
hint_at_sequences(void *arg)
{
	MemoryContext old;
	ErrorData  *error;

	if (!pooler_watch.hint_sequences ||
		geterrcode() != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		return;
	old = MemoryContextSwitchTo(MessageContext);
	error = CopyErrorData();
	MemoryContextSwitchTo(old);
	if (error->elevel == ERROR && error->hint == NULL &&
		error->funcname != NULL &&
		(strcmp(error->funcname, "currval_oid") == 0 ||
		 strcmp(error->funcname, "lastval") == 0))
		errhint("In transaction mode the next transaction may run on another "
				"backend. Use RETURNING, or call this function in the same "
				"transaction as nextval(), or use session mode.");
	FreeErrorData(error);
}

static ErrorContextCallback sequence_context = {
	.callback = hint_at_sequences
};

/*
 * Puts the callback at the outer end of the chain. PostgresMain() clears the
 * chain after an error and PG_END_TRY restores what it was at PG_TRY, so this
 * is done anew at the end of each transaction and subtransaction: with a failed
 * one, PostgresMain() is back at its own level by then.
 */
static void
watch_errors(void)
{
	ErrorContextCallback **link = &error_context_stack;

	while (*link != NULL && *link != &sequence_context)
		link = &(*link)->previous;
	*link = &sequence_context;
}

/* ---- functions ---- */

static void
watch_function(Oid function)
{
	if (function >= FirstNormalObjectId)
	{
		pooler_watch.settings = true;
		return;
	}
	switch (function)
	{
		case F_SET_CONFIG:
			pooler_watch.settings = true;
			pooler_watch.set_config = true;
			pooler_watch.set_config_at = GetCurrentStatementStartTimestamp();
			break;
		case F_PG_ADVISORY_LOCK_INT8:
		case F_PG_ADVISORY_LOCK_INT4_INT4:
		case F_PG_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_INT8:
		case F_PG_TRY_ADVISORY_LOCK_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4:
			pooler_watch.claim(PIN_ADVISORY);
			break;
		case F_PG_REPLICATION_ORIGIN_SESSION_SETUP:
			pooler_watch.claim(PIN_ORIGIN);
			break;
		case F_PG_BACKUP_START:
			pooler_watch.claim(PIN_BACKUP);
			break;
		case F_PG_CREATE_PHYSICAL_REPLICATION_SLOT:
		case F_PG_CREATE_LOGICAL_REPLICATION_SLOT:
		case F_PG_COPY_PHYSICAL_REPLICATION_SLOT_NAME_NAME:
		case F_PG_COPY_PHYSICAL_REPLICATION_SLOT_NAME_NAME_BOOL:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME_BOOL:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME_BOOL_NAME:
			pooler_watch.touched |= PIN_SLOT;
			break;
		case F_SETSEED:
			pooler_watch.touched |= PIN_TAINT_SEED;
			break;
		default:
			break;
	}
}

static void
watch_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
			 void *arg)
{
	if (access == OAT_FUNCTION_EXECUTE)
		watch_function(object_id);
	if (next_access != NULL)
		next_access(access, class_id, object_id, sub_id, arg);
}

/* ---- transactions and the seed ---- */

static void
watch_xact(XactEvent event, void *arg)
{
	watch_errors();
	if (event == XACT_EVENT_COMMIT &&
		(MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0)
		pooler_watch.touched |= PIN_TEMP;
}

static void
watch_subxact(SubXactEvent event, SubTransactionId id,
			  SubTransactionId parent_id, void *arg)
{
	watch_errors();
}

/* *extra is true while the value has still to be given to setseed(). */
static void
watch_seed(double value, void *extra)
{
	if (extra == NULL || *((int *) extra))
		pooler_watch.touched |= PIN_TAINT_SEED;
	seed_assign(value, extra);
}

static bool
hook_seed(void)
{
	struct config_generic *seed = pooler_find_setting("seed");

	if (seed == NULL || seed->vartype != PGC_REAL ||
		((struct config_real *) seed)->assign_hook == NULL)
		return false;
	seed_assign = ((struct config_real *) seed)->assign_hook;
	((struct config_real *) seed)->assign_hook = watch_seed;
	return true;
}

bool
pooler_watch_start(void (*claim) (uint32 pin))
{
	if (!hook_seed())
		return false;
	next_access = object_access_hook;
	object_access_hook = watch_access;
	RegisterXactCallback(watch_xact, NULL);
	RegisterSubXactCallback(watch_subxact, NULL);
	pooler_watch.claim = claim;
	return true;
}
