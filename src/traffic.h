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

#endif							/* POOLER_TRAFFIC_H */
