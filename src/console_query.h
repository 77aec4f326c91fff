/*
 * console_query.h
 *	  Reads the statements that the console understands; pure.
 *
 * src/console_query.h
 */
#ifndef POOLER_CONSOLE_QUERY_H
#define POOLER_CONSOLE_QUERY_H

typedef enum ConsoleShow
{
	SHOW_CLIENTS,
	SHOW_CONFIG,
	SHOW_DATABASES,
	SHOW_HELP,
	SHOW_LISTS,
	SHOW_POOLS,
	SHOW_SERVERS,
	SHOW_STATE,
	SHOW_STATS,
	SHOW_STATS_AVERAGES,
	SHOW_STATS_TOTALS,
	SHOW_TOTALS,
	SHOW_USERS,
	SHOW_VERSION
} ConsoleShow;

typedef enum ConsoleKind
{
	CONSOLE_EMPTY,
	CONSOLE_SHOW,
	CONSOLE_PARAMETER,			/* SHOW of a setting that drivers ask for */
	CONSOLE_BEGIN,
	CONSOLE_END,				/* COMMIT, ROLLBACK */
	CONSOLE_NOTHING,			/* SET and the like by drivers: done by doing
								 * nothing */
	CONSOLE_REFUSED_SET,		/* of what is no driver's business */
	CONSOLE_REFUSED,			/* a command of PgBouncer that is not here */
	CONSOLE_UNKNOWN
} ConsoleKind;

typedef struct ConsoleStatement
{
	ConsoleKind kind;
	ConsoleShow show;			/* CONSOLE_SHOW */
	const char *name;			/* CONSOLE_PARAMETER, CONSOLE_REFUSED */
	const char *value;			/* CONSOLE_PARAMETER */
	const char *tag;			/* of its CommandComplete; NULL if it has none */
	const char *text;			/* where it is, without what precedes it */
	int			len;
} ConsoleStatement;

/* The statement at *at, which is moved behind it; false, and CONSOLE_EMPTY:
 * there is no more. */
extern bool pooler_console_query_next(const char **at,
									  ConsoleStatement *statement);

#endif							/* POOLER_CONSOLE_QUERY_H */
