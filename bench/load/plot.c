// SPDX-License-Identifier: Apache-2.0
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 900,
	LEFT = 80,
	RIGHT = 870,
	TOP = 104, // of the first panel; above it stand title and knees
	PANEL = 250, // height
	GAP = 56,
	HEIGHT = TOP + 2 * PANEL + GAP + 60,
	MARK = 4, // half the size of a point
};

static const double loss_limit = 0.1, latency_limit_ms = 50; // what the knee is defined by
static const double loss_floor = 0.001; // percent; what is less is drawn as none

static const char *const colours[PLOT_SERIES_MAX] = {
	"#0b6e99", "#c2410c", "#3f7d20", "#7a3e9d", "#8a6d00", "#444444"};

// ---- data

static void value_add(struct plot_values *values, double value)
{
	if (values->used < PLOT_RUNS_MAX)
		values->values[values->used++] = value;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

double plot_median(const struct plot_values *values)
{
	double sorted[PLOT_RUNS_MAX];
	unsigned n = values->used;

	if (!n)
		return 0;
	memcpy(sorted, values->values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static double least(const struct plot_values *values)
{
	double value = INFINITY;

	for (unsigned i = 0; i < values->used; i++)
		value = fmin(value, values->values[i]);
	return value;
}

static double most(const struct plot_values *values)
{
	double value = 0;

	for (unsigned i = 0; i < values->used; i++)
		value = fmax(value, values->values[i]);
	return value;
}

static struct plot_series *series_of(struct plot *plot, const char *name)
{
	for (unsigned i = 0; i < plot->series_used; i++)
		if (!strcmp(plot->series[i].name, name))
			return &plot->series[i];
	if (plot->series_used == PLOT_SERIES_MAX)
		return NULL;
	snprintf(plot->series[plot->series_used].name, PLOT_NAME_MAX, "%s", name);
	return &plot->series[plot->series_used++];
}

// The point of a load, made where it belongs if need be.
static struct plot_point *point_of(struct plot_series *series, double asked)
{
	unsigned at = 0;

	while (at < series->points_used && series->points[at].asked < asked)
		at++;
	if (at < series->points_used && series->points[at].asked <= asked)
		return &series->points[at];
	if (series->points_used == PLOT_POINTS_MAX)
		return NULL;
	memmove(&series->points[at + 1], &series->points[at],
		(series->points_used - at) * sizeof(*series->points));
	series->points[at] = (struct plot_point){.asked = asked};
	series->points_used++;
	return &series->points[at];
}

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void step_add(struct plot_series *series, const json_t *step)
{
	const char *verdict = json_string_value(json_object_get(step, "verdict"));
	double offered = number_of(step, "offered_per_second");
	const json_t *latency = json_object_get(step, "one_way_latency");
	struct plot_point *point;

	if (!verdict || !strcmp(verdict, "invalid") || !(offered > 0))
		return;
	point = point_of(series, number_of(step, "asked_per_second"));
	if (!point)
		return;
	value_add(&point->offered, offered);
	value_add(&point->loss, number_of(step, "loss_ratio"));
	if (number_of(latency, "count") > 0)
		value_add(&point->p99_ms, number_of(latency, "p99_ns") / 1e6);
}

int plot_add(struct plot *plot, const char *name, const json_t *run, char *why, size_t why_size)
{
	const json_t *steps = json_object_get(run, "steps"), *knee = json_object_get(run, "knee");
	struct plot_series *series;

	if (!json_is_array(steps) || !json_is_object(knee)) {
		snprintf(why, why_size, "it is not the report of a run with --loads");
		return -1;
	}
	series = series_of(plot, name);
	if (!series) {
		snprintf(why, why_size, "there is room for %d curves only", PLOT_SERIES_MAX);
		return -1;
	}
	for (size_t i = 0; i < json_array_size(steps); i++)
		step_add(series, json_array_get(steps, i));
	if (number_of(knee, "per_second") > 0) {
		value_add(&series->knees, number_of(knee, "per_second"));
		series->open |= !json_is_true(json_object_get(knee, "reached"));
	}
	return 0;
}

// ---- scales

struct scale { // logarithmic
	double from, to; // values
	double at_from, at_to; // where they are drawn
};

static double place(const struct scale *scale, double value)
{
	double share = log(value / scale->from) / log(scale->to / scale->from);

	return scale->at_from + fmin(fmax(share, 0), 1) * (scale->at_to - scale->at_from);
}

static void scales_fit(
	const struct plot *plot, struct scale *x, struct scale *loss, struct scale *latency)
{
	double x_least = INFINITY, x_most = 0, ms_least = 1, ms_most = 100;

	for (unsigned i = 0; i < plot->series_used; i++)
		for (unsigned j = 0; j < plot->series[i].points_used; j++) {
			const struct plot_point *point = &plot->series[i].points[j];

			x_least = fmin(x_least, least(&point->offered));
			x_most = fmax(x_most, most(&point->offered));
			ms_least = fmin(ms_least, least(&point->p99_ms));
			ms_most = fmax(ms_most, most(&point->p99_ms));
		}
	if (!(x_most > 0))
		x_least = x_most = 1000;
	*x = (struct scale){x_least / 1.25, x_most * 1.25, LEFT, RIGHT};
	*loss = (struct scale){loss_floor, 100, TOP + PANEL, TOP};
	*latency = (struct scale){pow(10, floor(log10(ms_least))), pow(10, ceil(log10(ms_most))),
		TOP + 2 * PANEL + GAP, TOP + PANEL + GAP};
}

// ---- drawing

static void text(FILE *out, double x, double y, const char *attributes, const char *what)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	for (; *what; what++)
		if (*what == '<' || *what == '&')
			fprintf(out, "&#%d;", *what);
		else
			fputc(*what, out);
	fputs("</text>\n", out);
}

static void line(FILE *out, double x1, double y1, double x2, double y2, const char *attributes)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
		attributes);
}

// 1500000 as 1.5M.
static const char *short_number(double value, char shown[24])
{
	if (value >= 1e6)
		snprintf(shown, 24, "%.3gM", value / 1e6);
	else if (value >= 1e3)
		snprintf(shown, 24, "%.3gk", value / 1e3);
	else
		snprintf(shown, 24, "%.3g", value);
	return shown;
}

static void x_axis(FILE *out, const struct scale *x)
{
	static const double steps[] = {1, 2, 5};
	char shown[24];

	for (double decade = pow(10, floor(log10(x->from))); decade < x->to; decade *= 10)
		for (unsigned i = 0; i < 3; i++) {
			double value = decade * steps[i], at = place(x, value);

			if (value < x->from || value > x->to)
				continue;
			for (unsigned panel = 0; panel < 2; panel++)
				line(out, at, TOP + panel * (PANEL + GAP), at,
					TOP + PANEL + panel * (PANEL + GAP), "class=\"grid\"");
			text(out, at, TOP + 2 * PANEL + GAP + 20, "text-anchor=\"middle\"",
				short_number(value, shown));
		}
	text(out, (LEFT + RIGHT) / 2.0, HEIGHT - 14, "text-anchor=\"middle\"",
		"packets per second to be forwarded");
}

static void y_axis(FILE *out, const struct scale *y, const char *unit, const char *title)
{
	char shown[48];

	for (double value = y->from; value <= y->to * 1.001; value *= 10) {
		bool none = value <= loss_floor && y->from <= loss_floor; // of the loss
		double at = place(y, value);

		snprintf(shown, sizeof(shown), "%.10g%s", none ? 0 : value, unit);
		line(out, LEFT, at, RIGHT, at, "class=\"grid\"");
		text(out, LEFT - 8, at + 4, "text-anchor=\"end\"", shown);
	}
	text(out, LEFT, y->at_to - 10, "font-weight=\"bold\"", title);
	fprintf(out,
		"<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill=\"none\" "
		"stroke=\"#888\"/>\n",
		LEFT, y->at_to, RIGHT - LEFT, PANEL);
}

static void limit(FILE *out, const struct scale *y, double value, const char *shown)
{
	line(out, LEFT, place(y, value), RIGHT, place(y, value), "class=\"limit\"");
	text(out, LEFT + 6, place(y, value) - 5, "fill=\"#555\"", shown);
}

static void mark(FILE *out, unsigned series, double x, double y)
{
	if (series % 2)
		fprintf(out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n",
			x - MARK, y - MARK, 2 * MARK, 2 * MARK, colours[series]);
	else
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" fill=\"%s\"/>\n", x, y, MARK,
			colours[series]);
}

static void curve(FILE *out, const struct plot *plot, unsigned number, const struct scale scales[2],
	bool loss)
{
	const struct plot_series *series = &plot->series[number];
	const struct scale *x = &scales[0], *y = &scales[1];
	double times = loss ? 100 : 1; // percent
	char style[64];

	snprintf(style, sizeof(style), "stroke=\"%s\" stroke-width=\"1.5\"", colours[number]);
	fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"",
		colours[number]);
	for (unsigned i = 0; i < series->points_used; i++) {
		const struct plot_point *point = &series->points[i];
		const struct plot_values *values = loss ? &point->loss : &point->p99_ms;

		if (values->used)
			fprintf(out, "%.1f,%.1f ", place(x, plot_median(&point->offered)),
				place(y, fmax(plot_median(values) * times, y->from)));
	}
	fputs("\"/>\n", out);
	for (unsigned i = 0; i < series->points_used; i++) {
		const struct plot_point *point = &series->points[i];
		const struct plot_values *values = loss ? &point->loss : &point->p99_ms;
		double at = place(x, plot_median(&point->offered));

		if (!values->used)
			continue;
		line(out, at, place(y, fmax(least(values) * times, y->from)), at,
			place(y, fmax(most(values) * times, y->from)), style);
		mark(out, number, at, place(y, fmax(plot_median(values) * times, y->from)));
	}
}

// Name and knee of each system above the panels, and a line down through both.
static void knees(FILE *out, const struct plot *plot, const struct scale *x)
{
	for (unsigned i = 0; i < plot->series_used; i++) {
		const struct plot_series *series = &plot->series[i];
		double knee = plot_median(&series->knees), at = LEFT + 10 + (i % 3) * 260;
		double y = 52 + 18.0 * (i / 3);
		char shown[128], style[96], number[24];

		if (knee > 0)
			snprintf(shown, sizeof(shown), "%s: knee %s%s/s", series->name,
				series->open ? "at least " : "", short_number(knee, number));
		else
			snprintf(shown, sizeof(shown), "%s: knee not found", series->name);
		mark(out, i, at, y - 4);
		snprintf(style, sizeof(style), "fill=\"%s\" font-weight=\"bold\"", colours[i]);
		text(out, at + 12, y, style, shown);
		snprintf(
			style, sizeof(style), "stroke=\"%s\" stroke-dasharray=\"2 4\"", colours[i]);
		for (unsigned panel = 0; panel < 2 && knee > 0; panel++)
			line(out, place(x, knee), TOP + panel * (PANEL + GAP), place(x, knee),
				TOP + PANEL + panel * (PANEL + GAP), style);
	}
}

void plot_write(const struct plot *plot, FILE *out)
{
	struct scale x, loss, latency;

	scales_fit(plot, &x, &loss, &latency);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n"
		"<style>.grid{stroke:#e4e4e4}.limit{stroke:#555;stroke-dasharray:6 "
		"4}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	text(out, LEFT, 28, "font-size=\"17\" font-weight=\"bold\"",
		"Loss and latency over the load");
	x_axis(out, &x);
	y_axis(out, &loss, " %", "packets lost");
	y_axis(out, &latency, " ms", "one-way latency, 99th percentile");
	limit(out, &loss, loss_limit, "limit 0.1 %");
	limit(out, &latency, latency_limit_ms, "limit 50 ms");
	knees(out, plot, &x);
	for (unsigned i = 0; i < plot->series_used; i++) {
		curve(out, plot, i, (struct scale[]){x, loss}, true);
		curve(out, plot, i, (struct scale[]){x, latency}, false);
	}
	fputs("</svg>\n", out);
}
