// SPDX-License-Identifier: Apache-2.0
// The XDP filter, run by the kernel on made-up frames (BPF_PROG_TEST_RUN): verdict and counter of each,
// and that no frame is changed. Usage: test_steer OBJECT; needs root, else exits 77 (skipped).
#include <sluice/shm.h>
#include <sluice/xdp.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static_assert(SLUICE_XDP_COUNTERS_MAX + 0 == SLUICE_XDP_CLASS_ROOM + 0);
static_assert(SLUICE_XDP_CLASS_COUNT + 0 <= SLUICE_XDP_COUNTERS_MAX + 0);
static_assert(sizeof(struct sluice_xdp_peer) == 20);
static_assert(sizeof(struct sluice_xdp_config) == 8);

enum {
	MEDIA_PORT = 40443,
	FEED_PORT = 41000, // the first of them
	FEED_PORTS = 10,
	PEER_PORT = 51000,
	FRAME_MAX = 2048,
	NO_COUNT = -1,
};

static const char *object_path;

static struct {
	struct bpf_object *object;
	int program, peers, config, counters, strangers, sockets;
	int processors;
} filter;

// ---- frames ---------------------------------------------------------------------------------------

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t length;
};

// A frame in words; what is 0 is the ordinary thing.
struct shape {
	uint16_t tags[3]; // VLAN types, outermost first
	uint16_t ether_type;
	uint8_t version; // of IP: 4 or 6
	uint8_t version_nibble; // what the header says instead
	uint8_t ihl; // 4-byte words; options are filled up
	uint8_t ihl_nibble; // what the header says instead
	uint16_t fragment; // IPv4: flags and offset. IPv6: those of each fragment header
	uint8_t headers[12]; // IPv6 extension headers in front of UDP
	uint8_t headers_used;
	uint8_t header_length; // of each, in the header's own unit
	uint8_t segments_left;
	uint8_t protocol;
	bool mapped_source; // IPv6 frame that says it comes from ::ffff:192.0.2.7
	uint8_t source; // last byte of the address; 0 = the peer's
	uint16_t destination_tail; // last two bytes of the IPv4 destination; 0 = the ordinary ones
	uint16_t source_port; // 0 = the peer's
	uint16_t port; // destination; 0 = the media port
	int udp_length_change, ip_length_change; // lies
	unsigned padding; // bytes behind the IP packet
	const char *payload;
	uint32_t payload_length;
};

static void put(struct frame *frame, const void *bytes, size_t count)
{
	assert_true(frame->length + count <= FRAME_MAX);
	memcpy(frame->bytes + frame->length, bytes, count);
	frame->length += count;
}

static void put_zeros(struct frame *frame, size_t count)
{
	assert_true(frame->length + count <= FRAME_MAX);
	memset(frame->bytes + frame->length, 0, count);
	frame->length += count;
}

static void put8(struct frame *frame, uint8_t value)
{
	put(frame, &value, 1);
}

static void put16(struct frame *frame, uint16_t value)
{
	put(frame, &(uint16_t){htons(value)}, 2);
}

static uint8_t shape_source(const struct shape *shape)
{
	return shape->source ? shape->source : 7;
}

static void put_ethernet(struct frame *frame, const struct shape *shape)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	put(frame, macs, sizeof(macs));
	for (int i = 0; i < 3 && shape->tags[i]; i++) {
		put16(frame, shape->tags[i]);
		put16(frame, 5 + i);
	}
	uint16_t ip_type = shape->version == 6 ? ETH_P_IPV6 : ETH_P_IP;
	put16(frame, shape->ether_type ? shape->ether_type : ip_type);
}

static void put_ipv4(struct frame *frame, const struct shape *shape, unsigned content)
{
	unsigned words = shape->ihl ? shape->ihl : 5;
	unsigned nibble = shape->ihl_nibble ? shape->ihl_nibble : words;
	unsigned version = shape->version_nibble ? shape->version_nibble : 4;
	put8(frame, version << 4 | (nibble & 15));
	put8(frame, 0);
	put16(frame, words * 4 + content + shape->ip_length_change);
	put16(frame, 1);
	put16(frame, shape->fragment);
	put8(frame, 64);
	put8(frame, shape->protocol ? shape->protocol : IPPROTO_UDP);
	put16(frame, 0);
	put(frame, (uint8_t[]){192, 0, 2, shape_source(shape), 192, 0}, 6);
	put16(frame, shape->destination_tail ? shape->destination_tail : 0x0201);
	for (unsigned i = 5; i < words; i++)
		put(frame, (uint8_t[]){1, 1, 1, 1}, 4);
}

static void put_extension_header(struct frame *frame, const struct shape *shape, int i)
{
	uint8_t type = shape->headers[i];
	uint8_t last = shape->protocol ? shape->protocol : IPPROTO_UDP;
	put8(frame, i + 1 < shape->headers_used ? shape->headers[i + 1] : last);
	if (type == IPPROTO_FRAGMENT) {
		put8(frame, 0);
		put16(frame, shape->fragment);
		put_zeros(frame, 4);
		return;
	}
	put8(frame, shape->header_length);
	put8(frame, 0);
	put8(frame, type == IPPROTO_ROUTING ? shape->segments_left : 0);
	put_zeros(frame, 4 + shape->header_length * 8u);
}

static void put_ipv6(struct frame *frame, const struct shape *shape, unsigned content)
{
	uint8_t last = shape->protocol ? shape->protocol : IPPROTO_UDP;
	unsigned version = shape->version_nibble ? shape->version_nibble : 6;
	unsigned headers = 0;
	for (int i = 0; i < shape->headers_used; i++)
		headers += shape->headers[i] == IPPROTO_FRAGMENT ? 8 : 8 + shape->header_length * 8;
	put8(frame, version << 4);
	put_zeros(frame, 3);
	put16(frame, headers + content + shape->ip_length_change);
	put8(frame, shape->headers_used ? shape->headers[0] : last);
	put8(frame, 64);
	if (shape->mapped_source)
		put(frame, (uint8_t[]){[10] = 0xff, [11] = 0xff, 192, 0, 2, 7}, 16);
	else
		put(frame, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = shape_source(shape)}, 16);
	put(frame, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = 1}, 16);
	for (int i = 0; i < shape->headers_used; i++)
		put_extension_header(frame, shape, i);
}

static void frame_build(struct frame *frame, const struct shape *shape)
{
	unsigned content = 8 + shape->payload_length;
	frame->length = 0;
	put_ethernet(frame, shape);
	if (shape->version == 4)
		put_ipv4(frame, shape, content);
	if (shape->version == 6)
		put_ipv6(frame, shape, content);
	put16(frame, shape->source_port ? shape->source_port : PEER_PORT);
	put16(frame, shape->port ? shape->port : MEDIA_PORT);
	put16(frame, content + shape->udp_length_change);
	put16(frame, 0);
	put(frame, shape->payload, shape->payload_length);
	put_zeros(frame, shape->padding);
}

// ---- running the filter ---------------------------------------------------------------------------

static uint64_t counter_read(uint32_t class)
{
	uint64_t values[filter.processors], sum = 0;
	assert_int_equal(bpf_map_lookup_elem(filter.counters, &class, values), 0);
	for (int i = 0; i < filter.processors; i++)
		sum += values[i];
	return sum;
}

static void counters_read(uint64_t counters[SLUICE_XDP_COUNTERS_MAX])
{
	for (uint32_t class = 0; class < SLUICE_XDP_COUNTERS_MAX; class ++)
		counters[class] = counter_read(class);
}

// Runs the filter over the first `length` bytes. Stores the one class that counted the frame, or
// NO_COUNT. Fails when the frame was changed or counted more than once.
static uint32_t frame_run(const struct frame *frame, uint32_t length, int *class)
{
	uint64_t before[SLUICE_XDP_COUNTERS_MAX], after[SLUICE_XDP_COUNTERS_MAX];
	uint8_t out[FRAME_MAX];
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.data_in = frame->bytes,
		.data_size_in = length,
		.data_out = out,
		.data_size_out = sizeof(out),
		.repeat = 1,
	};
	counters_read(before);
	assert_int_equal(bpf_prog_test_run_opts(filter.program, &options), 0);
	counters_read(after);
	assert_int_equal(options.data_size_out, length);
	assert_memory_equal(out, frame->bytes, length);
	*class = NO_COUNT;
	for (int i = 0; i < SLUICE_XDP_COUNTERS_MAX; i++) {
		if (after[i] == before[i])
			continue;
		assert_int_equal(after[i], before[i] + 1);
		assert_int_equal(*class, NO_COUNT);
		*class = i;
	}
	return options.retval;
}

static const char *class_name(int class)
{
	const struct sluice_xdp_class_info *info = sluice_xdp_class_info(class);
	return info ? info->name : "nothing";
}

static void frame_expect(const char *name, const struct frame *frame, uint32_t verdict, int class)
{
	int counted;
	uint32_t got = frame_run(frame, frame->length, &counted);
	if (got != verdict || counted != class)
		fail_msg("%s: verdict %u, counted as %s; expected %u, %s", name, got,
			class_name(counted), verdict, class_name(class));
}

static void config_write(uint16_t media_port)
{
	struct sluice_xdp_config config = {
		.media_port = media_port, .feed_port = FEED_PORT, .feed_ports = FEED_PORTS};
	assert_int_equal(bpf_map_update_elem(filter.config, &(uint32_t){0}, &config, BPF_ANY), 0);
}

// Makes PEER_PORT of 192.0.2.7 and of 2001:db8::7 validated sources, towards a port of ours; 0 = the media port.
static void peers_write_at(uint16_t local)
{
	struct sluice_xdp_peer peer = {.port_be = htons(PEER_PORT), .local_be = htons(local)};
	memcpy(peer.ip, (uint8_t[]){[10] = 0xff, [11] = 0xff, 192, 0, 2, 7}, 16);
	assert_int_equal(bpf_map_update_elem(filter.peers, &peer, &(uint64_t){0}, BPF_ANY), 0);
	memcpy(peer.ip, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = 7}, 16);
	assert_int_equal(bpf_map_update_elem(filter.peers, &peer, &(uint64_t){0}, BPF_ANY), 0);
}

static void peers_write(void)
{
	peers_write_at(0);
	peers_write_at(FEED_PORT);
	peers_write_at(FEED_PORT + FEED_PORTS - 1);
	peers_write_at(FEED_PORT + FEED_PORTS); // none of ours: without effect
}

// ---- the table ------------------------------------------------------------------------------------

#define PAYLOAD(text) .payload = text, .payload_length = sizeof(text) - 1
#define STUN_TEXT                          \
	"\x00\x01\x00\x00\x21\x12\xa4\x42" \
	"abcdefghijkl"
#define STUN_8_TEXT                        \
	"\x00\x01\x00\x08\x21\x12\xa4\x42" \
	"abcdefghijkl"                     \
	"\x00\x24\x00\x04"                 \
	"prio"
#define DTLS_TEXT                            \
	"\x16\xfe\xfd\0\0\0\0\0\0\0\1\0\x0c" \
	"\1\0\5\0\0\0\0\0\0\0\0\x20"
#define RTP_TEXT                       \
	"\x80\x60\0\1\0\0\0\2\0\0\0\3" \
	"media"
#define RTCP_TEXT              \
	"\x80\xc8\0\1\0\0\0\2" \
	"sender"
#define STUN PAYLOAD(STUN_TEXT)
#define STUN_8 PAYLOAD(STUN_8_TEXT)
#define DTLS PAYLOAD(DTLS_TEXT)
#define RTP PAYLOAD(RTP_TEXT)
#define RTCP PAYLOAD(RTCP_TEXT)
#define HEADERS(...) .headers = {__VA_ARGS__}, .headers_used = sizeof((uint8_t[]){__VA_ARGS__})

enum { HOP = IPPROTO_HOPOPTS, ROUTE = IPPROTO_ROUTING, DST = IPPROTO_DSTOPTS };
enum { FRAG = IPPROTO_FRAGMENT, AUTH = IPPROTO_AH };

struct test_case {
	const char *name;
	struct shape shape;
	int class;
};

// clang-format off
static const struct test_case cases[] = {
	{"v4 stun", {.version = 4, STUN}, SLUICE_XDP_stun},
	{"v4 stun with an attribute", {.version = 4, STUN_8}, SLUICE_XDP_stun},
	{"v4 stun of unknown source", {.version = 4, .source = 9, STUN}, SLUICE_XDP_stun},
	{"v4 stun success response", {.version = 4,
		PAYLOAD("\x01\x01\0\0\x21\x12\xa4\x42" "abcdefghijkl")}, SLUICE_XDP_stun},
	{"v4 stun wrong cookie", {.version = 4,
		PAYLOAD("\x00\x01\0\0\x21\x12\xa4\x43" "abcdefghijkl")}, SLUICE_XDP_other},
	{"v4 stun odd length", {.version = 4,
		PAYLOAD("\x00\x01\0\2\x21\x12\xa4\x42" "abcdefghijklmn")}, SLUICE_XDP_other},
	{"v4 stun longer than the datagram", {.version = 4,
		PAYLOAD("\x00\x01\0\4\x21\x12\xa4\x42" "abcdefghijkl")}, SLUICE_XDP_other},
	{"v4 stun header cut", {.version = 4,
		PAYLOAD("\x00\x01\0\0\x21\x12\xa4\x42" "abcdefghijk")}, SLUICE_XDP_other},
	{"v4 dtls handshake", {.version = 4, DTLS}, SLUICE_XDP_dtls},
	{"v4 dtls of unknown source", {.version = 4, .source = 9, DTLS}, SLUICE_XDP_dtls},
	{"v4 dtls first byte 20", {.version = 4,
		PAYLOAD("\x14\xfe\xfd\0\0\0\0\0\0\0\1\0\1\1")}, SLUICE_XDP_dtls},
	{"v4 dtls first byte 63", {.version = 4, PAYLOAD("\x3f" "abcdefghijkl")}, SLUICE_XDP_dtls},
	{"v4 dtls header cut", {.version = 4, PAYLOAD("\x16" "abcdefghijk")}, SLUICE_XDP_other},
	{"v4 zrtp", {.version = 4, PAYLOAD("\x10" "abcdefghijklmnopq")}, SLUICE_XDP_other},
	{"v4 turn channel", {.version = 4, PAYLOAD("\x40" "abcdefghijklmnop")}, SLUICE_XDP_other},
	{"v4 rtp", {.version = 4, RTP}, SLUICE_XDP_media},
	{"v4 rtp bare header", {.version = 4, PAYLOAD("\xbf\x60" "abcdefghij")}, SLUICE_XDP_media},
	{"v4 rtp header cut", {.version = 4, PAYLOAD("\x80\x60" "abcdefghi")}, SLUICE_XDP_other},
	{"v4 rtcp", {.version = 4, RTCP}, SLUICE_XDP_media},
	{"v4 rtcp bare header", {.version = 4, PAYLOAD("\x80\xdf" "abcdef")}, SLUICE_XDP_media},
	{"v4 rtcp header cut", {.version = 4, PAYLOAD("\x80\xc8" "abcde")}, SLUICE_XDP_other},
	{"v4 first byte 192", {.version = 4, PAYLOAD("\xc0" "abcdefghijklmn")}, SLUICE_XDP_other},
	{"v4 quic", {.version = 4, PAYLOAD("\xc3\0\0\0\1" "abcdefghijklmn")}, SLUICE_XDP_other},
	{"v4 text", {.version = 4, PAYLOAD("GET / HTTP/1.1\r\n\r\n")}, SLUICE_XDP_other},
	{"v4 seven bytes", {.version = 4, PAYLOAD("\x80\xc8" "abcde")}, SLUICE_XDP_other},
	{"v4 one byte", {.version = 4, PAYLOAD("\x80")}, SLUICE_XDP_other},
	{"v4 no payload", {.version = 4, PAYLOAD("")}, SLUICE_XDP_other},
	{"v4 no payload but padding", {.version = 4, .padding = 18, PAYLOAD("")}, SLUICE_XDP_other},
	{"v4 padding does not lengthen rtp", {.version = 4, .padding = 18,
		PAYLOAD("\x80\x60" "abc")}, SLUICE_XDP_other},
	{"v4 rtp before padding", {.version = 4, .padding = 18, RTP}, SLUICE_XDP_media},
	{"v4 rtp of unknown address", {.version = 4, .source = 9, RTP},
		SLUICE_XDP_media_unknown_source},
	{"v4 rtp of unknown port", {.version = 4, .source_port = PEER_PORT + 1, RTP},
		SLUICE_XDP_media_unknown_source},
	{"v4 rtcp of unknown address", {.version = 4, .source = 9, RTCP},
		SLUICE_XDP_media_unknown_source},
	{"v4 rtp to another port", {.version = 4, .port = 53, RTP}, SLUICE_XDP_not_ours},
	{"v4 rtp to the port below", {.version = 4, .port = MEDIA_PORT - 1, RTP}, SLUICE_XDP_not_ours},
	{"v4 rtp to the swapped port", {.version = 4,
		.port = (MEDIA_PORT & 255) << 8 | MEDIA_PORT >> 8, RTP}, SLUICE_XDP_not_ours},
	{"v4 dns answer", {.version = 4, .source_port = 53, .port = 33333,
		PAYLOAD("\1\2\x81\x80\0\1\0\1\0\0\0\0")}, SLUICE_XDP_not_ours},
	{"v4 tcp to ssh", {.version = 4, .protocol = IPPROTO_TCP, .port = 22, RTP},
		SLUICE_XDP_not_ours},
	{"v4 tcp to the media port", {.version = 4, .protocol = IPPROTO_TCP, RTP},
		SLUICE_XDP_not_ours},
	{"v4 icmp", {.version = 4, .protocol = IPPROTO_ICMP, RTP}, SLUICE_XDP_not_ours},
	{"v4 udp-lite", {.version = 4, .protocol = IPPROTO_UDPLITE, RTP}, SLUICE_XDP_not_ours},
	{"v4 one word of options", {.version = 4, .ihl = 6, RTP}, SLUICE_XDP_media},
	{"v4 all the options", {.version = 4, .ihl = 15, RTP}, SLUICE_XDP_media},
	{"v4 all the options, stun", {.version = 4, .ihl = 15, STUN}, SLUICE_XDP_stun},
	{"v4 options, unknown source", {.version = 4, .ihl = 9, .source = 9, RTCP},
		SLUICE_XDP_media_unknown_source},
	{"v4 ihl 4", {.version = 4, .ihl_nibble = 4, RTP}, SLUICE_XDP_not_ours},
	{"v4 ihl 4, misread it were media", {.version = 4, .ihl_nibble = 4, RTP, .source_port = 25,
		.destination_tail = MEDIA_PORT}, SLUICE_XDP_not_ours},
	{"v4 ihl 0", {.version = 4, .ihl_nibble = 16, RTP}, SLUICE_XDP_not_ours},
	{"v4 ihl beyond the total length", {.version = 4, .ihl_nibble = 15, RTP,
		.ip_length_change = -20}, SLUICE_XDP_not_ours},
	{"v4 ihl beyond the frame", {.version = 4, .ihl_nibble = 15, PAYLOAD("\x80"),
		.ip_length_change = 60}, SLUICE_XDP_not_ours},
	{"v4 says version 6", {.version = 4, .version_nibble = 6, RTP}, SLUICE_XDP_not_ours},
	{"v4 total length 0", {.version = 4, RTP, .ip_length_change = -45}, SLUICE_XDP_not_ours},
	{"v4 total length ends in udp", {.version = 4, RTP, .ip_length_change = -20},
		SLUICE_XDP_not_ours},
	{"v4 total length ends in payload", {.version = 4, RTP, .ip_length_change = -1},
		SLUICE_XDP_malformed},
	{"v4 total length beyond the frame", {.version = 4, RTP, .ip_length_change = 100},
		SLUICE_XDP_media},
	{"v4 udp length one too long", {.version = 4, RTP, .udp_length_change = 1},
		SLUICE_XDP_malformed},
	{"v4 udp length into padding", {.version = 4, RTP, .udp_length_change = 1, .padding = 9},
		SLUICE_XDP_malformed},
	{"v4 both lengths beyond the frame", {.version = 4, RTP, .udp_length_change = 1,
		.ip_length_change = 1}, SLUICE_XDP_malformed},
	{"v4 udp length shorter", {.version = 4, RTP, .udp_length_change = -5}, SLUICE_XDP_media},
	{"v4 udp length cuts rtp", {.version = 4, RTP, .udp_length_change = -6}, SLUICE_XDP_other},
	{"v4 udp length 8", {.version = 4, RTP, .udp_length_change = -17}, SLUICE_XDP_other},
	{"v4 udp length 7", {.version = 4, RTP, .udp_length_change = -18}, SLUICE_XDP_malformed},
	{"v4 udp length 0", {.version = 4, RTP, .udp_length_change = -25}, SLUICE_XDP_malformed},
	{"v4 wrong lengths, not ours", {.version = 4, .port = 53, RTP, .udp_length_change = 9},
		SLUICE_XDP_not_ours},
	{"v4 don't fragment", {.version = 4, .fragment = 0x4000, RTP}, SLUICE_XDP_media},
	{"v4 reserved flag", {.version = 4, .fragment = 0x8000, RTP}, SLUICE_XDP_media},
	{"v4 first fragment", {.version = 4, .fragment = 0x2000, RTP}, SLUICE_XDP_fragment},
	{"v4 first fragment of dtls", {.version = 4, .fragment = 0x2000, DTLS}, SLUICE_XDP_fragment},
	{"v4 middle fragment", {.version = 4, .fragment = 0x2001, RTP}, SLUICE_XDP_fragment},
	{"v4 last fragment", {.version = 4, .fragment = 0x0001, RTP}, SLUICE_XDP_fragment},
	{"v4 last fragment, far", {.version = 4, .fragment = 0x1000, RTP}, SLUICE_XDP_fragment},
	{"v4 fragment of tcp", {.version = 4, .fragment = 0x2000, .protocol = IPPROTO_TCP, RTP},
		SLUICE_XDP_not_ours},
	{"v4 vlan rtp", {.version = 4, .tags = {ETH_P_8021Q}, RTP}, SLUICE_XDP_media},
	{"v4 vlan stun", {.version = 4, .tags = {ETH_P_8021Q}, STUN}, SLUICE_XDP_stun},
	{"v4 service tag dtls", {.version = 4, .tags = {ETH_P_8021AD}, DTLS}, SLUICE_XDP_dtls},
	{"v4 two tags", {.version = 4, .tags = {ETH_P_8021AD, ETH_P_8021Q}, RTP}, SLUICE_XDP_media},
	{"v4 two tags, options", {.version = 4, .tags = {ETH_P_8021Q, ETH_P_8021Q}, .ihl = 8, RTCP},
		SLUICE_XDP_media},
	{"v4 three tags", {.version = 4, .tags = {ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q}, RTP},
		SLUICE_XDP_not_ours},
	{"v4 in an ipv6 frame", {.version = 4, .ether_type = ETH_P_IPV6, RTP}, SLUICE_XDP_not_ours},
	{"arp", {.ether_type = ETH_P_ARP, RTP}, SLUICE_XDP_not_ours},
	{"lldp", {.ether_type = ETH_P_LLDP, RTP}, SLUICE_XDP_not_ours},
	{"802.3 length instead of a type", {.ether_type = 60, RTP}, SLUICE_XDP_not_ours},
	{"mpls", {.version = 4, .ether_type = ETH_P_MPLS_UC, RTP}, SLUICE_XDP_not_ours},
	{"pppoe", {.version = 4, .ether_type = ETH_P_PPP_SES, RTP}, SLUICE_XDP_not_ours},

	{"v4 rtp to the first port of feeds", {.version = 4, .port = FEED_PORT, RTP}, SLUICE_XDP_media},
	{"v4 rtcp to the last port of feeds", {.version = 4, .port = FEED_PORT + FEED_PORTS - 1, RTCP},
		SLUICE_XDP_media},
	{"v4 rtp to a port of feeds that is not in use", {.version = 4, .port = FEED_PORT + 1, RTP},
		SLUICE_XDP_not_ours},
	{"v4 rtp behind the ports of feeds", {.version = 4, .port = FEED_PORT + FEED_PORTS, RTP},
		SLUICE_XDP_not_ours},
	{"v4 rtp before the ports of feeds", {.version = 4, .port = FEED_PORT - 1, RTP},
		SLUICE_XDP_not_ours},
	{"v4 rtp of unknown address to a feed", {.version = 4, .port = FEED_PORT, .source = 9, RTP},
		SLUICE_XDP_not_ours},
	{"v4 rtp of unknown port to a feed", {.version = 4, .port = FEED_PORT, .source_port = 9, RTP},
		SLUICE_XDP_not_ours},
	{"v4 stun to a feed", {.version = 4, .port = FEED_PORT, STUN}, SLUICE_XDP_not_ours},
	{"v4 dtls to a feed", {.version = 4, .port = FEED_PORT, DTLS}, SLUICE_XDP_not_ours},
	{"v4 text to a feed", {.version = 4, .port = FEED_PORT, PAYLOAD("hello, other program")},
		SLUICE_XDP_not_ours},
	{"v4 wrong lengths to a feed", {.version = 4, .port = FEED_PORT, RTP, .udp_length_change = 1},
		SLUICE_XDP_not_ours},
	{"v4 fragment to a feed", {.version = 4, .port = FEED_PORT, .fragment = 0x2000, RTP},
		SLUICE_XDP_fragment},
	{"v4 tcp to a feed", {.version = 4, .port = FEED_PORT, .protocol = IPPROTO_TCP, RTP},
		SLUICE_XDP_not_ours},

	{"v6 rtp to a feed", {.version = 6, .port = FEED_PORT, RTP}, SLUICE_XDP_media},
	{"v6 rtp of unknown address to a feed", {.version = 6, .port = FEED_PORT, .source = 9, RTP},
		SLUICE_XDP_not_ours},
	{"v6 stun to a feed", {.version = 6, .port = FEED_PORT, STUN}, SLUICE_XDP_not_ours},
	{"v6 stun", {.version = 6, STUN}, SLUICE_XDP_stun},
	{"v6 stun of unknown source", {.version = 6, .source = 9, STUN_8}, SLUICE_XDP_stun},
	{"v6 dtls", {.version = 6, DTLS}, SLUICE_XDP_dtls},
	{"v6 rtp", {.version = 6, RTP}, SLUICE_XDP_media},
	{"v6 rtcp", {.version = 6, RTCP}, SLUICE_XDP_media},
	{"v6 rtp of unknown address", {.version = 6, .source = 9, RTP},
		SLUICE_XDP_media_unknown_source},
	{"v6 rtp of unknown port", {.version = 6, .source_port = 9, RTP},
		SLUICE_XDP_media_unknown_source},
	{"v6 rtp to another port", {.version = 6, .port = 53, RTP}, SLUICE_XDP_not_ours},
	{"v6 text", {.version = 6, PAYLOAD("hello, media port")}, SLUICE_XDP_other},
	{"v6 seven bytes", {.version = 6, PAYLOAD("\x80\xc8" "abcde")}, SLUICE_XDP_other},
	{"v6 tcp to ssh", {.version = 6, .protocol = IPPROTO_TCP, .port = 22, RTP},
		SLUICE_XDP_not_ours},
	{"v6 neighbour discovery", {.version = 6, .protocol = IPPROTO_ICMPV6,
		PAYLOAD("\x87\0\0\0\0\0\0\0" "0123456789abcdef")}, SLUICE_XDP_not_ours},
	{"v6 no next header", {.version = 6, .protocol = IPPROTO_NONE, RTP}, SLUICE_XDP_not_ours},
	{"v6 esp", {.version = 6, .protocol = IPPROTO_ESP, RTP}, SLUICE_XDP_not_ours},
	{"v6 says version 4", {.version = 6, .version_nibble = 4, RTP}, SLUICE_XDP_not_ours},
	{"v6 in an ipv4 frame", {.version = 6, .ether_type = ETH_P_IP, RTP}, SLUICE_XDP_not_ours},
	{"v6 claims an ipv4 peer", {.version = 6, .mapped_source = true, RTP}, SLUICE_XDP_not_ours},
	{"v6 hop-by-hop", {.version = 6, HEADERS(HOP), RTP}, SLUICE_XDP_media},
	{"v6 hop-by-hop, stun", {.version = 6, HEADERS(HOP), STUN}, SLUICE_XDP_stun},
	{"v6 destination options", {.version = 6, HEADERS(DST), DTLS}, SLUICE_XDP_dtls},
	{"v6 long destination options", {.version = 6, HEADERS(DST), .header_length = 40, RTP},
		SLUICE_XDP_media},
	{"v6 routing that ended", {.version = 6, HEADERS(ROUTE), RTP}, SLUICE_XDP_media},
	{"v6 routing that goes on", {.version = 6, HEADERS(ROUTE), .segments_left = 1, RTP},
		SLUICE_XDP_not_ours},
	{"v6 three headers", {.version = 6, HEADERS(HOP, ROUTE, DST), .header_length = 1, RTCP},
		SLUICE_XDP_media},
	{"v6 six headers", {.version = 6, HEADERS(HOP, DST, ROUTE, DST, DST, DST), RTP},
		SLUICE_XDP_media},
	{"v6 six headers, unknown source", {.version = 6, .source = 9,
		HEADERS(HOP, DST, ROUTE, DST, DST, DST), RTP}, SLUICE_XDP_media_unknown_source},
	{"v6 seven headers", {.version = 6, HEADERS(HOP, DST, ROUTE, DST, DST, DST, DST), RTP},
		SLUICE_XDP_not_ours},
	{"v6 header beyond the frame", {.version = 6, HEADERS(DST), .header_length = 20,
		.ip_length_change = -180, RTP}, SLUICE_XDP_not_ours},
	{"v6 headers before tcp", {.version = 6, HEADERS(HOP, DST), .protocol = IPPROTO_TCP, RTP},
		SLUICE_XDP_not_ours},
	{"v6 authentication", {.version = 6, HEADERS(AUTH), RTP}, SLUICE_XDP_not_ours},
	{"v6 first fragment", {.version = 6, HEADERS(FRAG), .fragment = 1, RTP}, SLUICE_XDP_fragment},
	{"v6 last fragment", {.version = 6, HEADERS(FRAG), .fragment = 0x0100, RTP},
		SLUICE_XDP_fragment},
	{"v6 atomic fragment", {.version = 6, HEADERS(FRAG), RTP}, SLUICE_XDP_fragment},
	{"v6 fragment of dtls", {.version = 6, HEADERS(FRAG), .fragment = 1, DTLS},
		SLUICE_XDP_fragment},
	{"v6 hop-by-hop, fragment", {.version = 6, HEADERS(HOP, FRAG), .fragment = 1, RTP},
		SLUICE_XDP_fragment},
	{"v6 fragment of tcp", {.version = 6, HEADERS(FRAG), .protocol = IPPROTO_TCP, RTP},
		SLUICE_XDP_not_ours},
	{"v6 payload length 0", {.version = 6, RTP, .ip_length_change = -25}, SLUICE_XDP_not_ours},
	{"v6 payload length ends in payload", {.version = 6, RTP, .ip_length_change = -1},
		SLUICE_XDP_malformed},
	{"v6 payload length ends in headers", {.version = 6, HEADERS(DST), .header_length = 4, RTP,
		.ip_length_change = -40}, SLUICE_XDP_not_ours},
	{"v6 udp length one too long", {.version = 6, RTP, .udp_length_change = 1},
		SLUICE_XDP_malformed},
	{"v6 udp length 0", {.version = 6, RTP, .udp_length_change = -25}, SLUICE_XDP_malformed},
	{"v6 both lengths beyond the frame", {.version = 6, RTP, .udp_length_change = 1,
		.ip_length_change = 1}, SLUICE_XDP_malformed},
	{"v6 udp length into padding", {.version = 6, HEADERS(DST), RTP, .udp_length_change = 8,
		.padding = 8}, SLUICE_XDP_malformed},
	{"v6 vlan rtp", {.version = 6, .tags = {ETH_P_8021Q}, RTP}, SLUICE_XDP_media},
	{"v6 two tags, headers", {.version = 6, .tags = {ETH_P_8021AD, ETH_P_8021Q},
		HEADERS(HOP, DST), RTP}, SLUICE_XDP_media},
};
// clang-format on

static const size_t cases_used = sizeof(cases) / sizeof(cases[0]);

// What the filter does with a class. Without a socket of a data plane media has nowhere to go.
static uint32_t verdict_of(int class)
{
	switch (class) {
	case SLUICE_XDP_not_ours:
	case SLUICE_XDP_fragment:
	case SLUICE_XDP_stun:
	case SLUICE_XDP_dtls:
		return XDP_PASS;
	case SLUICE_XDP_media:
		return XDP_REDIRECT;
	default:
		return XDP_DROP;
	}
}

static void test_cases_without_socket(void **state)
{
	(void)state;
	struct frame frame;
	for (size_t i = 0; i < cases_used; i++) {
		int class = cases[i].class;
		if (class == SLUICE_XDP_media)
			class = SLUICE_XDP_media_no_socket;
		frame_build(&frame, &cases[i].shape);
		frame_expect(cases[i].name, &frame, verdict_of(class), class);
	}
}

static void test_cases_with_socket(void **state)
{
	(void)state;
	struct frame frame;
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(filter.sockets, &(uint32_t){0}, &fd, BPF_ANY), 0);
	for (size_t i = 0; i < cases_used; i++) {
		frame_build(&frame, &cases[i].shape);
		frame_expect(cases[i].name, &frame, verdict_of(cases[i].class), cases[i].class);
	}
	// a data plane that dies takes its socket out of the map
	close(fd);
	frame_build(&frame, &(struct shape){.version = 4, RTP});
	frame_expect("socket closed", &frame, XDP_DROP, SLUICE_XDP_media_no_socket);
}

// Every case, cut at every byte: what is not whole is never taken for STUN, DTLS or media.
static void test_truncated(void **state)
{
	(void)state;
	struct frame frame;
	for (size_t i = 0; i < cases_used; i++) {
		const struct shape *shape = &cases[i].shape;
		frame_build(&frame, shape);
		// bytes that the lengths do not claim may be missing
		int spare = shape->padding;
		if (shape->udp_length_change < 0)
			spare -= shape->udp_length_change;
		for (uint32_t length = ETH_HLEN; length + spare < frame.length; length++) {
			int class;
			uint32_t verdict = frame_run(&frame, length, &class);
			bool fine = class == SLUICE_XDP_not_ours || class == SLUICE_XDP_fragment ||
				    class == SLUICE_XDP_malformed;
			if (!fine || verdict != verdict_of(class))
				fail_msg("%s cut to %u bytes: verdict %u, counted as %s",
					cases[i].name, length, verdict, class_name(class));
		}
	}
}

static void test_not_configured(void **state)
{
	(void)state;
	struct frame frame;
	config_write(0);
	for (size_t i = 0; i < cases_used; i++) {
		frame_build(&frame, &cases[i].shape);
		frame_expect(cases[i].name, &frame, XDP_PASS, NO_COUNT);
	}
	// a datagram to port 0 is not for a media port of 0 either
	frame_build(&frame, &(struct shape){.version = 4, RTP});
	memset(frame.bytes + ETH_HLEN + 22, 0, 2);
	frame_expect("port 0", &frame, XDP_PASS, NO_COUNT);
	config_write(MEDIA_PORT);
}

static void test_peer_removed(void **state)
{
	(void)state;
	struct frame frame;
	struct sluice_xdp_peer peer = {.port_be = htons(PEER_PORT)};
	memcpy(peer.ip, (uint8_t[]){[10] = 0xff, [11] = 0xff, 192, 0, 2, 7}, 16);
	assert_int_equal(bpf_map_delete_elem(filter.peers, &peer), 0);
	frame_build(&frame, &(struct shape){.version = 4, RTP});
	frame_expect("v4 removed", &frame, XDP_DROP, SLUICE_XDP_media_unknown_source);
	frame_build(&frame, &(struct shape){.version = 6, RTP});
	frame_expect("v6 stays", &frame, XDP_DROP, SLUICE_XDP_media_no_socket);
	peers_write();
}

// What is remembered of packets from a port of 192.0.2.9, on all processors; the class of the last of them.
static uint64_t stranger_count(uint16_t port, uint32_t *class)
{
	const uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 9};
	struct sluice_xdp_stranger each[filter.processors];
	uint64_t count = 0;
	for (uint32_t slot = 0; slot < SLUICE_XDP_STRANGERS_MAX; slot++) {
		assert_int_equal(bpf_map_lookup_elem(filter.strangers, &slot, each), 0);
		for (int i = 0; i < filter.processors; i++) {
			if (memcmp(each[i].peer.ip, ip, sizeof(ip)) != 0 ||
				each[i].peer.port_be != htons(port))
				continue;
			count += each[i].count;
			*class = each[i].class;
			assert_true(each[i].since_ns != 0 && each[i].since_ns <= each[i].last_ns);
		}
	}
	return count;
}

static void test_strangers_are_remembered(void **state)
{
	(void)state;
	struct sluice_xdp_stranger none[filter.processors];
	struct frame frame;
	uint32_t class = 0;
	memset(none, 0, sizeof(none));
	for (uint32_t slot = 0; slot < SLUICE_XDP_STRANGERS_MAX; slot++)
		assert_int_equal(bpf_map_update_elem(filter.strangers, &slot, none, BPF_ANY), 0);
	assert_int_equal(stranger_count(4001, &class), 0);
	frame_build(&frame, &(struct shape){.version = 4, .source = 9, .source_port = 4001, RTP});
	for (int i = 0; i < 3; i++)
		frame_expect("stranger", &frame, XDP_DROP, SLUICE_XDP_media_unknown_source);
	assert_int_equal(stranger_count(4001, &class), 3);
	assert_int_equal(class, SLUICE_XDP_media_unknown_source);
	// What passes is nobody to remember.
	frame_build(&frame, &(struct shape){.version = 4, .source = 9, .source_port = 4002, STUN});
	frame_expect("check", &frame, XDP_PASS, SLUICE_XDP_stun);
	assert_int_equal(stranger_count(4002, &class), 0);
	// A flood takes the places that are free, and leaves those in use alone.
	for (uint16_t port = 5000; port < 6000; port++) {
		frame_build(&frame,
			&(struct shape){.version = 4, .source = 9, .source_port = port, RTP});
		frame_expect("flood", &frame, XDP_DROP, SLUICE_XDP_media_unknown_source);
	}
	frame_build(&frame, &(struct shape){.version = 4, .source = 9, .source_port = 4001, RTP});
	frame_expect("stranger", &frame, XDP_DROP, SLUICE_XDP_media_unknown_source);
	assert_int_equal(stranger_count(4001, &class), 4);
}

// The filter and the host's build of demux.h say the same of any payload.
static void test_same_as_host(void **state)
{
	(void)state;
	static const int expected[SLUICE_CLASS_COUNT] = {
		[SLUICE_CLASS_OTHER] = SLUICE_XDP_other,
		[SLUICE_CLASS_STUN] = SLUICE_XDP_stun,
		[SLUICE_CLASS_DTLS] = SLUICE_XDP_dtls,
		[SLUICE_CLASS_RTP] = SLUICE_XDP_media_no_socket,
		[SLUICE_CLASS_RTCP] = SLUICE_XDP_media_no_socket,
	};
	unsigned seed = 7;
	int seen[SLUICE_CLASS_COUNT] = {0};
	for (int i = 0; i < 3000; i++) {
		char payload[32];
		for (size_t j = 0; j < sizeof(payload); j++)
			payload[j] = rand_r(&seed) >> 8;
		if (i % 8 == 0)
			memcpy(payload, "\0\1\0\4\x21\x12\xa4\x42", 8);
		struct shape shape = {.version = i & 1 ? 4 : 6, .payload = payload};
		shape.payload_length = rand_r(&seed) % (sizeof(payload) + 1);
		enum sluice_class class =
			sluice_classify((const uint8_t *)payload, shape.payload_length);
		struct frame frame;
		frame_build(&frame, &shape);
		frame_expect(
			"random payload", &frame, verdict_of(expected[class]), expected[class]);
		seen[class]++;
	}
	for (int class = 0; class < SLUICE_CLASS_COUNT; class ++)
		assert_true(seen[class] > 10);
}

// Whatever the bytes are: counted once, not changed (frame_run checks both), verdict as the class says.
static void test_damaged(void **state)
{
	(void)state;
	unsigned seed = 11;
	for (int i = 0; i < 5000; i++) {
		struct frame frame;
		int class;
		frame_build(&frame, &cases[rand_r(&seed) % cases_used].shape);
		for (int j = rand_r(&seed) % 4; j >= 0; j--)
			frame.bytes[12 + rand_r(&seed) % 60 % (frame.length - 12)] =
				rand_r(&seed) >> 8;
		uint32_t length = ETH_HLEN + rand_r(&seed) % (frame.length - ETH_HLEN + 1);
		uint32_t verdict = frame_run(&frame, length, &class);
		assert_true(class >= 0 && class < SLUICE_XDP_CLASS_COUNT);
		assert_int_equal(verdict, verdict_of(class));
	}
}

static void test_names(void **state)
{
	(void)state;
	const char *name = bpf_program__name(bpf_object__next_program(filter.object, NULL));
	assert_string_equal(name, SLUICE_XDP_PROGRAM);
	assert_string_equal(sluice_xdp_class_info(SLUICE_XDP_media)->name, "media");
	assert_null(sluice_xdp_class_info(SLUICE_XDP_CLASS_COUNT));
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static struct bpf_object *object_load_pinned(const char *directory)
{
	struct bpf_object_open_opts options = {.sz = sizeof(options), .pin_root_path = directory};
	struct bpf_object *object = bpf_object__open_file(object_path, &options);
	assert_non_null(object);
	assert_int_equal(bpf_object__load(object), 0);
	return object;
}

static void pinned_expect(
	const char *directory, const char *name, struct bpf_object *a, struct bpf_object *b)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(map_id(fd), map_id(bpf_object__find_map_fd_by_name(a, name)));
	assert_int_equal(map_id(fd), map_id(bpf_object__find_map_fd_by_name(b, name)));
	close(fd);
}

// Two ports load the object twice: they share what is pinned, each has its own sockets.
static void test_pinned_maps(void **state)
{
	(void)state;
	char directory[] = "/tmp/sluice-test-XXXXXX", path[256];
	assert_non_null(mkdtemp(directory));
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("bpf", directory, "bpf", 0, NULL), 0);
	struct bpf_object *a = object_load_pinned(directory);
	struct bpf_object *b = object_load_pinned(directory);
	pinned_expect(directory, SLUICE_XDP_MAP_PEERS, a, b);
	pinned_expect(directory, SLUICE_XDP_MAP_CONFIG, a, b);
	pinned_expect(directory, SLUICE_XDP_MAP_COUNTERS, a, b);
	pinned_expect(directory, SLUICE_XDP_MAP_STRANGERS, a, b);
	snprintf(path, sizeof(path), "%s/%s", directory, SLUICE_XDP_MAP_SOCKETS);
	assert_int_equal(bpf_obj_get(path), -ENOENT);
	assert_int_not_equal(map_id(bpf_object__find_map_fd_by_name(a, SLUICE_XDP_MAP_SOCKETS)),
		map_id(bpf_object__find_map_fd_by_name(b, SLUICE_XDP_MAP_SOCKETS)));
	bpf_object__close(a);
	bpf_object__close(b);
	assert_int_equal(umount(directory), 0);
	assert_int_equal(rmdir(directory), 0);
}

static int map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(filter.object, name);
	assert_true(fd >= 0);
	return fd;
}

// Loads the object with nothing pinned.
static int filter_load(void **state)
{
	(void)state;
	struct bpf_map *map;
	filter.object = bpf_object__open_file(object_path, NULL);
	if (!filter.object)
		return -1;
	bpf_object__for_each_map(map, filter.object) bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(filter.object) != 0)
		return -1;
	filter.program = bpf_program__fd(
		bpf_object__find_program_by_name(filter.object, SLUICE_XDP_PROGRAM));
	filter.peers = map_fd(SLUICE_XDP_MAP_PEERS);
	filter.config = map_fd(SLUICE_XDP_MAP_CONFIG);
	filter.counters = map_fd(SLUICE_XDP_MAP_COUNTERS);
	filter.strangers = map_fd(SLUICE_XDP_MAP_STRANGERS);
	filter.sockets = map_fd(SLUICE_XDP_MAP_SOCKETS);
	filter.processors = libbpf_num_possible_cpus();
	config_write(MEDIA_PORT);
	peers_write();
	return 0;
}

static int filter_unload(void **state)
{
	(void)state;
	bpf_object__close(filter.object);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s steer.bpf.o\n", argv[0]);
		return 2;
	}
	if (geteuid() != 0) {
		puts("loading an XDP program needs root");
		return 77;
	}
	object_path = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cases_without_socket),
		cmocka_unit_test(test_cases_with_socket),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_not_configured),
		cmocka_unit_test(test_peer_removed),
		cmocka_unit_test(test_strangers_are_remembered),
		cmocka_unit_test(test_same_as_host),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_pinned_maps),
	};
	return cmocka_run_group_tests_name("steer", tests, filter_load, filter_unload);
}
