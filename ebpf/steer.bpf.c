// SPDX-License-Identifier: Apache-2.0
// The filter in front of the kernel: STUN and DTLS to the media port go on to the kernel and so to
// control, RTP and RTCP of validated sources go to the data plane's AF_XDP sockets, the rest of the
// media port's traffic is dropped here. Of the ports of pushes and pulls it takes the media of validated
// sources and nothing else. Everything else passes untouched; so does what cannot be parsed as far as the
// UDP ports: the kernel judges it.
#include <sluice/xdp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

enum {
	VLAN_TAGS_MAX = 2,
	EXTENSION_HEADERS_MAX = 6,
	FRAGMENT_MASK = 0x3fff, // more fragments, and the offset
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, SLUICE_XDP_QUEUES_MAX);
	__type(key, uint32_t);
	__type(value, uint32_t);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_XDP_PEERS_MAX);
	__type(key, struct sluice_xdp_peer);
	__type(value, uint64_t);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sluice_xdp_config);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_XDP_COUNTERS_MAX);
	__type(key, uint32_t);
	__type(value, uint64_t);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_XDP_STRANGERS_MAX);
	__type(key, uint32_t);
	__type(value, struct sluice_xdp_stranger);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_strangers SEC(".maps");

struct vlan_tag {
	__be16 tci;
	__be16 type; // of what follows
};

struct extension_header { // RFC 8200, section 4: hop-by-hop, routing, destination options
	uint8_t next;
	uint8_t length; // in 8 bytes, the first 8 not counted
	uint8_t routing_type;
	uint8_t segments_left;
	uint32_t rest;
};

struct packet {
	const uint8_t *at; // first byte not parsed yet
	const uint8_t *end; // of the frame
	uint32_t left; // bytes from `at` on that belong to the IP packet, by its own length
	struct sluice_xdp_peer source;
};

#define STRANGER_NS 1000000000ULL // an address that was heard so lately keeps its place
#define STRANGER_GAP_NS 3000000000ULL

// The verifier of Linux 6.1 does not know that a swapped 16-bit number has 16 bits, refuses to add it to a pointer, and the
// compiler, which knows, leaves an ordinary mask out.
static __always_inline uint32_t length_from_network(__be16 length)
{
	uint64_t bytes = bpf_ntohs(length);
	asm volatile("%0 &= 0xffff" : "+r"(bytes));
	return bytes;
}

// What a parser found: go on, or the class at which parsing ends.
enum { PARSE_ON = -1 };

static __always_inline uint16_t ethernet_parse(struct packet *packet)
{
	const struct ethhdr *ethernet = (const void *)packet->at;
	if ((const uint8_t *)(ethernet + 1) > packet->end)
		return 0;
	uint16_t type = bpf_ntohs(ethernet->h_proto);
	packet->at = (const uint8_t *)(ethernet + 1);
#pragma unroll
	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		const struct vlan_tag *tag = (const void *)packet->at;
		if ((const uint8_t *)(tag + 1) > packet->end)
			return 0;
		type = bpf_ntohs(tag->type);
		packet->at = (const uint8_t *)(tag + 1);
	}
	return type;
}

static __always_inline int ipv4_parse(struct packet *packet)
{
	const struct iphdr *ip = (const void *)packet->at;
	if ((const uint8_t *)(ip + 1) > packet->end)
		return SLUICE_XDP_not_ours;
	uint32_t header_bytes = ip->ihl * 4;
	uint32_t total_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_bytes < sizeof(*ip) || total_bytes < header_bytes ||
		ip->protocol != IPPROTO_UDP)
		return SLUICE_XDP_not_ours;
	if (ip->frag_off & bpf_htons(FRAGMENT_MASK))
		return SLUICE_XDP_fragment;
	packet->source.ip[10] = 0xff;
	packet->source.ip[11] = 0xff;
	__builtin_memcpy(&packet->source.ip[12], &ip->saddr, sizeof(ip->saddr));
	packet->left = total_bytes - header_bytes;
	packet->at += header_bytes;
	return PARSE_ON;
}

// Steps over what may stand between the IPv6 header and UDP. A piece of a datagram, and headers that
// only the kernel may judge (authentication, a route that does not end here), end the parsing.
static __always_inline int extension_headers_parse(struct packet *packet, uint8_t next)
{
	for (int headers = 0; headers <= EXTENSION_HEADERS_MAX; headers++) {
		if (next == IPPROTO_UDP)
			return PARSE_ON;
		const struct extension_header *header = (const void *)packet->at;
		if ((const uint8_t *)(header + 1) > packet->end)
			return SLUICE_XDP_not_ours;
		if (next == IPPROTO_FRAGMENT)
			return header->next == IPPROTO_UDP ? SLUICE_XDP_fragment
							   : SLUICE_XDP_not_ours;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return SLUICE_XDP_not_ours;
		if (next == IPPROTO_ROUTING && header->segments_left != 0)
			return SLUICE_XDP_not_ours;
		uint32_t header_bytes = 8 + header->length * 8;
		if (header_bytes > packet->left)
			return SLUICE_XDP_not_ours;
		next = header->next;
		packet->left -= header_bytes;
		packet->at += header_bytes;
	}
	return SLUICE_XDP_not_ours;
}

static __always_inline int ipv6_parse(struct packet *packet)
{
	const struct ipv6hdr *ip = (const void *)packet->at;
	if ((const uint8_t *)(ip + 1) > packet->end || ip->version != 6)
		return SLUICE_XDP_not_ours;
	const uint32_t *source = ip->saddr.in6_u.u6_addr32;
	// such a source on the wire would pass for an IPv4 peer; the kernel throws it away
	if (source[0] == 0 && source[1] == 0 && source[2] == bpf_htonl(0xffff))
		return SLUICE_XDP_not_ours;
	__builtin_memcpy(packet->source.ip, &ip->saddr, sizeof(ip->saddr));
	packet->left = bpf_ntohs(ip->payload_len);
	packet->at = (const uint8_t *)(ip + 1);
	return extension_headers_parse(packet, ip->nexthdr);
}

// The payload of a datagram to the media port; `length` is of the payload.
static __always_inline int payload_classify(struct packet *packet, uint32_t length)
{
	if (length < SLUICE_PREFIX_BYTES || packet->at + SLUICE_PREFIX_BYTES > packet->end)
		return SLUICE_XDP_other;
	switch (sluice_classify_prefix(packet->at, length)) {
	case SLUICE_CLASS_STUN:
		return SLUICE_XDP_stun;
	case SLUICE_CLASS_DTLS:
		return SLUICE_XDP_dtls;
	case SLUICE_CLASS_RTP:
	case SLUICE_CLASS_RTCP:
		return bpf_map_lookup_elem(&sluice_peers, &packet->source)
			       ? SLUICE_XDP_media
			       : SLUICE_XDP_media_unknown_source;
	default:
		return SLUICE_XDP_other;
	}
}

// feeds.ports may be another program's while no session uses them: of what comes there only media of validated
// sources is taken, the rest is the kernel's to judge.
static __always_inline int udp_classify(
	struct packet *packet, const struct sluice_xdp_config *config)
{
	const struct udphdr *udp = (const void *)packet->at;
	if ((const uint8_t *)(udp + 1) > packet->end || packet->left < sizeof(*udp))
		return SLUICE_XDP_not_ours;
	uint16_t number = bpf_ntohs(udp->dest) - config->feed_port;
	int is_feed = udp->dest != bpf_htons(config->media_port);
	if (is_feed && number >= config->feed_ports)
		return SLUICE_XDP_not_ours;
	uint32_t length = length_from_network(udp->len);
	if (length < sizeof(*udp) || length > packet->left || packet->at + length > packet->end)
		return is_feed ? SLUICE_XDP_not_ours : SLUICE_XDP_malformed;
	packet->source.port_be = udp->source;
	packet->source.local_be = is_feed ? udp->dest : 0;
	packet->at = (const uint8_t *)(udp + 1);
	int class = payload_classify(packet, length - sizeof(*udp));
	return is_feed && class != SLUICE_XDP_media ? SLUICE_XDP_not_ours : class;
}

static __always_inline int frame_classify(
	struct packet *packet, const struct sluice_xdp_config *config)
{
	uint16_t type = ethernet_parse(packet);
	int parsed = SLUICE_XDP_not_ours;
	if (type == ETH_P_IP)
		parsed = ipv4_parse(packet);
	else if (type == ETH_P_IPV6)
		parsed = ipv6_parse(packet);
	return parsed == PARSE_ON ? udp_classify(packet, config) : parsed;
}

static __always_inline void frame_count(uint32_t class)
{
	uint64_t *counter = bpf_map_lookup_elem(&sluice_counters, &class);
	if (counter)
		(*counter)++;
}

// Remembers whose packet was dropped. Whoever has a place keeps it while it goes on: a flood of forged
// addresses does not hide a steady sender.
static __always_inline void stranger_note(const struct sluice_xdp_peer *source, uint32_t class)
{
	uint32_t words[5], there[5]; // no memcmp in here
	__builtin_memcpy(words, source, sizeof(words));
	uint32_t hash = (words[0] ^ words[1] ^ words[2] ^ words[3] ^ words[4]) * 2654435761u;
	uint32_t slot = (hash >> 16) % SLUICE_XDP_STRANGERS_MAX;
	struct sluice_xdp_stranger *entry = bpf_map_lookup_elem(&sluice_strangers, &slot);
	uint64_t now_ns = bpf_ktime_get_coarse_ns();
	if (!entry)
		return;
	__builtin_memcpy(there, &entry->peer, sizeof(there));
	int same = entry->count && there[0] == words[0] && there[1] == words[1] &&
		   there[2] == words[2] && there[3] == words[3] && there[4] == words[4];
	if (!same && entry->count && now_ns - entry->last_ns < STRANGER_NS)
		return;
	if (!same) {
		entry->peer = *source;
		entry->count = 0;
	}
	if (!same || now_ns - entry->last_ns > STRANGER_GAP_NS)
		entry->since_ns = now_ns;
	entry->class = class;
	entry->last_ns = now_ns;
	entry->count++;
}

SEC("xdp")
int sluice_steer(struct xdp_md *context)
{
	uint32_t first = 0;
	const struct sluice_xdp_config *config = bpf_map_lookup_elem(&sluice_config, &first);
	if (!config || config->media_port == 0)
		return XDP_PASS;
	struct packet packet = {
		.at = (const uint8_t *)(long)context->data,
		.end = (const uint8_t *)(long)context->data_end,
	};
	int class = frame_classify(&packet, config);
	int action = XDP_DROP;
	if (class == SLUICE_XDP_media) {
		// without a living socket this says XDP_DROP: media never floods the kernel
		action = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_DROP);
		if (action != XDP_REDIRECT)
			class = SLUICE_XDP_media_no_socket;
	} else if (class == SLUICE_XDP_not_ours || class == SLUICE_XDP_fragment ||
		   class == SLUICE_XDP_stun || class == SLUICE_XDP_dtls) {
		action = XDP_PASS;
	}
	frame_count(class);
	if (action == XDP_DROP && packet.source.port_be)
		stranger_note(&packet.source, class);
	return action;
}

char sluice_license[] SEC("license") = "Apache-2.0";
