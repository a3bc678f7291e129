// SPDX-License-Identifier: Apache-2.0
// The parts of the back end without DPDK, for plain.c to put together: the pool, and the two kinds of
// port, of which one is in use at a time.
#pragma once

#include "pipeline/io.h"

#include <sluice/config.h>

#include <stdbool.h>
#include <stddef.h>

// ---- plain_pool.c: packets of malloc, a list of free ones for each worker

// Returns 0 or -ENOMEM; then none is left.
int plain_pool_create(unsigned workers, unsigned packets);
void plain_pool_destroy(void);

// Sets what a packet tells of itself to that of a fresh one with `length` bytes of data.
void plain_pkt_reset(struct pkt *pkt, uint32_t length);

// ---- plain_memory.c: queues of frames, and the clock that is set by hand

bool plain_memory_used(void);
unsigned plain_memory_ports(void);
unsigned plain_memory_queues(void);
unsigned plain_memory_rx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n);
unsigned plain_memory_tx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n);
const uint8_t *plain_memory_mac(unsigned port);
uint64_t plain_memory_now_ns(void);
void plain_memory_sleep(uint64_t ns);
void plain_memory_ring(void);

// ---- plain_socket.c: AF_PACKET, one queue a port, received by worker 0, sent on by all

// Opens the configuration's port. Returns 0, or -1 with `why`.
int plain_socket_open(const struct config_port *wanted, unsigned port, char *why, size_t why_size);
void plain_socket_close_all(void);
unsigned plain_socket_ports(void);
unsigned plain_socket_rx(unsigned port, struct pkt **pkts, unsigned n);
unsigned plain_socket_tx(unsigned port, struct pkt **pkts, unsigned n);
void plain_socket_sleep(uint64_t ns);
const uint8_t *plain_socket_mac(unsigned port);
void plain_socket_observe(unsigned port, struct sluice_port_status *status);
