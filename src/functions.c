/*
 * functions.c
 *	  What functions keep of the settings under which they were first called.
 *
 *	  compiled form		PL/pgSQL looks up what its declarations name (`v d`, `r
 *						t%rowtype`, `x t.c%type`) by the search_path of then
 *	  plans				of their statements: a literal, '01/02/2026'::date, was
 *						read by the DateStyle of then
 *
 * The server never compares these settings again, so another client's function
 * would answer with the first one's. And both may name a temporary table of one
 * client, or not know of that of the other.
 *
 * All of one kind were made by one client, or under the same settings:
 *
 *	  maker		the client that has called functions since they were last renewed;
 *				MANY: more than one
 *	  values	the settings of then
 *	  mixed		the maker has made some under other settings or with temporary
 *				tables
 *
 *	  the maker calls		plans stay as on a direct connection; other settings:
 *							`mixed`; but with another path all are compiled anew
 *	  another calls			`mixed`, other settings, or it has temporary tables:
 *							all are renewed and it is the maker; else MANY
 *
 * So a client that is alone with its backend pays nothing, and others where their
 * settings differ. (Types of a path that it has left help nobody; whether they
 * are found should not depend on who else was here.) Compiled forms are marked as
 * out of date, as by ALTER FUNCTION, and made anew at the next call; plans as by
 * DISCARD PLANS, except for prepared statements, which are the client's own.
 *
 * Looked at is each function that is looked up to be called (needs_fmgr_hook), or
 * called, if it is SECURITY DEFINER or has a SET clause (fmgr_hook): the server
 * asks for the former only where there is no latter.
 *
 * All functions of a statement are looked up before it runs. One that has
 * set_config() in it may change settings in between: from there on, in that
 * transaction, functions of procedural languages are looked at when called, too. And
 * at the transaction's end it is looked once more, for what was made last.
 *
 * A path of a function's SET clause is not compared: with each call of such a
 * function, which are many, all would be compiled anew. Of the other settings it
 * is `mixed`: they are planned anew once for each client.
 *
 * PL/pgSQL's table is its own (from 18 on the server's, and SQL functions are in
 * it, too). Each function points back to its key, which tells whether the table
 * is as expected.
 *
 * src/functions.c
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "compat.h"
#include POOLER_COMPILED_HEADER

#include "functions.h"
#include "internals.h"
#include "pins.h"
#include "shmem.h"
#include "variables.h"
#include "watch.h"

#define MANY POOLER_NO_CLIENT

/* Private to the table's owner. */
typedef struct CompiledEntry
{
	PoolerCompiledKey key;
	PoolerCompiled *function;
} CompiledEntry;

/* A setting, and what it was when functions were made. */
typedef struct Setting
{
	const char *name;
	struct config_generic *var; /* NULL: its library is not here yet */
	int			number;
	char	   *text;			/* NULL: is NULL, or no string */
} Setting;

typedef struct Kind
{
	Setting    *settings;
	int			n;
	bool		follows_maker;	/* renewed for the maker's other settings, too */
	bool		passes_clauses; /* SET clauses of functions are not compared */
	void		(*renew) (void);
	uint64		maker;
	bool		mixed;
} Kind;

static void renew_compiled(void);
static void renew_plans(void);

static Setting of_compiling[] = {
	{.name = "search_path"},
	{.name = "standard_conforming_strings"},
	{.name = "backslash_quote"},
	{.name = "plpgsql.variable_conflict"},
	{.name = "plpgsql.print_strict_params"},
	{.name = "plpgsql.extra_warnings"},
	{.name = "plpgsql.extra_errors"},
};

/* What parse analysis reads, or an immutable function that planning evaluates,
 * and plancache.c does not compare. */
static Setting of_planning[] = {
	{.name = "DateStyle"},
	{.name = "IntervalStyle"},
	{.name = "TimeZone"},
	{.name = "timezone_abbreviations"},
	{.name = "array_nulls"},
	{.name = "transform_null_equals"},
	{.name = "xmloption"},
	{.name = "xmlbinary"},
	{.name = "lc_monetary"},
	{.name = "standard_conforming_strings"},
	{.name = "backslash_quote"},
	{.name = "extra_float_digits"},
	{.name = "bytea_output"},
	{.name = "quote_all_identifiers"},
	{.name = "restrict_nonsystem_relation_kind"},
};

static Kind compiled = {
	.settings = of_compiling,.n = lengthof(of_compiling),
	.follows_maker = true,.passes_clauses = true,.renew = renew_compiled,
	.maker = MANY
};

static Kind planned = {
	.settings = of_planning,.n = lengthof(of_planning),
	.renew = renew_plans,.maker = MANY
};

static uint64 me = MANY;
static bool looked = false;		/* in this transaction */
static bool good = true;		/* compiled forms could be renewed */
static Size libraries_seen = 0; /* when settings were last looked for */
static needs_fmgr_hook_type next_needs;
static fmgr_hook_type next_call;

/* ---- renewing ---- */

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

/* One that is running goes on as it is. */
static void
renew_compiled(void)
{
	HTAB	   *table = pooler_internals_table(POOLER_COMPILED_TABLE);

	if (table != NULL && !outdate_all(table))
		good = false;
}

/* Prepared statements have the client's rows for ever (`fixed_result`). */
static void
renew_plans(void)
{
	dlist_head *saved = pooler_internals_saved_plans();
	List	   *sources = NIL;
	List	   *plans = NIL;
	ListCell   *lc;
	dlist_iter	i;

	if (saved != NULL)
	{
		dlist_foreach(i, saved)
		{
			CachedPlanSource *s = dlist_container(CachedPlanSource, node, i.cur);

			if (!s->fixed_result || !s->is_valid)
				continue;
			sources = lappend(sources, s);
			if (s->gplan != NULL && s->gplan->is_valid)
				plans = lappend(plans, s->gplan);
		}
	}
	ResetPlanCache();
	foreach(lc, sources)
		((CachedPlanSource *) lfirst(lc))->is_valid = true;
	foreach(lc, plans)
		((CachedPlan *) lfirst(lc))->is_valid = true;
	list_free(sources);
	list_free(plans);
}

/* ---- settings ---- */

static int
number_of(const struct config_generic *var)
{
	switch (var->vartype)
	{
		case PGC_BOOL:
			return *((const struct config_bool *) var)->variable;
		case PGC_INT:
			return *((const struct config_int *) var)->variable;
		case PGC_ENUM:
			return *((const struct config_enum *) var)->variable;
		default:
			return 0;
	}
}

static const char *
text_of(const struct config_generic *var)
{
	return var->vartype == PGC_STRING ?
		*((const struct config_string *) var)->variable : NULL;
}

static bool
is_as_then(const Setting *s)
{
	const char *text = text_of(s->var);

	if (number_of(s->var) != s->number)
		return false;
	return text == NULL || s->text == NULL ? text == s->text :
		strcmp(text, s->text) == 0;
}

static void
note(Setting *s)
{
	const char *text = text_of(s->var);

	s->number = number_of(s->var);
	if (s->text != NULL)
		pfree(s->text);
	s->text = NULL;
	if (text != NULL)
		s->text = MemoryContextStrdup(TopMemoryContext, text);
}

static bool
is_of_clause(const Setting *s)
{
	return s->var->stack != NULL && s->var->stack->state == GUC_SAVE;
}

static void
note_all(Kind *kind)
{
	for (int i = 0; i < kind->n; i++)
	{
		if (kind->settings[i].var != NULL)
			note(&kind->settings[i]);
	}
}

/* What its library has made before the setting was known is of any value. */
static void
look_for(Kind *kind)
{
	for (int i = 0; i < kind->n; i++)
	{
		Setting    *s = &kind->settings[i];
		struct config_generic *var =
			s->var == NULL ? pooler_variables_find(s->name) : NULL;

		if (var == NULL || pooler_variables_is_placeholder(var))
			continue;
		s->var = var;
		note(s);
		kind->mixed = true;
	}
}

typedef struct Comparison
{
	bool		differs;
	bool		by_clause;		/* of a setting that is a function's SET clause's */
} Comparison;

static Comparison
compare(const Kind *kind)
{
	Comparison	c = {false, false};

	for (int i = 0; i < kind->n && !c.differs; i++)
	{
		const Setting *s = &kind->settings[i];

		if (s->var == NULL || is_as_then(s))
			continue;
		if (is_of_clause(s))
			c.by_clause = !kind->passes_clauses;
		else
			c.differs = true;
	}
	return c;
}

/* ---- a function is about to be called ---- */

/* `private`: what is made now may be good for its maker alone. */
static bool
is_out_of_date(const Kind *kind, Comparison c, bool private)
{
	if (me == kind->maker)
		return kind->follows_maker && c.differs;
	return kind->mixed || c.differs || private;
}

static void
look(Kind *kind, bool private)
{
	Comparison	c = compare(kind);
	bool		mixes = c.by_clause || private;

	if (is_out_of_date(kind, c, private))
	{
		kind->renew();
		note_all(kind);
		kind->maker = me;
		kind->mixed = mixes;
	}
	else if (me == kind->maker)
		kind->mixed = kind->mixed || mixes || c.differs;
	else
	{
		kind->maker = MANY;
		kind->mixed = mixes;
	}
}

/* `doubtful`: settings may be others by the time of the call. */
static void
look_at_all(bool doubtful)
{
	bool		private = doubtful || pooler_pins_may_have_temp();

	if (unlikely(EstimateLibraryStateSpace() != libraries_seen))
	{
		libraries_seen = EstimateLibraryStateSpace();
		look_for(&compiled);
		look_for(&planned);
	}
	look(&compiled, private);
	look(&planned, private);
	looked = true;
}

static Oid
language_of(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language;

	if (!HeapTupleIsValid(row))
		return InvalidOid;
	language = ((Form_pg_proc) GETSTRUCT(row))->prolang;
	ReleaseSysCache(row);
	return language;
}

/* Not SQL: such a function would not be inlined any more. */
static bool
is_procedural(Oid language)
{
	return OidIsValid(language) && language != SQLlanguageId &&
		language != ClanguageId && language != INTERNALlanguageId;
}

/* One in SQL is not looked at when called: set_config() may come before that. */
static bool
is_doubtful(Oid language)
{
	return POOLER_SQL_KEEPS_PLANS && language == SQLlanguageId &&
		pooler_watch.set_config_at == GetCurrentStatementStartTimestamp();
}

/* True: watch_call() as well. */
static bool
watch_lookup(Oid function)
{
	Oid			language = pooler_watch.set_config ? language_of(function) :
		InvalidOid;

	look_at_all(is_doubtful(language));
	return (next_needs != NULL && next_needs(function)) ||
		is_procedural(language);
}

static void
watch_call(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	if (event == FHET_START)
		look_at_all(false);
	if (next_call != NULL)
		next_call(event, flinfo, arg);
}

/* Since the last look a setting may have become another one. */
static void
look_once_more(Kind *kind, bool temporary)
{
	Comparison	c = compare(kind);

	if (c.differs || c.by_clause || temporary)
		kind->mixed = true;
}

static void
end_of_transaction(void)
{
	bool		temporary = pooler_pins_may_have_temp();

	look_once_more(&compiled, temporary);
	look_once_more(&planned, temporary);
}

/* Before guc.c undoes what was SET LOCAL, or is rolled back. */
static void
watch_xact(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE &&
		event != XACT_EVENT_ABORT)
		return;
	if (looked)
		end_of_transaction();
	looked = pooler_watch.set_config = false;
}

static void
watch_subxact(SubXactEvent event, SubTransactionId id,
			  SubTransactionId parent_id, void *arg)
{
	if (looked && event == SUBXACT_EVENT_ABORT_SUB)
		end_of_transaction();
}

void
pooler_functions_start(void)
{
	look_for(&compiled);
	look_for(&planned);
	compiled.mixed = planned.mixed = false;
	libraries_seen = EstimateLibraryStateSpace();
	next_needs = needs_fmgr_hook;
	needs_fmgr_hook = watch_lookup;
	next_call = fmgr_hook;
	fmgr_hook = watch_call;
	RegisterXactCallback(watch_xact, NULL);
	RegisterSubXactCallback(watch_subxact, NULL);
}

void
pooler_functions_serve(uint64 client)
{
	me = client;
}

bool
pooler_functions_good(void)
{
	return good;
}
