/*
 * measure.c
 *	  How long a client waited for this backend, and held it.
 *
 * A client holds its backend from the moment it was taken to the boundary where
 * it could be given up. The silence of one that is kept there does not count;
 * that of one that is pinned does, for nobody else could have the backend.
 *
 * When a client began to wait nobody sees: its bytes come to a socket that
 * nobody reads. The kernel knows since when they lie there, in its ticks (1 to
 * 10 ms, by its configuration), but asking costs a system call. So one of
 * SAMPLE_EVERY checkouts is asked for and counts for those before it, and all
 * whom the worker saw wait (waits.c, from 0.1 s on) are, for themselves. Where
 * the kernel cannot tell, on a Unix socket, only the latter are counted.
 *
 * All goes to counters of this backend alone (counters.c).
 *
 * src/measure.c
 */
#include "postgres.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "backend.h"
#include "measure.h"

#define SAMPLE_EVERY	16

static TimestampTz began = 0;
static uint32 unsampled = 0;	/* checkouts since the last one asked for */
static uint32 sample_at = 1;	/* the first one is */

/* For how long the client's last bytes have lain in the socket, us; -1: this
 * socket does not tell. */
static int64
lain_us(int fd)
{
	struct tcp_info info;
	socklen_t	len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -1;
	return (int64) info.tcpi_last_data_recv * 1000;
}

void
pooler_measure_wait(int fd, TimestampTz taken_at, TimestampTz stamped)
{
	Histogram  *wait = &pooler_self.member->counts.wait;
	int64		lain;

	if (stamped != 0)
	{
		pooler_histogram_add(wait, Max(taken_at - stamped, lain_us(fd)), 1);
		return;
	}
	if (++unsampled < sample_at)
		return;
	sample_at = SAMPLE_EVERY;
	lain = lain_us(fd);
	if (lain >= 0)
		pooler_histogram_add(wait, lain, unsampled);
	unsampled = 0;
}

void
pooler_measure_begin(TimestampTz at)
{
	began = at;
}

void
pooler_measure_end(PoolerClient *client, TimestampTz at)
{
	if (began != 0)
	{
		pooler_histogram_add(&pooler_self.member->counts.held, at - began, 1);
		client->busy_us += Max(at - began, 0);
	}
	began = 0;
}

void
pooler_measure_again(TimestampTz at)
{
	pooler_histogram_add(&pooler_self.member->counts.wait, 0, 1);
	began = at;
}
