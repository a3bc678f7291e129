// SPDX-License-Identifier: Apache-2.0
#include "unit/pktgen/support.h"

static void addresses(void **)
{
	static const char *const good[] = {"192.0.2.1:1", "[2001:db8::1]:65535"};
	static const char *const bad[] = {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0",
		"192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:1x", "host:1", "[::1:1", "[]:1",
		"2001:db8::10000000000000000000000000000000000000000000000000000000000000:1"};
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	for (unsigned i = 0; i < 2; i++) {
		assert_true(endpoint_read(good[i], &endpoint));
		endpoint_print(&endpoint, text);
		assert_string_equal(text, good[i]);
		assert_int_equal(endpoint_is_ipv4(&endpoint), i == 0);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(endpoint_read(bad[i], &endpoint));
}

static void macs(void **)
{
	static const char *const bad[] = {"", "02:00:00:00:00", "02:00:00:00:00:0g",
		"02-00-00-00-00-01", "02:00:00:00:00:011"};
	uint8_t mac[6];

	assert_true(endpoint_read_mac("02:aB:00:00:00:ff", mac));
	assert_memory_equal(mac, "\x02\xab\0\0\0\xff", 6);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(endpoint_read_mac(bad[i], mac));
}

static void networks(void **)
{
	static const char *const bad[] = {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/7",
		"10.0.0.0/x", "2001:db8::/64", "nowhere/24"};
	struct endpoint_range range;
	struct endpoint last;
	char text[ENDPOINT_TEXT_MAX];

	assert_true(endpoint_read_network("10.1.2.77/26", &range));
	assert_int_equal(range.addresses, 64);
	assert_int_equal(range.first.ip[15], 64);
	assert_true(endpoint_read_network("10.1.254.0/22", &range));
	last = range.first;
	last.port = 1;
	endpoint_advance(&last, range.addresses - 1);
	endpoint_print(&last, text);
	assert_string_equal(text, "10.1.255.255:1");
	assert_true(endpoint_read_network("2001:db8::5/112", &range));
	assert_int_equal(range.addresses, 65536);
	assert_int_equal(range.first.ip[15], 0);
	assert_true(endpoint_read_network("192.0.2.1", &range));
	assert_int_equal(range.addresses, 1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(endpoint_read_network(bad[i], &range));
}

static void drawing(void **)
{
	struct endpoint_range range = {.port_low = 10, .port_high = 12};
	uint64_t state = 1, again = 1;
	unsigned seen = 0;

	assert_true(endpoint_read_network("10.0.0.0/31", &range));
	for (unsigned i = 0; i < 200; i++) {
		struct endpoint one = endpoint_draw(&range, &state);
		struct endpoint same = endpoint_draw(&range, &again);

		assert_memory_equal(&one, &same, sizeof(one));
		assert_in_range(one.port, 10, 12);
		assert_in_range(one.ip[15], 0, 1);
		seen |= 1u << (one.ip[15] * 3 + one.port - 10);
	}
	assert_int_equal(seen, 0x3f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(macs),
		cmocka_unit_test(networks),
		cmocka_unit_test(drawing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
