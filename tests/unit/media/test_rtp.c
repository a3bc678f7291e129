// SPDX-License-Identifier: Apache-2.0
#include "media/rtp.h"
#include "support.h"
#include "whole.h"

#include <errno.h>

static size_t packet_from(const char *hex, uint8_t *data, struct rtp_header *header)
{
	size_t length = hex_read(hex, data);
	assert_int_equal(rtp_parse(data, length, header), 0);
	return length;
}

static void reads_a_plain_header(void **)
{
	uint8_t data[64];
	struct rtp_header header;
	packet_from("80e0 1234 01020304 05060708 aabbcc", data, &header);
	assert_true(header.marker);
	assert_int_equal(header.payload_type, 96);
	assert_int_equal(header.sequence, 0x1234);
	assert_int_equal(header.timestamp, 0x01020304);
	assert_int_equal(header.ssrc, 0x05060708);
	assert_int_equal(header.payload_offset, 12);
	assert_int_equal(header.payload_length, 3);
	assert_int_equal(header.padding, 0);
}

static void reads_csrc_extension_and_padding(void **)
{
	uint8_t data[64];
	struct rtp_header header;
	packet_from("b2600001 00000002 00000003 000000c1 000000c2 bede0001 10610000 ddeeff 000003",
		data, &header);
	assert_int_equal(header.csrc_count, 2);
	assert_int_equal(header.extension_profile, 0xBEDE);
	assert_int_equal(header.extension_offset, 24);
	assert_int_equal(header.extension_length, 4);
	assert_int_equal(header.payload_offset, 28);
	assert_int_equal(header.payload_length, 3);
	assert_int_equal(header.padding, 3);
}

static void refuses_what_does_not_fit(void **)
{
	static const char *const bad[] = {
		"", "80",
		"8060000100000002000000", // 11 bytes
		"406000010000000200000003", // version 1
		"816000010000000200000003", // CSRC missing
		"906000010000000200000003bede", // extension cut
		"906000010000000200000003bede0001", // elements cut
		"a06000010000000200000003", // padding of nothing
		"a0600001000000020000000300", // padding 0
		"a0600001000000020000000302", // padding longer than payload
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t data[64];
		size_t length = hex_read(bad[i], data);
		struct rtp_header header = {.ssrc = 77};
		uint8_t *copy = exact_copy(data, length);
		assert_int_equal(rtp_parse(copy, length, &header), -EBADMSG);
		assert_int_equal(header.ssrc, 77);
		free(copy);
	}
}

static void walks_one_byte_extensions(void **)
{
	uint8_t data[64];
	struct rtp_header header;
	struct rtp_extension extension;
	// id 1 length 1, padding, id 3 length 2, then id 15 stops before id 4
	packet_from("90600001 00000002 00000003 bede0003 10aa00 31bbcc f0 40dd 00000000", data,
		&header);
	assert_true(rtp_extension_find(data, &header, 1, &extension));
	assert_int_equal(extension.length, 1);
	assert_int_equal(extension.value[0], 0xAA);
	assert_true(rtp_extension_find(data, &header, 3, &extension));
	assert_int_equal(extension.length, 2);
	assert_int_equal(extension.value[1], 0xCC);
	assert_false(rtp_extension_find(data, &header, 4, &extension));
	assert_false(rtp_extension_find(data, &header, 0, &extension));
}

static void walks_two_byte_extensions(void **)
{
	uint8_t data[64];
	struct rtp_header header;
	struct rtp_extension extension;
	packet_from("90600001 00000002 00000003 10000003 1000 c803112233 00 0201 44 000000", data,
		&header);
	size_t cursor = 0;
	assert_true(rtp_extension_next(data, &header, &cursor, &extension));
	assert_int_equal(extension.id, 16);
	assert_int_equal(extension.length, 0);
	assert_true(rtp_extension_next(data, &header, &cursor, &extension));
	assert_int_equal(extension.id, 200);
	assert_int_equal(extension.value[2], 0x33);
	assert_true(rtp_extension_next(data, &header, &cursor, &extension));
	assert_int_equal(extension.id, 2);
	assert_int_equal(extension.value[0], 0x44);
	assert_false(rtp_extension_next(data, &header, &cursor, &extension));
}

static void element_past_the_end_stops_the_walk(void **)
{
	uint8_t data[64];
	struct rtp_header header;
	struct rtp_extension extension;
	packet_from("90600001 00000002 00000003 bede0001 1fbbccdd", data, &header);
	assert_false(rtp_extension_find(data, &header, 1, &extension));
	packet_from("90600001 00000002 00000003 12340001 10bbccdd", data, &header);
	assert_false(rtp_extension_find(data, &header, 1, &extension)); // foreign profile
}

static const uint8_t publisher_ids[SLUICE_EXT_ROOM] = {
	[SLUICE_EXT_MID] = 1,
	[SLUICE_EXT_RID] = 2,
	[SLUICE_EXT_AUDIO_LEVEL] = 3,
	[SLUICE_EXT_ABS_SEND_TIME] = 4,
	[SLUICE_EXT_TRANSPORT_CC] = 5,
	[SLUICE_EXT_VIDEO_ORIENTATION] = 6,
};
static const char *const publisher_packet =
	"91e0 1234 01020304 05060708 000000c1 bede0006"
	"1030 2168 69 3085 42112233 51 0007 60 02 d0 99 0000 000000 aabbccdd";

static struct rtp_output output_with(const uint8_t *out_id)
{
	return (struct rtp_output){
		.ssrc = 0x80000001,
		.timestamp = 5000,
		.sequence = 77,
		.payload_type = 45,
		.in_id = publisher_ids,
		.out_id = out_id,
		.mid = (const uint8_t *)"video-1\0\0\0\0\0\0\0\0\0",
		.has_abs_send_time = true,
		.abs_send_time = 0x445566,
		.has_transport_sequence = true,
		.transport_sequence = 0x0102,
	};
}

static void composes_a_header_for_a_subscriber(void **)
{
	static const uint8_t ids[SLUICE_EXT_ROOM] = {
		[SLUICE_EXT_MID] = 9,
		[SLUICE_EXT_RID] = 10,
		[SLUICE_EXT_AUDIO_LEVEL] = 11,
		[SLUICE_EXT_ABS_SEND_TIME] = 12,
		[SLUICE_EXT_TRANSPORT_CC] = 13,
	};
	uint8_t data[128], out[256];
	struct rtp_header header, written;
	struct rtp_extension extension;
	packet_from(publisher_packet, data, &header);
	struct rtp_output output = output_with(ids);
	uint16_t payload_offset;
	size_t length = rtp_write(data, &header, &output, out, sizeof(out), &payload_offset);
	assert_int_equal(rtp_parse(out, length, &written), 0);
	assert_true(written.marker);
	assert_int_equal(written.payload_type, 45);
	assert_int_equal(written.sequence, 77);
	assert_int_equal(written.timestamp, 5000);
	assert_int_equal(written.ssrc, 0x80000001);
	assert_int_equal(written.csrc_count, 1);
	assert_memory_equal(out + 12, data + 12, 4);
	assert_int_equal(written.extension_profile, 0xBEDE);
	assert_int_equal(written.payload_offset, payload_offset);
	assert_int_equal(written.payload_length, header.payload_length);
	assert_memory_equal(
		out + payload_offset, data + header.payload_offset, header.payload_length);
	assert_true(rtp_extension_find(out, &written, 9, &extension));
	assert_int_equal(extension.length, 7);
	assert_memory_equal(extension.value, "video-1", 7);
	assert_false(rtp_extension_find(out, &written, 10, &extension)); // rid never leaves
	assert_true(rtp_extension_find(out, &written, 11, &extension));
	assert_int_equal(extension.value[0], 0x85);
	assert_true(rtp_extension_find(out, &written, 12, &extension));
	assert_memory_equal(extension.value, "\x44\x55\x66", 3);
	assert_true(rtp_extension_find(out, &written, 13, &extension));
	assert_memory_equal(extension.value, "\x01\x02", 2);
	size_t cursor = 0;
	unsigned count = 0;
	while (rtp_extension_next(out, &written, &cursor, &extension))
		count++;
	assert_int_equal(count, 4); // orientation and the unknown one were not mapped
}

static void large_ids_take_the_two_byte_form(void **)
{
	static const uint8_t ids[SLUICE_EXT_ROOM] = {
		[SLUICE_EXT_MID] = 15,
		[SLUICE_EXT_AUDIO_LEVEL] = 3,
	};
	uint8_t data[128], out[256];
	struct rtp_header header, written;
	struct rtp_extension extension;
	packet_from(publisher_packet, data, &header);
	struct rtp_output output = output_with(ids);
	size_t length = rtp_write_header(data, &header, &output, out, sizeof(out));
	assert_int_equal(rtp_parse(out, length, &written), 0);
	assert_int_equal(written.extension_profile, 0x1000);
	assert_int_equal(written.payload_offset, length);
	assert_true(rtp_extension_find(out, &written, 15, &extension));
	assert_memory_equal(extension.value, "video-1", 7);
	assert_true(rtp_extension_find(out, &written, 3, &extension));
}

static void no_extension_leaves_no_extension_header(void **)
{
	static const uint8_t none[SLUICE_EXT_ROOM];
	uint8_t data[128], out[64];
	struct rtp_header header, written;
	packet_from(publisher_packet, data, &header);
	struct rtp_output output = output_with(none);
	size_t length = rtp_write_header(data, &header, &output, out, sizeof(out));
	assert_int_equal(length, 16);
	assert_int_equal(rtp_parse(out, length, &written), 0);
	assert_int_equal(written.extension_profile, 0);
	for (size_t room = 0; room < length; room++)
		assert_int_equal(rtp_write_header(data, &header, &output, out, room), 0);
}

static void rtx_goes_there_and_back(void **)
{
	static const uint8_t ids[SLUICE_EXT_ROOM] = {[SLUICE_EXT_MID] = 1};
	uint8_t data[128], out[256];
	struct rtp_header header, written;
	packet_from(publisher_packet, data, &header);
	struct rtp_output output = output_with(ids);
	output.is_rtx = true;
	output.original_sequence = 0xBEEF;
	uint16_t payload_offset, original;
	size_t length = rtp_write(data, &header, &output, out, sizeof(out), &payload_offset);
	assert_int_equal(rtp_parse(out, length, &written), 0);
	assert_int_equal(written.payload_length, header.payload_length + 2);
	assert_int_equal(payload_offset, written.payload_offset + 2);
	assert_true(
		rtp_rtx_original(out + written.payload_offset, written.payload_length, &original));
	assert_int_equal(original, 0xBEEF);

	assert_int_equal(rtp_unwrap_rtx(out, &written, 0x1111, 96), 2);
	struct rtp_header again;
	assert_int_equal(rtp_parse(out + 2, length - 2, &again), 0);
	assert_int_equal(again.ssrc, 0x1111);
	assert_int_equal(again.payload_type, 96);
	assert_int_equal(again.sequence, 0xBEEF);
	assert_true(again.marker);
	assert_int_equal(again.payload_offset, written.payload_offset);
	assert_int_equal(again.payload_length, written.payload_length);
	assert_int_equal(again.extension_offset, written.extension_offset);
	assert_memory_equal(out + 2 + again.payload_offset, data + header.payload_offset,
		header.payload_length);
	written.payload_length = 1;
	assert_int_equal(rtp_unwrap_rtx(out + 2, &written, 1, 1), 0);
}

// Whatever parses, can be composed again within the stated growth, and the result parses to the same
// payload.
static void random_packets_survive(void **)
{
	uint64_t seed = 1;
	unsigned parsed = 0;
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t data[200], ids_in[SLUICE_EXT_ROOM], ids_out[SLUICE_EXT_ROOM];
		size_t length = 12 + random_below(&seed, 120);
		random_bytes(&seed, data, length);
		data[0] = (uint8_t)(0x80 | (data[0] & 0x33));
		size_t extension = 12 + 4 * (size_t)(data[0] & 15);
		if (extension + 4 <= length) {
			bool two_byte = random_below(&seed, 2);
			memcpy(data + extension, two_byte ? "\x10\x00\0" : "\xBE\xDE\0", 3);
			data[extension + 3] = (uint8_t)random_below(&seed, 12);
		}
		for (unsigned i = 0; i < SLUICE_EXT_ROOM; i++) {
			ids_in[i] = (uint8_t)random_below(&seed, 18);
			ids_out[i] = (uint8_t)random_below(&seed, 18);
		}
		struct rtp_header header, written;
		uint8_t *copy = exact_copy(data, length);
		if (rtp_parse(copy, length, &header) == 0) {
			parsed++;
			struct rtp_output output = output_with(ids_out);
			output.in_id = ids_in;
			output.is_rtx = random_below(&seed, 2);
			size_t room = length + RTP_WRITE_GROWTH_MAX;
			uint8_t *out = malloc(room);
			uint16_t payload;
			size_t n = rtp_write(copy, &header, &output, out, room, &payload);
			assert_true(n > 0);
			assert_int_equal(rtp_parse(out, n, &written), 0);
			assert_int_equal(written.payload_length,
				header.payload_length + (output.is_rtx ? 2 : 0));
			assert_memory_equal(
				out + payload, copy + header.payload_offset, header.payload_length);
			free(out);
		}
		free(copy);
	}
	assert_true(parsed > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_plain_header),
		cmocka_unit_test(reads_csrc_extension_and_padding),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(walks_one_byte_extensions),
		cmocka_unit_test(walks_two_byte_extensions),
		cmocka_unit_test(element_past_the_end_stops_the_walk),
		cmocka_unit_test(composes_a_header_for_a_subscriber),
		cmocka_unit_test(large_ids_take_the_two_byte_form),
		cmocka_unit_test(no_extension_leaves_no_extension_header),
		cmocka_unit_test(rtx_goes_there_and_back),
		cmocka_unit_test(random_packets_survive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
