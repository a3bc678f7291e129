// SPDX-License-Identifier: Apache-2.0
#include "socket/frame.h"
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void the_rfc_s_examples(void **)
{
	static const uint8_t hello[] = {0x81, 0x05, 'H', 'e', 'l', 'l', 'o'};
	static const uint8_t masked[] = {
		0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t text[] = {'H', 'e', 'l', 'l', 'o'}, head[FRAME_HEAD_MAX];
	struct frame frame;

	assert_int_equal(frame_read(hello, sizeof(hello), 100, &frame), sizeof(hello));
	assert_true(frame.final);
	assert_int_equal(frame.opcode, FRAME_TEXT);
	assert_int_equal(frame.length, 5);
	assert_memory_equal(frame.payload, "Hello", 5);
	assert_int_equal(frame_write(FRAME_TEXT, mask, text, sizeof(text), head), 6);
	assert_memory_equal(head, masked, 6);
	assert_memory_equal(text, masked + 6, 5);
}

static void accept_key_of_the_rfc(void **)
{
	char accept[29];

	frame_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void lengths_in_all_three_forms(void **)
{
	static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 100000};
	static const uint8_t mask[4];

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t *data = calloc(1, FRAME_HEAD_MAX + lengths[i] + 1), head[FRAME_HEAD_MAX];
		size_t length = frame_write(FRAME_TEXT, mask, NULL, 0, head);
		struct frame frame;

		length = frame_write(FRAME_TEXT, mask, data + FRAME_HEAD_MAX, lengths[i], head);
		head[1] &= 0x7f; // as a server would: without mask
		length -= 4;
		memcpy(data, head, length);
		for (size_t cut = 0; cut < length + (lengths[i] ? 1 : 0); cut++)
			assert_int_equal(frame_read(data, cut, 100000, &frame), 0);
		assert_int_equal(
			frame_read(data, length + lengths[i], 100000, &frame), length + lengths[i]);
		assert_int_equal(frame.length, lengths[i]);
		free(data);
	}
}

static void what_is_against_the_rules(void **)
{
	static const uint8_t masked[] = {0x81, 0x80, 0, 0, 0, 0}, reserved[] = {0xc1, 0x00};
	static const uint8_t unknown[] = {0x83, 0x00}, split_ping[] = {0x09, 0x00};
	static const uint8_t long_ping[] = {0x89, 126, 0, 126},
			     huge[] = {0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0};
	struct frame frame;

	assert_int_equal(frame_read(masked, sizeof(masked), 100, &frame), -EBADMSG);
	assert_int_equal(frame_read(reserved, sizeof(reserved), 100, &frame), -EBADMSG);
	assert_int_equal(frame_read(unknown, sizeof(unknown), 100, &frame), -EBADMSG);
	assert_int_equal(frame_read(split_ping, sizeof(split_ping), 100, &frame), -EBADMSG);
	assert_int_equal(frame_read(long_ping, sizeof(long_ping), 1000, &frame), -EBADMSG);
	assert_int_equal(frame_read(huge, sizeof(huge), 1000, &frame), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfc_s_examples),
		cmocka_unit_test(accept_key_of_the_rfc),
		cmocka_unit_test(lengths_in_all_three_forms),
		cmocka_unit_test(what_is_against_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
