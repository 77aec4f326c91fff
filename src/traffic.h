/*
 * traffic.h
 *	  How many bytes a TCP connection has carried.
 *
 * src/traffic.h
 */
#ifndef POOLER_TRAFFIC_H
#define POOLER_TRAFFIC_H

/* Since it began, without headers and repetitions. False: it is no TCP socket,
 * or this kernel does not count. */
extern bool pooler_traffic_read(int fd, uint64 *received, uint64 *sent);

/* Of any socket: a number that is another one when bytes have come, or gone to
 * the peer, since. False: what has come does not show in it (a Unix socket). */
extern bool pooler_traffic_mark(int fd, uint64 *mark);

#endif							/* POOLER_TRAFFIC_H */
