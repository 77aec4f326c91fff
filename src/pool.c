/*
 * pool.c
 *	  The worker's side of the pools: which there are, and their limits.
 *
 *	  FREE -> STARTING		[configure, find]
 *	  STARTING -> OPEN		[works]: a backend has been opened
 *	  any -> UNAVAILABLE	[failed]: no backend can be opened; last_error
 *	  any -> DRAINING		[configure]: no longer in pooler.pools, or made by
 *							'*' for a name that is listed now
 *	  any -> DRAINING		[make_room, upkeep]: made by '*', and unused
 *	  DRAINING -> FREE		[free_drained]: its last backend and client have gone
 *
 * A pool keeps its entry in shared memory over a reload, and so its counters.
 * An entry of pooler.pools and a pool are the same if name and database are. One
 * that finds no room beside those that drain gets its pool when they have, and
 * until then its name is nobody else's. Room is made of pools that '*' made and
 * that have been without clients longest, for such entries and, ahead, for a login
 * of one more database.
 *
 * src/pool.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "auth.h"
#include "auth_cache.h"
#include "compat.h"
#include "counters.h"
#include "guc.h"
#include "pool.h"
#include "reserved.h"
#include "route.h"
#include "since.h"
#include "stats.h"
#include "usage.h"

#define MAX_BACKOFF_MS 30000

WorkerPool	pooler_worker_pools[POOLER_MAX_POOLS];

static PoolEntry wildcard;		/* '*', if has_wildcard */
static bool has_wildcard = false;
static PoolEntry left_out[POOLER_MAX_ENTRIES];	/* have no pool: there was no room */
static int	nleft_out = 0;
static bool closing = false;	/* the server shuts down */

static int
find_pool(const char *name, const char *database)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state != POOL_FREE && strcmp(p->name, name) == 0 &&
			strcmp(p->database, database) == 0)
			return i;
	}
	return -1;
}

static int
free_pool(void)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE)
			return i;
	}
	return -1;
}

void
pooler_pool_clear_counters(int pool)
{
	PoolerPool *p = &pooler_pools[pool];

	p->timeouts = p->opened = p->closed = p->recycled = p->invalidated = 0;
	pooler_stats_forget(pool);
	p->wait_us = p->bytes_received = p->bytes_sent = 0;
	p->last_error[0] = '\0';
	p->last_error_at = 0;
	memset(&p->login, 0, sizeof(Histogram));
	memset(&p->birth, 0, sizeof(Histogram));
	memset(&p->open, 0, sizeof(Histogram));
	pooler_counters_clear_pool(pool);
}

/* Has it been without clients longer?  Those of which it is not known yet come
 * last. */
static bool
is_unused_longer(int pool, int than)
{
	TimestampTz since = pooler_worker_pools[pool].unused_since;
	TimestampTz other = pooler_worker_pools[than].unused_since;

	return since != 0 && (other == 0 || since < other);
}

/* A pause is the entry's, and would be the next pool's. */
static bool
is_free_at_once(int pool)
{
	return pooler_worker_pools[pool].open == 0 && !pooler_pool_is_paused(pool);
}

/*
 * Of the pools that '*' made and nobody uses the one that has been so longest, of
 * those whose entry can be had at once or of those that do not drain; -1: none.
 */
static int
longest_without_clients(bool at_once)
{
	int			best = -1;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state != POOL_FREE && !p->listed && p->clients == 0 &&
			(at_once ? is_free_at_once(i) : p->state != POOL_DRAINING) &&
			(best < 0 || is_unused_longer(i, best)))
			best = i;
	}
	return best;
}

static void
forget_pool(int pool)
{
	pooler_route_forget_pool(pool);
	pooler_usage_forget_pool(pool);
	pooler_pools[pool].state = POOL_FREE;
}

/* An entry for another pool; -1: all are in use. */
static int
take_entry(void)
{
	int			i = free_pool();

	if (i >= 0)
		return i;
	i = longest_without_clients(true);
	if (i >= 0)
		forget_pool(i);
	return i;
}

static int
make_pool(const PoolEntry *entry, bool listed)
{
	int			i = take_entry();
	PoolerPool *p;

	if (i < 0)
		return -1;
	p = &pooler_pools[i];
	memset(&pooler_worker_pools[i], 0, sizeof(WorkerPool));
	pooler_pool_clear_counters(i);
	strlcpy(p->name, entry->name, NAMEDATALEN);
	strlcpy(p->database, entry->database, NAMEDATALEN);
	p->database_oid = InvalidOid;
	p->clients = 0;
	pg_atomic_write_u32(&p->wanted, 0);
	pg_atomic_write_u32(&p->pinned, 0);
	p->listed = listed;
	p->made_at = GetCurrentTimestamp();
	p->state = POOL_STARTING;
	return i;
}

static void
set_entry(int pool, const PoolEntry *entry)
{
	pooler_worker_pools[pool].entry = *entry;
	pooler_worker_pools[pool].dirty = true;
	pooler_guc_limits(entry, &pooler_pools[pool].limits);
}

static void
configure_entry(const PoolEntry *entry, bool *kept, int elevel)
{
	int			i = find_pool(entry->name, entry->database);

	if (i < 0)
		i = make_pool(entry, true);
	if (i < 0)
	{
		left_out[nleft_out++] = *entry;
		ereport(elevel,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no room for pool \"%s\" until removed pools have drained",
						entry->name)));
		return;
	}
	if (pooler_pools[i].state == POOL_DRAINING)
		pooler_pools[i].state = POOL_STARTING;
	pooler_pools[i].listed = true;
	kept[i] = true;
	set_entry(i, entry);
}

/* NULL: none has this name. */
static const PoolEntry *
find_entry(const char *name, const PoolEntry *entries, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!entries[i].wildcard && strcmp(entries[i].name, name) == 0)
			return &entries[i];
	}
	return NULL;
}

/*
 * A pool that '*' made stays while there is '*', with what it says now, unless
 * its name is listed: then clients mean the listed one's database.
 */
static void
reconfigure_made(int pool, bool *kept)
{
	PoolEntry	entry = wildcard;

	strlcpy(entry.name, pooler_pools[pool].name, NAMEDATALEN);
	strlcpy(entry.database, pooler_pools[pool].database, NAMEDATALEN);
	kept[pool] = true;
	set_entry(pool, &entry);
}

/* `elevel` is of the message about an entry that finds no room. */
static void
configure(int elevel)
{
	PoolEntry	entries[POOLER_MAX_ENTRIES];
	bool		kept[POOLER_MAX_POOLS] = {false};
	char	   *error;
	int			n = pooler_guc_parse_pools(pooler_guc_pools, entries,
										   POOLER_MAX_ENTRIES, &error);

	has_wildcard = false;
	nleft_out = 0;
	for (int i = 0; i < n; i++)
	{
		if (entries[i].wildcard)
		{
			wildcard = entries[i];
			has_wildcard = true;
		}
		else
			configure_entry(&entries[i], kept, elevel);
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state == POOL_FREE || kept[i])
			continue;
		if (has_wildcard && !p->listed && p->state != POOL_DRAINING &&
			find_entry(p->name, entries, n) == NULL)
			reconfigure_made(i, kept);
		else
			p->state = POOL_DRAINING;
	}
}

void
pooler_pool_configure(void)
{
	configure(LOG);
}

/* A listed one goes before one that '*' made. */
static int
find_by_name(const char *name)
{
	int			made = -1;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		PoolerPool *p = &pooler_pools[i];

		if (p->state == POOL_FREE || p->state == POOL_DRAINING ||
			strcmp(p->name, name) != 0)
			continue;
		if (p->listed)
			return i;
		made = i;
	}
	return made;
}

bool
pooler_pool_serves(const char *name)
{
	return find_by_name(name) >= 0 ||
		find_entry(name, left_out, nleft_out) != NULL ||
		(has_wildcard && pooler_auth_has_database(name));
}

const char *
pooler_pool_database(const char *name)
{
	int			i = find_by_name(name);
	const PoolEntry *entry;

	if (i >= 0)
		return pooler_pools[i].database;
	entry = find_entry(name, left_out, nleft_out);
	return entry ? entry->database : name;
}

/* Clients name a pool, which usually is called as its database is. */
int
pooler_pool_find(const char *name, Oid database_oid)
{
	PoolEntry	entry;
	int			made = find_by_name(name);

	if (made >= 0)
	{
		pooler_pools[made].database_oid = database_oid;
		return made;
	}
	if (find_entry(name, left_out, nleft_out) != NULL)
		return POOLER_NO_ROOM;
	if (!has_wildcard || !OidIsValid(database_oid))
		return POOLER_NO_POOL;
	entry = wildcard;
	strlcpy(entry.name, name, NAMEDATALEN);
	strlcpy(entry.database, name, NAMEDATALEN);
	made = find_pool(name, name);
	if (made >= 0)
	{
		/* it drains, and somebody wants it again; it may have been listed */
		pooler_pools[made].state = POOL_STARTING;
		pooler_pools[made].listed = false;
	}
	else
		made = make_pool(&entry, false);
	if (made < 0)
		return POOLER_NO_ROOM;
	set_entry(made, &entry);
	pooler_pools[made].database_oid = database_oid;
	return made;
}

bool
pooler_pool_has_wildcard(void)
{
	return has_wildcard;
}

/* A draining pool opens none. */
int
pooler_pool_limit(int pool)
{
	PoolerPool *p = &pooler_pools[pool];

	if (p->state == POOL_DRAINING || p->state == POOL_FREE)
		return 0;
	return pooler_guc_pool_limit(&p->limits);
}

bool
pooler_pool_may_try(int pool)
{
	WorkerPool *w = &pooler_worker_pools[pool];

	return !closing && !w->no_database && !pooler_pool_is_paused(pool) &&
		!pooler_is_ahead(w->retry_at, GetCurrentTimestamp(), MAX_BACKOFF_MS);
}

static void
log_failure(PoolerPool *p, const char *error, bool by_rules)
{
	if (by_rules)
		strlcpy(pooler_shared->hba_missing, error, POOLER_MAX_MESSAGE);
	ereport(LOG,
			(errmsg("pool \"%s\" cannot open a backend", p->name),
			 errdetail_internal("%s", error),
			 by_rules ?
			 errhint("Put this line first into pg_hba.conf:\n%s\nand this one into pg_ident.conf, then reload:\n%s",
					 pooler_reserved_hba_line(),
					 pooler_reserved_ident_line()) : 0));
}

/* It stays so over its retries, since the first of them. */
static void
become_unavailable(PoolerPool *p)
{
	if (p->state == POOL_DRAINING || p->state == POOL_UNAVAILABLE)
		return;
	p->unavailable_since = GetCurrentTimestamp();
	p->state = POOL_UNAVAILABLE;
}

void
pooler_pool_failed(int pool, const char *error, bool by_rules)
{
	PoolerPool *p = &pooler_pools[pool];
	WorkerPool *w = &pooler_worker_pools[pool];
	TimestampTz now = GetCurrentTimestamp();
	int			wait_ms = Min(1000 << Min(w->failures, 10), MAX_BACKOFF_MS);

	/* the same error again and again is no news for the log */
	if (strncmp(p->last_error, error, POOLER_MAX_MESSAGE - 1) != 0)
		log_failure(p, error, by_rules);
	w->refused = by_rules;
	strlcpy(p->last_error, error, POOLER_MAX_MESSAGE);
	p->last_error_at = now;
	/* the first retry comes at once: it may have been an accident */
	w->retry_at = w->failures == 0 ? now :
		TimestampTzPlusMilliseconds(now, wait_ms);
	if (w->failures > 0)
		become_unavailable(p);
	w->failures++;
}

bool
pooler_pool_is_paused(int pool)
{
	return pg_atomic_read_u32(&pooler_pools[pool].paused) != 0;
}

static void
set_database(int pool, const AuthDatabase *database)
{
	PoolerPool *p = &pooler_pools[pool];
	WorkerPool *w = &pooler_worker_pools[pool];
	bool		missing = database == NULL;

	p->database_oid = missing ? InvalidOid : database->oid;
	if (missing)
	{
		snprintf(p->last_error, POOLER_MAX_MESSAGE,
				 "database \"%s\" does not exist", p->database);
		if (!w->no_database)
			log_failure(p, p->last_error, false);
		p->last_error_at = GetCurrentTimestamp();
		become_unavailable(p);
	}
	else if (w->no_database && p->state == POOL_UNAVAILABLE)
		p->state = POOL_STARTING;
	w->no_database = missing;
	w->dirty = true;
}

static void
find_database(int pool)
{
	AuthDatabase database;
	bool		found = pooler_auth_find_database(pooler_pools[pool].database,
												  InvalidOid, &database) &&
		!database.invalid;

	set_database(pool, found ? &database : NULL);
}

void
pooler_pool_find_database(int pool)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	if (pooler_auth_lock_catalogs())
		find_database(pool);
	pooler_commit(caller);
}

void
pooler_pool_find_databases(void)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		known;

	StartTransactionCommand();
	known = pooler_auth_lock_catalogs();
	for (int i = 0; known && i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state != POOL_FREE)
			find_database(i);
	}
	pooler_commit(caller);
}

void
pooler_pool_works(int pool)
{
	PoolerPool *p = &pooler_pools[pool];

	pooler_worker_pools[pool].failures = 0;
	pooler_worker_pools[pool].retry_at = 0;
	pooler_shared->hba_missing[0] = '\0';
	if (pooler_worker_pools[pool].refused)
		p->last_error[0] = '\0';
	pooler_worker_pools[pool].refused = false;
	if (p->state == POOL_STARTING || p->state == POOL_UNAVAILABLE)
		p->state = POOL_OPEN;
}

void
pooler_pool_close_all(void)
{
	closing = true;
}

void
pooler_pool_retry_all(void)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		pooler_worker_pools[i].retry_at = 0;
		pooler_worker_pools[i].dirty = true;
	}
}

/* Unborn ones are in no database, and outlive it. */
static bool
has_ready(int pool)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		if (pooler_members[i].pool == pool &&
			(pooler_members[i].state == MEMBER_UNBORN ||
			 pooler_members[i].state == MEMBER_BORN))
			return true;
	}
	return false;
}

/* DRAINING -> FREE */
static void
free_drained(int pool)
{
	forget_pool(pool);
	if (nleft_out == 0)
		return;
	configure(DEBUG1);			/* the log knows already who waits */
	pooler_pool_find_databases();
}

/* Is it free as soon as its backends are told to go? */
static bool
is_about_to_drain(int pool)
{
	if (pooler_pools[pool].state != POOL_DRAINING ||
		pooler_pools[pool].clients > 0)
		return false;
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_FREE && m->pool == pool &&
			(m->hung || m->state == MEMBER_ORPHAN))
			return false;
	}
	return true;
}

void
pooler_pool_make_room(void)
{
	int			wanted = nleft_out + has_wildcard;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		wanted -= pooler_pools[i].state == POOL_FREE || is_about_to_drain(i);
	for (; wanted > 0; wanted--)
	{
		int			i = longest_without_clients(false);

		if (i < 0)
			return;
		pooler_pools[i].state = POOL_DRAINING;
	}
}

void
pooler_pool_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		pooler_since_follow(&pooler_worker_pools[i].unused_since, step);
		pooler_since_follow(&pooler_worker_pools[i].busy_at, step);
		pooler_since_follow(&pooler_pools[i].made_at, step);
		pooler_since_follow(&pooler_pools[i].last_error_at, step);
		pooler_since_follow(&pooler_pools[i].unavailable_since, step);
	}
}

void
pooler_pool_upkeep(int pool, TimestampTz now)
{
	PoolerPool *p = &pooler_pools[pool];
	WorkerPool *w = &pooler_worker_pools[pool];

	if (p->state == POOL_FREE)
		return;
	if (p->state == POOL_STARTING && !w->no_database && has_ready(pool))
		p->state = POOL_OPEN;
	if (p->clients > 0)
		w->unused_since = 0;
	else if (w->unused_since == 0)
		w->unused_since = now;
	if (!p->listed && p->state != POOL_DRAINING && w->unused_since != 0 &&
		pooler_guc_pool_idle_timeout >= 0 &&
		TimestampDifferenceExceeds(w->unused_since, now,
								   pooler_guc_pool_idle_timeout * 1000))
		p->state = POOL_DRAINING;
	if (p->state == POOL_DRAINING && p->clients == 0 && is_free_at_once(pool))
		free_drained(pool);
}
