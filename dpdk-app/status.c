// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include "interface.h"
#include "io/backend.h"
#include "log.h"
#include "media/srtp.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HUNG_NS = 1000000000 };

void status_begin(struct sluice_observed *observed, const struct config *config, unsigned workers)
{
	struct sluice_observed_head *head = &observed->head;
	struct config_feed_ports feeds = {0};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	config_feed_ports(config, &feeds);
	atomic_store(&head->ready, 0);
	head->pid = (uint32_t)getpid();
	head->workers_used = workers;
	head->ports_used = config->ports_used;
	head->feed_port = feeds.first;
	head->feed_ports = feeds.count;
	head->spinning = config->dataplane.idle == CONFIG_IDLE_SPIN;
	head->started_unix_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	snprintf(head->crypto, sizeof(head->crypto), "%s", srtp_backend());
	snprintf(head->version, sizeof(head->version), "%.31s", SLUICE_VERSION);
	memset(observed->workers, 0, sizeof(observed->workers));
	memset(observed->ports, 0, sizeof(observed->ports));
}

// A cable or a switch that goes is the operator's to look at; metrics and /readyz say it, too.
static void link_log(const struct sluice_port_status *before, const struct sluice_port_status *now)
{
	if (!before->name[0] || before->link_up == now->link_up)
		return;
	if (now->link_up)
		log_info("port %s: link is up", now->name);
	else
		log_warn("port %s: link is down: look at the cable and at the switch", now->name);
}

void status_beat(struct sluice_observed *observed, const struct config *config, uint64_t now_ns)
{
	for (unsigned p = 0; p < config->ports_used; p++) {
		struct sluice_port_status status = observed->ports[p];
		backend_observe(p, &status);
		interface_observe(&config->ports[p], &status);
		link_log(&observed->ports[p], &status);
		observed->ports[p] = status;
	}
	backend_strangers(&observed->strangers[SLUICE_WORKERS_MAX]);
	atomic_store_explicit(&observed->head.beat_ns, now_ns, memory_order_release);
}

static const char *mode_name(const struct sluice_port_status *port)
{
	switch (port->mode) {
	case SLUICE_PORT_XDP:
		return port->xdp_native ? "XDP in the driver (native)" : "XDP, generic (slow)";
	case SLUICE_PORT_PACKET:
		return "packet socket; control's datagrams come by the punt ring";
	default:
		return "full bypass; control's datagrams come by the punt ring";
	}
}

void status_log(const struct sluice_observed *observed)
{
	for (unsigned p = 0; p < observed->head.ports_used; p++) {
		const struct sluice_port_status *port = &observed->ports[p];
		log_info("port %s: %s, driver %s, %u queue%s, %02x:%02x:%02x:%02x:%02x:%02x, link "
			 "%s",
			port->name, mode_name(port), port->driver, port->queues,
			port->queues == 1 ? "" : "s", port->mac[0], port->mac[1], port->mac[2],
			port->mac[3], port->mac[4], port->mac[5], port->link_up ? "up" : "down");
	}
}

bool status_alive(const struct sluice_observed *observed, uint64_t now_ns)
{
	for (uint32_t w = 0; w < observed->head.workers_used; w++) {
		uint64_t beat_ns = *(const volatile uint64_t *)&observed->workers[w].beat_ns;
		if (beat_ns + HUNG_NS < now_ns)
			return false;
	}
	return true;
}
