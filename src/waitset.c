/*
 * waitset.c
 *	  The client sockets that a backend has open, each with its wait set.
 *
 * EPOLL_CTL_MOD finds an entry by open file and number, so a client's socket
 * has the same number in every process: base_fd + slot. PostgreSQL waits for a
 * client through FeBeWaitSet, an epoll instance that the socket is registered
 * in. Building such a set for every switch would cost four system calls, so
 * RING_SIZE of them are kept and, when one is needed for another client, aimed
 * at that client's socket (two calls). The ring also bounds how many clients'
 * sockets a backend holds: who falls out of it has his socket closed here. It is
 * smaller where fd.c lets a backend have fewer files of its own.
 *
 *	  unknown -> open [adopt] -> closed, set reused [evict]
 *
 * Each packet wakes every epoll that holds the socket, so a set that nobody
 * waits on is registered with an empty mask; event->events says so too, and
 * ModifyWaitEvent() then sets the real mask when PostgreSQL must block.
 *
 * epoll registers the open file: EPOLL_CTL_DEL comes before every close() or
 * dup3() over a number, or the stale registration lives while any process has
 * that file open, and spins.
 *
 * src/waitset.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "compat.h"
#include "inject.h"
#include "shmem.h"
#include "waitset.h"
#include "wire.h"

#define RING_SIZE 256

typedef struct OpenClient
{
	WaitEventSet *set;			/* made once, then aimed anew */
	bool		used;
	uint32		slot;
	uint32		generation;
} OpenClient;

static OpenClient ring[RING_SIZE];
static int	ring_size = RING_SIZE;
static int	ring_next = 0;
static int16 *ring_of = NULL;	/* slot -> index in ring + 1 */

static inline WaitEventSetView *
view(WaitEventSet *set)
{
	return (WaitEventSetView *) set;
}

int
pooler_waitset_fd(uint32 slot)
{
	return pooler_shared->base_fd + slot;
}

WaitEventSet *
pooler_waitset_make(int fd)
{
	WaitEventSet *set = pooler_create_wait_event_set(FeBeWaitSetNEvents);

	AddWaitEventToSet(set, WL_SOCKET_READABLE, fd, NULL, NULL);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_POSTMASTER_DEATH, PGINVALID_SOCKET, NULL, NULL);
	return set;
}

/* Does a set look as compat.h says?  Tried on the backend's own socket. */
static bool
set_is_known(WaitEventSet *set, int fd)
{
	WaitEventSetView *v = view(set);

	return v->nevents == FeBeWaitSetNEvents &&
		v->nevents_space >= FeBeWaitSetNEvents &&
		v->events[FeBeWaitSetSocketPos].fd == fd &&
		v->events[FeBeWaitSetSocketPos].events == WL_SOCKET_READABLE &&
		v->latch == MyLatch && v->latch_pos == FeBeWaitSetLatchPos &&
		fcntl(v->epoll_fd, F_GETFD) >= 0;
}

/*
 * A third of a backend's files may be others than fd.c's, and each wait set is
 * one; some are left for extensions, of few half.
 */
static int
size_of_ring(void)
{
	int			files = max_safe_fds / 3;

	return Max(Min(RING_SIZE, Max(files - 32, files / 2)), 1);
}

bool
pooler_waitset_init(void)
{
	WaitEventSet *set = pooler_waitset_make(MyProcPort->sock);
	bool		known = set_is_known(set, MyProcPort->sock);

	FreeWaitEventSet(set);
	ring_size = size_of_ring();
	ring_of = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(int16) * pooler_shared->max_clients);
	return known;
}

bool
pooler_waitset_have(uint32 slot, uint32 generation)
{
	int			r = ring_of[slot] - 1;

	return r >= 0 && ring[r].generation == generation;
}

WaitEventSet *
pooler_waitset_of(uint32 slot)
{
	Assert(ring_of[slot] > 0);
	return ring[ring_of[slot] - 1].set;
}

static void
set_mask(WaitEventSetView *v, int op, uint32 pg_events, uint32 epoll_events)
{
	WaitEvent  *event = &v->events[FeBeWaitSetSocketPos];
	struct epoll_event e;

	event->events = pg_events;
	e.events = epoll_events;
	e.data.ptr = event;
	if (epoll_ctl(v->epoll_fd, op, event->fd, &e) < 0)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not watch a client's socket: %m")));
}

void
pooler_waitset_quiet(WaitEventSet *set)
{
	WaitEventSetView *v = view(set);

	if (v->events[FeBeWaitSetSocketPos].events != 0)
		set_mask(v, EPOLL_CTL_MOD, 0, 0);
}

static void
evict(OpenClient *o)
{
	WaitEventSetView *v = view(o->set);
	int			fd = pooler_waitset_fd(o->slot);

	(void) epoll_ctl(v->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
	ring_of[o->slot] = 0;
	o->used = false;
}

/*
 * FATAL where the number cannot be had: the client is TAKEN then, and the
 * worker gives it to another backend. (A swallowed error here once left a
 * client without an owner for ever.)
 */
static void
number_file(int fd, int number)
{
	if (dup3(fd, number, O_CLOEXEC) < 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not give a client's socket its number %d: %m",
						number),
				 errhint("Raise the limit of open files (ulimit -n).")));
	close(fd);
}

void
pooler_waitset_adopt(uint32 slot, uint32 generation, int fd)
{
	int			number = pooler_waitset_fd(slot);
	OpenClient *o;

	if (ring_of[slot] > 0)
		evict(&ring[ring_of[slot] - 1]);
	o = &ring[ring_next];
	if (o->used)
		evict(o);
	POOLER_INJECT("waitset-number");
	number_file(fd, number);
	if (o->set == NULL)
	{
		o->set = pooler_waitset_make(number);
		pooler_waitset_quiet(o->set);
	}
	else
	{
		view(o->set)->events[FeBeWaitSetSocketPos].fd = number;
		set_mask(view(o->set), EPOLL_CTL_ADD, 0, 0);
	}
	POOLER_INJECT("waitset-aimed");
	o->used = true;
	o->slot = slot;
	o->generation = generation;
	ring_of[slot] = ring_next + 1;
	ring_next = (ring_next + 1) % ring_size;
}

/* A slot that has been renewed was nobody's: an owner's is kept for it. */
static bool
is_nobodys(uint64 packed, uint32 owner)
{
	return pg_atomic_read_u32(&pooler_client_of(packed)->generation) !=
		pooler_client_generation(packed) ||
		pooler_client_pass(packed, POOLER_NOBODY, owner);
}

/*
 * Closing the file does not suffice: another backend may have it open, and be in
 * a long transaction. Whom the worker has told is shut down already, and hears
 * nothing of this.
 */
void
pooler_waitset_hang_up(uint32 owner, bool told)
{
	StringInfoData last_word;

	initStringInfo(&last_word);
	pooler_wire_put_error(&last_word, "FATAL", "57P01", WIRE_ADMIN_SHUTDOWN,
						  NULL, NULL);
	for (int i = 0; i < RING_SIZE; i++)
	{
		OpenClient *o = &ring[i];
		uint64		packed = pooler_client_pack(o->slot, o->generation);
		bool		own = o->used && pooler_client_pass(packed, owner, owner);

		if (!own && !(o->used && is_nobodys(packed, owner)))
			continue;
		if (!(own && told))
			(void) send(pooler_waitset_fd(o->slot), last_word.data,
						last_word.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void) shutdown(pooler_waitset_fd(o->slot), SHUT_RDWR);
	}
	pfree(last_word.data);
}
