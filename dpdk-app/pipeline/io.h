// SPDX-License-Identifier: Apache-2.0
// What the pipeline needs from the world below it, implemented by io/ at link time: io/port.c over DPDK in
// production, io/plain.c over AF_PACKET, capture files or memory in tests and where DPDK is missing.
#pragma once

#include "pkt.h"

// Receives up to `n` frames of one port and queue. data and length describe the whole Ethernet frame,
// arrived_ns, port and queue are set, holds is 1. Returns how many.
unsigned io_rx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n);

// Sends frames; takes the packets that it returns as sent, which is a prefix. The caller keeps the
// rest.
unsigned io_tx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n);

// Monotonic nanoseconds, the clock of CLOCK_MONOTONIC, cheap enough for every burst.
uint64_t io_now_ns(void);

// Seconds since 1900 in 32.32 fixed point (RFC 3550, 4), for `now_ns`.
uint64_t io_ntp(uint64_t now_ns);

// The port's own hardware address, 6 bytes.
const uint8_t *io_mac(unsigned port);

// How many of the port's queues worker `w` polls, and which: returns the count, fills queues.
unsigned io_queues(unsigned port, unsigned w, uint16_t *queues, unsigned n);

unsigned io_ports(void);

// Sleeps about `ns`; called only from a worker that found nothing to do.
void io_sleep(uint64_t ns);

// Wakes control: something lies in an event or punt ring.
void io_doorbell(void);
