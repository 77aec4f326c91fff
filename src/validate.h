/*
 * validate.h
 *	  Are the settings sufficient, and fit for production?
 *
 * src/validate.h
 */
#ifndef POOLER_VALIDATE_H
#define POOLER_VALIDATE_H

#include "nodes/pg_list.h"

/* A demand for connections, and what there is. */
typedef struct CapacityCheck
{
	const char *name;			/* server, direct, clients, role, database */
	const char *subject;		/* the role or database, else NULL */
	int			required;		/* -1: a pool has no limit */
	int			available;
	bool		enough;
	const char *detail;			/* where `required` comes from */
	const char *advice;			/* one sentence, NULL where it is enough */
} CapacityCheck;

/* One of the guide's rules for production. */
typedef struct ProductionCheck
{
	const char *name;			/* recycle, pre_ping, echo, capacity */
	const char *pool;			/* a pool's own value, else NULL */
	const char *setting;
	const char *value;
	const char *required;
	bool		passed;
	const char *hint;			/* NULL where it passed */
} ProductionCheck;

/* Lists of pointers to the above, palloc'd.  In a transaction. */
extern List *pooler_validate_capacity(void);
extern List *pooler_validate_production(void);

/* The first of these: server, direct, clients.  Reads no catalog, waits for
 * nobody. */
extern List *pooler_validate_totals(void);

/*
 * Writes what is not sufficient to the log: shortfalls always, the rules for
 * production where pooler.env says so.  For the worker, at its start and after
 * each reload, outside a transaction.
 */
extern void pooler_validate_log(void);

/* Used slots of max_connections that are not the pooler's backends. */
extern int	pooler_validate_others(void);

/* What all pools that use a database may open; *limit: its CONNECTION LIMIT, -1:
 * none, or there is no such database. */
extern int	pooler_validate_database(const char *database, int *limit);

#endif							/* POOLER_VALIDATE_H */
