/*
 * endpoint.h
 *	  Serves metrics and probes by HTTP: /metrics, /ready, /live.
 *
 * src/endpoint.h
 */
#ifndef POOLER_ENDPOINT_H
#define POOLER_ENDPOINT_H

#include "since.h"

/* Opens pooler.metrics_port, if it is set. What cannot be opened is a LOG line:
 * clients are served all the same. */
extern void pooler_endpoint_start(void);

/* The most files that it has open at once. */
extern int	pooler_endpoint_files(void);

/* Somebody connects (index: of the listening socket); a connection can go on;
 * serving one failed by an ERROR. */
extern void pooler_endpoint_accept(int index);
extern void pooler_endpoint_event(int index, uint32 stamp);
extern void pooler_endpoint_failed(int index, uint32 stamp);

/* From time to time: cuts who is slow. */
extern void pooler_endpoint_upkeep(TimestampTz now);

/* The clock was set. */
extern void pooler_endpoint_follow_clock(const ClockStep *step);

/* The server shuts down: /ready says no from now on. */
extern void pooler_endpoint_note_shutdown(void);

#endif							/* POOLER_ENDPOINT_H */
