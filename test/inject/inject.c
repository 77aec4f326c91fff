/*
 * inject.c
 *	  Lets a chosen step or call fail; linked into the library of tests only.
 *
 * A test names what shall fail by a file in the data directory:
 *
 *	  inject/take-won			a step: POOLER_INJECT("take-won")
 *	  inject/worker-dup3		a call of the worker's, see the list of WRAPS in
 *	  inject/backend-recvmsg	the Makefile; one of a pooled backend's
 *
 * with the text "KIND SKIP": how it fails, and how many hits are let pass
 * before. Who comes next takes the file away, and fails; so it happens once, in
 * one process. The name, the kind and the pid are appended to inject.log.
 *
 * Kinds: error, fatal, exit (proc_exit), and a signal to the process itself:
 * stop, terminate, cancel, reload, `conflict` (a standby's, with the transaction
 * that it is in); `busy`: from then on the worker's epoll has a file to read at
 * each turn, which means nothing. For calls also the name of an errno, `short`
 * (half of the bytes) and `none` (no memory, no file).
 *
 * test/inject/inject.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "utils/dsa.h"

#include "evloop.h"
#include "inject.h"
#include "net.h"

#define KIND_MAX 32

static void
note(const char *name, const char *kind)
{
	char		line[128];
	int			len = snprintf(line, sizeof(line), "%s %s %d\n", name, kind,
							   (int) getpid());
	int			fd = open("inject.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
						  0600);

	if (fd < 0 || write(fd, line, len) != len)
		abort();
	close(fd);
}

/* Is it to fail now?  Then how. */
static bool
armed(const char *name, char *kind)
{
	char		path[64];
	char		text[KIND_MAX + 16] = "";
	int			skip = 0;
	int			fd;
	bool		now;

	snprintf(path, sizeof(path), "inject/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void) flock(fd, LOCK_EX);
	if (read(fd, text, sizeof(text) - 1) <= 0 ||
		sscanf(text, "%31s %d", kind, &skip) != 2)
		abort();
	now = skip == 0;
	if (now)
		now = unlink(path) == 0;	/* else another was faster */
	else
	{
		int			len = snprintf(text, sizeof(text), "%s %d\n", kind, skip - 1);

		if (ftruncate(fd, 0) < 0 || pwrite(fd, text, len, 0) != len)
			abort();
	}
	close(fd);
	if (now)
		note(name, kind);
	return now;
}

/* No connection to the metrics has this number. */
static bool
keep_busy(void)
{
	pooler_evloop_add(eventfd(1, EFD_CLOEXEC), false, EVENT_METRICS, 0,
					  PG_UINT32_MAX);
	return true;
}

/* As the startup process does it that finds rows removed which we might see. */
static bool
send_conflict(void)
{
	return SendProcSignal(MyProcPid, PROCSIG_RECOVERY_CONFLICT_SNAPSHOT, -1) == 0;
}

/* False: the kind is not one of those that every step knows. */
static bool
fail(const char *name, const char *kind)
{
	if (strcmp(kind, "error") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("injected error at \"%s\"", name)));
	if (strcmp(kind, "fatal") == 0)
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("injected fatal error at \"%s\"", name)));
	if (strcmp(kind, "exit") == 0)
		proc_exit(1);
	if (strcmp(kind, "stop") == 0)
		return kill(getpid(), SIGSTOP) == 0;
	if (strcmp(kind, "terminate") == 0)
		return kill(getpid(), SIGTERM) == 0;
	if (strcmp(kind, "cancel") == 0)
		return kill(getpid(), SIGINT) == 0;
	if (strcmp(kind, "conflict") == 0)
		return send_conflict();
	if (strcmp(kind, "reload") == 0)
		return kill(getpid(), SIGHUP) == 0;
	if (strcmp(kind, "busy") == 0)
		return keep_busy();
	return false;
}

void
pooler_inject(const char *step)
{
	char		kind[KIND_MAX];
	int			saved_errno = errno;

	if (armed(step, kind) && !fail(step, kind))
		abort();
	errno = saved_errno;
}

/* ---- calls ---- */

static int
errno_of(const char *kind)
{
	static const struct
	{
		const char *name;
		int			value;
	}			known[] = {
		{"EINTR", EINTR}, {"EAGAIN", EAGAIN}, {"EMFILE", EMFILE},
		{"ENFILE", ENFILE}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},
		{"ENOBUFS", ENOBUFS}, {"EBADF", EBADF}, {"EBUSY", EBUSY},
		{"EPIPE", EPIPE}, {"ECONNRESET", ECONNRESET},
		{"ECONNABORTED", ECONNABORTED}, {"ETOOMANYREFS", ETOOMANYREFS},
		{"EPERM", EPERM}, {"ENOSYS", ENOSYS}, {"ESRCH", ESRCH},
	};

	for (int i = 0; i < lengthof(known); i++)
	{
		if (strcmp(known[i].name, kind) == 0)
			return known[i].value;
	}
	return 0;
}

/* True: it returns what a failure returns, with errno set; or does half. */
static bool
call_fails(const char *call, bool *half)
{
	char		name[64];
	char		kind[KIND_MAX];
	int			saved_errno = errno;

	snprintf(name, sizeof(name), "%s-%s",
			 MyBackendType == B_BG_WORKER ? "worker" : "backend", call);
	if (!armed(name, kind))
	{
		errno = saved_errno;
		return false;
	}
	*half = strcmp(kind, "short") == 0;
	if (*half || fail(name, kind))
	{
		errno = saved_errno;
		return false;
	}
	errno = errno_of(kind);
	if (errno == 0 && strcmp(kind, "none") != 0)
		abort();
	return true;
}

#define WRAP(type, call, failure, params, args) \
	extern type __real_##call params; \
	extern type __wrap_##call params; \
	type __wrap_##call params \
	{ \
		bool		half = false; \
		if (call_fails(#call, &half)) \
			return failure; \
		return __real_##call args; \
	}

WRAP(int, accept4, -1,
	 (int fd, struct sockaddr *a, socklen_t *len, int flags),
	 (fd, a, len, flags))
WRAP(int, dup3, -1, (int from, int to, int flags), (from, to, flags))
WRAP(int, epoll_create1, -1, (int flags), (flags))
WRAP(int, epoll_ctl, -1,
	 (int epoll, int op, int fd, struct epoll_event *e), (epoll, op, fd, e))
WRAP(int, epoll_pwait, -1,
	 (int epoll, struct epoll_event *e, int n, int ms, const sigset_t *mask),
	 (epoll, e, n, ms, mask))
WRAP(int, epoll_wait, -1,
	 (int epoll, struct epoll_event *e, int n, int ms), (epoll, e, n, ms))
WRAP(int, poll, -1, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
WRAP(int, socketpair, -1, (int family, int type, int protocol, int *pair),
	 (family, type, protocol, pair))
WRAP(ssize_t, recv, -1, (int fd, void *to, size_t n, int flags),
	 (fd, to, half ? (n + 1) / 2 : n, flags))
WRAP(ssize_t, send, -1, (int fd, const void *from, size_t n, int flags),
	 (fd, from, half ? (n + 1) / 2 : n, flags))
WRAP(ssize_t, sendmsg, -1, (int fd, const struct msghdr *m, int flags),
	 (fd, m, flags))
WRAP(int, pooler_net_copy_file, -1, (int process, int number),
	 (process, number))
WRAP(int, pooler_net_this_process, -1, (void), ())
WRAP(bool, pg_strong_random, false, (void *to, size_t n), (to, n))
WRAP(dsa_pointer, dsa_allocate_extended, InvalidDsaPointer,
	 (dsa_area *area, size_t n, int flags), (area, n, flags))
WRAP(void *, palloc, NULL, (Size n), (n))
WRAP(void *, MemoryContextAlloc, NULL, (MemoryContext cxt, Size n), (cxt, n))
WRAP(void *, MemoryContextAllocZero, NULL, (MemoryContext cxt, Size n),
	 (cxt, n))

/* On a stream half of a message comes first, and the rest with the next call. */
extern ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
extern ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

ssize_t
__wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	bool		half = false;

	if (call_fails("recvmsg", &half))
		return -1;
	if (half)
		m->msg_iov->iov_len = (m->msg_iov->iov_len + 1) / 2;
	return __real_recvmsg(fd, m, flags);
}
