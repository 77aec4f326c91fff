/*
 * evloop.c
 *	  The worker's epoll: which file means what.
 *
 * A thin layer over epoll. It packs what a file means into the event's data,
 * and lets signals in only where it sleeps: the worker blocks them everywhere
 * else, so no signal can fall between a test and the sleep. epoll_pwait() lets
 * none in if it need not sleep: so, lest a busy worker hear nothing, they are let
 * in after it as well, now and then.
 *
 * src/evloop.c
 */
#include "postgres.h"

#include <signal.h>
#include <sys/epoll.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "evloop.h"
#include "since.h"

#define MAX_EVENTS 128

#define TURNS_WITHOUT_SIGNALS 32

/* No more often than this is it logged that a file is tried again in vain. */
#define LOG_MS 1000

static int	epoll_fd = -1;
static sigset_t sleep_mask;

/* SIGURG (a latch) only has to end the sleep. */
static void
wake_up(SIGNAL_ARGS)
{
}

void
pooler_evloop_start(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		ereport(FATAL,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll instance: %m")));
	sleep_mask = UnBlockSig;
	sigdelset(&sleep_mask, SIGURG);
	pqsignal(SIGURG, wake_up);
	sigprocmask(SIG_SETMASK, &BlockSig, NULL);
}

static bool
control(int op, int fd, bool write, EventKind kind, int index, uint32 stamp)
{
	struct epoll_event e;

	Assert(index >= 0 && index < (1 << 28));
	e.events = write ? EPOLLOUT : EPOLLIN;
	e.data.u64 = ((uint64) stamp << 32) | ((uint32) index << 4) | kind;
	return epoll_ctl(epoll_fd, op, fd, &e) == 0;
}

static void
complain(int elevel)
{
	ereport(elevel,
			(errcode_for_socket_access(),
			 errmsg("could not watch a socket: %m")));
}

void
pooler_evloop_add(int fd, bool write, EventKind kind, int index, uint32 stamp)
{
	if (!control(EPOLL_CTL_ADD, fd, write, kind, index, stamp))
		complain(ERROR);
}

/* There is no memory, and many routes may try again ten times a second. */
bool
pooler_evloop_try_add(int fd, EventKind kind, int index, uint32 stamp)
{
	static TimestampTz logged_at = 0;
	TimestampTz now;

	if (control(EPOLL_CTL_ADD, fd, false, kind, index, stamp))
		return true;
	now = GetCurrentTimestamp();
	if (!pooler_is_ahead(logged_at + LOG_MS * 1000, now, LOG_MS))
	{
		complain(LOG);
		logged_at = now;
	}
	return false;
}

void
pooler_evloop_change(int fd, bool write, EventKind kind, int index,
					 uint32 stamp)
{
	if (!control(EPOLL_CTL_MOD, fd, write, kind, index, stamp))
		complain(ERROR);
}

/*
 * epoll registers the open file, not the number: a registration outlives a
 * close() as long as any other process holds the file, and then fires for ever
 * under a number that means something else. So: remove first. A number that
 * libpq has closed already is no longer there (ENOENT, EBADF), which is fine.
 */
void
pooler_evloop_remove(int fd)
{
	(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

bool
pooler_evloop_listen(const int *fds, int n, EventKind kind, bool on)
{
	int			added = 0;

	while (on && added < n &&
		   pooler_evloop_try_add(fds[added], kind, added, 0))
		added++;
	if (on && added == n)
		return true;
	for (int i = 0; i < (on ? added : n); i++)
		pooler_evloop_remove(fds[i]);
	return !on;
}

/* Now and then only: these are system calls, and a sleep does the same. */
static void
let_signals_in(void)
{
	static int	turns = 0;

	if (++turns % TURNS_WITHOUT_SIGNALS != 0)
		return;
	sigprocmask(SIG_SETMASK, &sleep_mask, NULL);
	sigprocmask(SIG_SETMASK, &BlockSig, NULL);
}

int
pooler_evloop_wait(Event *events, int max, int timeout_ms)
{
	static uint32 wait_event = 0;
	struct epoll_event ready[MAX_EVENTS];
	int			n;

	pgstat_report_wait_start(pooler_wait_event(&wait_event, "PoolerMain"));
	MyLatch->maybe_sleeping = true;
	pg_memory_barrier();
	n = epoll_pwait(epoll_fd, ready, Min(max, MAX_EVENTS),
					MyLatch->is_set ? 0 : timeout_ms, &sleep_mask);
	let_signals_in();
	MyLatch->maybe_sleeping = false;
	pgstat_report_wait_end();
	if (MyLatch->is_set)
		ResetLatch(MyLatch);
	for (int i = 0; i < n; i++)
	{
		events[i].kind = ready[i].data.u64 & 15;
		events[i].index = (uint32) ready[i].data.u64 >> 4;
		events[i].stamp = ready[i].data.u64 >> 32;
		events[i].hup = (ready[i].events & (EPOLLHUP | EPOLLERR)) != 0;
	}
	return Max(n, 0);
}
