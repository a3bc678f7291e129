// SPDX-License-Identifier: Apache-2.0
#include "cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_BYTES = 256 * 1024 };

static bool range_read(const char **text, cpu_set_t *cpus)
{
	char *end;
	unsigned long first, last;

	if (**text < '0' || **text > '9')
		return false;
	first = last = strtoul(*text, &end, 10);
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		last = strtoul(end + 1, &end, 10);
	}
	if (first > last || last >= CPU_SETSIZE)
		return false;
	for (unsigned long cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, cpus);
	*text = end;
	return true;
}

bool cores_read(const char *text, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	do {
		if (!range_read(&text, cpus))
			return false;
	} while (*text++ == ',');
	return !text[-1];
}

uint64_t cores_idle_of(const char *text, const cpu_set_t *cpus)
{
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK), ticks = 0;

	for (const char *line = strstr(text, "\ncpu"); line; line = strstr(line + 1, "\ncpu")) {
		unsigned long long idle, disk, stolen;
		unsigned cpu;

		if (sscanf(line, "\ncpu%u %*u %*u %*u %llu %llu %*u %*u %llu", &cpu, &idle, &disk,
			    &stolen) == 4 &&
			cpu < CPU_SETSIZE && CPU_ISSET(cpu, cpus))
			ticks += idle + disk + stolen;
	}
	return ticks * tick_ns;
}

uint64_t cores_idle_ns(const cpu_set_t *cpus)
{
	FILE *file = fopen("/proc/stat", "re");
	char *text = malloc(STAT_BYTES);
	uint64_t idle_ns = 0;

	if (file && text) {
		text[fread(text, 1, STAT_BYTES - 1, file)] = 0;
		idle_ns = cores_idle_of(text, cpus);
	}
	if (file)
		fclose(file);
	free(text);
	return idle_ns;
}
