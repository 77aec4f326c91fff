/*
 * birth.h
 *	  A pooled backend's life up to its first client.
 *
 * src/birth.h
 */
#ifndef POOLER_BIRTH_H
#define POOLER_BIRTH_H

/* In _PG_init. */
extern void pooler_birth_install(void);

/* May somebody else's ClientAuthentication_hook want to see logins? */
extern bool pooler_birth_foreign_hook(void);

#endif							/* POOLER_BIRTH_H */
