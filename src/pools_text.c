/*
 * pools_text.c
 *	  Writes the text of pooler.pools.
 *
 * The reverse of guc_pools.c, which has the grammar: what is written here reads
 * as the entries that it was written from.  Parameters have the short names and
 * the settings' units; names are quoted where they need it.  Nothing here reads
 * a setting or shared memory (test/unit/test_pools.c).
 *
 * src/pools_text.c
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "pools_text.h"

/* A word that is read as it stands; * alone would be all databases. */
static bool
is_bare(const char *name)
{
	if (name[0] == '\0' || strcmp(name, "*") == 0)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (*p == ',' || *p == '=' || *p == '"' ||
			isspace((unsigned char) *p))
			return false;
	return true;
}

static void
append_name(StringInfo out, const char *name)
{
	if (is_bare(name))
	{
		appendStringInfoString(out, name);
		return;
	}
	appendStringInfoChar(out, '"');
	for (const char *p = name; *p != '\0'; p++)
	{
		if (*p == '"')
			appendStringInfoChar(out, '"');
		appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, '"');
}

static void
append_parameters(StringInfo out, const PoolEntry *e)
{
	const PoolerLimits *l = &e->limits;

	if (e->has_pool_size)
		appendStringInfo(out, " pool_size=%d", l->pool_size);
	if (e->has_max_overflow)
		appendStringInfo(out, " max_overflow=%d", l->max_overflow);
	if (e->has_recycle)
		appendStringInfo(out, " recycle=%d", l->recycle_s);
	if (e->has_timeout && l->timeout_ms < 0)
		appendStringInfoString(out, " timeout=-1");
	else if (e->has_timeout)
		appendStringInfo(out, " timeout=%dms", l->timeout_ms);
	if (e->has_pre_ping)
		appendStringInfo(out, " pre_ping=%s", l->pre_ping ? "on" : "off");
	if (e->has_echo)
		appendStringInfo(out, " echo=%s", l->echo ? "on" : "off");
	if (e->has_mode)
		appendStringInfo(out, " mode=%s",
						 l->mode == MODE_SESSION ? "session" : "transaction");
}

/* The text that reads as these entries. */
char *
pooler_pools_text(const PoolEntry *entries, int n)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < n; i++)
	{
		const PoolEntry *e = &entries[i];

		if (i > 0)
			appendStringInfoString(&out, ", ");
		if (e->wildcard)
			appendStringInfoChar(&out, '*');
		else
			append_name(&out, e->name);
		if (!e->wildcard && strcmp(e->name, e->database) != 0)
		{
			appendStringInfoChar(&out, '=');
			append_name(&out, e->database);
		}
		append_parameters(&out, e);
	}
	return out.data;
}

/* The entry that a pool comes from, or -1. */
static int
find_entry(const PoolEntry *entries, int n, const char *pool)
{
	int			wildcard = -1;

	for (int i = 0; i < n; i++)
	{
		if (entries[i].wildcard)
			wildcard = i;
		else if (strcmp(entries[i].name, pool) == 0)
			return i;
	}
	return wildcard;
}

/* The text with other limits for one pool; NULL where that cannot be. */
char *
pooler_pools_text_resized(const char *text, const char *pool, int pool_size,
						  int max_overflow)
{
	PoolEntry  *entries = palloc(sizeof(PoolEntry) * (POOLER_MAX_ENTRIES + 1));
	char	   *error;
	int			n;
	int			i;

	n = pooler_guc_parse_pools(text, entries, POOLER_MAX_ENTRIES, &error);
	i = n > 0 ? find_entry(entries, n, pool) : -1;
	if (i < 0 || (entries[i].wildcard && n == POOLER_MAX_ENTRIES))
		return NULL;
	if (entries[i].wildcard)
	{
		memmove(&entries[i + 1], &entries[i], sizeof(PoolEntry) * (n - i));
		entries[i].wildcard = false;
		strlcpy(entries[i].name, pool, NAMEDATALEN);
		strlcpy(entries[i].database, pool, NAMEDATALEN);
		n++;
	}
	entries[i].has_pool_size = entries[i].has_max_overflow = true;
	entries[i].limits.pool_size = pool_size;
	entries[i].limits.max_overflow = max_overflow;
	return pooler_pools_text(entries, n);
}
