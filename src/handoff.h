/*
 * handoff.h
 *	  Inside a pooled backend: serve a client, and give it up at a boundary.
 *
 * src/handoff.h
 */
#ifndef POOLER_HANDOFF_H
#define POOLER_HANDOFF_H

/* At birth: from now on PqCommMethods goes through handoff.c. */
extern void pooler_handoff_wrap(void);

/* Before birth: the limit of open files that clients' numbers need. FATAL. */
extern void pooler_handoff_raise_files(void);

/* This process exits: is no longer counted as idle or pinned; if its worker is
 * gone its clients go with it. told: its own client knows why. */
extern void pooler_handoff_exit(bool told);

#endif							/* POOLER_HANDOFF_H */
