// SPDX-License-Identifier: Apache-2.0
#include "frame.h"
#include "media/span.h"
#include "unit/pktgen/support.h"

static uint16_t sum(const uint8_t *data, size_t length, uint32_t start)
{
	for (size_t i = 0; i < length; i++)
		start += i % 2 ? data[i] : (uint32_t)data[i] * 256;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)start;
}

static void there_and_back(const char *from_text, const char *to_text, size_t ip_bytes)
{
	struct endpoint from = support_endpoint(from_text, 1), to = support_endpoint(to_text, 2);
	struct endpoint from_read, to_read;
	uint8_t frame[FRAME_MAX], payload[FRAME_PAYLOAD_MAX];
	uint64_t state = 7;
	size_t addresses = ip_bytes == 20 ? 8 : 32;

	random_fill(&state, payload, sizeof(payload));
	for (size_t length = 0; length <= sizeof(payload); length += 101) {
		size_t got, bytes = frame_write(frame, &from, &to, payload, length);
		const uint8_t *read = frame_read(frame, bytes, &from_read, &to_read, &got);

		assert_int_equal(bytes, 14 + ip_bytes + 8 + length);
		assert_non_null(read);
		assert_int_equal(got, length);
		assert_memory_equal(read, payload, length);
		assert_memory_equal(&from_read, &from, sizeof(from));
		assert_memory_equal(&to_read, &to, sizeof(to));
		// pseudo header and datagram sum up to all ones
		assert_int_equal(sum(frame + 14 + ip_bytes - addresses, addresses + 8 + length,
					 17 + 8 + (uint32_t)length),
			0xffff);
		if (ip_bytes == 20)
			assert_int_equal(sum(frame + 14, 20, 0), 0xffff);
		for (size_t cut = 0; cut < 42 && cut < bytes; cut++)
			assert_null(frame_read(frame, cut, &from_read, &to_read, &got));
	}
}

static void ipv4(void **)
{
	there_and_back("192.0.2.1:4000", "192.0.2.2:7000", 20);
}

static void ipv6(void **)
{
	there_and_back("[2001:db8::1]:4000", "[2001:db8::2]:7000", 40);
}

static void pieces(void **)
{
	struct endpoint from = support_endpoint("192.0.2.1:4000", 1),
			to = support_endpoint("192.0.2.2:7000", 2), a, b;
	uint8_t frame[FRAME_MAX], payload[FRAME_PAYLOAD_MAX] = {0};
	size_t bytes = frame_write(frame, &from, &to, payload, 101), got;

	bytes = frame_fragment(frame, bytes, 0x12345);
	assert_int_equal(bytes, 14 + 20 + 104); // a multiple of 8
	assert_int_equal(span_u16(frame + 14 + 2), 20 + 104);
	assert_int_equal(span_u16(frame + 14 + 4), 0x2345);
	assert_int_equal(span_u16(frame + 14 + 6), 0x2000);
	assert_int_equal(sum(frame + 14, 20, 0), 0xffff);
	assert_null(frame_read(frame, bytes, &a, &b, &got));

	from = support_endpoint("[2001:db8::1]:4000", 1);
	to = support_endpoint("[2001:db8::2]:7000", 2);
	bytes = frame_write(frame, &from, &to, payload, 101);
	bytes = frame_fragment(frame, bytes, 0x12345);
	assert_int_equal(bytes, 14 + 40 + 8 + 104);
	assert_int_equal(frame[14 + 6], 44);
	assert_int_equal(span_u16(frame + 14 + 4), 8 + 104);
	assert_int_equal(span_u16(frame + 14 + 40 + 2), 1);
	assert_int_equal(span_u16(frame + 14 + 40 + 8 + 2), 7000); // then UDP
	bytes = frame_write(frame, &from, &to, payload, FRAME_PAYLOAD_MAX);
	assert_int_equal(frame_fragment(frame, bytes, 1), 0); // no room for its header
}

static void stretched(void **)
{
	struct endpoint from = support_endpoint("192.0.2.1:4000", 1),
			to = support_endpoint("192.0.2.2:7000", 2);
	uint8_t frame[FRAME_MAX], payload[20] = {0};
	size_t bytes = frame_write(frame, &from, &to, payload, sizeof(payload)), got;

	frame_stretch(frame, bytes);
	assert_true(span_u16(frame + 14 + 20 + 4) > bytes);
	assert_null(frame_read(frame, bytes, &from, &to, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(pieces),
		cmocka_unit_test(stretched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
