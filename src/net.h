/*
 * net.h
 *	  Sockets: listening, accepting, passing open files between processes.
 *
 * src/net.h
 */
#ifndef POOLER_NET_H
#define POOLER_NET_H

#include "libpq/pqcomm.h"

#define NET_MAX_LISTEN	64
#define NET_MAX_FDS		3

/* Opens the sockets of the settings; returns how many, at most NET_MAX_LISTEN.
 * What cannot be opened is a LOG line. */
extern int	pooler_net_listen(const char *addresses, const char *directories,
							  int port, int *fds);
/* The same for addresses alone, those of this setting. */
extern int	pooler_net_listen_addresses(const char *setting,
										const char *addresses, int port,
										int *fds);
/* Removes what pooler_net_listen() left in the file system. */
extern void pooler_net_unlisten(void);

/*
 * Returns a non-blocking, close-on-exec socket with its two addresses;
 * NET_NOBODY; or NET_NO_ROOM: somebody is there and cannot be let in, since
 * there is no file or no memory left, which the log has heard. Whoever was asked
 * then rests for a while: the listening socket stays ready.
 */
#define NET_NOBODY	(-1)
#define NET_NO_ROOM	(-2)
extern int	pooler_net_accept(int listen_fd, SockAddr *raddr, SockAddr *laddr);

/* Sends one message with up to NET_MAX_FDS files. Never blocks; returns false
 * with errno. */
extern bool pooler_net_send(int fd, const void *message, size_t len,
							const int *fds, int nfds);

/* Receives one message, without waiting. Returns its length, 0 at EOF, -1 with
 * errno; fds[] gets *nfds files (close-on-exec). */
extern int	pooler_net_receive(int fd, void *message, size_t size, int *fds,
							   int *nfds);

/* A file that stands for this process, close-on-exec; -1 with errno. Who has it
 * may copy files of this process, if the kernel lets him trace it. */
extern int	pooler_net_this_process(void);
/* A copy, close-on-exec, of the file that `process` has under that number; -1
 * with errno. */
extern int	pooler_net_copy_file(int process, int number);

/* Puts a client (slot | generation << 32) into a route's epoll for one event,
 * or re-arms it there: it belongs to whoever harvests that event. `greet`: the
 * client waits for the end of its login, not the server for the client. */
extern bool pooler_net_arm(int epoll_fd, bool add, int fd, uint64 client,
						   bool greet);

/* Raises the soft limit of open files to `wanted` or as far as it goes.
 * Returns the limit that holds now. */
extern int64 pooler_net_raise_files(int64 wanted);

#endif							/* POOLER_NET_H */
