// SPDX-License-Identifier: Apache-2.0
#include "../../../include/config_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static char why[512];

static void set(const char *assignment)
{
	config.secrets_unread = true;
	if (config_set(&config, assignment, why, sizeof(why)))
		fail_msg("%s", why);
}

static void expect(const char *at, const char *what)
{
	const char *key = NULL, *fault = config_fault(&config, &key);

	if (!what) {
		assert_null(fault);
		return;
	}
	assert_non_null(fault);
	assert_string_equal(key, at);
	assert_non_null(strstr(fault, what));
}

static int setup(void **)
{
	config_init(&config);
	return 0;
}

static void test_listeners(void **)
{
	expect(NULL, NULL);
	set("dialects={name: sfu, listen: 8080}");
	expect("dialects", "http.port");
	set("dialects={name: sfu, listen: 90}, {name: sfu, listen: '127.0.0.1:90'}");
	expect("dialects", "twice");
	set("dialects={name: sfu, listen: '127.0.0.2:90'}, {name: sfu, listen: '127.0.0.1:90'}");
	expect(NULL, NULL);
}

static void test_keys(void **)
{
	set("auth.keys={key: A, secret_file: a}, {key: B, secret_file: a}");
	expect(NULL, NULL);
	set("auth.keys={key: A, secret_file: a}, {key: A, secret_file: b}");
	expect("auth.keys", "twice");
}

static void test_admission(void **)
{
	set("dialects={name: rooms, listen: 90, auth: hook}");
	expect("admission.url", "missing");
	set("admission.url=http://127.0.0.1:1/x");
	expect(NULL, NULL);
	set("admission.url=https://127.0.0.1:1/x");
	expect(NULL, NULL);
	set("admission.url=http://[::1]:1/x");
	expect(NULL, NULL);
	set("admission.url=http://");
	expect("admission.url", "must be");
	set("admission.url=https://:443/x");
	expect("admission.url", "must be");
	set("admission.url=ftp://127.0.0.1/x");
	expect("admission.url", "must be");
	set("admission.url=http://a b/x");
	expect("admission.url", "spaces");
	set("dialects={name: rooms, listen: 90}");
	set("admission.url=");
	expect(NULL, NULL);
	set("rooms={name: 'a*', auth: hook}");
	expect("admission.url", "missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_listeners, setup),
		cmocka_unit_test_setup(test_keys, setup),
		cmocka_unit_test_setup(test_admission, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
