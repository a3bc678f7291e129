// SPDX-License-Identifier: Apache-2.0
#include "clock.h"
#include "plain_parts.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BURST = 32,
	BUFFER_BYTES = 8 << 20, // of the socket, each direction
};

struct socket_port {
	int fd;
	char name[32];
	uint8_t mac[6];
	// rx by worker 0 alone, tx by all
	_Atomic uint64_t rx_packets, rx_bytes, rx_errors, tx_packets, tx_bytes, tx_errors;
	uint64_t rx_missed; // main thread only
};

union auxiliary { // aligned as CMSG wants it
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

static struct socket_port ports[SLUICE_PORTS_MAX];
static unsigned ports_used;

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

// Only what can be media comes up here: IPv4 with UDP, and IPv6.
static int filter_attach(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct ethhdr, h_proto)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ethhdr) + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void buffers_enlarge(int fd)
{
	const int bytes = BUFFER_BYTES;
	// Without the right to exceed the system's limit a smaller buffer must do.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int socket_configure(int fd, const char *interface, uint8_t mac[6])
{
	const int on = 1;
	struct ifreq request = {0};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	if (address.sll_ifindex == 0)
		return -1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", interface);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0 || filter_attach(fd) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
		return -1;
	buffers_enlarge(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

int plain_socket_open(const struct config_port *wanted, unsigned index, char *why, size_t why_size)
{
	uint8_t mac[6];
	// protocol 0: nothing is received before the filter is in place and the socket bound
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || socket_configure(fd, wanted->interface, mac) < 0) {
		snprintf(why, why_size, "port %s: a packet socket cannot be opened: %s%s",
			wanted->interface, strerror(errno),
			errno == EPERM ? "; run as root or with CAP_NET_RAW" : "");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	struct socket_port *port = &ports[index];
	*port = (struct socket_port){.fd = fd};
	snprintf(port->name, sizeof(port->name), "%.31s", wanted->interface);
	memcpy(port->mac, mac, sizeof(mac));
	ports_used = index + 1;
	return 0;
}

void plain_socket_close_all(void)
{
	while (ports_used > 0)
		close(ports[--ports_used].fd);
}

unsigned plain_socket_ports(void)
{
	return ports_used;
}

// A frame from this machine itself may not have its checksum yet: the hardware would fill it in.
static uint8_t checksum_flags(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
		part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
			continue;
		struct tpacket_auxdata auxiliary;
		memcpy(&auxiliary, CMSG_DATA(part), sizeof(auxiliary));
		return auxiliary.tp_status & TP_STATUS_CSUMNOTREADY ? PKT_CHECKSUM_GOOD : 0;
	}
	return 0;
}

static bool frame_accept(struct socket_port *port, struct pkt *pkt, struct mmsghdr *message)
{
	if (message->msg_hdr.msg_flags & MSG_TRUNC) {
		count(&port->rx_errors, 1);
		return false;
	}
	plain_pkt_reset(pkt, message->msg_len);
	pkt->flags = checksum_flags(&message->msg_hdr);
	pkt->port = (uint8_t)(port - ports);
	count(&port->rx_bytes, message->msg_len);
	count(&port->rx_packets, 1);
	return true;
}

unsigned plain_socket_rx(unsigned index, struct pkt **pkts, unsigned n)
{
	struct socket_port *port = &ports[index];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	union auxiliary auxiliary[BURST];
	unsigned fresh = pkt_get(0, pkts, n < BURST ? n : BURST);
	for (unsigned i = 0; i < fresh; i++) {
		parts[i] = (struct iovec){pkts[i]->data, pkts[i]->room};
		messages[i] = (struct mmsghdr){.msg_hdr = {
						       .msg_iov = &parts[i],
						       .msg_iovlen = 1,
						       .msg_control = &auxiliary[i],
						       .msg_controllen = sizeof(auxiliary[i]),
					       }};
	}
	int received = fresh ? recvmmsg(port->fd, messages, fresh, MSG_DONTWAIT, NULL) : 0;
	unsigned kept = 0, arrived = received > 0 ? (unsigned)received : 0;
	uint64_t now_ns = arrived ? io_now_ns() : 0;
	for (unsigned i = 0; i < arrived; i++) {
		if (!frame_accept(port, pkts[i], &messages[i]))
			continue;
		struct pkt *pkt = pkts[i];
		pkt->arrived_ns = now_ns;
		pkts[i] = pkts[kept];
		pkts[kept++] = pkt;
	}
	pkt_put(pkts + kept, fresh - kept);
	return kept;
}

unsigned plain_socket_tx(unsigned index, struct pkt **pkts, unsigned n)
{
	struct socket_port *port = &ports[index];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	unsigned sent = 0;
	while (sent < n) {
		unsigned want = n - sent < BURST ? n - sent : BURST;
		uint64_t bytes = 0;
		for (unsigned i = 0; i < want; i++) {
			const struct pkt *pkt = pkts[sent + i];
			parts[i] = (struct iovec){pkt->data, pkt->length};
			messages[i] = (struct mmsghdr){
				.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
		}
		int taken = sendmmsg(port->fd, messages, want, MSG_DONTWAIT);
		if (taken <= 0)
			break;
		for (int i = 0; i < taken; i++)
			bytes += parts[i].iov_len;
		count(&port->tx_packets, (uint64_t)taken);
		count(&port->tx_bytes, bytes);
		pkt_put(pkts + sent, (unsigned)taken);
		sent += (unsigned)taken;
		if ((unsigned)taken < want)
			break;
	}
	if (sent < n)
		count(&port->tx_errors, n - sent);
	return sent;
}

// Worker 0 alone receives, but the others may as well look when something has come.
void plain_socket_sleep(uint64_t ns)
{
	struct pollfd sockets[SLUICE_PORTS_MAX];
	struct timespec pause = {(time_t)(ns / CLOCK_NS_PER_S), (long)(ns % CLOCK_NS_PER_S)};
	for (unsigned p = 0; p < ports_used; p++)
		sockets[p] = (struct pollfd){.fd = ports[p].fd, .events = POLLIN};
	ppoll(sockets, ports_used, &pause, NULL);
}

const uint8_t *plain_socket_mac(unsigned port)
{
	return ports[port].mac;
}

void plain_socket_observe(unsigned index, struct sluice_port_status *status)
{
	struct socket_port *port = &ports[index];
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);
	// Reading sets the kernel's counters back to zero.
	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		port->rx_missed += stats.tp_drops;
	memcpy(status->name, port->name, sizeof(status->name));
	snprintf(status->driver, sizeof(status->driver), "af_packet");
	memcpy(status->mac, port->mac, sizeof(status->mac));
	status->mode = SLUICE_PORT_PACKET;
	status->queues = 1;
	status->link_up = 1;
	status->rx_packets = atomic_load(&port->rx_packets);
	status->rx_bytes = atomic_load(&port->rx_bytes);
	status->rx_errors = atomic_load(&port->rx_errors);
	status->rx_missed = port->rx_missed;
	status->tx_packets = atomic_load(&port->tx_packets);
	status->tx_bytes = atomic_load(&port->tx_bytes);
	status->tx_errors = atomic_load(&port->tx_errors);
}
