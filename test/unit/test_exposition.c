/*
 * test_exposition.c
 *	  Unit tests of src/exposition.c: TAP on stdout, no server.
 *
 * links: src/exposition.c src/histogram.c
 *
 * test/unit/test_exposition.c
 */
#include "postgres.h"

#include "exposition.h"
#include "tap.h"

static const Family waits = {"w_seconds", FAMILY_COUNTER, UNIT_SECONDS, "W."};
static const Family build = {"b", FAMILY_INFO, UNIT_NONE, "B."};
static const Family size = {"s", FAMILY_GAUGE, UNIT_NONE, "S."};

static char *
sample(bool openmetrics)
{
	StringInfo	out = makeStringInfo();
	Exposition	x;

	pooler_exposition_begin(&x, out, openmetrics);
	pooler_exposition_family(&x, &waits);
	pooler_exposition_sample(&x);
	pooler_exposition_label(&x, "pool", "main");
	pooler_exposition_label(&x, "role", "app");
	pooler_exposition_value(&x, INT64CONST(1700000000000042));
	pooler_exposition_family(&x, &build);
	pooler_exposition_sample(&x);
	pooler_exposition_label(&x, "v", "1");
	pooler_exposition_value(&x, 1);
	pooler_exposition_family(&x, &size);
	pooler_exposition_sample(&x);
	pooler_exposition_value(&x, -3);
	pooler_exposition_end(&x);
	return out->data;
}

static char *
label(const char *value)
{
	StringInfo	out = makeStringInfo();
	Exposition	x;

	pooler_exposition_begin(&x, out, true);
	x.family = &size;
	pooler_exposition_label(&x, "l", value);
	return out->data;
}

/* Without the buckets between the first two and the last two. */
static char *
histogram(void)
{
	static const Family family = {"h_seconds", FAMILY_HISTOGRAM, UNIT_SECONDS,
	"H."};
	StringInfo	out = makeStringInfo();
	Histogram	h = {0};
	Exposition	x;
	char	   *from;
	char	   *to;

	pooler_histogram_add(&h, 63, 1);
	pooler_histogram_add(&h, 64, 2);
	pooler_histogram_add(&h, INT64CONST(70000000), 1);
	pooler_exposition_begin(&x, out, true);
	pooler_exposition_family(&x, &family);
	pooler_exposition_histogram(&x, "pool", "main", &h);
	from = strstr(out->data, "h_seconds_bucket{pool=\"main\",le=\"0.001024\"}");
	to = strstr(out->data, "h_seconds_bucket{pool=\"main\",le=\"67.108864\"}");
	if (from && to)
		memmove(from, to, strlen(to) + 1);
	return out->data;
}

static void
is_text(const char *got, const char *expected, const char *name)
{
	ok(strcmp(got, expected) == 0, name);
	if (strcmp(got, expected) != 0)
		printf("# got %s\n", got);
}

int
main(void)
{
	is_text(sample(true),
			"# HELP w_seconds W.\n# TYPE w_seconds counter\n"
			"# UNIT w_seconds seconds\n"
			"w_seconds_total{pool=\"main\",role=\"app\"} 1700000000.000042\n"
			"# HELP b B.\n# TYPE b info\nb_info{v=\"1\"} 1\n"
			"# HELP s S.\n# TYPE s gauge\ns -3\n# EOF\n", "OpenMetrics");
	is_text(histogram(),
			"# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
			"# UNIT h_seconds seconds\n"
			"h_seconds_bucket{pool=\"main\",le=\"0.000064\"} 1\n"
			"h_seconds_bucket{pool=\"main\",le=\"0.000256\"} 3\n"
			"h_seconds_bucket{pool=\"main\",le=\"67.108864\"} 3\n"
			"h_seconds_bucket{pool=\"main\",le=\"+Inf\"} 4\n"
			"h_seconds_count{pool=\"main\"} 4\n"
			"h_seconds_sum{pool=\"main\"} 70.000191\n", "a histogram");
	is_text(sample(false),
			"# HELP w_seconds_total W.\n# TYPE w_seconds_total counter\n"
			"w_seconds_total{pool=\"main\",role=\"app\"} 1700000000.000042\n"
			"# HELP b_info B.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n"
			"# HELP s S.\n# TYPE s gauge\ns -3\n", "Prometheus' own format");
	is_text(label(""), "{l=\"\"", "an empty value");
	is_text(label("a\"b\\c\nd"), "{l=\"a\\\"b\\\\c\\nd\"", "escaped");
	is_text(label("\xc3\xbc}{,= "), "{l=\"\xc3\xbc}{,= \"", "UTF-8");
	is_text(label("\xfc\\"), "{l=\"?\\\\\"", "no UTF-8");
	is_text(label("\xc3"), "{l=\"?\"", "cut");
	return tap_end();
}
