// SPDX-License-Identifier: Apache-2.0
// The back end without DPDK: puts pool, ports and threads together. Memory ports are in use between
// plain_memory_create and plain_memory_destroy, AF_PACKET ports between backend_open and backend_close.
#include "plain.h"

#include "backend.h"
#include "clock.h"
#include "plain_parts.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct thread {
	pthread_t id;
	bool launched;
	void (*run)(void *);
	void *context;
};

static const struct config *config;
static struct thread threads[SLUICE_WORKERS_MAX];
static unsigned workers;
static uint64_t unix_offset_ns; // fixed at start: a stepped wall clock must not tear streams apart
static _Atomic int doorbell = -1;

int backend_open(const struct config *wanted, char **, unsigned, char *why, size_t why_size)
{
	config = wanted;
	unix_offset_ns = clock_read_ns(CLOCK_REALTIME) - clock_read_ns(CLOCK_MONOTONIC);
	workers = config->dataplane.cores_used ? config->dataplane.cores_used
					       : config->dataplane.workers;
	if (plain_pool_create(workers, config->dataplane.buffers / workers) < 0) {
		snprintf(why, why_size, "no memory for %u packet buffers: lower dataplane.buffers",
			config->dataplane.buffers);
		return -1;
	}
	for (unsigned p = 0; p < config->ports_used; p++) {
		const struct config_port *port = &config->ports[p];
		int result = 0;
		if (strcmp(port->driver, "packet") != 0) {
			snprintf(why, why_size,
				"ports[%u]: driver %s needs DPDK, and this program is built "
				"without: use `driver: packet`, or sluice-dataplane",
				p, port->driver);
			result = -1;
		}
		if (result < 0 || plain_socket_open(port, p, why, why_size) < 0) {
			plain_socket_close_all();
			plain_pool_destroy();
			return -1;
		}
	}
	return 0;
}

int backend_close(char *, size_t)
{
	plain_socket_close_all();
	plain_pool_destroy();
	return 0;
}

unsigned backend_workers(void)
{
	return workers;
}

int backend_cpu(unsigned w)
{
	return config->dataplane.cores_used ? (int)config->dataplane.cores[w] : -1;
}

static void *thread_run(void *argument)
{
	const struct thread *thread = argument;
	// Otherwise the kernel rounds a sleep of 20 us up to 70.
	prctl(PR_SET_TIMERSLACK, 1UL);
	thread->run(thread->context);
	return NULL;
}

int backend_launch(unsigned w, void (*run)(void *), void *context)
{
	struct thread *thread = &threads[w];
	pthread_attr_t attributes;
	int cpu = backend_cpu(w);
	pthread_attr_init(&attributes);
	if (cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
		pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	}
	thread->run = run;
	thread->context = context;
	int error = pthread_create(&thread->id, &attributes, thread_run, thread);
	pthread_attr_destroy(&attributes);
	thread->launched = error == 0;
	return -error;
}

void backend_join(void)
{
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++) {
		if (threads[w].launched)
			pthread_join(threads[w].id, NULL);
		threads[w].launched = false;
	}
}

void backend_observe(unsigned port, struct sluice_port_status *status)
{
	plain_socket_observe(port, status);
}

// There is no filter: the workers see all.
void backend_strangers(struct sluice_strangers *)
{
}

void backend_set_doorbell(int descriptor)
{
	atomic_store_explicit(&doorbell, descriptor, memory_order_release);
}

void backend_describe(char *text, size_t size)
{
	snprintf(text, size, "without DPDK, %u packet buffers for each of %u workers",
		config->dataplane.buffers / workers, workers);
}

unsigned io_rx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n)
{
	if (plain_memory_used())
		return plain_memory_rx(port, queue, pkts, n);
	return plain_socket_rx(port, pkts, n);
}

unsigned io_tx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n)
{
	if (plain_memory_used())
		return plain_memory_tx(port, queue, pkts, n);
	return plain_socket_tx(port, pkts, n);
}

uint64_t io_now_ns(void)
{
	return plain_memory_used() ? plain_memory_now_ns() : clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t io_ntp(uint64_t now_ns)
{
	if (plain_memory_used())
		return clock_unix_to_ntp(now_ns);
	return clock_unix_to_ntp(now_ns + unix_offset_ns);
}

const uint8_t *io_mac(unsigned port)
{
	return plain_memory_used() ? plain_memory_mac(port) : plain_socket_mac(port);
}

unsigned io_queues(unsigned, unsigned w, uint16_t *queues, unsigned n)
{
	unsigned used = plain_memory_used() ? plain_memory_queues() : 1;
	if (w >= used || n == 0)
		return 0;
	queues[0] = (uint16_t)w;
	return 1;
}

unsigned io_ports(void)
{
	return plain_memory_used() ? plain_memory_ports() : plain_socket_ports();
}

void io_sleep(uint64_t ns)
{
	if (plain_memory_used())
		plain_memory_sleep(ns);
	else
		plain_socket_sleep(ns);
}

void io_doorbell(void)
{
	static const uint64_t one = 1;
	int descriptor = atomic_load_explicit(&doorbell, memory_order_acquire);
	if (plain_memory_used())
		plain_memory_ring();
	// A full counter means that it has not been heard yet; there is nothing to do about the rest.
	if (descriptor >= 0 && write(descriptor, &one, sizeof(one)) < 0)
		return;
}
