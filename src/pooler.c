/*
 * pooler.c
 *	  Where the server loads us.
 *
 * The library must be in shared_preload_libraries: it needs shared memory, a
 * background worker, and hooks in every backend. Loaded otherwise it says so
 * (guc.c). In a pg_upgrade it does nothing at all.
 *
 * src/pooler.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "auth.h"
#include "birth.h"
#include "changes.h"
#include "guc.h"
#include "pause.h"
#include "pins.h"
#include "records.h"
#include "shmem.h"
#include "usage.h"
#include "wait_texts.h"
#include "worker.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	pooler_shmem_request();
	RequestAddinShmemSpace(pooler_records_size(pooler_shmem_max_records()));
	RequestAddinShmemSpace(pooler_wait_texts_size());
	RequestAddinShmemSpace(pooler_usage_size());
}

/* The table of interned settings has a piece of shared memory of its own. */
static void
records_startup(void)
{
	int			n = pooler_shmem_max_records();
	void	   *place;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	place = ShmemInitStruct("pooler records", pooler_records_size(n), &found);
	pooler_records_startup(place, n, found);
	LWLockRelease(AddinShmemInitLock);
}

static void
tables_startup(void)
{
	bool		found;
	void	   *place;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	place = ShmemInitStruct("pooler wait texts", pooler_wait_texts_size(),
							&found);
	pooler_wait_texts_startup(place, found);
	place = ShmemInitStruct("pooler usage", pooler_usage_size(), &found);
	pooler_usage_startup(place, found);
	LWLockRelease(AddinShmemInitLock);
}

static void
shmem_startup(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	pooler_shmem_startup();
	records_startup();
	tables_startup();
}

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;
	pooler_guc_define();
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	pooler_auth_install();
	pooler_birth_install();
	pooler_changes_install();
	pooler_pins_install();
	pooler_pause_install();
	pooler_worker_register();
}
