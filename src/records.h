/*
 * records.h
 *	  Session settings as interned records in shared memory.
 *
 * src/records.h
 */
#ifndef POOLER_RECORDS_H
#define POOLER_RECORDS_H

#define POOLER_RECORDS_MAX_LEN	(64 * 1024)

/*
 * A record is bytes under a number; equal bytes have the same number.  0 is
 * the empty record and needs no reference.  Whoever keeps a number keeps a
 * reference: each client, each backend, each of the worker's cached greetings.
 */
extern Size pooler_records_size(int max_records);
extern void pooler_records_startup(void *place, int max_records, bool found);

/* Returns a number with one reference more, or 0 where memory is out. */
extern uint32 pooler_records_intern(const char *data, int len);
extern void pooler_records_ref(uint32 record);
extern void pooler_records_unref(uint32 record);

/* The bytes, valid while the caller holds a reference. */
extern const char *pooler_records_get(uint32 record, int *len);

#endif							/* POOLER_RECORDS_H */
