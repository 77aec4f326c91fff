/*
 * leaks.c
 *	  Backends that their clients do not give back: pooler.leak_warn.
 *
 * As HikariCP's leakDetectionThreshold: whoever holds a backend for longer is
 * logged once, and once more when the backend is returned after all.
 *
 * A hold begins with the message for which the client got its backend, and ends
 * when the backend is free for others: so a kept client that is silent holds
 * nothing, one whose session state is there holds it until that state is gone.
 * In session mode the backend is the client's as long as it likes.
 *
 * The worker looks at each tick, and reads what the backend and its client write
 * without a lock. A hold that ends and begins anew between two looks is seen by
 * the client's checkouts and by the time of its message.
 *
 * src/leaks.c
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "guc.h"
#include "leaks.h"
#include "pins.h"
#include "shmem.h"

/* The class in a wait event's number. */
#define PG_WAIT_CLASS	0xFF000000

typedef struct Hold
{
	uint64		client;			/* POOLER_NO_CLIENT: nobody holds it */
	int64		checkouts;		/* the client's, when it began */
	TimestampTz message;		/* the client's last one, when last seen */
	TimestampTz since;
	bool		pinned;
	pid_t		pid;
	char	   *reported;		/* whose it is, once it was logged */
} Hold;

static Hold *holds;				/* [max_members] */

void
pooler_leaks_start(void)
{
	holds = MemoryContextAllocZero(TopMemoryContext, sizeof(Hold) *
								   pooler_shared->max_members);
	for (int i = 0; i < pooler_shared->max_members; i++)
		holds[i].client = POOLER_NO_CLIENT;
}

/* The client that holds this backend from others now. */
static uint64
holder(PoolerMember *m)
{
	uint64		packed = pg_atomic_read_u64(&m->client);
	uint32		activity = pg_atomic_read_u32(&m->activity);
	PoolerClient *c;

	if (m->state != MEMBER_BORN || packed == POOLER_NO_CLIENT ||
		(activity != ACTIVITY_SERVING && activity != ACTIVITY_PINNED))
		return POOLER_NO_CLIENT;
	c = &pooler_clients[pooler_client_slot(packed)];
	return c->mode == MODE_SESSION ||
		pg_atomic_read_u32(&c->generation) != pooler_client_generation(packed) ?
		POOLER_NO_CLIENT : packed;
}

static bool
goes_on(const Hold *h, uint64 packed, bool pinned)
{
	PoolerClient *c = &pooler_clients[pooler_client_slot(packed)];

	return h->client == packed && h->checkouts == c->checkouts &&
		(h->message == c->state_since || (h->pinned && pinned));
}

/* Its text, cut where a character ends: it comes from a buffer of fixed size. */
static char *
statement_of(const PoolerMember *m)
{
	const char *text = pgstat_get_backend_current_activity(m->pid, false);

	return pnstrdup(text, pg_encoding_mbcliplen(m->encoding, text,
												strlen(text), strlen(text)));
}

static char *
pins_text(uint32 pins)
{
	StringInfoData text;
	const char *name;

	initStringInfo(&text);
	while ((name = pooler_pins_name(&pins)) != NULL)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "It is pinned by ",
						 name);
	return text.data;
}

static const char *
what_it_does(PoolerMember *m)
{
	uint32		pins = pg_atomic_read_u32(&m->pins);
	uint32		wait = ProcGlobal->allProcs[m->pgprocno].wait_event_info;
	BackendState state = m->status->st_state;

	if (state == STATE_RUNNING || state == STATE_FASTPATH)
		return (wait & PG_WAIT_CLASS) == PG_WAIT_LOCK ?
			"It waits for a lock" : "It runs a statement";
	if (state == STATE_IDLEINTRANSACTION ||
		state == STATE_IDLEINTRANSACTION_ABORTED)
		return "It is idle in transaction";
	/* track_activities may be off */
	return pins != 0 ? pins_text(pins) : "It has not ended its transaction";
}

static char *
describe(const PoolerMember *m, const PoolerClient *c)
{
	return psprintf("client " UINT64_FORMAT " of pool \"%s\", role \"%s\", application_name \"%s\"",
					c->id, pooler_pools[m->pool].name,
					pooler_routes[m->route].role_name, c->application_name);
}

static double
seconds(const Hold *h, TimestampTz until)
{
	return Max(until - h->since, 0) / 1000000.0;
}

static void
report(Hold *h, PoolerMember *m, TimestampTz now)
{
	PoolerClient *c = &pooler_clients[pooler_client_slot(h->client)];

	h->reported = MemoryContextStrdup(TopMemoryContext, describe(m, c));
	ereport(LOG,
			(errmsg("apparent connection leak: %s, holds backend %d for %.3f s",
					h->reported, (int) h->pid, seconds(h, now)),
			 errdetail_log("%s. Its last statement: %s", what_it_does(m),
						   statement_of(m)),
			 errhint("pooler.holders shows all of them; SELECT pooler.terminate_client(" UINT64_FORMAT "); ends this one.",
					 c->id),
			 errhidestmt(true)));
}

/* The backend says when it was free again, unless it has gone. */
static void
end(Hold *h, const PoolerMember *m, TimestampTz now)
{
	bool		returned = m->state == MEMBER_BORN && m->pid == h->pid;

	if (h->reported)
	{
		ereport(LOG,
				(errmsg("apparent connection leak: %s, %s backend %d after %.3f s",
						h->reported, returned ? "returned" : "ended with",
						(int) h->pid,
						seconds(h, returned && m->idle_since > h->since ?
								m->idle_since : now)),
				 errhidestmt(true)));
		pfree(h->reported);
	}
	h->reported = NULL;
	h->client = POOLER_NO_CLIENT;
}

static void
begin(Hold *h, const PoolerMember *m, uint64 packed)
{
	const PoolerClient *c = &pooler_clients[pooler_client_slot(packed)];

	h->client = packed;
	h->checkouts = c->checkouts;
	h->since = c->state_since;
	h->pid = m->pid;
}

void
pooler_leaks_look(int member, TimestampTz now)
{
	PoolerMember *m = &pooler_members[member];
	Hold	   *h = &holds[member];
	uint64		packed = holder(m);
	bool		pinned = pg_atomic_read_u32(&m->pins) != 0;

	if (h->client != POOLER_NO_CLIENT &&
		(packed == POOLER_NO_CLIENT || !goes_on(h, packed, pinned)))
		end(h, m, now);
	if (packed == POOLER_NO_CLIENT)
		return;
	if (h->client == POOLER_NO_CLIENT)
		begin(h, m, packed);
	h->message = pooler_clients[pooler_client_slot(packed)].state_since;
	h->pinned = pinned;
	if (h->reported == NULL && pooler_guc_leak_warn > 0 &&
		now - h->since > (int64) pooler_guc_leak_warn * 1000)
		report(h, m, now);
}

void
pooler_leaks_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
		pooler_since_follow(&holds[i].since, step);
}
