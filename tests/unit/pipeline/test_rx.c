// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

// Pushes a frame, and expects it to be dropped for one reason.
static void expect(const uint8_t *frame, size_t length, enum sluice_drop why)
{
	uint64_t before = world_drops(&scene.world, why);
	assert_int_equal(plain_memory_push(0, 0, frame, length), 0);
	world_settle(&scene.world);
	if (world_drops(&scene.world, why) != before + 1)
		fail_msg("not dropped as %s", sluice_drop_info(why)->name);
}

// A frame of the publisher with an RTP packet nobody can open: past parsing it fails to authenticate.
static size_t make(uint8_t *frame, bool ipv6)
{
	uint8_t packet[100] = {0x80, 96, 1, 2};
	const struct peer *peer = ipv6 ? &scene.viewers[1] : &scene.publisher;
	return peer_frame(&peer->row.paths[0], packet, sizeof(packet), frame);
}

static void fix_ipv4(uint8_t *frame)
{
	uint8_t *ip = frame + 14;
	span_put_u16(ip + 10, 0);
	span_put_u16(ip + 10, (uint16_t)~peer_checksum(ip, (ip[0] & 15U) * 4, 0));
}

static void ipv4_is_checked(void **)
{
	uint8_t good[256], bad[256];
	scene_open(&scene, 1, 2);
	size_t length = make(good, false);
	expect(good, length, SLUICE_DROP_auth_failed);
	for (size_t n = 0; n < length; n++) // truncated anywhere
		expect(good, n, SLUICE_DROP_short);
	memcpy(bad, good, length);
	bad[14 + 8]++;
	expect(bad, length, SLUICE_DROP_bad_checksum);
	memcpy(bad, good, length);
	bad[60]++;
	expect(bad, length, SLUICE_DROP_bad_checksum);
	memcpy(bad, good, length);
	bad[14 + 6] = 0x20; // more fragments
	fix_ipv4(bad);
	expect(bad, length, SLUICE_DROP_fragment);
	bad[14 + 6] = 0;
	bad[14 + 7] = 5; // an offset
	fix_ipv4(bad);
	expect(bad, length, SLUICE_DROP_fragment);
	memcpy(bad, good, length);
	bad[14 + 9] = 6; // TCP
	fix_ipv4(bad);
	expect(bad, length, SLUICE_DROP_not_media);
	memcpy(bad, good, length);
	bad[14] = 0x44; // header of 16 bytes
	expect(bad, length, SLUICE_DROP_short);
	memcpy(bad, good, length);
	span_put_u16(bad + 36, 9999); // another port
	expect(bad, length, SLUICE_DROP_not_media);
	memcpy(bad, good, length);
	bad[12] = 0x86; // ARP or the like
	expect(bad, length, SLUICE_DROP_not_media);
	memcpy(bad, good, length);
	span_put_u16(bad + 40, 0); // IPv4 may leave the UDP checksum out
	expect(bad, length, SLUICE_DROP_auth_failed);
	memcpy(bad, good, length);
	bad[42] = 0xFF; // neither STUN, DTLS nor RTP
	span_put_u16(bad + 40, 0);
	expect(bad, length, SLUICE_DROP_not_media);
	scene_close(&scene);
}

// The same far address is one transport at each port of ours.
static void other_ports_of_ours(void **)
{
	uint8_t frame[256], packet[100] = {0x80, 96, 1, 2};
	scene_open(&scene, 1, 2);
	struct sluice_transport row = scene.publisher.row;
	struct sluice_path path = row.paths[0];
	for (int at = -1; at <= WORLD_FEED_PORTS; at++) {
		path.local.port = (uint16_t)(WORLD_FEED_PORT + at);
		size_t length = peer_frame(&path, packet, sizeof(packet), frame);
		bool ours = at >= 0 && at < WORLD_FEED_PORTS;
		expect(frame, length, ours ? SLUICE_DROP_no_transport : SLUICE_DROP_not_media);
	}
	row.paths[0].local.port = WORLD_FEED_PORT + 2;
	world_set_transport(&scene.world, scene.publisher.transport, &row);
	size_t length = peer_frame(&row.paths[0], packet, sizeof(packet), frame);
	expect(frame, length, SLUICE_DROP_auth_failed); // found
	length = peer_frame(&scene.publisher.row.paths[0], packet, sizeof(packet), frame);
	expect(frame, length, SLUICE_DROP_no_transport); // not at the media port any more
	scene_close(&scene);
}

static void ipv4_options_are_skipped(void **)
{
	uint8_t good[256], with[256];
	scene_open(&scene, 1, 2);
	size_t length = make(good, false);
	memcpy(with, good, 34);
	memset(with + 34, 1, 8); // no operation
	memcpy(with + 42, good + 34, length - 34);
	with[14] = 0x47;
	span_put_u16(with + 16, (uint16_t)(length - 14 + 8));
	fix_ipv4(with);
	expect(with, length + 8, SLUICE_DROP_auth_failed);
	scene_close(&scene);
}

static void a_vlan_tag_and_a_trailer_are_ignored(void **)
{
	uint8_t good[256], with[256] = {0};
	scene_open(&scene, 1, 2);
	size_t length = make(good, false);
	memcpy(with, good, 12);
	span_put_u16(with + 12, 0x8100);
	span_put_u16(with + 14, 42);
	memcpy(with + 16, good + 12, length - 12);
	expect(with, length + 4, SLUICE_DROP_auth_failed);
	expect(with, length + 4 + 9, SLUICE_DROP_auth_failed);
	scene_close(&scene);
}

static void ipv6_is_checked(void **)
{
	uint8_t good[256], bad[256];
	scene_open(&scene, 1, 2);
	size_t length = make(good, true);
	expect(good, length, SLUICE_DROP_auth_failed);
	for (size_t n = 20; n < length; n++)
		expect(good, n, SLUICE_DROP_short);
	memcpy(bad, good, length);
	span_put_u16(bad + 60, 0); // IPv6 may not
	expect(bad, length, SLUICE_DROP_bad_checksum);
	memcpy(bad, good, length);
	bad[20] = 6;
	expect(bad, length, SLUICE_DROP_not_media);
	scene_close(&scene);
}

static void ipv6_extension_headers_are_skipped(void **)
{
	static const uint8_t kinds[] = {0, 43, 60};
	uint8_t good[256], with[320];
	scene_open(&scene, 1, 2);
	size_t length = make(good, true);
	for (unsigned i = 0; i < sizeof(kinds); i++) {
		memcpy(with, good, 54);
		memset(with + 54, 0, 16);
		with[20] = kinds[i];
		with[54] = 17;
		with[55] = 1; // 16 bytes
		memcpy(with + 70, good + 54, length - 54);
		span_put_u16(with + 18, (uint16_t)(length - 54 + 16));
		expect(with, length + 16, SLUICE_DROP_auth_failed);
	}
	with[20] = 44;
	expect(with, length + 16, SLUICE_DROP_fragment);
	with[20] = 60;
	with[55] = 200; // longer than the packet
	expect(with, length + 16, SLUICE_DROP_short);
	with[54] = 59; // no next header
	with[55] = 0;
	expect(with, length + 16, SLUICE_DROP_not_media);
	scene_close(&scene);
}

static void random_frames_are_survived(void **)
{
	uint8_t frame[200];
	uint32_t random = 1;
	scene_open(&scene, 1, 2);
	for (unsigned i = 0; i < 3000; i++) {
		size_t length = make(frame, i & 1);
		for (unsigned k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			frame[(random >> 8) % length] ^= (uint8_t)(random >> 24);
		}
		plain_memory_push(0, 0, frame, length);
		world_settle(&scene.world);
	}
	uint64_t drops = 0;
	for (unsigned why = 0; why < SLUICE_DROP_COUNT; why++)
		drops += world_drops(&scene.world, why);
	assert_int_equal(drops, 3000);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_checked),
		cmocka_unit_test(other_ports_of_ours),
		cmocka_unit_test(ipv4_options_are_skipped),
		cmocka_unit_test(a_vlan_tag_and_a_trailer_are_ignored),
		cmocka_unit_test(ipv6_is_checked),
		cmocka_unit_test(ipv6_extension_headers_are_skipped),
		cmocka_unit_test(random_frames_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
