/*
 * internals.c
 *	  Reaches what PostgreSQL keeps in static variables.
 *
 * A hash table of a session is a child of TopMemoryContext called "dynahash",
 * and the context's identifier is the table's name, which dynahash.c keeps
 * right behind the table's header: header = name - sizeof(HTAB). HTAB is
 * private, so its size is measured on a table of our own, which must then be
 * found by its name.
 *
 * Callers check what they found with a test entry, and take care that a table
 * which is not found, or not as expected, costs speed and not correctness.
 *
 * src/internals.c
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "internals.h"

#define PROBE_NAME "pooler probe"

static Size header_size = 0;	/* 0: unknown */
static dlist_head *saved_plans = NULL;

static MemoryContext
find_context(MemoryContext parent, const char *name)
{
	MemoryContext c;

	for (c = parent->firstchild; c != NULL; c = c->nextchild)
	{
		if (c->ident != NULL && strcmp(c->ident, name) == 0 &&
			strcmp(c->name, "dynahash") == 0)
			return c;
	}
	return NULL;
}

HTAB *
pooler_internals_table_in(MemoryContext parent, const char *name)
{
	MemoryContext c = header_size > 0 ? find_context(parent, name) : NULL;

	return c == NULL ? NULL : (HTAB *) (c->ident - header_size);
}

HTAB *
pooler_internals_table(const char *name)
{
	return pooler_internals_table_in(TopMemoryContext, name);
}

bool
pooler_internals_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(uint32),.entrysize = sizeof(uint64)};
	HTAB	   *probe = hash_create(PROBE_NAME, 4, &ctl,
									HASH_ELEM | HASH_BLOBS);
	MemoryContext c = find_context(TopMemoryContext, PROBE_NAME);

	if (c != NULL && GetMemoryChunkContext(probe) == c &&
		c->ident > (const char *) probe)
		header_size = c->ident - (const char *) probe;
	if (pooler_internals_table(PROBE_NAME) != probe)
		header_size = 0;
	hash_destroy(probe);
	return header_size > 0;
}

CachedPlanSource *
pooler_internals_empty_plan(void)
{
	CachedPlanSource *plan = CreateCachedPlan(NULL, "", CMDTAG_UNKNOWN);

	CompleteCachedPlan(plan, NIL, NULL, NULL, 0, NULL, NULL, 0, true);
	return plan;
}

/*
 * A new plan goes to the list's end, where its next is the head; checked with a
 * second one.
 */
bool
pooler_internals_find_saved_plans(void)
{
	CachedPlanSource *first = pooler_internals_empty_plan();
	CachedPlanSource *second = pooler_internals_empty_plan();
	dlist_head *head;
	bool		good;

	SaveCachedPlan(first);
	head = (dlist_head *) first->node.next;
	SaveCachedPlan(second);
	good = first->node.next == &second->node &&
		second->node.next == &head->head && head->head.prev == &second->node;
	DropCachedPlan(second);
	good = good && head->head.prev == &first->node;
	DropCachedPlan(first);
	saved_plans = good ? head : NULL;
	return good;
}

dlist_head *
pooler_internals_saved_plans(void)
{
	return saved_plans;
}
