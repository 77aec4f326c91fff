/*
 * exposition.c
 *	  The text formats of Prometheus and OpenMetrics; pure.
 *
 * The two differ in little: OpenMetrics names a counter without _total and an
 * info without _info where it describes them, has a line for the unit, and ends
 * with "# EOF", so that a text that was cut is seen to be.
 *
 * Label values are UTF-8 in both. Names of pools, databases and roles are bytes
 * in whatever encoding the database they were made in has: what is no UTF-8 is
 * written as '?', as in the views.
 *
 * src/exposition.c
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "exposition.h"

const char *
pooler_exposition_content_type(bool openmetrics)
{
	return openmetrics ?
		"application/openmetrics-text; version=1.0.0; charset=utf-8" :
		"text/plain; version=0.0.4; charset=utf-8";
}

void
pooler_exposition_begin(Exposition *x, StringInfo out, bool openmetrics)
{
	x->out = out;
	x->openmetrics = openmetrics;
	x->family = NULL;
	x->labels = 0;
}

static const char *
suffix(FamilyType type)
{
	switch (type)
	{
		case FAMILY_GAUGE:
			return "";
		case FAMILY_COUNTER:
			return "_total";
		case FAMILY_HISTOGRAM:
			return "";
		case FAMILY_INFO:
			return "_info";
	}
	return "";
}

/* Prometheus' own format has no info. */
static const char *
type_name(const Exposition *x, FamilyType type)
{
	switch (type)
	{
		case FAMILY_GAUGE:
			return "gauge";
		case FAMILY_COUNTER:
			return "counter";
		case FAMILY_HISTOGRAM:
			return "histogram";
		case FAMILY_INFO:
			return x->openmetrics ? "info" : "gauge";
	}
	return "unknown";
}

static const char *
unit_name(FamilyUnit unit)
{
	switch (unit)
	{
		case UNIT_NONE:
			return NULL;
		case UNIT_SECONDS:
			return "seconds";
		case UNIT_BYTES:
			return "bytes";
	}
	return NULL;
}

/* What follows belongs to this family. */
void
pooler_exposition_family(Exposition *x, const Family *family)
{
	const char *end = x->openmetrics ? "" : suffix(family->type);
	const char *unit = unit_name(family->unit);

	x->family = family;
	appendStringInfo(x->out, "# HELP %s%s %s\n", family->name, end,
					 family->help);
	appendStringInfo(x->out, "# TYPE %s%s %s\n", family->name, end,
					 type_name(x, family->type));
	if (x->openmetrics && unit != NULL)
		appendStringInfo(x->out, "# UNIT %s %s\n", family->name, unit);
}

static void
begin_sample(Exposition *x, const char *end)
{
	appendStringInfo(x->out, "%s%s", x->family->name, end);
	x->labels = 0;
}

/* A sample of the family begins. */
void
pooler_exposition_sample(Exposition *x)
{
	begin_sample(x, suffix(x->family->type));
}

static void
put_escaped(StringInfo out, char c)
{
	switch (c)
	{
		case '\n':
			appendStringInfoString(out, "\\n");
			break;
		case '"':
		case '\\':
			appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, c);
			break;
		default:
			appendStringInfoChar(out, c);
	}
}

char *
pooler_exposition_shown(const char *value)
{
	char	   *shown = pstrdup(value);
	int			len = strlen(value);

	if (pg_encoding_verifymbstr(PG_UTF8, value, len) == len)
		return shown;
	for (char *c = shown; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return shown;
}

/* Of the sample that has begun. */
void
pooler_exposition_label(Exposition *x, const char *name, const char *value)
{
	char	   *shown = pooler_exposition_shown(value);

	appendStringInfo(x->out, "%c%s=\"", x->labels++ == 0 ? '{' : ',', name);
	for (const char *c = shown; *c != '\0'; c++)
		put_escaped(x->out, *c);
	appendStringInfoChar(x->out, '"');
	pfree(shown);
}

static void
put_seconds(StringInfo out, int64 us)
{
	appendStringInfo(out, INT64_FORMAT ".%06d", us / 1000000,
					 (int) (us % 1000000));
}

static void
end_labels(Exposition *x)
{
	if (x->labels > 0)
		appendStringInfoChar(x->out, '}');
	appendStringInfoChar(x->out, ' ');
}

/* A number without the family's unit. */
static void
put_count(Exposition *x, uint64 value)
{
	end_labels(x);
	appendStringInfo(x->out, UINT64_FORMAT "\n", value);
}

/* Ends the sample. */
void
pooler_exposition_value(Exposition *x, int64 value)
{
	end_labels(x);
	if (x->family->unit == UNIT_SECONDS)
		put_seconds(x->out, value);
	else
		appendStringInfo(x->out, INT64_FORMAT, value);
	appendStringInfoChar(x->out, '\n');
}

/* `below`: us; 0: no bound. */
static void
put_bucket(Exposition *x, const char *name, const char *value, int64 below,
		   uint64 count)
{
	begin_sample(x, "_bucket");
	pooler_exposition_label(x, name, value);
	appendStringInfoString(x->out, ",le=\"");
	if (below > 0)
		put_seconds(x->out, below);
	else
		appendStringInfoString(x->out, "+Inf");
	appendStringInfoChar(x->out, '"');
	put_count(x, count);
}

/*
 * Bounds four times apart are enough to see, and few enough to keep: 64 us to
 * 67 s. They are bounds of the histogram's own buckets, too; a time of exactly
 * a bound, to the microsecond, counts as more.
 */
void
pooler_exposition_histogram(Exposition *x, const char *name, const char *value,
							const Histogram *h)
{
	uint64		total = pooler_histogram_total(h);
	uint64		count = 0;
	int			bucket = 0;

	for (int64 below = 64; below <= INT64CONST(67108864); below *= 4)
	{
		while (pooler_histogram_from(bucket + 1) <= below)
			count += h->count[bucket++];
		put_bucket(x, name, value, below, count);
	}
	put_bucket(x, name, value, 0, total);
	begin_sample(x, "_count");
	pooler_exposition_label(x, name, value);
	put_count(x, total);
	begin_sample(x, "_sum");
	pooler_exposition_label(x, name, value);
	pooler_exposition_value(x, h->sum_us);
}

void
pooler_exposition_end(Exposition *x)
{
	if (x->openmetrics)
		appendStringInfoString(x->out, "# EOF\n");
}
