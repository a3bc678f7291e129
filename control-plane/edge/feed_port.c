// SPDX-License-Identifier: Apache-2.0
#include "feed_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { REST_MS = 60000, TEXT_MAX = 160 };

struct port {
	bool used;
	bool refused; // in the search of now
	uint64_t given_ms; // back; 0 = never used
};

struct feed_ports {
	struct feed_ports_host host;
	uint16_t media_port;
	struct config_feed_ports range;
	unsigned used;
	char exhausted[TEXT_MAX];
	struct port ports[];
};

struct feed_ports *feed_ports_create(
	const struct feed_ports_host *host, const struct config *config)
{
	struct config_feed_ports range;
	struct feed_ports *ports;

	if (config_feed_ports(config, &range))
		return NULL;
	ports = calloc(1, sizeof(*ports) + range.count * sizeof(ports->ports[0]));
	if (!ports)
		return NULL;
	ports->host = *host;
	ports->media_port = config->media.port;
	ports->range = range;
	snprintf(ports->exhausted, sizeof(ports->exhausted),
		"all %u local ports of feeds.ports (%u-%u) are in use: widen it", range.count,
		range.first, range.first + range.count - 1);
	return ports;
}

void feed_ports_destroy(struct feed_ports *ports)
{
	free(ports);
}

static struct port *port_at(struct feed_ports *ports, uint16_t port)
{
	uint16_t number = (uint16_t)(port - ports->range.first);

	return number < ports->range.count ? &ports->ports[number] : NULL;
}

static bool has_rested(const struct port *port, uint64_t now_ms)
{
	return !port->given_ms || now_ms - port->given_ms >= REST_MS;
}

// Of two that are alike the first.
static bool is_better(const struct port *one, const struct port *than, uint64_t now_ms)
{
	if (has_rested(one, now_ms) || has_rested(than, now_ms))
		return has_rested(one, now_ms) && !has_rested(than, now_ms);
	return one->given_ms < than->given_ms;
}

static struct port *port_choose(struct feed_ports *ports, uint64_t now_ms)
{
	struct port *best = NULL;

	for (unsigned i = 0; i < ports->range.count; i++) {
		struct port *one = &ports->ports[i];

		if (!one->used && !one->refused && (!best || is_better(one, best, now_ms)))
			best = one;
	}
	return best;
}

static void port_use(struct feed_ports *ports, struct port *port)
{
	port->used = true;
	ports->used++;
}

uint16_t feed_ports_take(struct feed_ports *ports, uint64_t now_ms, char *why, size_t why_size)
{
	struct port *port;
	unsigned others = 0;

	for (unsigned i = 0; i < ports->range.count; i++)
		ports->ports[i].refused = false;
	while ((port = port_choose(ports, now_ms)) != NULL) {
		uint16_t number = (uint16_t)(ports->range.first + (port - ports->ports));
		int error = ports->host.open(ports->host.context, number, why, why_size);

		if (!error) {
			port_use(ports, port);
			return number;
		}
		if (error != -EADDRINUSE)
			return 0;
		port->refused = true;
		others++;
	}
	if (others)
		snprintf(why, why_size, "%s; other programs have %u of them", ports->exhausted,
			others);
	else
		snprintf(why, why_size, "%s", ports->exhausted);
	return 0;
}

bool feed_ports_resume(struct feed_ports *ports, uint16_t number)
{
	struct port *port = port_at(ports, number);
	char why[TEXT_MAX];

	if (!port || port->used)
		return number && number == ports->media_port;
	if (ports->host.open(ports->host.context, number, why, sizeof(why)))
		return false;
	port_use(ports, port);
	return true;
}

void feed_ports_give(struct feed_ports *ports, uint16_t number, uint64_t now_ms)
{
	struct port *port = port_at(ports, number);

	if (!port || !port->used)
		return;
	ports->host.close(ports->host.context, number);
	port->used = false;
	port->given_ms = now_ms;
	ports->used--;
}

unsigned feed_ports_count(const struct feed_ports *ports)
{
	return ports->range.count;
}

unsigned feed_ports_used(const struct feed_ports *ports)
{
	return ports->used;
}

const char *feed_ports_exhausted(const struct feed_ports *ports)
{
	return ports->exhausted;
}
