/*
 * usage.c
 *	  What roles and applications use: pooler.usage.
 *
 * Each client counts for itself, in its slot, what its pool's counters count
 * too. The worker looks at each tick, and when a client leaves, and adds what
 * has been done since to the entry of the client's pool, role and
 * application_name. So no transaction pays for it, and what was done between
 * two looks counts for the name at the second.
 *
 * Clients choose their names: the table is bounded. Where it is full the entry
 * without clients that was used longest ago makes room; what it had, and what
 * finds no room at all, is the pool's rest. So the entries of a pool add up.
 *
 * Only the worker writes. The number `change` is odd while entries come and go,
 * and a reader whom that crossed copies anew; counters grow meanwhile.
 *
 * src/usage.c
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "rows.h"
#include "shmem.h"
#include "usage.h"

#define ENTRIES		256
#define MAX_TRIES	100

typedef struct Counts
{
	int64		transactions;
	int64		checkouts;
	int64		wait_us;
	int64		busy_us;
} Counts;

typedef struct Entry
{
	int			pool;			/* -1: nobody's */
	uint32		hash;
	Oid			role;			/* InvalidOid: the pool's rest */
	int			clients;
	uint64		used;			/* for the one used longest ago */
	Counts		counts;
	char		role_name[NAMEDATALEN];
	char		application_name[NAMEDATALEN];
} Entry;

/* Entries, and behind them each pool's rest. */
typedef struct Table
{
	pg_atomic_uint32 change;	/* odd: entries come or go */
	uint64		uses;
	Entry		entries[ENTRIES + POOLER_MAX_POOLS];
} Table;

static Table *table = NULL;

/* By slot, the worker's own. */
static Entry **entry_of;		/* NULL: not counted */
static Counts *seen;			/* of its counters, at the last look */

PG_FUNCTION_INFO_V1(pooler_usage_rows);

Size
pooler_usage_size(void)
{
	return MAXALIGN(sizeof(Table));
}

void
pooler_usage_startup(void *place, bool found)
{
	table = place;
	if (found)
		return;
	memset(table, 0, sizeof(Table));
	pg_atomic_init_u32(&table->change, 0);
	for (int i = 0; i < ENTRIES + POOLER_MAX_POOLS; i++)
		table->entries[i].pool = -1;
}

void
pooler_usage_start(void)
{
	int			n = pooler_shared->max_clients;

	entry_of = MemoryContextAllocZero(TopMemoryContext, sizeof(Entry *) * n);
	seen = MemoryContextAllocZero(TopMemoryContext, sizeof(Counts) * n);
	for (int i = 0; i < ENTRIES + POOLER_MAX_POOLS; i++)
		table->entries[i].clients = 0;
}

/* ---- entries come and go ---- */

static void
begin_change(void)
{
	pg_atomic_fetch_add_u32(&table->change, 1);
	pg_write_barrier();
}

static void
end_change(void)
{
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&table->change, 1);
}

static void
add(Counts *sum, const Counts *more)
{
	sum->transactions += more->transactions;
	sum->checkouts += more->checkouts;
	sum->wait_us += more->wait_us;
	sum->busy_us += more->busy_us;
}

static void
free_entry(Entry *e)
{
	memset(e, 0, sizeof(Entry));
	e->pool = -1;
}

static Entry *
rest_of(int pool)
{
	Entry	   *rest = &table->entries[ENTRIES + pool];

	rest->pool = pool;
	return rest;
}

static uint32
hash_of(int pool, Oid role, const char *application_name)
{
	return hash_combine(hash_combine(murmurhash32(pool), murmurhash32(role)),
						string_hash(application_name, NAMEDATALEN));
}

static bool
is_entry_of(const Entry *e, const PoolerClient *c, Oid role)
{
	return e->pool == c->pool && e->role == role &&
		strcmp(e->application_name, c->application_name) == 0;
}

static Entry *
find(const PoolerClient *c, Oid role, uint32 hash)
{
	for (int i = 0; i < ENTRIES; i++)
	{
		Entry	   *e = &table->entries[i];

		if (e->hash == hash && is_entry_of(e, c, role))
			return e;
	}
	return NULL;
}

/* A free one, or the one without clients that was used longest ago; or NULL. */
static Entry *
find_room(void)
{
	Entry	   *best = NULL;

	for (int i = 0; i < ENTRIES; i++)
	{
		Entry	   *e = &table->entries[i];

		if (e->pool < 0)
			return e;
		if (e->clients == 0 && (best == NULL || e->used < best->used))
			best = e;
	}
	return best;
}

static Entry *
make(const PoolerClient *c, Oid role)
{
	Entry	   *e = find_room();

	begin_change();
	if (e == NULL)
		e = rest_of(c->pool);
	else
	{
		if (e->pool >= 0)
			add(&rest_of(e->pool)->counts, &e->counts);
		free_entry(e);
		e->role = role;
		strlcpy(e->role_name, pooler_routes[c->route].role_name, NAMEDATALEN);
		strlcpy(e->application_name, c->application_name, NAMEDATALEN);
		/* of this copy: a SET may have changed the name since it was looked for */
		e->hash = hash_of(c->pool, role, e->application_name);
		e->pool = c->pool;
	}
	end_change();
	return e;
}

/* The entry of its name as it is now. */
static Entry *
enter(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	Oid			role = pooler_routes[c->route].role;
	Entry	   *old = entry_of[slot];
	Entry	   *e = old;

	if (old == NULL || !is_entry_of(old, c, role))
	{
		e = find(c, role, hash_of(c->pool, role, c->application_name));
		if (e == NULL)
			e = make(c, role);
	}
	if (e == old)
		return e;
	if (old)
		old->clients--;
	else
		memset(&seen[slot], 0, sizeof(Counts));
	e->clients++;
	entry_of[slot] = e;
	return e;
}

/* ---- the worker ---- */

static Counts
counts_of(const PoolerClient *c)
{
	Counts		counts = {c->transactions, c->checkouts, c->wait_us, c->busy_us};

	return counts;
}

void
pooler_usage_look(int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	Entry	   *e;
	Counts		now;
	Counts		more;

	if (c->state == CLIENT_FREE || c->state == CLIENT_LOGIN ||
		c->route == POOLER_NO_ROUTE)
		return;
	e = enter(slot);
	now = counts_of(c);
	more.transactions = now.transactions - seen[slot].transactions;
	more.checkouts = now.checkouts - seen[slot].checkouts;
	more.wait_us = now.wait_us - seen[slot].wait_us;
	more.busy_us = now.busy_us - seen[slot].busy_us;
	seen[slot] = now;
	if (more.checkouts != 0 || more.transactions != 0)
		e->used = ++table->uses;
	add(&e->counts, &more);
}

void
pooler_usage_leave(int slot)
{
	pooler_usage_look(slot);
	if (entry_of[slot])
		entry_of[slot]->clients--;
	entry_of[slot] = NULL;
}

void
pooler_usage_forget_pool(int pool)
{
	begin_change();
	for (int i = 0; i < ENTRIES + POOLER_MAX_POOLS; i++)
	{
		if (table->entries[i].pool == pool)
			free_entry(&table->entries[i]);
	}
	end_change();
}

void
pooler_usage_clear(void)
{
	for (int i = 0; i < pooler_shared->max_clients; i++)
		pooler_usage_look(i);
	begin_change();
	for (int i = 0; i < ENTRIES + POOLER_MAX_POOLS; i++)
	{
		Entry	   *e = &table->entries[i];

		if (e->clients == 0)
			free_entry(e);
		else
			memset(&e->counts, 0, sizeof(Counts));
	}
	end_change();
}

/* ---- the view ---- */

/* As it was at one moment, as far as entries go. */
static Table *
copy_table(void)
{
	Table	   *copy = palloc(sizeof(Table));

	for (int i = 0; i < MAX_TRIES; i++)
	{
		uint32		before = pg_atomic_read_u32(&table->change);

		pg_read_barrier();
		memcpy(copy, table, sizeof(Table));
		pg_read_barrier();
		if (before % 2 == 0 && pg_atomic_read_u32(&table->change) == before)
			break;
	}
	return copy;
}

static bool
is_empty(const Entry *e)
{
	return e->clients == 0 && e->counts.transactions == 0 &&
		e->counts.checkouts == 0 && e->counts.wait_us == 0;
}

/* pooler.usage() */
Datum
pooler_usage_rows(PG_FUNCTION_ARGS)
{
	Row			row;
	Table	   *copy;

	pooler_rows_begin(fcinfo, &row);
	copy = copy_table();
	for (int i = 0; i < ENTRIES + POOLER_MAX_POOLS; i++)
	{
		Entry	   *e = &copy->entries[i];

		if (e->pool < 0 || e->pool >= POOLER_MAX_POOLS || is_empty(e))
			continue;
		put_text(&row, pooler_pools[e->pool].name);
		put_name(&row, e->role_name);
		put_name(&row, e->application_name);
		put_int(&row, e->clients);
		put_int8(&row, e->counts.transactions);
		put_int8(&row, e->counts.checkouts);
		put_interval(&row, e->counts.wait_us);
		put_interval(&row, e->counts.busy_us);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}
