/*
 * shmem.h
 *	  The pooler's shared memory: what is in it and who may write what.
 *
 * Fields are grouped by the rule under which they change:
 *
 *	  immutable		set before the postmaster forks, or before the thing is shown
 *	  worker		written by the background worker only
 *	  owner			written by whoever owns the client at that moment: the process
 *					that harvested its event from the route's epoll (take.c)
 *	  backend		written by that backend only
 *	  atomic		by whoever wins
 *
 * Readers of views copy and never lock: every figure they show may be a moment
 * old, none is torn (8-byte fields are aligned; strings are written before the
 * state that makes them visible).
 *
 * src/shmem.h
 */
#ifndef POOLER_SHMEM_H
#define POOLER_SHMEM_H

#include "datatype/timestamp.h"
#include "libpq/pqcomm.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/s_lock.h"
#include "storage/spin.h"
#include "utils/backend_status.h"
#include "utils/dsa.h"

#include "histogram.h"
#include "pool_limits.h"

#define POOLER_NO_CLIENT	UINT64_MAX
#define POOLER_NO_ROUTE		(-1)
#define POOLER_NOBODY		0	/* PoolerClient.owner */
#define POOLER_WORKER_OWNS	UINT32_MAX
#define POOLER_MAX_HOST		48
#define POOLER_MAX_SERVICE	8
#define POOLER_MAX_MESSAGE	256
#define POOLER_ROLE_SLOTS	256	/* counters of role and database changes */
#define POOLER_MAX_GREETINGS 128	/* logins that the worker can finish itself */
#define POOLER_REQUESTS		16	/* of SQL functions to the worker, at once */

/* A client is quick that speaks again so soon; one that is kept is silent after
 * as long. Microseconds. */
#define POOLER_QUICK_US		1000

/* A request: a client's id, and what shall be done with it in the low bit. */
#define POOLER_REQUEST_CANCEL	0
#define POOLER_REQUEST_TERMINATE 1
#define POOLER_REQUEST(id, kind) (((uint64) (id) << 1) | (kind))

/* As what database a client names the console. */
#define POOLER_CONSOLE		"pgbouncer"

/* Pids that pooler makes up for its clients lie above every real one. */
#define POOLER_FIRST_PID	4194305

/*
 * The user name under which unborn backends log in: exactly 63 bytes, so that
 * any role's name fits into the buffer it is replaced in (birth.c).
 */
#define POOLER_RESERVED_USER \
	"pooler reserved name, no role is called so; 63 bytes precisely."

typedef enum PoolerPoolState
{
	POOL_FREE,					/* this entry is not in use */
	POOL_STARTING,
	POOL_OPEN,
	POOL_UNAVAILABLE,			/* last_error says why; retried with back-off */
	POOL_DRAINING				/* no longer in pooler.pools */
} PoolerPoolState;

/* The worker's view of a client. */
typedef enum PoolerClientState
{
	CLIENT_FREE,
	CLIENT_LOGIN,				/* startup packet and authentication */
	CLIENT_ARMED,				/* in the route's epoll, or with a backend */
	CLIENT_HELD,				/* its query waits, the worker owns it */
	CLIENT_ANSWERING,			/* the worker answers in the server's place */
	CLIENT_CONSOLE				/* of no pool: asks the worker (console.c) */
} PoolerClientState;

/* The worker's view of a backend. */
typedef enum PoolerMemberState
{
	MEMBER_FREE,
	MEMBER_OPENING,				/* connecting, up to the hook */
	MEMBER_UNBORN,
	MEMBER_BIRTH,				/* logging in as its role */
	MEMBER_BORN,
	MEMBER_LEAVING,				/* has said so, or is told to and will */
	MEMBER_ORPHAN				/* of an earlier worker; frees when it is gone */
} PoolerMemberState;

/* A backend's own view; changed by compare-and-swap only. */
typedef enum PoolerActivity
{
	ACTIVITY_NONE,				/* not born yet, or gone */
	ACTIVITY_IDLE,				/* in the route's epoll */
	ACTIVITY_TAKEN,				/* owns a client, has read nothing of it */
	ACTIVITY_SERVING,
	ACTIVITY_RETURNING,			/* gives up a client whose state is saved */
	ACTIVITY_CLEANING,			/* rolls back and cleans up after a client */
	ACTIVITY_PRIVATE,			/* waits for its kept client alone */
	ACTIVITY_RECALLED,			/* the same, and shall give it up */
	ACTIVITY_PINNED,			/* waits for its pinned client alone */
	ACTIVITY_GONE				/* leaves; nothing of it may be awaited */
} PoolerActivity;

/* Why a client keeps its backend. Bits; names in pins.c. */
#define PIN_SESSION			(1 << 0)	/* session mode */
#define PIN_PREPARED		(1 << 1)	/* named prepared statements */
#define PIN_TEMP			(1 << 2)	/* objects in pg_temp */
#define PIN_LISTEN			(1 << 3)
#define PIN_HOLD			(1 << 4)	/* WITH HOLD cursors */
#define PIN_ADVISORY		(1 << 5)	/* session advisory locks */
#define PIN_ROLE			(1 << 6)	/* SET ROLE, SET SESSION AUTHORIZATION */
#define PIN_SLOT			(1 << 7)	/* temporary replication slots */
#define PIN_ORIGIN			(1 << 8)	/* replication origin */
#define PIN_BACKUP			(1 << 9)
#define PIN_SETTINGS		(1 << 10)	/* settings that could not be carried */
#define PIN_UNNAMED			(1 << 11)	/* an unnamed statement too large to carry */
#define PIN_TAINT_LIBRARY	(1 << 12)	/* state of a library nobody can see */
#define PIN_TAINT_SEED		(1 << 13)	/* setseed() */
#define PIN_TAINT_SUPERUSER	(1 << 14)	/* a superuser's session */
#define PIN_TAINT_STARTUP	(1 << 15)	/* startup options that SET cannot undo */
#define PIN_TAINT_MASK		(PIN_TAINT_LIBRARY | PIN_TAINT_SEED | \
							 PIN_TAINT_SUPERUSER | PIN_TAINT_STARTUP)

/* A client: a socket in the worker and a slot here, no process. */
typedef struct PoolerClient
{
	/* atomic: moved by the worker when the slot changes hands */
	pg_atomic_uint32 generation;
	/* atomic: times a backend took it; a client that waits is readable while
	 * this stands still */
	pg_atomic_uint32 taken;
	/* atomic: whose client it is, member + 1, POOLER_WORKER_OWNS or
	 * POOLER_NOBODY, and its generation << 32. It changes hands by
	 * pooler_client_pass() only: who harvests its event owns it by winning this
	 * from nobody, who gives it up must still have had it */
	pg_atomic_uint64 owner;

	/* worker, before it is armed */
	PoolerClientState state;
	int			pool;
	int			route;
	int32		cancel_key;
	Oid			database;
	Oid			console_role;	/* CLIENT_CONSOLE */
	bool		closes_backend; /* what it leaves nobody can clean */
	bool		has_last_words; /* hung up, but something is to be read */
	uint64		id;				/* never used twice; views and functions */
	PoolerMode	mode;
	uint64		catalog_generation; /* of role and database at its login */
	SockAddr	raddr;
	SockAddr	laddr;
	char		remote_host[POOLER_MAX_HOST];
	char		remote_port[POOLER_MAX_SERVICE];
	TimestampTz connected_at;
	TimestampTz waiting_since;	/* 0: does not wait; see pooler_client_waits() */
	pg_atomic_uint32 terminated;	/* it is ended: nothing more of it is run */
	uint32		waiting_taken;	/* `taken` when that was seen */
	int64		wait_us;		/* all its waits */

	/* owner */
	int32		pid;			/* as told to the client, for its cancel */
	bool		greet;			/* a backend must send the login's end */
	int			refusals;		/* backends that could not load its settings */
	dsa_pointer startup;		/* name\0value\0...: until greeted */
	uint32		startup_len;
	uint32		record;			/* its settings (records.c), 0: none */
	dsa_pointer unnamed;		/* its unnamed statement (unnamed.c) */
	uint32		unnamed_len;
	int64		transactions;
	int64		checkouts;
	int64		busy_us;		/* was served for so long */
	int			idle_session_timeout_ms;	/* 0: none; -1: as in the server's
											 * files */
	int			encoding;		/* client_encoding; SQL_ASCII: unknown */
	TimestampTz state_since;	/* with a backend: since it has this one */
	TimestampTz request_at;		/* pinned: its last message */
	char		application_name[NAMEDATALEN];
} PoolerClient;

/* What a backend has done for its pool and route; uint64 all of it. */
typedef struct PoolerCounts
{
	uint64		transactions;
	uint64		checkouts;
	uint64		queries;		/* answers up to a ReadyForQuery */
	uint64		query_us;		/* from a query's coming to that */
	uint64		xact_us;		/* the same of transactions */
	uint64		parses;			/* a client's Parse and Bind messages */
	uint64		binds;
	uint64		reparses;		/* Parse messages for a carried statement */
	Histogram	wait;			/* of clients, for it; see measure.c */
	Histogram	held;			/* by clients */
} PoolerCounts;

#define POOLER_COUNTS	(sizeof(PoolerCounts) / sizeof(uint64))

/* The same of all backends that are gone. */
typedef struct PoolerTotals
{
	pg_atomic_uint64 counts[POOLER_COUNTS];
	pg_atomic_uint32 begun;		/* backends that began to add theirs */
	pg_atomic_uint32 ended;		/* and those that are done */
} PoolerTotals;

/* What a backend that serves a client reads next; pg_stat_activity does not know
 * where track_activities is off. */
typedef enum PoolerReads
{
	READS_MESSAGE,				/* any, outside a transaction */
	READS_IN_TRANSACTION,		/* any, inside */
	READS_MORE,					/* of a batch or a COPY: it has said something */
} PoolerReads;

/* A backend of a pool. */
typedef struct PoolerMember
{
	/* worker */
	PoolerMemberState state;
	int			pool;
	int			route;
	bool		overflow;
	bool		opened;			/* counted so in its pool */
	bool		hung;			/* told to end, and may never do so */
	uint32		life;			/* of which worker */
	uint32		opening;		/* of those that had this place, which one */
	TimestampTz opened_at;
	TimestampTz unneeded_since; /* while it is unborn: nobody has needed it, or
								 * what it replaces; once it is recycled: what
								 * replaces it gets this; 0: anew */
	TimestampTz born_at;
	uint64		catalog_generation; /* of its role and database at birth */
	pg_atomic_uint32 leave;		/* the worker's wish: end at a boundary */

	/* backend */
	pid_t		pid;
	int			pgprocno;
	PgBackendStatus *status;	/* its own entry: what it runs, since when */
	int			encoding;		/* of its database, and of what is there */
	pg_atomic_uint64 client;	/* slot | generation << 32, or none */
	TimestampTz idle_since;
	TimestampTz alive_at;		/* its idle loop was last here */
	TimestampTz taken_at;		/* its client, or what that said next */
	uint32		said;			/* messages to its clients: whether it moves */
	PoolerReads reads;
	uint32		record;			/* settings loaded in it */
	pg_atomic_uint32 pins;
	int			counts_pool;
	int			counts_route;
	PoolerCounts counts;		/* see counters.c */

	/* atomic */
	pg_atomic_uint32 activity;
	slock_t		cancel_lock;	/* held: `client` and SERVING stand still */
} PoolerMember;

/* A (pool, role) pair. */
typedef struct PoolerRoute
{
	/* worker */
	bool		used;
	int			pool;
	Oid			role;
	bool		superuser;
	char		role_name[NAMEDATALEN];
	int			clients;
	int			backends;
	int64		wait_us;		/* of all clients */
	Histogram	login;			/* from accept to the end of authentication */
	Histogram	birth;			/* from the unborn backend to one of the role */
	pg_atomic_uint32 keep;		/* no more clients than backends */
	pg_atomic_uint32 contended; /* nobody was idle, and somebody waited, lately */
	pg_atomic_uint32 eligible;	/* may give a backend up for others */

	/* atomic */
	pg_atomic_uint32 idle;		/* backends in the epoll, or about to be */
	PoolerTotals totals;
	char		pad[PG_CACHE_LINE_SIZE];
} PoolerRoute;

typedef struct PoolerPool
{
	/* worker */
	PoolerPoolState state;
	bool		listed;			/* by name, not made by '*' */
	char		name[NAMEDATALEN];
	char		database[NAMEDATALEN];
	Oid			database_oid;
	PoolerLimits limits;
	int			clients;
	int64		wait_us;		/* of all its clients */
	int64		bytes_received; /* from clients; see traffic.c */
	int64		bytes_sent;
	int64		timeouts;
	int64		opened;
	int64		closed;
	int64		recycled;
	int64		invalidated;
	Histogram	login;			/* as in PoolerRoute */
	Histogram	birth;
	TimestampTz made_at;		/* this pool, in this entry */
	dsa_pointer history;		/* see history.c */
	Histogram	open;			/* from the connection to the unborn backend */
	TimestampTz last_error_at;
	TimestampTz unavailable_since;	/* of POOL_UNAVAILABLE */
	char		last_error[POOLER_MAX_MESSAGE];

	/* atomic */
	pg_atomic_uint32 wanted;	/* tokens: who is first at a boundary gives up */
	pg_atomic_uint32 paused;	/* by how many DROP DATABASEs, see pause.c */
	pg_atomic_uint32 pinned;	/* backends that hold a client for its state */
	PoolerTotals totals;
	char		pad[PG_CACHE_LINE_SIZE];
} PoolerPool;

typedef struct PoolerShared
{
	/* immutable */
	int			max_clients;
	int			max_members;
	int			max_routes;
	int			dsa_tranche;
	LWLock	   *records_lock;

	/* worker, at its start */
	pid_t		worker_pid;
	int			worker_pgprocno;
	uint32		life;
	TimestampTz started_at;
	TimestampTz stats_reset_at;
	int			base_fd;		/* client fd = base_fd + slot, everywhere */
	int			clients_allowed;	/* max_client_conn, or what fds allow */
	char		nonce[33];
	bool		serving;		/* listens */
	uint64		last_client_id;
	char		hba_missing[POOLER_MAX_MESSAGE];	/* why births fail, or '' */

	/* atomic */
	pg_atomic_uint32 asleep;	/* the worker sleeps without a tick */
	pg_atomic_uint32 reset_wanted;	/* pooler.reset_stats() */
	pg_atomic_uint64 changes_all;	/* of roles and databases, all of them */
	pg_atomic_uint64 changes[POOLER_ROLE_SLOTS];	/* by hash of an OID */
	pg_atomic_uint64 requests[POOLER_REQUESTS]; /* for the worker; 0: free */
} PoolerShared;

extern PoolerShared *pooler_shared;
extern PoolerPool *pooler_pools;		/* [POOLER_MAX_POOLS] */
extern PoolerRoute *pooler_routes;		/* [max_routes] */
extern PoolerMember *pooler_members;	/* [max_members] */
extern PoolerClient *pooler_clients;	/* [max_clients] */

extern void pooler_shmem_request(void);
extern void pooler_shmem_startup(void);
extern int	pooler_shmem_max_records(void);
extern dsa_area *pooler_shmem_dsa(void);

/*
 * Memory in the area; InvalidDsaPointer where it is out, and no ERROR. `held` is
 * the lock that the caller holds, exclusively, or NULL; where there was none left
 * it has been released and taken again.
 */
extern dsa_pointer pooler_shmem_allocate(Size len, struct LWLock *held);

extern uint64 pooler_shmem_catalog_generation(Oid role, Oid database);
extern void pooler_shmem_note_change(Oid role_or_database);

/* Set the latch of the worker, of a backend; of none if it is not there. */
extern void pooler_shmem_wake_worker(void);
extern void pooler_shmem_wake_member(const PoolerMember *m);

static inline uint64
pooler_client_pack(uint32 slot, uint32 generation)
{
	return ((uint64) generation << 32) | slot;
}

static inline uint32
pooler_client_slot(uint64 packed)
{
	return (uint32) packed;
}

static inline uint32
pooler_client_generation(uint64 packed)
{
	return (uint32) (packed >> 32);
}

static inline PoolerClient *
pooler_client_of(uint64 packed)
{
	return &pooler_clients[pooler_client_slot(packed)];
}

/* From one owner to another. False: it was not the first one's any more. */
static inline bool
pooler_client_pass(uint64 packed, uint32 from, uint32 to)
{
	uint64		generation = packed & ~(uint64) UINT32_MAX;
	uint64		expected = generation | from;

	return pg_atomic_compare_exchange_u64(&pooler_client_of(packed)->owner,
										  &expected, generation | to);
}

/*
 * Does it wait for a backend?  The worker stamps waits from time to time; a
 * stamp is void as soon as a backend has taken the client.
 */
static inline bool
pooler_client_waits(PoolerClient *client)
{
	return client->waiting_since != 0 &&
		client->waiting_taken == pg_atomic_read_u32(&client->taken);
}

#endif							/* POOLER_SHMEM_H */
