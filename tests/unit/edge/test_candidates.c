// SPDX-License-Identifier: Apache-2.0
#include "edge/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct desc_candidate list[DESC_CANDIDATES_MAX];

static void announced_addresses(void **)
{
	memset(&config, 0, sizeof(config));
	config.media.port = 7000;
	config.media.addresses_used = 3;
	strcpy(config.media.addresses[0].address, "10.0.0.1");
	strcpy(config.media.addresses[0].announced, "203.0.113.7");
	strcpy(config.media.addresses[1].address, "2001:db8::1");
	strcpy(config.media.addresses[2].address, "203.0.113.7"); // the same again
	assert_int_equal(candidates_gather(&config, list), 2);
	assert_string_equal(list[0].address, "203.0.113.7");
	assert_string_equal(list[1].address, "2001:db8::1");
	assert_int_equal(list[0].port, 7000);
	assert_int_equal(list[0].component, 1);
	assert_true(list[0].udp);
	assert_string_equal(list[0].type, "host");
	assert_true(list[0].priority > list[1].priority);
	assert_int_equal(list[0].priority >> 24, 126);
	assert_int_equal(list[0].priority & 255, 255);
	assert_string_not_equal(list[0].foundation, list[1].foundation);
}

static void interface_addresses(void **)
{
	unsigned used;

	memset(&config, 0, sizeof(config));
	config.media.port = 7000;
	config.ports_used = 3;
	strcpy(config.ports[0].interface, "lo");
	strcpy(config.ports[1].interface, "no-such-thing");
	strcpy(config.ports[2].interface, "lo");
	strcpy(config.ports[2].netns, "sluice-no-such-namespace");
	used = candidates_gather(&config, list);
	assert_true(used >= 1);
	bool found = false;

	for (unsigned i = 0; i < used; i++) {
		found |= !strcmp(list[i].address, "127.0.0.1");
		assert_int_not_equal(strncmp(list[i].address, "fe80", 4), 0);
	}
	assert_true(found);
}

static void no_more_than_fit(void **)
{
	memset(&config, 0, sizeof(config));
	config.media.addresses_used = CONFIG_ADDRESSES_MAX;
	for (unsigned i = 0; i < CONFIG_ADDRESSES_MAX; i++)
		snprintf(config.media.addresses[i].address, 64, "192.0.2.%u", i);
	assert_int_equal(candidates_gather(&config, list), DESC_CANDIDATES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announced_addresses),
		cmocka_unit_test(interface_addresses),
		cmocka_unit_test(no_more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
