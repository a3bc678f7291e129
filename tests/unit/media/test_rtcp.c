// SPDX-License-Identifier: Apache-2.0
#include "media/rtcp.h"
#include "support.h"

#include <errno.h>

// The packet at position `i` of the compound.
static struct rtcp_packet packet_at(const uint8_t *data, size_t length, unsigned i)
{
	struct rtcp_packet packet = {0};
	size_t cursor = 0;
	assert_true(rtcp_check(data, length));
	for (unsigned k = 0; k <= i; k++)
		assert_true(rtcp_next(data, length, &cursor, &packet));
	return packet;
}

static void assert_same_block(const struct rtcp_report_block *a, const struct rtcp_report_block *b)
{
	assert_int_equal(a->ssrc, b->ssrc);
	assert_int_equal(a->fraction_lost, b->fraction_lost);
	assert_int_equal(a->cumulative_lost, b->cumulative_lost);
	assert_int_equal(a->highest_sequence, b->highest_sequence);
	assert_int_equal(a->jitter, b->jitter);
	assert_int_equal(a->last_sr, b->last_sr);
	assert_int_equal(a->delay_since_last_sr, b->delay_since_last_sr);
}

static void sr_with_blocks_round_trips(void **)
{
	uint8_t out[1500];
	struct span_writer writer = span_writer(out, sizeof(out));
	struct rtcp_sender_info info = {
		.ssrc = 1, .ntp = 0x0102030405060708, .timestamp = 3, .packets = 4, .bytes = 5};
	struct rtcp_report_block blocks[RTCP_REPORT_BLOCKS_MAX];
	for (unsigned i = 0; i < RTCP_REPORT_BLOCKS_MAX; i++)
		blocks[i] = (struct rtcp_report_block){.ssrc = 100 + i,
			.fraction_lost = (uint8_t)(i * 8),
			.cumulative_lost = (int32_t)i - 5,
			.highest_sequence = 0x10000 + i,
			.jitter = i,
			.last_sr = 7 * i,
			.delay_since_last_sr = 9 * i};
	assert_int_equal(rtcp_write_sr(&writer, &info, blocks, RTCP_REPORT_BLOCKS_MAX), 0);
	assert_int_equal(rtcp_write_rr(&writer, 9, blocks, 2), 0);
	struct rtcp_packet packet = packet_at(out, span_written(&writer), 0);
	struct rtcp_sender_info read;
	struct rtcp_report_block block;
	assert_int_equal(packet.kind, RTCP_KIND_SR);
	assert_true(rtcp_read_sender(&packet, &read));
	assert_int_equal(read.ssrc, info.ssrc);
	assert_true(read.ntp == info.ntp);
	assert_int_equal(read.timestamp, info.timestamp);
	assert_int_equal(read.packets, info.packets);
	assert_int_equal(read.bytes, info.bytes);
	for (unsigned i = 0; i < RTCP_REPORT_BLOCKS_MAX; i++) {
		assert_true(rtcp_read_report(&packet, i, &block));
		assert_same_block(&block, &blocks[i]);
	}
	assert_false(rtcp_read_report(&packet, RTCP_REPORT_BLOCKS_MAX, &block));
	packet = packet_at(out, span_written(&writer), 1);
	assert_int_equal(packet.kind, RTCP_KIND_RR);
	assert_int_equal(rtcp_sender(&packet), 9);
	assert_false(rtcp_read_sender(&packet, &read));
	assert_true(rtcp_read_report(&packet, 1, &block));
	assert_int_equal(block.ssrc, 101);
	assert_false(rtcp_read_report(&packet, 2, &block));
}

static void compound_of_everything(void **)
{
	uint8_t out[256];
	struct span_writer writer = span_writer(out, sizeof(out));
	const uint32_t ssrcs[] = {11, 12};
	assert_int_equal(rtcp_write_rr(&writer, 1, NULL, 0), 0);
	assert_int_equal(rtcp_write_cname(&writer, 1, "cname"), 0);
	assert_int_equal(rtcp_write_pli(&writer, 1, 21), 0);
	assert_int_equal(rtcp_write_fir(&writer, 1, 22, 200), 0);
	assert_int_equal(rtcp_write_remb(&writer, 1, 1234567, ssrcs, 2), 0);
	assert_int_equal(rtcp_write_bye(&writer, ssrcs, 2), 0);
	size_t length = span_written(&writer);
	struct rtcp_packet packet = packet_at(out, length, 1);
	assert_int_equal(packet.kind, RTCP_KIND_SDES);
	assert_memory_equal(packet.body,
		"\0\0\0\x01\x01\x05"
		"cname\0",
		12);
	packet = packet_at(out, length, 2);
	assert_int_equal(packet.kind, RTCP_KIND_PLI);
	assert_int_equal(rtcp_sender(&packet), 1);
	assert_int_equal(rtcp_media(&packet), 21);
	packet = packet_at(out, length, 3);
	uint32_t ssrc;
	uint8_t command;
	assert_int_equal(packet.kind, RTCP_KIND_FIR);
	assert_true(rtcp_read_fir(&packet, 0, &ssrc, &command));
	assert_int_equal(ssrc, 22);
	assert_int_equal(command, 200);
	assert_false(rtcp_read_fir(&packet, 1, &ssrc, &command));
	packet = packet_at(out, length, 4);
	uint64_t bitrate;
	assert_int_equal(packet.kind, RTCP_KIND_REMB);
	assert_true(rtcp_read_remb(&packet, &bitrate));
	assert_int_equal(bitrate, 1234567 & ~7);
	assert_true(rtcp_read_remb_ssrc(&packet, 1, &ssrc));
	assert_int_equal(ssrc, 12);
	assert_false(rtcp_read_remb_ssrc(&packet, 2, &ssrc));
	packet = packet_at(out, length, 5);
	assert_int_equal(packet.kind, RTCP_KIND_BYE);
	assert_true(rtcp_read_bye(&packet, 1, &ssrc));
	assert_int_equal(ssrc, 12);
	assert_false(rtcp_read_bye(&packet, 2, &ssrc));
	size_t cursor = length;
	assert_false(rtcp_next(out, length, &cursor, &packet));
}

static void remb_saturates(void **)
{
	uint8_t out[32];
	struct span_writer writer = span_writer(out, sizeof(out));
	assert_int_equal(rtcp_write_remb(&writer, 1, UINT64_MAX, NULL, 0), 0);
	struct rtcp_packet packet = packet_at(out, span_written(&writer), 0);
	uint64_t bitrate;
	assert_true(rtcp_read_remb(&packet, &bitrate));
	assert_true(bitrate == UINT64_C(0x3FFFF) << 46);
	out[17] = 0xFF; // exponent 63
	assert_true(rtcp_read_remb(&packet, &bitrate));
	assert_true(bitrate == UINT64_MAX);
}

static void malformed_is_refused(void **)
{
	static const char *const bad[] = {
		"", "80c9",
		"40c9000100000001", // version
		"80c9000200000001", // longer than the datagram
		"80c900010000000180", // rest
		"a0c9000100000000", // padding 0
		"a0c9000100000008", // padding longer than the packet
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t data[64];
		size_t length = hex_read(bad[i], data);
		uint8_t *copy = exact_copy(data, length);
		assert_false(rtcp_check(copy, length));
		free(copy);
	}
}

static void short_bodies_are_no_feedback(void **)
{
	uint8_t data[64];
	size_t length = hex_read("81cd0001 00000001 80c8 0001 00000001 80c90000 81cb0000", data);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(packet_at(data, length, i).kind, RTCP_KIND_OTHER);
	struct rtcp_packet bye = packet_at(data, length, 3);
	uint32_t ssrc;
	assert_false(rtcp_read_bye(&bye, 0, &ssrc));
}

static void padding_is_cut(void **)
{
	uint8_t data[64];
	size_t length = hex_read("a1cd0004 00000001 00000002 00070001 00000004", data);
	struct rtcp_packet packet = packet_at(data, length, 0);
	uint16_t sequences[RTCP_NACK_MAX];
	assert_int_equal(packet.length, 12);
	assert_int_equal(rtcp_read_nack(&packet, 0, sequences), 2);
	assert_int_equal(sequences[1], 8);
	assert_int_equal(rtcp_read_nack(&packet, 1, sequences), 0);
	length = hex_read("a1cd0004 00000001 00000002 00070001 00000002 80c90001 00000009", data);
	packet = packet_at(data, length, 0); // as browsers do: not of words, not at the end
	assert_int_equal(packet.length, 14);
	assert_int_equal(packet_at(data, length, 1).kind, RTCP_KIND_RR);
}

static void nothing_is_written_without_room(void **)
{
	uint8_t out[16];
	const uint16_t one = 1;
	struct span_writer writer = span_writer(out, sizeof(out));
	struct rtcp_sender_info info = {0};
	struct rtcp_report_block block = {0};
	char name[300];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(rtcp_write_sr(&writer, &info, NULL, 0), -ENOBUFS);
	assert_int_equal(rtcp_write_rr(&writer, 1, &block, 1), -ENOBUFS);
	assert_int_equal(rtcp_write_rr(&writer, 1, NULL, 32), -ENOBUFS);
	assert_int_equal(rtcp_write_cname(&writer, 1, name), -ENOBUFS);
	assert_int_equal(rtcp_write_fir(&writer, 1, 2, 3), -ENOBUFS);
	assert_int_equal(rtcp_write_remb(&writer, 1, 2, NULL, 256), -ENOBUFS);
	assert_int_equal(span_written(&writer), 0);
	assert_int_equal(rtcp_write_nack(&writer, 1, 2, &one, 1), 1); // just fits
	assert_int_equal(rtcp_write_nack(&writer, 1, 2, &one, 1), -ENOBUFS);
	assert_int_equal(rtcp_write_pli(&writer, 1, 2), -ENOBUFS);
	assert_false(writer.failed);
	assert_int_equal(span_written(&writer), 16);
}

// Any ascending list comes back whole, in as many packets as the room needs.
static void random_nacks_round_trip(void **)
{
	uint64_t seed = 3;
	for (unsigned round = 0; round < 2000; round++) {
		uint16_t wanted[256], got[256 + RTCP_NACK_MAX];
		unsigned n = 1 + random_below(&seed, 200), done = 0, read = 0;
		uint16_t sequence = (uint16_t)random_next(&seed);
		for (unsigned i = 0; i < n; i++)
			wanted[i] = sequence += (uint16_t)(1 + random_below(&seed, 1 + i % 40));
		size_t room = 16 + random_below(&seed, 400);
		while (done < n) {
			uint8_t out[512];
			struct span_writer writer = span_writer(out, room);
			int named = rtcp_write_nack(&writer, 1, 2, wanted + done, n - done);
			assert_true(named > 0);
			done += (unsigned)named;
			struct rtcp_packet packet = packet_at(out, span_written(&writer), 0);
			assert_int_equal(packet.kind, RTCP_KIND_NACK);
			unsigned count = 0;
			for (unsigned i = 0; (count = rtcp_read_nack(&packet, i, got + read)); i++)
				read += count;
		}
		assert_int_equal(read, n);
		assert_memory_equal(got, wanted, n * sizeof(wanted[0]));
	}
}

static void random_bytes_do_no_harm(void **)
{
	uint64_t seed = 4;
	unsigned good = 0;
	for (unsigned round = 0; round < 50000; round++) {
		uint8_t data[64];
		size_t length = 4 * (size_t)(1 + random_below(&seed, 10));
		random_bytes(&seed, data, length);
		data[0] = (uint8_t)(0x80 | (data[0] & 0x3F));
		data[1] = (uint8_t)(200 + data[1] % 8);
		data[2] = 0;
		data[3] = (uint8_t)(length / 4 - 1);
		uint8_t *copy = exact_copy(data, length);
		struct rtcp_packet packet;
		good += rtcp_check(copy, length);
		for (size_t cursor = 0; rtcp_next(copy, length, &cursor, &packet);) {
			uint16_t sequences[RTCP_NACK_MAX];
			struct rtcp_report_block block;
			uint64_t bitrate;
			uint32_t ssrc;
			uint8_t command;
			assert_true(packet.body + packet.length <= copy + length);
			for (unsigned i = 0; i < 40; i++) {
				rtcp_read_report(&packet, i, &block);
				rtcp_read_nack(&packet, i, sequences);
				rtcp_read_fir(&packet, i, &ssrc, &command);
				rtcp_read_bye(&packet, i, &ssrc);
				rtcp_read_remb_ssrc(&packet, i, &ssrc);
			}
			rtcp_read_remb(&packet, &bitrate);
			rtcp_media(&packet);
			rtcp_sender(&packet);
		}
		free(copy);
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sr_with_blocks_round_trips),
		cmocka_unit_test(compound_of_everything),
		cmocka_unit_test(remb_saturates),
		cmocka_unit_test(malformed_is_refused),
		cmocka_unit_test(short_bodies_are_no_feedback),
		cmocka_unit_test(padding_is_cut),
		cmocka_unit_test(nothing_is_written_without_room),
		cmocka_unit_test(random_nacks_round_trip),
		cmocka_unit_test(random_bytes_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
