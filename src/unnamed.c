/*
 * unnamed.c
 *	  Carries the unnamed prepared statement from backend to backend.
 *
 * The unnamed statement lives until the next Parse of "" or simple Query, and
 * may be bound in a later transaction; so whoever comes to a backend must find
 * his own there, or none, never a stranger's. postgres.c keeps it in a static
 * variable, but plancache.c has it in its list of saved plans: at the moment of
 * ParseComplete it is the last one. The list's head is found with plans of our
 * own, and a callback on the plan's memory context tells of its death.
 *
 * Each Parse gets an identity, of which the client's slot keeps a copy beside
 * the text:
 *
 *	  live != NULL			a statement is here, `live_id` is its identity
 *	  slot's id == live_id	it is this client's, also if it came from elsewhere
 *							through feeding: nothing to do
 *	  is_alike()			it is another's, but the same: nothing to do; so with
 *							an application that always says the same, or whose
 *							driver ends each transaction with a Parse of COMMIT
 *
 *	  parsed	ParseComplete: `live`, a new id	[pooler_unnamed_parse_complete]
 *	  saved		text and id into the slot		[pooler_unnamed_save]
 *	  fed		the slot's text parsed here: `live`, the slot's id
 *												[pooler_unnamed_fed]
 *	  absent	it could not be parsed here, for a table that is gone or locked:
 *				it stays in the slot			[pooler_unnamed_save]; also if a
 *				later message drops it, which nobody sees where there is none
 *	  gone		Query, Parse, Close				[forget]
 *
 * What is fed ends with a Sync. Without one the Parse's snapshot would be in
 * the way of a client that begins with BEGIN ISOLATION LEVEL SERIALIZABLE, and
 * its error, say of a table that is gone, would hit a client that had no
 * intention to use the statement (feed.c).
 *
 * If the list is not found as expected (`broken`), every client is pinned, and
 * the first message of the next one is preceded by a Close.
 *
 * Only the client's owner touches its slot's text.
 *
 * src/unnamed.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "tcop/tcopprot.h"
#include "utils/dsa.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "internals.h"
#include "unnamed.h"

/* postgres.c calls so the context in which it parses the unnamed one. */
#define UNNAMED_CONTEXT "unnamed prepared statement"

/*
 * Which Parse of which process. serial starts with the process's start in
 * microseconds, so that it is not used twice with one pid.
 */
typedef struct ParseId
{
	int64		serial;
	int32		pid;
	uint32		unused;
} ParseId;

/*
 * In DSA: the identity, then the body of a Parse message. alike_since: when it
 * was saved; DT_NOEND, if its Parse did not have the settings of the client's
 * record.
 */
typedef struct SavedParse
{
	ParseId		id;
	TimestampTz alike_since;
	char		body[FLEXIBLE_ARRAY_MEMBER];
} SavedParse;

static bool broken = false;

static CachedPlanSource *live = NULL;
static ParseId live_id;
static uint64 live_owner = POOLER_NO_CLIENT;
static TimestampTz live_began;	/* DT_NOBEGIN: not with our record's settings */
static int64 last_serial;

static uint64 serving = POOLER_NO_CLIENT;
static StringInfoData body;		/* reused at every save */

/* Between pooler_unnamed_message() and pooler_unnamed_fed(). */
static int	client_encoding = -1;
static ParseId fed_id;

/* The client's statement is in its slot, and not here. */
static bool absent = false;

/* Nor will it be, once its first message has been read. */
static bool replaced = false;

static bool
same_id(const ParseId *a, const ParseId *b)
{
	return a->serial == b->serial && a->pid == b->pid;
}

static SavedParse *
saved_parse(const PoolerClient *client)
{
	if (!DsaPointerIsValid(client->unnamed))
		return NULL;
	return dsa_get_address(pooler_shmem_dsa(), client->unnamed);
}

/* ---- the statement that is here ---- */

static void
forget(void *plan)
{
	if (live == plan)
		live = NULL;
}

static void
adopt(CachedPlanSource *plan, const ParseId *id, TimestampTz began)
{
	MemoryContextCallback *callback;

	callback = MemoryContextAlloc(plan->context, sizeof(*callback));
	callback->func = forget;
	callback->arg = plan;
	MemoryContextRegisterResetCallback(plan->context, callback);
	live = plan;
	live_id = *id;
	live_owner = serving;
	live_began = began;
	absent = replaced = false;
}

static CachedPlanSource *
last_saved_plan(void)
{
	dlist_head *saved = pooler_internals_saved_plans();

	if (dlist_is_empty(saved))
		return NULL;
	/* the macro takes an offset from NULL, nothing is read there */
	/* cppcheck-suppress nullPointer */
	return dlist_container(CachedPlanSource, node,
						   dlist_tail_node(saved));
}

/* Was this plan just made from that text by a Parse of ""? */
static bool
is_unnamed(const CachedPlanSource *plan)
{
	return plan->query_context != NULL &&
		strcmp(plan->query_context->name, UNNAMED_CONTEXT) == 0;
}

static bool
is_plan_of(const CachedPlanSource *plan, const char *text)
{
	return plan != NULL && plan->magic == CACHEDPLANSOURCE_MAGIC &&
		text != NULL && strcmp(plan->query_string, text) == 0;
}

/* A plan that is not the unnamed statement's must be a named one's. */
static bool
any_named(void)
{
	HTAB	   *named = pooler_internals_table("Prepared Queries");

	return named != NULL && hash_get_num_entries(named) > 0;
}

/*
 * debug_query_string is the text of the Parse that is being answered, so the
 * plan must have it too. Named statements are none of our business.
 */
void
pooler_unnamed_parse_complete(bool settings_known)
{
	CachedPlanSource *plan;
	ParseId		id = {.pid = MyProcPid};

	if (broken)
		return;
	plan = last_saved_plan();
	if (!is_plan_of(plan, debug_query_string))
	{
		broken = true;
		return;
	}
	if (!is_unnamed(plan))
	{
		broken = !any_named();
		return;
	}
	id.serial = ++last_serial;
	adopt(plan, &id, settings_known ? GetCurrentStatementStartTimestamp() :
		  DT_NOBEGIN);
}

void
pooler_unnamed_other_settings(void)
{
	live_began = DT_NOBEGIN;
}

/* As Parse has analysed it, with the settings of then, and not planned yet: no
 * other settings can be in it. */
void
pooler_unnamed_doubt(void)
{
	if (live != NULL && (!is_unnamed(live) || live->gplan != NULL))
		live_began = DT_NOBEGIN;
}

/* ---- into the slot ---- */

static void
free_saved(PoolerClient *client)
{
	if (!DsaPointerIsValid(client->unnamed))
		return;
	dsa_free(pooler_shmem_dsa(), client->unnamed);
	client->unnamed = InvalidDsaPointer;
	client->unnamed_len = 0;
}

/* Space comes in powers of two, so that most texts fit where the last was. */
static Size
space_for(uint32 len)
{
	return pg_nextpower2_32(Max(offsetof(SavedParse, body) + len, 128));
}

static bool
make_space(PoolerClient *client, uint32 len)
{
	if (DsaPointerIsValid(client->unnamed) &&
		space_for(client->unnamed_len) == space_for(len))
		return true;
	free_saved(client);
	client->unnamed = pooler_shmem_allocate(space_for(len), NULL);
	return DsaPointerIsValid(client->unnamed);
}

/* Name, text, and the parameters' types as parse analysis resolved them. */
static bool
build_body(const CachedPlanSource *plan)
{
	Size		text_len = strlen(plan->query_string) + 1;

	if (plan->num_params > PG_INT16_MAX ||
		1 + text_len + 2 + 4 * plan->num_params > POOLER_UNNAMED_MAX)
		return false;
	resetStringInfo(&body);
	pq_sendbyte(&body, '\0');
	pq_sendbytes(&body, plan->query_string, text_len);
	pq_sendint16(&body, plan->num_params);
	for (int i = 0; i < plan->num_params; i++)
		pq_sendint32(&body, plan->param_types[i]);
	return true;
}

static bool
publish(PoolerClient *client)
{
	SavedParse *saved;

	if (!build_body(live) || !make_space(client, body.len))
		return false;
	saved = saved_parse(client);
	saved->id = live_id;
	saved->alike_since = live_began == DT_NOBEGIN ? DT_NOEND :
		GetCurrentTimestamp();
	memcpy(saved->body, body.data, body.len);
	client->unnamed_len = body.len;
	return true;
}

bool
pooler_unnamed_save(PoolerClient *client, uint64 packed)
{
	SavedParse *saved;

	if (unlikely(broken))
		return false;
	if (live == NULL)
	{
		if (!absent)
			free_saved(client);
		return true;
	}
	/* a stranger's: this client was not served, or did not come that far */
	if (live_owner != packed)
		return true;
	saved = saved_parse(client);
	if (saved != NULL && same_id(&saved->id, &live_id))
		return true;
	return publish(client);
}

void
pooler_unnamed_settings_changed(PoolerClient *client)
{
	SavedParse *saved = saved_parse(client);

	if (saved != NULL)
		saved->alike_since = DT_NOEND;
}

/* ---- out of the slot ---- */

/*
 * Does what is here mean what would be fed?  It does if the text, the types and
 * the settings are the same, and if it was parsed later than the client's own:
 * an older one may mean what was the same name's before.
 */
static bool
is_alike(const PoolerClient *client, const SavedParse *saved)
{
	return live_began >= saved->alike_since && build_body(live) &&
		client->unnamed_len == (uint32) body.len &&
		memcmp(saved->body, body.data, body.len) == 0;
}

bool
pooler_unnamed_differs(PoolerClient *client, uint64 packed,
					   bool same_settings)
{
	SavedParse *saved = saved_parse(client);

	serving = packed;
	absent = replaced = false;
	if (unlikely(broken))
		return true;			/* whatever is here gets closed */
	if (saved == NULL)
		return live != NULL;
	if (live == NULL)
		return true;
	if (same_id(&saved->id, &live_id))
		return false;
	if (!same_settings || !is_alike(client, saved))
		return true;
	live_id = saved->id;
	live_owner = packed;
	return false;
}

static void
put_message(StringInfo out, char type, const char *data, int len)
{
	appendStringInfoChar(out, type);
	pq_sendint32(out, len + 4);
	appendBinaryStringInfo(out, data, len);
}

/*
 * The text is in the server's encoding, as Parse made it, and might not even be
 * expressible in the client's; so that is set aside while it is fed.
 */
char *
pooler_unnamed_message(PoolerClient *client, bool replaces, int *len)
{
	static const char close_unnamed[] = {'S', '\0'};
	SavedParse *saved = saved_parse(client);
	StringInfoData out;

	initStringInfo(&out);
	absent = saved != NULL && !replaces;
	replaced = saved != NULL && replaces;
	if (absent)
	{
		put_message(&out, 'P', saved->body, client->unnamed_len);
		fed_id = saved->id;
	}
	else
		put_message(&out, 'C', close_unnamed, sizeof(close_unnamed));
	put_message(&out, 'S', "", 0);
	client_encoding = pg_get_client_encoding();
	(void) SetClientEncoding(GetDatabaseEncoding());
	*len = out.len;
	return out.data;
}

bool
pooler_unnamed_is_absent(void)
{
	return absent;
}

/*
 * Without a text: the message could not be read, so that it has not replaced
 * anything.
 */
void
pooler_unnamed_error(void)
{
	if (replaced && debug_query_string == NULL)
		absent = true;
	replaced = false;
}

/*
 * If its Parse failed there is no unnamed statement now, and the plan at the
 * end of the list is some other; an unnamed one has been dropped before.
 */
void
pooler_unnamed_fed(uint64 packed)
{
	CachedPlanSource *plan = broken ? NULL : last_saved_plan();

	if (SetClientEncoding(client_encoding) < 0)
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not restore the client's encoding")));
	serving = packed;
	if (live == NULL && plan != NULL &&
		plan->magic == CACHEDPLANSOURCE_MAGIC && is_unnamed(plan))
		adopt(plan, &fed_id, DT_NOBEGIN);
}

/* ---- the first boundary ---- */

void
pooler_unnamed_init(void)
{
	MemoryContext old = CurrentMemoryContext;

	last_serial = MyStartTimestamp;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	broken = !pooler_internals_find_saved_plans();
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	initStringInfo(&body);
	MemoryContextSwitchTo(old);
	if (broken)
		ereport(LOG,
				(errmsg("list of plans not found in this server: every client keeps its backend")));
}
