/*
 * compiled.h
 *	  Functions that PL/pgSQL compiled under another client's settings.
 *
 * src/compiled.h
 */
#ifndef POOLER_COMPILED_H
#define POOLER_COMPILED_H

/* This setting changes, for the sake of another client. */
extern void pooler_compiled_note(const char *setting);

/*
 * Before a client is served, and at its boundaries. Where something was noted, or
 * the search_path is another one, each function is compiled anew at its next call;
 * none is in use. False: they cannot be found in this server; close the backend.
 */
extern bool pooler_compiled_renew(void);

#endif							/* POOLER_COMPILED_H */
