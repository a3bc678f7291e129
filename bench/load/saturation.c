// SPDX-License-Identifier: Apache-2.0
#include "saturation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 65536 };

static const uint64_t lag_max_ns = 5000000;
static const double busy_max = 0.9;

__attribute__((format(printf, 2, 3))) static void reason_add(
	struct saturation *saturation, const char *format, ...)
{
	va_list arguments;

	if (saturation->reasons_used == SATURATION_REASONS)
		return;
	va_start(arguments, format);
	vsnprintf(saturation->reasons[saturation->reasons_used++], SATURATION_TEXT_MAX, format,
		arguments);
	va_end(arguments);
}

void saturation_judge(const struct saturation_facts *facts, struct saturation *saturation)
{
	saturation->reasons_used = 0;
	if (facts->lag_p99_ns > lag_max_ns)
		reason_add(saturation,
			"1 %% of the packets were sent %.1f ms or more behind schedule (limit 5 "
			"ms)",
			(double)facts->lag_p99_ns / 1e6);
	if (facts->busiest_thread > busy_max)
		reason_add(saturation,
			"the busiest thread of the tester used %.0f %% of its CPU (limit 90 %%): "
			"use more --threads",
			facts->busiest_thread * 100);
	if (facts->socket_overflows)
		reason_add(saturation,
			"%" PRIu64 " packets were lost in full receive buffers of the tester",
			facts->socket_overflows);
	if (facts->receive_errors)
		reason_add(saturation,
			"the kernel counted %" PRIu64
			" UDP receive buffer errors in the tester's namespace",
			facts->receive_errors);
	if (facts->input_drops)
		reason_add(saturation,
			"%" PRIu64 " packets were lost in full input queues of the tester's CPUs "
			"(raise net.core.netdev_max_backlog)",
			facts->input_drops);
	if (facts->send_dropped)
		reason_add(saturation,
			"the tester's kernel did not take %" PRIu64 " packets to send",
			facts->send_dropped);
}

// The value under `name` of two lines, "Udp: names…" and "Udp: values…".
static uint64_t column(const char *names, const char *values, const char *name)
{
	size_t length = strlen(name);

	for (;;) {
		names += strcspn(names, " \n");
		values += strcspn(values, " \n");
		if (*names != ' ' || *values != ' ')
			return 0;
		names++;
		values++;
		if (!strncmp(names, name, length) &&
			(names[length] == ' ' || names[length] == '\n'))
			return strtoull(values, NULL, 10);
	}
}

// A value of /proc/net/snmp6: one per line.
static uint64_t line_value(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

void saturation_snmp(struct saturation_kernel *kernel, const char *text)
{
	const char *names = strstr(text, "Udp: "), *values;

	kernel->receive_errors +=
		line_value(text, "Udp6RcvbufErrors") + line_value(text, "Udp6MemErrors");
	kernel->checksum_errors += line_value(text, "Udp6InCsumErrors");
	values = names ? strchr(names, '\n') : NULL;
	if (!values || strncmp(values + 1, "Udp: ", 5) != 0)
		return;
	values++;
	kernel->receive_errors +=
		column(names, values, "RcvbufErrors") + column(names, values, "MemErrors");
	kernel->checksum_errors += column(names, values, "InCsumErrors");
}

// One line for each CPU, in hexadecimal: the second figure is what it dropped, the 13th its number.
void saturation_softnet(struct saturation_kernel *kernel, const char *text, const cpu_set_t *cpus)
{
	while (*text) {
		unsigned dropped, cpu;

		if (sscanf(text, "%*x %x %*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %x", &dropped,
			    &cpu) == 2 &&
			cpu < CPU_SETSIZE && CPU_ISSET(cpu, cpus))
			kernel->input_drops += dropped;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

static void file_read(const char *path, char text[FILE_BYTES])
{
	FILE *file = fopen(path, "re");

	text[0] = 0;
	if (!file)
		return;
	text[fread(text, 1, FILE_BYTES - 1, file)] = 0;
	fclose(file);
}

void saturation_kernel_read(struct saturation_kernel *kernel)
{
	char text[FILE_BYTES];
	cpu_set_t cpus;

	*kernel = (struct saturation_kernel){0};
	file_read("/proc/self/net/snmp", text);
	saturation_snmp(kernel, text);
	file_read("/proc/self/net/snmp6", text);
	saturation_snmp(kernel, text);
	file_read("/proc/self/net/softnet_stat", text);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		saturation_softnet(kernel, text, &cpus);
}
