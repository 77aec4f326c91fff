/*
 * activity.c
 *	  SQL function behind pooler.activity: who waits, and with what statement.
 *
 * As in pg_stat_activity a statement is for its own role and for members of
 * pg_read_all_stats. It is in its client's encoding, and its end may be missing:
 * what cannot be converted into this database's encoding is made harmless.
 *
 * A row is about one client: everything in it was read under the same generation
 * of its slot.
 *
 * src/activity.c
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "rows.h"
#include "shmem.h"
#include "wait_texts.h"

PG_FUNCTION_INFO_V1(pooler_activity_waiting);

static bool
may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), role);
}

static char *
only_ascii(char *text)
{
	for (char *p = text; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return text;
}

/* What is left of it is checked when it is put into the row. */
static char *
converted(char *text, int len, int from)
{
	int			to = GetDatabaseEncoding();
	Size		size = (Size) len * MAX_CONVERSION_GROWTH + 1;
	unsigned char *result;
	Oid			proc;

	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return text;
	proc = FindDefaultConversionProc(from, to);
	if (!OidIsValid(proc))
		return only_ascii(text);
	result = palloc(size);
	if (pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) text,
									  len, result, size, true) != len)
		return only_ascii(text);
	return (char *) result;
}

static void
wait_row(Row *row, int slot)
{
	PoolerClient *c = &pooler_clients[slot];
	uint32		generation = pg_atomic_read_u32(&c->generation);
	uint64		id;
	TimestampTz since;
	Oid			role;
	WaitText	head;
	char	   *text;

	pg_read_barrier();
	id = c->id;
	since = c->waiting_since;
	role = c->route >= 0 ? pooler_routes[c->route].role : InvalidOid;
	text = pooler_wait_texts_read(slot, &head);
	pg_read_barrier();
	if (since == 0 || !pooler_client_waits(c) ||
		pg_atomic_read_u32(&c->generation) != generation)
		return;
	put_int8(row, id);
	if (!OidIsValid(role) || !may_see(text != NULL ? head.role : role))
		put_text(row, "<insufficient privilege>");
	else
		put_text(row, text == NULL ? NULL :
				 converted(text, head.len, head.encoding));
	pooler_rows_end(row);
}

/* pooler.waiting() */
Datum
pooler_activity_waiting(PG_FUNCTION_ARGS)
{
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < pooler_shared->max_clients; i++)
	{
		PoolerClientState state = pooler_clients[i].state;

		if (state == CLIENT_ARMED || state == CLIENT_HELD)
			wait_row(&row, i);
	}
	return (Datum) 0;
}
