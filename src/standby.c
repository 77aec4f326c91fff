/*
 * standby.c
 *	  Notes changes of roles and databases that a primary made, in the worker.
 *
 * A standby runs no ALTER ROLE (changes.c serves a primary): its startup process
 * replays what became of one there, and sends what the primary's backends were
 * sent, after the commit:
 *
 *	  role, membership, database, right	syscache callbacks [notice]
 *	  setting				a message that has no callback, pg_db_role_setting having
 *							no syscache: the catalog is read [look]
 *
 * None says of whom, so everything counts as changed. The messages are heard of
 * when a transaction begins, which one does every second. The catalog is read
 * only where there was a message, of whatever kind, since it was read last: which
 * costs what a login's look at it does.
 *
 * Nothing is missed at a promotion: only a look that began when the recovery was
 * over, and hence heard of all that was replayed, is the last one.
 *
 * src/standby.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "storage/sinval.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "auth_catalog.h"
#include "compat.h"
#include "shmem.h"
#include "since.h"
#include "standby.h"

#define LOOK_MS		1000

static bool following = false;	/* a primary's changes are still to be heard of */
static uint64 heard = PG_UINT64_MAX;	/* messages, when settings were read */
static uint64 settings = 0;

static void
notice(Datum arg, int cache, uint32 hash)
{
	if (following)
		pooler_shmem_note_change(InvalidOid);
}

/* False: the catalog is locked. What it was is kept, and the next look sees it. */
static bool
look(void)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		seen = true;
	uint64		messages;
	uint64		hash;

	StartTransactionCommand();
	messages = SharedInvalidMessageCounter;
	if (messages != heard)
	{
		seen = pooler_auth_hash_settings(&hash);
		if (seen)
			heard = messages;
		if (seen && hash != settings)
		{
			settings = hash;
			pooler_shmem_note_change(InvalidOid);
		}
	}
	pooler_commit(caller);
	return seen;
}

void
pooler_standby_start(void)
{
	static const int caches[] = {
		AUTHOID, AUTHMEMROLEMEM, DATABASEOID, PARAMETERACLOID
	};

	for (int i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], notice, (Datum) 0);
	following = RecoveryInProgress();
}

void
pooler_standby_turn(TimestampTz now)
{
	static TimestampTz next = 0;
	bool		in_recovery;

	if (!following || pooler_is_ahead(next, now, LOOK_MS))
		return;
	next = TimestampTzPlusMilliseconds(now, LOOK_MS);
	in_recovery = RecoveryInProgress();
	if (look())
		following = in_recovery;
}
