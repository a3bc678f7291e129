// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], why[512];
static struct config config;

static int make_directory(void **)
{
	snprintf(directory, sizeof(directory), "/tmp/sluice-print-XXXXXX");
	config_init(&config);
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **)
{
	unlink("c.yaml");
	unlink("secret");
	return chdir("/") || rmdir(directory);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static char *printed(const struct config *from)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	if (from)
		config_print(from, out);
	else
		config_print_sample(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect_reads_as(const char *text, const struct config *expected)
{
	struct config again;
	write_file("c.yaml", text);
	config_init(&again);
	if (config_read(&again, "c.yaml", why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_memory_equal(&again, expected, sizeof(again));
}

static void test_defaults_read_back(void **)
{
	char *text = printed(&config);
	expect_reads_as(text, &config);
	assert_non_null(strstr(text, "\n  grace: 30s\n"));
	assert_non_null(strstr(text, "\n  message_bytes: 256KiB\n"));
	assert_non_null(strstr(text, "\nports: []\n"));
	assert_non_null(strstr(text, "jwt_secret_file: \"\" # (not set)"));
	free(text);
}

static void test_everything_reads_back_without_its_secret(void **)
{
	static const char *const settings[] = {"media.addresses=192.0.2.1=203.0.113.7, 192.0.2.9",
		"ports={interface: eth1, netns: blue, configure_channels: true}, "
		"{driver: net_ice, device: 0000:01:00.0, arguments: 'a=\"b\\c\"'}",
		"dataplane.cores=2,3", "dataplane.idle=spin", "dataplane.hugepages=false",
		"dataplane.eal_arguments=--log-level=lib.eal:debug # no comment: really",
		"rooms={name: 'a*', mode: pass, auth: token}, {name: b}",
		"auth.keys={key: A, secret_file: secret}", "whip.strict_etag=true",
		"webhooks={url: 'http://a/', key: A, events: [room_started, track_unpublished]}, "
		"{url: 'https://b', key: B, secret_file: secret}",
		"log_format=json", "auth.open=true",
		"ice_servers={urls: 'stun:a turn:b', secret_file: secret, ttl: 90m}",
		"dialects={name: sfu, listen: 9000, mode: interpose, auth: open}, {name: sfu, "
		"listen: "
		"'[::1]:9001'}, "
		"{name: sfu, listen: '127.0.0.1:9002'}",
		"limits.setup=1500ms", "limits.drop=2m", "limits.message_bytes=65537",
		"log_level=error", "runtime_directory=-/odd: [path]", "auth.jwt_secret_file=secret",
		"http.host=::1"};
	write_file("secret", "hush-hush\n");
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (config_set(&config, settings[i], why, sizeof(why)) != 0)
			fail_msg("%s", why);
	char *text = printed(&config);
	assert_null(strstr(text, "hush"));
	assert_non_null(strstr(text, "jwt_secret_file: secret # (set)\n"));
	assert_non_null(strstr(text, "    - 2\n    - 3\n"));
	assert_non_null(strstr(text, "  - interface: eth1\n    driver: xdp\n"));
	assert_non_null(strstr(text, "listen: \"[::1]:9001\""));
	assert_non_null(strstr(text, "listen: 9000\n"));
	assert_non_null(strstr(text, "setup: 1500ms\n"));
	assert_non_null(strstr(text, "message_bytes: 65537\n"));
	expect_reads_as(text, &config);
	free(text);
}

static void test_sample_changes_nothing(void **)
{
	char *text = printed(NULL);
	expect_reads_as(text, &config);
	free(text);
}

// With every `#key: value` made live the sample still says the defaults.
static void test_sample_says_the_defaults(void **)
{
	char *text = printed(NULL), *live = calloc(1, strlen(text) + 1), *to = live;
	unsigned keys = 0;
	for (char *from = text; *from; from++) {
		bool hides_a_key = *from == '#' && islower((unsigned char)from[1]);
		keys += hides_a_key;
		if (!hides_a_key)
			*to++ = *from;
	}
	assert_true(keys > 30);
	assert_non_null(strstr(live, "\nmedia:\n  # UDP, the one port of all media. 1 to 65535.\n  "
				     "port: 7000\n"));
	expect_reads_as(live, &config);
	free(live);
	free(text);
}

// Whatever can be printed stands in the sample, and each line fits a screen or is one help text.
static void test_sample_names_every_key(void **)
{
	char *text = printed(NULL), *effective = printed(&config);
	for (char *line = strtok(effective, "\n"); line; line = strtok(NULL, "\n")) {
		char key[64] = "";
		sscanf(line, " %63[a-z_]", key);
		if (!strstr(text, key))
			fail_msg("%s is not in the sample", key);
	}
	assert_non_null(strstr(text, "SIGHUP reloads it"));
	assert_non_null(strstr(text, "One of: error warn info debug"));
	free(effective);
	free(text);
}

// packaging/sluice.yaml is what `sluice-control --sample` prints; make it anew when the schema changes.
static void test_sample_in_the_tree_is_fresh(void **)
{
	const char *path = "packaging/sluice.yaml"; // tests run from the root of the tree
	char *text = printed(NULL), *kept = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;
	if (!file || getdelim(&kept, &size, 0, file) < 0)
		fail_msg("%s cannot be read", path);
	fclose(file);
	assert_string_equal(kept, text);
	free(kept);
	free(text);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample_in_the_tree_is_fresh),
		CASE(test_defaults_read_back),
		CASE(test_everything_reads_back_without_its_secret),
		CASE(test_sample_changes_nothing),
		CASE(test_sample_says_the_defaults),
		CASE(test_sample_names_every_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
