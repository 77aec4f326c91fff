/*
 * net.c
 *	  Sockets: listening, accepting, passing open files between processes.
 *
 * Nothing here waits. Listening follows pqcomm.c's StreamServerPort(): every
 * address of every name, a lock file beside each Unix socket. No backend's
 * pq_init() sees an accepted socket: TCP_NODELAY and keepalive it inherits from
 * the listening one, and the server's settings of keepalive it gets here.
 *
 * src/net.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/ip.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "net.h"

#define LISTEN_BACKLOG 4096

static char *socket_paths[NET_MAX_LISTEN];
static int	nsocket_paths = 0;
static bool out_of_room = false;	/* as the log has it */

static bool
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* unix_socket_group, a name or a number. */
static bool
find_group(gid_t *gid)
{
	char	   *end;
	struct group *group;

	*gid = (gid_t) strtoul(Unix_socket_group, &end, 10);
	if (*end == '\0')
		return true;
	group = getgrnam(Unix_socket_group);
	if (group == NULL)
		return false;
	*gid = group->gr_gid;
	return true;
}

/* As Setup_AF_UNIX(): before anybody can connect. False: after a LOG line. */
static bool
set_access(const char *path)
{
	gid_t		gid = (gid_t) -1;

	if (path[0] == '@')
		return true;			/* abstract: no file */
	if (Unix_socket_group[0] != '\0' && !find_group(&gid))
	{
		ereport(LOG,
				(errmsg("group \"%s\" does not exist", Unix_socket_group)));
		return false;
	}
	if ((gid == (gid_t) -1 || chown(path, (uid_t) -1, gid) == 0) &&
		chmod(path, Unix_socket_permissions) == 0)
		return true;
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not set group and permissions of file \"%s\": %m",
					path)));
	return false;
}

/* One address. Returns the socket, or -1 after a LOG line. */
static int
listen_on(const struct addrinfo *ai, const char *what, int port)
{
	int			fd = socket(ai->ai_family,
							SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && ai->ai_family != AF_UNIX)
	{
		(void) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		(void) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		(void) set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		if (ai->ai_family == AF_INET6)
			(void) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	}
	if (fd >= 0 && bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
	{
		if (ai->ai_family == AF_UNIX && !set_access(what))
		{
			(void) unlink(what);
			close(fd);
			return -1;
		}
		if (listen(fd, LISTEN_BACKLOG) == 0)
			return fd;
	}
	ereport(LOG,
			(errcode_for_socket_access(),
			 errmsg("pooler could not listen on \"%s\", port %d: %m",
					what, port)));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
listen_host(const char *host, int port, int *fds, int space)
{
	struct addrinfo hint = {0};
	struct addrinfo *list = NULL;
	char		service[NI_MAXSERV];
	int			n = 0;
	int			rc;

	hint.ai_family = AF_UNSPEC;
	hint.ai_flags = AI_PASSIVE;
	hint.ai_socktype = SOCK_STREAM;
	snprintf(service, sizeof(service), "%d", port);
	rc = pg_getaddrinfo_all(strcmp(host, "*") == 0 ? NULL : host, service,
							&hint, &list);
	if (rc != 0)
		ereport(LOG,
				(errmsg("pooler could not translate host name \"%s\" to an address: %s",
						host, gai_strerror(rc))));
	for (struct addrinfo *ai = rc == 0 ? list : NULL; ai && n < space;
		 ai = ai->ai_next)
	{
		fds[n] = listen_on(ai, host, port);
		if (fds[n] >= 0)
			n++;
	}
	if (list)
		pg_freeaddrinfo_all(hint.ai_family, list);
	return n;
}

/* A file that a dead worker left goes; one that still answers is somebody's. */
static void
remove_dead(const struct sockaddr_un *un)
{
	int			probe = socket(AF_UNIX,
							   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (probe >= 0 &&
		connect(probe, (const struct sockaddr *) un, sizeof(*un)) < 0 &&
		errno == ECONNREFUSED)
		(void) unlink(un->sun_path);
	if (probe >= 0)
		close(probe);
}

/* A Unix socket in a directory; or (@name) an abstract one, of which there is no
 * file. */
static int
listen_directory(const char *directory, int port)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct addrinfo ai = {.ai_family = AF_UNIX};
	char		path[sizeof(un.sun_path)];
	int			len = snprintf(path, sizeof(path), "%s/.s.PGSQL.%d", directory,
							   port);
	int			fd;

	if (len >= (int) sizeof(path))
	{
		ereport(LOG,
				(errmsg("Unix-domain socket path in \"%s\" is too long",
						directory)));
		return -1;
	}
	ai.ai_addr = (struct sockaddr *) &un;
	ai.ai_addrlen = offsetof(struct sockaddr_un, sun_path) + len;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	else
		remove_dead(&un);
	fd = listen_on(&ai, path, port);
	if (fd >= 0 && path[0] != '@')
		socket_paths[nsocket_paths++] = MemoryContextStrdup(TopMemoryContext,
															path);
	return fd;
}

int
pooler_net_listen_addresses(const char *setting, const char *addresses,
							int port, int *fds)
{
	List	   *names = NIL;
	ListCell   *lc;
	char	   *raw = pstrdup(addresses);
	int			n = 0;

	if (!SplitGUCList(raw, ',', &names))
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list syntax in parameter \"%s\"", setting)));
	foreach(lc, names)
		n += listen_host(lfirst(lc), port, fds + n, NET_MAX_LISTEN - n);
	return n;
}

int
pooler_net_listen(const char *addresses, const char *directories, int port,
				  int *fds)
{
	List	   *names = NIL;
	ListCell   *lc;
	char	   *raw = pstrdup(directories);
	int			n = pooler_net_listen_addresses("pooler.listen_addresses",
												addresses, port, fds);

	if (!SplitDirectoriesString(raw, ',', &names))
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list syntax in parameter \"%s\"",
						"pooler.unix_socket_directories")));
	foreach(lc, names)
	{
		if (n < NET_MAX_LISTEN && (fds[n] = listen_directory(lfirst(lc),
															 port)) >= 0)
			n++;
	}
	return n;
}

void
pooler_net_unlisten(void)
{
	while (nsocket_paths > 0)
		(void) unlink(socket_paths[--nsocket_paths]);
}

/* As pq_init() does for the server's own clients; 0 is the system's default. */
static void
set_keepalive(int fd)
{
	if (tcp_keepalives_idle > 0)
		(void) set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, tcp_keepalives_idle);
	if (tcp_keepalives_interval > 0)
		(void) set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL,
						  tcp_keepalives_interval);
	if (tcp_keepalives_count > 0)
		(void) set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, tcp_keepalives_count);
	if (tcp_user_timeout > 0)
		(void) set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, tcp_user_timeout);
}

/* Once in the log for as long as it lasts. */
static int
why_nobody(void)
{
	if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
		errno != ENOMEM)
		return NET_NOBODY;
	if (!out_of_room)
		ereport(LOG,
				(errcode_for_socket_access(),
				 errmsg("pooler could not accept a connection: %m")));
	out_of_room = true;
	return NET_NO_ROOM;
}

int
pooler_net_accept(int listen_fd, SockAddr *raddr, SockAddr *laddr)
{
	int			fd;

	raddr->salen = sizeof(raddr->addr);
	laddr->salen = sizeof(laddr->addr);
	fd = accept4(listen_fd, (struct sockaddr *) &raddr->addr, &raddr->salen,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return why_nobody();
	out_of_room = false;
	if (getsockname(fd, (struct sockaddr *) &laddr->addr, &laddr->salen) < 0)
		laddr->salen = 0;
	if (raddr->addr.ss_family != AF_UNIX)
		set_keepalive(fd);
	return fd;
}

bool
pooler_net_send(int fd, const void *message, size_t len, const int *fds,
				int nfds)
{
	union
	{
		char		buf[CMSG_SPACE(sizeof(int) * NET_MAX_FDS)];
		struct cmsghdr align;
	}			control;
	struct iovec io = {.iov_base = (void *) message, .iov_len = len};
	struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1};

	if (nfds > 0)
	{
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) len;
}

int
pooler_net_receive(int fd, void *message, size_t size, int *fds, int *nfds)
{
	union
	{
		char		buf[CMSG_SPACE(sizeof(int) * NET_MAX_FDS)];
		struct cmsghdr align;
	}			control;
	struct iovec io = {.iov_base = message, .iov_len = size};
	struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1};
	int			n;

	*nfds = 0;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
	{
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
	}
	return n;
}

int
pooler_net_this_process(void)
{
#ifdef SYS_pidfd_open
	return syscall(SYS_pidfd_open, MyProcPid, 0);
#else
	errno = ENOSYS;
	return -1;
#endif
}

int
pooler_net_copy_file(int process, int number)
{
#ifdef SYS_pidfd_getfd
	return syscall(SYS_pidfd_getfd, process, number, 0);
#else
	errno = ENOSYS;
	return -1;
#endif
}

bool
pooler_net_arm(int epoll_fd, bool add, int fd, uint64 client, bool greet)
{
	struct epoll_event e;

	e.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT | (greet ? EPOLLOUT : 0);
	e.data.u64 = client;
	return epoll_ctl(epoll_fd, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd,
					 &e) == 0;
}

int64
pooler_net_raise_files(int64 wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	if (limit.rlim_cur != RLIM_INFINITY && (int64) limit.rlim_cur < wanted)
	{
		limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? (rlim_t) wanted :
			Min((rlim_t) wanted, limit.rlim_max);
		(void) setrlimit(RLIMIT_NOFILE, &limit);
		if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
			return -1;
	}
	return limit.rlim_cur == RLIM_INFINITY ? wanted : (int64) limit.rlim_cur;
}
