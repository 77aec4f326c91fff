/*
 * compiled.c
 *	  Functions that PL/pgSQL compiled under another client's settings.
 *
 * At its first call in a backend PL/pgSQL compiles a function and looks up what
 * its declarations name (`v d`, `r t%rowtype`, `x t.c%type`) by the search_path
 * of that moment, which the server never compares again: another client's call
 * would get the first one's types. So where what compiling goes by is another
 * than before, at a load or at a boundary, the functions are marked as out of
 * date, as ALTER FUNCTION would. A client that changes its path finds its own
 * functions compiled anew as well, which a direct connection would not do.
 *
 * A path of SET LOCAL, or of a function's own SET clause, is not looked at: each
 * call of a function with such a clause would have all of them compiled again.
 *
 * The table is PL/pgSQL's own (from 18 on the server's, and SQL functions are in
 * it, too). Each function points back to its key, which tells whether the table
 * is as expected.
 *
 * src/compiled.c
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compat.h"
#include POOLER_COMPILED_HEADER

#include "compiled.h"
#include "internals.h"
#include "variables.h"

/* Private to the table's owner. */
typedef struct CompiledEntry
{
	PoolerCompiledKey key;
	PoolerCompiled *function;
} CompiledEntry;

static bool noted = false;
static char *path = NULL;		/* the search_path when they were renewed */

void
pooler_compiled_note(const char *setting)
{
	if (pooler_variables_compare(setting, "search_path") == 0 ||
		pooler_variables_compare(setting, "standard_conforming_strings") == 0 ||
		pooler_variables_compare(setting, "backslash_quote") == 0 ||
		pg_strncasecmp(setting, "plpgsql.", strlen("plpgsql.")) == 0)
		noted = true;
}

static void
look_at_path(void)
{
	if (path != NULL && strcmp(path, namespace_search_path) == 0)
		return;
	noted = true;
	if (path != NULL)
		pfree(path);
	path = MemoryContextStrdup(TopMemoryContext, namespace_search_path);
}

static bool
outdate_all(HTAB *table)
{
	HASH_SEQ_STATUS all;
	CompiledEntry *e;

	hash_seq_init(&all, table);
	while ((e = hash_seq_search(&all)) != NULL)
	{
		if (e->function == NULL || pooler_compiled_key(e->function) != &e->key)
		{
			hash_seq_term(&all);
			return false;
		}
		pooler_compiled_xmin(e->function) = InvalidTransactionId;
	}
	return true;
}

bool
pooler_compiled_renew(void)
{
	HTAB	   *table;

	look_at_path();
	if (likely(!noted))
		return true;
	table = pooler_internals_table(POOLER_COMPILED_TABLE);
	noted = table != NULL && !outdate_all(table);
	return !noted;
}
