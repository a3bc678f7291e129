// SPDX-License-Identifier: Apache-2.0
#include "edge/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void there_and_back(void **)
{
	static const char *const texts[] = {"192.0.2.7", "2001:db8::7", "::1", "0.0.0.0", "::"};

	for (unsigned i = 0; i < 5; i++) {
		struct core_address address = {.port = 7000}, copy = {0};
		struct sockaddr_storage storage;
		char text[ADDRESS_TEXT_MAX];

		assert_int_equal(address_parse(texts[i], &address), 0);
		socklen_t length = address_to(&address, &storage);

		assert_int_equal(storage.ss_family, strchr(texts[i], ':') ? AF_INET6 : AF_INET);
		assert_int_equal(length, strchr(texts[i], ':') ? sizeof(struct sockaddr_in6)
							       : sizeof(struct sockaddr_in));
		assert_int_equal(address_from((struct sockaddr *)&storage, &copy), 0);
		assert_true(address_same(&address, &copy));
		assert_int_equal(address_is_any(&address), i >= 3);
		copy.port = 0;
		assert_string_equal(address_print(&copy, text), texts[i]);
		assert_false(address_same(&address, &copy));
	}
}

static void printed_with_port(void **)
{
	struct core_address address = {.port = 80};
	char text[ADDRESS_TEXT_MAX];

	address_parse("192.0.2.7", &address);
	assert_string_equal(address_print(&address, text), "192.0.2.7:80");
	assert_true(address_is_ipv4(&address));
	address_parse("fe80::1", &address);
	assert_string_equal(address_print(&address, text), "[fe80::1]:80");
	assert_true(address_is_link_local(&address));
	assert_false(address_is_ipv4(&address));
	address_parse("fec0::1", &address);
	assert_false(address_is_link_local(&address));
}

static void others_are_refused(void **)
{
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct core_address address = {.port = 5};

	assert_int_equal(address_from(&other, &address), -EAFNOSUPPORT);
	assert_int_equal(address_parse("example.org", &address), -EINVAL);
	assert_int_equal(address_parse("", &address), -EINVAL);
	assert_int_equal(address_parse("1.2.3.4:5", &address), -EINVAL);
	assert_int_equal(address.port, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(printed_with_port),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
