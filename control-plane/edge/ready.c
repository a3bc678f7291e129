// SPDX-License-Identifier: Apache-2.0
#include "ready.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BEAT_NS 1000000000ULL // older than that = hung

__attribute__((format(printf, 3, 4))) static void add_fault(
	struct ready_report *report, const char *name, const char *format, ...)
{
	va_list arguments;
	unsigned i = report->used++;

	report->checks[i].name = name;
	va_start(arguments, format);
	vsnprintf(report->checks[i].why, sizeof(report->checks[i].why), format, arguments);
	va_end(arguments);
	report->ready = false;
}

static void add_ok(struct ready_report *report, const char *name)
{
	unsigned i = report->used++;

	report->checks[i].name = name;
	report->checks[i].ok = true;
}

static void check_dataplane(const struct ready_input *input, struct ready_report *report)
{
	if (!input->observed)
		add_fault(report, "dataplane", "no data plane is attached: start sluice-dataplane");
	else if (!input->plane_ready)
		add_fault(report, "dataplane",
			"the data plane is not ready or has not beaten for a second: see its log");
	else
		add_ok(report, "dataplane");
}

static void check_workers(const struct ready_input *input, struct ready_report *report)
{
	uint32_t workers = input->observed ? input->observed->head.workers_used : 0;

	for (uint32_t i = 0; i < workers && i < SLUICE_WORKERS_MAX; i++) {
		uint64_t beat = *(const volatile uint64_t *)&input->observed->workers[i].beat_ns;

		if (beat + BEAT_NS >= input->now_ns)
			continue;
		add_fault(report, "workers", "worker %u hangs: restart sluice-dataplane", i);
		return;
	}
	if (!workers)
		add_fault(report, "workers", "no worker runs");
	else
		add_ok(report, "workers");
}

static bool wants_xdp(const struct config *config, uint32_t port)
{
	const char *driver = port < config->ports_used ? config->ports[port].driver : "";

	return !*driver || !strcmp(driver, "xdp");
}

static void check_ports(const struct ready_input *input, struct ready_report *report)
{
	uint32_t ports = input->observed ? input->observed->head.ports_used : 0;

	for (uint32_t i = 0; i < ports && i < SLUICE_PORTS_MAX; i++) {
		const struct sluice_port_status *port = &input->observed->ports[i];

		if (wants_xdp(input->config, i) && port->mode != SLUICE_PORT_XDP) {
			add_fault(report, "ports",
				"port %u (%.31s): XDP is configured but not attached", i,
				port->name);
			return;
		}
		if (!port->link_up) {
			add_fault(report, "ports", "port %u (%.31s): link is down", i, port->name);
			return;
		}
	}
	if (!ports)
		add_fault(report, "ports", "no port is up");
	else
		add_ok(report, "ports");
}

static void check_certificate(const struct ready_input *input, struct ready_report *report)
{
	if (input->certificate_expiry_s && input->certificate_expiry_s <= input->now_s)
		add_fault(report, "certificate",
			"http.tls_certificate has expired: renew it and send control SIGHUP");
	else
		add_ok(report, "certificate");
}

void ready_check(const struct ready_input *input, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->ready = true;
	check_dataplane(input, report);
	check_workers(input, report);
	check_ports(input, report);
	if (input->candidates)
		add_ok(report, "addresses");
	else
		add_fault(report, "addresses",
			"no address for media: set media.addresses or give the port's interface "
			"one");
	check_certificate(input, report);
	if (input->draining)
		add_fault(report, "draining", "draining by the operator's will: sluicectl undrain");
	else
		add_ok(report, "draining");
}
