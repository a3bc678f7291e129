// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

double least(const double *values, unsigned n)
{
	double found = values[0];
	for (unsigned i = 1; i < n; i++)
		found = values[i] < found ? values[i] : found;
	return found;
}

const char *cpu_name(void)
{
	static char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");
	const char *name = NULL;
	while (!name && file && fgets(line, sizeof(line), file))
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
			name = strchr(line, ':') + 2;
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = 0;
	return name ? name : "unknown";
}

void row_print(const char *what, const char *goal, bool met, const char *figure, ...)
{
	va_list arguments;
	va_start(arguments, figure);
	printf("%s\t", what);
	vprintf(figure, arguments);
	printf("\t%s\t%s\n", goal, !goal[0] ? "" : met ? "met" : "missed");
	fflush(stdout);
	va_end(arguments);
}
