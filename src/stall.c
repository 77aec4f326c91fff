/*
 * stall.c
 *	  Clients that hold a backend by doing nothing, and are ended.
 *
 *	  half a message		client_read_timeout: begun, and no more of it comes
 *	  a batch not ended		client_read_timeout: the same, and others wait
 *	  results not read		client_write_timeout: nothing goes, and others wait
 *
 * The worker looks at each backend ten times a second and takes a stall for one
 * and the same as long as each look finds the backend waiting for the client's
 * socket, and nothing has been said or heard since the look before: that looks
 * find it waiting does not mean that it has done nothing else between them.
 *
 * src/stall.c
 */
#include "postgres.h"

#include "commands/progress.h"
#include "storage/fd.h"
#include "storage/proc.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "client.h"
#include "guc.h"
#include "since.h"
#include "stall.h"
#include "traffic.h"
#include "waits.h"

typedef enum StallKind
{
	STALL_NONE,
	STALL_MESSAGE,
	STALL_BATCH,
	STALL_RESULTS,
} StallKind;

/* What a look found; two that are equal are of one stall. */
typedef struct Stall
{
	StallKind	kind;
	uint64		client;
	uint64		moved;			/* what changes with bytes and messages */
} Stall;

typedef struct StallLook
{
	Stall		stall;
	TimestampTz since;
	bool		ended;			/* once is enough */
} StallLook;

static StallLook *looks;		/* by member */

void
pooler_stall_start(void)
{
	looks = MemoryContextAllocZero(TopMemoryContext, sizeof(StallLook) *
								   pooler_shared->max_members);
}

/* Inside a transaction the server's own time-outs hold for half a message. */
static StallKind
kind_of(const PoolerMember *m)
{
	uint32		wait_event;

	if (m->state != MEMBER_BORN || m->pid == 0 || m->status == NULL ||
		pg_atomic_read_u32(unconstify(pg_atomic_uint32 *,
									  &m->activity)) != ACTIVITY_SERVING)
		return STALL_NONE;
	wait_event = ProcGlobal->allProcs[m->pgprocno].wait_event_info;
	if (wait_event == WAIT_EVENT_CLIENT_WRITE)
		return STALL_RESULTS;
	if (wait_event != WAIT_EVENT_CLIENT_READ)
		return STALL_NONE;
	switch (m->reads)
	{
		case READS_MESSAGE:
			return STALL_MESSAGE;
		case READS_MORE:
			return STALL_BATCH;
		case READS_IN_TRANSACTION:
			break;
	}
	return STALL_NONE;
}

/* How often a process that waits was woken (proc(5)); 0: the system does not
 * say. */
static uint64
wakes(pid_t pid)
{
	char		line[256];
	uint64		count = 0;
	FILE	   *file;

	snprintf(line, sizeof(line), "/proc/%d/status", (int) pid);
	file = AllocateFile(line, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: " UINT64_FORMAT, &count) == 1)
			break;
	FreeFile(file);
	return count;
}

/* What comes by a Unix socket shows only in what is done with it: the backend
 * wakes to read it, answers messages, puts rows of COPY away. */
static uint64
moved(const PoolerMember *m, int slot)
{
	const PgBackendStatus *s = m->status;
	uint64		mark;

	if (!pooler_traffic_mark(pooler_client_fd(slot), &mark))
		mark += wakes(m->pid);
	mark += m->said;
	if (s->st_progress_command == PROGRESS_COMMAND_COPY)
		mark += s->st_progress_param[PROGRESS_COPY_BYTES_PROCESSED];
	return mark;
}

static Stall
look(const PoolerMember *m)
{
	Stall		s = {0};			/* STALL_NONE */
	uint64		packed = pg_atomic_read_u64(unconstify(pg_atomic_uint64 *,
													   &m->client));
	int			slot = pooler_client_slot(packed);

	if (packed == POOLER_NO_CLIENT ||
		!pooler_client_is(slot, pooler_client_generation(packed)))
		return s;
	s.kind = kind_of(m);
	if (s.kind == STALL_NONE)
		return s;
	s.client = packed;
	s.moved = moved(m, slot);
	return s;
}

static bool
is_same(const Stall *a, const Stall *b)
{
	return a->kind == b->kind && a->client == b->client &&
		a->moved == b->moved;
}

static void
end_stalled(const PoolerMember *m, StallLook *last, TimestampTz now)
{
	const Stall *s = &last->stall;
	int			slot = pooler_client_slot(s->client);
	int			ms = s->kind == STALL_RESULTS ? pooler_guc_client_write_timeout :
		pooler_guc_client_read_timeout;

	if (last->ended || ms <= 0 ||
		!pooler_since_exceeds(last->since, now, ms) ||
		(s->kind != STALL_MESSAGE && !pooler_waits_somebody(m->pool)))
		return;
	last->ended = true;
	if (s->kind == STALL_RESULTS)
		pooler_client_cut(slot);
	else
		pooler_client_end(slot, "08P01",
						  "terminating connection: a message or batch was begun and not completed within pooler.client_read_timeout",
						  NULL, NULL);
}

void
pooler_stall_look(int member, TimestampTz now)
{
	PoolerMember *m = &pooler_members[member];
	StallLook  *last = &looks[member];
	Stall		s = look(m);

	if (s.kind == STALL_NONE || !is_same(&s, &last->stall))
	{
		last->stall = s;
		last->since = now;
		last->ended = false;
	}
	else
		end_stalled(m, last, now);
}

void
pooler_stall_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < pooler_shared->max_members; i++)
		pooler_since_follow(&looks[i].since, step);
}
