// SPDX-License-Identifier: Apache-2.0
#include "media/codec.h"
#include "support.h"

struct sample {
	enum sluice_codec codec;
	const char *payload;
	bool key;
};

static const struct sample samples[] = {
	// VP8: S set, partition 0; P bit of the payload header clear
	{SLUICE_CODEC_VP8, "10 50 01 00 9d012a", true},
	{SLUICE_CODEC_VP8, "10 51 01 00", false}, // P set
	{SLUICE_CODEC_VP8, "00 50 01 00", false}, // goes on
	{SLUICE_CODEC_VP8, "11 50 01 00", false}, // partition 1
	{SLUICE_CODEC_VP8, "90 80 8001 50", true}, // 15-bit picture id
	{SLUICE_CODEC_VP8, "90 e0 8001 07 20 50", true}, // with TL0PICIDX and TID
	{SLUICE_CODEC_VP8, "90 e0 8001 07 20", false}, // no payload
	{SLUICE_CODEC_VP8, "90", false},
	{SLUICE_CODEC_VP8, "", false},
	// VP9: P clear, B set, spatial layer 0
	{SLUICE_CODEC_VP9, "8c 8123 aa", true},
	{SLUICE_CODEC_VP9, "8c 05 aa", true}, // 7-bit picture id
	{SLUICE_CODEC_VP9, "cc 8123 aa", false}, // P
	{SLUICE_CODEC_VP9, "84 8123 aa", false}, // no B
	{SLUICE_CODEC_VP9, "ac 8123 02 00 aa", false}, // spatial layer 1
	{SLUICE_CODEC_VP9, "ac 8123 00 00 aa", true},
	{SLUICE_CODEC_VP9, "8c 81", false},
	{SLUICE_CODEC_VP9, "", false},
	// H.264
	{SLUICE_CODEC_H264, "67 42c01f", true}, // SPS
	{SLUICE_CODEC_H264, "65 88", true}, // IDR
	{SLUICE_CODEC_H264, "41 9a", false},
	{SLUICE_CODEC_H264, "78 0002 6742 0002 68ce", true}, // STAP-A with SPS
	{SLUICE_CODEC_H264, "78 0002 68ce 0002 6588", true}, // STAP-A: PPS, IDR
	{SLUICE_CODEC_H264, "78 0002 68ce 0002 419a", false},
	{SLUICE_CODEC_H264, "78 0000 0002 6588", false}, // empty unit
	{SLUICE_CODEC_H264, "78 0009 65", false}, // cut
	{SLUICE_CODEC_H264, "7c 85 11", true}, // FU-A, start, IDR
	{SLUICE_CODEC_H264, "7c 05 11", false}, // not its start
	{SLUICE_CODEC_H264, "7c 81 11", false},
	{SLUICE_CODEC_H264, "7c", false},
	{SLUICE_CODEC_H264, "", false},
	// AV1
	{SLUICE_CODEC_AV1, "18 0a0b 32", true}, // N
	{SLUICE_CODEC_AV1, "98 0a0b 32", false}, // Z: a continuation
	{SLUICE_CODEC_AV1, "20 02 0a0b 3211", true}, // W 2, sequence header first
	{SLUICE_CODEC_AV1, "20 02 3211 0a0b", true}, // … or last
	{SLUICE_CODEC_AV1, "10 32 11", false}, // W 1, a frame
	{SLUICE_CODEC_AV1, "00 02 3211 02 0a0b", true}, // W 0
	{SLUICE_CODEC_AV1, "00 7f 3211", false}, // longer than the packet
	{SLUICE_CODEC_AV1, "00 ffffffff7f 3211", false},
	{SLUICE_CODEC_AV1, "08", false},
	{SLUICE_CODEC_AV1, "", false},
	{SLUICE_CODEC_OPUS, "78", true},
	{SLUICE_CODEC_OTHER, "", true},
};

static void key_frames_are_found(void **)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t payload[64];
		size_t length = hex_read(samples[i].payload, payload);
		uint8_t *copy = exact_copy(payload, length);
		bool key = codec_key_frame(samples[i].codec, copy, length);
		if (key != samples[i].key)
			fail_msg("codec %d: %s", samples[i].codec, samples[i].payload);
		free(copy);
	}
}

static void descriptor_is_read(void **)
{
	uint8_t payload[16];
	struct vp8_descriptor descriptor;
	size_t length = hex_read("90 e0 9234 56 a0 50", payload);
	assert_true(vp8_parse(payload, length, &descriptor));
	assert_int_equal(descriptor.length, 6);
	assert_true(descriptor.start);
	assert_int_equal(descriptor.picture_bits, 15);
	assert_int_equal(descriptor.picture_id, 0x1234);
	assert_true(descriptor.has_tl0);
	assert_int_equal(descriptor.tl0_picture, 0x56);
	assert_true(descriptor.has_temporal);
	assert_int_equal(descriptor.temporal_id, 2);
	assert_true(descriptor.layer_sync);
	for (size_t cut = 0; cut < 6; cut++)
		assert_false(vp8_parse(payload, cut, &descriptor));
}

static void shifting_keeps_the_width(void **)
{
	uint8_t payload[16];
	struct vp8_descriptor descriptor;
	size_t length = hex_read("90 c0 ffff ff 50", payload);
	assert_true(vp8_parse(payload, length, &descriptor));
	vp8_shift(payload, &descriptor, 3, 2);
	assert_memory_equal(payload, "\x90\xc0\x80\x02\x01\x50", 6);
	length = hex_read("90 80 7f 50", payload);
	assert_true(vp8_parse(payload, length, &descriptor));
	assert_int_equal(descriptor.picture_bits, 7);
	vp8_shift(payload, &descriptor, 2, 9);
	assert_memory_equal(payload, "\x90\x80\x01\x50", 4);
	length = hex_read("10 50", payload);
	assert_true(vp8_parse(payload, length, &descriptor));
	vp8_shift(payload, &descriptor, 2, 9);
	assert_memory_equal(payload, "\x10\x50", 2);
}

static void random_payloads_do_no_harm(void **)
{
	uint64_t seed = 6;
	unsigned keys = 0, shifted = 0;
	for (unsigned round = 0; round < 50000; round++) {
		uint8_t payload[24];
		size_t length = random_below(&seed, sizeof(payload));
		random_bytes(&seed, payload, length);
		uint8_t *copy = exact_copy(payload, length);
		keys += codec_key_frame(SLUICE_CODEC_VP8 + round % 4, copy, length);
		struct vp8_descriptor before, after;
		if (vp8_parse(copy, length, &before) && before.picture_bits) {
			uint16_t add = (uint16_t)random_next(&seed);
			vp8_shift(copy, &before, add, (uint8_t)add);
			assert_true(vp8_parse(copy, length, &after));
			uint16_t mask = (uint16_t)((1U << before.picture_bits) - 1);
			assert_int_equal(after.picture_bits, before.picture_bits);
			assert_int_equal(after.picture_id, (before.picture_id + add) & mask);
			shifted++;
		}
		free(copy);
	}
	assert_true(keys > 1000 && shifted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_frames_are_found),
		cmocka_unit_test(descriptor_is_read),
		cmocka_unit_test(shifting_keeps_the_width),
		cmocka_unit_test(random_payloads_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
