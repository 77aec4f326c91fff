/*
 * base.c
 *	  The values under a client's startup options.
 *
 * A value from a startup packet (PGC_S_CLIENT) replaces the variable's reset
 * value, and guc.c frees the old one.  It is kept here instead: the value and
 * its `extra` as they are, not as text, because a check hook might refuse the
 * text today (a tablespace of ALTER ROLE ... SET that was dropped since), while
 * an assign hook must not fail.  What keeps guc.c from freeing it is an entry
 * on the variable's stack, there during the call only: values that the stack
 * refers to are in use.
 *
 *	  base -> covered [pooler_base_set_client] -> base [pooler_base_restore]
 *
 * A library that is loaded meanwhile turns a placeholder into a real variable
 * of its own: what was kept is then only good as text.
 *
 * src/base.c
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

#include "base.h"
#include "compat.h"
#include "variables.h"

typedef struct Kept
{
	dlist_node	node;
	struct config_generic *var; /* may be gone: compare, do not follow */
	char	   *name;
	GucSource	source;
	GucContext	context;
	Oid			role;
	union config_var_val val;	/* owned: allocated by guc.c */
	void	   *extra;			/* likewise */
} Kept;

static dlist_head kept = DLIST_STATIC_INIT(kept);

bool
pooler_base_is_covered(void)
{
	return !dlist_is_empty(&kept);
}

static Kept *
find_kept(const char *name)
{
	dlist_iter	iter;

	dlist_foreach(iter, &kept)
	{
		/* the macro takes an offset from NULL, nothing is read there */
		/* cppcheck-suppress nullPointer */
		Kept	   *k = dlist_container(Kept, node, iter.cur);

		if (pooler_variables_compare(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static void
drop(Kept *k)
{
	dlist_delete(&k->node);
	pfree(k->name);
	pfree(k);
}

static void *
reset_extra(struct config_generic *var)
{
	switch (var->vartype)
	{
		case PGC_BOOL:
			return ((struct config_bool *) var)->reset_extra;
		case PGC_INT:
			return ((struct config_int *) var)->reset_extra;
		case PGC_REAL:
			return ((struct config_real *) var)->reset_extra;
		case PGC_STRING:
			return ((struct config_string *) var)->reset_extra;
		case PGC_ENUM:
			return ((struct config_enum *) var)->reset_extra;
	}
	return NULL;
}

static void
reset_value(struct config_generic *var, union config_var_val *val)
{
	switch (var->vartype)
	{
		case PGC_BOOL:
			val->boolval = ((struct config_bool *) var)->reset_val;
			break;
		case PGC_INT:
			val->intval = ((struct config_int *) var)->reset_val;
			break;
		case PGC_REAL:
			val->realval = ((struct config_real *) var)->reset_val;
			break;
		case PGC_STRING:
			val->stringval = ((struct config_string *) var)->reset_val;
			break;
		case PGC_ENUM:
			val->enumval = ((struct config_enum *) var)->reset_val;
			break;
	}
}

static Kept *
keep(struct config_generic *var)
{
	Kept	   *k = MemoryContextAllocZero(TopMemoryContext, sizeof(Kept));

	k->var = var;
	k->name = MemoryContextStrdup(TopMemoryContext, var->name);
	k->source = var->reset_source;
	k->context = var->reset_scontext;
	k->role = var->reset_srole;
	reset_value(var, &k->val);
	k->extra = reset_extra(var);
	dlist_push_tail(&kept, &k->node);
	return k;
}

static bool
set(const char *name, const char *value, GucContext context, Oid role,
	int elevel)
{
	pooler_variables_revive(name);
	return set_config_option_ext(name, value, context, PGC_S_CLIENT, role,
								 GUC_ACTION_SET, true, elevel, false) != 0;
}

/*
 * The guard's source is one that no reset value overrides, so that guc.c does
 * not put the new value into it as well; its nesting level is under that of
 * any transaction, so that nothing pops it.  An ERROR of a check hook may be
 * caught further up, and the guard must not outlive this frame then either.
 */
static bool
set_guarded(struct config_generic *var, const Kept *k, const char *value,
			GucContext context, Oid role, int elevel)
{
	GucStack	guard = {0};
	volatile bool done = false;

	guard.prev = var->stack;
	guard.state = GUC_SET;
	guard.source = PGC_S_SESSION;
	guard.prior.val = k->val;
	guard.prior.extra = k->extra;
	var->stack = &guard;
	PG_TRY();
	{
		done = set(k->name, value, context, role, elevel);
	}
	PG_FINALLY();
	{
		var->stack = guard.prev;
	}
	PG_END_TRY();
	return done;
}

bool
pooler_base_set_client(const char *name, const char *value, GucContext context,
					   Oid role, int elevel)
{
	struct config_generic *var = pooler_variables_find(name);
	Kept	   *k;
	bool		done;

	if (var == NULL || var->reset_source == PGC_S_CLIENT)
		return set(name, value, context, role, elevel);
	k = find_kept(name);
	if (k != NULL)
		drop(k);				/* its option was refused by an ERROR */
	k = keep(var);
	done = set_guarded(var, k, value, context, role, elevel);
	if (var->reset_source != PGC_S_CLIENT)
		drop(k);				/* refused or overridden: it is still there */
	return done;
}

/* Value and reset value of the variable become this one. */
static void
assign(struct config_generic *var, union config_var_val val, void *extra)
{
#define ASSIGN(type, field) \
	do { \
		type	   *conf = (type *) var; \
		if (conf->assign_hook) \
			conf->assign_hook(val.field, extra); \
		*conf->variable = conf->reset_val = val.field; \
		conf->reset_extra = extra; \
	} while (0)

	switch (var->vartype)
	{
		case PGC_BOOL:
			ASSIGN(struct config_bool, boolval);
			break;
		case PGC_INT:
			ASSIGN(struct config_int, intval);
			break;
		case PGC_REAL:
			ASSIGN(struct config_real, realval);
			break;
		case PGC_STRING:
			ASSIGN(struct config_string, stringval);
			break;
		case PGC_ENUM:
			ASSIGN(struct config_enum, enumval);
			break;
	}
	var->extra = extra;
#undef ASSIGN
}

/* As guc.c's ResetAllOptions() does, and the reset value likewise. */
static void
put_back(struct config_generic *var, Kept *k)
{
	union config_var_val old;
	void	   *old_extra = reset_extra(var);

	Assert(var->stack == NULL && var->source == var->reset_source);
	reset_value(var, &old);
	assign(var, k->val, k->extra);
	if (var->vartype == PGC_STRING && old.stringval != NULL)
		pooler_guc_free(old.stringval);
	if (old_extra != NULL)
		pooler_guc_free(old_extra);
	pooler_set_guc_source(var, k->source);
	var->scontext = var->reset_scontext = k->context;
	var->srole = var->reset_srole = k->role;
	var->reset_source = k->source;
}

/*
 * A library's variable that took over a client's placeholder: what it would be
 * had only the configuration's value been there, if there was one.
 */
static bool
restore_by_text(struct config_generic *var, Kept *k)
{
	const char *name = var->name;

	pooler_set_guc_source(var, PGC_S_DEFAULT);
	var->reset_source = PGC_S_DEFAULT;
	if (set_config_option_ext(name, NULL, PGC_POSTMASTER, PGC_S_DEFAULT,
							  BOOTSTRAP_SUPERUSERID, GUC_ACTION_SET, true,
							  LOG, false) == 0)
		return false;
	var->scontext = var->reset_scontext = PGC_INTERNAL;
	if (k == NULL || k->val.stringval == NULL)
		return true;
	(void) set_config_option_ext(name, k->val.stringval, k->context, k->source,
								 k->role, GUC_ACTION_SET, true, LOG, false);
	pooler_guc_free(k->val.stringval);
	return true;
}

bool
pooler_base_restore(struct config_generic *var)
{
	Kept	   *k = find_kept(var->name);
	bool		restored = true;

	if (k != NULL && k->var == var)
		put_back(var, k);
	else if (pooler_variables_is_placeholder(var))
		pooler_variables_empty(var);
	else
		restored = restore_by_text(var, k);
	if (k != NULL)
		drop(k);
	return restored;
}
