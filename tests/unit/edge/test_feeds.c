// SPDX-License-Identifier: Apache-2.0
#include "edge/feeds.h"
#include "unit/core/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct world world;
static struct loop *loop;
static struct config config;
static struct edge_counters counters;
static struct feeds *feeds;
static char directory[] = "/tmp/test_feeds.XXXXXX", path[64], why[FEED_ERROR_MAX];

static uint64_t now(void *)
{
	return 1000;
}

static void settle(void *)
{
}

static int control(void *, struct core_transport_id, const struct desc_candidate *, unsigned)
{
	return 0;
}

static int port_open(void *, uint16_t, char *, size_t)
{
	return 0;
}

static void port_close(void *, uint16_t)
{
}

static struct feed_host host = {
	.control = control, .settle = settle, .now_ms = now, .port = {NULL, port_open, port_close}};

static void begin(void)
{
	feeds = feeds_create(&host, &config, &counters);
	assert_non_null(feeds);
}

static void begin_again(void)
{
	feeds_destroy(feeds);
	begin();
}

static int fresh(void **)
{
	struct loop_options options = {.http = lws_callback_http_dummy};
	char text[128];

	memset(&config, 0, sizeof(config));
	memset(&counters, 0, sizeof(counters));
	strcpy(config.runtime_directory, directory);
	config.media.port = 7000;
	unlink(path);
	world_begin(&world);
	loop = loop_create(&options, text, sizeof(text));
	host.core = world.core;
	host.client = client_create(loop);
	begin();
	return 0;
}

static int done(void **)
{
	feeds_destroy(feeds);
	feeds_destroy(NULL);
	client_destroy(host.client);
	loop_destroy(loop);
	world_end(&world);
	return 0;
}

static struct feed_settings settings_of(
	enum edge_feed_kind kind, const char *room, const char *identity, const char *url)
{
	struct feed_settings settings = {.kind = kind};

	snprintf(settings.room, sizeof(settings.room), "%s", room);
	snprintf(settings.identity, sizeof(settings.identity), "%s", identity);
	snprintf(settings.url, sizeof(settings.url), "%s", url);
	return settings;
}

static int add(enum edge_feed_kind kind, const char *room, const char *identity, const char *url)
{
	struct feed_settings settings = settings_of(kind, room, identity, url);

	return feeds_add(feeds, &settings, why);
}

static int take_away(
	enum edge_feed_kind kind, const char *room, const char *identity, const char *url)
{
	struct feed_settings settings = settings_of(kind, room, identity, url);

	return feeds_remove(feeds, &settings, why);
}

// How many there are; `text` is a field of the last one.
static size_t count(const char *name, char text[64])
{
	json_t *list = feeds_view(feeds, 2000);
	size_t size = json_array_size(list);

	if (name && size)
		snprintf(text, 64, "%s",
			json_string_value(json_object_get(json_array_get(list, size - 1), name)));
	json_decref(list);
	return size;
}

static void what_is_added_is_kept(void **)
{
	struct stat info;
	char text[64];

	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a.invalid/w"), 0);
	assert_int_equal(add(EDGE_FEED_PULL, "r", "q", "https://a.invalid/w"), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	begin_again();
	assert_int_equal(count("identity", text), 2);
	assert_string_equal(text, "q");
	count("from", text);
	assert_string_equal(text, "sluicectl");
	count("state", text);
	assert_string_equal(text, "waiting");
	assert_int_equal(take_away(EDGE_FEED_PULL, "r", "", "https://a.invalid/w"), 0);
	assert_int_equal(take_away(EDGE_FEED_PUSH, "r", "p", "http://a.invalid/w"), 0);
	begin_again();
	assert_int_equal(count(NULL, NULL), 0);
}

static void what_cannot_be_added(void **)
{
	struct feed_settings settings = settings_of(EDGE_FEED_PUSH, "r", "p", "http://b");

	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a"), 0);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "@p", "http://a/@p?@"), 0);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a"), -1);
	assert_non_null(strstr(why, "already"));
	assert_int_equal(add(EDGE_FEED_PUSH, "", "p", "http://a"), -1);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "", "http://a"), -1);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "file:///etc/passwd"), -1);
	assert_non_null(strstr(why, "http"));
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://user:word@a/"), -1);
	assert_non_null(strstr(why, "password"));
	strcpy(settings.token_file, "token");
	assert_int_equal(feeds_add(feeds, &settings, why), -1);
	assert_int_equal(add(EDGE_FEED_PULL, "r", "q", "http://a"), 0);
	assert_int_equal(add(EDGE_FEED_PULL, "r", "q", "http://b"), -1);
	assert_non_null(strstr(why, "--identity"));
	assert_int_equal(add(EDGE_FEED_PULL, "other", "q", "http://b"), 0);
	assert_int_equal(count(NULL, NULL), 4);
	assert_int_equal(take_away(EDGE_FEED_PUSH, "r", "p", "http://c"), -1);
}

static void there_are_not_too_many(void **)
{
	char url[32];

	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		snprintf(url, sizeof(url), "http://a/%u", i);
		assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", url), 0);
	}
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://b"), -1);
}

static void each_needs_a_port(void **)
{
	strcpy(config.feeds.ports, "7101-7102");
	begin_again();
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a"), 0);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://b"), 0);
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://c"), -1);
	assert_string_equal(
		why, "all 2 local ports of feeds.ports (7101-7102) are in use: widen it");
	strcpy(config.feeds.ports, "7101-7101");
	begin_again(); // none is forgotten for it
	assert_int_equal(count(NULL, NULL), 2);
}

// One item of each list; NULL = none.
static void configure(const char *push_url, const char *pull_url)
{
	strcpy(config.push[0].room, "r");
	strcpy(config.push[0].participant, "p");
	strcpy(config.pull[0].room, "r");
	strcpy(config.pull[0].identity, "q");
	config.push_used = push_url != NULL;
	config.pull_used = pull_url != NULL;
	if (push_url)
		strcpy(config.push[0].url, push_url);
	if (pull_url)
		strcpy(config.pull[0].url, pull_url);
	feeds_reload(feeds, &config);
}

static void the_lists_are_reloaded(void **)
{
	char text[64];

	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://own"), 0);
	configure("http://a", NULL);
	assert_int_equal(count("from", text), 2);
	assert_string_equal(text, "configuration");
	configure("http://a", "http://b");
	assert_int_equal(count("kind", text), 3);
	assert_string_equal(text, "pull");
	// another token is no other session
	strcpy(config.push[0].token_file, "/token");
	feeds_tick(feeds, 1000);
	configure("http://a", NULL);
	assert_int_equal(count("tokenFile", text), 2);
	assert_string_equal(text, "/token");
	configure(NULL, "http://c");
	assert_int_equal(count("url", text), 2);
	assert_string_equal(text, "http://c");
	configure(NULL, NULL);
	assert_int_equal(count("url", text), 1);
	assert_string_equal(text, "http://own"); // which is none of the configuration's business
	// until the configuration has it, too: then it is in no file any more
	configure("http://own", NULL);
	assert_int_equal(count("from", text), 1);
	assert_string_equal(text, "configuration");
	configure(NULL, NULL);
	begin_again();
	assert_int_equal(count(NULL, NULL), 0);
}

static void a_reload_that_cannot_be(void **)
{
	char text[64];

	assert_int_equal(add(EDGE_FEED_PULL, "r", "q", "http://own"), 0);
	configure(NULL, "http://a"); // the identity is taken
	assert_int_equal(count("url", text), 1);
	assert_string_equal(text, "http://own");
}

static void those_of_the_configuration(void **)
{
	char text[64];

	strcpy(config.push[0].room, "r");
	strcpy(config.push[0].participant, "p");
	strcpy(config.push[0].url, "http://a.invalid/w");
	strcpy(config.pull[0].room, "r");
	strcpy(config.pull[0].identity, "pull");
	strcpy(config.pull[0].url, "http://a.invalid/w");
	config.push_used = config.pull_used = 1;
	begin_again();
	assert_int_equal(count("from", text), 2);
	assert_string_equal(text, "configuration");
	assert_int_equal(take_away(EDGE_FEED_PUSH, "r", "p", "http://a.invalid/w"), -1);
	assert_non_null(strstr(why, "configuration"));
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a.invalid/w"), -1);
	begin_again();
	assert_int_equal(count(NULL, NULL), 2);
}

static void files_that_make_no_sense(void **)
{
	static const char *const texts[] = {"", "{}", "[1, {}, null]", "[{\"kind\": \"push\"}]",
		"[{\"kind\":\"push\",\"room\":\"r\",\"identity\":\"p\",\"url\":\"ftp://a\","
		"\"tokenFile\":\"\"}]",
		"nonsense"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(path, "w");

		fputs(texts[i], file);
		fclose(file);
		begin_again();
		assert_int_equal(count(NULL, NULL), 0);
	}
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a"), 0);
	begin_again();
	assert_int_equal(count(NULL, NULL), 1);
}

static void a_directory_that_cannot_be_written(void **)
{
	strcpy(config.runtime_directory, "/no/such/directory");
	begin_again();
	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a"), -1);
	assert_non_null(strstr(why, "cannot be written"));
	assert_int_equal(count(NULL, NULL), 0);
}

static void they_are_counted(void **)
{
	const struct core_participant nobody = {.dialect = "sfu"}, puller = {.dialect = "pull"};
	struct core_event event = {.type = CORE_EVENT_KICKED};

	assert_int_equal(add(EDGE_FEED_PUSH, "r", "p", "http://a.invalid/w"), 0);
	assert_int_equal(add(EDGE_FEED_PULL, "r", "q", "http://a.invalid/w"), 0);
	feeds_tick(feeds, 1000);
	assert_int_equal(counters.feeds[EDGE_FEED_PUSH][EDGE_FEED_WAITING], 1);
	assert_int_equal(counters.feeds[EDGE_FEED_PULL][EDGE_FEED_OFFERING], 1);
	feeds_tick(feeds, 1250);
	assert_int_equal(counters.feeds[EDGE_FEED_PUSH][EDGE_FEED_WAITING], 1);
	assert_int_equal(counters.feed_failures[EDGE_FEED_PULL], 0);
	assert_int_equal(counters.feed_ports, CONFIG_FEED_PORTS);
	assert_int_equal(counters.feed_ports_used, 1); // nobody waits with a port
	feeds_tick(NULL, 0);
	assert_false(feeds_event(feeds, &event));
	event.link = &event;
	assert_false(feeds_event(feeds, &event));
	event.link = core_participant_next(world.core, NULL)->link; // the pull's
	assert_true(feeds_event(feeds, &event));
	assert_false(feeds_owns(&nobody));
	assert_true(feeds_owns(&puller));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(what_is_added_is_kept),
		CASE(what_cannot_be_added),
		CASE(there_are_not_too_many),
		CASE(each_needs_a_port),
		CASE(the_lists_are_reloaded),
		CASE(a_reload_that_cannot_be),
		CASE(those_of_the_configuration),
		CASE(files_that_make_no_sense),
		CASE(a_directory_that_cannot_be_written),
		CASE(they_are_counted),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/feeds.json", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(directory);
	return failed;
}
