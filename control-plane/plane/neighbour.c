// SPDX-License-Identifier: Apache-2.0
#include "neighbour.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST_BYTES = 512,
	DISCARD_PORT = 9, // RFC 863
	STATE_USABLE = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT,
};

struct neighbour {
	struct mnl_socket *netlink;
	int nudge_ipv4, nudge_ipv6; // UDP sockets
	uint32_t sequence;
	// aligned for struct nlmsghdr
	_Alignas(8) uint8_t request[REQUEST_BYTES];
	_Alignas(8) uint8_t reply[16384];
};

struct hop {
	int family; // of ip
	uint8_t ip[16]; // gateway, or the peer itself
	uint8_t source[16]; // of `remote`'s family; zero = not said
	int ifindex;
	bool loopback;
};

struct link_address {
	uint16_t state; // NUD_*
	bool has_mac;
	uint8_t mac[6];
};

// ---- opening --------------------------------------------------------------------------------------

// A datagram that ends at the next hop: it makes the kernel resolve that hop, nobody else sees it.
static int nudge_open(int family)
{
	int one = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1; // no such family on this machine
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
	setsockopt(fd, level, option, &one, sizeof(one));
	return fd;
}

static struct neighbour *neighbour_open_here(void)
{
	struct neighbour *neighbour = calloc(1, sizeof(*neighbour));
	if (!neighbour)
		return NULL;
	neighbour->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!neighbour->netlink) {
		free(neighbour);
		return NULL;
	}
	neighbour->nudge_ipv4 = nudge_open(AF_INET);
	neighbour->nudge_ipv6 = nudge_open(AF_INET6);
	return neighbour;
}

static int netns_open(const char *netns)
{
	char path[256];
	int length = snprintf(
		path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

struct neighbour *neighbour_open(const char *netns)
{
	struct neighbour *neighbour = NULL;
	int there = -1, error;
	if (!netns || !netns[0])
		return neighbour_open_here();
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here >= 0)
		there = netns_open(netns);
	if (there >= 0 && setns(there, CLONE_NEWNET) == 0) {
		neighbour = neighbour_open_here();
		error = errno;
		if (setns(here, CLONE_NEWNET) != 0) {
			// nothing this thread opens from now on would be where it should
			perror("cannot return to our own network namespace");
			abort();
		}
		errno = error;
	}
	error = errno;
	if (there >= 0)
		close(there);
	if (here >= 0)
		close(here);
	errno = error;
	return neighbour;
}

void neighbour_close(struct neighbour *neighbour)
{
	if (!neighbour)
		return;
	mnl_socket_close(neighbour->netlink);
	if (neighbour->nudge_ipv4 >= 0)
		close(neighbour->nudge_ipv4);
	if (neighbour->nudge_ipv6 >= 0)
		close(neighbour->nudge_ipv6);
	free(neighbour);
}

// ---- asking the kernel ----------------------------------------------------------------------------

static struct nlmsghdr *request_begin(struct neighbour *neighbour, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(neighbour->request);
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++neighbour->sequence;
	return request;
}

// Sends a request and takes its answer: the kernel has it ready when the send returns. An answer of
// type `wanted` goes to `take` (NULL: only success or failure matters).
static int request_run(struct neighbour *neighbour, const struct nlmsghdr *request, uint16_t wanted,
	mnl_cb_t take, void *taken)
{
	if (mnl_socket_sendto(neighbour->netlink, request, request->nlmsg_len) < 0)
		return -errno;
	for (int answers = 0; answers < 16; answers++) {
		ssize_t length = mnl_socket_recvfrom(
			neighbour->netlink, neighbour->reply, sizeof(neighbour->reply));
		if (length < 0)
			return errno == EAGAIN || errno == EINTR ? -EIO : -errno;
		const struct nlmsghdr *reply = (const void *)neighbour->reply;
		if (!mnl_nlmsg_ok(reply, length) || reply->nlmsg_seq != request->nlmsg_seq)
			continue; // left behind by an earlier request that failed
		if (reply->nlmsg_type == NLMSG_ERROR) {
			if (reply->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr)))
				return -EIO;
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(reply))->error;
		}
		if (reply->nlmsg_type == wanted && take)
			return take(reply, taken) == MNL_CB_OK ? 0 : -EIO;
	}
	return -EIO;
}

static size_t family_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

// The address without its IPv4 mapping.
static const uint8_t *address_bytes(const struct sluice_address *address)
{
	return sluice_address_is_ipv4(address) ? address->ip + 12 : address->ip;
}

static bool address_is_any(const struct sluice_address *address)
{
	static const uint8_t zeros[16];
	const uint8_t *bytes = address_bytes(address);
	return memcmp(bytes, zeros, bytes == address->ip ? 16 : 4) == 0;
}

static void via_take(const struct nlattr *attribute, struct hop *hop)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);
	if (length != sizeof(*via) + 16 || via->rtvia_family != AF_INET6)
		return;
	hop->family = AF_INET6;
	memcpy(hop->ip, via->rtvia_addr, 16);
}

static int route_take(const struct nlmsghdr *reply, void *taken)
{
	struct hop *hop = taken;
	const struct rtmsg *route = mnl_nlmsg_get_payload(reply);
	const struct nlattr *attribute;
	if (mnl_nlmsg_get_payload_len(reply) < sizeof(*route))
		return MNL_CB_ERROR;
	hop->loopback = route->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(attribute, reply, sizeof(*route))
	{
		size_t length = mnl_attr_get_payload_len(attribute);
		switch (mnl_attr_get_type(attribute)) {
		case RTA_OIF:
			if (length == sizeof(uint32_t))
				hop->ifindex = mnl_attr_get_u32(attribute);
			break;
		case RTA_GATEWAY:
			if (length == family_bytes(hop->family))
				memcpy(hop->ip, mnl_attr_get_payload(attribute), length);
			break;
		case RTA_PREFSRC:
			if (length <= sizeof(hop->source))
				memcpy(hop->source, mnl_attr_get_payload(attribute), length);
			break;
		case RTA_VIA: // an IPv4 route by an IPv6 gateway
			via_take(attribute, hop);
			break;
		}
	}
	return hop->ifindex > 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static int route_find(struct neighbour *neighbour, const struct sluice_address *remote,
	const struct sluice_address *local, struct hop *hop)
{
	bool ipv4 = sluice_address_is_ipv4(remote);
	*hop = (struct hop){.family = ipv4 ? AF_INET : AF_INET6};
	size_t bytes = family_bytes(hop->family);
	memcpy(hop->ip, address_bytes(remote), bytes); // unless the route has a gateway

	struct nlmsghdr *request = request_begin(neighbour, RTM_GETROUTE, 0);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = hop->family;
	route->rtm_dst_len = bytes * 8;
	mnl_attr_put(request, RTA_DST, bytes, address_bytes(remote));
	if (local && !address_is_any(local) && sluice_address_is_ipv4(local) == ipv4) {
		route->rtm_src_len = bytes * 8;
		mnl_attr_put(request, RTA_SRC, bytes, address_bytes(local));
	}
	return request_run(neighbour, request, RTM_NEWROUTE, route_take, hop);
}

static struct ndmsg *neighbour_put(struct nlmsghdr *request, const struct hop *hop)
{
	struct ndmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->ndm_family = hop->family;
	message->ndm_ifindex = hop->ifindex;
	mnl_attr_put(request, NDA_DST, family_bytes(hop->family), hop->ip);
	return message;
}

static int entry_take(const struct nlmsghdr *reply, void *taken)
{
	struct link_address *entry = taken;
	const struct ndmsg *message = mnl_nlmsg_get_payload(reply);
	const struct nlattr *attribute;
	if (mnl_nlmsg_get_payload_len(reply) < sizeof(*message))
		return MNL_CB_ERROR;
	entry->state = message->ndm_state;
	mnl_attr_for_each(attribute, reply, sizeof(*message))
	{
		if (mnl_attr_get_type(attribute) != NDA_LLADDR ||
			mnl_attr_get_payload_len(attribute) != sizeof(entry->mac))
			continue;
		memcpy(entry->mac, mnl_attr_get_payload(attribute), sizeof(entry->mac));
		entry->has_mac = true;
	}
	return MNL_CB_OK;
}

static int link_take(const struct nlmsghdr *reply, void *taken)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(reply);
	if (mnl_nlmsg_get_payload_len(reply) < sizeof(*link))
		return MNL_CB_ERROR;
	*(unsigned *)taken = link->ifi_flags;
	return MNL_CB_OK;
}

// False for tunnels and the like, which the kernel never resolves.
static bool link_has_macs(struct neighbour *neighbour, int ifindex)
{
	unsigned flags = 0;
	struct nlmsghdr *request = request_begin(neighbour, RTM_GETLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	int error = request_run(neighbour, request, RTM_NEWLINK, link_take, &flags);
	return error || !(flags & IFF_NOARP);
}

static void nudge_send(struct neighbour *neighbour, const struct sluice_address *remote)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(DISCARD_PORT)};
	// errors come back as another -EAGAIN
	if (sluice_address_is_ipv4(remote)) {
		memcpy(&ipv4.sin_addr, remote->ip + 12, 4);
		sendto(neighbour->nudge_ipv4, "", 0, 0, (struct sockaddr *)&ipv4, sizeof(ipv4));
	} else {
		memcpy(&ipv6.sin6_addr, remote->ip, 16);
		sendto(neighbour->nudge_ipv6, "", 0, 0, (struct sockaddr *)&ipv6, sizeof(ipv6));
	}
}

// Makes the kernel ask for the hop's MAC address, as if it had something to send there.
static void resolve(
	struct neighbour *neighbour, const struct hop *hop, const struct sluice_address *remote)
{
	struct nlmsghdr *request = request_begin(neighbour, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE);
	neighbour_put(request, hop)->ndm_flags = NTF_USE;
	if (request_run(neighbour, request, NLMSG_ERROR, NULL, NULL) != 0)
		nudge_send(neighbour, remote); // without CAP_NET_ADMIN
}

int neighbour_source(struct neighbour *neighbour, const struct sluice_address *remote,
	struct sluice_address *local)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, none[16];
	bool ipv4 = sluice_address_is_ipv4(remote);
	struct hop hop;
	int error = route_find(neighbour, remote, NULL, &hop);
	if (!error && !memcmp(hop.source, none, sizeof(none)))
		error = -EADDRNOTAVAIL;
	if (error)
		return error;
	if (ipv4)
		memcpy(local->ip, mapped, sizeof(mapped));
	memcpy(local->ip + (ipv4 ? sizeof(mapped) : 0), hop.source, ipv4 ? 4 : 16);
	return 0;
}

int neighbour_find(struct neighbour *neighbour, const struct sluice_address *remote,
	const struct sluice_address *local, int *ifindex, uint8_t mac[6])
{
	struct hop hop;
	struct link_address entry = {0};
	int error = route_find(neighbour, remote, local, &hop);
	if (error)
		return error;
	if (hop.loopback) {
		*ifindex = hop.ifindex;
		memset(mac, 0, 6);
		return NEIGHBOUR_LOOPBACK;
	}
	struct nlmsghdr *request = request_begin(neighbour, RTM_GETNEIGH, 0);
	neighbour_put(request, &hop);
	error = request_run(neighbour, request, RTM_NEWNEIGH, entry_take, &entry);
	if (error && error != -ENOENT)
		return error;
	bool usable = (entry.state & STATE_USABLE) && entry.has_mac;
	if (!usable && !link_has_macs(neighbour, hop.ifindex))
		return -EOPNOTSUPP;
	if (!usable || entry.state & NUD_STALE)
		resolve(neighbour, &hop, remote);
	if (!usable)
		return -EAGAIN;
	*ifindex = hop.ifindex;
	memcpy(mac, entry.mac, sizeof(entry.mac));
	return NEIGHBOUR_FOUND;
}
