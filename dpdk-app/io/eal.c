// SPDX-License-Identifier: Apache-2.0
#include "eal.h"

#include "pool.h"
#include "port.h"

#include <rte_build_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	ARGUMENTS_MAX = 96,
	TEXT_MAX = 16384,
	LCORES_TEXT_MAX = 4096,
	OVERHEAD_BYTES = 64 << 20, // DPDK's own, beside the pools: rings, device data
	OVERHEAD_POOL_BYTES = 16 << 20, // of each pool: caches of all possible threads, alignment
};

struct arguments { // an argument vector under construction
	char *vector[ARGUMENTS_MAX + 1];
	int used;
	char text[TEXT_MAX];
	size_t text_used;
	bool overflow;
};

static bool has_hugepages;

__attribute__((format(printf, 2, 3))) static void argument_add(
	struct arguments *arguments, const char *format, ...)
{
	va_list values;
	size_t room = sizeof(arguments->text) - arguments->text_used;
	char *text = arguments->text + arguments->text_used;
	va_start(values, format);
	int length = vsnprintf(text, room, format, values);
	va_end(values);
	if (length < 0 || (size_t)length >= room || arguments->used >= ARGUMENTS_MAX) {
		arguments->overflow = true;
		return;
	}
	arguments->vector[arguments->used++] = text;
	arguments->text_used += (size_t)length + 1;
}

static uint64_t number_of_file(const char *path)
{
	unsigned long long value = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

// Bytes in free hugepages of the two sizes that DPDK uses on this architecture.
static uint64_t hugepage_bytes_free(void)
{
	uint64_t small = number_of_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	uint64_t large =
		number_of_file("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");
	return (small << 21) + (large << 30);
}

static uint64_t memory_bytes(const struct eal_plan *plan)
{
	return OVERHEAD_BYTES + (uint64_t)plan->workers *
					(OVERHEAD_POOL_BYTES + plan->packets * pool_packet_bytes());
}

static unsigned long long memory_pages(const struct eal_plan *plan)
{
	return (memory_bytes(plan) >> 21) + 1;
}

static void memory_arguments(
	struct arguments *arguments, const struct config *config, const struct eal_plan *plan)
{
	uint64_t need = memory_bytes(plan);
	has_hugepages = config->dataplane.hugepages && hugepage_bytes_free() >= need;
	// Either way no file is left behind.
	argument_add(arguments, "--file-prefix=sluice");
	if (has_hugepages) {
		argument_add(arguments, "--in-memory");
		return;
	}
	argument_add(arguments, "--no-shconf");
	argument_add(arguments, "--no-huge");
	argument_add(arguments, "-m");
	argument_add(arguments, "%llu", (unsigned long long)(need >> 20) + 1);
}

// The processors that this process may use, without those that workers are pinned to when any is
// left then: "1,3-5" in the form of --lcores.
static int floating_set(const struct config *config, char *text, size_t size)
{
	cpu_set_t allowed, others;
	size_t used = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -1;
	others = allowed;
	for (unsigned i = 0; i < config->dataplane.cores_used; i++)
		CPU_CLR(config->dataplane.cores[i], &others);
	if (CPU_COUNT(&others) == 0)
		others = allowed;
	text[0] = '\0';
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++)
		if (CPU_ISSET(cpu, &others))
			used += (size_t)snprintf(
				text + used, size - used, "%s%u", used ? "," : "", cpu);
	return used < size ? 0 : -1;
}

// Only trying tells: isolated processors (isolcpus) are in nobody's set until somebody goes there by name.
static bool core_is_allowed(unsigned core)
{
	cpu_set_t before, one;
	CPU_ZERO(&one);
	if (core >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before), &before) < 0)
		return false;
	CPU_SET(core, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0 &&
	       sched_setaffinity(0, sizeof(before), &before) == 0;
}

static int cores_check(const struct config *config, char *why, size_t why_size)
{
	for (unsigned i = 0; i < config->dataplane.cores_used; i++) {
		unsigned core = config->dataplane.cores[i];
		if (core_is_allowed(core))
			continue;
		snprintf(why, why_size,
			"dataplane.cores: processor %u does not exist or is not allowed to this "
			"process; `nproc` tells how many there are",
			core);
		return -1;
	}
	return 0;
}

// lcore 0 is the main thread, lcore w + 1 is worker w.
static int lcore_arguments(
	struct arguments *arguments, const struct config *config, unsigned workers)
{
	char others[LCORES_TEXT_MAX];
	char text[LCORES_TEXT_MAX + SLUICE_WORKERS_MAX * 16];
	if (floating_set(config, others, sizeof(others)) < 0)
		return -1;
	if (config->dataplane.cores_used == 0) {
		argument_add(arguments, "--lcores=(0-%u)@(%s)", workers, others);
		return 0;
	}
	size_t used = (size_t)snprintf(text, sizeof(text), "0@(%s)", others);
	for (unsigned w = 0; w < workers; w++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",%u@%u", w + 1,
			config->dataplane.cores[w]);
	argument_add(arguments, "--lcores=%s", text);
	return 0;
}

static void device_arguments(
	struct arguments *arguments, const struct config *config, const struct eal_plan *plan)
{
	bool pci = false;
	for (unsigned p = 0; p < plan->ports; p++) {
		bool on_pci = port_is_pci(&config->ports[p]);
		argument_add(arguments, on_pci ? "--allow=%s" : "--vdev=%s", plan->devargs[p]);
		pci |= on_pci;
	}
	if (!pci)
		argument_add(arguments, "--no-pci");
	// An AF_XDP umem must be one run of virtual addresses, which only this mode promises. Packets may cross
	// pages (pool.c): a card that needs physical addresses must be refused.
	argument_add(arguments, "--iova-mode=va");
}

// A card reads and writes memory that is mapped for it page by page, and a container of VFIO takes 65,535
// mappings: ordinary pages are too many.
static int hugepages_check(
	const struct config *config, const struct eal_plan *plan, char *why, size_t why_size)
{
	for (unsigned p = 0; p < plan->ports && !has_hugepages; p++) {
		if (!port_is_pci(&config->ports[p]))
			continue;
		snprintf(why, why_size,
			"port %s: a card of DPDK's own needs huge pages, %llu of 2 MiB here, and "
			"%s: "
			"run `sysctl -w vm.nr_hugepages=%llu`%s",
			config->ports[p].device, memory_pages(plan),
			config->dataplane.hugepages ? "too few are free"
						    : "dataplane.hugepages is false",
			memory_pages(plan),
			config->dataplane.hugepages ? "" : " and set dataplane.hugepages: true");
		return -1;
	}
	return 0;
}

// True when the plug-in of a virtual device's driver is not there; then `why` says so.
static bool driver_missing(const struct config *config, char *why, size_t why_size)
{
	char path[PATH_MAX], name[64];
	for (unsigned p = 0; p < config->ports_used; p++) {
		const struct config_port *port = &config->ports[p];
		if (config_port_is_kernels(port) || port_is_pci(port))
			continue;
		size_t length = strcspn(port->device, "0123456789,"); // net_tap0 is net_tap's
		snprintf(name, sizeof(name), "%.*s", (int)length, port->device);
		snprintf(path, sizeof(path), RTE_EAL_PMD_PATH "/librte_%s.so", name);
		if (access(path, R_OK) == 0)
			continue;
		snprintf(why, why_size,
			"port %s: DPDK has no driver %s in " RTE_EAL_PMD_PATH
			": correct the name, or install it (`apt-get install librte-meta-net` has "
			"all)",
			port->device, name);
		return true;
	}
	return false;
}

// The configuration's eal_arguments, split at blanks.
static void text_arguments(struct arguments *arguments, const char *text)
{
	while (*(text += strspn(text, " \t"))) {
		size_t length = strcspn(text, " \t");
		argument_add(arguments, "%.*s", (int)length, text);
		text += length;
	}
}

int eal_open(const struct config *config, const struct eal_plan *plan, char *why, size_t why_size)
{
	static struct arguments arguments; // EAL keeps pointers into it
	argument_add(&arguments, "sluice-dataplane");
	argument_add(&arguments, "--no-telemetry");
	argument_add(&arguments, "--log-level=%s",
		config->log_level >= CONFIG_LOG_DEBUG ? "info" : "error");
	memory_arguments(&arguments, config, plan);
	device_arguments(&arguments, config, plan);
	if (cores_check(config, why, why_size) < 0 ||
		hugepages_check(config, plan, why, why_size) < 0)
		return -1;
	if (lcore_arguments(&arguments, config, plan->workers) < 0)
		arguments.overflow = true;
	text_arguments(&arguments, config->dataplane.eal_arguments);
	for (unsigned i = 0; i < plan->arguments_used; i++)
		argument_add(&arguments, "%s", plan->arguments[i]);
	if (arguments.overflow) {
		snprintf(why, why_size,
			"DPDK's arguments are too many or too long: shorten "
			"dataplane.eal_arguments and ports[].arguments");
		return -1;
	}
	rte_openlog_stream(stderr);
	if (rte_eal_init(arguments.used, arguments.vector) >= 0)
		return 0;
	int error = rte_errno;
	if (!driver_missing(config, why, why_size))
		snprintf(why, why_size,
			"DPDK could not start: %s; its own lines above say more, as does "
			"log_level=debug",
			rte_strerror(error));
	return -1;
}

// DPDK makes its runtime directory even when it puts nothing there.
void eal_close(void)
{
	char directory[PATH_MAX];
	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	char *slash = strrchr(directory, '/');
	if (rmdir(directory) < 0 || !slash)
		return;
	*slash = '\0';
	rmdir(directory); // fails, as it should, while other DPDK programs have theirs in it
}

unsigned eal_lcore(unsigned w)
{
	return w + 1;
}

unsigned eal_worker(void)
{
	return rte_lcore_id() - 1;
}

int eal_node(unsigned w)
{
	unsigned node = rte_lcore_to_socket_id(eal_lcore(w));
	return node == (unsigned)SOCKET_ID_ANY ? 0 : (int)node;
}

bool eal_has_hugepages(void)
{
	return has_hugepages;
}
