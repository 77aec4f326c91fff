/*
 * variables.c
 *	  The server's table of settings: look-up, values as text, placeholders.
 *
 * PostgreSQL 15 keeps its variables in an array in the order of their names,
 * which get_guc_variables() hands out itself.  A placeholder ("my.var") is
 * never removed from it; one that shall be gone gets a name that nobody can
 * set ("my.var\001"), and its own name again when a client needs it.
 *
 * From 16 on (POOLER_VARIABLES_HASHED) they are in a hash table, which is
 * found by its memory context, and those that are not at their default in a
 * list, whose head is the one node of the ring that is in no variable.  There
 * a placeholder is removed for good.  Where table or list are not found as
 * expected all variables are walked at every boundary, and a backend with a
 * client's placeholder is closed: slower, never wrong.
 *
 * Session values of variables that are a transaction's or that pins.c looks
 * after are in none of these lists.
 *
 * src/variables.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/memutils.h"

#include "compat.h"
#include "internals.h"
#include "variables.h"

/* A backend with more forgotten placeholders is not worth keeping. */
#define MAX_FORGOTTEN	1000

/* Marks the name of a forgotten placeholder; no valid name has it. */
#define FORGOTTEN_MARK	"\001"

typedef struct VariableList
{
	struct config_generic **vars;
	int			n;
	int			space;
} VariableList;

static VariableList carried;
static VariableList reported;

static void
add(VariableList *list, struct config_generic *var)
{
	if (list->n == list->space)
	{
		list->space = Max(64, list->space * 2);
		if (list->vars == NULL)
			list->vars = MemoryContextAlloc(TopMemoryContext,
											list->space * sizeof(struct config_generic *));
		else
			list->vars = repalloc(list->vars, list->space * sizeof(struct config_generic *));
	}
	list->vars[list->n++] = var;
}

/* As guc.c's guc_name_compare(), down to the sign of chars. */
int
pooler_variables_compare(const char *a, const char *b)
{
	while (*a && *b)
	{
		char		ca = *a++;
		char		cb = *b++;

		if (ca >= 'A' && ca <= 'Z')
			ca += 'a' - 'A';
		if (cb >= 'A' && cb <= 'Z')
			cb += 'a' - 'A';
		if (ca != cb)
			return ca - cb;
	}
	return *a ? 1 : *b ? -1 : 0;
}

bool
pooler_variables_is_placeholder(struct config_generic *var)
{
	return (var->flags & GUC_CUSTOM_PLACEHOLDER) != 0;
}

bool
pooler_variables_is_excluded(const char *name)
{
	static const char *const names[] = {
		"is_superuser", "role", "seed", "session_authorization",
		"transaction_deferrable", "transaction_isolation",
		"transaction_read_only"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Holds something of a client's.  Of a placeholder its mere existence is that,
 * even if it was set by a transaction that is over: current_setting() then
 * says '' instead of NULL.  An excluded variable with a value of the startup
 * packet is shown as well: that backend cannot serve others.
 */
static inline bool
is_carried(struct config_generic *var)
{
	if (likely(var->source != PGC_S_SESSION &&
			   var->reset_source != PGC_S_CLIENT &&
			   ((var->flags & GUC_CUSTOM_PLACEHOLDER) == 0 ||
				var->reset_source != PGC_S_DEFAULT)))
		return false;
	return var->reset_source == PGC_S_CLIENT ||
		!pooler_variables_is_excluded(var->name);
}

#ifndef POOLER_VARIABLES_HASHED

static int	forgotten = 0;

void
pooler_variables_init(void)
{
}

/* Where the name is in the array, or where it would have to be. */
static int
position(const char *name, bool *found)
{
	struct config_generic **vars = get_guc_variables();
	int			low = 0;
	int			high = GetNumConfigOptions();

	*found = false;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = pooler_variables_compare(vars[middle]->name, name);

		if (order == 0)
			*found = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct config_generic *
pooler_variables_find(const char *name)
{
	bool		found;
	int			i = position(name, &found);

	return found ? get_guc_variables()[i] : NULL;
}

static void
walk_carried(void)
{
	struct config_generic **vars = get_guc_variables();
	int			n = GetNumConfigOptions();

	for (int i = 0; i < n; i++)
	{
		if (is_carried(vars[i]))
			add(&carried, vars[i]);
	}
}

static void
walk_reported(void)
{
	static int	seen_variables = -1;
	static Size seen_libraries = 0;
	struct config_generic **vars = get_guc_variables();
	int			n = GetNumConfigOptions();
	Size		libraries = EstimateLibraryStateSpace();

	if (n == seen_variables && libraries == seen_libraries)
		return;
	seen_variables = n;
	seen_libraries = libraries;
	reported.n = 0;
	for (int i = 0; i < n; i++)
	{
		if (vars[i]->flags & GUC_REPORT)
			add(&reported, vars[i]);
	}
}

/* Gives a variable another name and with it another place in the array. */
static bool
rename_variable(struct config_generic *var, const char *name)
{
	struct config_generic **vars = get_guc_variables();
	bool		found;
	int			from = position(var->name, &found);
	int			to;
	char	   *copy = pooler_guc_strdup(LOG, name);

	if (copy == NULL)
		return false;
	while (vars[from] != var)	/* forgotten ones may share a name */
		from++;
	to = position(name, &found);
	if (to > from)
		memmove(&vars[from], &vars[from + 1], (--to - from) * sizeof(struct config_generic *));
	else
		memmove(&vars[to + 1], &vars[to], (from - to) * sizeof(struct config_generic *));
	vars[to] = var;
	pooler_guc_free(unconstify(char *, var->name));
	var->name = copy;
	return true;
}

/*
 * A library that was loaded since may have reserved the prefix, which only
 * guc.c knows: the new placeholder is then made by guc.c, or refused.  The
 * libraries' mark is kept in sourceline, which nothing else uses here.
 */
void
pooler_variables_revive(const char *name)
{
	char	   *marked;
	bool		found;
	int			i;
	struct config_generic *var;

	if (forgotten == 0 || strchr(name, '.') == NULL ||
		pooler_variables_find(name) != NULL)
		return;
	marked = psprintf("%s" FORGOTTEN_MARK, name);
	i = position(marked, &found);
	pfree(marked);
	if (!found)
		return;
	var = get_guc_variables()[i];
	if (var->sourceline != (int) EstimateLibraryStateSpace() ||
		!rename_variable(var, name))
		return;
	var->sourceline = 0;
	var->context = PGC_USERSET;
	var->flags |= GUC_CUSTOM_PLACEHOLDER;
	forgotten--;
}

static bool
remove_placeholder(struct config_generic *var)
{
	char	   *marked = psprintf("%s" FORGOTTEN_MARK, var->name);
	bool		renamed = forgotten < MAX_FORGOTTEN &&
		rename_variable(var, marked);

	pfree(marked);
	if (!renamed)
		return false;
	var->flags &= ~GUC_CUSTOM_PLACEHOLDER;
	var->context = PGC_INTERNAL;
	var->sourceline = (int) EstimateLibraryStateSpace();
	forgotten++;
	return true;
}

#else							/* POOLER_VARIABLES_HASHED */

static HTAB *table = NULL;
static dlist_node *ring = NULL; /* head of guc.c's list of non-defaults */

/* Entries of the table, as guc.c's GUCHashEntry. */
typedef struct TableEntry
{
	const char *name;
	struct config_generic *var;
} TableEntry;

/*
 * All placeholders and `reported`, as of this many entries and these libraries.
 * Nobody but us removes an entry without loading a library.
 */
static VariableList placeholders;
static int	seen_entries = -1;
static Size seen_libraries = 0;

static struct config_generic *
of_node(dlist_node *node)
{
	return dlist_container(struct config_generic, nondef_link, node);
}

/*
 * Every node of the ring but the head is the link of a variable.  NULL if what
 * is found does not agree with the variables' own state.
 */
static dlist_node *
find_ring(struct config_generic **vars, int n)
{
	dlist_node *start = NULL;
	dlist_node *head = NULL;
	int			expected = 0;
	int			seen = 0;

	for (int i = 0; i < n; i++)
	{
		if (vars[i]->source == PGC_S_DEFAULT)
			continue;
		expected++;
		start = &vars[i]->nondef_link;
	}
	for (dlist_node *node = start; node != NULL && seen <= expected + 1;)
	{
		int			i = 0;

		while (i < n && node != &vars[i]->nondef_link)
			i++;
		if (i == n && head != NULL)
			return NULL;
		if (i == n)
			head = node;
		else
			seen++;
		node = node->next;
		if (node == start)
			break;
	}
	return seen == expected ? head : NULL;
}

static HTAB *
find_table(void)
{
	MemoryContext c = TopMemoryContext->firstchild;

	while (c != NULL && strcmp(c->name, "GUCMemoryContext") != 0)
		c = c->nextchild;
	return c == NULL || !pooler_internals_init() ? NULL :
		pooler_internals_table_in(c, "GUC hash table");
}

static bool
is_table(HTAB *found, int n)
{
	HASH_SEQ_STATUS scan;
	TableEntry *e;
	bool		good = true;

	if (hash_get_num_entries(found) != n)
		return false;
	hash_seq_init(&scan, found);
	while ((e = hash_seq_search(&scan)) != NULL)
		good = good && e->name == e->var->name;
	return good;
}

void
pooler_variables_init(void)
{
	int			n;
	struct config_generic **vars = get_guc_variables(&n);
	HTAB	   *found = find_table();

	ring = find_ring(vars, n);
	if (found != NULL && is_table(found, n))
		table = found;
	pfree(vars);
}

struct config_generic *
pooler_variables_find(const char *name)
{
	return find_option(name, false, true, LOG);
}

static int
by_name(const void *a, const void *b)
{
	const struct config_generic *va = *(struct config_generic *const *) a;
	const struct config_generic *vb = *(struct config_generic *const *) b;

	return pooler_variables_compare(va->name, vb->name);
}

/* All variables, one by one. */
static void
walk_all(bool (*wanted) (struct config_generic *var), VariableList *list)
{
	int			n;
	struct config_generic **vars = get_guc_variables(&n);

	for (int i = 0; i < n; i++)
	{
		if (wanted(vars[i]))
			add(list, vars[i]);
	}
	pfree(vars);
}

static bool
is_carried_one(struct config_generic *var)
{
	return is_carried(var);
}

static bool
is_reported(struct config_generic *var)
{
	return (var->flags & GUC_REPORT) != 0;
}

static void
scan_table(void)
{
	Size		libraries = EstimateLibraryStateSpace();
	HASH_SEQ_STATUS scan;
	TableEntry *e;

	if (seen_entries == hash_get_num_entries(table) &&
		seen_libraries == libraries)
		return;
	placeholders.n = 0;
	reported.n = 0;
	hash_seq_init(&scan, table);
	while ((e = hash_seq_search(&scan)) != NULL)
	{
		if (pooler_variables_is_placeholder(e->var))
			add(&placeholders, e->var);
		if (is_reported(e->var))
			add(&reported, e->var);
	}
	qsort(reported.vars, reported.n, sizeof(reported.vars[0]), by_name);
	seen_entries = hash_get_num_entries(table);
	seen_libraries = libraries;
}

/* Of variables at their default, which are not in the ring, only placeholders
 * count. */
static void
walk_carried(void)
{
	if (ring == NULL || table == NULL)
	{
		walk_all(is_carried_one, &carried);
		return;
	}
	for (dlist_node *node = ring->next; node != ring; node = node->next)
	{
		if (is_carried(of_node(node)))
			add(&carried, of_node(node));
	}
	scan_table();
	for (int i = 0; i < placeholders.n; i++)
	{
		if (placeholders.vars[i]->source == PGC_S_DEFAULT &&
			is_carried(placeholders.vars[i]))
			add(&carried, placeholders.vars[i]);
	}
	if (carried.n > 1)
		qsort(carried.vars, carried.n, sizeof(carried.vars[0]), by_name);
}

static void
walk_reported(void)
{
	if (table != NULL)
	{
		scan_table();
		return;
	}
	reported.n = 0;
	walk_all(is_reported, &reported);
}

void
pooler_variables_revive(const char *name)
{
}

/* Keeps the list true, so that the table need not be scanned anew. */
static void
drop_from_placeholders(struct config_generic *var)
{
	for (int i = 0; i < placeholders.n; i++)
	{
		if (placeholders.vars[i] != var)
			continue;
		placeholders.vars[i] = placeholders.vars[--placeholders.n];
		seen_entries--;
		return;
	}
	seen_entries = -1;
}

static bool
remove_placeholder(struct config_generic *var)
{
	bool		found;

	if (table == NULL)
		return false;
	(void) hash_search(table, &var->name, HASH_REMOVE, &found);
	if (!found)
		return false;
	drop_from_placeholders(var);
	if (var->source != PGC_S_DEFAULT)
		dlist_delete(&var->nondef_link);
	pooler_guc_free(unconstify(char *, var->name));
	pooler_guc_free(var);
	return true;
}

#endif							/* POOLER_VARIABLES_HASHED */

int
pooler_variables_carried(struct config_generic ***list)
{
	carried.n = 0;
	walk_carried();
	*list = carried.vars;
	return carried.n;
}

int
pooler_variables_reported(struct config_generic ***list)
{
	walk_reported();
	*list = reported.vars;
	return reported.n;
}

static const char *
enum_name(struct config_generic *var, int value)
{
	return config_enum_lookup_by_value((struct config_enum *) var, value);
}

const char *
pooler_variables_value(struct config_generic *var, bool reset, char *number)
{
	struct config_bool *b = (struct config_bool *) var;
	struct config_int *i = (struct config_int *) var;
	struct config_real *r = (struct config_real *) var;
	struct config_string *s = (struct config_string *) var;
	struct config_enum *e = (struct config_enum *) var;

	switch (var->vartype)
	{
		case PGC_BOOL:
			return (reset ? b->reset_val : *b->variable) ? "on" : "off";
		case PGC_INT:
			snprintf(number, POOLER_VARIABLES_NUMBER, "%d",
						reset ? i->reset_val : *i->variable);
			return number;
		case PGC_REAL:
			snprintf(number, POOLER_VARIABLES_NUMBER, "%.17g",
						reset ? r->reset_val : *r->variable);
			return number;
		case PGC_STRING:
			return reset ? s->reset_val : *s->variable;
		case PGC_ENUM:
			return enum_name(var, reset ? e->reset_val : *e->variable);
	}
	return NULL;
}

static GucShowHook
show_hook(struct config_generic *var)
{
	switch (var->vartype)
	{
		case PGC_BOOL:
			return ((struct config_bool *) var)->show_hook;
		case PGC_INT:
			return ((struct config_int *) var)->show_hook;
		case PGC_REAL:
			return ((struct config_real *) var)->show_hook;
		case PGC_STRING:
			return ((struct config_string *) var)->show_hook;
		case PGC_ENUM:
			return ((struct config_enum *) var)->show_hook;
	}
	return NULL;
}

/* As guc.c's ShowGUCOption(record, false). */
const char *
pooler_variables_show(struct config_generic *var, char *number)
{
	GucShowHook hook = show_hook(var);
	const char *value;

	if (hook != NULL)
		return hook();
	if (var->vartype == PGC_REAL)
	{
		snprintf(number, POOLER_VARIABLES_NUMBER, "%g",
					*((struct config_real *) var)->variable);
		return number;
	}
	value = pooler_variables_value(var, false, number);
	return value != NULL ? value : "";
}

void
pooler_variables_note_told(struct config_generic *var, const char *value)
{
	char	   *copy;

	if (var->last_reported != NULL && strcmp(var->last_reported, value) == 0)
		return;
	copy = pooler_guc_strdup(LOG, value);
	if (var->last_reported != NULL)
		pooler_guc_free(var->last_reported);
	var->last_reported = copy;	/* NULL: told once more, as in guc.c */
}

/*
 * Nothing is stacked outside a transaction, a placeholder has no hooks and no
 * `extra`, and value and reset value are one string or two.
 */
void
pooler_variables_empty(struct config_generic *var)
{
	struct config_string *s = (struct config_string *) var;
	char	   *value = *s->variable;
	char	   *reset = s->reset_val;

	Assert(pooler_variables_is_placeholder(var) && var->stack == NULL);
	*s->variable = s->reset_val = NULL;
	pooler_set_guc_source(var, PGC_S_DEFAULT);
	var->reset_source = PGC_S_DEFAULT;
	if (value != NULL)
		pooler_guc_free(value);
	if (reset != NULL && reset != value)
		pooler_guc_free(reset);
}

bool
pooler_variables_forget(struct config_generic *var)
{
	pooler_variables_empty(var);
	return remove_placeholder(var);
}
