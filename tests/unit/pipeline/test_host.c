// SPDX-License-Identifier: Apache-2.0
#include "pipeline/checksum.h"
#include "pipeline/host.h"
#include "pipeline/io.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ETHERNET = 14, FRAME_MAX = 2048 };

static const uint8_t theirs[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 8};
static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t solicited_mac[6] = {0x33, 0x33, 0xFF, 0, 0, 5};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t ip[4] = {192, 0, 2, 5};
static const uint8_t peer_ip[4] = {192, 0, 2, 1};
static const uint8_t ip6[16] = {0x20, 1, 0x0D, 0xB8, [15] = 5};
static const uint8_t peer_ip6[16] = {0xFE, 0x80, [15] = 1};
static const uint8_t solicited[16] = {0xFF, 2, [11] = 1, [12] = 0xFF, [15] = 5};
static const uint8_t all_nodes[16] = {0xFF, 2, [15] = 1};

static struct world world;
static uint8_t sent[FRAME_MAX];

static void begin(uint16_t vlan)
{
	world = (struct world){.workers = 1, .cache_packets = WORLD_CACHE};
	world.host.addresses_used = 2;
	world.host.addresses[0][10] = world.host.addresses[0][11] = 0xFF;
	memcpy(world.host.addresses[0] + 12, ip, 4);
	memcpy(world.host.addresses[1], ip6, 16);
	world.host.vlan = vlan;
	world_begin(&world);
}

static size_t pop(void)
{
	int length = plain_memory_pop_tx(0, sent, sizeof(sent));
	return length > 0 ? (size_t)length : 0;
}

static void push(const uint8_t *frame, size_t length)
{
	assert_int_equal(plain_memory_push(0, 0, frame, length), 0);
	world_settle(&world);
}

static void expect_silence(const uint8_t *frame, size_t length)
{
	push(frame, length);
	assert_int_equal(pop(), 0);
}

static size_t ethernet(uint8_t *frame, const uint8_t to[6], uint16_t type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, theirs, 6);
	span_put_u16(frame + 12, type);
	return ETHERNET;
}

// ---- ARP

static size_t arp(
	uint8_t *frame, uint16_t operation, const uint8_t from[4], const uint8_t target[4])
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4};
	memset(frame, 0, 60);
	uint8_t *body = frame + ethernet(frame, everybody, 0x0806);
	memcpy(body, head, 6);
	span_put_u16(body + 6, operation);
	memcpy(body + 8, theirs, 6);
	memcpy(body + 14, from, 4);
	memcpy(body + 24, target, 4);
	return 60;
}

static void arp_is_answered(void **)
{
	static const uint8_t nobody[4];
	uint8_t frame[FRAME_MAX];
	begin(0);
	const uint8_t *mac = io_mac(0);
	size_t length = arp(frame, 1, peer_ip, ip);
	push(frame, length);
	assert_int_equal(pop(), 60);
	assert_memory_equal(sent, theirs, 6);
	assert_memory_equal(sent + 6, mac, 6);
	assert_int_equal(span_u16(sent + 12), 0x0806);
	assert_int_equal(span_u16(sent + ETHERNET + 6), 2);
	assert_memory_equal(sent + ETHERNET + 8, mac, 6);
	assert_memory_equal(sent + ETHERNET + 14, ip, 4);
	assert_memory_equal(sent + ETHERNET + 18, theirs, 6);
	assert_memory_equal(sent + ETHERNET + 24, peer_ip, 4);
	assert_int_equal(world.observed->workers[0].stages[SLUICE_STAGE_HOST], 1);
	memcpy(frame, mac, 6); // to us alone, as routers confirm
	push(frame, length);
	assert_int_equal(pop(), 60);
	length = arp(frame, 1, nobody, ip); // is the address free?
	push(frame, length);
	assert_int_equal(pop(), 60);
	world_close(&world);
}

static void other_arp_is_not(void **)
{
	uint8_t frame[FRAME_MAX];
	begin(0);
	size_t length = arp(frame, 1, peer_ip, (uint8_t[4]){192, 0, 2, 6});
	expect_silence(frame, length);
	length = arp(frame, 2, peer_ip, ip); // an answer
	expect_silence(frame, length);
	length = arp(frame, 1, peer_ip, ip);
	memcpy(frame, stranger, 6); // flooded by a switch
	expect_silence(frame, length);
	length = arp(frame, 1, peer_ip, ip);
	frame[6] |= 1; // a group asks
	expect_silence(frame, length);
	for (size_t n = 0; n < ETHERNET + 28; n++) {
		length = arp(frame, 1, peer_ip, ip);
		expect_silence(frame, n);
	}
	for (size_t at = ETHERNET; at < ETHERNET + 6; at++) {
		length = arp(frame, 1, peer_ip, ip);
		frame[at]++;
		expect_silence(frame, length);
	}
	assert_int_equal(world.observed->workers[0].stages[SLUICE_STAGE_HOST], 0);
	world_close(&world);
}

static void another_claim_is_counted_and_answered_once(void **)
{
	uint8_t frame[FRAME_MAX];
	begin(0);
	size_t length = arp(frame, 1, ip, ip);
	push(frame, length);
	assert_int_equal(world_drops(&world, SLUICE_DROP_address_conflict), 1);
	assert_int_equal(pop(), 60);
	assert_memory_equal(sent, everybody, 6);
	assert_int_equal(span_u16(sent + ETHERNET + 6), 1);
	assert_memory_equal(sent + ETHERNET + 14, ip, 4);
	assert_memory_equal(sent + ETHERNET + 24, ip, 4);
	assert_true(pop() > 60); // IPv6 is announced with it
	expect_silence(frame, length); // two hosts must not shout at each other
	assert_int_equal(world_drops(&world, SLUICE_DROP_address_conflict), 2);
	memcpy(frame + ETHERNET + 8, io_mac(0), 6); // our own, come back
	expect_silence(frame, length);
	assert_int_equal(world_drops(&world, SLUICE_DROP_address_conflict), 2);
	world_close(&world);
}

// ---- neighbour discovery

static uint16_t icmpv6_sum(const uint8_t *header, size_t length)
{
	uint64_t sum = checksum_add_pseudo(checksum_add(0, header + 8, 32), 58, (uint16_t)length);
	return checksum_fold(checksum_add(sum, header + 40, length));
}

static void fix_icmpv6(uint8_t *frame, size_t length)
{
	uint8_t *header = frame + ETHERNET;
	memset(header + 42, 0, 2);
	uint16_t sum = icmpv6_sum(header, length);
	memcpy(header + 42, &sum, 2);
}

static size_t icmpv6(uint8_t *frame, const uint8_t mac[6], const uint8_t from[16],
	const uint8_t to[16], size_t length)
{
	memset(frame, 0, ETHERNET + 40 + length);
	uint8_t *header = frame + ethernet(frame, mac, 0x86DD);
	header[0] = 0x60;
	span_put_u16(header + 4, (uint16_t)length);
	header[6] = 58;
	header[7] = 255;
	memcpy(header + 8, from, 16);
	memcpy(header + 24, to, 16);
	return ETHERNET + 40 + length;
}

static size_t solicitation(uint8_t *frame, const uint8_t from[16], uint8_t type)
{
	size_t length = icmpv6(frame, solicited_mac, from, solicited, 32);
	uint8_t *icmp = frame + ETHERNET + 40;
	icmp[0] = type;
	memcpy(icmp + 8, ip6, 16);
	icmp[24] = 1;
	icmp[25] = 1;
	memcpy(icmp + 26, theirs, 6);
	fix_icmpv6(frame, 32);
	return length;
}

static void expect_advertisement(const uint8_t mac[6], const uint8_t to[16], uint8_t flags)
{
	const uint8_t *header = sent + ETHERNET, *icmp = header + 40;
	assert_int_equal(pop(), ETHERNET + 40 + 32);
	assert_memory_equal(sent, mac, 6);
	assert_int_equal(header[7], 255);
	assert_memory_equal(header + 8, ip6, 16);
	assert_memory_equal(header + 24, to, 16);
	assert_int_equal(icmp[0], 136);
	assert_int_equal(icmp[4], flags);
	assert_memory_equal(icmp + 8, ip6, 16);
	assert_int_equal(icmp[24], 2);
	assert_int_equal(icmp[25], 1);
	assert_memory_equal(icmp + 26, io_mac(0), 6);
	assert_int_equal(icmpv6_sum(header, 32), 0);
}

static void solicitations_are_answered(void **)
{
	static const uint8_t nobody[16];
	uint8_t frame[FRAME_MAX];
	begin(0);
	size_t length = solicitation(frame, peer_ip6, 135);
	push(frame, length);
	expect_advertisement(theirs, peer_ip6, 0x60);
	length = solicitation(frame, nobody, 135); // is the address free?
	push(frame, length);
	expect_advertisement(all_nodes_mac, all_nodes, 0x20);
	world_close(&world);
}

static void bad_solicitations_are_not(void **)
{
	uint8_t frame[FRAME_MAX];
	begin(0);
	size_t length = solicitation(frame, peer_ip6, 135);
	for (size_t n = 0; n < length; n++)
		expect_silence(frame, n);
	frame[ETHERNET + 7] = 254; // from another link
	expect_silence(frame, length);
	length = solicitation(frame, peer_ip6, 135);
	frame[ETHERNET + 42]++;
	expect_silence(frame, length);
	for (unsigned size = 0; size < 3;
		size += 2) { // an option without length, or longer than all
		length = solicitation(frame, peer_ip6, 135);
		frame[ETHERNET + 40 + 25] = (uint8_t)size;
		fix_icmpv6(frame, 32);
		expect_silence(frame, length);
	}
	length = solicitation(frame, peer_ip6, 135);
	frame[ETHERNET + 41] = 1; // code
	fix_icmpv6(frame, 32);
	expect_silence(frame, length);
	length = solicitation(frame, peer_ip6, 135);
	frame[ETHERNET + 40 + 23]++; // of another address
	fix_icmpv6(frame, 32);
	expect_silence(frame, length);
	length = solicitation(frame, peer_ip6, 133); // of routers
	expect_silence(frame, length);
	length = solicitation(frame, peer_ip6, 136);
	push(frame, length);
	assert_int_equal(world_drops(&world, SLUICE_DROP_address_conflict), 1);
	assert_int_equal(pop(), 60);
	expect_advertisement(all_nodes_mac, all_nodes, 0x20);
	world_close(&world);
}

// ---- echo

static size_t echo(uint8_t *frame, size_t payload)
{
	size_t total = 28 + payload;
	memset(frame, 0, ETHERNET + total);
	uint8_t *header = frame + ethernet(frame, io_mac(0), 0x0800);
	header[0] = 0x45;
	span_put_u16(header + 2, (uint16_t)total);
	header[8] = 64;
	header[9] = 1;
	memcpy(header + 12, peer_ip, 4);
	memcpy(header + 16, ip, 4);
	uint16_t sum = checksum_fold(checksum_add(0, header, 20));
	memcpy(header + 10, &sum, 2);
	header[20] = 8;
	for (size_t i = 0; i < payload; i++)
		header[28 + i] = (uint8_t)i;
	sum = checksum_fold(checksum_add(0, header + 20, 8 + payload));
	memcpy(header + 22, &sum, 2);
	return ETHERNET + total;
}

static void echo_is_answered(void **)
{
	uint8_t frame[FRAME_MAX];
	begin(0);
	for (size_t payload = 56; payload < 1500; payload += 1411) {
		size_t length = echo(frame, payload);
		push(frame, length);
		assert_int_equal(pop(), length);
		const uint8_t *header = sent + ETHERNET;
		assert_memory_equal(sent, theirs, 6);
		assert_memory_equal(header + 12, ip, 4);
		assert_memory_equal(header + 16, peer_ip, 4);
		assert_int_equal(checksum_fold(checksum_add(0, header, 20)), 0);
		assert_int_equal(header[20], 0);
		assert_int_equal(checksum_fold(checksum_add(0, header + 20, 8 + payload)), 0);
		assert_memory_equal(header + 28, frame + ETHERNET + 28, payload);
	}
	size_t length = icmpv6(frame, io_mac(0), peer_ip6, ip6, 64);
	frame[ETHERNET + 40] = 128;
	frame[ETHERNET + 60] = 7;
	fix_icmpv6(frame, 64);
	push(frame, length);
	assert_int_equal(pop(), length);
	assert_int_equal(sent[ETHERNET + 40], 129);
	assert_int_equal(sent[ETHERNET + 60], 7);
	assert_memory_equal(sent + ETHERNET + 8, ip6, 16);
	assert_memory_equal(sent + ETHERNET + 24, peer_ip6, 16);
	assert_int_equal(icmpv6_sum(sent + ETHERNET, 64), 0);
	world_close(&world);
}

static void bad_echoes_are_not(void **)
{
	uint8_t frame[FRAME_MAX];
	begin(0);
	size_t length = echo(frame, 56);
	for (size_t n = 0; n < length; n++)
		expect_silence(frame, n);
	for (size_t at = ETHERNET; at < length;
		at++) { // any byte wrong: checksums, types, addresses
		length = echo(frame, 56);
		frame[at] ^= 0x10;
		expect_silence(frame, length);
	}
	length = icmpv6(frame, solicited_mac, peer_ip6, solicited, 16);
	frame[ETHERNET + 40] = 128; // to a group
	fix_icmpv6(frame, 16);
	expect_silence(frame, length);
	world_close(&world);
}

static void a_flood_of_echoes_is_bounded(void **)
{
	uint8_t frame[FRAME_MAX];
	unsigned answered = 0;
	begin(0);
	size_t length = echo(frame, 56);
	for (unsigned i = 0; i < 3000; i++) {
		push(frame, length);
		answered += pop() > 0;
	}
	assert_int_equal(answered, 1000);
	world.now_ns += 1000 * MS;
	push(frame, length);
	assert_int_equal(pop(), length);
	world_close(&world);
}

// ---- announcements, tags

static void a_link_that_comes_up_is_announced(void **)
{
	begin(0);
	world_pass(&world, 20);
	assert_int_equal(pop(), 0);
	for (unsigned times = 0; times < 2; times++) {
		world.observed->ports[0].link_up = 1;
		for (unsigned i = 0; i < 3; i++) {
			world_pass(&world, 10);
			assert_int_equal(pop(), 60);
			assert_memory_equal(sent + ETHERNET + 24, ip, 4);
			expect_advertisement(all_nodes_mac, all_nodes, 0x20);
			assert_int_equal(pop(), 0);
			world_pass(&world, 1000);
		}
		assert_int_equal(pop(), 0);
		world.observed->ports[0].link_up = 0;
		world_pass(&world, 10);
		assert_int_equal(pop(), 0);
	}
	world_close(&world);
}

static void frames_have_the_tag_of_the_port(void **)
{
	uint8_t frame[FRAME_MAX], tagged[FRAME_MAX];
	begin(42);
	size_t length = arp(frame, 1, peer_ip, ip);
	expect_silence(frame, length); // untagged
	memcpy(tagged, frame, 12);
	span_put_u16(tagged + 12, 0x8100);
	span_put_u16(tagged + 14, 0x6000 | 42); // with a priority
	memcpy(tagged + 16, frame + 12, length - 12);
	push(tagged, length + 4);
	assert_int_equal(pop(), 64);
	assert_memory_equal(sent, theirs, 6);
	assert_int_equal(span_u16(sent + 12), 0x8100);
	assert_int_equal(span_u16(sent + 14), 42);
	assert_int_equal(span_u16(sent + 16), 0x0806);
	assert_memory_equal(sent + 18 + 24, peer_ip, 4);
	span_put_u16(tagged + 14, 43);
	expect_silence(tagged, length + 4);
	world_close(&world);
}

static void a_port_of_the_kernel_says_nothing(void **)
{
	uint8_t frame[FRAME_MAX];
	world_open(&world, 1, false);
	world.observed->ports[0].link_up = 1;
	world_pass(&world, 10);
	size_t length = arp(frame, 1, peer_ip, ip);
	expect_silence(frame, length);
	length = solicitation(frame, peer_ip6, 135);
	expect_silence(frame, length);
	length = echo(frame, 56);
	expect_silence(frame, length);
	assert_int_equal(world_drops(&world, SLUICE_DROP_not_media), 3);
	world_close(&world);
}

static void random_frames_are_survived(void **)
{
	uint8_t frame[FRAME_MAX];
	uint32_t random = 1;
	begin(0);
	for (unsigned i = 0; i < 6000; i++) {
		size_t length = i % 3 == 0   ? arp(frame, 1, peer_ip, ip)
				: i % 3 == 1 ? solicitation(frame, peer_ip6, 135)
					     : echo(frame, i % 300);
		for (unsigned k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			frame[(random >> 8) % length] ^= (uint8_t)(random >> 24);
		}
		push(frame, length - (random >> 12) % 3);
		while (pop() > 0)
			;
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_is_answered),
		cmocka_unit_test(other_arp_is_not),
		cmocka_unit_test(another_claim_is_counted_and_answered_once),
		cmocka_unit_test(solicitations_are_answered),
		cmocka_unit_test(bad_solicitations_are_not),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(bad_echoes_are_not),
		cmocka_unit_test(a_flood_of_echoes_is_bounded),
		cmocka_unit_test(a_link_that_comes_up_is_announced),
		cmocka_unit_test(frames_have_the_tag_of_the_port),
		cmocka_unit_test(a_port_of_the_kernel_says_nothing),
		cmocka_unit_test(random_frames_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
