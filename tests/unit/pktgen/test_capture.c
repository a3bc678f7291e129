// SPDX-License-Identifier: Apache-2.0
#include "capture.h"
#include "unit/pktgen/support.h"

static struct capture_frame frame;

static void three_frames(const char *path)
{
	struct capture capture;

	assert_int_equal(capture_create(&capture, path, support_why, sizeof(support_why)), 0);
	for (uint8_t i = 0; i < 3; i++)
		capture_write(&capture, i * UINT64_C(1500000000) + 1000, (uint8_t[60]){i}, 60);
	assert_int_equal(capture.frames, 3);
	assert_int_equal(capture_close(&capture, support_why, sizeof(support_why)), 0);
}

static void written_and_read(void **)
{
	const char *path = support_path("a.pcap");
	struct capture capture;
	uint64_t count = 0;

	three_frames(path);
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), 0);
	while (capture_next(&capture, &frame, support_why, sizeof(support_why)) == 1) {
		assert_int_equal(frame.length, 60);
		assert_int_equal(frame.data[0], count);
		assert_int_equal(frame.time_ns, count * 1500000000 + 1000);
		count++;
	}
	assert_int_equal(count, 3);
	assert_int_equal(capture_close(&capture, support_why, sizeof(support_why)), 0);
}

// Every 4-byte number turned round, as a machine of the other order writes it.
static void other_byte_order(void **)
{
	const uint32_t words[] = {0x4d3cb2a1, 0x04000200, 0, 0, 0xffff0000, 0x01000000, 0x02000000,
		0x07000000, 0x04000000, 0x04000000, 0x61626364};
	const char *path = support_path("b.pcap");
	struct capture capture;
	FILE *file = fopen(path, "we");

	assert_int_equal(fwrite(words, sizeof(words), 1, file), 1);
	fclose(file);
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), 0);
	assert_int_equal(capture_next(&capture, &frame, support_why, sizeof(support_why)), 1);
	assert_int_equal(frame.length, 4);
	assert_int_equal(frame.time_ns, 2000000007); // nanoseconds, by the first number
	assert_int_equal(capture_next(&capture, &frame, support_why, sizeof(support_why)), 0);
	fclose(capture.file);
}

static void damaged(void **)
{
	const char *path = support_path("c.pcap");
	struct capture capture;
	int got;

	three_frames(path);
	assert_int_equal(truncate(path, 24 + 2 * 76 + 40), 0);
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), 0);
	while ((got = capture_next(&capture, &frame, support_why, sizeof(support_why))) == 1)
		;
	assert_int_equal(got, -1);
	assert_non_null(strstr(support_why, "damaged after 2 frames"));
	fclose(capture.file);
	assert_int_equal(truncate(path, 24 + 76 + 8), 0); // inside a frame's header
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), 0);
	assert_int_equal(capture_next(&capture, &frame, support_why, sizeof(support_why)), 1);
	assert_int_equal(capture_next(&capture, &frame, support_why, sizeof(support_why)), -1);
	fclose(capture.file);
}

static void refused(void **)
{
	const char *path = support_path("d.pcap");
	struct capture capture;
	FILE *file = fopen(path, "we");

	fputs("not a capture at all, but long enough to be one", file);
	fclose(file);
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), -1);
	assert_non_null(strstr(support_why, "no pcap file"));
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(capture_open(&capture, path, support_why, sizeof(support_why)), -1);
	assert_int_equal(
		capture_open(&capture, "/nowhere/x", support_why, sizeof(support_why)), -1);
	assert_int_equal(
		capture_create(&capture, "/nowhere/x", support_why, sizeof(support_why)), -1);
	assert_non_null(strstr(support_why, "/nowhere/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(other_byte_order),
		cmocka_unit_test(damaged),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, support_begin, support_end);
}
