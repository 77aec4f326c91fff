/*
 * base.h
 *	  The values under a client's startup options.
 *
 * src/base.h
 */
#ifndef POOLER_BASE_H
#define POOLER_BASE_H

#include "utils/guc.h"
#include "utils/guc_tables.h"

/*
 * Sets a value that RESET returns to, as a startup packet does.  The one that
 * was there is kept.  False: the server refused, or ERROR with elevel 0.
 */
extern bool pooler_base_set_client(const char *name, const char *value,
								   GucContext context, Oid role, int elevel);

/*
 * Undoes that, outside a transaction, when no session value is in force.
 * False: what was there is unknown; close the backend.
 */
extern bool pooler_base_restore(struct config_generic *var);

/* Is any such value in force? */
extern bool pooler_base_is_covered(void);

#endif							/* POOLER_BASE_H */
