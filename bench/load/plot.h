// SPDX-License-Identifier: Apache-2.0
// Draws loss and latency over the load as SVG: a curve for each system, of one or several runs with --loads.
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

enum { PLOT_SERIES_MAX = 6, PLOT_POINTS_MAX = 64, PLOT_RUNS_MAX = 32, PLOT_NAME_MAX = 32 };

struct plot_values { // of one thing, in several runs
	unsigned used;
	double values[PLOT_RUNS_MAX];
};

struct plot_point { // one load
	double asked; // packets per second
	struct plot_values offered, loss, p99_ms; // loss is a share
};

struct plot_series {
	char name[PLOT_NAME_MAX];
	struct plot_values knees; // packets per second
	bool open; // in some run the relay never failed: the knee lies higher
	unsigned points_used;
	struct plot_point points[PLOT_POINTS_MAX]; // by rising load
};

struct plot { // all zero = empty
	unsigned series_used;
	struct plot_series series[PLOT_SERIES_MAX];
};

// Adds a run, as report_json writes it, to the curve of that name. Steps where the tester was the bottleneck are
// left out. Returns 0, or -1 with `why`; then nothing is added.
int plot_add(struct plot *plot, const char *name, const json_t *run, char *why, size_t why_size);

// The middle one of the values, or the mean of the two in the middle; 0 when there are none.
double plot_median(const struct plot_values *values);

// Writes the drawing: medians of the runs, with bars from the least to the most.
void plot_write(const struct plot *plot, FILE *out);
