/*
 * evloop.h
 *	  The worker's epoll: which file means what.
 *
 * src/evloop.h
 */
#ifndef POOLER_EVLOOP_H
#define POOLER_EVLOOP_H

typedef enum EventKind
{
	EVENT_LISTEN,				/* index: of the listening socket */
	EVENT_CLIENT,				/* slot of a client that the worker reads */
	EVENT_LIBPQ,				/* member: its connection while it is opened */
	EVENT_CONTROL,				/* member: its control socket */
	EVENT_ROUTE,				/* route without backends: a client is ready */
	EVENT_METRICS_LISTEN,		/* index: of the metrics' listening socket */
	EVENT_METRICS,				/* a connection to it; stamp: which one */
	EVENT_DOOR					/* a connection without a slot (door.c); stamp */
} EventKind;

typedef struct Event
{
	EventKind	kind;
	int			index;
	uint32		stamp;			/* which one of those that had this slot or
								 * place: EVENT_CLIENT, EVENT_METRICS, EVENT_DOOR */
	bool		hup;
} Event;

extern void pooler_evloop_start(void);
extern void pooler_evloop_add(int fd, bool write, EventKind kind, int index,
							  uint32 stamp);
/* The same for reading, where an ERROR would leave something half done. False: it
 * is not watched, which is logged. */
extern bool pooler_evloop_try_add(int fd, EventKind kind, int index,
								  uint32 stamp);
extern void pooler_evloop_change(int fd, bool write, EventKind kind, int index,
								 uint32 stamp);

/* Before the file is closed or replaced: see the comment at the function. */
extern void pooler_evloop_remove(int fd);

/* Listening sockets, whose index is their place among these; all or none. False:
 * none, though they were to be; logged. */
extern bool pooler_evloop_listen(const int *fds, int n, EventKind kind,
								 bool on);

/* Waits, with signals let in, for at most timeout_ms. Returns events. */
extern int	pooler_evloop_wait(Event *events, int max, int timeout_ms);

#endif							/* POOLER_EVLOOP_H */
