/*
 * compat.h
 *	  All differences between PostgreSQL 15, 16, 17 and 18.
 *
 * src/compat.h
 */
#ifndef POOLER_COMPAT_H
#define POOLER_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "pooler needs PostgreSQL 15, 16, 17 or 18"
#endif

/* handoff */
#include "storage/latch.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

#if PG_VERSION_NUM >= 170000
#define pooler_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#define pooler_receive_buffer_empty() (pq_buffer_remaining_data() == 0)
#define pooler_procno(proc) GetNumberFromPGProc(proc)
#else
#define pooler_create_wait_event_set(n) \
	CreateWaitEventSet(TopMemoryContext, (n))
#define pooler_receive_buffer_empty() (!pq_buffer_has_data())
#define pooler_procno(proc) ((proc)->pgprocno)
#endif

/*
 * The head of latch.c's (18: waiteventset.c's) private WaitEventSet, so that a
 * set can be aimed at another socket (waitset.c). Checked when one is made.
 */
typedef struct WaitEventSetView
{
#if PG_VERSION_NUM >= 170000
	struct ResourceOwnerData *owner;
#endif
	int			nevents;
	int			nevents_space;
	WaitEvent  *events;
	Latch	   *latch;
	int			latch_pos;
	bool		exit_on_postmaster_death;
	int			epoll_fd;
} WaitEventSetView;

/* 17: transaction_timeout, which the last client may have left pending */
#if PG_VERSION_NUM >= 170000
#define pooler_drop_transaction_timeout() \
	(TransactionTimeoutPending = false)
#else
#define pooler_drop_transaction_timeout() ((void) 0)
#endif

/*
 * Ends a transaction of the worker. Before 17 that leaves TopMemoryContext as
 * the current one, where all that comes next in this turn would stay for ever.
 */
#include "access/xact.h"
#include "utils/palloc.h"
static inline void
pooler_commit(MemoryContext caller)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

/* Are there n slots of max_connections that nobody uses? */
#include "storage/proc.h"
static inline bool
pooler_have_free_procs(int n)
{
#if PG_VERSION_NUM >= 160000
	int			nfree;

	return HaveNFreeProcs(n, &nfree);
#else
	return HaveNFreeProcs(n);
#endif
}

/* A palloc'd copy with everything but printable ASCII replaced. */
#include "common/string.h"
static inline char *
pooler_clean_ascii(const char *text)
{
#if PG_VERSION_NUM >= 160000
	return pg_clean_ascii(text, 0);
#else
	char	   *copy = pstrdup(text);

	pg_clean_ascii(copy);
	return copy;
#endif
}

/* Compiled functions: PL/pgSQL's (18: also SQL's, in the server). */
#if PG_VERSION_NUM >= 180000
#define POOLER_COMPILED_HEADER "utils/funccache.h"
#define POOLER_COMPILED_TABLE "Cached function hash"
#define PoolerCompiled CachedFunction
#define PoolerCompiledKey CachedFunctionHashKey
#define POOLER_SQL_KEEPS_PLANS	true
#else
#define POOLER_COMPILED_HEADER "plpgsql.h"
#define POOLER_COMPILED_TABLE "PLpgSQL function hash"
#define PoolerCompiled PLpgSQL_function
#define PoolerCompiledKey PLpgSQL_func_hashkey
#define POOLER_SQL_KEEPS_PLANS	false
#endif
#define pooler_compiled_key(function) ((function)->fn_hashkey)
#define pooler_compiled_xmin(function) ((function)->fn_xmin)

/* Does this role own this database? */
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#define pooler_owns_database(database, role) \
	object_ownercheck(DatabaseRelationId, (database), (role))
#else
#define pooler_owns_database(database, role) \
	pg_database_ownercheck((database), (role))
#endif

/*
 * A wait event under its own name where the server has those, once a process.
 */
#include "utils/wait_event.h"
static inline uint32
pooler_wait_event(uint32 *known, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*known == 0)
		*known = WaitEventExtensionNew(name);
#else
	*known = PG_WAIT_EXTENSION;
#endif
	return *known;
}

/* How many slots the server keeps, as this process sees it; and until now. */
#include "postmaster/postmaster.h"
typedef struct ReservedSlots
{
	int			superusers;
	int			roles;			/* 16: reserved_connections */
} ReservedSlots;

static inline ReservedSlots
pooler_exchange_reserved(ReservedSlots slots)
{
#if PG_VERSION_NUM >= 160000
	ReservedSlots before = {SuperuserReservedConnections, ReservedConnections};

	SuperuserReservedConnections = slots.superusers;
	ReservedConnections = slots.roles;
#else
	ReservedSlots before = {ReservedBackends, 0};

	ReservedBackends = slots.superusers;
#endif
	return before;
}

/* 16: SYSTEM_USER; none is known after this, as with trust */
#if PG_VERSION_NUM >= 160000
#include "libpq/libpq-be.h"
#define pooler_forget_system_user() (MyClientConnectionInfo.authn_id = NULL)
#else
#define pooler_forget_system_user() ((void) 0)
#endif

/* end handoff */

/* views */
#include "catalog/pg_database.h"
#include "postmaster/postmaster.h"
#include "utils/acl.h"

#if PG_VERSION_NUM >= 160000
#define pooler_server_reserved() \
	(SuperuserReservedConnections + ReservedConnections)
#else
#define pooler_server_reserved() (ReservedBackends)
#endif

/* end views */

/* pins */
#include "replication/slot.h"
#include "storage/proc.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM >= 160000
#define pooler_proc_locks_empty(i) dlist_is_empty(&MyProc->myProcLocks[i])
#define pooler_find_setting(name) find_option((name), false, true, 0)
#else
#define pooler_proc_locks_empty(i) SHMQueueEmpty(&MyProc->myProcLocks[i])

static inline struct config_generic *
pooler_find_setting(const char *name)
{
	struct config_generic **all = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
	{
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}
#endif

#if PG_VERSION_NUM >= 170000
#define pooler_drop_temporary_slots() ReplicationSlotCleanup(false)
#else
#define pooler_drop_temporary_slots() ReplicationSlotCleanup()
#endif

/* end pins */

/* settings */
#include "utils/guc_tables.h"

/* 16: settings in a hash table, their memory in a context of its own, and those
 * that are not at their default in a list (variables.c, base.c). */
#if PG_VERSION_NUM >= 160000
#define POOLER_VARIABLES_HASHED
#define pooler_guc_strdup(elevel, s) guc_strdup((elevel), (s))
#define pooler_guc_free(p) guc_free(p)
#else
#define pooler_guc_strdup(elevel, s) strdup(s)
#define pooler_guc_free(p) free(p)
#endif

/* To a default from something else; never the other way. */
static inline void
pooler_set_guc_source(struct config_generic *var, GucSource source)
{
#if PG_VERSION_NUM >= 160000
	if (source == PGC_S_DEFAULT && var->source != PGC_S_DEFAULT)
		dlist_delete(&var->nondef_link);
#endif
	var->source = source;
}

/* end settings */

/* auth */
#include "catalog/pg_tablespace_d.h"
#include "commands/user.h"
#include "libpq/crypt.h"
#include "libpq/hba.h"
#include "libpq/libpq-be.h"
#include "postmaster/postmaster.h"
#include "storage/fd.h"
#include "storage/smgr.h"
#include "utils/relmapper.h"
#if PG_VERSION_NUM >= 180000
#include "tcop/backend_startup.h"
#endif

#if PG_VERSION_NUM >= 160000
#define pooler_open_auth_file(name) open_auth_file((name), DEBUG3, 0, NULL)
#define pooler_tokenize_auth_file(name, file, lines) \
	tokenize_auth_file((name), (file), (lines), DEBUG3, 0)
#define pooler_free_auth_file(file) free_auth_file((file), 0)
#define pooler_describe_line(hba) \
	psprintf(_("Connection matched file \"%s\" line %d: \"%s\""), \
			 (hba)->sourcefile, (hba)->linenumber, (hba)->rawline)
/* A line may be another file's, that pg_hba.conf includes. */
#define pooler_file_of_line(hba) ((hba)->sourcefile)
typedef RelFileLocator PoolerFile;

static inline PoolerFile
pooler_shared_file(Oid relation)
{
	PoolerFile	file = {GLOBALTABLESPACE_OID, InvalidOid,
	RelationMapOidToFilenumber(relation, true)};

	return file;
}
#else
#define pooler_open_auth_file(name) AllocateFile((name), "r")
#define pooler_tokenize_auth_file(name, file, lines) \
	((void) tokenize_auth_file((name), (file), (lines), DEBUG3))
#define pooler_free_auth_file(file) ((void) FreeFile(file))
#define pooler_describe_line(hba) \
	psprintf(_("Connection matched pg_hba.conf line %d: \"%s\""), \
			 (hba)->linenumber, (hba)->rawline)
#define pooler_file_of_line(hba) ((const char *) HbaFileName)
typedef RelFileNode PoolerFile;

static inline PoolerFile
pooler_shared_file(Oid relation)
{
	PoolerFile	file = {GLOBALTABLESPACE_OID, InvalidOid,
	RelationMapOidToFilenode(relation, true)};

	return file;
}
#endif

/* 17: log_connections has a line for trust, too. */
#if PG_VERSION_NUM >= 170000
#define POOLER_LOGS_TRUST	true
#else
#define POOLER_LOGS_TRUST	false
#endif

#if PG_VERSION_NUM >= 170000
#define pooler_names_by_database() false
#define pooler_open_smgr(file) smgropen((file), INVALID_PROC_NUMBER)
#else
#define pooler_names_by_database() Db_user_namespace
#define pooler_open_smgr(file) smgropen((file), InvalidBackendId)
#endif

/* The file stays open beyond the transaction, as a relcache entry's does; the
 * one that `kept` had does not. */
static inline void
pooler_keep_smgr(SMgrRelation *kept, SMgrRelation smgr)
{
	if (*kept == smgr)
		return;
#if PG_VERSION_NUM >= 170000
	if (*kept)
		smgrunpin(*kept);
	smgrpin(smgr);
	*kept = smgr;
#else
	if (*kept)
		smgrclearowner(kept, *kept);
	smgrsetowner(kept, smgr);
#endif
}

#if PG_VERSION_NUM >= 180000
#define pooler_md5_verify(role, secret, answer, salt, len, detail) \
	md5_crypt_verify((role), (secret), (answer), (salt), (len), (detail))
/* log_connections chooses among the stages of a login. */
#define pooler_logs_receipt() \
	((log_connections & LOG_CONNECTION_RECEIPT) != 0)
#define pooler_logs_authentication() \
	((log_connections & LOG_CONNECTION_AUTHENTICATION) != 0)
#define pooler_logs_authorization() \
	((log_connections & LOG_CONNECTION_AUTHORIZATION) != 0)
/* For postgres_fdw's pass-through, which must not outlive the login. */
#define pooler_wipe_scram_keys(port) \
	(explicit_bzero((port)->scram_ClientKey, sizeof((port)->scram_ClientKey)), \
	 explicit_bzero((port)->scram_ServerKey, sizeof((port)->scram_ServerKey)), \
	 (port)->has_scram_keys = false)
#else
#define pooler_md5_verify(role, secret, answer, salt, len, detail) \
	md5_crypt_verify((role), (secret), (answer), (const char *) (salt), (len), \
					 (detail))
#define pooler_logs_receipt() Log_connections
#define pooler_logs_authentication() Log_connections
#define pooler_logs_authorization() Log_connections
#define pooler_wipe_scram_keys(port) ((void) 0)
#endif

/* end auth */

#endif							/* POOLER_COMPAT_H */
