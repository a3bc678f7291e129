// SPDX-License-Identifier: Apache-2.0
#include "checksum.h"
#include "media/span.h"
#include "stage.h"

enum {
	ETHERNET_BYTES = 14,
	VLAN_BYTES = 4,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86DD,
	TYPE_VLAN = 0x8100,
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_DESTINATION = 60,
	EXTENSION_HEADERS_MAX = 8,
	GOOD = -1, // no reason to drop
	TAKEN = -2, // answered
};

unsigned stage_rx(struct worker *worker, struct pkt **pkts)
{
	unsigned n = 0;
	for (unsigned i = 0; i < worker->queues_used && n < WORKER_BURST; i++) {
		unsigned at = (worker->queue_next + i) % worker->queues_used;
		n += io_rx(worker->queues[at].port, worker->queues[at].queue, pkts + n,
			WORKER_BURST - n);
	}
	worker->queue_next =
		worker->queues_used ? (worker->queue_next + 1) % worker->queues_used : 0;
	stage_count(worker, SLUICE_STAGE_RX, n);
	return n;
}

// The packet begins `n` bytes later.
static void strip(struct pkt *pkt, uint32_t n)
{
	pkt->data += n;
	pkt->length -= n;
	pkt->headroom += (uint16_t)n;
	pkt->room -= (uint16_t)n;
}

static void address_map(struct sluice_address *address, const uint8_t ipv4[4])
{
	memset(address->ip, 0, 10);
	memset(address->ip + 10, 0xFF, 2);
	memcpy(address->ip + 12, ipv4, 4);
}

// UDP header and payload are left in the packet. Returns GOOD, or why to drop.
static int parse_udp(struct pkt *pkt, uint64_t pseudo_addresses, const struct worker_setup *setup)
{
	uint8_t *udp = pkt->data;
	if (pkt->length < UDP_BYTES)
		return SLUICE_DROP_short;
	uint16_t length = span_u16(udp + 4);
	uint16_t port = span_u16(udp + 2);
	if (port != setup->media_port &&
		(uint16_t)(port - setup->feed_ports.first) >= setup->feed_ports.count)
		return SLUICE_DROP_not_media;
	pkt->path.remote.port = span_u16(udp);
	if (length < UDP_BYTES || length > pkt->length)
		return SLUICE_DROP_short;
	bool unsummed = span_u16(udp + 6) == 0 && sluice_address_is_ipv4(&pkt->path.remote);
	if (!(pkt->flags & PKT_CHECKSUM_GOOD) && !unsummed) {
		uint64_t sum = checksum_add_pseudo(pseudo_addresses, PROTOCOL_UDP, length);
		if (span_u16(udp + 6) == 0 || checksum_fold(checksum_add(sum, udp, length)) != 0)
			return SLUICE_DROP_bad_checksum;
	}
	pkt->path.local.port = port;
	pkt->length = length;
	strip(pkt, UDP_BYTES);
	return GOOD;
}

static int parse_ipv4(struct pkt *pkt, const struct worker_setup *setup)
{
	const uint8_t *ip = pkt->data;
	if (pkt->length < IPV4_BYTES)
		return SLUICE_DROP_short;
	uint32_t header = (ip[0] & 0x0FU) * 4;
	uint32_t total = span_u16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IPV4_BYTES || total < header || total > pkt->length)
		return SLUICE_DROP_short;
	if (!(pkt->flags & PKT_CHECKSUM_GOOD) && checksum_fold(checksum_add(0, ip, header)) != 0)
		return SLUICE_DROP_bad_checksum;
	if (span_u16(ip + 6) & 0x3FFF) // more fragments, or an offset
		return SLUICE_DROP_fragment;
	if (ip[9] != PROTOCOL_UDP)
		return SLUICE_DROP_not_media;
	address_map(&pkt->path.remote, ip + 12);
	address_map(&pkt->path.local, ip + 16);
	uint64_t sum = checksum_add(0, ip + 12, 8);
	pkt->length = total;
	strip(pkt, header);
	return parse_udp(pkt, sum, setup);
}

// Goes over the extension headers that a router may have left. Returns GOOD, or why to drop.
static int strip_extensions(struct pkt *pkt, uint8_t next)
{
	for (unsigned i = 0; i < EXTENSION_HEADERS_MAX && next != PROTOCOL_UDP; i++) {
		if (next == PROTOCOL_FRAGMENT)
			return SLUICE_DROP_fragment;
		if (next != PROTOCOL_HOP_BY_HOP && next != PROTOCOL_ROUTING &&
			next != PROTOCOL_DESTINATION)
			return SLUICE_DROP_not_media;
		uint32_t length = pkt->length >= 2 ? (pkt->data[1] + 1U) * 8 : UINT32_MAX;
		if (length > pkt->length)
			return SLUICE_DROP_short;
		next = pkt->data[0];
		strip(pkt, length);
	}
	return next == PROTOCOL_UDP ? GOOD : SLUICE_DROP_not_media;
}

static int parse_ipv6(struct pkt *pkt, const struct worker_setup *setup)
{
	const uint8_t *ip = pkt->data;
	if (pkt->length < IPV6_BYTES || ip[0] >> 4 != 6)
		return SLUICE_DROP_short;
	uint32_t payload = span_u16(ip + 4);
	uint8_t next = ip[6];
	if (payload > pkt->length - IPV6_BYTES)
		return SLUICE_DROP_short;
	memcpy(pkt->path.remote.ip, ip + 8, 16);
	memcpy(pkt->path.local.ip, ip + 24, 16);
	uint64_t sum = checksum_add(0, ip + 8, 32);
	pkt->length = IPV6_BYTES + payload;
	strip(pkt, IPV6_BYTES);
	int why = strip_extensions(pkt, next);
	return why == GOOD ? parse_udp(pkt, sum, setup) : why;
}

// Takes the tag of a full-bypass port's VLAN out. False when the frame is of another.
static bool untag(struct pkt *pkt, uint16_t vlan)
{
	bool tagged = span_u16(pkt->data + 12) == TYPE_VLAN;
	uint16_t id = tagged ? span_u16(pkt->data + 14) & 0x0FFF : 0;
	if (tagged) {
		memmove(pkt->data + VLAN_BYTES, pkt->data, 12);
		strip(pkt, VLAN_BYTES);
	}
	return id == vlan;
}

static int parse(struct pkt *pkt, const struct worker_setup *setup)
{
	pkt->path.remote.port = 0; // until it is UDP to a port of ours
	pkt->class = SLUICE_CLASS_OTHER;
	if (pkt->length < ETHERNET_BYTES + VLAN_BYTES)
		return SLUICE_DROP_short;
	uint16_t type = span_u16(pkt->data + 12);
	uint32_t header = ETHERNET_BYTES;
	if (type == TYPE_VLAN) {
		type = span_u16(pkt->data + 16);
		header += VLAN_BYTES;
	}
	const uint8_t *begin = pkt->data;
	memcpy(pkt->path.remote_mac, pkt->data + 6, 6);
	pkt->path.port = pkt->port;
	strip(pkt, header);
	int why = SLUICE_DROP_not_media;
	if (type == TYPE_IPV4)
		why = parse_ipv4(pkt, setup);
	else if (type == TYPE_IPV6)
		why = parse_ipv6(pkt, setup);
	if (why != GOOD)
		return why;
	pkt->head = (uint16_t)(pkt->data - begin);
	pkt->class = (uint8_t)sluice_classify(pkt->data, pkt->length);
	return pkt->class == SLUICE_CLASS_OTHER ? SLUICE_DROP_not_media : GOOD;
}

// As if receive-side scaling had erred with every packet.
static unsigned missteer(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned to = (worker->number + 1) % worker->workers;
	for (unsigned i = 0; i < n; i++) {
		const struct mesh_item item = {.pkt = pkts[i], .type = MESH_RAW};
		if (!mesh_send(worker, to, &item))
			drop_strange(worker, pkts[i], SLUICE_DROP_mesh_full);
	}
	return 0;
}

// A frame of a port that no kernel owns. Returns GOOD, why to drop, or TAKEN.
static int parse_host(struct worker *worker, struct pkt *pkt, const struct host *host)
{
	if (pkt->length < ETHERNET_BYTES + VLAN_BYTES)
		return SLUICE_DROP_short;
	if (!untag(pkt, host->vlan))
		return SLUICE_DROP_not_media;
	const uint8_t *frame = pkt->data;
	uint32_t length = pkt->length;
	int why = parse(pkt, &worker->setup);
	return why == SLUICE_DROP_not_media && host_answer(worker, pkt, frame, length) ? TAKEN
										       : why;
}

unsigned stage_parse(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct host *host = &worker->setup.hosts[pkts[i]->port];
		int why = host->addresses_used || host->vlan ? parse_host(worker, pkts[i], host)
							     : parse(pkts[i], &worker->setup);
		if (why == GOOD)
			pkts[left++] = pkts[i];
		else if (why != TAKEN)
			drop_strange(worker, pkts[i], (enum sluice_drop)why);
	}
	if (worker->setup.wrong_steering && worker->workers > 1)
		return missteer(worker, pkts, left);
	return left;
}
