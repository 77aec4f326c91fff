/*
 * exposition.h
 *	  The text formats of Prometheus and OpenMetrics; pure.
 *
 * src/exposition.h
 */
#ifndef POOLER_EXPOSITION_H
#define POOLER_EXPOSITION_H

#include "lib/stringinfo.h"

#include "histogram.h"

typedef enum FamilyType
{
	FAMILY_GAUGE,
	FAMILY_COUNTER,				/* samples get _total */
	FAMILY_HISTOGRAM,			/* see pooler_exposition_histogram() */
	FAMILY_INFO					/* samples get _info, their value is 1 */
} FamilyType;

typedef enum FamilyUnit
{
	UNIT_NONE,
	UNIT_SECONDS,				/* values are given in microseconds */
	UNIT_BYTES
} FamilyUnit;

/* What samples have in common. The name ends with the unit. */
typedef struct Family
{
	const char *name;
	FamilyType	type;
	FamilyUnit	unit;
	const char *help;			/* one line without quotes and backslashes */
} Family;

/* A text in the making. */
typedef struct Exposition
{
	StringInfo	out;
	bool		openmetrics;	/* else Prometheus' format 0.0.4 */
	const Family *family;
	int			labels;			/* of the sample, so far */
} Exposition;

/* No value: the sample is left out. */
#define EXPOSITION_NONE		PG_INT64_MIN

extern const char *pooler_exposition_content_type(bool openmetrics);

/* Palloc'd: as it is shown in a label; what is no UTF-8 is so with "?". */
extern char *pooler_exposition_shown(const char *value);

/*
 * begin -> { family -> { sample -> { label } -> value } } -> end.  All samples
 * of a family follow it, no two have the same labels.
 */
extern void pooler_exposition_begin(Exposition *x, StringInfo out,
									bool openmetrics);
extern void pooler_exposition_family(Exposition *x, const Family *family);
extern void pooler_exposition_sample(Exposition *x);
extern void pooler_exposition_label(Exposition *x, const char *name,
									const char *value);
extern void pooler_exposition_value(Exposition *x, int64 value);
/* In place of sample to value, with one label: buckets, count and sum. */
extern void pooler_exposition_histogram(Exposition *x, const char *name,
										const char *value, const Histogram *h);
extern void pooler_exposition_end(Exposition *x);

#endif							/* POOLER_EXPOSITION_H */
