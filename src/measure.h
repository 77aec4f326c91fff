/*
 * measure.h
 *	  How long a client waited for this backend, and held it.
 *
 * src/measure.h
 */
#ifndef POOLER_MEASURE_H
#define POOLER_MEASURE_H

#include "shmem.h"

/* The client was taken; its socket is fd. `stamped`: since when the worker saw
 * it wait, 0: it did not. */
extern void pooler_measure_wait(int fd, TimestampTz taken_at,
								TimestampTz stamped);

/* From here on it holds the backend ... */
extern void pooler_measure_begin(TimestampTz at);

/* ... until here; nothing, if that was said already. */
extern void pooler_measure_end(PoolerClient *client, TimestampTz at);

/* It was kept, and spoke again: it holds the backend and did not wait. */
extern void pooler_measure_again(TimestampTz at);

#endif							/* POOLER_MEASURE_H */
