/*
 * open.c
 *	  Opens a backend: by libpq, up to its word that it is there.
 *
 *	  FREE -> OPENING		[reset_member]: libpq, never blocking
 *	  OPENING -> UNBORN		[pooler_open_done]: it says so, out of its login
 *
 * Its login stands still until the birth (deliver.c).
 *
 * src/open.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "libpq-fe.h"
#include "libpq/libpq.h"
#include "libpq/pqcomm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/pidfile.h"
#include "utils/timestamp.h"

#include "control.h"
#include "evloop.h"
#include "inject.h"
#include "lock_file.h"
#include "member.h"
#include "open.h"
#include "pool.h"

/* One where a backend of this pool was recycled, which the new one replaces; else
 * the first. */
static int
free_member(int pool)
{
	int			first = -1;

	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];

		if (m->state != MEMBER_FREE)
			continue;
		if (m->pool == pool && m->unneeded_since != 0)
			return i;
		if (first < 0)
			first = i;
	}
	return first;
}

static void
reset_member(PoolerMember *m, int pool)
{
	if (m->pool != pool || m->unneeded_since == 0)
		m->unneeded_since = GetCurrentTimestamp();
	m->pool = pool;
	m->route = POOLER_NO_ROUTE;
	m->overflow = m->opened = m->hung = false;
	m->life = pooler_shared->life;
	m->opening++;
	m->opened_at = GetCurrentTimestamp();
	m->born_at = 0;
	m->pid = 0;
	m->status = NULL;
	m->encoding = PG_SQL_ASCII;
	m->idle_since = m->alive_at = m->taken_at = 0;
	m->said = 0;
	m->record = 0;
	pg_atomic_write_u32(&m->leave, 0);
	pg_atomic_write_u32(&m->pins, 0);
	pg_atomic_write_u32(&m->activity, ACTIVITY_NONE);
	pg_atomic_write_u64(&m->client, POOLER_NO_CLIENT);
	m->state = MEMBER_OPENING;
}

/*
 * Where the server has a Unix socket: the first one that it could make. The
 * setting may be more than that, and other; libpq takes what is neither absolute
 * nor abstract for the name of a host, and would wait until it is translated.
 * NULL: it has none.
 */
static const char *
socket_directory(void)
{
	char		line[MAXPGPATH];

	if (!pooler_lock_file_line(LOCK_FILE_LINE_SOCKET_DIR, line) ||
		line[0] == '\0')
		return NULL;
	return is_unixsock_path(line) ? pstrdup(line) :
		psprintf("%s/%s", DataDir, line);
}

/* What the server says while it opens a backend, it has logged; libpq would print
 * it once more, as it comes: with line feeds of a role's choice. */
static void
hear_notice(void *arg, const PGresult *notice)
{
}

/* Everything explicit: nothing of the server's environment may speak here. */
static PGconn *
connect_start(int member, const char *database, const char *directory)
{
	PGconn	   *conn;
	char		port[16];
	char		name[64];
	const char *keys[] = {"host", "port", "dbname", "user", "application_name",
	"sslmode", "gssencmode", "passfile", NULL};
	const char *values[] = {directory, port, database, POOLER_RESERVED_USER,
	name, "disable", "disable", "/dev/null/none", NULL};

	snprintf(port, sizeof(port), "%d", PostPortNumber);
	snprintf(name, sizeof(name), "pooler:%d:%u:%s", member,
			 pooler_members[member].opening, pooler_shared->nonce);
	conn = PQconnectStartParams(keys, values, 0);
	(void) PQsetNoticeReceiver(conn, hear_notice, NULL);
	return conn;
}

/* False: libpq cannot even begin. */
static bool
start_opening(int member)
{
	WorkerMember *w = &pooler_worker_members[member];
	int			pool = pooler_members[member].pool;
	const char *directory = socket_directory();

	if (directory == NULL)
	{
		pooler_pool_failed(pool, "the server has no Unix socket: see unix_socket_directories",
						   false);
		return false;
	}
	w->conn = connect_start(member, pooler_pools[pool].database, directory);
	if (w->conn == NULL || PQstatus(w->conn) == CONNECTION_BAD ||
		PQsocket(w->conn) < 0)
	{
		pooler_pool_failed(pool, w->conn ? PQerrorMessage(w->conn) :
						   "out of memory", false);
		return false;
	}
	(void) PQsetErrorVerbosity(w->conn, PQERRORS_VERBOSE);
	POOLER_INJECT("open-started");
	w->libpq_fd = PQsocket(w->conn);
	pooler_evloop_add(w->libpq_fd, true, EVENT_LIBPQ, member, 0);
	return true;
}

/* After an ERROR nobody would hear of it any more. */
static bool
start_or_drop(int member)
{
	bool		ok;

	PG_TRY();
	{
		ok = start_opening(member);
	}
	PG_CATCH();
	{
		pooler_member_drop(member);
		pooler_pool_failed(pooler_members[member].pool,
						   "the connection to it could not be watched", false);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!ok)
		pooler_member_drop(member);
	return ok;
}

bool
pooler_open_backend(int pool)
{
	PoolerLimits *limits = &pooler_pools[pool].limits;
	int			member = free_member(pool);

	if (member < 0)
		return false;
	POOLER_INJECT("open-start");
	reset_member(&pooler_members[member], pool);
	pooler_worker_members[member].recycled = false;
	pooler_worker_members[member].role = InvalidOid;
	pooler_members[member].overflow = limits->pool_size > 0 &&
		pooler_worker_pools[pool].open >= limits->pool_size;
	pooler_worker_pools[pool].open++;
	return start_or_drop(member);
}

static bool
says_unborn(int member)
{
	UnbornMessage hello;
	int			fd = pooler_worker_members[member].libpq_fd;

	if (recv(fd, &hello, sizeof(hello), MSG_PEEK | MSG_DONTWAIT) !=
		sizeof(hello) ||
		hello.magic != CONTROL_UNBORN_MAGIC || hello.member != member)
		return false;
	(void) recv(fd, &hello, sizeof(hello), MSG_DONTWAIT);
	return true;
}

bool
pooler_open_done(int member)
{
	PoolerMember *m = &pooler_members[member];

	if (!says_unborn(member))
		return false;
	POOLER_INJECT("open-unborn");
	m->state = MEMBER_UNBORN;
	pooler_histogram_add(&pooler_pools[m->pool].open,
						 GetCurrentTimestamp() - m->opened_at, 1);
	m->opened = true;
	pooler_pools[m->pool].opened++;
	pooler_pool_works(m->pool);
	pooler_worker_pools[m->pool].dirty = true;
	pooler_member_echo(member, "open");
	return true;
}

/*
 * An ERROR while it was opened: without this it would count for ever. One that
 * is being born may have a client by now, and ends as any other does.
 */
void
pooler_open_failed(int member)
{
	if (pooler_members[member].state == MEMBER_OPENING)
		pooler_member_drop(member);
}
