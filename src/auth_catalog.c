/*
 * auth_catalog.c
 *	  Reads shared catalogs where no database is connected to.
 *
 * The worker belongs to no database, hence has no pg_class, and whatever makes
 * the server open a relation that is not nailed in the relation cache ends with
 * FATAL: "cannot read pg_class without having selected a database", which is
 * the worker's end. pg_authid and pg_database are nailed, with their indexes by
 * name and by OID. Not nailed are
 *
 *	- pg_db_role_setting;
 *	- every TOAST table. A syscache flattens a row that it takes in, so a look
 *	  at a database with some hundreds of GRANTs, or at a role (before 18) with
 *	  an oversized password, would be the FATAL. Any role that may create others
 *	  could end the worker so.
 *
 * Therefore rows are read from the catalogs and not through their syscaches,
 * and what is not nailed is read page by page, without a relation cache entry.
 * CREATE DATABASE reads another database's pg_class in that same way:
 * ScanSourceDatabasePgClass() in dbcommands.c.
 *
 * The server's own functions do look at roles through the syscaches: at that
 * which logs in, and at those that it may be a member of. For them pg_authid has
 * a table access method of ours in this process, which is heap's but for giving
 * NULL in place of a toasted password. Such a role cannot log in, directly
 * neither: its backend ends with that same FATAL.
 *
 * Whoever waits for a lock keeps all others waiting, in this process: so locks
 * are taken before anything else, and only those that are free, or soon.
 *
 * src/auth_catalog.c
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "auth_catalog.h"
#include "compat.h"
#include "since.h"

#define TOAST_OF_DATABASE	4177	/* PgDatabaseToastTable */
#define TOAST_OF_SETTINGS	2966	/* PgDbRoleSettingToastTable */

#define MOST_WAIT_MS		20
#define HOPELESS_MS			1000

typedef void (*TupleVisitor) (HeapTuple tuple, void *arg);

static void
visit_page(Oid relation, Buffer buffer, BlockNumber block, Snapshot snapshot,
		   TupleVisitor visit, void *arg)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	OffsetNumber offset;

	for (offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = relation;
		ItemPointerSet(&tuple.t_self, block, offset);
		if (HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer))
			visit(&tuple, arg);
	}
}

/*
 * Visits every row of a shared, mapped relation. The visitor works on a locked
 * page and copies what it needs. The lock on the relation, which keeps VACUUM
 * from truncating or rewriting it meanwhile, is held until the transaction's
 * end; getting it also brings the relation map up to date.
 */
static void
visit_rows(Oid relation, TupleVisitor visit, void *arg)
{
	static SMgrRelation settings = NULL;
	PoolerFile	file;
	SMgrRelation smgr;
	BlockNumber blocks;
	BlockNumber block;
	Snapshot	snapshot;

	if (!ConditionalLockRelationOid(relation, AccessShareLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("catalog %u is locked", relation)));
	file = pooler_shared_file(relation);
	smgr = pooler_open_smgr(file);
	/* read at each login; a TOAST table's file is closed at the end */
	if (relation == DbRoleSettingRelationId)
		pooler_keep_smgr(&settings, smgr);
	blocks = smgrnblocks(smgr, MAIN_FORKNUM);
	snapshot = RegisterSnapshot(GetCatalogSnapshot(relation));

	for (block = 0; block < blocks; block++)
	{
		Buffer		buffer = ReadBufferWithoutRelcache(file, MAIN_FORKNUM,
													   block, RBM_NORMAL,
													   NULL, true);

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (!PageIsNew(BufferGetPage(buffer)))
			visit_page(relation, buffer, block, snapshot, visit, arg);
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	UnregisterSnapshot(snapshot);
}

/* Two columns of four bytes and one of any length: both catalogs read so. */
static TupleDesc
describe(Oid third)
{
	TupleDesc	desc = CreateTemplateTupleDesc(3);

	/* pg_type cannot be asked for OIDOID; an integer is stored alike */
	TupleDescInitBuiltinEntry(desc, 1, "first", INT4OID, -1, 0);
	TupleDescInitBuiltinEntry(desc, 2, "second", INT4OID, -1, 0);
	TupleDescInitBuiltinEntry(desc, 3, "third", third, -1,
							  third == TEXTARRAYOID ? 1 : 0);
	return desc;
}

typedef struct ToastFetch
{
	TupleDesc	desc;
	Oid			value;
	char	   *to;
	int32		size;
	int32		got;
} ToastFetch;

/* One chunk: chunk_id, chunk_seq, chunk_data. */
static void
visit_chunk(HeapTuple tuple, void *arg)
{
	ToastFetch *fetch = arg;
	bool		null;
	int64		at;
	struct varlena *chunk;

	if ((Oid) DatumGetInt32(fastgetattr(tuple, 1, fetch->desc, &null)) !=
		fetch->value)
		return;
	at = (int64) DatumGetInt32(fastgetattr(tuple, 2, fetch->desc, &null)) *
		TOAST_MAX_CHUNK_SIZE;
	chunk = (struct varlena *)
		DatumGetPointer(fastgetattr(tuple, 3, fetch->desc, &null));
	if (null || at < 0 || at + VARSIZE_ANY_EXHDR(chunk) > fetch->size)
		return;
	memcpy(fetch->to + at, VARDATA_ANY(chunk), VARSIZE_ANY_EXHDR(chunk));
	fetch->got += VARSIZE_ANY_EXHDR(chunk);
}

/*
 * A value as PG_DETOAST_DATUM() would give it. Toasted ones are collected from
 * all of the TOAST table, which is short: what is in it is long and rare.
 */
static struct varlena *
detoast(Datum datum, Oid toast)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	struct varatt_external pointer;
	struct varlena *whole;
	ToastFetch	fetch;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return detoast_attr(value);
	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	fetch.desc = describe(TEXTOID);
	fetch.value = pointer.va_valueid;
	fetch.size = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	fetch.got = 0;
	whole = palloc(fetch.size + VARHDRSZ);
	fetch.to = VARDATA(whole);
	if (VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		SET_VARSIZE_COMPRESSED(whole, fetch.size + VARHDRSZ);
	else
		SET_VARSIZE(whole, fetch.size + VARHDRSZ);

	if (pointer.va_toastrelid == toast)
		visit_rows(toast, visit_chunk, &fetch);
	if (fetch.got != fetch.size)
		elog(ERROR, "could not read toasted value %u of relation %u",
			 pointer.va_valueid, pointer.va_toastrelid);
	return detoast_attr(whole);
}

/* ---- rows of pg_authid without toasted values ---- */

static const TableAmRoutine *heap;
static TableAmRoutine bare_rows;
static bool stripped;			/* a row has lost a value */

static HeapTuple
without_toasted(HeapTuple tuple, TupleDesc desc)
{
	Datum		values[Natts_pg_authid];
	bool		nulls[Natts_pg_authid];
	HeapTuple	copy;

	heap_deform_tuple(tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		if (!nulls[i] && TupleDescAttr(desc, i)->attlen == -1 &&
			VARATT_IS_EXTERNAL(DatumGetPointer(values[i])))
			nulls[i] = true;
	}
	copy = heap_form_tuple(desc, values, nulls);
	copy->t_self = tuple->t_self;
	copy->t_tableOid = tuple->t_tableOid;
	copy->t_data->t_choice = tuple->t_data->t_choice;
	copy->t_data->t_ctid = tuple->t_data->t_ctid;
	return copy;
}

static void
strip(TupleTableSlot *slot)
{
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

	if (!HeapTupleHasExternal(tuple))
		return;
	ExecForceStoreHeapTuple(without_toasted(tuple, slot->tts_tupleDescriptor),
							slot, true);
	stripped = true;
}

static bool
fetch_by_index(struct IndexFetchTableData *scan, ItemPointer tid,
			   Snapshot snapshot, TupleTableSlot *slot, bool *call_again,
			   bool *all_dead)
{
	if (!heap->index_fetch_tuple(scan, tid, snapshot, slot, call_again,
								 all_dead))
		return false;
	strip(slot);
	return true;
}

static bool
fetch_next(TableScanDesc scan, ScanDirection direction, TupleTableSlot *slot)
{
	if (!heap->scan_getnextslot(scan, direction, slot))
		return false;
	strip(slot);
	return true;
}

/* It is nailed, and its entry is never built anew. */
void
pooler_auth_catalog_start(void)
{
	Relation	catalog = table_open(AuthIdRelationId, AccessShareLock);

	Assert(catalog->rd_isnailed);
	Assert(RelationGetNumberOfAttributes(catalog) == Natts_pg_authid);
	heap = catalog->rd_tableam;
	bare_rows = *heap;
	bare_rows.index_fetch_tuple = fetch_by_index;
	bare_rows.scan_getnextslot = fetch_next;
	catalog->rd_tableam = &bare_rows;
	table_close(catalog, AccessShareLock);
}

/* ---- rows by name or OID ---- */

static bool
try_to_lock(void)
{
	static const Oid catalogs[] = {
		AuthIdRelationId, AuthIdRolnameIndexId, AuthIdOidIndexId,
		AuthMemRelationId, AuthMemMemRoleIndexId, AuthMemRoleMemIndexId,
		DatabaseRelationId, DatabaseNameIndexId, DatabaseOidIndexId,
		DbRoleSettingRelationId, TOAST_OF_DATABASE, TOAST_OF_SETTINGS
	};

	for (int i = 0; i < lengthof(catalogs); i++)
	{
		if (!ConditionalLockRelationOid(catalogs[i], AccessShareLock))
			return false;
	}
	return true;
}

/*
 * VACUUM locks a table for the moment in which it cuts its end off: that is waited
 * for. Where that did not help nobody waits for the next second.
 */
bool
pooler_auth_lock_catalogs(void)
{
	static TimestampTz hopeless_until = 0;
	TimestampTz now = 0;

	for (int waited_ms = 0; !try_to_lock(); waited_ms++)
	{
		if (now == 0)
			now = GetCurrentTimestamp();
		if (waited_ms == MOST_WAIT_MS)
			hopeless_until = TimestampTzPlusMilliseconds(now, HOPELESS_MS);
		if (pooler_is_ahead(hopeless_until, now, HOPELESS_MS))
			return false;
		pg_usleep(1000L);
	}
	return true;
}

/*
 * The row of a nailed catalog by name or by OID; NULL: there is none. The
 * indexes come from the shared relcache init file, which may have been missing
 * when the worker started (nothing but a database's backend can write one);
 * then the server's own code reads the table too, see GetDatabaseTuple().
 */
static HeapTuple
find_row(Relation catalog, Oid name_index, AttrNumber name_column,
		 Oid oid_index, AttrNumber oid_column, const char *name, Oid oid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (name != NULL)
		ScanKeyInit(&key, name_column, BTEqualStrategyNumber, F_NAMEEQ,
					CStringGetDatum(name));
	else
		ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(oid));
	scan = systable_beginscan(catalog, name ? name_index : oid_index,
							  criticalSharedRelcachesBuilt, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

bool
pooler_auth_read_role(const char *name, Oid oid, AuthRole *role)
{
	Relation	catalog = table_open(AuthIdRelationId, AccessShareLock);
	HeapTuple	tuple;
	Form_pg_authid row;

	stripped = false;
	tuple = find_row(catalog, AuthIdRolnameIndexId, Anum_pg_authid_rolname,
					 AuthIdOidIndexId, Anum_pg_authid_oid, name, oid);
	table_close(catalog, AccessShareLock);
	if (!HeapTupleIsValid(tuple))
		return false;
	row = (Form_pg_authid) GETSTRUCT(tuple);
	role->oid = row->oid;
	strlcpy(role->name, NameStr(row->rolname), NAMEDATALEN);
	role->superuser = row->rolsuper;
	role->can_login = row->rolcanlogin;
	role->readable = !stripped;
	return true;
}

/* As pg_database_aclmask(): a NULL datacl is the default. */
static Acl *
database_acl(Relation catalog, HeapTuple tuple, Oid owner)
{
	bool		null;
	Datum		datum = heap_getattr(tuple, Anum_pg_database_datacl,
									 RelationGetDescr(catalog), &null);

	if (null)
		return acldefault(OBJECT_DATABASE, owner);
	return (Acl *) detoast(datum, TOAST_OF_DATABASE);
}

bool
pooler_auth_read_database(const char *name, Oid oid, AuthDatabase *database)
{
	Relation	catalog = table_open(DatabaseRelationId, AccessShareLock);
	HeapTuple	tuple = find_row(catalog, DatabaseNameIndexId,
								 Anum_pg_database_datname, DatabaseOidIndexId,
								 Anum_pg_database_oid, name, oid);

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_database row = (Form_pg_database) GETSTRUCT(tuple);

		database->oid = row->oid;
		strlcpy(database->name, NameStr(row->datname), NAMEDATALEN);
		database->owner = row->datdba;
		database->allows_connections = row->datallowconn;
		database->invalid = database_is_invalid_form(row);
		database->connection_limit = Max(row->datconnlimit, -1);
		database->acl = database_acl(catalog, tuple, row->datdba);
	}
	table_close(catalog, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

#define SETTING_LEVELS	4

typedef struct SettingFetch
{
	TupleDesc	desc;
	Oid			role;
	Oid			database;
	struct varlena *rows[SETTING_LEVELS];	/* setconfig, strongest first */
} SettingFetch;

/* As it is, for detoast() must not read pages while one is locked. */
static struct varlena *
copy_varlena(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	Size		size = VARSIZE_ANY(value);
	struct varlena *copy = palloc(size);

	memcpy(copy, value, size);
	return copy;
}

/* The order of process_settings(): database and role, role, database, all. */
static void
visit_setting(HeapTuple tuple, void *arg)
{
	SettingFetch *fetch = arg;
	Form_pg_db_role_setting row = (Form_pg_db_role_setting) GETSTRUCT(tuple);
	bool		null;
	Datum		datum;
	int			level;

	if (OidIsValid(row->setrole) && row->setrole != fetch->role)
		return;
	if (OidIsValid(row->setdatabase) && row->setdatabase != fetch->database)
		return;
	level = (OidIsValid(row->setrole) ? 0 : 2) +
		(OidIsValid(row->setdatabase) ? 0 : 1);
	datum = fastgetattr(tuple, Anum_pg_db_role_setting_setconfig, fetch->desc,
						&null);
	if (!null)
		fetch->rows[level] = copy_varlena(datum);
}

/* The value in "name=value", if it is this name's. Settings' names are ASCII
 * and their case does not count. */
static const char *
value_of(const char *setting, const char *name)
{
	size_t		len = strlen(name);

	if (pg_strncasecmp(setting, name, len) == 0 && setting[len] == '=')
		return setting + len + 1;
	return NULL;
}

static void
apply_setting(const char *setting, const char *const *names,
			  const char **values, int n)
{
	for (int i = 0; i < n; i++)
	{
		const char *value = value_of(setting, names[i]);

		if (value != NULL && values[i] == NULL)
			values[i] = value;
	}
}

void
pooler_auth_find_settings(Oid role, Oid database, const char *const *names,
						  const char **values, int n)
{
	SettingFetch fetch = {.role = role, .database = database};

	memset(values, 0, n * sizeof(*values));
	fetch.desc = describe(TEXTARRAYOID);
	visit_rows(DbRoleSettingRelationId, visit_setting, &fetch);
	for (int level = 0; level < SETTING_LEVELS; level++)
	{
		Datum	   *settings;
		int			count;

		if (fetch.rows[level] == NULL)
			continue;
		deconstruct_array((ArrayType *)
						  detoast(PointerGetDatum(fetch.rows[level]),
								  TOAST_OF_SETTINGS),
						  TEXTOID, -1, false, TYPALIGN_INT, &settings, NULL,
						  &count);
		for (int i = 0; i < count; i++)
			apply_setting(TextDatumGetCString(settings[i]), names, values, n);
	}
}

/* Not of their order; nor of headers, which a VACUUM changes. A toasted value has
 * another pointer when it is another. */
static void
hash_setting(HeapTuple tuple, void *arg)
{
	HeapTupleHeader header = tuple->t_data;

	*(uint64 *) arg += hash_bytes_extended((unsigned char *) header +
										   header->t_hoff,
										   tuple->t_len - header->t_hoff, 0);
}

bool
pooler_auth_hash_settings(uint64 *hash)
{
	if (!ConditionalLockRelationOid(DbRoleSettingRelationId, AccessShareLock))
		return false;
	*hash = 0;
	visit_rows(DbRoleSettingRelationId, hash_setting, hash);
	return true;
}
