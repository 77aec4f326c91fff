/*
 * rows.h
 *	  Rows of SQL functions that return sets.
 *
 * src/rows.h
 */
#ifndef POOLER_ROWS_H
#define POOLER_ROWS_H

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/timestamp.h"

#define POOLER_MAX_COLUMNS	48

/* A row in the making. */
typedef struct Row
{
	ReturnSetInfo *result;
	int			n;
	Datum		values[POOLER_MAX_COLUMNS];
	bool		nulls[POOLER_MAX_COLUMNS];
} Row;

/* ERROR (55000) unless the library was preloaded. */
extern void pooler_rows_require_shared(void);

/* First of all in the function; its result is then (Datum) 0. */
extern void pooler_rows_begin(FunctionCallInfo fcinfo, Row *row);

/* The row is complete: one value for each column was put. */
extern void pooler_rows_end(Row *row);

extern void pooler_rows_put(Row *row, Datum value, bool isnull);

/* NULL where it is negative. */
extern void pooler_rows_put_interval(Row *row, int64 us);

/* NULL where it is; what the database's encoding does not allow becomes '?'. */
extern void pooler_rows_put_text(Row *row, const char *value);

static inline void
put(Row *row, Datum value, bool isnull)
{
	pooler_rows_put(row, value, isnull);
}

static inline void
put_null(Row *row)
{
	put(row, (Datum) 0, true);
}

static inline void
put_int(Row *row, int value)
{
	put(row, Int32GetDatum(value), false);
}

/* NULL if negative, that is, unlimited. */
static inline void
put_limit(Row *row, int value)
{
	put(row, Int32GetDatum(value), value < 0);
}

static inline void
put_int8(Row *row, int64 value)
{
	put(row, Int64GetDatum(value), false);
}

static inline void
put_float(Row *row, double value, bool isnull)
{
	put(row, Float8GetDatum(value), isnull);
}

static inline void
put_bool(Row *row, bool value)
{
	put(row, BoolGetDatum(value), false);
}

static inline void
put_time(Row *row, TimestampTz value)
{
	put(row, TimestampTzGetDatum(value), value == 0);
}

static inline void
put_interval(Row *row, int64 us)
{
	pooler_rows_put_interval(row, us);
}

static inline void
put_text(Row *row, const char *value)
{
	pooler_rows_put_text(row, value);
}

/* NULL where there is none. */
static inline void
put_name(Row *row, const char *value)
{
	put_text(row, value[0] == '\0' ? NULL : value);
}

#endif							/* POOLER_ROWS_H */
