// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[128], why[1024];
static struct config config;

static int make_directory(void **)
{
	snprintf(directory, sizeof(directory), "/tmp/sluice-config-XXXXXX");
	config_init(&config);
	why[0] = '\0';
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **)
{
	unlink("c.yaml");
	unlink("secret");
	return chdir("/") || rmdir(directory);
}

static void write_file(const char *name, const char *text, size_t length)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int read_text(const char *text)
{
	write_file("c.yaml", text, strlen(text));
	config_init(&config);
	return config_read(&config, "c.yaml", why, sizeof(why));
}

static void test_defaults(void **)
{
	assert_string_equal(config.runtime_directory, "/run/sluice");
	assert_string_equal(config.bpf_directory, "/sys/fs/bpf");
	assert_non_null(strstr(config.xdp_object, "steer.bpf.o"));
	assert_non_null(strstr(config.web_directory, "web"));
	assert_int_equal(config.log_level, CONFIG_LOG_INFO);
	assert_int_equal(config.media.port, 7000);
	assert_int_equal(config.http.port, 8080);
	assert_string_equal(config.http.host, "");
	assert_int_equal(config.dataplane.workers, 1);
	assert_int_equal(config.dataplane.idle, CONFIG_IDLE_ADAPTIVE);
	assert_true(config.dataplane.hugepages);
	assert_int_equal(config.limits.message_bytes, 262144);
	assert_int_equal(config.limits.suspect_ns, 15000000000);
	assert_int_equal(config.limits.auth_ns, 10000000000);
	assert_int_equal(config.ports_used, 0);
	assert_int_equal(config.dialects_used, 0);
}

static const char everything[] = "runtime_directory: /tmp/run dir\n"
				 "log_level: debug\n"
				 "media:\n"
				 "  port: 3478\n"
				 "  addresses:\n"
				 "    - 192.0.2.1=203.0.113.7\n"
				 "    - 2001:db8::1\n"
				 "    - {address: 192.0.2.2, announced: 203.0.113.8}\n"
				 "ports:\n"
				 "  - interface: eth1\n"
				 "    queues: 4\n"
				 "    configure_channels: yes\n"
				 "  - driver: net_ice\n"
				 "    device: 0000:01:00.0\n"
				 "    arguments: \"a=\\\"b\\\",c\"\n"
				 "dataplane:\n"
				 "  cores: [2, 3]\n"
				 "  idle: spin\n"
				 "  hugepages: off\n"
				 "dialects:\n"
				 "  - {name: sfu, listen: 9000}\n"
				 "  - {name: sfu, listen: \"127.0.0.1:9001\"}\n"
				 "  - {name: sfu, listen: \"[::1]:9002\"}\n"
				 "limits:\n"
				 "  message_bytes: 1MiB\n"
				 "  grace: 2m\n"
				 "  setup: 1500ms\n"
				 "auth:\n"
				 "  jwt_secret_file: secret\n";

static void expect_everything(void)
{
	assert_string_equal(config.runtime_directory, "/tmp/run dir");
	assert_int_equal(config.log_level, CONFIG_LOG_DEBUG);
	assert_int_equal(config.media.port, 3478);
	assert_int_equal(config.media.addresses_used, 3);
	assert_string_equal(config.media.addresses[0].address, "192.0.2.1");
	assert_string_equal(config.media.addresses[0].announced, "203.0.113.7");
	assert_string_equal(config.media.addresses[1].address, "2001:db8::1");
	assert_string_equal(config.media.addresses[1].announced, "");
	assert_string_equal(config.media.addresses[2].announced, "203.0.113.8");
	assert_int_equal(config.ports_used, 2);
	assert_string_equal(config.ports[0].interface, "eth1");
	assert_string_equal(config.ports[0].driver, "xdp");
	assert_int_equal(config.ports[0].queues, 4);
	assert_true(config.ports[0].configure_channels);
	assert_string_equal(config.ports[1].driver, "net_ice");
	assert_string_equal(config.ports[1].device, "0000:01:00.0");
	assert_string_equal(config.ports[1].arguments, "a=\"b\",c");
	assert_int_equal(config.dataplane.cores_used, 2);
	assert_int_equal(config.dataplane.cores[1], 3);
	assert_int_equal(config.dataplane.idle, CONFIG_IDLE_SPIN);
	assert_false(config.dataplane.hugepages);
	assert_int_equal(config.dialects_used, 3);
	assert_string_equal(config.dialects[0].host, "");
	assert_int_equal(config.dialects[0].port, 9000);
	assert_string_equal(config.dialects[1].host, "127.0.0.1");
	assert_string_equal(config.dialects[2].host, "::1");
	assert_int_equal(config.dialects[2].port, 9002);
	assert_int_equal(config.limits.message_bytes, 1048576);
	assert_int_equal(config.limits.grace_ns, 120000000000);
	assert_int_equal(config.limits.setup_ns, 1500000000);
	assert_string_equal(config.auth.jwt_secret, "top secret");
}

static void test_reads_everything(void **)
{
	write_file("secret", "top secret\r\n", 12);
	if (read_text(everything) != 0)
		fail_msg("%s", why);
	expect_everything();
	assert_int_equal(config_check(&config, true, why, sizeof(why)), 0);
	assert_int_equal(config_check(&config, false, why, sizeof(why)), 0);
	config_forget_secrets(&config);
	for (size_t i = 0; i < sizeof(config.auth.jwt_secret); i++)
		assert_int_equal(config.auth.jwt_secret[i], 0);
}

static void test_empty_files_and_sections_change_nothing(void **)
{
	struct config defaults = config;
	const char *const texts[] = {"", "# nothing\n", "---\n", "media:\nports:\nlimits:\n",
		"media:\n  addresses:\n", "media:\n  addresses: []\n"};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(texts[i]), 0);
		assert_memory_equal(&config, &defaults, sizeof(config));
	}
}

struct bad {
	const char *text, *message;
};

#define TOP_KEYS                                                                              \
	"runtime_directory, web_directory, xdp_object, bpf_directory, log_level, "            \
	"log_format, media, ports, "                                                          \
	"dataplane, http, admin, dialects, rooms, ice_servers, feeds, push, pull, webhooks, " \
	"whip, auth, "                                                                        \
	"capture, admission, test, limits"

static const struct bad bad_files[] = {
	{"media:\n  prot: 7\n", "c.yaml:2: media.prot: unknown key; known here: port, addresses"},
	{"colour: red\n", "c.yaml:1: colour: unknown key; known here: " TOP_KEYS},
	{"http.port: 7\n", "c.yaml:1: http.port: unknown key; known here: " TOP_KEYS},
	{"media:\n  port: 70000\n", "c.yaml:2: media.port: 70000 is not between 1 and 65535"},
	{"media:\n  port: 0\n", "c.yaml:2: media.port: 0 is not between 1 and 65535"},
	{"media:\n  port: 99999999999999999999999\n",
		"c.yaml:2: media.port: 99999999999999999999999 is not between 1 and "
		"65535"},
	{"media:\n  port: -1\n", "c.yaml:2: media.port: \"-1\" is not a whole number"},
	{"media:\n  port: 7x\n", "c.yaml:2: media.port: \"7x\" is not a whole number"},
	{"media:\n  port:\n", "c.yaml:2: media.port: \"\" is not a whole number"},
	{"media:\n  port: [7]\n", "c.yaml:2: media.port: must be a single value, not a list"},
	{"media: 7\n", "c.yaml:1: media: must be a map, not a single value; indent its keys "
		       "below it"},
	{"media:\n  port: 1\nlog_level: info\nmedia:\n  port: 2\n",
		"c.yaml:4: media: stands here a second time"},
	{"media:\n  port: 1\n\n  port: 2\n", "c.yaml:4: media.port: stands here a second time"},
	{"log_level: loud\n", "c.yaml:1: log_level: \"loud\" is none of: error warn info debug"},
	{"log_level: inf\n", "c.yaml:1: log_level: \"inf\" is none of: error warn info debug"},
	{"log_format: xml\n", "c.yaml:1: log_format: \"xml\" is none of: text json"},
	{"webhooks: [{url: 'http://a', events: [room_begun]}]\n",
		"c.yaml:1: webhooks[0].events[0]: \"room_begun\" is none of: room_started "
		"room_finished participant_joined participant_left "
		"participant_connection_aborted track_published track_unpublished"},
	{"webhooks: [{url: 'http://a', events: track_published}]\n",
		"c.yaml:1: webhooks[0].events: must be a list, not a single value; begin each "
		"item with a dash"},
	{"dataplane:\n  hugepages: maybe\n",
		"c.yaml:2: dataplane.hugepages: \"maybe\" is neither true nor false"},
	{"dataplane:\n  cores: 2\n",
		"c.yaml:2: dataplane.cores: must be a list, not a single value; begin "
		"each item with a dash"},
	{"dataplane:\n  cores:\n    - 1\n    - two\n",
		"c.yaml:4: dataplane.cores[1]: \"two\" is not a whole number"},
	{"dataplane:\n  cores: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]\n",
		"c.yaml:2: dataplane.cores: has more than 16 items"},
	{"limits:\n  grace: 30\n",
		"c.yaml:2: limits.grace: \"30\" is not a number with a unit (ns, us, ms, "
		"s, m, h), such as 10s"},
	{"limits:\n  grace: 10ms\n", "c.yaml:2: limits.grace: 10ms is not between 1s and 1h"},
	{"limits:\n  grace: 18446744073709551615h\n",
		"c.yaml:2: limits.grace: 18446744073709551615h is not between 1s and 1h"},
	{"limits:\n  message_bytes: 2MB\n",
		"c.yaml:2: limits.message_bytes: \"2MB\" is not a number of bytes, such "
		"as 65536, 64KiB or 2MiB"},
	{"limits:\n  message_bytes: 1GiB\n",
		"c.yaml:2: limits.message_bytes: 1GiB is not between 4KiB and 16MiB"},
	{"media:\n  addresses: [example.org]\n",
		"c.yaml:2: media.addresses[0]: \"example.org\" is no numeric IPv4 or IPv6 "
		"address"},
	{"media:\n  addresses: [0.0.0.0]\n",
		"c.yaml:2: media.addresses[0]: 0.0.0.0 is not one address; leave the list "
		"empty for all"},
	{"media:\n  addresses: [\"192.0.2.1=2001:db8::1\"]\n",
		"c.yaml:2: media.addresses[0]: 192.0.2.1 and the announced 2001:db8::1 "
		"are of different IP versions"},
	{"media:\n  addresses:\n    - announced: 192.0.2.1\n",
		"c.yaml:3: media.addresses[0]: has no `address`"},
	{"media:\n  addresses:\n    - adr: 192.0.2.1\n",
		"c.yaml:3: media.addresses[0].adr: unknown key; known here: address, "
		"announced"},
	{"media:\n  addresses:\n    - [192.0.2.1]\n",
		"c.yaml:3: media.addresses[0]: must be a map such as "
		"192.0.2.1=203.0.113.7, not a list"},
	{"ports:\n  - eth0\n",
		"c.yaml:2: ports[0]: must be a map such as {interface: eth1, driver: xdp, "
		"queues: 1}, not a single value"},
	{"ports:\n  - queues: 1\n", "c.yaml:2: ports[0]: driver xdp needs an `interface`"},
	{"ports:\n  - interface: a\n  - driver: net_ice\n",
		"c.yaml:3: ports[1]: driver net_ice needs a `device`: a PCI address or a "
		"virtual device"},
	{"ports:\n  - interface: a\n    driver:\n",
		"c.yaml:2: ports[0]: has no `driver`; write xdp, packet or a DPDK "
		"driver's name"},
	{"ports:\n  - interface: 12345678901234567890123456789012\n",
		"c.yaml:2: ports[0].interface: is 32 bytes long, at most 31"},
	{"ports:\n  - interface: \"a\\nb\"\n",
		"c.yaml:2: ports[0].interface: contains a control character"},
	{"ports:\n  - interface: \"a\\0b\"\n",
		"c.yaml:2: ports[0].interface: contains a zero byte"},
	{"dialects:\n  - listen: 9\n", "c.yaml:2: dialects[0]: has no `name` of a dialect"},
	{"dialects:\n  - name: sfu\n",
		"c.yaml:2: dialects[0]: has no `listen` address, such as 0.0.0.0:9000"},
	{"dialects:\n  - name: sfu\n    listen: ::1:90\n",
		"c.yaml:3: dialects[0].listen: \"::1:90\": write an IPv6 address as "
		"[ADDRESS]:PORT"},
	{"dialects:\n  - name: sfu\n    listen: here:90\n",
		"c.yaml:3: dialects[0].listen: \"here\" is no numeric IPv4 or IPv6 "
		"address"},
	{"dialects:\n  - name: sfu\n    listen: \"127.0.0.1:\"\n",
		"c.yaml:3: dialects[0].listen: \"\" is not a whole number"},
	{"http:\n  host: localhost\n",
		"c.yaml:2: http.host: \"localhost\" is no numeric IPv4 or IPv6 address"},
	{"auth:\n  jwt_secret: abc\n", "c.yaml:2: auth.jwt_secret: unknown key; known here: "
				       "jwt_secret_file, keys, public_key_file, jwks_file, "
				       "issuer, session_tokens, open, development_tokens"},
	{"auth:\n  jwt_secret_file: nowhere\n",
		"c.yaml:2: auth.jwt_secret_file: nowhere: cannot be read: No such file or "
		"directory"},
	{"auth:\n  jwt_secret_file: .\n",
		"c.yaml:2: auth.jwt_secret_file: .: cannot be read: Is a directory"},
	{"dialects: [{name: sfu, listen: 9000, mode: mesh}]\n",
		"c.yaml:1: dialects[0].mode: \"mesh\" is none of: default sfu pass interpose"},
	{"rooms: [{mode: pass}]\n", "c.yaml:1: rooms[0]: has no `name` of a room"},
	{"ice_servers: [{username: u}]\n",
		"c.yaml:1: ice_servers[0]: has no `urls`, such as stun:stun.example:3478"},
	{"ice_servers: [{urls: 'stun:a http://b'}]\n",
		"c.yaml:1: ice_servers[0]: `urls` must begin with stun:, stuns:, turn: or turns:"},
	{"ice_servers: [{urls: 'stun:a>; rel=x'}]\n",
		"c.yaml:1: ice_servers[0]: `urls` must begin with stun:, stuns:, turn: or turns:"},
	{"ice_servers: [{urls: 'stun:a turn:b'}]\n",
		"c.yaml:1: ice_servers[0]: a TURN server needs a `credential_file` or a "
		"`secret_file`"},
	{"ice_servers: [{urls: turn:b, secret_file: nowhere}]\n",
		"c.yaml:1: ice_servers[0].secret_file: nowhere: cannot be read: No such file or "
		"directory"},
	{"ice_servers: [{urls: stun:b, ttl: 2d}]\n", NULL},
	{"- a\n", "c.yaml:1: must be a map of keys, not a list"},
	{"just text\n", "c.yaml:1: must be a map of keys, not a single value"},
	{"{a: b}: c\n", "c.yaml:1: a key must be a word, not a map"},
	{"media: {port: 7\n", NULL},
	{"media:\n\tport: 7\n", NULL},
	{"log_level: info\n---\nlog_level: warn\n",
		"c.yaml:3: a second document begins here; one file is one document"},
	{"log_level: info\n--- *x\n", NULL},
	{"log_level: &a [*a]\n", "c.yaml:1: log_level: must be a single value, not a list"},
	{"ports: &a [*a]\n", NULL},
};

static void test_bad_files(void **)
{
	for (unsigned i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		int result = read_text(bad_files[i].text);
		assert_int_equal(result, -1);
		if (bad_files[i].message)
			assert_string_equal(why, bad_files[i].message);
		else
			assert_int_equal(strncmp(why, "c.yaml:", 7), 0);
	}
}

static void test_unreadable_files(void **)
{
	assert_int_equal(config_read(&config, "nowhere.yaml", why, sizeof(why)), -1);
	assert_string_equal(why, "nowhere.yaml: cannot be read: No such file or directory");
	assert_int_equal(config_read(&config, directory, why, sizeof(why)), -1);
	snprintf(path, sizeof(path), "%s: cannot be read: Is a directory", directory);
	assert_string_equal(why, path);
	// a message that does not fit is cut, not written behind its room
	char small[8] = "xxxxxxx";
	assert_int_equal(config_read(&config, "nowhere.yaml", small, 4), -1);
	assert_string_equal(small, "now");
	assert_int_equal(small[4], 'x');
}

static void test_secrets_of_others(void **)
{
	static const char text[] = "auth:\n  jwt_secret_file: nowhere\n";
	write_file("c.yaml", text, strlen(text));
	config_init(&config);
	config.secrets_unread = true;
	assert_int_equal(config_read(&config, "c.yaml", why, sizeof(why)), 0);
	assert_string_equal(config.auth.jwt_secret_file, "nowhere");
	assert_string_equal(config.auth.jwt_secret, "");
}

static void test_webhooks(void **)
{
	static const char text[] =
		"auth:\n  jwt_secret_file: secret\n  keys: [{key: A, secret_file: secret}]\n"
		"webhooks:\n  - {url: 'https://a/x', key: A}\n"
		"  - url: http://b:8/y?z=1\n    key: B\n    secret_file: secret\n"
		"    events: [track_published, room_finished]\n";
	static const char stranger[] = "auth:\n  jwt_secret_file: secret\n"
				       "webhooks: [{url: 'https://a/x', key: A}]\n";
	write_file("secret", "top secret\n", 11);
	if (read_text(text) != 0 || config_check(&config, true, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_int_equal(config.webhooks_used, 2);
	assert_int_equal(config.webhooks[0].events_used, 0);
	assert_int_equal(config.webhooks[1].events_used, 2);
	assert_int_equal(config.webhooks[1].events[0], CONFIG_TRACK_PUBLISHED);
	assert_int_equal(config.webhooks[1].events[1], CONFIG_ROOM_FINISHED);
	assert_string_equal(config.webhooks[1].url, "http://b:8/y?z=1");
	assert_string_equal(config_webhook_secret(&config, &config.webhooks[0]), "top secret");
	assert_int_equal(read_text(stranger), 0);
	assert_int_equal(config_check(&config, true, why, sizeof(why)), -1);
	assert_string_equal(why, "webhooks: a `key` is none of auth.keys: add it there, or name a "
				 "`secret_file`");
}

static void test_ice_servers(void **)
{
	static const char turn[] =
		"ice_servers:\n  - urls: turn:a turns:b\n    secret_file: secret\n"
		"  - urls: turn:c\n    username: u\n    credential_file: secret\n"
		"    ttl: 1h\n";
	static const char both[] = "ice_servers: [{urls: turn:b, secret_file: secret, "
				   "credential_file: secret}]\n";
	static const char nobody[] = "ice_servers: [{urls: turn:b, credential_file: secret}]\n";
	char large[64];
	write_file("secret", "north\n", 6);
	assert_int_equal(read_text(turn), 0);
	assert_int_equal(config.ice_servers_used, 2);
	assert_string_equal(config.ice_servers[0].urls, "turn:a turns:b");
	assert_string_equal(config.ice_servers[0].secret, "north");
	assert_int_equal(config.ice_servers[0].ttl_ns, 14400ull * 1000000000);
	assert_string_equal(config.ice_servers[1].credential, "north");
	assert_int_equal(config.ice_servers[1].ttl_ns, 3600ull * 1000000000);
	config_forget_secrets(&config);
	assert_string_equal(config.ice_servers[0].secret, "");
	assert_string_equal(config.ice_servers[1].credential, "");
	config.secrets_unread = true;
	assert_int_equal(config_set(&config, "ice_servers={urls: turn:a, secret_file: nowhere}",
				 why, sizeof(why)),
		0);
	assert_int_equal(read_text(both), -1);
	assert_non_null(strstr(why, "not both"));
	assert_int_equal(read_text(nobody), -1);
	assert_non_null(strstr(why, "needs a `username`"));
	memset(large, 'k', sizeof(large));
	write_file("secret", large, sizeof(large));
	assert_int_equal(read_text("ice_servers: [{urls: turn:b, username: u, credential_file: "
				   "secret}]\n"),
		-1);
	assert_non_null(strstr(why, "is longer than 63 bytes"));
}

static void test_bad_secrets(void **)
{
	static const char text[] = "auth:\n  jwt_secret_file: secret\n";
	char large[600];
	memset(large, 'k', sizeof(large));
	write_file("secret", "", 0);
	assert_int_equal(read_text(text), -1);
	assert_string_equal(why, "c.yaml:2: auth.jwt_secret_file: secret: is empty; fill it with "
				 "`openssl rand -hex 32 > secret`");
	write_file("secret", " \n\n", 3);
	assert_int_equal(read_text(text), -1);
	assert_non_null(strstr(why, "is empty"));
	write_file("secret", "a\0b", 3);
	assert_int_equal(read_text(text), -1);
	assert_non_null(strstr(why, "contains a zero byte"));
	write_file("secret", large, 512);
	assert_int_equal(read_text(text), -1);
	assert_non_null(strstr(why, "is longer than 511 bytes"));
	write_file("secret", large, sizeof(large));
	assert_int_equal(read_text(text), -1);
	assert_non_null(strstr(why, "is longer than 511 bytes"));
	write_file("secret", large, 511);
	assert_int_equal(read_text(text), 0);
	assert_int_equal(strlen(config.auth.jwt_secret), 511);
}

static void test_environment(void **)
{
	char *environment[] = {"PATH=/bin", "SLUICE_RUN_PRIVATE=1", "SLUICE_VERSION=x",
		"SLUICE_RUNTIME_DIRECTORY=/tmp/x", "SLUICE_MEDIA__PORT=81",
		"SLUICE_HTTP__ORIGINS=", "SLUICE_DATAPLANE__CACHE_PACKETS=64",
		"SLUICE_DATAPLANE__CORES=4,5", NULL};
	assert_int_equal(config_read_environment(&config, environment, why, sizeof(why)), 0);
	assert_string_equal(config.runtime_directory, "/tmp/x");
	assert_int_equal(config.media.port, 81);
	assert_int_equal(config.dataplane.cache_packets, 64);
	assert_int_equal(config.dataplane.cores_used, 2);
	assert_int_equal(config.dataplane.cores[1], 5);

	char *unknown[] = {"SLUICE_MEDIA__PROT=81", NULL};
	assert_int_equal(config_read_environment(&config, unknown, why, sizeof(why)), -1);
	assert_string_equal(
		why, "SLUICE_MEDIA__PROT: unknown key; `sluice-control --sample` lists all");
	char *wrong[] = {"SLUICE_MEDIA__PORT=x", NULL};
	assert_int_equal(config_read_environment(&config, wrong, why, sizeof(why)), -1);
	assert_string_equal(why, "SLUICE_MEDIA__PORT: \"x\" is not a whole number");
}

static void test_flags(void **)
{
	assert_int_equal(config_set(&config, "media.port=99", why, sizeof(why)), 0);
	assert_int_equal(config.media.port, 99);
	assert_int_equal(config_set(&config, "http.origins=a=b c=d", why, sizeof(why)), 0);
	assert_string_equal(config.http.origins, "a=b c=d");
	assert_int_equal(
		config_set(&config, "ports=[{interface: a, driver: packet}, {interface: b}]", why,
			sizeof(why)),
		0);
	assert_int_equal(config.ports_used, 2);
	assert_string_equal(config.ports[0].driver, "packet");
	assert_int_equal(
		config_set(&config, "media.addresses=192.0.2.1=192.0.2.2", why, sizeof(why)), 0);
	assert_string_equal(config.media.addresses[0].announced, "192.0.2.2");
	assert_int_equal(config_set(&config, "ports=", why, sizeof(why)), 0);
	assert_int_equal(config.ports_used, 0);

	static const struct bad bad[] = {
		{"media.port", "media.port: an assignment is section.key=value"},
		{"=5", "an assignment is section.key=value"},
		{"media=5", "media: is a section; name one of its keys"},
		{"media.=5", "media.: unknown key; `sluice-control --sample` lists all"},
		{"medi=5", "medi: unknown key; `sluice-control --sample` lists all"},
		{"media.port=", "media.port: \"\" is not a whole number"},
		{"ports=[{interface: a, driver: [}]", NULL},
		{"ports=a: b: c", NULL},
		{"ports=[{interface: a, queues: x}]",
			"ports[0].queues: \"x\" is not a whole number"},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_set(&config, bad[i].text, why, sizeof(why)), -1);
		if (bad[i].message)
			assert_string_equal(why, bad[i].message);
	}
	char *large = calloc(1, 70000);
	memset(large, 'a', 69999);
	assert_int_equal(config_set(&config, large, why, sizeof(why)), -1);
	free(large);
}

static void check_says(bool control, const char *settings[], const char *message)
{
	config_init(&config);
	write_file("secret", "s", 1);
	for (unsigned i = 0; settings[i]; i++)
		if (config_set(&config, settings[i], why, sizeof(why)) != 0)
			fail_msg("%s", why);
	int result = config_check(&config, control, why, sizeof(why));
	assert_int_equal(result, message ? -1 : 0);
	if (message && strncmp(why, message, strlen(message)) != 0)
		fail_msg("\"%s\" is not \"%s\"", why, message);
}

#define SETTINGS(...)             \
	(const char *[])          \
	{                         \
		__VA_ARGS__, NULL \
	}
#define SECRET "auth.jwt_secret_file=secret"

static void test_checks_of_the_whole(void **)
{
	check_says(true, SETTINGS(SECRET), NULL);
	check_says(true, SETTINGS("http.port=1"),
		"auth.jwt_secret_file: missing: without a secret nobody could be let in; make one "
		"with `(umask 077; openssl rand -hex 32 > FILE)` and name the FILE here");
	check_says(true, SETTINGS("auth.jwks_file=keys"), NULL);
	check_says(true, SETTINGS("auth.keys={key: A, secret_file: secret}"), NULL);
	check_says(true, SETTINGS("auth.jwks_file=keys", "auth.development_tokens=true"),
		"auth.jwt_secret_file: missing");
	check_says(true, SETTINGS(SECRET, "auth.session_tokens=true", "auth.jwks_file=keys"),
		"auth.session_tokens: needs auth.public_key_file");
	check_says(true, SETTINGS(SECRET, "http.tls_key=secret"),
		"http.tls_certificate: certificate and http.tls_key go together");
	check_says(true, SETTINGS(SECRET, "http.tls_key=secret", "http.tls_certificate=absent"),
		"http.tls_certificate: absent: cannot be read: No such file");
	check_says(
		true, SETTINGS(SECRET, "http.tls_key=secret", "http.tls_certificate=secret"), NULL);
	check_says(true, SETTINGS(SECRET, "dialects={name: sfu, listen: 8080}"),
		"dialects: a port is the same as http.port");
	check_says(true,
		SETTINGS(SECRET, "dialects={name: a, listen: 90}, {name: b, listen: 127.0.0.1:90}"),
		"dialects: a port is named twice");
	check_says(true, SETTINGS(SECRET, "limits.suspect=40s"),
		"limits.suspect: must be shorter than limits.drop");
	check_says(false, SETTINGS(SECRET), "ports: none: name at least one");
	check_says(false, SETTINGS("ports={interface: a}"), NULL);
	check_says(false, SETTINGS("ports={interface: a}, {interface: a}"),
		"ports: an interface is named twice");
	check_says(false, SETTINGS("ports={interface: a}, {interface: a, netns: b}"), NULL);
	check_says(false, SETTINGS("ports={driver: net_ice, device: x}"),
		"ports[0].address: must be named");
	check_says(false, SETTINGS("ports={interface: a}", "dataplane.cores=1,2,1"),
		"dataplane.cores: a CPU is named twice");
	check_says(false, SETTINGS("ports={interface: a}", "media.addresses=192.0.2.1, 192.0.2.1"),
		"media.addresses: an address is named twice");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		CASE(test_defaults),
		CASE(test_reads_everything),
		CASE(test_empty_files_and_sections_change_nothing),
		CASE(test_bad_files),
		CASE(test_unreadable_files),
		CASE(test_secrets_of_others),
		CASE(test_webhooks),
		CASE(test_ice_servers),
		CASE(test_bad_secrets),
		CASE(test_environment),
		CASE(test_flags),
		CASE(test_checks_of_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
