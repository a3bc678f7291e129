// SPDX-License-Identifier: Apache-2.0
#include "udp.h"

#include "address.h"
#include "log.h"
#include "netns.h"
#include "owner.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCAL_SOCKETS_MAX = UDP_SOCKETS_MAX - 1, // of one port; the last descriptor is the epoll's
	BURST = 32,
	BURSTS_MAX = 8, // per wake-up: sockets, timers and HTTP get their turn too
	PUNTS_MAX = SLUICE_PUNTS,
	RECEIVE_BUFFER_BYTES = 1 << 20,
	EVENTS_MAX = 32,
	UDP_HEADER_BYTES = 8,
	MEDIA_FIRST = 128, // first byte of RTP and RTCP (RFC 7983)
};

struct udp_port {
	char netns[64];
	char interface[32];
	unsigned interface_index; // in its namespace; 0 = none
	bool punted;
	bool bypass; // punted, and no kernel has its addresses
	unsigned addresses_used; // of a bypass port
	struct core_address addresses[CONFIG_ADDRESSES_MAX];
};

struct udp_socket {
	int fd;
	bool deaf; // all ports of its namespace are punted
	uint8_t port; // the first one of its namespace: for what comes in by other interfaces
	struct core_address bound;
};

struct udp_local { // a UDP port of ours, in all namespaces
	uint16_t port;
	unsigned sockets_used;
	struct udp_socket sockets[LOCAL_SOCKETS_MAX];
};

struct udp {
	struct udp_host host;
	unsigned ports_used, wanted_used;
	struct udp_port ports[CONFIG_PORTS_MAX];
	struct core_address wanted[CONFIG_ADDRESSES_MAX]; // media.addresses, else all
	struct udp_local media;
	struct config_feed_ports feed_ports;
	struct udp_local *feeds[CONFIG_FEED_PORTS_MAX]; // by number of the port; NULL = not open
	int epoll; // of the sockets of feeds
	bool warned_unexpected;
	bool stamps;
	struct mmsghdr messages[BURST];
	struct iovec vectors[BURST];
	struct sockaddr_storage names[BURST];
	uint8_t controls[BURST][128] __attribute__((aligned(8)));
	uint8_t data[BURST][UDP_DATAGRAM_MAX];
};

// ---- opening

static struct udp_local **feed_at(struct udp *udp, uint16_t port)
{
	uint16_t number = (uint16_t)(port - udp->feed_ports.first);

	return number < udp->feed_ports.count ? &udp->feeds[number] : NULL;
}

// NULL when that port is not open.
static struct udp_local *local_find(const struct udp *udp, uint16_t port)
{
	uint16_t number = (uint16_t)(port - udp->feed_ports.first);

	if (port == udp->media.port)
		return (struct udp_local *)&udp->media;
	return number < udp->feed_ports.count ? udp->feeds[number] : NULL;
}

// What a port that is its own host is reached by.
static void addresses_read(
	const struct udp *udp, struct udp_port *port, const struct config_port *from)
{
	struct config_port_address address;

	for (unsigned i = 0; config_port_address(from, i, &address) > 0; i++)
		memcpy(port->addresses[port->addresses_used++].ip, address.ip, sizeof(address.ip));
	if (port->addresses_used)
		return;
	for (unsigned i = 0; i < udp->wanted_used; i++)
		if (!address_is_any(&udp->wanted[i]))
			port->addresses[port->addresses_used++] = udp->wanted[i];
}

static void ports_read(struct udp *udp, const struct config *config)
{
	udp->ports_used = config->ports_used ? config->ports_used : 1;
	for (unsigned i = 0; i < config->ports_used; i++) {
		struct udp_port *port = &udp->ports[i];

		snprintf(port->netns, sizeof(port->netns), "%s", config->ports[i].netns);
		snprintf(
			port->interface, sizeof(port->interface), "%s", config->ports[i].interface);
		port->punted = *config->ports[i].driver && strcmp(config->ports[i].driver, "xdp");
		port->bypass = !config_port_is_kernels(&config->ports[i]);
		if (port->bypass)
			addresses_read(udp, port, &config->ports[i]);
	}
}

static int wanted_read(struct udp *udp, const struct config *config, char *why, size_t why_size)
{
	const char *const any[] = {"0.0.0.0", "::"};

	udp->wanted_used = config->media.addresses_used ? config->media.addresses_used : 2;
	for (unsigned i = 0; i < udp->wanted_used; i++) {
		const char *text =
			config->media.addresses_used ? config->media.addresses[i].address : any[i];

		if (!address_parse(text, &udp->wanted[i]))
			continue;
		snprintf(why, why_size, "media.addresses: %s is not a numeric address", text);
		return -EINVAL;
	}
	return 0;
}

enum hearing {
	HEARS_ALL,
	HEARS_NO_MEDIA, // what the filter has not taken is nobody's
	HEARS_NOTHING,
};

static int filter_attach(int fd, enum hearing hearing)
{
	struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_filter no_media[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UDP_HEADER_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, MEDIA_FIRST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog filter = {.len = 1, .filter = none};

	if (hearing == HEARS_NO_MEDIA)
		filter = (struct sock_fprog){sizeof(no_media) / sizeof(no_media[0]), no_media};
	if (hearing != HEARS_ALL &&
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		return -errno;
	return 0;
}

static int socket_options(int fd, bool v4, enum hearing hearing)
{
	int one = 1, size = RECEIVE_BUFFER_BYTES, error = filter_attach(fd, hearing);

	if (error)
		return error;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (v4)
		return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) ? -errno : 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)))
		return -errno;
	return 0;
}

// Opens and binds one socket in the current namespace. Returns the descriptor or -errno.
static int socket_open(const struct core_address *address, enum hearing hearing)
{
	struct sockaddr_storage storage;
	socklen_t length = address_to(address, &storage);
	bool v4 = storage.ss_family == AF_INET;
	int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = socket_options(fd, v4, hearing);
	if (!error && bind(fd, (struct sockaddr *)&storage, length))
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

static bool namespace_deaf(const struct udp *udp, const char *netns)
{
	for (unsigned i = 0; i < udp->ports_used; i++)
		if (!strcmp(udp->ports[i].netns, netns) && !udp->ports[i].punted)
			return false;
	return true;
}

static int taken(const struct udp *udp, const struct udp_local *local,
	const struct core_address *address, char *why, size_t why_size)
{
	char text[ADDRESS_TEXT_MAX], owner[80];

	if (local != &udp->media) // others are tried
		return -EADDRINUSE;
	owner_describe(false, local->port, owner, sizeof(owner));
	snprintf(why, why_size,
		"media port %u (UDP, %s): address in use by %s: stop it or set media.port",
		local->port, address_print(address, text), owner);
	return -EADDRINUSE;
}

// Opens `address` in the namespace of a port, which the thread is visiting. Returns 0, -EADDRNOTAVAIL
// when it is none of this namespace's, or another error with `why`.
static int address_open(struct udp *udp, struct udp_local *local, unsigned port,
	struct core_address address, char *why, size_t why_size)
{
	bool deaf = namespace_deaf(udp, udp->ports[port].netns);
	enum hearing open = local == &udp->media ? HEARS_ALL : HEARS_NO_MEDIA;
	char text[ADDRESS_TEXT_MAX];
	int fd;

	address.port = local->port;
	if (local->sockets_used == LOCAL_SOCKETS_MAX) {
		snprintf(why, why_size, "more than %d media sockets", LOCAL_SOCKETS_MAX);
		return -E2BIG;
	}
	fd = socket_open(&address, deaf ? HEARS_NOTHING : open);
	if (fd == -EADDRINUSE)
		return taken(udp, local, &address, why, why_size);
	if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT)
		return -EADDRNOTAVAIL;
	if (fd < 0) {
		snprintf(why, why_size, "media socket %s: %s", address_print(&address, text),
			strerror(-fd));
		return fd;
	}
	local->sockets[local->sockets_used++] = (struct udp_socket){
		.fd = fd, .deaf = deaf, .port = (uint8_t)port, .bound = address};
	if (udp->stamps)
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
	return 0;
}

static bool first_of_namespace(const struct udp *udp, unsigned port)
{
	for (unsigned i = 0; i < port; i++)
		if (!udp->ports[i].bypass && !strcmp(udp->ports[i].netns, udp->ports[port].netns))
			return false;
	return true;
}

static void interfaces_find(struct udp *udp, const char *netns)
{
	for (unsigned i = 0; i < udp->ports_used; i++) {
		struct udp_port *port = &udp->ports[i];

		if (strcmp(port->netns, netns) || !*port->interface)
			continue;
		port->interface_index = if_nametoindex(port->interface);
		if (!port->interface_index)
			log_warn("port %u: no interface %s%s%s: nothing can come in by it", i,
				port->interface, *netns ? " in network namespace " : "", netns);
	}
}

// Opens all wanted addresses in the namespace of `port`; `found` marks those that it has.
static int namespace_open(struct udp *udp, struct udp_local *local, unsigned port,
	bool found[CONFIG_ADDRESSES_MAX], char *why, size_t why_size)
{
	for (unsigned i = 0; i < udp->wanted_used; i++) {
		int error = address_open(udp, local, port, udp->wanted[i], why, why_size);

		if (error && error != -EADDRNOTAVAIL)
			return error;
		found[i] |= !error;
	}
	return 0;
}

// Opens the sockets of a port of ours, as far as namespaces have our addresses.
static int local_open(struct udp *udp, struct udp_local *local, bool found[CONFIG_ADDRESSES_MAX],
	char *why, size_t why_size)
{
	for (unsigned i = 0; i < udp->ports_used; i++) {
		const char *netns = udp->ports[i].netns;
		int home, error;

		if (udp->ports[i].bypass || !first_of_namespace(udp, i))
			continue;
		error = netns_enter(netns, &home);
		if (error) {
			snprintf(why, why_size,
				"ports[%u].netns: cannot enter network namespace %s: %s: "
				"create it, or run with CAP_SYS_ADMIN",
				i, netns, strerror(-error));
			return error;
		}
		if (local == &udp->media)
			interfaces_find(udp, netns);
		error = namespace_open(udp, local, i, found, why, why_size);
		netns_leave(home);
		if (error)
			return error;
	}
	return 0;
}

static void local_close(struct udp_local *local)
{
	while (local->sockets_used)
		close(local->sockets[--local->sockets_used].fd);
}

static int media_open(struct udp *udp, char *why, size_t why_size)
{
	bool found[CONFIG_ADDRESSES_MAX] = {0}, bypass = false;
	char text[ADDRESS_TEXT_MAX];
	int error = local_open(udp, &udp->media, found, why, why_size);

	for (unsigned i = 0; i < udp->ports_used; i++)
		bypass |= udp->ports[i].bypass;
	for (unsigned i = 0; !error && i < udp->wanted_used && !bypass; i++) {
		if (found[i] || address_is_any(&udp->wanted[i]))
			continue;
		snprintf(why, why_size,
			"media.addresses: %s is not an address of this machine: see `ip address`",
			address_print(&udp->wanted[i], text));
		return -EADDRNOTAVAIL;
	}
	return error;
}

static void buffers_ready(struct udp *udp)
{
	for (unsigned i = 0; i < BURST; i++) {
		udp->vectors[i] = (struct iovec){udp->data[i], UDP_DATAGRAM_MAX};
		udp->messages[i].msg_hdr.msg_iov = &udp->vectors[i];
		udp->messages[i].msg_hdr.msg_iovlen = 1;
		udp->messages[i].msg_hdr.msg_name = &udp->names[i];
		udp->messages[i].msg_hdr.msg_control = udp->controls[i];
	}
}

struct udp *udp_create(
	const struct config *config, const struct udp_host *host, char *why, size_t why_size)
{
	struct udp *udp = calloc(1, sizeof(*udp));

	if (!udp) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	udp->host = *host;
	udp->media.port = config->media.port;
	udp->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (udp->epoll < 0 || config_feed_ports(config, &udp->feed_ports) ||
		udp->feed_ports.count > CONFIG_FEED_PORTS_MAX) {
		snprintf(why, why_size, "no descriptors, or feeds.ports is no range");
		goto fail;
	}
	buffers_ready(udp);
	if (wanted_read(udp, config, why, why_size))
		goto fail;
	ports_read(udp, config);
	if (!media_open(udp, why, why_size))
		return udp;
fail:
	udp_destroy(udp);
	return NULL;
}

void udp_destroy(struct udp *udp)
{
	if (!udp)
		return;
	local_close(&udp->media);
	for (unsigned i = 0; i < udp->feed_ports.count && i < CONFIG_FEED_PORTS_MAX; i++)
		if (udp->feeds[i])
			udp_port_close(udp, udp->feeds[i]->port);
	if (udp->epoll >= 0)
		close(udp->epoll);
	free(udp);
}

unsigned udp_sockets(const struct udp *udp)
{
	return udp->media.sockets_used + 1;
}

int udp_socket(const struct udp *udp, unsigned index)
{
	return index < udp->media.sockets_used ? udp->media.sockets[index].fd : udp->epoll;
}

// ---- ports of feeds

static int local_watch(const struct udp *udp, const struct udp_local *local)
{
	for (unsigned i = 0; i < local->sockets_used; i++) {
		struct epoll_event event = {
			.events = EPOLLIN, .data.u64 = (uint64_t)local->port << 32 | i};

		if (epoll_ctl(udp->epoll, EPOLL_CTL_ADD, local->sockets[i].fd, &event))
			return -errno;
	}
	return 0;
}

int udp_port_open(struct udp *udp, uint16_t port, char *why, size_t why_size)
{
	struct udp_local **at = feed_at(udp, port), *local;
	bool found[CONFIG_ADDRESSES_MAX] = {0};
	int error;

	snprintf(why, why_size, "port %u is none of feeds.ports that is free", port);
	if (!at || *at)
		return -EINVAL;
	snprintf(why, why_size, "out of memory or descriptors");
	local = calloc(1, sizeof(*local));
	if (!local)
		return -ENOMEM;
	local->port = port;
	error = local_open(udp, local, found, why, why_size);
	if (!error)
		error = local_watch(udp, local);
	if (error) {
		local_close(local);
		free(local);
		return error;
	}
	*at = local;
	return 0;
}

void udp_port_close(struct udp *udp, uint16_t port)
{
	struct udp_local **at = feed_at(udp, port);

	if (!at || !*at)
		return;
	local_close(*at); // which ends watching them, too
	free(*at);
	*at = NULL;
}

bool udp_is_punted(const struct udp *udp, uint8_t port)
{
	return port < udp->ports_used && udp->ports[port].punted;
}

// ---- times of arrival

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// What came `age_ns` ago; an age that makes no sense (the clock was set) is none.
static uint64_t came_ns(uint64_t age_ns)
{
	const uint64_t most_ns = UINT64_C(10) * 1000000000;

	return clock_ns(CLOCK_MONOTONIC) - (age_ns < most_ns ? age_ns : 0);
}

static void local_stamp(const struct udp_local *local, bool on)
{
	int value = on;

	for (unsigned i = 0; local && i < local->sockets_used; i++)
		setsockopt(local->sockets[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof(value));
}

void udp_stamp(struct udp *udp, bool on)
{
	if (udp->stamps == on)
		return;
	udp->stamps = on;
	local_stamp(&udp->media, on);
	for (unsigned i = 0; i < CONFIG_FEED_PORTS_MAX; i++)
		local_stamp(udp->feeds[i], on);
}

static uint64_t stamp_read(const struct cmsghdr *control)
{
	struct timespec then;

	memcpy(&then, CMSG_DATA(control), sizeof(then));
	return came_ns(clock_ns(CLOCK_REALTIME) -
		       ((uint64_t)then.tv_sec * 1000000000 + (uint64_t)then.tv_nsec));
}

// The data plane's stamp has 32 bits of microseconds.
static uint64_t punted_ns(uint32_t arrived_us)
{
	uint32_t now_us = (uint32_t)(clock_ns(CLOCK_MONOTONIC) / 1000);

	return came_ns((uint64_t)(now_us - arrived_us) * 1000);
}

// ---- receiving

static uint8_t port_of(const struct udp *udp, const struct udp_socket *socket, unsigned interface)
{
	const char *netns = udp->ports[socket->port].netns;

	for (unsigned i = 0; i < udp->ports_used; i++)
		if (udp->ports[i].interface_index == interface && interface &&
			!strcmp(udp->ports[i].netns, netns))
			return (uint8_t)i;
	return socket->port;
}

// The address the datagram was sent to, when it came, and the interface by which.
static void packet_info(struct msghdr *message, struct udp_datagram *datagram, unsigned *interface)
{
	struct core_address *local = &datagram->path.local;
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			struct sockaddr_in v4 = {.sin_family = AF_INET};

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			v4.sin_addr = info.ipi_addr;
			address_from((struct sockaddr *)&v4, local);
			*interface = (unsigned)info.ipi_ifindex;
		} else if (control->cmsg_level == IPPROTO_IPV6 &&
			   control->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			memcpy(local->ip, &info.ipi6_addr, 16);
			*interface = info.ipi6_ifindex;
		} else if (control->cmsg_level == SOL_SOCKET &&
			   control->cmsg_type == SCM_TIMESTAMPNS) {
			datagram->arrived_ns = stamp_read(control);
		}
	}
}

static void count_unexpected(struct udp *udp, const struct core_path *path)
{
	char text[ADDRESS_TEXT_MAX];

	udp->host.counters->udp_unexpected++;
	if (udp->warned_unexpected)
		return;
	udp->warned_unexpected = true;
	address_print(&path->remote, text);
	log_about(LOG_LEVEL_WARN, LOG_OF(.address = text),
		"control's UDP socket has seen RTP or something unknown: is the data plane "
		"running, "
		"and its XDP filter attached? (said once; counted)");
}

static void message_take(struct udp *udp, const struct udp_socket *socket, struct mmsghdr *message)
{
	bool is_feed = socket->bound.port != udp->media.port;
	struct udp_datagram datagram = {
		.data = message->msg_hdr.msg_iov->iov_base, .length = message->msg_len};
	unsigned interface = 0;

	datagram.path.local = socket->bound;
	if (message->msg_hdr.msg_flags & MSG_TRUNC) {
		udp->host.counters->udp_truncated++;
		return;
	}
	if (address_from(message->msg_hdr.msg_name, &datagram.path.remote))
		return;
	packet_info(&message->msg_hdr, &datagram, &interface);
	datagram.path.local.port = socket->bound.port;
	datagram.path.port = port_of(udp, socket, interface);
	if (udp->ports[datagram.path.port].punted) // the data plane hands us the same one
		return;
	datagram.class = sluice_classify(datagram.data, (uint32_t)datagram.length);
	udp->host.counters->udp_in[datagram.class]++;
	if (datagram.class == SLUICE_CLASS_STUN || datagram.class == SLUICE_CLASS_DTLS)
		udp->host.datagram(udp->host.context, &datagram);
	else if (!is_feed)
		count_unexpected(udp, &datagram.path);
}

static void socket_read(struct udp *udp, uint16_t port, unsigned index)
{
	for (unsigned burst = 0; burst < BURSTS_MAX; burst++) {
		const struct udp_local *local = local_find(udp, port);

		if (!local || index >= local->sockets_used) // a datagram may have ended its session
			return;
		const struct udp_socket socket = local->sockets[index];

		for (unsigned i = 0; i < BURST; i++) {
			udp->messages[i].msg_hdr.msg_namelen = sizeof(udp->names[i]);
			udp->messages[i].msg_hdr.msg_controllen = sizeof(udp->controls[i]);
			udp->messages[i].msg_hdr.msg_flags = 0;
		}
		int count = recvmmsg(socket.fd, udp->messages, BURST, MSG_DONTWAIT, NULL);

		for (int i = 0; i < count; i++)
			message_take(udp, &socket, &udp->messages[i]);
		if (count < BURST)
			return;
	}
}

void udp_readable(struct udp *udp, unsigned index)
{
	struct epoll_event events[EVENTS_MAX];
	int count;

	if (index < udp->media.sockets_used) {
		socket_read(udp, udp->media.port, index);
		return;
	}
	count = epoll_wait(udp->epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < count; i++)
		socket_read(udp, (uint16_t)(events[i].data.u64 >> 32),
			(unsigned)(events[i].data.u64 & UINT32_MAX));
}

void udp_punted(struct udp *udp)
{
	struct sluice_datagram punted;

	for (unsigned i = 0; i < PUNTS_MAX && udp->host.punt(udp->host.context, &punted); i++) {
		struct udp_datagram datagram = {.data = punted.data, .length = punted.length};

		if (punted.length > sizeof(punted.data) || punted.path.port >= udp->ports_used ||
			!local_find(udp, punted.path.local.port))
			continue;
		memcpy(datagram.path.remote.ip, punted.path.remote.ip, 16);
		datagram.path.remote.port = punted.path.remote.port;
		memcpy(datagram.path.local.ip, punted.path.local.ip, 16);
		datagram.path.local.port = punted.path.local.port;
		memcpy(datagram.path.remote_mac, punted.path.remote_mac, 6);
		datagram.path.port = punted.path.port;
		datagram.arrived_ns = udp->stamps ? punted_ns(punted.arrived_us) : 0;
		datagram.class = sluice_classify(punted.data, punted.length);
		udp->host.counters->punt_in[datagram.class]++;
		if (datagram.class == SLUICE_CLASS_STUN || datagram.class == SLUICE_CLASS_DTLS)
			udp->host.datagram(udp->host.context, &datagram);
	}
}

// ---- sending

static const struct udp_socket *socket_for(const struct udp *udp, const struct core_path *path)
{
	const char *netns = udp->ports[path->port].netns;
	const struct udp_local *local = local_find(udp, path->local.port);
	const struct udp_socket *any = NULL;
	bool v4 = address_is_ipv4(&path->remote);

	for (unsigned i = 0; local && i < local->sockets_used; i++) {
		const struct udp_socket *socket = &local->sockets[i];

		if (strcmp(udp->ports[socket->port].netns, netns) ||
			address_is_ipv4(&socket->bound) != v4)
			continue;
		if (!memcmp(socket->bound.ip, path->local.ip, 16))
			return socket;
		if (address_is_any(&socket->bound))
			any = socket;
	}
	return any;
}

// Those of ports that are hosts of their own.
static unsigned bypass_paths(const struct udp *udp, const struct core_address *remote,
	uint16_t local_port, struct core_path *paths, unsigned max)
{
	unsigned used = 0;

	for (unsigned p = 0; p < udp->ports_used; p++)
		for (unsigned i = 0; i < udp->ports[p].addresses_used && used < max; i++) {
			struct core_path path = {.remote = *remote,
				.local = udp->ports[p].addresses[i],
				.port = (uint8_t)p};

			path.local.port = local_port;
			if (address_is_ipv4(&path.local) == address_is_ipv4(remote))
				paths[used++] = path;
		}
	return used;
}

unsigned udp_paths(const struct udp *udp, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned max)
{
	const struct udp_local *local = local_port ? local_find(udp, local_port) : &udp->media;
	unsigned used = 0;

	for (unsigned i = 0; local && i < local->sockets_used && used < max; i++) {
		const struct udp_socket *socket = &local->sockets[i];

		if (address_is_ipv4(&socket->bound) == address_is_ipv4(remote))
			paths[used++] = (struct core_path){
				.remote = *remote, .local = socket->bound, .port = socket->port};
	}
	if (local)
		used += bypass_paths(udp, remote, local->port, paths + used, max - used);
	return used;
}

// Says which of our addresses the datagram comes from.
static void source_set(struct msghdr *message, const struct udp *udp, const struct core_path *path)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	if (address_is_ipv4(&path->remote)) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, path->local.ip + 12, 4);
		control->cmsg_level = IPPROTO_IP;
		control->cmsg_type = IP_PKTINFO;
		control->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(control), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
		return;
	}
	struct in6_pktinfo info = {0};

	memcpy(&info.ipi6_addr, path->local.ip, 16);
	if (address_is_link_local(&path->remote))
		info.ipi6_ifindex = udp->ports[path->port].interface_index;
	control->cmsg_level = IPPROTO_IPV6;
	control->cmsg_type = IPV6_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	message->msg_controllen = CMSG_SPACE(sizeof(info));
}

static int send_kernel(
	struct udp *udp, const struct core_path *path, const uint8_t *data, size_t length)
{
	const struct udp_socket *socket = socket_for(udp, path);
	struct sockaddr_storage name;
	uint8_t control[64] __attribute__((aligned(8))) = {0};
	struct iovec vector = {(void *)data, length};
	struct msghdr message = {
		.msg_name = &name,
		.msg_namelen = address_to(&path->remote, &name),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (!socket)
		return -EADDRNOTAVAIL;
	source_set(&message, udp, path);
	if (sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == ENOBUFS ? -EAGAIN : -errno;
}

static int send_plane(
	struct udp *udp, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct sluice_datagram reply = {0};

	if (length > sizeof(reply.data))
		return -EMSGSIZE;
	memcpy(reply.path.remote.ip, path->remote.ip, 16);
	reply.path.remote.port = path->remote.port;
	memcpy(reply.path.local.ip, path->local.ip, 16);
	reply.path.local.port = path->local.port;
	memcpy(reply.path.remote_mac, path->remote_mac, 6);
	reply.path.port = path->port;
	reply.length = (uint16_t)length;
	memcpy(reply.data, data, length);
	return udp->host.reply(udp->host.context, &reply) ? 0 : -EAGAIN;
}

int udp_send(struct udp *udp, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct edge_counters *counters = udp->host.counters;
	int error;

	if (path->port >= udp->ports_used)
		return -EINVAL;
	if (udp->ports[path->port].punted) {
		error = send_plane(udp, path, data, length);
		counters->punt_out += !error;
		counters->punt_send_errors += error != 0;
		return error;
	}
	error = send_kernel(udp, path, data, length);
	counters->udp_out += !error;
	counters->udp_send_errors += error != 0;
	return error;
}
