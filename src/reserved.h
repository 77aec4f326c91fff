/*
 * reserved.h
 *	  The lines that let unborn backends in under their reserved name.
 *
 * src/reserved.h
 */
#ifndef POOLER_RESERVED_H
#define POOLER_RESERVED_H

/* To come first in pg_hba.conf and pg_ident.conf; palloc'd. */
extern char *pooler_reserved_hba_line(void);
extern char *pooler_reserved_ident_line(void);

#endif							/* POOLER_RESERVED_H */
