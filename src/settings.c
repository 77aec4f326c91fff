/*
 * settings.c
 *	  Carries a client's settings from backend to backend.
 *
 * A client's settings are written down as bytes, equal states as equal bytes:
 *
 *	  one entry for each variable that holds something of the client's, by name:
 *		flags, context and role of the session value and of the reset value,
 *		name\0, session value\0 if any, reset value\0 if any
 *	  a zero byte
 *	  name\0 value\0 of every reported variable, as the client was last told
 *
 * Loading compares entries with the variables as they are now, not with what
 * was loaded last, so a step that was left out costs time and nothing else:
 *
 *	  held here, not in the entry	undone, outside a transaction: to go back to
 *									a reset value takes no check hook and so
 *									neither fails nor looks into catalogs
 *	  in the entry, not held here	set, in a transaction, for check hooks and
 *									privileges (guc.c looks them up)
 *
 * Values are set with the context and the role that the client had when it set
 * them: a placeholder keeps them until a library defines the variable, and one
 * that had a superuser's would give the client what only a superuser may set.
 *
 * What a check hook refuses in a transaction (a tablespace that was dropped
 * after the client named it) is tried again outside of one: there hooks do not
 * look into catalogs, as when a session starts, and a session that is served
 * directly keeps its value as well.
 *
 * Who is served, and when, is carry.c's; what cannot be carried is pins.c's.
 *
 * src/settings.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "libpq/libpq.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "postmaster/interrupt.h"
#include "storage/buf_internals.h"
#include "storage/ipc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base.h"
#include "catching.h"
#include "inject.h"
#include "records.h"
#include "settings.h"
#include "variables.h"

/* Flags of an entry. */
#define ENTRY_PRESENT	(1 << 0)
#define ENTRY_SESSION	(1 << 1)	/* has a value of SET */
#define ENTRY_CLIENT	(1 << 2)	/* has one of the startup packet */
#define ENTRY_CUSTOM	(1 << 3)	/* was a placeholder */

typedef struct EntryHead
{
	uint8		flags;
	uint8		context;
	uint8		reset_context;
	Oid			role;
	Oid			reset_role;
} EntryHead;

#define ENTRY_HEAD_LEN	(3 + 2 * sizeof(Oid))

typedef struct Entry
{
	EntryHead	head;
	const char *name;
	const char *session;		/* NULL unless ENTRY_SESSION */
	const char *client;			/* NULL unless ENTRY_CLIENT */
	int			todo;			/* flags of what is still to be set */
	bool		thrown;			/* its check hook throws in a transaction */
} Entry;

static Entry *entries = NULL;	/* of the state being loaded */
static int	nentries = 0;
static int	entries_space = 0;

static TimestampTz reload_seen = 0;
static Size first_libraries = 0;	/* as they were after birth */

void
pooler_settings_init(void)
{
	pooler_variables_init();
	first_libraries = EstimateLibraryStateSpace();
	reload_seen = PgReloadTime;
}

/* ---- collecting ---- */

/*
 * Neither SET nor anything else reproduces what such an option does when a
 * session starts: the client stays with the backend that it started in.
 */
static bool
is_bound_to_start(struct config_generic *var)
{
	if (var->context != PGC_USERSET && var->context != PGC_SUSET)
		return true;
	if (pooler_variables_is_excluded(var->name))
		return true;
	return var->reset_source == PGC_S_CLIENT &&
		strcmp(var->name, "local_preload_libraries") == 0;
}

static void
put_head(StringInfo out, const EntryHead *head)
{
	char		bytes[ENTRY_HEAD_LEN];

	bytes[0] = head->flags;
	bytes[1] = head->context;
	bytes[2] = head->reset_context;
	memcpy(bytes + 3, &head->role, sizeof(Oid));
	memcpy(bytes + 3 + sizeof(Oid), &head->reset_role, sizeof(Oid));
	appendBinaryStringInfo(out, bytes, sizeof(bytes));
}

/* False: it has no text, or there would be too much of it. */
static bool
put_text(StringInfo out, const char *text)
{
	int			len;

	if (text == NULL)
		return false;
	len = strnlen(text, POOLER_RECORDS_MAX_LEN);
	if (len >= POOLER_RECORDS_MAX_LEN - out->len)
		return false;
	appendBinaryStringInfo(out, text, len + 1);
	return true;
}

static bool
put_entry(StringInfo out, struct config_generic *var)
{
	EntryHead	head = {.flags = ENTRY_PRESENT};
	char		number[POOLER_VARIABLES_NUMBER];

	if (var->stack != NULL || is_bound_to_start(var))
		return false;
	if (pooler_variables_is_placeholder(var))
		head.flags |= ENTRY_CUSTOM;
	if (var->source == PGC_S_SESSION)
	{
		head.flags |= ENTRY_SESSION;
		head.context = var->scontext;
		head.role = var->srole;
	}
	if (var->reset_source == PGC_S_CLIENT)
	{
		head.flags |= ENTRY_CLIENT;
		head.reset_context = var->reset_scontext;
		head.reset_role = var->reset_srole;
	}
	put_head(out, &head);
	if (!put_text(out, var->name))
		return false;
	if ((head.flags & ENTRY_SESSION) &&
		!put_text(out, pooler_variables_value(var, false, number)))
		return false;
	return !(head.flags & ENTRY_CLIENT) ||
		put_text(out, pooler_variables_value(var, true, number));
}

SettingsResult
pooler_settings_collect(StringInfo out)
{
	struct config_generic **vars;
	int			n = pooler_variables_carried(&vars);

	for (int i = 0; i < n; i++)
	{
		if (!put_entry(out, vars[i]))
			return SETTINGS_PIN;
	}
	appendStringInfoChar(out, '\0');
	n = pooler_variables_reported(&vars);
	for (int i = 0; i < n; i++)
	{
		if (vars[i]->last_reported == NULL)
			continue;
		if (!put_text(out, vars[i]->name) ||
			!put_text(out, vars[i]->last_reported))
			return SETTINGS_PIN;
	}
	return SETTINGS_OK;
}

/* ---- reading the bytes ---- */

static const char *
take_text(const char **p)
{
	const char *text = *p;

	*p += strlen(text) + 1;
	return text;
}

static void
take_entry(const char **p, Entry *e)
{
	const char *bytes = *p;

	e->head.flags = bytes[0];
	e->head.context = bytes[1];
	e->head.reset_context = bytes[2];
	memcpy(&e->head.role, bytes + 3, sizeof(Oid));
	memcpy(&e->head.reset_role, bytes + 3 + sizeof(Oid), sizeof(Oid));
	*p += ENTRY_HEAD_LEN;
	e->name = take_text(p);
	e->session = (e->head.flags & ENTRY_SESSION) ? take_text(p) : NULL;
	e->client = (e->head.flags & ENTRY_CLIENT) ? take_text(p) : NULL;
	e->thrown = false;
}

/* Returns where the told values begin. */
static const char *
take_entries(const char *data, int len)
{
	const char *p = data;

	nentries = 0;
	if (len == 0)
		return data;
	while (*p != '\0')
	{
		if (nentries == entries_space)
		{
			entries_space = Max(32, entries_space * 2);
			if (entries == NULL)
				entries = MemoryContextAlloc(TopMemoryContext,
											 entries_space * sizeof(Entry));
			else
				entries = repalloc(entries, entries_space * sizeof(Entry));
		}
		take_entry(&p, &entries[nentries++]);
	}
	return p + 1;
}

/* ---- undoing what is here and not wanted ---- */

/*
 * In no transaction nothing is stacked.  As a superuser, since back to a reset
 * value is always allowed and guc.c must not look for privileges here.
 */
static void
undo_session(struct config_generic *var)
{
	(void) set_config_option_ext(var->name, NULL, PGC_SUSET, PGC_S_SESSION,
								 BOOTSTRAP_SUPERUSERID, GUC_ACTION_SET, true,
								 LOG, false);
}

/* False: close the backend. */
static bool
undo_values(struct config_generic *var)
{
	if (pooler_variables_is_excluded(var->name))
		return false;
	if (var->source == PGC_S_SESSION)
		undo_session(var);
	if (var->reset_source != PGC_S_CLIENT)
		return true;
	return pooler_base_restore(var);
}

static bool
undo(struct config_generic *var)
{
	if (!undo_values(var))
		return false;
	return !pooler_variables_is_placeholder(var) ||
		var->reset_source != PGC_S_DEFAULT || pooler_variables_forget(var);
}

static bool
same_text(struct config_generic *var, bool reset, const char *text)
{
	char		number[POOLER_VARIABLES_NUMBER];
	const char *value = pooler_variables_value(var, reset, number);

	return value != NULL && strcmp(value, text) == 0;
}

static bool
same_session(struct config_generic *var, const Entry *e)
{
	if (e->session == NULL || var->source != PGC_S_SESSION)
		return e->session == NULL && var->source != PGC_S_SESSION;
	return var->scontext == e->head.context && var->srole == e->head.role &&
		same_text(var, false, e->session);
}

static bool
same_client(struct config_generic *var, const Entry *e)
{
	if (e->client == NULL || var->reset_source != PGC_S_CLIENT)
		return e->client == NULL && var->reset_source != PGC_S_CLIENT;
	return var->reset_scontext == e->head.reset_context &&
		var->reset_srole == e->head.reset_role &&
		same_text(var, true, e->client);
}

/*
 * Undoes what differs from the entry and leaves in its todo what is to be set.
 * A session value that is only replaced by another one stays until then.
 */
static bool
prepare(struct config_generic *var, Entry *e)
{
	bool		session = same_session(var, e);

	e->todo &= ~ENTRY_PRESENT;
	if (!same_client(var, e))
		return undo_values(var);
	e->todo &= ~ENTRY_CLIENT;
	if (session)
		e->todo &= ~ENTRY_SESSION;
	else if (e->session == NULL)
		undo_session(var);
	return true;
}

/* Both lists are in the same order. */
static bool
undo_what_differs(void)
{
	struct config_generic **vars;
	int			n = pooler_variables_carried(&vars);
	int			j = 0;

	for (int i = 0; i < nentries; i++)
		entries[i].todo = entries[i].head.flags & ~ENTRY_CUSTOM;
	for (int i = 0; i < n; i++)
	{
		while (j < nentries && pooler_variables_compare(entries[j].name,
														vars[i]->name) < 0)
			j++;
		if (j < nentries && pooler_variables_compare(entries[j].name,
													 vars[i]->name) == 0)
		{
			if (!prepare(vars[i], &entries[j]))
				return false;
		}
		else if (!undo(vars[i]))
			return false;
	}
	return true;
}

/* ---- setting what is wanted and not here ---- */

static bool
set_session(const char *name, const char *value, GucContext context, Oid role,
			int elevel)
{
	pooler_variables_revive(name);
	return set_config_option_ext(name, value, context, PGC_S_SESSION, role,
								 GUC_ACTION_SET, true, elevel, false) != 0;
}

/* What succeeds is taken off the todo. */
static void
set_entry(Entry *e, int elevel)
{
	if ((e->todo & ENTRY_CLIENT) &&
		pooler_base_set_client(e->name, e->client, e->head.reset_context,
							   e->head.reset_role, elevel))
		e->todo &= ~ENTRY_CLIENT;
	if ((e->todo & ENTRY_SESSION) &&
		set_session(e->name, e->session, e->head.context, e->head.role,
					elevel))
		e->todo &= ~ENTRY_SESSION;

	/* a placeholder that exists and has no value */
	if ((e->todo & ENTRY_PRESENT) &&
		pooler_variables_find(e->name) == NULL)
		(void) set_session(e->name, NULL, PGC_USERSET, GetUserId(), elevel);
	e->todo &= ~ENTRY_PRESENT;
}

static void
set_entries(volatile int *i)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	POOLER_INJECT("switch-set");
	for (*i = 0; *i < nentries; (*i)++)
	{
		if (entries[*i].todo != 0 && !entries[*i].thrown)
			set_entry(&entries[*i], DEBUG1);
	}
	CommitTransactionCommand();
}

/*
 * A transaction of the seam's own.  A few check hooks throw an ERROR whatever
 * the level that guc.c is given (temp_tablespaces, once one is dropped), and
 * that must not end the backend: false, nothing has been set by SET, and the
 * entry is marked so that the next try passes over it.
 */
static bool
set_in_transaction(void)
{
	Catching	before;
	volatile bool done = true;
	volatile int i = 0;

	pooler_catching_begin(&before);
	PG_TRY();
	{
		set_entries(&i);
	}
	PG_CATCH();
	{
		pooler_catching_caught(&before);
		if (i >= nentries)
		{
			EmitErrorReport();	/* of the commit itself */
			proc_exit(1);
		}
		FlushErrorState();
		AbortCurrentTransaction();
		entries[i].thrown = true;
		done = false;
	}
	PG_END_TRY();
	pooler_catching_end(&before);
	return done;
}

/* Would guc.c look up the privileges of the role that sets it? */
static bool
needs_privilege(struct config_generic *var, int context)
{
	return (var->context == PGC_SUSET || var->context == PGC_SU_BACKEND) &&
		(context == PGC_USERSET || context == PGC_BACKEND);
}

/*
 * A placeholder that its library refuses, or whose prefix a library has
 * reserved, is dropped, as guc.c does when the library is loaded.  False: the
 * client's value cannot be had in this backend.
 */
static bool
set_refused(Entry *e)
{
	struct config_generic *var = pooler_variables_find(e->name);

	if ((e->head.flags & ENTRY_CUSTOM) &&
		(var == NULL || !pooler_variables_is_placeholder(var)))
		return true;
	if (var == NULL ||
		((e->todo & ENTRY_CLIENT) &&
		 needs_privilege(var, e->head.reset_context)) ||
		((e->todo & ENTRY_SESSION) && needs_privilege(var, e->head.context)))
		return false;
	set_entry(e, LOG);
	return e->todo == 0;
}

static bool
is_missing(void)
{
	for (int i = 0; i < nentries; i++)
	{
		if (entries[i].todo != 0)
			return true;
	}
	return false;
}

/* Without any output: messages go to the server's log only. */
static bool
set_what_is_missing(void)
{
	CommandDest dest = whereToSendOutput;
	bool		done = true;

	if (!is_missing())
		return true;
	whereToSendOutput = DestNone;
	while (done && !set_in_transaction())
		done = undo_what_differs();
	for (int i = 0; i < nentries && done; i++)
	{
		if (entries[i].todo != 0)
			done = set_refused(&entries[i]);
	}
	whereToSendOutput = dest;
	return done;
}

/* ---- what the client is told ---- */

static void
tell(struct config_generic *var, const char *value)
{
	StringInfoData message;

	pq_beginmessage(&message, 'S');
	pq_sendstring(&message, var->name);
	pq_sendstring(&message, value);
	pq_endmessage(&message);
	pooler_variables_note_told(var, value);
}

/*
 * NULL if the client was not told this one.  Names come in order; one that no
 * variable has here (a library's that is not loaded) is passed over.
 */
static const char *
find_told(const char **told, const char *end, const char *name)
{
	int			order = 1;

	while (*told < end &&
		   (order = pooler_variables_compare(*told, name)) < 0)
	{
		(void) take_text(told);
		(void) take_text(told);
	}
	if (*told >= end || order != 0)
		return NULL;
	(void) take_text(told);
	return take_text(told);
}

/*
 * guc.c then finds what this client was told and sends what has changed since,
 * and with it clears its own list of changes; after it those whose change it
 * had told another client.  A variable that the client never heard of is not
 * news either: guc.c reports changes only.
 */
static void
tell_what_differs(const char *told, const char *end)
{
	struct config_generic **vars;
	int			n = pooler_variables_reported(&vars);
	char		number[POOLER_VARIABLES_NUMBER];

	for (int i = 0; i < n; i++)
	{
		const char *value = find_told(&told, end, vars[i]->name);

		if (value == NULL)
			value = pooler_variables_show(vars[i], number);
		pooler_variables_note_told(vars[i], value);
	}
	ReportChangedGUCOptions();
	for (int i = 0; i < n; i++)
	{
		const char *value = pooler_variables_show(vars[i], number);

		if (vars[i]->last_reported == NULL ||
			strcmp(vars[i]->last_reported, value) != 0)
			tell(vars[i], value);
	}
}

/*
 * Local buffers keep their number once there are some, and guc.c refuses every
 * other: a client with another value would be refused a legal SET, or a temp
 * table as large as it asked for.
 */
static bool
has_other_temp_buffers(void)
{
	return NLocBuffer != 0 && NLocBuffer != num_temp_buffers;
}

SettingsResult
pooler_settings_load(const char *data, int len)
{
	const char *told = take_entries(data, len);

	if (!undo_what_differs() || !set_what_is_missing() ||
		has_other_temp_buffers())
		return SETTINGS_CLOSE;
	if (len > 0)
		tell_what_differs(told, data + len);
	return SETTINGS_OK;
}

/* ---- login ---- */

/*
 * On a direct connection an option for a library's variable is a placeholder
 * while the session starts, and is dropped with a WARNING if the library does
 * not like it.  Here another client may have had the library loaded before.
 */
static bool
may_be_dropped(const char *name)
{
	return strchr(name, '.') != NULL &&
		(EstimateLibraryStateSpace() != first_libraries ||
		 session_preload_libraries_string[0] != '\0');
}

static void
set_startup_option(const char *name, const char *value, GucContext context)
{
	(void) pooler_base_set_client(name, value, context, GetUserId(),
								  may_be_dropped(name) ? LOG : ERROR);
}

bool
pooler_settings_unload(void)
{
	return pooler_settings_load("", 0) == SETTINGS_OK;
}

void
pooler_settings_login(const char *pairs, int len)
{
	MemoryContext old = CurrentMemoryContext;
	const char *p = pairs;
	const char *end = pairs + len;
	GucContext	context;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	POOLER_INJECT("greet-set");
	context = superuser() ? PGC_SU_BACKEND : PGC_BACKEND;
	while (p < end)
	{
		const char *name = take_text(&p);
		const char *value = take_text(&p);

		set_startup_option(name, value, context);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
}

void
pooler_settings_greeting(StringInfo out)
{
	struct config_generic **vars;
	int			n = pooler_variables_reported(&vars);
	char		number[POOLER_VARIABLES_NUMBER];

	for (int i = 0; i < n; i++)
	{
		const char *value = pooler_variables_show(vars[i], number);
		int			start;
		uint32		size;

		appendStringInfoChar(out, 'S');
		start = out->len;
		appendStringInfoSpaces(out, sizeof(size));
		pq_sendstring(out, vars[i]->name);
		pq_sendstring(out, value);
		size = pg_hton32(out->len - start);
		memcpy(out->data + start, &size, sizeof(size));
		pooler_variables_note_told(vars[i], value);
	}
}

/* ---- reload ---- */

/*
 * While a startup option covers a value, guc.c passes over the one from the
 * file; under a session value it does not.
 */
bool
pooler_settings_reload_due(void)
{
	if (ConfigReloadPending)
		return true;
	if (PgReloadTime != reload_seen && pooler_base_is_covered())
		return true;
	reload_seen = PgReloadTime;
	return false;
}

/* The new base is what the variables then have. */
bool
pooler_settings_reload(void)
{
	if (!pooler_settings_unload())
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	reload_seen = PgReloadTime;
	return true;
}
