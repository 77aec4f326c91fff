/*
 * console_session.h
 *	  What a console's client asks, message by message, and is answered.
 *
 * src/console_session.h
 */
#ifndef POOLER_CONSOLE_SESSION_H
#define POOLER_CONSOLE_SESSION_H

#include "lib/stringinfo.h"

#include "console_query.h"

#define CONSOLE_MAX_NAMED	32	/* statements, and portals, of one console */
#define CONSOLE_MAX_FORMATS	32	/* result formats in a Bind: most columns */
#define CONSOLE_MUCH		65536	/* no more answers before this is sent */

typedef struct Named
{
	bool		used;
	char		name[NAMEDATALEN];
	ConsoleStatement statement;
	int16		formats[CONSOLE_MAX_FORMATS];	/* portals */
	int			nformats;
	bool		ended;			/* portals read in pieces: to the last row */
} Named;

/* Zero at first, but for `context` and `out`. */
typedef struct ConsoleSession
{
	MemoryContext context;		/* for as long as it lasts */
	StringInfo	out;			/* answers, to be sent by whoever has the socket */
	bool		in_transaction;
	bool		skips;			/* an error: everything up to Sync */
	Named		statements[CONSOLE_MAX_NAMED];
	Named		portals[CONSOLE_MAX_NAMED];
	Named	   *partly_read;	/* a portal, or NULL */
	StringInfoData rest;		/* its rows as messages; cursor: the next one */
} ConsoleSession;

/* One whole message: its type and body. False: there can be no further one. */
extern bool pooler_console_session_take(ConsoleSession *session, char type,
										const char *data, int len);

#endif							/* POOLER_CONSOLE_SESSION_H */
