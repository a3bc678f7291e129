// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl_feed.h"
#include "edge/feeds.h"
#include "unit/core/world.h"

#include <unistd.h>

static struct world world;
static struct loop *loop;
static struct config config;
static struct edge_counters counters;
static char directory[] = "/tmp/test_ctl_feed.XXXXXX";
static unsigned settled;

static uint64_t now(void *)
{
	return 1000;
}

static void settle(void *)
{
	settled++;
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

static struct ctl_host host = {.settle = settle};

static int fresh(void **)
{
	struct loop_options options = {.http = lws_callback_http_dummy};
	struct feed_host feed_host = {.control = control,
		.settle = settle,
		.now_ms = now,
		.port = {NULL, port_open, port_close}};
	char text[128];

	strcpy(config.runtime_directory, directory);
	world_begin(&world);
	loop = loop_create(&options, text, sizeof(text));
	feed_host.core = world.core;
	feed_host.client = client_create(loop);
	host.feeds = feeds_create(&feed_host, &config, &counters);
	host.context = feed_host.client;
	settled = 0;
	return 0;
}

static int done(void **)
{
	char path[64];

	feeds_destroy(host.feeds);
	client_destroy(host.context);
	loop_destroy(loop);
	world_end(&world);
	snprintf(path, sizeof(path), "%s/feeds.json", directory);
	unlink(path);
	return 0;
}

// The reply's error, "" for none, to the request; by the whole way of the socket's verbs.
static const char *ask(const char *line)
{
	static char error[256];
	json_t *reply = ctl_answer(&host, line, strlen(line), 1000);
	const char *text = json_string_value(json_object_get(reply, "error"));

	snprintf(error, sizeof(error), "%s", text ? text : "");
	assert_int_equal(json_is_true(json_object_get(reply, "ok")), !*error);
	json_decref(reply);
	return error;
}

static void added_listed_and_stopped(void **)
{
	static const char list[] = "{\"verb\":\"feeds\"}";
	json_t *reply, *feeds;

	assert_string_equal(ask("{\"verb\":\"push\",\"room\":\"r\",\"identity\":\"p\","
				"\"url\":\"http://a/w\",\"tokenFile\":\"/t\"}"),
		"");
	assert_string_equal(ask("{\"verb\":\"pull\",\"room\":\"r\",\"url\":\"http://a/w\"}"), "");
	assert_int_equal(settled, 2);
	reply = ctl_answer(&host, list, sizeof(list) - 1, 1000);
	feeds = json_object_get(reply, "feeds");
	assert_int_equal(json_array_size(feeds), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(feeds, 0), "tokenFile")), "/t");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(feeds, 1), "identity")), "pull");
	json_decref(reply);
	assert_string_equal(ask("{\"verb\":\"push\",\"room\":\"r\",\"identity\":\"p\","
				"\"url\":\"http://a/w\",\"stop\":true}"),
		"");
	assert_string_equal(ask("{\"verb\":\"pull\",\"room\":\"r\",\"url\":\"http://a/w\","
				"\"stop\":true}"),
		"");
	assert_non_null(strstr(ask("{\"verb\":\"pull\",\"room\":\"r\",\"url\":\"http://a/w\","
				   "\"stop\":true}"),
		"none such"));
}

static void requests_that_make_no_sense(void **)
{
	char line[4096];

	assert_non_null(strstr(ask("{\"verb\":\"push\"}"), "needed"));
	assert_non_null(
		strstr(ask("{\"verb\":\"push\",\"room\":\"r\",\"url\":\"http://a/w\"}"), "needed"));
	assert_non_null(
		strstr(ask("{\"verb\":\"pull\",\"room\":1,\"url\":\"http://a/w\"}"), "needed"));
	assert_non_null(
		strstr(ask("{\"verb\":\"pull\",\"room\":\"r\",\"url\":\"gopher://a/w\"}"), "http"));
	snprintf(line, sizeof(line),
		"{\"verb\":\"pull\",\"room\":\"r\",\"url\":\"http://%02500d\"}", 0);
	assert_non_null(strstr(ask(line), "too long"));
}

static void a_control_without_them(void **)
{
	struct feeds *feeds = host.feeds;

	host.feeds = NULL;
	assert_non_null(strstr(ask("{\"verb\":\"feeds\"}"), "no pushes"));
	host.feeds = feeds;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(added_listed_and_stopped),
		CASE(requests_that_make_no_sense),
		CASE(a_control_without_them),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
