/*
 * shmem.c
 *	  Makes the pooler's shared memory and finds it again.
 *
 * One piece holds the PoolerShared head and the arrays of pools, routes, members
 * and clients. Texts of any
 * length (settings, unnamed statements, startup options) live in a DSA area
 * whose first segment is in that piece too, so that a small installation never
 * needs a segment of its own. All sizes follow from settings that are fixed at
 * start: max_connections and pooler.max_client_conn.
 *
 * src/shmem.c
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "catching.h"
#include "guc.h"
#include "shmem.h"

#define DSA_INITIAL_SIZE	((Size) 512 * 1024)
#define TRANCHE_NAME		"pooler"
#define MOST_ROUTES			512

PoolerShared *pooler_shared = NULL;
PoolerPool *pooler_pools = NULL;
PoolerRoute *pooler_routes = NULL;
PoolerMember *pooler_members = NULL;
PoolerClient *pooler_clients = NULL;

static void *dsa_place = NULL;
static dsa_area *area = NULL;

/*
 * A route in use has a client or a backend. Each costs an open file, and client
 * numbers begin above those (worker.c): so there is an end to it.
 */
static int
max_routes(void)
{
	return Min(pooler_guc_max_client_conn + MaxConnections, MOST_ROUTES);
}

/* Of settings: each client, backend and cached greeting holds one at most. */
int
pooler_shmem_max_records(void)
{
	return pooler_guc_max_client_conn + MaxConnections +
		POOLER_MAX_GREETINGS + 16;
}

static Size
total_size(void)
{
	Size		size = MAXALIGN(sizeof(PoolerShared));

	size = add_size(size, MAXALIGN(mul_size(sizeof(PoolerPool),
											POOLER_MAX_POOLS)));
	size = add_size(size, MAXALIGN(mul_size(sizeof(PoolerRoute),
											max_routes())));
	size = add_size(size, MAXALIGN(mul_size(sizeof(PoolerMember),
											MaxConnections)));
	size = add_size(size, MAXALIGN(mul_size(sizeof(PoolerClient),
											pooler_guc_max_client_conn)));
	size = add_size(size, MAXALIGN(DSA_INITIAL_SIZE));
	return size;
}

/* For shmem_request_hook. */
void
pooler_shmem_request(void)
{
	RequestAddinShmemSpace(total_size());
	RequestNamedLWLockTranche(TRANCHE_NAME, 2);
}

static void
init_members(void)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		m->route = POOLER_NO_ROUTE;
		pg_atomic_init_u32(&m->leave, 0);
		pg_atomic_init_u32(&m->pins, 0);
		pg_atomic_init_u32(&m->activity, ACTIVITY_NONE);
		pg_atomic_init_u64(&m->client, POOLER_NO_CLIENT);
		SpinLockInit(&m->cancel_lock);
	}
}

static void
init_totals(PoolerTotals *t)
{
	for (int i = 0; i < (int) POOLER_COUNTS; i++)
		pg_atomic_init_u64(&t->counts[i], 0);
	pg_atomic_init_u32(&t->begun, 0);
	pg_atomic_init_u32(&t->ended, 0);
}

static void
init_routes_and_pools(void)
{
	for (int i = 0; i < pooler_shared->max_routes; i++)
	{
		PoolerRoute *r = &pooler_routes[i];

		pg_atomic_init_u32(&r->keep, 0);
		pg_atomic_init_u32(&r->contended, 0);
		pg_atomic_init_u32(&r->eligible, 0);
		pg_atomic_init_u32(&r->idle, 0);
		init_totals(&r->totals);
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		pg_atomic_init_u32(&p->wanted, 0);
		pg_atomic_init_u32(&p->paused, 0);
		pg_atomic_init_u32(&p->pinned, 0);
		init_totals(&p->totals);
	}
}

static void
init_clients(void)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClient *c = &pooler_clients[i];

		pg_atomic_init_u32(&c->generation, 0);
		pg_atomic_init_u32(&c->taken, 0);
		pg_atomic_init_u32(&c->terminated, 0);
		pg_atomic_init_u64(&c->owner, 0);
		c->route = POOLER_NO_ROUTE;
	}
}

static void
init_head(void)
{
	LWLockPadded *locks = GetNamedLWLockTranche(TRANCHE_NAME);

	memset(pooler_shared, 0, total_size());
	pooler_shared->max_clients = pooler_guc_max_client_conn;
	pooler_shared->max_members = MaxConnections;
	pooler_shared->max_routes = max_routes();
	pooler_shared->records_lock = &locks[0].lock;
	pooler_shared->dsa_tranche = locks[0].lock.tranche;
	pg_atomic_init_u32(&pooler_shared->asleep, 0);
	pg_atomic_init_u32(&pooler_shared->reset_wanted, 0);
	pg_atomic_init_u64(&pooler_shared->changes_all, 0);
	for (int i = 0; i < POOLER_ROLE_SLOTS; i++)
		pg_atomic_init_u64(&pooler_shared->changes[i], 0);
	for (int i = 0; i < POOLER_REQUESTS; i++)
		pg_atomic_init_u64(&pooler_shared->requests[i], 0);
}

/* Creates the area in its place; the postmaster itself must not stay in it. */
static void
init_dsa(void)
{
	dsa_area   *made = dsa_create_in_place(dsa_place, DSA_INITIAL_SIZE,
										   pooler_shared->dsa_tranche, NULL);

	dsa_pin(made);
	dsa_detach(made);
}

static char *
carve(char **place, Size size)
{
	char	   *here = *place;

	*place += MAXALIGN(size);
	return here;
}

/* For shmem_startup_hook. */
void
pooler_shmem_startup(void)
{
	bool		found;
	char	   *place;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	place = ShmemInitStruct("pooler", total_size(), &found);
	pooler_shared = (PoolerShared *) carve(&place, sizeof(PoolerShared));
	pooler_pools = (PoolerPool *)
		carve(&place, sizeof(PoolerPool) * POOLER_MAX_POOLS);
	pooler_routes = (PoolerRoute *)
		carve(&place, sizeof(PoolerRoute) * max_routes());
	pooler_members = (PoolerMember *)
		carve(&place, sizeof(PoolerMember) * MaxConnections);
	pooler_clients = (PoolerClient *)
		carve(&place, sizeof(PoolerClient) * pooler_guc_max_client_conn);
	dsa_place = carve(&place, DSA_INITIAL_SIZE);
	if (!found)
	{
		init_head();
		init_routes_and_pools();
		init_members();
		init_clients();
		init_dsa();
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * The area for texts, attached at first use and for the process's life. Not in
 * the postmaster.
 */
dsa_area *
pooler_shmem_dsa(void)
{
	if (area == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		area = dsa_attach_in_place(dsa_place, NULL);
		dsa_pin_mapping(area);
		MemoryContextSwitchTo(old);
	}
	return area;
}

/*
 * DSA_ALLOC_NO_OOM does not cover a full /dev/shm, which is an ERROR of
 * dsm_create() and would end a backend that runs with ExitOnAnyError, or what
 * else the worker has to do in this turn; a client can be pinned instead. The
 * ERROR may leave the area's own locks behind, which cannot be released by name.
 */
dsa_pointer
pooler_shmem_allocate(Size len, LWLock *held)
{
	dsa_area   *dsa = pooler_shmem_dsa();
	Catching	before;
	CommandDest dest = whereToSendOutput;
	volatile dsa_pointer bytes = InvalidDsaPointer;

	pooler_catching_begin(&before);
	whereToSendOutput = DestNone;	/* no client asked for this */
	PG_TRY();
	{
		bytes = dsa_allocate_extended(dsa, len, DSA_ALLOC_NO_OOM);
	}
	PG_CATCH();
	{
		pooler_catching_caught(&before);
		EmitErrorReport();
		FlushErrorState();
		LWLockReleaseAll();
		if (held != NULL)
			LWLockAcquire(held, LW_EXCLUSIVE);
	}
	PG_END_TRY();
	pooler_catching_end(&before);
	whereToSendOutput = dest;
	return bytes;
}

static pg_atomic_uint64 *
change_counter(Oid oid)
{
	uint32		hash = murmurhash32((uint32) oid);

	return &pooler_shared->changes[hash % POOLER_ROLE_SLOTS];
}

/*
 * A number that grows whenever this role or this database was altered (ALTER,
 * ALTER ... SET, RENAME, DROP, GRANT): a backend that was born under a smaller
 * one may be told apart from the role as it is now. Counters are shared by
 * hash: it may grow without cause, which costs a backend, never an error.
 */
uint64
pooler_shmem_catalog_generation(Oid role, Oid database)
{
	return pg_atomic_read_u64(&pooler_shared->changes_all) +
		pg_atomic_read_u64(change_counter(role)) +
		pg_atomic_read_u64(change_counter(database));
}

/* Notes a change, after its commit; InvalidOid: of everything. */
void
pooler_shmem_note_change(Oid role_or_database)
{
	if (pooler_shared == NULL)
		return;
	if (OidIsValid(role_or_database))
		pg_atomic_fetch_add_u64(change_counter(role_or_database), 1);
	else
		pg_atomic_fetch_add_u64(&pooler_shared->changes_all, 1);
}

static void
wake(int pgprocno)
{
	SetLatch(&ProcGlobal->allProcs[pgprocno].procLatch);
}

void
pooler_shmem_wake_worker(void)
{
	if (pooler_shared->worker_pid > 0)
		wake(pooler_shared->worker_pgprocno);
}

void
pooler_shmem_wake_member(const PoolerMember *m)
{
	if (m->pid > 0)
		wake(m->pgprocno);
}
