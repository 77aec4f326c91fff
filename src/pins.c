/*
 * pins.c
 *	  Session state that binds a client to its backend, and its cleaning.
 *
 * pooler_pins_look() runs at every boundary of every pooled backend and has to
 * be cheap where nothing is there, so it reads what the server itself keeps:
 * the sizes of two hash tables, the heads of our lock lists, three variables.
 * Where only a transaction can tell (pg_temp, LISTEN) or a walk through shared
 * memory (slots), it looks when watch.c saw that it may have changed, and
 * remembers the answer in `found`.
 *
 * Taints are bits in `taint` and never cleared: C state that nobody can see,
 * and so nobody can clean.
 *
 * A pinned client has a place among its pool's max_pinned. A statement that
 * would leave the first state of a client takes the place before it runs, and
 * fails if there is none; so a client that is over the limit loses a statement
 * and not its session:
 *
 *	  no place -> reserved	[claim, pooler_pins_parse_complete]
 *	  reserved -> no place	[pooler_pins_look]: at the boundary nothing was left
 *	  reserved -> place		[pooler_pins_enter]: at the boundary something was
 *	  no place -> place		[pooler_pins_enter]: state that came unannounced
 *	  place -> no place		[pooler_pins_leave]
 *
 * Where a table of the server is not found as expected (`unseen`), every client
 * is pinned: slower, never wrong.
 *
 * src/pins.c
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "port/pg_bitutils.h"
#include "replication/origin.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "catching.h"
#include "compat.h"
#include "guc.h"
#include "internals.h"
#include "pins.h"
#include "watch.h"

#define PROBE_NAME "pooler probe"
#define CLEAN_LOCK_TIMEOUT_MS 1000

/* Hash tables of prepare.c and portalmem.c. */
static HTAB *prepared;
static HTAB *portals;
static uint32 unseen = 0;		/* PIN_ bits that we are blind to */

/* What was here at the first boundary. */
static Oid	base_user;
static Oid	base_session_user;
static Oid	base_role;			/* of SET ROLE, that of ALTER ROLE ... SET role */
static Size libraries_preloaded;	/* EstimateLibraryStateSpace() */
static Size libraries_seen;		/* the same, looked at */
static bool load_ran = false;	/* LOAD, since the last boundary */

static uint32 taint = 0;
static uint32 found = 0;		/* of PIN_TEMP, PIN_LISTEN, PIN_SLOT */
static uint32 last_look = 0;

static PoolerPool *my_pool = NULL;
static bool placed = false;		/* counted in my_pool->pinned */
static uint32 placed_life;		/* of the worker that counted us */
static bool reserved = false;	/* placed, and no boundary has confirmed it */
static bool may_refuse = false;

typedef struct PinText
{
	const char *name;			/* in views */
	const char *keeps;			/* "This statement would keep ..." */
	const char *instead;		/* start of a HINT */
} PinText;

/* By bit number, see PIN_ in shmem.h. */
static const PinText pin_texts[] = {
	{"session mode", "a session", ""},
	{"prepared statement", "a named prepared statement",
	"Use unnamed statements (drivers have a setting for it), or "},
	{"temporary object", "a temporary object",
	"Create temporary tables ON COMMIT DROP, or "},
	{"listen", "a registration for notifications",
	"Listen on a connection of its own, or "},
	{"held cursor", "a cursor WITH HOLD",
	"Read the cursor in its transaction, or "},
	{"advisory lock", "an advisory lock of the session",
	"Use pg_advisory_xact_lock(), or "},
	{"role", "another role", "Use SET LOCAL ROLE, or "},
	{"replication slot", "a temporary replication slot", ""},
	{"replication origin", "a replication origin", ""},
	{"backup", "a backup", ""},
	{"settings", "settings that cannot be carried", ""},
	{"unnamed statement", "a large unnamed statement", ""},
	{"library", "the state of a library",
	"Load the library with shared_preload_libraries, or "},
	{"random seed", "a seed of random()", ""},
	{"superuser", "the session of a superuser", ""},
	{"startup options", "startup options", ""}
};

const char *
pooler_pins_name(uint32 *pins)
{
	int			bit;

	if (*pins == 0)
		return NULL;
	bit = pg_rightmost_one_pos32(*pins);
	*pins &= *pins - 1;
	return bit < lengthof(pin_texts) ? pin_texts[bit].name : "unknown";
}

/* ---- places ---- */

static bool
take_place(PoolerPool *pool)
{
	int			max = pooler_guc_pool_max_pinned(&pool->limits);
	uint32		n = pg_atomic_read_u32(&pool->pinned);

	while (max < 0 || n < (uint32) max)
	{
		if (pg_atomic_compare_exchange_u32(&pool->pinned, &n, n + 1))
		{
			my_pool = pool;
			placed = true;
			placed_life = pooler_shared->life;
			return true;
		}
	}
	return false;
}

static void
leave_place(void)
{
	uint32		n;

	/* a later worker has begun to count anew, or does just now */
	if (placed && placed_life == pooler_shared->life)
	{
		n = pg_atomic_read_u32(&my_pool->pinned);
		while (n > 0 &&
			   !pg_atomic_compare_exchange_u32(&my_pool->pinned, &n, n - 1))
			;
	}
	placed = reserved = false;
}

bool
pooler_pins_enter(PoolerPool *pool)
{
	reserved = false;
	return placed || take_place(pool);
}

void
pooler_pins_leave(PoolerPool *pool)
{
	leave_place();
}

static void
leave_at_exit(int code, Datum arg)
{
	leave_place();
}

static void
refuse(uint32 pin)
{
	const PinText *text = &pin_texts[pg_rightmost_one_pos32(pin)];

	ereport(ERROR,
			(errcode(ERRCODE_TOO_MANY_CONNECTIONS),
			 errmsg("too many clients of pool \"%s\" keep a backend for their session state",
					my_pool->name),
			 errdetail("This statement would keep %s.", text->keeps),
			 errhint("%s%s pooler.max_pinned, or use session mode.",
					 text->instead, text->instead[0] ? "raise" : "Raise")));
}

/* Whoever is pinned already, within the limit or not, may do as he likes. */
static bool
needs_place(void)
{
	return may_refuse && !placed && last_look == 0;
}

static void
claim(uint32 pin)
{
	if (!needs_place())
		return;
	reserved = take_place(my_pool);
	if (!reserved)
		refuse(pin);
}

/*
 * A statement has just been stored, or the unnamed one. As nobody without a
 * place can have had named ones at the last boundary, and PREPARE goes through
 * claim(), all that is in the table came with this message.
 */
void
pooler_pins_parse_complete(void)
{
	if (prepared == NULL || !needs_place() ||
		hash_get_num_entries(prepared) == 0)
		return;
	reserved = take_place(my_pool);
	if (reserved)
		return;
	DropAllPreparedStatements();
	refuse(PIN_PREPARED);
}

void
pooler_pins_serve(bool pooled)
{
	may_refuse = pooled;
	pooler_watch.hint_sequences = pooled;
	last_look = 0;
}

/* ---- looking ---- */

static bool
holds_locks(void)
{
	for (int i = 0; i < NUM_LOCK_PARTITIONS; i++)
	{
		if (!pooler_proc_locks_empty(i))
			return true;
	}
	return false;
}

/* Only we write active_pid of a slot of ours: no lock needed to find it. */
static bool
holds_temporary_slot(void)
{
	for (int i = 0; i < max_replication_slots; i++)
	{
		ReplicationSlot *s = &ReplicationSlotCtl->replication_slots[i];

		if (s->in_use && s->active_pid == MyProcPid &&
			s->data.persistency == RS_TEMPORARY)
			return true;
	}
	return false;
}

static bool
namespace_is_used(Oid namespace)
{
	ScanKeyData key[2];
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	bool		used;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(namespace));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2,
							  key);
	used = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return used;
}

static bool
temp_is_used(void)
{
	Oid			temp;
	Oid			toast;

	GetTempNamespaceState(&temp, &toast);
	return OidIsValid(temp) && namespace_is_used(temp);
}

/* pg_listening_channels() is the only window to async.c's list. */
static bool
is_listening(void)
{
	LOCAL_FCINFO(call, 0);
	FmgrInfo	function;
	ReturnSetInfo set = {.type = T_ReturnSetInfo};
	ExprContext *context = CreateStandaloneExprContext();

	fmgr_info(F_PG_LISTENING_CHANNELS, &function);
	set.econtext = context;
	set.allowedModes = SFRM_ValuePerCall;
	set.returnMode = SFRM_ValuePerCall;
	InitFunctionCallInfoData(*call, &function, 0, InvalidOid, NULL,
							 (Node *) &set);
	(void) FunctionCallInvoke(call);
	FreeExprContext(context, true);
	return set.isDone != ExprEndResult;
}

static void
remember(uint32 pin, bool is_there)
{
	found = is_there ? found | pin : found & ~pin;
}

/*
 * Each transaction of ours reads committed whatever the client's defaults are:
 * a deferrable one would wait for a safe snapshot.
 */
static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = XACT_READ_COMMITTED;
	XactDeferrable = false;
}

static void
look_in_transaction(uint32 touched)
{
	MemoryContext old = CurrentMemoryContext;

	begin();
	if (touched & PIN_TEMP)
		remember(PIN_TEMP, temp_is_used());
	if (touched & PIN_LISTEN)
		remember(PIN_LISTEN, is_listening());
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
}

/* Nothing announces the end of a slot, so while there is one we look again. */
static void
look_closer(void)
{
	uint32		touched = pooler_watch.touched | (found & PIN_SLOT);

	pooler_watch.touched = 0;
	taint |= touched & PIN_TAINT_SEED;
	load_ran = (touched & PIN_TAINT_LIBRARY) != 0;
	if (touched & PIN_SLOT)
		remember(PIN_SLOT, holds_temporary_slot());
	if (touched & (PIN_TEMP | PIN_LISTEN))
		look_in_transaction(touched);
}

/* Name without directory and suffix, in place. */
static const char *
base_name(char *path)
{
	char	   *slash = strrchr(path, '/');
	char	   *name = slash == NULL ? path : slash + 1;
	char	   *suffix = strrchr(name, '.');

	if (suffix != NULL && strcmp(suffix, DLSUFFIX) == 0)
		*suffix = '\0';
	return name;
}

static bool
is_unknown(const char *name)
{
	return !pooler_guc_library_known(name);
}

/* In spite of being preloaded, see look_at_preloaded(). */
static bool
is_stateful(const char *name)
{
	static const char *const names[] = {
		"dblink", "plperl", "plpython3", "pltcl"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return is_unknown(name);
	}
	return false;
}

/* The list only grows, at its end: what is new since `from` lies behind. */
static bool
any_library(Size from, bool (*is_bad) (const char *name))
{
	Size		size = EstimateLibraryStateSpace();
	char	   *paths = palloc(size);
	char	   *path = paths + from;
	bool		bad = false;

	SerializeLibraryState(size, paths);
	while (*path != '\0' && !bad)
	{
		Size		len = strlen(path) + 1;

		bad = is_bad(base_name(path));
		path += len;
	}
	pfree(paths);
	return bad;
}

/*
 * LOAD is for a library's effects on this very session, so that its client is
 * pinned even if the library keeps nothing else, and even if another client had
 * it loaded here before: the next backend may not have it. Where nothing but
 * what was preloaded is here LOAD has done nothing. A size counts one
 * terminator, in whose place the first new path begins.
 */
static void
look_at_libraries(void)
{
	Size		size = EstimateLibraryStateSpace();

	if (unlikely(load_ran) && size != libraries_preloaded)
		taint |= PIN_TAINT_LIBRARY;
	if (likely(size == libraries_seen))
		return;
	if (any_library(libraries_seen - 1, is_unknown))
		taint |= PIN_TAINT_LIBRARY;
	libraries_seen = size;
	/* placeholders may have become variables */
	pooler_watch.settings = true;
}

static uint32
look_at_user(void)
{
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	/* nothing but a library's C code can leave this behind */
	if (unlikely(security != 0))
		taint |= PIN_TAINT_LIBRARY;
	/* SET ROLE to the own role is one, too */
	if (user != base_user || GetSessionUserId() != base_session_user ||
		GetCurrentRoleId() != base_role)
		return PIN_ROLE;
	return 0;
}

static uint32
look_at_all(void)
{
	uint32		pins = unseen | look_at_user();

	load_ran = false;
	if (unlikely((pooler_watch.touched | (found & PIN_SLOT)) != 0))
		look_closer();
	look_at_libraries();
	if (prepared != NULL && hash_get_num_entries(prepared) > 0)
		pins |= PIN_PREPARED;
	if (portals != NULL && hash_get_num_entries(portals) > 0)
		pins |= PIN_HOLD;
	if (holds_locks())
		pins |= PIN_ADVISORY;
	if (replorigin_session_origin != InvalidRepOriginId)
		pins |= PIN_ORIGIN;
	if (get_backup_status() != SESSION_BACKUP_NONE)
		pins |= PIN_BACKUP;
	return pins | found | taint;
}

uint32
pooler_pins_look(void)
{
	last_look = look_at_all();
	if (last_look == 0 && reserved)
		leave_place();
	return last_look;
}

bool
pooler_pins_may_have_temp(void)
{
	return ((pooler_watch.touched | last_look) & PIN_TEMP) != 0 ||
		(MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0;
}

/* ---- cleaning ---- */

static void
reset_role(void)
{
	SetPGVariable("session_authorization", NIL, false);
	SetPGVariable("role", NIL, false);
}

static void
reset_origin(void)
{
	if (replorigin_session_origin == InvalidRepOriginId)
		return;
	replorigin_session_reset();
	replorigin_session_origin = InvalidRepOriginId;
	replorigin_session_origin_lsn = InvalidXLogRecPtr;
	replorigin_session_origin_timestamp = 0;
}

/* In the order of DISCARD ALL: closing portals may run a user's code. */
static void
discard(void)
{
	begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	PortalHashTableDeleteAll();
	reset_role();
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseAll(USER_LOCKMETHOD, true);
	ResetTempTableNamespace();
	ResetSequenceCaches();
	pooler_drop_temporary_slots();
	reset_origin();
	PopActiveSnapshot();
	CommitTransactionCommand();
	pooler_watch.touched |= PIN_TEMP | PIN_LISTEN | PIN_SLOT;
	pooler_watch.settings = true;
}

/*
 * An error here must end neither the backend in the middle nor the holds of our
 * caller, which elog.c clears. A stranger may hold a lock on a temporary table;
 * a time-out for that needs cancels let through.
 */
static bool
try_discard(void)
{
	Catching	before;
	int			lock_timeout = LockTimeout;
	volatile bool ok = true;

	pooler_catching_begin(&before);
	LockTimeout = CLEAN_LOCK_TIMEOUT_MS;
	QueryCancelHoldoffCount = 0;
	PG_TRY();
	{
		discard();
	}
	PG_CATCH();
	{
		pooler_catching_caught(&before);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		ok = false;
	}
	PG_END_TRY();
	LockTimeout = lock_timeout;
	pooler_catching_end(&before);
	return ok;
}

bool
pooler_pins_clean(void)
{
	uint32		pins = pooler_pins_look();

	if (pins == 0)
		return true;
	if ((pins & PIN_TAINT_MASK) != 0 || !try_discard())
		return false;
	/* what cannot be seen has just been dropped */
	return (pooler_pins_look() & ~unseen) == 0;
}

void
pooler_pins_forget_sequences(void)
{
	ResetSequenceCaches();
}

/* ---- the first boundary ---- */

void
pooler_pins_install(void)
{
	pooler_watch_install();
}

static HTAB *
find_prepared(void)
{
	HTAB	   *table;

	StorePreparedStatement(PROBE_NAME, pooler_internals_empty_plan(), true);
	table = pooler_internals_table("Prepared Queries");
	if (table != NULL &&
		hash_search(table, PROBE_NAME, HASH_FIND, NULL) == NULL)
		table = NULL;
	DropPreparedStatement(PROBE_NAME, true);
	return table;
}

static HTAB *
find_portals(void)
{
	HTAB	   *table = pooler_internals_table("Portal hash");
	Portal		probe;
	long		before;

	if (table == NULL)
		return NULL;
	before = hash_get_num_entries(table);
	probe = CreateNewPortal();
	if (hash_get_num_entries(table) != before + 1)
		table = NULL;
	/* 15.20 refuses to drop one that is not ready */
	PortalDefineQuery(probe, NULL, "", CMDTAG_UNKNOWN, NIL, NULL);
	PortalStart(probe, NULL, 0, InvalidSnapshot);
	PortalDrop(probe, false);
	return table;
}

static void
find_tables(void)
{
	if (pooler_internals_init())
	{
		prepared = find_prepared();
		portals = find_portals();
	}
	unseen = (prepared == NULL ? PIN_PREPARED : 0) |
		(portals == NULL ? PIN_HOLD : 0);
	if (unseen != 0)
		ereport(LOG,
				(errmsg("tables of the session not found in this server: every client keeps its backend")));
}

/*
 * What was preloaded counts as known: its pool would be in session mode
 * otherwise. But where a library that keeps state slipped through, nobody can
 * tell when it is used.
 */
static void
look_at_preloaded(void)
{
	libraries_preloaded = libraries_seen = EstimateLibraryStateSpace();
	if (any_library(0, is_stateful))
		taint |= PIN_TAINT_LIBRARY;
}

void
pooler_pins_init(PoolerPool *pool)
{
	MemoryContext old = CurrentMemoryContext;
	int			security;

	my_pool = pool;
	GetUserIdAndSecContext(&base_user, &security);
	base_session_user = GetSessionUserId();
	base_role = GetCurrentRoleId();
	begin();
	find_tables();
	look_at_preloaded();
	if (superuser() && pooler_guc_superuser_mode != MODE_TRANSACTION)
		taint |= PIN_TAINT_SUPERUSER;
	if (!pooler_watch_start(claim))
		taint |= PIN_TAINT_SEED;
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	pooler_watch.touched |= PIN_TEMP | PIN_LISTEN | PIN_SLOT;
	before_shmem_exit(leave_at_exit, 0);
}
