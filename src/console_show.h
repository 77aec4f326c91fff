/*
 * console_show.h
 *	  What each SHOW of the console has to show.
 *
 * src/console_show.h
 */
#ifndef POOLER_CONSOLE_SHOW_H
#define POOLER_CONSOLE_SHOW_H

#include "console_query.h"
#include "console_rows.h"

/* The version of PgBouncer whose console this is. */
#define POOLER_CONSOLE_VERSION "1.24.1"

/* Consoles that may be open at once. */
#define POOLER_MAX_CONSOLES	32

/* Its columns; 0: it has no rows but a notice, SHOW HELP. */
extern int	pooler_console_columns(ConsoleShow show,
								   const ConsoleColumn **columns);

/* Its rows, of what is now. */
extern void pooler_console_show(ConsoleShow show, ConsoleRows *rows);

/* The text of SHOW HELP. */
extern const char *pooler_console_help(void);

#endif							/* POOLER_CONSOLE_SHOW_H */
