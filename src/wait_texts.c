/*
 * wait_texts.c
 *	  The statements of clients that wait for a backend, in shared memory.
 *
 * A client that waits has sent its statement and nobody has read it. The worker
 * looks at it in the socket, without reading, and publishes its beginning: as
 * much as pg_stat_activity would show, cut where a character of the client's
 * encoding ends. It does so at its second look at a wait, so that short waits
 * cost nothing.
 *
 * Each client slot has a place for one text; with a huge track_activity_query_size
 * only the first slots do. Only the worker writes: the number `change` is odd
 * meanwhile, and a reader whom it crossed copies anew. A text says which client
 * and which wait it is of, so that whoever reads it can tell an old one.
 *
 * Who may see it is the reader's business (activity.c).
 *
 * src/wait_texts.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"

#include "guc.h"
#include "shmem.h"
#include "wait_texts.h"
#include "wire.h"

/* For all texts together. */
#define MAX_BYTES		((Size) 64 * 1024 * 1024)

/* What may come before the text: heads, names, other messages. */
#define BEFORE_TEXT		512

#define MAX_TRIES		100

typedef struct Place
{
	pg_atomic_uint32 change;	/* odd: it is being written */
	WaitText	head;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} Place;

static char *places = NULL;

/* With its NUL. */
static int
text_size(void)
{
	return pgstat_track_activity_query_size;
}

static Size
place_size(void)
{
	return MAXALIGN(offsetof(Place, text) + text_size());
}

static int
place_count(void)
{
	return Min((Size) pooler_guc_max_client_conn,
			   Max(MAX_BYTES / place_size(), 1));
}

static Place *
place_of(int slot)
{
	return slot < place_count() ?
		(Place *) (places + slot * place_size()) : NULL;
}

Size
pooler_wait_texts_size(void)
{
	return mul_size(place_size(), place_count());
}

void
pooler_wait_texts_startup(void *place, bool found)
{
	places = place;
	if (found)
		return;
	for (int i = 0; i < place_count(); i++)
	{
		memset(place_of(i), 0, offsetof(Place, text));
		pg_atomic_init_u32(&place_of(i)->change, 0);
	}
}

/* ---- the worker ---- */

static void
publish(Place *place, const WaitText *head, const char *text)
{
	pg_atomic_fetch_add_u32(&place->change, 1);
	pg_write_barrier();
	place->head = *head;
	if (head->len > 0)
		memcpy(place->text, text, head->len);
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&place->change, 1);
}

/* What the client has sent, with a NUL behind it; NULL: nothing. */
static const char *
peek(int fd, int *len)
{
	static char *buffer = NULL;
	int			size = text_size() + BEFORE_TEXT;

	if (buffer == NULL)
		buffer = MemoryContextAlloc(TopMemoryContext, size + 1);
	*len = recv(fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
	if (*len <= 0)
		return NULL;
	buffer[*len] = '\0';
	return buffer;
}

void
pooler_wait_texts_look(int slot, int fd)
{
	PoolerClient *c = &pooler_clients[slot];
	Place	   *place = place_of(slot);
	WaitText	head;
	const char *data;
	const char *text = NULL;
	int			len;

	head.generation = pg_atomic_read_u32(&c->generation);
	head.since = c->waiting_since;
	if (place == NULL || !pgstat_track_activities || c->greet ||
		(place->head.generation == head.generation &&
		 place->head.since == head.since))
		return;
	head.taken = c->waiting_taken;
	head.role = pooler_routes[c->route].role;
	head.encoding = c->encoding;
	head.len = -1;
	data = peek(fd, &len);
	if (data != NULL)
		text = pooler_wire_statement(data, len, &head.len);
	if (text != NULL)
		head.len = pg_encoding_mbcliplen(head.encoding, text, head.len,
										 text_size() - 1);
	publish(place, &head, text);
}

/* ---- readers ---- */

/* False: the worker was writing each time. */
static bool
copy(Place *place, WaitText *head, char *text)
{
	for (int i = 0; i < MAX_TRIES; i++)
	{
		uint32		before = pg_atomic_read_u32(&place->change);

		pg_read_barrier();
		*head = place->head;
		memcpy(text, place->text, text_size());
		pg_read_barrier();
		if (before % 2 == 0 && pg_atomic_read_u32(&place->change) == before)
			return true;
	}
	return false;
}

char *
pooler_wait_texts_read(int slot, WaitText *head)
{
	PoolerClient *c = &pooler_clients[slot];
	Place	   *place = place_of(slot);
	char	   *text;

	if (place == NULL)
		return NULL;
	text = palloc(text_size());
	if (!copy(place, head, text) || head->len < 0 ||
		head->generation != pg_atomic_read_u32(&c->generation) ||
		head->since != c->waiting_since ||
		head->taken != pg_atomic_read_u32(&c->taken))
	{
		pfree(text);
		return NULL;
	}
	text[head->len] = '\0';
	return text;
}
