// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct config_webhook *hook;

static int setup(void **)
{
	memset(&config, 0, sizeof(config));
	config.auth.keys_used = 1;
	strcpy(config.auth.keys[0].key, "APIshop");
	strcpy(config.auth.keys[0].secret, "of the shop");
	config.webhooks_used = 1;
	hook = &config.webhooks[0];
	strcpy(hook->url, "https://app.example/hook");
	strcpy(hook->key, "APIshop");
	return 0;
}

static void test_a_key_has_its_secret(void **)
{
	assert_null(config_webhook_fault(&config, hook));
	assert_string_equal(config_webhook_secret(&config, hook), "of the shop");
}

static void test_a_secret_of_its_own_goes_first(void **)
{
	strcpy(hook->secret, "its own");
	assert_string_equal(config_webhook_secret(&config, hook), "its own");
	strcpy(hook->key, "APInew"); // need not be one of auth.keys then
	assert_null(config_webhook_fault(&config, hook));
}

static void test_faults(void **)
{
	static const char *const urls[] = {"", "app.example/hook", "ftp://app.example/", "http://",
		"https://a b/", "http://a/\"", "file:///etc/passwd"};

	for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		strcpy(hook->url, urls[i]);
		assert_non_null(config_webhook_fault(&config, hook));
	}
	strcpy(hook->url, "http://app.example/hook");
	assert_null(config_webhook_fault(&config, hook));
	hook->key[0] = '\0';
	assert_non_null(strstr(config_webhook_fault(&config, hook), "needs a `key`"));
	strcpy(hook->key, "APIother");
	assert_non_null(strstr(config_webhook_fault(&config, hook), "none of auth.keys"));
	assert_null(config_webhook_secret(&config, hook));
}

static void test_secrets_are_forgotten(void **)
{
	strcpy(config.auth.jwt_secret, "a");
	strcpy(config.ice_servers[CONFIG_ICE_SERVERS_MAX - 1].secret, "b");
	strcpy(config.ice_servers[0].credential, "c");
	strcpy(config.webhooks[CONFIG_WEBHOOKS_MAX - 1].secret, "d");
	config_forget_secrets(&config);
	assert_int_equal(config.auth.jwt_secret[0], 0);
	assert_int_equal(config.auth.keys[0].secret[3], 0);
	assert_int_equal(config.ice_servers[CONFIG_ICE_SERVERS_MAX - 1].secret[0], 0);
	assert_int_equal(config.ice_servers[0].credential[0], 0);
	assert_int_equal(config.webhooks[CONFIG_WEBHOOKS_MAX - 1].secret[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_key_has_its_secret, setup),
		cmocka_unit_test_setup(test_a_secret_of_its_own_goes_first, setup),
		cmocka_unit_test_setup(test_faults, setup),
		cmocka_unit_test_setup(test_secrets_are_forgotten, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
