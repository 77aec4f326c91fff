/*
 * pins.h
 *	  Session state that binds a client to its backend, and its cleaning.
 *
 * src/pins.h
 */
#ifndef POOLER_PINS_H
#define POOLER_PINS_H

#include "shmem.h"

/* In _PG_init: hooks that notice what cannot be seen afterwards. */
extern void pooler_pins_install(void);

/* At the first boundary after birth, outside any transaction: what is there
 * now is nobody's. `pool` bounds the pinned (max_pinned). */
extern void pooler_pins_init(PoolerPool *pool);

/* A client was taken, without pins. `pooled`: in transaction mode; a statement
 * that would pin one client too many is refused. */
extern void pooler_pins_serve(bool pooled);

/* At a boundary: PIN_ bits of all state that is there now. */
extern uint32 pooler_pins_look(void);

/* Temporary objects of the client may be here: in this transaction, or as of the
 * last look. */
extern bool pooler_pins_may_have_temp(void);

/* May one more client be pinned in this pool?  Takes the place if so. A place
 * that is held already counts once; one that a statement has reserved is it.
 * An exiting process leaves by itself. */
extern bool pooler_pins_enter(PoolerPool *pool);
extern void pooler_pins_leave(PoolerPool *pool);

/* ParseComplete is about to be sent: refuses a named statement that would pin
 * one client too many (ERROR). */
extern void pooler_pins_parse_complete(void);

/* Ends all state that a client left behind, as DISCARD ALL would; settings are
 * unloaded by settings.c. Cheap where nothing is there. At a boundary, outside
 * any transaction. False: it cannot, close the backend. */
extern bool pooler_pins_clean(void);

/* Sequence state (currval, lastval) is a session's: forgotten at a switch. */
extern void pooler_pins_forget_sequences(void);

/* Name of the lowest bit in *pins, which is cleared; NULL when none is left. */
extern const char *pooler_pins_name(uint32 *pins);

#endif							/* POOLER_PINS_H */
