/*
 * standby.h
 *	  Notes changes of roles and databases that a primary made, in the worker.
 *
 * src/standby.h
 */
#ifndef POOLER_STANDBY_H
#define POOLER_STANDBY_H

#include "datatype/timestamp.h"

/* In the worker, once. */
extern void pooler_standby_start(void);

/* In the worker, at every turn of its slow tick, outside a transaction. */
extern void pooler_standby_turn(TimestampTz now);

#endif							/* POOLER_STANDBY_H */
