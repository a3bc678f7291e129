// SPDX-License-Identifier: Apache-2.0
// Sleeping until a packet comes: DPDK's AF_XDP and AF_PACKET drivers poll, but beneath each of their
// queues is a socket that can be waited for. The drivers keep it to themselves, so it is looked up
// among the process's descriptors.
#pragma once

#include <stdint.h>

// Adds the first socket of that domain (AF_XDP, AF_PACKET) not added yet to those that worker `w` is
// woken by. Returns the socket, which stays the driver's, or -1 when there is none: the worker then
// sleeps its time out.
int wait_watch(int domain, unsigned w);

// Forgets all sockets.
void wait_reset(void);

// Sleeps until a packet may be waiting for worker `w`, at most `ns`.
void wait_sleep(unsigned w, uint64_t ns);
