/*
 * console_rows.c
 *	  Rows of the console as messages, in text or binary; pure.
 *
 * The values come in the order of the columns; a row is sent when its last one
 * has come. All text is UTF-8, as the console says at login: what is not, for
 * names are in the encoding of their database, is shown with question marks.
 *
 * src/console_rows.c
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

#include "console_rows.h"
#include "wire.h"

#define NUMERIC_BASE	10000
#define NUMERIC_DIGITS	5		/* of 10000, in an int64 */
#define NUMERIC_SIGN	0x4000	/* negative */

static void
put16(StringInfo out, int value)
{
	uint16		n = pg_hton16((uint16) value);

	appendBinaryStringInfo(out, (const char *) &n, sizeof(n));
}

static void
put32(StringInfo out, int value)
{
	uint32		n = pg_hton32((uint32) value);

	appendBinaryStringInfo(out, (const char *) &n, sizeof(n));
}

static int
oid_of(ConsoleType type)
{
	switch (type)
	{
		case COLUMN_TEXT:
			return TEXTOID;
		case COLUMN_INT4:
			return INT4OID;
		case COLUMN_NUMERIC:
			return NUMERICOID;
	}
	return InvalidOid;
}

static bool
is_binary(const ConsoleRows *rows, int column)
{
	if (rows->nformats == 0)
		return false;
	return rows->formats[rows->nformats == 1 ? 0 : column] == 1;
}

void
pooler_console_rows_begin(ConsoleRows *rows, StringInfo out,
						  const ConsoleColumn *columns, int ncolumns)
{
	memset(rows, 0, sizeof(*rows));
	rows->out = out;
	rows->columns = columns;
	rows->ncolumns = ncolumns;
	initStringInfo(&rows->row);
}

void
pooler_console_rows_end(ConsoleRows *rows)
{
	pfree(rows->row.data);
}

void
pooler_console_rows_describe(ConsoleRows *rows)
{
	StringInfo	body = &rows->row;

	resetStringInfo(body);
	put16(body, rows->ncolumns);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		const ConsoleColumn *c = &rows->columns[i];

		appendBinaryStringInfo(body, c->name, strlen(c->name) + 1);
		put32(body, 0);			/* of no table */
		put16(body, 0);
		put32(body, oid_of(c->type));
		put16(body, c->type == COLUMN_INT4 ? 4 : -1);
		put32(body, -1);
		put16(body, is_binary(rows, i) ? 1 : 0);
	}
	pooler_wire_put(rows->out, 'T', body->data, body->len);
}

static void
begin_value(ConsoleRows *rows)
{
	if (rows->at != 0)
		return;
	resetStringInfo(&rows->row);
	put16(&rows->row, rows->ncolumns);
}

static void
end_value(ConsoleRows *rows)
{
	if (++rows->at < rows->ncolumns)
		return;
	pooler_wire_put(rows->out, 'D', rows->row.data, rows->row.len);
	rows->at = 0;
}

static void
put_bytes(StringInfo row, const char *value, int len)
{
	put32(row, len);
	appendBinaryStringInfo(row, value, len);
}

static bool
is_utf8(const char *value, int len)
{
	return pg_encoding_verifymbstr(PG_UTF8, value, len) == len;
}

/* A byte of a text that is UTF-8, or is not. */
static char
shown(char c, bool utf8)
{
	return !utf8 && IS_HIGHBIT_SET(c) ? '?' : c;
}

bool
pooler_console_rows_alike(const char *a, const char *b)
{
	bool		a_utf8;
	bool		b_utf8;

	/* most differ where both are ASCII */
	for (; *a == *b && *a != '\0' && !IS_HIGHBIT_SET(*a); a++)
		b++;
	if (!IS_HIGHBIT_SET(*a) && !IS_HIGHBIT_SET(*b))
		return *a == *b;
	a_utf8 = is_utf8(a, strlen(a));
	b_utf8 = is_utf8(b, strlen(b));
	for (; *a != '\0' && shown(*a, a_utf8) == shown(*b, b_utf8); a++)
		b++;
	return shown(*a, a_utf8) == shown(*b, b_utf8);
}

void
pooler_console_rows_text(ConsoleRows *rows, const char *value)
{
	begin_value(rows);
	if (value == NULL)
		put32(&rows->row, -1);
	else
	{
		/* a backend may write it meanwhile */
		int			len = strlen(value);
		bool		utf8 = is_utf8(value, len);

		put32(&rows->row, len);
		for (int i = 0; i < len; i++)
			appendStringInfoChar(&rows->row, shown(value[i], utf8));
	}
	end_value(rows);
}

/* numeric_send()'s form: digits to the base of 10000, without zeroes behind. */
static void
put_numeric(StringInfo row, int64 value)
{
	uint64		rest = value < 0 ? -(uint64) value : (uint64) value;
	int			digits[NUMERIC_DIGITS];
	int			n = 0;
	int			first = 0;

	for (; rest > 0; rest /= NUMERIC_BASE)
		digits[n++] = rest % NUMERIC_BASE;
	while (first < n && digits[first] == 0)
		first++;
	put32(row, 2 * (4 + n - first));
	put16(row, n - first);
	put16(row, n > 0 ? n - 1 : 0);	/* weight of the first */
	put16(row, value < 0 ? NUMERIC_SIGN : 0);
	put16(row, 0);
	for (int i = n - 1; i >= first; i--)
		put16(row, digits[i]);
}

void
pooler_console_rows_number(ConsoleRows *rows, int64 value)
{
	char		text[32];

	begin_value(rows);
	if (!is_binary(rows, rows->at) ||
		rows->columns[rows->at].type == COLUMN_TEXT)
	{
		snprintf(text, sizeof(text), INT64_FORMAT, value);
		put_bytes(&rows->row, text, strlen(text));
	}
	else if (rows->columns[rows->at].type == COLUMN_INT4)
	{
		put32(&rows->row, 4);
		put32(&rows->row, (int) value);
	}
	else
		put_numeric(&rows->row, value);
	end_value(rows);
}
