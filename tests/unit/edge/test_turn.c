// SPDX-License-Identifier: Apache-2.0
// The expected passwords were computed with Python's hmac.
#include "edge/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 100 };

static struct config config;
static struct dialect_ice_server servers[8];

static struct config_ice_server *add(const char *urls)
{
	struct config_ice_server *server = &config.ice_servers[config.ice_servers_used++];

	strcpy(server->urls, urls);
	server->ttl_ns = 14400ull * 1000000000;
	return server;
}

static int fresh(void **)
{
	memset(&config, 0, sizeof(config));
	return 0;
}

static void nothing_configured(void **)
{
	assert_int_equal(turn_servers(&config, "anna", NOW_S, servers, 8), 0);
}

static void stun_needs_no_password(void **)
{
	strcpy(add("stun:a.example  stuns:b.example:5349 ")->secret, "north");
	assert_int_equal(turn_servers(&config, "anna", NOW_S, servers, 8), 2);
	assert_string_equal(servers[0].url, "stun:a.example");
	assert_string_equal(servers[1].url, "stuns:b.example:5349");
	assert_string_equal(servers[0].username, "");
	assert_string_equal(servers[1].credential, "");
}

static void a_fixed_password(void **)
{
	struct config_ice_server *server = add("turn:a.example:3478?transport=udp");

	strcpy(server->username, "relay");
	strcpy(server->credential, "hush");
	assert_int_equal(turn_servers(&config, "anna", NOW_S, servers, 8), 1);
	assert_string_equal(servers[0].url, "turn:a.example:3478?transport=udp");
	assert_string_equal(servers[0].username, "relay");
	assert_string_equal(servers[0].credential, "hush");
}

static void passwords_that_expire(void **)
{
	strcpy(add("turn:a.example turns:a.example")->secret, "north");
	assert_int_equal(turn_servers(&config, "anna", NOW_S, servers, 8), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(servers[i].username, "14500:anna");
		assert_string_equal(servers[i].credential, "E1EBomn8vBU2/vRlVAmraIo1R1U=");
	}
	turn_servers(&config, "an\"na\r\nx", NOW_S, servers, 8);
	assert_string_equal(servers[0].username, "14500:an_na__x");
	assert_string_equal(servers[0].credential, "JIleL4tvU+MIe6ddRBB8zmrP2N8=");
	turn_servers(&config, "", NOW_S, servers, 8);
	assert_string_equal(servers[0].username, "14500");
	assert_string_equal(servers[0].credential, "HDkuZ5PWeZQ4WmlFT3EX4KQwEoY=");
	strcpy(config.ice_servers[0].username, "anna");
	turn_servers(&config, "", NOW_S, servers, 8);
	assert_string_equal(servers[0].username, "14500:anna");
}

static void no_more_than_there_is_room_for(void **)
{
	char longest[CORE_NAME_MAX];

	strcpy(add("turn:a turn:b turn:c")->secret, "north");
	strcpy(add("turn:d")->secret, "north");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	memset(servers, 0x55, sizeof(servers));
	assert_int_equal(turn_servers(&config, longest, NOW_S, servers, 2), 2);
	assert_string_equal(servers[1].url, "turn:b");
	assert_int_equal(strlen(servers[1].username), 6 + sizeof(longest) - 1);
	assert_int_equal(servers[2].url[0], 0x55);
	assert_int_equal(turn_servers(&config, "x", NOW_S, servers, 8), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_configured, fresh),
		cmocka_unit_test_setup(stun_needs_no_password, fresh),
		cmocka_unit_test_setup(a_fixed_password, fresh),
		cmocka_unit_test_setup(passwords_that_expire, fresh),
		cmocka_unit_test_setup(no_more_than_there_is_room_for, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
