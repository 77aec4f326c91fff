/*
 * variables.h
 *	  The server's table of settings: look-up, values as text, placeholders.
 *
 * src/variables.h
 */
#ifndef POOLER_VARIABLES_H
#define POOLER_VARIABLES_H

#include "utils/guc.h"
#include "utils/guc_tables.h"

/* Room for a number as text. */
#define POOLER_VARIABLES_NUMBER 64

extern void pooler_variables_init(void);

/* guc.c's order of names: case is ignored, in ASCII only. */
extern int	pooler_variables_compare(const char *a, const char *b);

/* NULL if there is none of this name; creates no placeholder. */
extern struct config_generic *pooler_variables_find(const char *name);

/* Those that hold something of a client's, and all that are reported to
 * clients, by name.  Returns their number; the list is good until next time. */
extern int	pooler_variables_carried(struct config_generic ***list);
extern int	pooler_variables_reported(struct config_generic ***list);

/* Looked after by the transaction (xact.c) or by pins.c. */
extern bool pooler_variables_is_excluded(const char *name);

/* The value, or the one RESET would give, as text that is parsed back to
 * exactly that; NULL where it is NULL.  `number`: POOLER_VARIABLES_NUMBER. */
extern const char *pooler_variables_value(struct config_generic *var,
										  bool reset, char *number);

/* The value as ParameterStatus shows it. */
extern const char *pooler_variables_show(struct config_generic *var,
										 char *number);

/* The client knows this value. */
extern void pooler_variables_note_told(struct config_generic *var,
									   const char *value);

/* Exists only because somebody set it. */
extern bool pooler_variables_is_placeholder(struct config_generic *var);

/* Brings back a forgotten placeholder of this name, if that is possible. */
extern void pooler_variables_revive(const char *name);

/* Takes all values from a placeholder, outside a transaction. */
extern void pooler_variables_empty(struct config_generic *var);

/* Makes such a placeholder unknown again, as in a new session.  False: cannot;
 * close the backend. */
extern bool pooler_variables_forget(struct config_generic *var);

#endif							/* POOLER_VARIABLES_H */
