// SPDX-License-Identifier: Apache-2.0
// UDP sockets of many connections: one each, connected to the relay, read and written in batches. The
// kernel says when a datagram arrived and how many it threw away because the socket's buffer was full.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { UDP_BATCH = 32, UDP_BYTES_MAX = 2048, UDP_CONTROL_BYTES = 128 };

// Buffers of a batch; one per thread serves all its sockets.
struct udp_batch {
	struct mmsghdr messages[UDP_BATCH];
	struct iovec vectors[UDP_BATCH];
	uint8_t data[UDP_BATCH][UDP_BYTES_MAX];
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][UDP_CONTROL_BYTES];
};

struct udp_datagram {
	uint8_t *data; // into the batch; may be changed
	uint32_t length;
	uint64_t arrived_ns; // CLOCK_REALTIME by the kernel; 0 = not said
	uint32_t overflowed; // datagrams the socket has lost so far; 0 also when not said
};

// Opens a socket connected to `peer`, from `source` unless it is NULL. Returns the descriptor or -errno.
int udp_open(const struct sockaddr_storage *peer, const struct sockaddr_storage *source);

// Receives up to UDP_BATCH datagrams. Returns how many; 0 also for errors that ICMP brought back.
unsigned udp_receive(int fd, struct udp_batch *batch);

// Datagram `i` of the batch just received.
void udp_datagram(struct udp_batch *batch, unsigned i, struct udp_datagram *datagram);

// From now on RTP is thrown away as it arrives, before it takes room in the socket; RTCP, DTLS and STUN still come.
// 0 or -errno.
int udp_ignore_rtp(int fd);

// Datagrams the kernel has thrown away, for whatever reason, since the socket was opened.
uint32_t udp_dropped(int fd);

// Sends the first `n` buffers of the batch, of `lengths` bytes each. Returns how many the kernel took.
unsigned udp_send(int fd, struct udp_batch *batch, const uint32_t *lengths, unsigned n);
