// SPDX-License-Identifier: Apache-2.0
// The real server over loopback, with an echoing dialect and a client made of bare sockets.
#include "edge/certificate.h"
#include "edge/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
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

enum { FILE_BYTES = 300000, HEARD_MAX = 400000 };

static struct config config;
static struct edge_counters counters;
static struct server *server;
static struct loop_timer *timer;
static char directory[] = "/tmp/test_server.XXXXXX", why[256];
static char heard[HEARD_MAX + 1];
static size_t heard_length;

// ---- a dialect that echoes

static struct peer_link *last_link;
static char last_path[128];
static unsigned opened, closed, closed_clean;

static void *echo_open(const struct dialect_host *, struct peer_link *one)
{
	last_link = one;
	snprintf(last_path, sizeof(last_path), "%s", one->path);
	opened++;
	return one;
}

static void echo_text(void *session, const char *text, size_t length)
{
	struct peer_link *one = session;

	if (length == 3 && !memcmp(text, "bye", 3))
		one->close(one->context, 0, NULL);
	one->send_text(one->context, text, length);
}

static void echo_event(void *, const struct core_event *)
{
}

static void echo_close(void *, bool clean)
{
	closed++;
	closed_clean += clean;
}

static bool echo_claims(const char *path)
{
	return !strcmp(path, "/ws/sfu") || !strcmp(path, "/sfu");
}

static const struct dialect echo = {.name = "sfu",
	.claims = echo_claims,
	.open = echo_open,
	.text = echo_text,
	.event = echo_event,
	.close = echo_close};

static const struct dialect *dialect_by(const char *name)
{
	return strcmp(name, "sfu") ? NULL : &echo;
}

static const struct dialect *dialect_after(const struct dialect *previous)
{
	return previous ? NULL : &echo;
}

static void settle(void *)
{
}

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->ready = true;
}

static size_t metrics(void *, char *, size_t)
{
	return 0;
}

static int token(void *, uint32_t, const char *, const char *, char *, size_t)
{
	return -1;
}

static struct http_host http_host = {.web_directory = directory,
	.socket_path = "/ws/sfu",
	.ready = ready,
	.metrics = metrics,
	.token = token};
static struct ws_host ws_host = {
	.settle = settle, .counters = &counters, .message_bytes = 4096, .messages_per_second = 50};

// ---- life

static unsigned ping_s; // 0 = the usual

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
		.counters = &counters,
		.ping_s = ping_s,
		.silence_s = ping_s + ping_s};

	memset(&counters, 0, sizeof(counters));
	memset(&config, 0, sizeof(config));
	opened = closed = closed_clean = 0;
	strcpy(config.http.host, "127.0.0.1");
	config.limits.connections = 8;
	config.limits.connections_per_address = 6;
	config.limits.message_bytes = 4096;
	config.limits.messages_per_second = 50;
	config.dialects_used = 1;
	strcpy(config.dialects[0].name, "sfu");
	strcpy(config.dialects[0].host, "127.0.0.1");
	http_host.origins = config.http.origins;
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
	assert_int_equal(counters.websockets_open, 0);
	assert_int_equal(opened, closed);
	return 0;
}

static int fresh_impatient(void **state)
{
	int result;

	ping_s = 1;
	result = fresh(state);
	ping_s = 0;
	return result;
}

static int client(unsigned listener)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(server_port(server, listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

// Reads for some rounds of the loop; returns true when the server has hung up.
static bool hear(int fd)
{
	unsigned quiet = 0;

	heard_length = 0;
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
	say(fd, request, strlen(request));
	return hear(fd);
}

static void assert_status(const char *status)
{
	if (strncmp(heard, "HTTP/1.", 7) || strncmp(heard + 9, status, strlen(status)))
		fail_msg("not %s: %.200s", status, heard);
}

// ---- HTTP

static void requests_one_after_another(void **)
{
	int fd = client(0);

	for (unsigned i = 0; i < 3; i++) {
		assert_false(ask(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
		assert_status("200");
		assert_non_null(strstr(heard, "x-content-type-options: nosniff\r\n"));
		assert_non_null(strstr(heard, "\r\n\r\n{\"alive\":true}"));
	}
	assert_false(ask(fd, "HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_status("200");
	assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
	assert_int_equal(counters.http_responses[2], 4);
	assert_int_equal(counters.connections_accepted, 1);
	close(fd);
}

static void other_methods_are_refused(void **)
{
	int fd = client(0);

	assert_false(ask(fd, "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
	assert_status("405");
	assert_non_null(strstr(heard, "allow: GET, HEAD, OPTIONS\r\n"));
	ask(fd, "OPTIONS /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status("204");
	close(fd);
}

static void a_large_file_comes_whole(void **)
{
	char path[64], *body = malloc(FILE_BYTES);
	FILE *file;
	int fd = client(0);

	for (size_t i = 0; i < FILE_BYTES; i++)
		body[i] = (char)('a' + i % 23);
	snprintf(path, sizeof(path), "%s/large.js", directory);
	file = fopen(path, "w");
	fwrite(body, 1, FILE_BYTES, file);
	fclose(file);
	ask(fd, "GET /large.js HTTP/1.1\r\nHost: a\r\n\r\n");
	unlink(path);
	assert_status("200");
	assert_non_null(strstr(heard, "content-security-policy:"));
	char *begin = strstr(heard, "\r\n\r\n") + 4;

	assert_int_equal(heard_length - (size_t)(begin - heard), FILE_BYTES);
	assert_memory_equal(begin, body, FILE_BYTES);
	free(body);
	close(fd);
}

static void bad_requests(void **)
{
	char *large = malloc(20000);
	int fd = client(0);

	ask(fd, "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_null(strstr(heard, "root:"));
	close(fd);
	fd = client(0);
	assert_true(ask(fd, "\x16\x03\x01 rubbish\r\n\r\n"));
	close(fd);
	fd = client(0);
	snprintf(large, 20000, "GET /livez HTTP/1.1\r\nHost: a\r\nX: ");
	memset(large + strlen(large), 'x', 12000);
	memcpy(large + 12050, "\r\n\r\n", 5);
	send(fd, large, strlen(large), MSG_NOSIGNAL);
	hear(fd);
	assert_int_not_equal(strncmp(heard, "HTTP/1.1 200", 12), 0);
	free(large);
	close(fd);
	fd = client(0); // and it still lives
	ask(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status("200");
	close(fd);
}

static void too_many_connections(void **)
{
	int fds[9];

	for (unsigned i = 0; i < 6; i++)
		fds[i] = client(0);
	run(20);
	assert_int_equal(counters.connections_open, 6);
	int refused = client(0);

	assert_true(ask(refused, "GET /livez HTTP/1.1\r\n\r\n"));
	assert_status("503");
	assert_non_null(strstr(heard, "{\"error\":\"too many connections\"}"));
	assert_int_equal(counters.connections_refused_address, 1);
	config.limits.connections_per_address = 100;
	server_limit(server, &config);
	for (unsigned i = 6; i < 9; i++)
		fds[i] = client(0);
	run(20);
	assert_int_equal(counters.connections_open, 8);
	assert_int_equal(counters.connections_refused_limit, 1);
	server_tick(server);
	for (unsigned i = 0; i < 9; i++)
		close(fds[i]);
	close(refused);
	run(30);
	assert_int_equal(counters.connections_open, 0);
}

// ---- WebSocket

static const char *upgrade(const char *path, const char *origin)
{
	static char request[512];

	snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"%s%s%s\r\n",
		path, origin ? "Origin: " : "", origin ? origin : "", origin ? "\r\n" : "");
	return request;
}

// One frame of a client, masked as it must be.
static void frame(int fd, uint8_t first, const char *text, size_t length)
{
	static uint8_t bytes[8192];
	size_t size = 2;

	bytes[0] = first;
	bytes[1] = (uint8_t)(0x80 | (length < 126 ? length : 126));
	if (length >= 126) {
		bytes[2] = (uint8_t)(length >> 8);
		bytes[3] = (uint8_t)length;
		size = 4;
	}
	memcpy(bytes + size, "mask", 4);
	for (size_t i = 0; i < length; i++)
		bytes[size + 4 + i] = (uint8_t)text[i] ^ (uint8_t) "mask"[i % 4];
	say(fd, bytes, size + 4 + length);
}

static int websocket(unsigned listener, const char *path)
{
	int fd = client(listener);

	assert_false(ask(fd, upgrade(path, NULL)));
	assert_status("101");
	assert_non_null(strstr(heard, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")); // RFC 6455, 1.3
	return fd;
}

static void messages_there_and_back(void **)
{
	int fd = websocket(0, "/ws/sfu?a=1&b=2");

	assert_string_equal(last_path, "/ws/sfu?a=1&b=2");
	assert_memory_equal(last_link->remote, "127.0.0.1:", 10);
	frame(fd, 0x81, "hello", 5);
	hear(fd);
	assert_int_equal(heard_length, 7);
	assert_memory_equal(heard, "\x81\x05hello", 7);
	frame(fd, 0x01, "ab", 2); // fragments, with a ping between
	frame(fd, 0x89, "x", 1);
	frame(fd, 0x80, "cd", 2);
	hear(fd);
	assert_non_null(memmem(heard, heard_length,
		"\x81\x04"
		"abcd",
		6));
	assert_non_null(memmem(heard, heard_length, "\x8a\x01x", 3));
	frame(fd, 0x88, "\x03\xe9", 2); // 1001
	assert_true(hear(fd));
	assert_int_equal(closed_clean, 1);
	close(fd);
	assert_int_equal(counters.join[EDGE_JOIN_WS].count, 1);
}

static void a_lost_socket_is_not_clean(void **)
{
	int fd = websocket(0, "/sfu");

	close(fd);
	run(40);
	assert_int_equal(closed, 1);
	assert_int_equal(closed_clean, 0);
}

static void only_a_client_in_order_leaves(void **)
{
	static const struct {
		const char *payload;
		size_t length;
		bool clean;
	} closes[] = {
		{"", 0, true}, {"\x03\xe8", 2, true}, // 1000
		{"\x03\xf3"
		 "ping timeout",
			14, false}, // 1011
		{"\x03\xea", 2, false}, // 1002
		{"\x0f\xa0", 2, true}, // 4000
	};

	for (unsigned i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		int fd = websocket(0, "/sfu");

		closed_clean = 0;
		frame(fd, 0x88, closes[i].payload, closes[i].length);
		assert_true(hear(fd));
		assert_int_equal(closed, i + 1);
		assert_int_equal(closed_clean, closes[i].clean);
		close(fd);
	}
}

static void who_answers_no_ping_is_dropped(void **)
{
	int mute = websocket(0, "/sfu"), lively = websocket(0, "/sfu");
	bool pinged = false;

	for (unsigned i = 0; i < 1000 && !closed; i++) {
		run(10);
		if (recv(lively, heard, HEARD_MAX, MSG_DONTWAIT) > 0 && heard[0] == (char)0x89) {
			pinged = true;
			frame(lively, 0x8a, heard + 2, (size_t)heard[1]);
		}
	}
	assert_true(pinged);
	assert_int_equal(closed, 1);
	assert_int_equal(closed_clean, 0);
	while (recv(mute, heard, HEARD_MAX, MSG_DONTWAIT) > 0)
		;
	assert_int_equal(recv(mute, heard, HEARD_MAX, MSG_DONTWAIT), 0);
	close(mute);
	close(lively);
}

static void half_requests_keep_nobody_out(void **)
{
	struct server_options options = {.config = &config,
		.http = &http_host,
		.ws = &ws_host,
		.dialect = dialect_by,
		.next = dialect_after,
		.counters = &counters};
	static int fds[400];
	int fd;

	done(NULL);
	config.limits.connections = config.limits.connections_per_address = 1000;
	server = server_create(&options, why, sizeof(why));
	timer = loop_timer_create(server_loop(server), time_is_up, NULL);
	for (unsigned i = 0; i < 400; i++) {
		fds[i] = client(0);
		say(fds[i], "GET / HTTP/1.1\r\nHost", 20);
		if (i % 64 == 63)
			run(5);
	}
	run(20);
	fd = client(0);
	ask(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status("200");
	close(fd);
	for (unsigned i = 0; i < 400; i++)
		close(fds[i]);
	for (unsigned i = 0; i < 10 && counters.connections_open; i++)
		run(20);
}

static void pair_write(const char *path)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	X509 *others[CERTIFICATE_OTHERS];

	unlink(path);
	assert_int_equal(certificate_use(context, path, others, why, sizeof(why)), 0);
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++)
		X509_free(others[i]);
	SSL_CTX_free(context);
}

// The certificate that a new connection sees.
static void shown(struct desc_fingerprint *fingerprint)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	int fd = client(0), result = 0;
	unsigned length;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	SSL_set_fd(ssl, fd);
	for (unsigned i = 0; i < 200 && result != 1; i++) {
		result = SSL_connect(ssl);
		run(5);
	}
	assert_int_equal(result, 1);
	X509_digest(SSL_get0_peer_certificate(ssl), EVP_sha256(), fingerprint->value, &length);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	run(20);
}

static void a_renewed_certificate_is_shown(void **)
{
	struct server_options options = {.config = &config,
		.http = &http_host,
		.ws = &ws_host,
		.dialect = dialect_by,
		.next = dialect_after,
		.counters = &counters};
	struct desc_fingerprint first, second, third;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tls.pem", directory);
	pair_write(path);
	done(NULL);
	strcpy(config.http.tls_certificate, path);
	strcpy(config.http.tls_key, path);
	server = server_create(&options, why, sizeof(why));
	timer = loop_timer_create(server_loop(server), time_is_up, NULL);
	shown(&first);
	pair_write(path);
	assert_int_equal(loop_tls_reload(server_loop(server), path, path), 0);
	shown(&second);
	assert_memory_not_equal(first.value, second.value, 32);
	file = fopen(path, "w");
	fputs("rubbish\n", file);
	fclose(file);
	assert_int_equal(loop_tls_reload(server_loop(server), path, path), -1);
	shown(&third);
	assert_memory_equal(second.value, third.value, 32);
	unlink(path);
}

static void a_dialect_listener_has_any_path(void **)
{
	int fd = websocket(1, "/whatever/it/is");

	assert_string_equal(last_path, "/whatever/it/is");
	close(fd);
	fd = client(1);
	ask(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status("426");
	close(fd);
}

static void refused_upgrades(void **)
{
	int fd = client(0);

	assert_true(ask(fd, upgrade("/ws/other", NULL)));
	assert_status("404");
	close(fd);
	strcpy(config.http.origins, "https://page.example");
	done(NULL);
	struct config kept = config;
	struct server_options options = {.config = &kept,
		.http = &http_host,
		.ws = &ws_host,
		.dialect = dialect_by,
		.next = dialect_after,
		.counters = &counters};

	server = server_create(&options, why, sizeof(why));
	timer = loop_timer_create(server_loop(server), time_is_up, NULL);
	fd = client(0);
	assert_true(ask(fd, upgrade("/ws/sfu", "https://evil.example")));
	assert_status("403");
	assert_int_equal(counters.websockets_refused_origin, 1);
	close(fd);
	fd = client(0);
	assert_false(ask(fd, upgrade("/ws/sfu", "https://page.example")));
	assert_status("101");
	close(fd);
	assert_int_equal(opened, 1);
}

static void limits_of_messages(void **)
{
	char *text = calloc(1, 5000);
	int fd = websocket(0, "/sfu");

	memset(text, 'x', 5000);
	frame(fd, 0x81, text, 4096);
	hear(fd);
	assert_int_equal(heard_length, 4 + 4096);
	frame(fd, 0x81, text, 4097);
	hear(fd); // it waits a little for the close frame of the other side
	assert_non_null(memmem(heard, heard_length, "\x03\xf1", 2)); // 1009
	close(fd);
	fd = websocket(0, "/sfu");
	frame(fd, 0x81, "\xff\xfe", 2);
	hear(fd);
	assert_non_null(memmem(heard, heard_length, "\x03\xef", 2)); // 1007
	close(fd);
	fd = websocket(0, "/sfu");
	for (unsigned i = 0; i < 120; i++)
		frame(fd, 0x81, "x", 1);
	hear(fd);
	assert_non_null(memmem(heard, heard_length, "\x03\xf0", 2)); // 1008
	close(fd);
	free(text);
}

static void code_zero_is_no_close_frame(void **)
{
	int fd = websocket(0, "/sfu");

	frame(fd, 0x81, "bye", 3);
	assert_true(hear(fd));
	assert_int_equal(heard_length, 0); // closed before the echo was queued, and no 0x88
	assert_int_equal(closed_clean, 0);
	close(fd);
}

static void all_are_told_of_a_restart(void **)
{
	int fd = websocket(0, "/sfu");

	ws_hub_close_all(server_hub(server), WS_CLOSE_RESTART, "restarting");
	hear(fd);
	assert_non_null(memmem(heard, heard_length, "\x03\xf4restarting", 12));
	frame(fd, 0x88, "\x03\xf4", 2); // the answer to it is no leaving
	assert_true(hear(fd));
	assert_int_equal(closed, 1);
	assert_int_equal(closed_clean, 0);
	close(fd);
}

static void unknown_dialect_is_named(void **)
{
	struct server_options options = {.config = &config,
		.http = &http_host,
		.ws = &ws_host,
		.dialect = dialect_by,
		.next = dialect_after,
		.counters = &counters};

	memset(&config, 0, sizeof(config));
	config.dialects_used = 1;
	strcpy(config.dialects[0].name, "nonsense");
	assert_null(server_create(&options, why, sizeof(why)));
	assert_non_null(strstr(why, "nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_one_after_another, fresh, done),
		cmocka_unit_test_setup_teardown(other_methods_are_refused, fresh, done),
		cmocka_unit_test_setup_teardown(a_large_file_comes_whole, fresh, done),
		cmocka_unit_test_setup_teardown(bad_requests, fresh, done),
		cmocka_unit_test_setup_teardown(too_many_connections, fresh, done),
		cmocka_unit_test_setup_teardown(messages_there_and_back, fresh, done),
		cmocka_unit_test_setup_teardown(a_lost_socket_is_not_clean, fresh, done),
		cmocka_unit_test_setup_teardown(
			who_answers_no_ping_is_dropped, fresh_impatient, done),
		cmocka_unit_test_setup_teardown(only_a_client_in_order_leaves, fresh, done),
		cmocka_unit_test_setup_teardown(a_renewed_certificate_is_shown, fresh, done),
		cmocka_unit_test_setup_teardown(half_requests_keep_nobody_out, fresh, done),
		cmocka_unit_test_setup_teardown(a_dialect_listener_has_any_path, fresh, done),
		cmocka_unit_test_setup_teardown(refused_upgrades, fresh, done),
		cmocka_unit_test_setup_teardown(limits_of_messages, fresh, done),
		cmocka_unit_test_setup_teardown(code_zero_is_no_close_frame, fresh, done),
		cmocka_unit_test_setup_teardown(all_are_told_of_a_restart, fresh, done),
		cmocka_unit_test(unknown_dialect_is_named),
	};

	if (!mkdtemp(directory))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rmdir(directory);
	return failed;
}
