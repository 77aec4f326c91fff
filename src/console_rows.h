/*
 * console_rows.h
 *	  Rows of the console as messages, in text or binary; pure.
 *
 * src/console_rows.h
 */
#ifndef POOLER_CONSOLE_ROWS_H
#define POOLER_CONSOLE_ROWS_H

#include "lib/stringinfo.h"

/* As PgBouncer types its columns. */
typedef enum ConsoleType
{
	COLUMN_TEXT,
	COLUMN_INT4,
	COLUMN_NUMERIC
} ConsoleType;

typedef struct ConsoleColumn
{
	const char *name;
	ConsoleType type;
} ConsoleColumn;

typedef struct ConsoleRows
{
	StringInfo	out;
	const ConsoleColumn *columns;
	int			ncolumns;
	const int16 *formats;		/* as in Bind: none, one for all, or one each */
	int			nformats;
	int			at;				/* column that comes next */
	StringInfoData row;
} ConsoleRows;

extern void pooler_console_rows_begin(ConsoleRows *rows, StringInfo out,
									  const ConsoleColumn *columns,
									  int ncolumns);

/* RowDescription */
extern void pooler_console_rows_describe(ConsoleRows *rows);

/* Are these two texts shown as the same one? */
extern bool pooler_console_rows_alike(const char *a, const char *b);

/* The next column's value; a NULL text is NULL. The last one ends the row. */
extern void pooler_console_rows_text(ConsoleRows *rows, const char *value);
extern void pooler_console_rows_number(ConsoleRows *rows, int64 value);

extern void pooler_console_rows_end(ConsoleRows *rows);

#endif							/* POOLER_CONSOLE_ROWS_H */
