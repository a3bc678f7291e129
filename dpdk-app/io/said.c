// SPDX-License-Identifier: Apache-2.0
#include "said.h"

#include <sluice/log.h>

#include <bpf/libbpf.h>
#include <rte_log.h>

#include <stdio.h>
#include <string.h>

static int level_of(unsigned rte_level)
{
	if (rte_level <= RTE_LOG_ERR)
		return CONFIG_LOG_ERROR;
	if (rte_level == RTE_LOG_WARNING)
		return CONFIG_LOG_WARN;
	return rte_level <= RTE_LOG_INFO ? CONFIG_LOG_INFO : CONFIG_LOG_DEBUG;
}

// The text may hold several lines and has no end of its own.
static ssize_t lines_take(void *cookie, const char *text, size_t size)
{
	size_t done = 0;
	(void)cookie;
	while (done < size) {
		const char *end = memchr(text + done, '\n', size - done);
		size_t length = end ? (size_t)(end - text) - done : size - done;
		if (length > 0)
			log_say(level_of((unsigned)rte_log_cur_msg_loglevel()), "dpdk", "%.*s",
				(int)length, text + done);
		done += length + 1;
	}
	return (ssize_t)size;
}

// libbpf speaks of every step; what matters comes back as an error.
static int libbpf_take(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[LOG_MESSAGE_MAX];
	int length = vsnprintf(line, sizeof(line), format, arguments);
	if (level == LIBBPF_WARN && length > 0)
		log_say(CONFIG_LOG_WARN, "libbpf", "%.*s", (int)strcspn(line, "\n"), line);
	return length;
}

void said_open(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = lines_take});
	if (stream) {
		setvbuf(stream, NULL, _IOLBF, LOG_MESSAGE_MAX);
		rte_openlog_stream(stream);
	}
	libbpf_set_print(libbpf_take);
}
