// SPDX-License-Identifier: Apache-2.0
// Over loopback against a server that does what the path says.
#include "edge/certificate.h"
#include "edge/client.h"
#include "web.h"

#include <openssl/ssl.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DONE_MAX = 8 };

static struct web web;
static int tls_listener;
static uint16_t tls_port;
static pthread_t tls_server;

static void say_endless(int fd)
{
	static const char chunk[] = "400\r\n%1024s\r\n";
	char text[1100];

	web_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	snprintf(text, sizeof(text), chunk, "x");
	while (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
		;
}

static void say_headers(int fd)
{
	web_say(fd, "HTTP/1.1 200 OK\r\n");
	while (send(fd, "A: 0123456789012345678901234567\r\n", 33, MSG_NOSIGNAL) > 0)
		;
}

static void say_redirect(int fd, const char *where)
{
	char text[512];

	snprintf(text, sizeof(text),
		"HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", where);
	web_say(fd, text);
}

static bool is_asked(const char *request, const char *path)
{
	const char *at = strchr(request, ' ');

	return at && !strncmp(at + 1, path, strlen(path));
}

static void answer(int fd, const char *request)
{
	char away[64], text[WEB_REQUEST_MAX + 128];

	if (is_asked(request, "/hang"))
		return; // the client waits for its own time-out
	if (is_asked(request, "/garbage")) {
		web_say(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
		shutdown(fd, SHUT_RDWR);
	} else if (is_asked(request, "/cut")) {
		web_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		shutdown(fd, SHUT_RDWR);
	} else if (is_asked(request, "/endless")) {
		say_endless(fd);
	} else if (is_asked(request, "/headers")) {
		say_headers(fd);
	} else if (is_asked(request, "/moved")) {
		say_redirect(fd, "/echo/there");
	} else if (is_asked(request, "/round")) {
		say_redirect(fd, "/round");
	} else if (is_asked(request, "/file")) {
		say_redirect(fd, "file:///etc/passwd");
	} else if (is_asked(request, "/away")) {
		snprintf(away, sizeof(away), "http://localhost:%u/echo", web.port);
		say_redirect(fd, away);
	} else if (is_asked(request, "/links")) {
		web_say(fd, "HTTP/1.1 201 Created\r\nLocation: ../session/7\r\nlink: <a>\r\nLink: "
			    "<b>\r\n"
			    "Content-Length: 0\r\n\r\n");
	} else if (is_asked(request, "/busy")) {
		web_say(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy");
	} else {
		snprintf(text, sizeof(text),
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
			"%zu\r\n\r\n%s",
			strlen(request), request);
		web_say(fd, text);
	}
}

static void *serve_tls(void *context)
{
	int fd;

	while ((fd = accept(tls_listener, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(context);

		SSL_set_fd(ssl, fd);
		SSL_accept(ssl); // the client refuses
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static SSL_CTX *tls_context;

static int serve_begin(void **)
{
	X509 *others[CERTIFICATE_OTHERS] = {0};
	char pem[] = "/tmp/test_client.XXXXXX", why[128];
	int fd = mkstemp(pem);

	close(fd);
	unlink(pem);
	tls_context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(certificate_use(tls_context, pem, others, why, sizeof(why)), 0);
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++)
		X509_free(others[i]);
	unlink(pem);
	web_begin(&web, answer);
	tls_listener = web_listen(&tls_port);
	assert_int_equal(pthread_create(&tls_server, NULL, serve_tls, tls_context), 0);
	return 0;
}

static int serve_end(void **)
{
	web_end(&web);
	shutdown(tls_listener, SHUT_RDWR);
	pthread_join(tls_server, NULL);
	close(tls_listener);
	SSL_CTX_free(tls_context);
	return 0;
}

// ---- the client

static struct loop *loop;
static struct client *client;

static struct answer { // what done was told
	struct client_request *request;
	unsigned calls;
	int status;
	char why[256], body[WEB_REQUEST_MAX], address[256], link[3][16], retry[16];
	size_t body_bytes;
	uint64_t retry_s;
} answers[DONE_MAX];
static unsigned done_calls, wanted;

static void keep_header(
	const struct client_reply *reply, const char *name, unsigned nth, char *copy)
{
	const char *value = client_reply_header(reply, name, nth);

	snprintf(copy, 16, "%s", value ? value : "-");
}

static void done(void *context, const struct client_reply *reply)
{
	struct answer *one = context;

	one->calls++;
	one->status = reply->status;
	one->body_bytes = reply->body_bytes;
	snprintf(one->why, sizeof(one->why), "%s", reply->why ? reply->why : "");
	snprintf(one->body, sizeof(one->body), "%s", reply->body);
	for (unsigned i = 0; i < 3; i++)
		keep_header(reply, "Link", i, one->link[i]);
	keep_header(reply, "retry-after", 0, one->retry);
	one->retry_s = client_reply_retry_s(reply);
	if (client_reply_header(reply, "Location", 0) &&
		client_reply_address(reply, client_reply_header(reply, "Location", 0), one->address,
			sizeof(one->address)))
		strcpy(one->address, "bad");
	assert_true(!reply->status == !!reply->why);
	if (++done_calls == wanted)
		loop_stop(loop);
}

static const char *url(const char *path)
{
	static char text[128];

	snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", web.port, path);
	return text;
}

static void begin(unsigned number, const struct client_ask *ask)
{
	answers[number].request = client_send(client, ask, done, &answers[number]);
	assert_non_null(answers[number].request);
	assert_int_equal(answers[number].calls, 0); // never from within
}

static void run_until(unsigned calls)
{
	wanted = calls;
	if (done_calls < calls)
		loop_run(loop);
}

static struct client_ask get(const char *path)
{
	return (struct client_ask){
		.method = "GET", .url = url(path), .timeout_ms = 5000, .reply_bytes_max = 4096};
}

static const struct answer *fetch(const struct client_ask *ask)
{
	unsigned number = done_calls;

	begin(number, ask);
	run_until(done_calls + 1);
	assert_int_equal(answers[number].calls, 1);
	return &answers[number];
}

static const struct answer *fetch_path(const char *path)
{
	struct client_ask ask = get(path);

	return fetch(&ask);
}

static int fresh(void **)
{
	struct loop_options options = {.http = lws_callback_http_dummy};
	char why[128];

	memset(answers, 0, sizeof(answers));
	done_calls = wanted = 0;
	web.connections = 0;
	loop = loop_create(&options, why, sizeof(why));
	client = client_create(loop);
	assert_non_null(client);
	return 0;
}

static int end(void **)
{
	client_destroy(client);
	client_destroy(NULL);
	loop_destroy(loop);
	return 0;
}

static void a_body_goes_and_comes(void **)
{
	static const char *const headers[] = {"Content-Type: application/sdp", "X-One: 1", NULL};
	struct client_ask ask = get("/echo?a=b");
	const struct answer *one;

	ask.method = "PATCH";
	ask.headers = headers;
	ask.body = "v=0";
	ask.body_bytes = 3;
	one = fetch(&ask);
	assert_int_equal(one->status, 200);
	assert_int_equal(one->body_bytes, strlen(one->body));
	assert_ptr_equal(strstr(one->body, "PATCH /echo?a=b HTTP/1.1\r\n"), one->body);
	assert_non_null(strstr(one->body, "\r\nContent-Type: application/sdp\r\n"));
	assert_non_null(strstr(one->body, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(one->body, "\r\nContent-Length: 3\r\n"));
	assert_non_null(strstr(one->body, "\r\n\r\nv=0"));
	assert_null(strstr(one->body, "Expect:"));
}

static void methods_without_body(void **)
{
	struct client_ask ask = get("/echo");

	ask.method = "DELETE";
	assert_ptr_equal(strstr(fetch(&ask)->body, "DELETE /echo"), answers[0].body);
	assert_null(strstr(answers[0].body, "Content-"));
	ask.method = "POST";
	assert_non_null(strstr(fetch(&ask)->body, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(answers[1].body, "Content-Type"));
	ask.method = "HEAD";
	ask.url = url("/busy");
	assert_int_equal(fetch(&ask)->status, 503);
	assert_int_equal(answers[2].body_bytes, 0);
}

static void headers_are_read(void **)
{
	const struct answer *one = fetch_path("/links/x");

	assert_int_equal(one->status, 201);
	assert_string_equal(one->link[0], "<a>");
	assert_string_equal(one->link[1], "<b>");
	assert_string_equal(one->link[2], "-");
	assert_string_equal(one->address, url("/session/7"));
	one = fetch_path("/busy");
	assert_int_equal(one->status, 503);
	assert_string_equal(one->retry, "7");
	assert_int_equal(one->retry_s, 7);
	assert_string_equal(one->body, "busy");
}

static void connections_are_used_again(void **)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fetch_path("/echo")->status, 200);
	assert_int_equal(web.connections, 1);
}

static void addresses_are_resolved(void **)
{
	struct client_reply reply = {.url = "https://a.example/whip/room?x=1"};
	char text[64];

	assert_int_equal(client_reply_address(&reply, "/s/1", text, sizeof(text)), 0);
	assert_string_equal(text, "https://a.example/s/1");
	assert_int_equal(client_reply_address(&reply, "s?y", text, sizeof(text)), 0);
	assert_string_equal(text, "https://a.example/whip/s?y");
	assert_int_equal(client_reply_address(&reply, "//b.example:1/", text, sizeof(text)), 0);
	assert_string_equal(text, "https://b.example:1/");
	assert_int_equal(client_reply_address(&reply, "ftp://a.example/", text, sizeof(text)), -1);
	assert_int_equal(client_reply_address(&reply, "/s/1", text, 8), -1);
	reply.url = "";
	assert_int_equal(client_reply_address(&reply, "/s/1", text, sizeof(text)), -1);
	assert_null(client_reply_header(&reply, "Link", 0));
}

static void redirects(void **)
{
	static const char *const headers[] = {"Authorization: Bearer secret", NULL};
	struct client_ask ask = get("/moved");
	const struct answer *one;

	ask.method = "POST";
	ask.headers = headers;
	ask.body = "v=0";
	ask.body_bytes = 3;
	one = fetch(&ask);
	assert_ptr_equal(strstr(one->body, "POST /echo/there"), one->body);
	assert_non_null(strstr(one->body, "Bearer secret"));
	assert_non_null(strstr(one->body, "\r\n\r\nv=0"));
	ask.url = url("/away"); // another host's business is not the token
	one = fetch(&ask);
	assert_ptr_equal(strstr(one->body, "POST /echo"), one->body);
	assert_null(strstr(one->body, "secret"));
	assert_int_equal(fetch_path("/round")->status, 0);
	assert_int_equal(fetch_path("/file")->status, 0);
	assert_null(strstr(answers[3].body, "root"));
}

static void nobody_is_there(void **)
{
	uint16_t closed;
	char text[64];
	struct client_ask ask = get("/");

	close(web_listen(&closed));
	snprintf(text, sizeof(text), "http://127.0.0.1:%u/", closed);
	ask.url = text;
	assert_int_equal(fetch(&ask)->status, 0);
	assert_non_null(strstr(answers[0].why, "Connection refused"));
	ask.url = "http://no-such-host.invalid/";
	assert_int_equal(fetch(&ask)->status, 0);
	assert_non_null(strstr(answers[1].why, "no-such-host.invalid"));
}

static void it_takes_too_long(void **)
{
	struct client_ask ask = get("/hang");

	ask.timeout_ms = 50;
	assert_int_equal(fetch(&ask)->status, 0);
	assert_non_null(strstr(answers[0].why, "timed out"));
}

static void replies_that_are_too_much(void **)
{
	struct client_ask ask = get("/echo");

	ask.reply_bytes_max = 10;
	assert_int_equal(fetch(&ask)->status, 0);
	assert_string_equal(answers[0].why, "the reply is too long");
	assert_int_equal(fetch_path("/endless")->status, 0);
	assert_string_equal(answers[1].why, "the reply is too long");
	assert_int_equal(fetch_path("/headers")->status, 0);
}

static void replies_that_make_no_sense(void **)
{
	assert_int_equal(fetch_path("/garbage")->status, 0);
	assert_int_equal(fetch_path("/cut")->status, 0);
	assert_string_equal(answers[1].body, "");
}

static void certificates_of_nobody(void **)
{
	struct client_ask ask = get("/");
	char text[64];

	snprintf(text, sizeof(text), "https://127.0.0.1:%u/", tls_port);
	ask.url = text;
	assert_int_equal(fetch(&ask)->status, 0);
	assert_non_null(strstr(answers[0].why, "certificate"));
	assert_non_null(strstr(answers[0].why, "run update-ca-certificates"));
}

static void asks_that_are_wrong(void **)
{
	static const char *const split[] = {"X: a\r\nY: b", NULL};
	static const char *const urls[] = {
		"", "file:///etc/passwd", "ftp://127.0.0.1/", "http://a\r\nHost: b/"};
	struct client_ask ask = get("/echo");
	unsigned i;

	ask.headers = split;
	begin(0, &ask);
	ask.headers = NULL;
	ask.method = "GET / HTTP/1.1\r\n";
	begin(1, &ask);
	ask.method = "GET";
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		ask.url = urls[i];
		begin(2 + i, &ask);
	}
	client_cancel(answers[5].request);
	run_until(5);
	for (i = 0; i < 5; i++)
		assert_int_equal(answers[i].status, 0);
	assert_int_equal(answers[5].calls, 0);
	assert_int_equal(web.connections, 0);
}

// ---- cancelling

static void done_and_cancel(void *context, const struct client_reply *reply)
{
	struct answer *one = context;

	client_cancel(one->request); // itself
	for (unsigned i = 1; i < 4; i++)
		client_cancel(answers[i].request); // others, of which some may have ended too
	done(context, reply);
}

static void cancelled_requests_are_silent(void **)
{
	struct client_ask ask = get("/echo");

	begin(0, &ask);
	client_cancel(answers[0].request);
	client_cancel(NULL);
	assert_int_equal(fetch_path("/echo")->status, 200);
}

static void cancel_from_within_done(void **)
{
	struct client_ask ask = get("/echo");

	for (unsigned i = 1; i < 4; i++) {
		ask.url = i == 2 ? "ftp://" : url("/hang");
		begin(i, &ask);
	}
	ask.url = "nonsense";
	answers[0].request = client_send(client, &ask, done_and_cancel, &answers[0]);
	run_until(1);
	assert_int_equal(answers[0].calls, 1);
	assert_int_equal(answers[1].calls + answers[2].calls + answers[3].calls, 0);
}

static void done_and_send(void *context, const struct client_reply *reply)
{
	struct client_ask ask = get("/echo");

	done(context, reply);
	begin(1, &ask);
}

static void send_from_within_done(void **)
{
	struct client_ask ask = get("/echo");

	answers[0].request = client_send(client, &ask, done_and_send, &answers[0]);
	run_until(2);
	assert_int_equal(answers[1].status, 200);
}

static void pending_ones_end_silently(void **)
{
	struct client_ask ask = get("/hang");

	begin(0, &ask);
	ask.url = "http://resolves-slowly.invalid/";
	begin(1, &ask);
	ask.url = "nonsense";
	begin(2, &ask);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, end)
	const struct CMUnitTest tests[] = {
		CASE(a_body_goes_and_comes),
		CASE(methods_without_body),
		CASE(headers_are_read),
		CASE(connections_are_used_again),
		CASE(addresses_are_resolved),
		CASE(redirects),
		CASE(nobody_is_there),
		CASE(it_takes_too_long),
		CASE(replies_that_are_too_much),
		CASE(replies_that_make_no_sense),
		CASE(certificates_of_nobody),
		CASE(asks_that_are_wrong),
		CASE(cancelled_requests_are_silent),
		CASE(cancel_from_within_done),
		CASE(send_from_within_done),
		CASE(pending_ones_end_silently),
	};

	return cmocka_run_group_tests(tests, serve_begin, serve_end);
}
