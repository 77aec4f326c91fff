/*
 * dispatch.h
 *	  Gives backends to the routes that need them.
 *
 * src/dispatch.h
 */
#ifndef POOLER_DISPATCH_H
#define POOLER_DISPATCH_H

extern void pooler_dispatch_start(void);

/* In every pool that is dirty. */
extern void pooler_dispatch_pools(void);

/* Shall whoever of this pool is first at a boundary give its place to another
 * pool?  Said again at each look, until there is no need. */
extern void pooler_dispatch_give(int pool, bool yes);

/* Shall this pool's unborn backends stay, since others will want them soon? */
extern bool pooler_dispatch_needs_spares(int pool);

#endif							/* POOLER_DISPATCH_H */
