/*
 * traffic.c
 *	  How many bytes a TCP connection has carried.
 *
 * No process sees all bytes of a client, for it moves from backend to backend;
 * the kernel counts them with its socket. Unix sockets are not counted.
 *
 * A file of its own: the kernel's header has the counters, the C library's has
 * not, and they cannot be included together.
 *
 * src/traffic.c
 */
#include "postgres.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "traffic.h"

/* A state in which the peer has closed; its FIN was counted as a byte. */
#define STATE_CLOSE_WAIT	8	/* TCP_CLOSE_WAIT of netinet/tcp.h */

bool
pooler_traffic_read(int fd, uint64 *received, uint64 *sent)
{
	struct tcp_info info;
	socklen_t	len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
		len < offsetof(struct tcp_info, tcpi_bytes_retrans) +
		sizeof(info.tcpi_bytes_retrans))
		return false;
	*received = info.tcpi_bytes_received -
		(info.tcpi_state == STATE_CLOSE_WAIT ? 1 : 0);
	*sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	return true;
}

bool
pooler_traffic_mark(int fd, uint64 *mark)
{
	uint64		received;
	uint64		sent;
	int			unread = 0;
	bool		counted = pooler_traffic_read(fd, &received, &sent);

	if (!counted)
		(void) ioctl(fd, SIOCOUTQ, &unread);
	*mark = counted ? received + sent : unread;
	return counted;
}
