// SPDX-License-Identifier: Apache-2.0
// rtp_write_header is the reference: a head must give the same bytes.
#include "media/rtp_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t every_id[SLUICE_EXT_ROOM] = {
	[SLUICE_EXT_MID] = 1,
	[SLUICE_EXT_RID] = 2,
	[SLUICE_EXT_AUDIO_LEVEL] = 3,
	[SLUICE_EXT_ABS_SEND_TIME] = 4,
	[SLUICE_EXT_TRANSPORT_CC] = 5,
};

// A head and the header of one packet, composed both ways.
static void assert_same(const struct rtp_output *output, bool marker)
{
	const uint8_t source[] = {
		0x80, (uint8_t)(marker ? 0xE0 : 0x60), 0, 9, 0, 0, 1, 0, 1, 2, 3, 4};
	uint8_t right[128], out[RTP_HEAD_MAX];
	struct rtp_header header;
	struct rtp_head head;
	assert_int_equal(rtp_parse(source, sizeof(source), &header), 0);
	size_t length = rtp_write_header(source, &header, output, right, sizeof(right));
	rtp_head_make(&head, output);
	const struct rtp_stamps stamps = {.timestamp = output->timestamp,
		.sequence = output->sequence,
		.payload_type = output->payload_type,
		.marker = marker,
		.abs_send_time = output->abs_send_time,
		.transport_sequence = output->transport_sequence};
	assert_int_equal(head.length, length);
	assert_int_equal(rtp_head_write(&head, &stamps, out), length);
	assert_memory_equal(out, right, length);
}

static void head_gives_the_bytes_of_the_long_way(void **)
{
	uint8_t mid[SLUICE_MID_MAX];
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t ids[SLUICE_EXT_ROOM] = {0};
		unsigned letters = (unsigned)rand() % (SLUICE_MID_MAX + 1);
		memset(mid, 0, sizeof(mid));
		memset(mid, 'm', letters);
		ids[SLUICE_EXT_MID] = (uint8_t)(rand() % 6 * 3);
		ids[SLUICE_EXT_ABS_SEND_TIME] = (uint8_t)(rand() % 6 * 3 + 1);
		ids[SLUICE_EXT_TRANSPORT_CC] = (uint8_t)(rand() % 6 * 3 + 2);
		const struct rtp_output output = {.ssrc = (uint32_t)rand(),
			.timestamp = (uint32_t)rand(),
			.sequence = (uint16_t)rand(),
			.payload_type = (uint8_t)(rand() % 128),
			.in_id = every_id,
			.out_id = ids,
			.mid = rand() % 4 ? mid : NULL,
			.has_abs_send_time = rand() % 2,
			.abs_send_time = (uint32_t)rand() & 0xFFFFFF,
			.has_transport_sequence = rand() % 2,
			.transport_sequence = (uint16_t)rand()};
		assert_same(&output, rand() % 2);
	}
}

static void longest_header_fits(void **)
{
	static const uint8_t ids[SLUICE_EXT_ROOM] = {[SLUICE_EXT_MID] = 200,
		[SLUICE_EXT_ABS_SEND_TIME] = 201,
		[SLUICE_EXT_TRANSPORT_CC] = 202};
	uint8_t mid[SLUICE_MID_MAX];
	memset(mid, 'm', sizeof(mid));
	struct rtp_head head;
	rtp_head_make(&head, &(struct rtp_output){.in_id = ids,
				     .out_id = ids,
				     .mid = mid,
				     .has_abs_send_time = true,
				     .has_transport_sequence = true});
	assert_in_range(head.length, 12 + 4 + 2 + SLUICE_MID_MAX + 5 + 4, RTP_HEAD_MAX);
	assert_true(head.abs_send_time > 0 && head.transport_sequence > head.abs_send_time);
}

static void elements_of_one_id_are_not_told_apart(void **)
{
	static const uint8_t ids[SLUICE_EXT_ROOM] = {
		[SLUICE_EXT_ABS_SEND_TIME] = 3, [SLUICE_EXT_TRANSPORT_CC] = 3};
	struct rtp_head head = {.length = 1};
	rtp_head_make(&head, &(struct rtp_output){.in_id = ids,
				     .out_id = ids,
				     .has_abs_send_time = true,
				     .has_transport_sequence = true});
	assert_int_equal(head.length, 0);
}

static bool bare(const uint8_t *data, size_t length, const uint8_t *ids)
{
	struct rtp_header header;
	assert_int_equal(rtp_parse(data, length, &header), 0);
	return rtp_is_bare(data, &header, ids);
}

static void bare_is_what_has_nothing_to_keep(void **)
{
	static const uint8_t plain[12] = {0x80, 96};
	static const uint8_t csrc[16] = {0x81, 96};
	// mid, abs-send-time and transport sequence, an element that nobody negotiated
	static const uint8_t ours[] = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 3,
		0x10, '0', 0x42, 1, 2, 3, 0x51, 0, 7, 0xE0, 1, 0};
	static const uint8_t level[] = {
		0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 1, 0x30, 0x85, 0, 0};
	static const uint8_t other[] = {
		0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 1, 1, 2, 3, 4};
	static const uint8_t none[SLUICE_EXT_ROOM];
	assert_true(bare(plain, sizeof(plain), every_id));
	assert_false(bare(csrc, sizeof(csrc), every_id));
	assert_true(bare(ours, sizeof(ours), every_id));
	assert_false(bare(level, sizeof(level), every_id));
	assert_true(bare(level, sizeof(level), none)); // nobody knows what it is
	assert_true(bare(other, sizeof(other), every_id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_gives_the_bytes_of_the_long_way),
		cmocka_unit_test(longest_header_fits),
		cmocka_unit_test(elements_of_one_id_are_not_told_apart),
		cmocka_unit_test(bare_is_what_has_nothing_to_keep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
