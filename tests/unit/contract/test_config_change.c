// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], why[512];
static struct config before, now;
static char told[1024]; // KEY+ reloadable, KEY- not; c control, d data plane

static void tell(void *, const struct config_change *change)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof(told) - used, "%s%s%s%s ", change->key,
		change->reloadable ? "+" : "-", change->control ? "c" : "",
		change->dataplane ? "d" : "");
}

static const char *compared(void)
{
	told[0] = 0;
	config_compare(&before, &now, tell, NULL);
	return told;
}

static void set(const char *assignment)
{
	if (config_set(&now, assignment, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static void write_secret(const char *text)
{
	FILE *file = fopen("secret", "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int fresh(void **)
{
	config_init(&before);
	config_init(&now);
	return 0;
}

static int make_directory(void **)
{
	snprintf(directory, sizeof(directory), "/tmp/sluice-change-XXXXXX");
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **)
{
	unlink("secret");
	return chdir("/") || rmdir(directory);
}

static void nothing(void **)
{
	assert_string_equal(compared(), "");
}

static void who_must_restart(void **)
{
	set("http.port=8081");
	set("dataplane.workers=3");
	set("dataplane.buffers=4096");
	set("ports=[{interface: eth1}]");
	set("xdp_object=/x.o");
	set("admin.listen=127.0.0.1:9999");
	set("feeds.ports=9000-9001");
	assert_string_equal(compared(), "xdp_object-d ports-cd dataplane.workers-cd "
					"dataplane.buffers-d http.port-c admin.listen-c "
					"feeds.ports-cd ");
}

static void what_is_reloaded(void **)
{
	set("log_level=debug");
	set("limits.rooms=7");
	set("limits.grace=5s");
	set("auth.open=true");
	set("auth.issuer=me");
	set("rooms=[{name: a, auth: open}]");
	set("ice_servers=[{urls: \"stun:x\"}]");
	set("whip.strict_etag=true");
	set("http.origins=https://x");
	set("admin.grants=true");
	set("push=[{room: r, participant: p, url: 'http://a/w'}]");
	set("pull=[{room: r, url: 'http://a/w'}]");
	assert_string_equal(compared(),
		"log_level+cd http.origins+c admin.grants+c rooms+c ice_servers+c push+c pull+c "
		"whip.strict_etag+c auth.issuer+c auth.open+c limits.rooms+c limits.grace+c ");
	config_take(&before, &now);
	assert_string_equal(compared(), "");
	assert_int_equal(before.limits.rooms, 7);
	assert_int_equal(before.rooms_used, 1);
	assert_string_equal(before.rooms[0].name, "a");
	set("rooms=[]");
	assert_string_equal(compared(), "rooms+c ");
	config_take(&before, &now);
	assert_int_equal(before.rooms_used, 0);
}

static void what_needs_a_restart_stays(void **)
{
	set("http.port=8081");
	set("log_level=warn");
	config_take(&before, &now);
	assert_int_equal(before.http.port, 8080);
	assert_int_equal(before.log_level, CONFIG_LOG_WARN);
	assert_string_equal(compared(), "http.port-c "); // and is told the next time, too
}

// The name of the file stays, its content changes.
static void secrets(void **)
{
	write_secret("first-secret-of-all\n");
	set("auth.jwt_secret_file=secret");
	set("admin.token_file=secret");
	set("auth.keys=[{key: k, secret_file: secret}]");
	before = now;
	write_secret("second-secret-of-all\n");
	set("auth.jwt_secret_file=secret");
	set("auth.keys=[{key: k, secret_file: secret}]");
	assert_string_equal(compared(), "auth.jwt_secret_file+c auth.keys+c ");
	config_take(&before, &now);
	assert_string_equal(before.auth.jwt_secret, "second-secret-of-all");
	assert_string_equal(before.auth.keys[0].secret, "second-secret-of-all");
	assert_string_equal(before.admin.token, "first-secret-of-all");
	config_forget_secrets(&before);
	assert_string_equal(before.auth.jwt_secret, "");
	assert_string_equal(before.auth.keys[0].secret, "");
	assert_string_equal(before.admin.token, "");
	assert_string_equal(before.auth.keys[0].key, "k");
}

static void admin_keys(void **)
{
	set("auth.jwt_secret_file=secret");
	set("admin.listen=8080");
	assert_int_equal(config_check(&now, true, why, sizeof(why)), -1);
	assert_string_equal(why, "admin.listen: the port is the same as http.port");
	set("admin.listen=[::1]:8443");
	assert_int_equal(config_check(&now, true, why, sizeof(why)), 0);
	set("dialects=[{name: sfu, listen: 8443}]");
	assert_int_equal(config_check(&now, true, why, sizeof(why)), -1);
	set("admin.listen=");
	assert_int_equal(now.admin.port, 0);
	assert_int_equal(config_check(&now, true, why, sizeof(why)), 0);
	write_secret("tiny");
	set("admin.token_file=secret");
	assert_int_equal(config_check(&now, true, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "admin.token_file"));
	assert_null(strstr(why, "tiny")); // never the secret
	assert_int_equal(config_set(&now, "admin.listen=0", why, sizeof(why)), -1);
	assert_int_equal(config_set(&now, "admin.listen=x:1", why, sizeof(why)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing, fresh),
		cmocka_unit_test_setup(who_must_restart, fresh),
		cmocka_unit_test_setup(what_is_reloaded, fresh),
		cmocka_unit_test_setup(what_needs_a_restart_stays, fresh),
		cmocka_unit_test_setup(secrets, fresh),
		cmocka_unit_test_setup(admin_keys, fresh),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
