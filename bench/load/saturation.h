// SPDX-License-Identifier: Apache-2.0
// Was the tester itself the bottleneck? Then what it measured says nothing about the relay.
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SATURATION_REASONS = 8, SATURATION_TEXT_MAX = 160 };

struct saturation_facts {
	uint64_t lag_p99_ns; // of sending behind schedule
	double busiest_thread; // share of one CPU, 0 to 1
	uint64_t socket_overflows; // packets lost in our sockets for want of room
	uint64_t receive_errors; // growth of the namespace's RcvbufErrors and MemErrors
	uint64_t input_drops; // growth of the kernel's drops on our CPUs before any socket
	uint64_t send_dropped;
};

struct saturation { // reasons_used 0 = the run is valid
	unsigned reasons_used;
	char reasons[SATURATION_REASONS][SATURATION_TEXT_MAX];
};

// Judges: send lag p99 above 5 ms, a thread above 90 % of its CPU, or any packet that was lost in our own
// sockets or on the way to them.
void saturation_judge(const struct saturation_facts *facts, struct saturation *saturation);

struct saturation_kernel { // UDP counters of the network namespace, IPv4 and IPv6
	uint64_t receive_errors; // RcvbufErrors and MemErrors
	uint64_t checksum_errors; // InCsumErrors: SO_RXQ_OVFL counts them too
	uint64_t input_drops; // of our CPUs' input queues (net.core.netdev_max_backlog)
};

// Adds what the text of a /proc/net/snmp or snmp6 file says; nothing for what it does not name.
void saturation_snmp(struct saturation_kernel *kernel, const char *text);

// Adds what the text of /proc/net/softnet_stat says of these CPUs.
void saturation_softnet(struct saturation_kernel *kernel, const char *text, const cpu_set_t *cpus);

// Reads the counters of this network namespace, and of the CPUs we may use.
void saturation_kernel_read(struct saturation_kernel *kernel);
