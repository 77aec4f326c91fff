/*
 * control.h
 *	  What the worker and its backends say to each other.
 *
 * Two channels. On libpq's socket, before birth: UnbornMessage from the
 * backend, BirthMessage (with its files) to it. Afterwards on the control
 * socket, a SOCK_SEQPACKET pair made for each birth: ControlMessages only, so
 * that nothing a dying backend writes for a client can be mistaken for one.
 *
 * src/control.h
 */
#ifndef POOLER_CONTROL_H
#define POOLER_CONTROL_H

#include "utils/dsa.h"

#define CONTROL_UNBORN_MAGIC	0x706f6c55	/* never a v3 message's start */
#define CONTROL_BIRTH_MAGIC		0x706f6c42

/* backend to worker, on libpq's socket: it waits in the hook */
typedef struct UnbornMessage
{
	uint32		magic;
	int32		member;
	int32		pid;
} UnbornMessage;

/* worker to backend; files: the control socket's end, the route's epoll, and, if
 * the kernel has such, one that stands for the worker */
typedef struct BirthMessage
{
	uint32		magic;
	int32		member;
	int32		pool;
	int32		route;
	Oid			role;
	bool		superuser;		/* what the role was at its client's login */
	char		role_name[NAMEDATALEN];
} BirthMessage;

typedef enum ControlType
{
	/* backend to worker */
	CONTROL_FETCH = 1,			/* send me this client's file: I cannot copy it */
	CONTROL_CLOSED,				/* I owned it; it has gone: you own it now */
	CONTROL_MISPLACED,			/* I owned it; it is of another database */
	CONTROL_HUNG_UP,			/* I own it, without its file: look at it */
	CONTROL_GREETED,			/* its login was finished; text, len: how */
	CONTROL_LEAVING,			/* I exit and own nothing */
	/* worker to backend */
	CONTROL_FILE,				/* the answer to FETCH, with the file */
	CONTROL_NO_FILE				/* that client is gone */
} ControlType;

typedef struct ControlMessage
{
	ControlType type;
	uint32		slot;
	uint32		generation;
	uint32		record;			/* GREETED: with a reference for the worker */
	dsa_pointer text;			/* GREETED: ParameterStatus messages, to free */
	uint32		len;
	int			encoding;		/* GREETED: the client's */
	int			idle_session_timeout_ms;	/* GREETED: see PoolerClient */
} ControlMessage;

#endif							/* POOLER_CONTROL_H */
