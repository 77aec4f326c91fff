/*
 * history.c
 *	  What each pool did in each second of the last hour.
 *
 * A ring of samples for each pool, by second modulo their number, that the
 * worker alone writes. It looks at the backends ten times a second, for their
 * average, and writes a sample when the second is over. Counters are taken as
 * differences to what they were the second before; where they were set back,
 * since then: what came before in that second is lost.
 *
 * A sample bears its second, which is cleared before and set after the rest is
 * written: who reads the same second before and after his copy has a whole one.
 * Seconds in which the worker did not run have no sample; what others did in
 * them is in the next one's.
 *
 * The ring (260 kB) is allocated for a pool's entry when it is first used and
 * stays with that entry, also for a later pool: readers need no lock. It is in
 * shared memory and survives the worker, not a restart of the server. Where
 * there is no memory for it, what is done is in no sample; see make_ring().
 *
 * src/history.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "counters.h"
#include "figures.h"
#include "history.h"
#include "rows.h"
#include "shmem.h"
#include "since.h"

PG_FUNCTION_INFO_V1(pooler_history_samples);

#define RETRY_MS	30000

/* What the worker remembers of a pool from the last second. */
typedef struct Remembered
{
	TimestampTz made_at;		/* of which pool in this entry, 0: none */
	double		busy;			/* sum of all looks in this second */
	uint64		transactions;
	uint64		checkouts;
	uint64		timeouts;
	uint64		closed;
	uint64		recycled;
	uint64		uses;
	uint64		held_us;
	uint64		wait_us;
} Remembered;

static Remembered remembered[POOLER_MAX_POOLS];
static int	looks = 0;			/* in this second */
static int64 this_second = 0;
static TimestampTz refused_at = 0;	/* there was no memory for a ring */

static int64
second_of(TimestampTz at)
{
	return at / USECS_PER_SEC;
}

static HistorySample *
ring_of(const PoolerPool *p)
{
	if (!DsaPointerIsValid(p->history))
		return NULL;
	return dsa_get_address(pooler_shmem_dsa(), p->history);
}

/* ---- the worker ---- */

/*
 * NULL: there is no memory, for other pools neither: all rings have one size.
 * Each try is an ERROR in the log, so it is not made every second.
 */
static HistorySample *
make_ring(PoolerPool *p, TimestampTz now)
{
	HistorySample *ring = ring_of(p);
	Size		size = sizeof(HistorySample) * HISTORY_SECONDS;

	if (ring != NULL)
		return ring;
	if (refused_at != 0 && !pooler_since_exceeds(refused_at, now, RETRY_MS))
		return NULL;
	p->history = pooler_shmem_allocate(size, NULL);
	ring = ring_of(p);
	if (ring != NULL)
		memset(ring, 0, size);
	else
		refused_at = now;
	return ring;
}

/* How much a counter has grown; *last is what it was, and is now. */
static uint64
grown(uint64 *last, uint64 now)
{
	uint64		by = now >= *last ? now - *last : now;

	*last = now;
	return by;
}

static void
begin_counters(Remembered *r)
{
	r->transactions = r->checkouts = r->timeouts = 0;
	r->closed = r->recycled = 0;
	r->uses = r->held_us = r->wait_us = 0;
}

static void
take_counters(HistorySample *s, const PoolerPool *p, Remembered *r)
{
	PoolerCounts done = pooler_counters_of_pool(p - pooler_pools);

	s->transactions = grown(&r->transactions, done.transactions);
	s->checkouts = grown(&r->checkouts, done.checkouts);
	s->timeouts = grown(&r->timeouts, p->timeouts);
	s->closed = grown(&r->closed, p->closed);
	s->recycled = grown(&r->recycled, p->recycled + p->invalidated);
	s->uses = grown(&r->uses, pooler_histogram_total(&done.held));
	s->held_us = grown(&r->held_us, done.held.sum_us);
	s->wait_us = grown(&r->wait_us, p->wait_us);
}

static void
fill(HistorySample *s, const PoolerPool *p, Remembered *r,
	 const PoolCounts *backends, const WaitFigures *waits, TimestampTz now)
{
	memset(s, 0, sizeof(*s));
	s->busy = looks > 0 ? r->busy / looks : 0;
	s->backends = backends->all;
	s->clients = p->clients;
	s->waiting = waits->clients;
	/* one who was seen after `now` was read has not waited yet */
	s->longest_wait_ms = waits->first == 0 ? 0 :
		Max(now - waits->first, 0) / 1000;
	take_counters(s, p, r);
}

static void
put_sample(HistorySample *ring, int64 second, const HistorySample *s)
{
	HistorySample *place = &ring[second % HISTORY_SECONDS];

	place->second = 0;
	pg_write_barrier();
	*place = *s;				/* its second is 0 */
	pg_write_barrier();
	place->second = second;
}

static void
end_second_of(PoolerPool *p, Remembered *r, const PoolCounts *backends,
			  const WaitFigures *waits, TimestampTz now)
{
	HistorySample *ring = make_ring(p, now);
	HistorySample s;

	if (r->made_at != p->made_at)
		begin_counters(r);
	r->made_at = p->made_at;
	fill(&s, p, r, backends, waits, now);
	if (ring != NULL)
		put_sample(ring, second_of(now) - 1, &s);
}

static void
end_second(TimestampTz now, const PoolCounts *backends)
{
	WaitFigures *waits = pooler_figures_waits();

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state != POOL_FREE)
			end_second_of(&pooler_pools[i], &remembered[i], &backends[i],
						  &waits[i], now);
		remembered[i].busy = 0;
	}
	looks = 0;
}

void
pooler_history_turn(TimestampTz now)
{
	PoolCounts *backends = pooler_figures_count(0);

	if (second_of(now) != this_second)
	{
		if (this_second != 0)
			end_second(now, backends);
		this_second = second_of(now);
	}
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		remembered[i].busy += backends[i].active + backends[i].pinned;
	looks++;
}

void
pooler_history_start(void)
{
	HistorySample past;

	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		if (pooler_pools[i].state == POOL_FREE)
			continue;
		take_counters(&past, &pooler_pools[i], &remembered[i]);
		remembered[i].made_at = pooler_pools[i].made_at;
	}
}

void
pooler_history_restart(void)
{
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		begin_counters(&remembered[i]);
}

void
pooler_history_follow_clock(const ClockStep *step)
{
	pooler_since_follow(&refused_at, step);
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
		pooler_since_follow(&remembered[i].made_at, step);
}

/* ---- readers ---- */

int
pooler_history_read(int pool, TimestampTz now, int seconds,
					HistorySample *samples)
{
	const PoolerPool *p = &pooler_pools[pool];
	HistorySample *ring = ring_of(p);
	int64		end = second_of(now);
	int			n = 0;

	if (ring == NULL)
		return 0;
	for (int64 second = end - seconds; second < end; second++)
	{
		volatile HistorySample *place = &ring[second % HISTORY_SECONDS];
		HistorySample *s = &samples[n];

		if (place->second != second || second < second_of(p->made_at))
			continue;
		pg_read_barrier();
		*s = *place;
		pg_read_barrier();
		if (place->second == second)
			n++;
	}
	return n;
}

static void
sample_row(Row *row, const PoolerPool *pool, const HistorySample *s)
{
	put_text(row, pool->name);
	put_time(row, s->second * USECS_PER_SEC);
	put_int(row, s->backends);
	put_float(row, s->busy, false);
	put_int(row, s->clients);
	put_int(row, s->waiting);
	put_interval(row, s->waiting > 0 ? s->longest_wait_ms * INT64CONST(1000) : -1);
	put_int8(row, s->transactions);
	put_int8(row, s->checkouts);
	put_int8(row, s->timeouts);
	put_int8(row, s->closed);
	put_int8(row, s->recycled);
	put_interval(row, s->wait_us);
	put_int8(row, s->uses);
	put_interval(row, s->held_us);
	pooler_rows_end(row);
}

/* pooler.history(): by name, which one that drains may share with another */
Datum
pooler_history_samples(PG_FUNCTION_ARGS)
{
	HistorySample *samples = palloc(sizeof(HistorySample) * HISTORY_SECONDS);
	TimestampTz now = GetCurrentTimestamp();
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < POOLER_MAX_POOLS; i++)
	{
		bool		told = pooler_pools[i].state != POOL_FREE &&
			pooler_pools[i].state != POOL_DRAINING;
		int			n = !told ? 0 :
			pooler_history_read(i, now, HISTORY_SECONDS, samples);

		for (int j = 0; j < n; j++)
			sample_row(&row, &pooler_pools[i], &samples[j]);
	}
	return (Datum) 0;
}
