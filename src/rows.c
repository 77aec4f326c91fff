/*
 * rows.c
 *	  Rows of SQL functions that return sets.
 *
 * A function puts its values in the order of its columns and ends the row:
 *
 *	  pooler_rows_begin(fcinfo, &row) -> { put_...(&row, ...) -> pooler_rows_end(&row) }
 *
 * The rows go to a tuple store, so that what they were read from may change
 * meanwhile.
 *
 * src/rows.c
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "rows.h"
#include "shmem.h"

void
pooler_rows_require_shared(void)
{
	if (pooler_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pooler is not loaded into the server"),
				 errhint("Add pooler to shared_preload_libraries in "
						 "postgresql.conf and restart the server.")));
}

/* Makes the tuple store; ERROR unless the library was preloaded. */
void
pooler_rows_begin(FunctionCallInfo fcinfo, Row *row)
{
	pooler_rows_require_shared();
	InitMaterializedSRF(fcinfo, 0);
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->n = 0;
}

/* Stores the row; the next one may begin. */
void
pooler_rows_end(Row *row)
{
	Assert(row->n == row->result->setDesc->natts);
	tuplestore_putvalues(row->result->setResult, row->result->setDesc,
						 row->values, row->nulls);
	row->n = 0;
}

/* The value of the next column. */
void
pooler_rows_put(Row *row, Datum value, bool isnull)
{
	Assert(row->n < POOLER_MAX_COLUMNS);
	row->values[row->n] = value;
	row->nulls[row->n] = isnull;
	row->n++;
}

void
pooler_rows_put_interval(Row *row, int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = us;
	pooler_rows_put(row, IntervalPGetDatum(interval), us < 0);
}

/*
 * Texts come from other databases and from clients, were cut at a number of
 * bytes, or change while we read: what this database's encoding does not allow
 * must not get into a result.
 */
void
pooler_rows_put_text(Row *row, const char *value)
{
	char	   *copy;

	if (value == NULL)
	{
		put_null(row);
		return;
	}
	/* who writes into shared memory may do so now: the copy ends all the same */
	copy = pnstrdup(value, strlen(value));
	if (!pg_verify_mbstr(GetDatabaseEncoding(), copy, strlen(copy), true))
		for (char *p = copy; *p != '\0'; p++)
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
	put(row, CStringGetTextDatum(copy), false);
}
