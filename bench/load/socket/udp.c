// SPDX-License-Identifier: Apache-2.0
#include "udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECEIVE_BUFFER_BYTES = 2 << 20 };

static socklen_t address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

static int udp_connect(
	int fd, const struct sockaddr_storage *peer, const struct sockaddr_storage *source)
{
	int bytes = RECEIVE_BUFFER_BYTES, one = 1;

	// beyond net.core.rmem_max only with CAP_NET_ADMIN
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	if (source && source->ss_family == peer->ss_family &&
		bind(fd, (const struct sockaddr *)source, address_length(source)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)peer, address_length(peer)) < 0)
		return -errno;
	return 0;
}

int udp_open(const struct sockaddr_storage *peer, const struct sockaddr_storage *source)
{
	int fd = socket(peer->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = udp_connect(fd, peer, source);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int udp_ignore_rtp(int fd)
{
	// A filter sees the UDP header first. RFC 7983: RTP and RTCP begin with 128 to 191; RFC 5761: RTCP goes on
	// with 192 to 223.
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 0, 5),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 191, 4, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 223, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = (struct sock_filter *)code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

uint32_t udp_dropped(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
	return memory[SK_MEMINFO_DROPS];
}

static void batch_ready(struct udp_batch *batch, unsigned i, uint32_t length, size_t control_length)
{
	batch->vectors[i] = (struct iovec){.iov_base = batch->data[i], .iov_len = length};
	batch->messages[i].msg_hdr = (struct msghdr){
		.msg_iov = &batch->vectors[i],
		.msg_iovlen = 1,
		.msg_control = control_length ? batch->control[i] : NULL,
		.msg_controllen = control_length,
	};
}

unsigned udp_receive(int fd, struct udp_batch *batch)
{
	int n;

	for (unsigned i = 0; i < UDP_BATCH; i++)
		batch_ready(batch, i, UDP_BYTES_MAX, UDP_CONTROL_BYTES);
	n = recvmmsg(fd, batch->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
	return n > 0 ? (unsigned)n : 0;
}

static void control_read(const struct cmsghdr *control, struct udp_datagram *datagram)
{
	struct timespec time;

	if (control->cmsg_level != SOL_SOCKET)
		return;
	if (control->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&time, CMSG_DATA(control), sizeof(time));
		datagram->arrived_ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	} else if (control->cmsg_type == SO_RXQ_OVFL) {
		memcpy(&datagram->overflowed, CMSG_DATA(control), sizeof(datagram->overflowed));
	}
}

void udp_datagram(struct udp_batch *batch, unsigned i, struct udp_datagram *datagram)
{
	struct msghdr *header = &batch->messages[i].msg_hdr;

	*datagram =
		(struct udp_datagram){.data = batch->data[i], .length = batch->messages[i].msg_len};
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
		control = CMSG_NXTHDR(header, control))
		control_read(control, datagram);
}

unsigned udp_send(int fd, struct udp_batch *batch, const uint32_t *lengths, unsigned n)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++)
		batch_ready(batch, i, lengths[i], 0);
	while (sent < n) {
		int taken = sendmmsg(fd, batch->messages + sent, n - sent, MSG_DONTWAIT);

		// ECONNREFUSED reports an earlier datagram, and has sent nothing of this one
		if (taken < 0 && errno != EINTR && errno != ECONNREFUSED)
			break;
		sent += taken > 0 ? (unsigned)taken : 0;
	}
	return sent;
}
