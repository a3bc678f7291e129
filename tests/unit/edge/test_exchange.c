// SPDX-License-Identifier: Apache-2.0
// Requests with bodies through the real server over loopback, answered by a dialect that says what it got.
#include "edge/exchange.h"
#include "edge/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEARD_MAX = 400000, BODY_MAX = 4096, LARGE = 300000 };

static struct config config;
static struct edge_counters counters;
static struct server *server;
static struct loop_timer *timer;
static char why[256], heard[HEARD_MAX + 1];
static size_t heard_length;
static unsigned requests;

// ---- a dialect that tells what it was asked

static const char *text(const char *value)
{
	return value ? value : "-";
}

static bool told(
	const struct dialect_host *, const struct http_request *request, struct http_reply *reply)
{
	size_t size = request->length + 4096;

	requests++;
	reply->status = !strcmp(request->path, "/no-content") ? 204 : 201;
	if (reply->status == 204)
		return true;
	reply->type = "text/plain";
	if (!strcmp(request->path, "/large")) {
		reply->body = malloc(LARGE);
		memset(reply->body, 'L', LARGE);
		reply->length = LARGE;
		return true;
	}
	reply->body = malloc(size);
	reply->length = (size_t)snprintf(reply->body, size,
		"%d %s args=%u:%s host=%s origin=%s authorization=%s cookie=%s type=%s match=%s "
		"etag=%s secure=%d upgrade=%d remote=%.9s %zu[%.*s]",
		request->method, request->path, request->arguments_used,
		request->arguments_used ? request->arguments[request->arguments_used - 1] : "",
		text(request->host), text(request->origin), text(request->authorization),
		text(request->cookie), text(request->content_type), text(request->if_match),
		text(request->etag), request->secure, request->upgrade, request->remote,
		request->length, (int)request->length, text(request->body));
	reply->headers[0] = (struct http_header){"location", "/somewhere/else"};
	reply->headers[1] = (struct http_header){"link", "<stun:a.example>; rel=\"ice-server\""};
	reply->headers[2] = (struct http_header){"link", "<stun:b.example>; rel=\"ice-server\""};
	reply->headers_used = 3;
	return true;
}

static bool admit(const struct dialect_host *, const struct http_request *request,
	struct dialect_grant *, struct http_reply *reply)
{
	if (request->authorization)
		return true;
	reply->status = 401;
	reply->type = "text/plain";
	reply->body = strdup("who are you?");
	reply->length = strlen(reply->body);
	reply->headers[0] = (struct http_header){"www-authenticate", "Bearer"};
	reply->headers_used = 1;
	return false;
}

static void *link_open(const struct dialect_host *, struct peer_link *one)
{
	return one;
}

static void link_text(void *, const char *, size_t)
{
}

static void link_close(void *, bool)
{
}

static const struct dialect dialect = {.name = "tells",
	.admit = admit,
	.request = told,
	.open = link_open,
	.text = link_text,
	.close = link_close};

static const struct dialect *dialect_by(const char *)
{
	return &dialect;
}

static const struct dialect *dialect_after(const struct dialect *previous)
{
	return previous ? NULL : &dialect;
}

static void settle(void *)
{
}

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
}

static const struct http_host http_host = {.web_directory = "", .origins = "", .ready = ready};
static const struct ws_host ws_host = {
	.settle = settle, .counters = &counters, .message_bytes = 4096, .messages_per_second = 50};

// ---- life

static void time_is_up(void *)
{
	loop_stop(server_loop(server));
}

static void run(unsigned ms)
{
	loop_timer_set(timer, ms, 0);
	loop_run(server_loop(server));
}

static int fresh(void **)
{
	struct server_options options = {.config = &config,
		.http = &http_host,
		.ws = &ws_host,
		.dialect = dialect_by,
		.next = dialect_after,
		.counters = &counters};

	memset(&config, 0, sizeof(config));
	memset(&counters, 0, sizeof(counters));
	requests = 0;
	strcpy(config.http.host, "127.0.0.1");
	config.limits.connections = config.limits.connections_per_address = 8;
	config.limits.message_bytes = BODY_MAX;
	config.limits.messages_per_second = 10;
	config.dialects_used = 1;
	strcpy(config.dialects[0].host, "127.0.0.1");
	server = server_create(&options, why, sizeof(why));
	if (!server)
		fail_msg("%s", why);
	timer = loop_timer_create(server_loop(server), time_is_up, NULL);
	return 0;
}

static int done(void **)
{
	loop_timer_destroy(timer);
	server_destroy(server);
	assert_int_equal(counters.connections_open, 0);
	return 0;
}

static int client(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(server_port(server, 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *bytes)
{
	assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

// Reads for some rounds of the loop; returns true when the server has hung up.
static bool hear(int fd)
{
	unsigned quiet = 0;

	heard_length = 0;
	heard[0] = 0;
	while (quiet < 4) {
		run(8);
		ssize_t got =
			recv(fd, heard + heard_length, HEARD_MAX - heard_length, MSG_DONTWAIT);

		heard[heard_length += got > 0 ? (size_t)got : 0] = 0;
		if (!got)
			return true;
		quiet = got > 0 ? 0 : quiet + 1;
	}
	return false;
}

static bool ask(int fd, const char *request)
{
	say(fd, request);
	return hear(fd);
}

static void assert_heard(const char *part)
{
	if (!strstr(heard, part))
		fail_msg("no `%s` in: %.600s", part, heard);
}

// ---- the head

static void all_methods_come_with_what_was_sent(void **)
{
	static const char *const names[] = {
		"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};
	char request[512], expected[512];
	int fd = client();

	for (unsigned i = 0; i < 7; i++) {
		snprintf(request, sizeof(request),
			"%s /a%%20b?x=1&y=%%2f HTTP/1.1\r\nHost: h.example\r\nOrigin: o\r\n"
			"Authorization: Bearer t\r\nCookie: c=1\r\nIf-Match: \"m\"\r\nETag: "
			"\"e\"\r\n"
			"Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nbody",
			names[i]);
		assert_false(ask(fd, request));
		assert_heard("HTTP/1.1 201 ");
		snprintf(expected, sizeof(expected),
			"%u /a b args=2:y=/ host=h.example origin=o authorization=Bearer t "
			"cookie=c=1 type=application/sdp match=\"m\" etag=\"e\" secure=0 upgrade=0 "
			"remote=127.0.0.1 4[body]",
			i);
		if (i != HTTP_HEAD)
			assert_heard(expected);
		else
			assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
		assert_heard("location: /somewhere/else\r\n");
		assert_heard("link: <stun:a.example>; rel=\"ice-server\"\r\n");
		assert_heard("link: <stun:b.example>; rel=\"ice-server\"\r\n");
		assert_heard("access-control-allow-origin: *\r\n");
	}
	assert_int_equal(requests, 7);
	assert_int_equal(counters.connections_accepted, 1);
	close(fd);
}

static void nothing_sent_is_nothing_heard(void **)
{
	int fd = client();

	assert_false(ask(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert_heard("0 / args=0: host=h origin=- authorization=- cookie=- type=- match=- etag=- "
		     "secure=0 upgrade=0 remote=127.0.0.1 0[]");
	assert_false(ask(fd, "GET /no-content HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert_heard("HTTP/1.1 204 ");
	assert_null(strstr(heard, "content-length"));
	close(fd);
}

// ---- bodies

static void empty_bodies(void **)
{
	static const char *const names[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
	char request[128];
	int fd = client();

	for (unsigned i = 0; i < 5; i++) {
		snprintf(request, sizeof(request),
			"%s /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", names[i]);
		assert_false(ask(fd, request));
		assert_heard(" 0[]");
	}
	assert_int_equal(requests, 5);
	close(fd);
}

static void bodies_in_pieces_and_one_behind_another(void **)
{
	int fd = client();

	say(fd, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
	run(20);
	say(fd, "cd");
	run(20);
	assert_int_equal(requests, 0);
	assert_false(ask(fd, "ef"));
	assert_heard("3 /1 ");
	assert_heard(" 6[abcdef]");
	say(fd, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz"
		"PATCH /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
		"DELETE /4 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_false(hear(fd));
	assert_heard("3 /2 ");
	assert_heard(" 3[xyz]");
	assert_heard("5 /3 ");
	assert_heard("6 /4 ");
	assert_int_equal(requests, 4);
	close(fd);
}

static void the_longest_body_and_one_too_long(void **)
{
	char *request = malloc(BODY_MAX * 3), expected[32];
	int fd = client(), head;

	head = sprintf(
		request, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n", BODY_MAX);
	memset(request + head, 'b', BODY_MAX);
	request[head + BODY_MAX] = 0;
	assert_false(ask(fd, request));
	snprintf(expected, sizeof(expected), " %u[bbb", BODY_MAX);
	assert_heard(expected);
	head = sprintf(
		request, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n", BODY_MAX + 1);
	memset(request + head, 'b', BODY_MAX + 1);
	request[head + BODY_MAX + 1] = 0;
	assert_false(ask(fd, request));
	assert_heard("HTTP/1.1 413 ");
	assert_heard("limits.message_bytes");
	assert_int_equal(requests, 1);
	assert_false(ask(fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n")); // nothing is out of step
	assert_heard("0 /after ");
	config.limits.message_bytes = BODY_MAX + 1;
	server_limit(server, &config);
	assert_false(ask(fd, request));
	assert_heard("HTTP/1.1 201 ");
	free(request);
	close(fd);
}

static void far_too_long_ends_the_connection(void **)
{
	int fd = client();

	assert_true(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\nx"));
	assert_heard("HTTP/1.1 413 ");
	assert_heard("connection: close\r\n");
	close(fd);
}

static void a_body_must_say_its_length(void **)
{
	static const char *const bad[] = {"abc", "-1", "1,2", "+4", "0x4", "9999999999999999", ""};
	char request[256];
	int fd = client();

	assert_true(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "4\r\nbody\r\n0\r\n\r\n"));
	assert_heard("HTTP/1.1 411 ");
	close(fd);
	fd = client();
	assert_true(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
			    "Content-Length: 4\r\n\r\nbodyGET /smuggled HTTP/1.1\r\n\r\n"));
	assert_heard("HTTP/1.1 411 ");
	close(fd);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = client();
		snprintf(request, sizeof(request),
			"DELETE /x HTTP/1.1\r\nHost: h\r\nContent-Length: %s\r\n\r\n", bad[i]);
		ask(fd, request);
		if (*bad[i])
			assert_heard("HTTP/1.1 400 ");
		close(fd);
	}
	assert_true(requests <= 1); // an empty header is none
	fd = client();
	assert_true(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\n\r\n")); // RFC 9112, 6.3: no body
	assert_heard(" 0[]");
	close(fd);
}

static void who_waits_is_told_to_go_on(void **)
{
	int fd = client();

	assert_false(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
			     "Content-Length: 4\r\n\r\n"));
	assert_string_equal(heard, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_false(ask(fd, "body"));
	assert_memory_equal(heard, "HTTP/1.1 201 ", 13);
	assert_heard(" 4[body]");
	assert_true(ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
			    "Content-Length: 5000\r\n\r\n"));
	assert_memory_equal(heard, "HTTP/1.1 413 ", 13);
	close(fd);
}

static void a_body_that_never_comes(void **)
{
	int fd = client();

	ask(fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
	assert_int_equal(heard_length, 0);
	close(fd);
	run(40);
	assert_int_equal(requests, 0);
	assert_int_equal(counters.connections_open, 0);
}

static void a_large_reply_to_a_body(void **)
{
	int fd = client();

	for (unsigned i = 0; i < 2; i++) {
		assert_false(
			ask(fd, "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"));
		char *begin = strstr(heard, "\r\n\r\n") + 4;

		assert_int_equal(heard_length - (size_t)(begin - heard), LARGE);
	}
	close(fd);
}

// Far more at once than a second allows: most are refused.
static void too_many_requests(void **)
{
	static const char one[] = "DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n";
	unsigned refused = 0;
	int fd = client();

	config.limits.messages_per_second = 1;
	server_limit(server, &config);
	for (unsigned i = 0; i < 50; i++)
		say(fd, one);
	assert_false(hear(fd));
	for (const char *at = heard; (at = strstr(at, "HTTP/1.1 429 ")) != NULL; at++)
		refused++;
	assert_true(refused > 0);
	assert_int_equal(requests, 50 - refused);
	assert_heard("retry-after: 1\r\n");
	assert_false(ask(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n")); // looking is free
	assert_heard("HTTP/1.1 201 ");
	close(fd);
}

// ---- upgrades

static void an_upgrade_may_be_refused_with_a_reply(void **)
{
	static const char upgrade[] =
		"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
	char request[512];
	int fd = client();

	snprintf(request, sizeof(request), "%s\r\n", upgrade);
	assert_true(ask(fd, request));
	assert_heard(" 401 Unauthorized\r\n");
	assert_heard("www-authenticate: Bearer\r\n");
	assert_heard("connection: close\r\n");
	assert_heard("\r\n\r\nwho are you?");
	assert_int_equal(counters.http_responses[4], 1);
	close(fd);
	fd = client();
	snprintf(request, sizeof(request), "%sAuthorization: Bearer t\r\n\r\n", upgrade);
	assert_false(ask(fd, request));
	assert_heard("HTTP/1.1 101 ");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_methods_come_with_what_was_sent, fresh, done),
		cmocka_unit_test_setup_teardown(nothing_sent_is_nothing_heard, fresh, done),
		cmocka_unit_test_setup_teardown(empty_bodies, fresh, done),
		cmocka_unit_test_setup_teardown(
			bodies_in_pieces_and_one_behind_another, fresh, done),
		cmocka_unit_test_setup_teardown(the_longest_body_and_one_too_long, fresh, done),
		cmocka_unit_test_setup_teardown(far_too_long_ends_the_connection, fresh, done),
		cmocka_unit_test_setup_teardown(a_body_must_say_its_length, fresh, done),
		cmocka_unit_test_setup_teardown(who_waits_is_told_to_go_on, fresh, done),
		cmocka_unit_test_setup_teardown(a_body_that_never_comes, fresh, done),
		cmocka_unit_test_setup_teardown(a_large_reply_to_a_body, fresh, done),
		cmocka_unit_test_setup_teardown(too_many_requests, fresh, done),
		cmocka_unit_test_setup_teardown(
			an_upgrade_may_be_refused_with_a_reply, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
