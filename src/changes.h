/*
 * changes.h
 *	  Notes changes of roles and databases, in any backend.
 *
 * src/changes.h
 */
#ifndef POOLER_CHANGES_H
#define POOLER_CHANGES_H

/* In _PG_init, while shared_preload_libraries are loaded. */
extern void pooler_changes_install(void);

#endif							/* POOLER_CHANGES_H */
