// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include "checksum.h"
#include "media/span.h"
#include "stage.h"

enum {
	ETHERNET_BYTES = 14,
	FRAME_MIN = 60, // without its check sequence
	ARP_BYTES = 28,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	ICMP_BYTES = 8,
	ADVERTISEMENT_BYTES = 32, // with our link-layer address
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86DD,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	PROTOCOL_ICMP = 1,
	PROTOCOL_ICMPV6 = 58,
	ECHO_REPLY = 0,
	ECHO_REQUEST = 8,
	ECHO_REQUEST_V6 = 128,
	ECHO_REPLY_V6 = 129,
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
	OPTION_TARGET_MAC = 2,
	HOPS = 64,
	HOPS_ND = 255, // nobody on another link can have sent it (RFC 4861, 3.1)
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
	ANNOUNCEMENTS = 3,
	ECHOES_PER_S = 1000, // of a worker and port: media comes first
};

#define SECOND_NS UINT64_C(1000000000)
#define DEFEND_NS (10 * SECOND_NS) // RFC 5227, 2.4

static const uint8_t everybody[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t all_nodes[16] = {0xFF, 2, [15] = 1};
static const uint8_t ipv4_prefix[12] = {[10] = 0xFF, [11] = 0xFF};
static const uint8_t nobody[16];

struct asked { // a frame that may ask something of us
	struct worker *worker;
	unsigned port;
	const uint8_t *frame;
	const uint8_t *body; // behind the Ethernet header
	uint32_t length; // of the body
};

static const struct host *host_of(const struct worker *worker, unsigned port)
{
	return &worker->setup.hosts[port];
}

static bool owns(const struct host *host, const uint8_t ip[16])
{
	for (unsigned i = 0; i < host->addresses_used; i++)
		if (memcmp(host->addresses[i], ip, 16) == 0)
			return true;
	return false;
}

static bool owns_ipv4(const struct host *host, const uint8_t ip[4])
{
	uint8_t mapped[16];
	memcpy(mapped, ipv4_prefix, sizeof(ipv4_prefix));
	memcpy(mapped + 12, ip, 4);
	return owns(host, mapped);
}

// ---- frames of ours -------------------------------------------------------------------------------

// A frame with an Ethernet header and `length` zero bytes behind it; NULL when no packet is free.
static uint8_t *frame_begin(struct worker *worker, unsigned port, const uint8_t mac[6],
	uint16_t type, uint32_t length, struct pkt **pkt)
{
	uint32_t all = ETHERNET_BYTES + length;
	if (all < FRAME_MIN) // not every card fills up what is too short
		all = FRAME_MIN;
	if (pkt_get(worker->number, pkt, 1) != 1) {
		drop_count(worker, SLUICE_DROP_no_buffer, 1);
		return NULL;
	}
	uint8_t *frame = (*pkt)->data;
	memset(frame, 0, all);
	memcpy(frame, mac, 6);
	memcpy(frame + 6, io_mac(port), 6);
	span_put_u16(frame + 12, type);
	(*pkt)->length = all;
	(*pkt)->port = (uint8_t)port;
	(*pkt)->flags |= PKT_URGENT;
	return frame + ETHERNET_BYTES;
}

static void frame_end(struct worker *worker, struct pkt *pkt)
{
	stage_count(worker, SLUICE_STAGE_HOST, 1);
	tx_queue(worker, pkt);
}

struct arp_peer {
	const uint8_t *mac, *ip;
};

// To one host, or to everybody without `to`: that is an announcement (RFC 5227, 2.3).
static void arp_send(
	struct worker *worker, unsigned port, const uint8_t ip[4], const struct arp_peer *to)
{
	static const uint8_t head[6] = {0, 1, 0x08, 0x00, 6, 4};
	struct pkt *pkt;
	uint8_t *arp =
		frame_begin(worker, port, to ? to->mac : everybody, TYPE_ARP, ARP_BYTES, &pkt);
	if (!arp)
		return;
	memcpy(arp, head, sizeof(head));
	span_put_u16(arp + 6, to ? ARP_REPLY : ARP_REQUEST);
	memcpy(arp + 8, io_mac(port), 6);
	memcpy(arp + 14, ip, 4);
	if (to)
		memcpy(arp + 18, to->mac, 6);
	memcpy(arp + 24, to ? to->ip : ip, 4);
	frame_end(worker, pkt);
}

static uint8_t *ipv6_begin(
	uint8_t *ip, uint8_t hops, const uint8_t from[16], const uint8_t to[16], uint32_t length)
{
	ip[0] = 0x60;
	span_put_u16(ip + 4, (uint16_t)length);
	ip[6] = PROTOCOL_ICMPV6;
	ip[7] = hops;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	return ip + IPV6_BYTES;
}

static uint16_t icmpv6_checksum(const uint8_t *ip, const uint8_t *icmp, uint32_t length)
{
	uint64_t sum = checksum_add(0, ip + 8, 32);
	sum = checksum_add_pseudo(sum, PROTOCOL_ICMPV6, (uint16_t)length);
	return checksum_fold(checksum_add(sum, icmp, length));
}

static void checksum_put(uint8_t *at, uint16_t checksum)
{
	memcpy(at, &checksum, sizeof(checksum));
}

// To whoever asked, or to everybody: `ip` NULL.
static void advertisement_send(struct worker *worker, unsigned port, const uint8_t target[16],
	const uint8_t *mac, const uint8_t *ip)
{
	struct pkt *pkt;
	uint8_t *header = frame_begin(worker, port, ip ? mac : all_nodes_mac, TYPE_IPV6,
		IPV6_BYTES + ADVERTISEMENT_BYTES, &pkt);
	if (!header)
		return;
	uint8_t *icmp =
		ipv6_begin(header, HOPS_ND, target, ip ? ip : all_nodes, ADVERTISEMENT_BYTES);
	icmp[0] = ADVERTISEMENT;
	icmp[4] = (uint8_t)(FLAG_OVERRIDE | (ip ? FLAG_SOLICITED : 0));
	memcpy(icmp + 8, target, 16);
	icmp[24] = OPTION_TARGET_MAC;
	icmp[25] = 1; // 8 bytes
	memcpy(icmp + 26, io_mac(port), 6);
	checksum_put(icmp + 2, icmpv6_checksum(header, icmp, ADVERTISEMENT_BYTES));
	frame_end(worker, pkt);
}

static void announce(struct worker *worker, unsigned port)
{
	const struct host *host = host_of(worker, port);
	for (unsigned i = 0; i < host->addresses_used; i++) {
		const uint8_t *ip = host->addresses[i];
		if (memcmp(ip, ipv4_prefix, sizeof(ipv4_prefix)) == 0)
			arp_send(worker, port, ip + 12, NULL);
		else
			advertisement_send(worker, port, ip, NULL, NULL);
	}
}

// ---- answers --------------------------------------------------------------------------------------

// Another host says that our address is its own.
static void conflict(const struct asked *asked)
{
	struct worker *worker = asked->worker;
	struct host_state *state = &worker->host_states[asked->port];
	drop_count(worker, SLUICE_DROP_address_conflict, 1);
	if (state->defended_ns && worker->now_ns - state->defended_ns < DEFEND_NS)
		return;
	state->defended_ns = worker->now_ns;
	announce(worker, asked->port);
}

static bool is_ours(const struct asked *asked, const uint8_t mac[6])
{
	return memcmp(mac, io_mac(asked->port), 6) == 0;
}

// Returns whether it was for us.
static bool arp_take(const struct asked *asked)
{
	static const uint8_t head[6] = {0, 1, 0x08, 0x00, 6, 4};
	const uint8_t *arp = asked->body;
	const struct host *host = host_of(asked->worker, asked->port);
	if (asked->length < ARP_BYTES || memcmp(arp, head, sizeof(head)) != 0)
		return false;
	const struct arp_peer from = {arp + 8, arp + 14};
	if (is_ours(asked, from.mac) || from.mac[0] & 1) // our own come back, or a group's
		return false;
	if (owns_ipv4(host, from.ip)) {
		conflict(asked);
		return true;
	}
	if (span_u16(arp + 6) != ARP_REQUEST || !owns_ipv4(host, arp + 24))
		return false;
	arp_send(asked->worker, asked->port, arp + 24, &from);
	return true;
}

static bool may_echo(const struct asked *asked)
{
	struct host_state *state = &asked->worker->host_states[asked->port];
	if (asked->worker->now_ns - state->second_ns >= SECOND_NS) {
		state->second_ns = asked->worker->now_ns;
		state->echoes = 0;
	}
	return state->echoes++ < ECHOES_PER_S;
}

static bool echo_take(const struct asked *asked)
{
	const uint8_t *ip = asked->body, *icmp = ip + IPV4_BYTES;
	const struct host *host = host_of(asked->worker, asked->port);
	struct pkt *pkt;
	if (asked->length < IPV4_BYTES + ICMP_BYTES || ip[0] != 0x45 || ip[9] != PROTOCOL_ICMP)
		return false;
	uint32_t total = span_u16(ip + 2), length = total - IPV4_BYTES;
	if (total < IPV4_BYTES + ICMP_BYTES || total > asked->length || span_u16(ip + 6) & 0x3FFF)
		return false;
	if (icmp[0] != ECHO_REQUEST || !owns_ipv4(host, ip + 16) ||
		checksum_fold(checksum_add(0, ip, IPV4_BYTES)) != 0 ||
		checksum_fold(checksum_add(0, icmp, length)) != 0 || !may_echo(asked))
		return false;
	uint8_t *reply =
		frame_begin(asked->worker, asked->port, asked->frame + 6, TYPE_IPV4, total, &pkt);
	if (!reply)
		return true;
	reply[0] = 0x45;
	span_put_u16(reply + 2, (uint16_t)total);
	reply[8] = HOPS;
	reply[9] = PROTOCOL_ICMP;
	memcpy(reply + 12, ip + 16, 4);
	memcpy(reply + 16, ip + 12, 4);
	checksum_put(reply + 10, checksum_fold(checksum_add(0, reply, IPV4_BYTES)));
	memcpy(reply + IPV4_BYTES, icmp, length);
	reply[IPV4_BYTES] = ECHO_REPLY;
	checksum_put(reply + IPV4_BYTES + 2, 0);
	checksum_put(
		reply + IPV4_BYTES + 2, checksum_fold(checksum_add(0, reply + IPV4_BYTES, length)));
	frame_end(asked->worker, pkt);
	return true;
}

static bool echo_v6_take(const struct asked *asked, const uint8_t *icmp, uint32_t length)
{
	const uint8_t *ip = asked->body;
	struct pkt *pkt;
	if (!owns(host_of(asked->worker, asked->port), ip + 24) || ip[8] == 0xFF ||
		!may_echo(asked))
		return false;
	uint8_t *reply = frame_begin(
		asked->worker, asked->port, asked->frame + 6, TYPE_IPV6, IPV6_BYTES + length, &pkt);
	if (!reply)
		return true;
	uint8_t *answer = ipv6_begin(reply, HOPS, ip + 24, ip + 8, length);
	memcpy(answer, icmp, length);
	answer[0] = ECHO_REPLY_V6;
	checksum_put(answer + 2, 0);
	checksum_put(answer + 2, icmpv6_checksum(reply, answer, length));
	frame_end(asked->worker, pkt);
	return true;
}

// The options behind `at` are whole (RFC 4861, 7.1).
static bool options_are_whole(const uint8_t *icmp, uint32_t at, uint32_t length)
{
	while (at < length) {
		if (length - at < 8 || icmp[at + 1] == 0 || icmp[at + 1] * 8U > length - at)
			return false;
		at += icmp[at + 1] * 8U;
	}
	return true;
}

static bool neighbour_take(const struct asked *asked, const uint8_t *icmp, uint32_t length)
{
	const uint8_t *ip = asked->body, *mac = asked->frame + 6;
	if (ip[7] != HOPS_ND || icmp[1] != 0 || length < 24 ||
		!owns(host_of(asked->worker, asked->port), icmp + 8) ||
		!options_are_whole(icmp, 24, length) || is_ours(asked, mac))
		return false;
	if (icmp[0] == ADVERTISEMENT) {
		conflict(asked);
		return true;
	}
	// Without a source it asks whether the address is still free (RFC 4862, 5.4): all hear that it is not.
	bool probe = memcmp(ip + 8, nobody, sizeof(nobody)) == 0;
	advertisement_send(asked->worker, asked->port, icmp + 8, mac, probe ? NULL : ip + 8);
	return true;
}

static bool icmpv6_take(const struct asked *asked)
{
	const uint8_t *ip = asked->body, *icmp = ip + IPV6_BYTES;
	if (asked->length < IPV6_BYTES + ICMP_BYTES || ip[0] >> 4 != 6 || ip[6] != PROTOCOL_ICMPV6)
		return false;
	uint32_t length = span_u16(ip + 4);
	if (length < ICMP_BYTES || length > asked->length - IPV6_BYTES ||
		icmpv6_checksum(ip, icmp, length) != 0)
		return false;
	if (icmp[0] == ECHO_REQUEST_V6)
		return echo_v6_take(asked, icmp, length);
	if (icmp[0] == SOLICITATION || icmp[0] == ADVERTISEMENT)
		return neighbour_take(asked, icmp, length);
	return false;
}

bool host_answer(struct worker *worker, struct pkt *pkt, const uint8_t *frame, uint32_t length)
{
	struct asked asked = {.worker = worker,
		.port = pkt->port,
		.frame = frame,
		.body = frame + ETHERNET_BYTES,
		.length = length - ETHERNET_BYTES};
	bool taken = false;
	// A group that asks would have the answer multiplied.
	if (length < ETHERNET_BYTES || frame[6] & 1 || (!(frame[0] & 1) && !is_ours(&asked, frame)))
		return false;
	switch (span_u16(frame + 12)) {
	case TYPE_ARP:
		taken = arp_take(&asked);
		break;
	case TYPE_IPV4:
		taken = echo_take(&asked);
		break;
	case TYPE_IPV6:
		taken = icmpv6_take(&asked);
		break;
	}
	if (taken)
		pkt_put(&pkt, 1);
	return taken;
}

// ---- announcements --------------------------------------------------------------------------------

void host_tick(struct worker *worker)
{
	for (unsigned p = 0; p < worker->table.ports; p++) {
		struct host_state *state = &worker->host_states[p];
		bool up = __atomic_load_n(
			&worker->setup.observed->ports[p].link_up, __ATOMIC_RELAXED);
		if (up && !state->up) {
			state->announcements = ANNOUNCEMENTS;
			state->announce_ns = worker->now_ns;
		}
		state->up = up;
		if (state->announcements == 0 || worker->now_ns < state->announce_ns)
			continue;
		state->announcements--;
		state->announce_ns = worker->now_ns + SECOND_NS;
		announce(worker, p);
	}
}
