// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_web(const char *url)
{
	bool web = !strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8);

	url = web ? strstr(url, "://") + 3 : "";
	return web && !memchr(url, '@', strcspn(url, "/?#")); // no password: hosts are logged
}

static const char *push_fault(const struct config *config, uint32_t i)
{
	const struct config_push *one = &config->push[i];

	if (!one->room[0] || !one->participant[0])
		return "an item needs the `room` and the `participant` whose media it is";
	if (!is_web(one->url))
		return "an item needs the `url` of a WHIP endpoint, https://HOST/PATH";
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(one->room, config->push[k].room) &&
			!strcmp(one->participant, config->push[k].participant) &&
			!strcmp(one->url, config->push[k].url))
			return "an item is there twice";
	return NULL;
}

static const char *pull_fault(const struct config *config, uint32_t i)
{
	const struct config_pull *one = &config->pull[i];

	if (!one->room[0] || !one->identity[0])
		return "an item needs the `room` and the `identity` under which it is published";
	if (!is_web(one->url))
		return "an item needs the `url` of a WHEP endpoint, https://HOST/PATH";
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(one->room, config->pull[k].room) &&
			!strcmp(one->identity, config->pull[k].identity))
			return "two items have one `identity` in one room";
	return NULL;
}

const char *config_feed_fault(const struct config *config, const char **key)
{
	const char *fault = NULL;

	*key = "push";
	for (uint32_t i = 0; i < config->push_used && !fault; i++)
		fault = push_fault(config, i);
	if (fault)
		return fault;
	*key = "pull";
	for (uint32_t i = 0; i < config->pull_used && !fault; i++)
		fault = pull_fault(config, i);
	return fault;
}

// ---- ports of ours

enum { PORT_LAST = UINT16_MAX };

// Digits of a port, from 1 on; 0 when there are none. `*text` then stands behind them.
static unsigned long port_read(const char **text)
{
	char *end;
	unsigned long port = **text >= '0' && **text <= '9' ? strtoul(*text, &end, 10) : 0;

	if (port)
		*text = end;
	return port <= PORT_LAST ? port : 0;
}

int config_feed_ports(const struct config *config, struct config_feed_ports *ports)
{
	const char *text = config->feeds.ports;
	unsigned long first, last;
	bool behind = config->media.port <= PORT_LAST - CONFIG_FEED_PORTS;

	if (!text[0]) {
		ports->first = (uint16_t)(behind ? config->media.port + 1
						 : config->media.port - CONFIG_FEED_PORTS);
		ports->count = CONFIG_FEED_PORTS;
		return 0;
	}
	first = last = port_read(&text);
	if (first && *text == '-') {
		text++;
		last = port_read(&text);
	}
	if (!first || last < first || *text || last - first >= PORT_LAST)
		return -1;
	ports->first = (uint16_t)first;
	ports->count = (uint16_t)(last - first + 1);
	return 0;
}

__attribute__((format(printf, 3, 4))) static int say(
	char *why, size_t why_size, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(why, why_size, format, values);
	va_end(values);
	return -1;
}

int config_feed_ports_check(const struct config *config, char *why, size_t why_size)
{
	struct config_feed_ports ports;
	uint32_t feeds = config->push_used + config->pull_used;

	if (config_feed_ports(config, &ports))
		return say(why, why_size,
			"feeds.ports: \"%s\" is no range of UDP ports: write such as 7001-7064",
			config->feeds.ports);
	if (ports.count > CONFIG_FEED_PORTS_MAX)
		return say(why, why_size, "feeds.ports: %s are %u ports, at most %d",
			config->feeds.ports, ports.count, CONFIG_FEED_PORTS_MAX);
	if ((uint16_t)(config->media.port - ports.first) < ports.count)
		return say(why, why_size,
			"feeds.ports: media.port %u is one of %s: pushes and pulls need ports "
			"that nothing else has",
			config->media.port, config->feeds.ports);
	if (feeds > ports.count)
		return say(why, why_size,
			"feeds.ports: %u push and pull items, but %s are %u ports, one for each: "
			"widen it",
			feeds, config->feeds.ports, ports.count);
	return 0;
}
