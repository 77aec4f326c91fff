/*
 * remedy.c
 *	  The statements that give a pool another size, and room for it; and what has
 *	  to come first.
 *
 * src/remedy.c
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "capacity.h"
#include "compat.h"
#include "guc.h"
#include "pools_text.h"
#include "remedy.h"
#include "validate.h"

void
pooler_remedy_add(Remedy *remedy, const char *statement)
{
	Assert(remedy->n < REMEDY_STATEMENTS);
	remedy->statements[remedy->n++] = CStringGetTextDatum(statement);
}

/* The capacity check "server" as it stands. */
static CapacityCheck *
server_check(void)
{
	ListCell   *lc;

	foreach(lc, pooler_validate_capacity())
		if (strcmp(((CapacityCheck *) lfirst(lc))->name, "server") == 0)
			return lfirst(lc);
	return NULL;
}

/*
 * What has to grow with a pool that may open `more` backends.  Returns a
 * sentence, or "" where there is room.
 */
static const char *
make_room(Remedy *remedy, int more)
{
	CapacityCheck *c = server_check();
	int			taken = pooler_guc_reserved() + pooler_validate_others();
	const char *words = "";

	if (more <= 0 || c == NULL || c->required < 0)
		return "";
	if (pooler_guc_max_backends >= 0 &&
		c->required - taken + more > pooler_guc_max_backends)
	{
		int			wanted = pooler_guc_max_backends + more;

		words = psprintf(" That needs pooler.max_backends = %d.", wanted);
		pooler_remedy_add(remedy, psprintf("ALTER SYSTEM SET pooler.max_backends = %d;",
								  wanted));
	}
	if (c->required + more > c->available)
	{
		int			wanted = c->required + more;

		words = psprintf("%s That needs max_connections = %d and a restart.",
						 words, wanted);
		pooler_remedy_add(remedy, psprintf("ALTER SYSTEM SET max_connections = %d;",
								  wanted));
	}
	return words;
}

/* The same for the CONNECTION LIMIT of its database. */
static const char *
make_room_in_database(Remedy *remedy, const char *database, int more)
{
	const char *name = quote_identifier(database);
	int			limit;
	int			wanted = pooler_validate_database(database, &limit) + more;

	if (more <= 0 || limit < 0 || wanted <= limit)
		return "";
	pooler_remedy_add(remedy, psprintf("ALTER DATABASE %s CONNECTION LIMIT %d;",
									   name, wanted));
	return psprintf(" That needs CONNECTION LIMIT %d of database %s.", wanted,
					name);
}

/* Backends that a pool of this size may open; -1: its limit is that of all. */
static int
limit_of(int pool_size, int max_overflow)
{
	return max_overflow < 0 || pool_size == 0 ? -1 : pool_size + max_overflow;
}

const char *
pooler_remedy_first(const PoolerPool *pool)
{
	if (pool->state != POOL_UNAVAILABLE)
		return NULL;
	return psprintf("No backend can be opened, mend that first: %s",
					pool->last_error);
}

const char *
pooler_remedy_resize(Remedy *remedy, const PoolerPool *pool, int pool_size,
					 int max_overflow)
{
	int			before = limit_of(pool->limits.pool_size,
								  pool->limits.max_overflow);
	int			after = limit_of(pool_size, max_overflow);
	char	   *text = pooler_pools_text_resized(pooler_guc_pools, pool->name,
												 pool_size, max_overflow);
	const char *room = "";

	if (text == NULL)
		return NULL;
	if (before >= 0 && after >= 0)
	{
		room = make_room(remedy, after - before);
		room = psprintf("%s%s", room,
						make_room_in_database(remedy, pool->database,
											  after - before));
	}
	pooler_remedy_add(remedy, psprintf("ALTER SYSTEM SET pooler.pools = %s;",
									   quote_literal_cstr(text)));
	pooler_remedy_add(remedy, "SELECT pg_catalog.pg_reload_conf();");
	return room;
}

void
pooler_remedy_put(Row *row, const Remedy *remedy)
{
	put(row, PointerGetDatum(construct_array_builtin((Datum *) remedy->statements,
													 remedy->n, TEXTOID)),
		false);
}
