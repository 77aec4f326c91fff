/*
 * records.c
 *	  Session settings as interned records in shared memory.
 *
 * A table of fixed size holds the records' heads; their bytes live in the DSA
 * area.  Heads with the same hash hang together in a bucket's chain, free ones
 * in the free list; links are numbers, and 0 ends a list as it also names the
 * empty record.  Records whose hashes collide are told apart by their bytes.
 *
 * Locking: pooler_shared->records_lock.  Shared: chains stand still and every
 * record in one has a reference.  Exclusive: for links, and for the step from
 * one reference to none, so that nobody can find a record that is about to go.
 * Steps between higher counts need no lock.
 *
 * src/records.c
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/dsa.h"

#include "records.h"
#include "shmem.h"

typedef struct Record
{
	uint32		next;			/* in its chain, or in the free list */
	uint32		hash;
	int			len;
	pg_atomic_uint32 refs;
	dsa_pointer bytes;
} Record;

typedef struct Table
{
	/* immutable */
	int			nrecords;		/* records[1 .. nrecords] */
	uint32		mask;			/* buckets - 1 */

	/* under records_lock */
	uint32		free;
} Table;

static Table *table = NULL;
static uint32 *buckets = NULL;
static Record *records = NULL;

static uint32
bucket_count(int max_records)
{
	return pg_nextpower2_32(Max(max_records, 16));
}

Size
pooler_records_size(int max_records)
{
	Size		size = MAXALIGN(sizeof(Table));

	size = add_size(size, MAXALIGN(mul_size(sizeof(uint32),
											bucket_count(max_records))));
	return add_size(size, mul_size(sizeof(Record), max_records + 1));
}

/* Carves the place up, and fills it unless another process has (found). */
void
pooler_records_startup(void *place, int max_records, bool found)
{
	uint32		nbuckets = bucket_count(max_records);

	table = (Table *) place;
	buckets = (uint32 *) ((char *) place + MAXALIGN(sizeof(Table)));
	records = (Record *) ((char *) buckets +
						  MAXALIGN(sizeof(uint32) * nbuckets));
	if (found)
		return;
	table->nrecords = max_records;
	table->mask = nbuckets - 1;
	table->free = max_records > 0 ? 1 : 0;
	memset(buckets, 0, sizeof(uint32) * nbuckets);
	for (int i = 0; i <= max_records; i++)
	{
		records[i].next = i < max_records ? i + 1 : 0;
		records[i].bytes = InvalidDsaPointer;
		pg_atomic_init_u32(&records[i].refs, 0);
	}
}

/* Under the lock, shared or exclusive.  Takes a reference. */
static uint32
find(const char *data, int len, uint32 hash)
{
	uint32		i = buckets[hash & table->mask];

	for (; i != 0; i = records[i].next)
	{
		Record	   *r = &records[i];

		if (r->hash == hash && r->len == len &&
			memcmp(dsa_get_address(pooler_shmem_dsa(), r->bytes), data,
				   len) == 0)
		{
			pg_atomic_fetch_add_u32(&r->refs, 1);
			return i;
		}
	}
	return 0;
}

/* Under the exclusive lock. */
static uint32
insert(const char *data, int len, uint32 hash)
{
	dsa_pointer bytes;
	uint32	   *bucket = &buckets[hash & table->mask];
	uint32		i;
	Record	   *r;

	if (table->free == 0)
		return 0;
	bytes = pooler_shmem_allocate(len, pooler_shared->records_lock);
	if (!DsaPointerIsValid(bytes) || table->free == 0)
		return 0;
	memcpy(dsa_get_address(pooler_shmem_dsa(), bytes), data, len);
	i = table->free;
	r = &records[i];
	table->free = r->next;
	r->hash = hash;
	r->len = len;
	r->bytes = bytes;
	pg_atomic_write_u32(&r->refs, 1);
	r->next = *bucket;
	*bucket = i;
	return i;
}

/*
 * The number of the record with these bytes, with one reference more.  Returns
 * 0 for no bytes, for more than POOLER_RECORDS_MAX_LEN, and where the table or
 * the memory is full: the caller then keeps client and backend together.
 */
uint32
pooler_records_intern(const char *data, int len)
{
	uint32		hash;
	uint32		i;

	if (len <= 0 || len > POOLER_RECORDS_MAX_LEN)
		return 0;
	hash = hash_bytes((const unsigned char *) data, len);
	LWLockAcquire(pooler_shared->records_lock, LW_SHARED);
	i = find(data, len, hash);
	LWLockRelease(pooler_shared->records_lock);
	if (i != 0)
		return i;
	LWLockAcquire(pooler_shared->records_lock, LW_EXCLUSIVE);
	i = find(data, len, hash);
	if (i == 0)
		i = insert(data, len, hash);
	LWLockRelease(pooler_shared->records_lock);
	return i;
}

/* One reference more for somebody who gets the number from a holder of one. */
void
pooler_records_ref(uint32 record)
{
	uint32		old PG_USED_FOR_ASSERTS_ONLY;

	if (record == 0)
		return;
	Assert(record <= (uint32) table->nrecords);
	old = pg_atomic_fetch_add_u32(&records[record].refs, 1);
	Assert(old > 0);
}

/* Under the exclusive lock, when nobody refers to it any more. */
static void
discard(uint32 record)
{
	Record	   *r = &records[record];
	uint32	   *link = &buckets[r->hash & table->mask];

	while (*link != record)
	{
		Assert(*link != 0);
		link = &records[*link].next;
	}
	*link = r->next;
	dsa_free(pooler_shmem_dsa(), r->bytes);
	r->bytes = InvalidDsaPointer;
	r->next = table->free;
	table->free = record;
}

void
pooler_records_unref(uint32 record)
{
	Record	   *r;
	uint32		refs;

	if (record == 0)
		return;
	Assert(record <= (uint32) table->nrecords);
	r = &records[record];
	refs = pg_atomic_read_u32(&r->refs);
	Assert(refs > 0);
	while (refs > 1)
	{
		if (pg_atomic_compare_exchange_u32(&r->refs, &refs, refs - 1))
			return;
	}
	LWLockAcquire(pooler_shared->records_lock, LW_EXCLUSIVE);
	if (pg_atomic_sub_fetch_u32(&r->refs, 1) == 0)
		discard(record);
	LWLockRelease(pooler_shared->records_lock);
}

/* The bytes and their number; NULL and 0 for the empty record. */
const char *
pooler_records_get(uint32 record, int *len)
{
	if (record == 0)
	{
		*len = 0;
		return NULL;
	}
	Assert(record <= (uint32) table->nrecords);
	Assert(pg_atomic_read_u32(&records[record].refs) > 0);
	*len = records[record].len;
	return dsa_get_address(pooler_shmem_dsa(), records[record].bytes);
}
