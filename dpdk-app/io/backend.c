// SPDX-License-Identifier: Apache-2.0
// The back end over DPDK: the order in which EAL, pools, XDP filter and ports come and go.
#include "backend.h"

#include "clock.h"
#include "eal.h"
#include "filter.h"
#include "pipeline/io.h"
#include "pool.h"
#include "port.h"
#include "wait.h"

#include <sluice/device.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	DEVARGS_MAX = 1024,
	// A queue keeps up to PORT_RING packets in each of its rings: to fill, received, sent, completed.
	PACKETS_PER_QUEUE = 4 * PORT_RING,
	PACKETS_SPARE = 2048,
};

struct launch {
	void (*run)(void *);
	void *context;
};

static const struct config *config;
static struct launch launches[SLUICE_WORKERS_MAX];
static unsigned workers, packets;
static uint64_t unix_offset_ns; // fixed at start: a stepped wall clock must not tear streams apart
static int doorbell = -1;

static bool port_has_filter(unsigned port)
{
	return strcmp(config->ports[port].driver, "xdp") == 0;
}

static unsigned port_queue_count(unsigned port)
{
	return config->ports[port].queues ? config->ports[port].queues : workers;
}

// What the busiest worker's queues can hold at most; with a smaller pool the port runs dry.
static unsigned packets_needed(void)
{
	unsigned most = 0;
	for (unsigned p = 0; p < config->ports_used; p++)
		most += (port_queue_count(p) + workers - 1) / workers * PACKETS_PER_QUEUE;
	return most + PACKETS_SPARE;
}

static int filters_claim(char *why, size_t why_size)
{
	bool entered = false;
	for (unsigned p = 0; p < config->ports_used; p++) {
		if (!port_has_filter(p))
			continue;
		if (access(config->xdp_object, R_OK) < 0) {
			snprintf(why, why_size,
				"xdp_object %s: %s; build it with `make ebpf` or name another",
				config->xdp_object, strerror(errno));
			return -1;
		}
		if (!entered && filter_enter(config->bpf_directory, why, why_size) < 0)
			return -1;
		entered = true;
		if (filter_claim(config->ports[p].interface, why, why_size) < 0)
			return -1;
	}
	return 0;
}

static int filters_release(char *why, size_t why_size)
{
	int result = 0;
	bool any = false;
	for (unsigned p = 0; p < config->ports_used; p++) {
		if (!port_has_filter(p))
			continue;
		any = true;
		if (filter_release(config->ports[p].interface, why, why_size) < 0)
			result = -1;
	}
	if (any)
		filter_leave();
	return result;
}

// What is wrong with a card the kernel says in better words than DPDK.
static int devices_check(char *why, size_t why_size)
{
	struct device_fault fault;
	for (unsigned p = 0; p < config->ports_used; p++) {
		if (device_check("/sys", "/dev/vfio", &config->ports[p], &fault) == 0)
			continue;
		snprintf(why, why_size, "ports[%u]: %s: %s", p, fault.what, fault.fix);
		return -1;
	}
	return 0;
}

static int environment_open(char **arguments, unsigned arguments_used, char *why, size_t why_size)
{
	static char devargs[CONFIG_PORTS_MAX][DEVARGS_MAX];
	struct eal_plan plan = {
		.workers = workers,
		.packets = packets,
		.ports = config->ports_used,
		.arguments = arguments,
		.arguments_used = arguments_used,
	};
	for (unsigned p = 0; p < config->ports_used; p++) {
		plan.devargs[p] = devargs[p];
		if (port_devargs(config, p, port_queue_count(p), devargs[p], DEVARGS_MAX, why,
			    why_size) < 0)
			return -1;
	}
	return eal_open(config, &plan, why, why_size);
}

// A worker's packets lie near its core; one that floats takes the node of the first port.
static int pools_open(char *why, size_t why_size)
{
	int nodes[SLUICE_WORKERS_MAX];
	for (unsigned w = 0; w < workers; w++)
		nodes[w] = config->dataplane.cores_used ? eal_node(w) : port_node(0);
	if (pool_create(workers, nodes, packets) == 0)
		return 0;
	snprintf(why, why_size,
		"no memory for %u packet buffers: lower dataplane.buffers or reserve more "
		"hugepages",
		workers * packets);
	return -1;
}

static int ports_open(char *why, size_t why_size)
{
	bool filtered = false;
	for (unsigned p = 0; p < config->ports_used; p++) {
		int error = port_open(config, p, port_queue_count(p), workers, why, why_size);
		if (error)
			return error;
		filtered |= port_has_filter(p);
	}
	if (filtered)
		return filter_configure(config, why, why_size);
	return 0;
}

static void everything_close(char *why, size_t why_size)
{
	port_close_all();
	pool_destroy();
	eal_close();
	filters_release(why, why_size);
}

int backend_open(const struct config *wanted, char **arguments, unsigned arguments_used, char *why,
	size_t why_size)
{
	char ignored[256];
	config = wanted;
	unix_offset_ns = clock_read_ns(CLOCK_REALTIME) - clock_read_ns(CLOCK_MONOTONIC);
	workers = config->dataplane.cores_used ? config->dataplane.cores_used
					       : config->dataplane.workers;
	packets = config->dataplane.buffers / workers;
	if (packets < packets_needed())
		packets = packets_needed();
	if (devices_check(why, why_size) < 0)
		return -1;
	if (filters_claim(why, why_size) < 0 ||
		environment_open(arguments, arguments_used, why, why_size) < 0) {
		filters_release(ignored, sizeof(ignored));
		return -1;
	}
	int error = pools_open(why, why_size);
	if (!error)
		error = ports_open(why, why_size);
	if (error)
		everything_close(ignored, sizeof(ignored));
	return error;
}

int backend_close(char *why, size_t why_size)
{
	port_close_all();
	pool_destroy();
	eal_close();
	return filters_release(why, why_size);
}

unsigned backend_workers(void)
{
	return workers;
}

int backend_cpu(unsigned w)
{
	return config->dataplane.cores_used ? (int)config->dataplane.cores[w] : -1;
}

static int lcore_run(void *argument)
{
	const struct launch *launch = argument;
	// Otherwise the kernel rounds a sleep of 20 us up to 70.
	prctl(PR_SET_TIMERSLACK, 1UL);
	launch->run(launch->context);
	return 0;
}

int backend_launch(unsigned w, void (*run)(void *), void *context)
{
	launches[w] = (struct launch){run, context};
	return rte_eal_remote_launch(lcore_run, &launches[w], eal_lcore(w));
}

void backend_join(void)
{
	rte_eal_mp_wait_lcore();
}

// Asking the kernel takes several calls, and the answer hardly ever changes.
static bool port_is_native(unsigned port)
{
	static struct {
		bool native;
		uint64_t due_ns;
	} known[SLUICE_PORTS_MAX];
	uint64_t now_ns = io_now_ns();
	if (now_ns >= known[port].due_ns) {
		known[port].native = filter_is_native(config->ports[port].interface) == 1;
		known[port].due_ns = now_ns + CLOCK_NS_PER_S;
	}
	return known[port].native;
}

void backend_observe(unsigned port, struct sluice_port_status *status)
{
	port_observe(port, status);
	if (!port_has_filter(port))
		return;
	status->xdp_native = port_is_native(port);
	// The counters are common to all ports; shown with the first, sums stay right.
	for (unsigned p = 0; p < port; p++)
		if (port_has_filter(p))
			return;
	filter_counters(status->xdp);
}

void backend_strangers(struct sluice_strangers *strangers)
{
	struct sluice_strangers now = *strangers;
	if (!filter_strangers(now.entries))
		return;
	sluice_row_begin(&strangers->row);
	strangers->row.generation = 1;
	memcpy(strangers->entries, now.entries, sizeof(now.entries));
	sluice_row_end(&strangers->row);
}

void backend_set_doorbell(int descriptor)
{
	__atomic_store_n(&doorbell, descriptor, __ATOMIC_RELEASE);
}

void backend_describe(char *text, size_t size)
{
	snprintf(text, size, "%s, %s, %u packet buffers for each of %u workers", rte_version(),
		eal_has_hugepages() ? "hugepages" : "no hugepages (too few free, or not wanted)",
		packets, workers);
}

uint64_t io_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t io_ntp(uint64_t now_ns)
{
	return clock_unix_to_ntp(now_ns + unix_offset_ns);
}

void io_sleep(uint64_t ns)
{
	wait_sleep(eal_worker(), ns);
}

void io_doorbell(void)
{
	static const uint64_t one = 1;
	int descriptor = __atomic_load_n(&doorbell, __ATOMIC_ACQUIRE);
	// A full counter means that it has not been heard yet; there is nothing to do about the rest.
	if (descriptor >= 0 && write(descriptor, &one, sizeof(one)) < 0)
		return;
}
