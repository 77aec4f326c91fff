/*
 * test_records.c
 *	  Interned records: equal bytes, colliding hashes, references, full tables.
 *
 * The server's locks and memory are played by the functions below; the hash is
 * the record's first byte, so that most records collide.
 *
 * links: src/records.c
 *
 * test/unit/test_records.c
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "records.h"
#include "shmem.h"
#include "tap.h"

#define RECORDS 40

static int	locked = 0;
static int	allocated = 0;
static bool memory_is_out = false;

/* ---- the server ---- */

static PoolerShared shared;
PoolerShared *pooler_shared = &shared;

dsa_area *
pooler_shmem_dsa(void)
{
	return NULL;
}

bool
LWLockAcquire(LWLock *lock, LWLockMode mode)
{
	locked++;
	return true;
}

void
LWLockRelease(LWLock *lock)
{
	locked--;
}

dsa_pointer
pooler_shmem_allocate(Size size, LWLock *held)
{
	if (memory_is_out)
		return InvalidDsaPointer;
	allocated++;
	return (dsa_pointer) malloc(size);
}

void *
dsa_get_address(dsa_area *area, dsa_pointer dp)
{
	return (void *) dp;
}

void
dsa_free(dsa_area *area, dsa_pointer dp)
{
	allocated--;
	free((void *) dp);
}

Size
add_size(Size a, Size b)
{
	return a + b;
}

Size
mul_size(Size a, Size b)
{
	return a * b;
}

#if PG_VERSION_NUM >= 160000
void
ExceptionalCondition(const char *condition, const char *file, int line)
#else
void
ExceptionalCondition(const char *condition, const char *type, const char *file,
					 int line)
#endif
{
	printf("not ok - %s, %s:%d\n", condition, file, line);
	abort();
}

uint32
hash_bytes(const unsigned char *k, int keylen)
{
	return k[0];
}

/* ---- tests ---- */

static uint32
intern(const char *text)
{
	return pooler_records_intern(text, strlen(text));
}

static bool
holds(uint32 record, const char *text)
{
	int			len;
	const char *data = pooler_records_get(record, &len);

	return len == strlen(text) && memcmp(data, text, len) == 0;
}

static void
test_equal_and_different(void)
{
	uint32		a = intern("alpha");
	uint32		b = intern("abacus");
	uint32		again = intern("alpha");

	is(a != 0 && b != 0 && a != b, true, "same hash, other bytes: two numbers");
	is(again, a, "equal bytes: the same number");
	is(holds(a, "alpha") && holds(b, "abacus"), true, "bytes come back");
	pooler_records_unref(a);
	is(holds(a, "alpha"), true, "one reference of two given back");
	pooler_records_ref(a);
	pooler_records_unref(a);
	pooler_records_unref(a);
	is(allocated, 1, "the last one frees the bytes");
	is(holds(intern("abacus"), "abacus"), true, "its neighbour is still found");
	pooler_records_unref(b);
	pooler_records_unref(b);
	is(allocated, 0, "nothing is left");
}

static void
test_limits(void)
{
	static char big[POOLER_RECORDS_MAX_LEN + 1];
	int			len;
	uint32		r;

	is(pooler_records_intern("", 0), 0, "no bytes: the empty record");
	is(pooler_records_get(0, &len) == NULL && len == 0, true, "which is empty");
	pooler_records_ref(0);
	pooler_records_unref(0);
	is(pooler_records_intern(big, sizeof(big)), 0, "too long: refused");
	r = pooler_records_intern(big, POOLER_RECORDS_MAX_LEN);
	is(r != 0, true, "the longest");
	pooler_records_unref(r);
	memory_is_out = true;
	is(intern("x"), 0, "out of memory: refused");
	memory_is_out = false;
	r = intern("x");
	is(r != 0, true, "and then not");
	pooler_records_unref(r);
}

static void
test_full_table(void)
{
	uint32		numbers[RECORDS];
	char		text[32];
	int			good = 0;

	for (int i = 0; i < RECORDS; i++)
	{
		snprintf(text, sizeof(text), "%d record", i);
		numbers[i] = intern(text);
	}
	is(intern("one more"), 0, "full: refused");
	is(intern("7 record"), numbers[7], "full: what is there is found");
	pooler_records_unref(numbers[7]);
	for (int i = 0; i < RECORDS; i++)
	{
		snprintf(text, sizeof(text), "%d record", i);
		good += holds(numbers[i], text);
	}
	is(good, RECORDS, "full: all have their bytes");
	for (int i = 0; i < RECORDS; i++)
		pooler_records_unref(numbers[(i * 7) % RECORDS]);
	is(allocated, 0, "emptied in another order");
}

/* Against a model: which texts have how many references. */
static void
test_random(void)
{
	int			refs[60] = {0};
	uint32		numbers[60];
	int			wrong = 0;
	int			live = 0;
	uint32		seed = 1;

	for (int step = 0; step < 200000; step++)
	{
		char		text[16];
		int			i;

		seed = seed * 1664525 + 1013904223;
		i = (seed >> 16) % 60;
		snprintf(text, sizeof(text), "%c%d", 'a' + i % 3, i);
		if ((seed >> 8) & 1)
		{
			uint32		r = intern(text);

			wrong += refs[i] > 0 ? r != numbers[i] :
				(r == 0) != (live == RECORDS);
			if (r == 0)
				continue;
			numbers[i] = r;
			live += refs[i]++ == 0;
		}
		else if (refs[i] > 0)
		{
			wrong += !holds(numbers[i], text);
			pooler_records_unref(numbers[i]);
			live -= --refs[i] == 0;
		}
		wrong += allocated != live || locked != 0;
	}
	is(wrong, 0, "200,000 random steps agree with a model");
}

int
main(void)
{
	void	   *place = malloc(pooler_records_size(RECORDS));

	pooler_records_startup(place, RECORDS, false);
	test_equal_and_different();
	test_limits();
	test_full_table();
	test_random();
	return tap_end();
}
