// SPDX-License-Identifier: Apache-2.0
#include "exchange.h"

#include "loop.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEAD_BYTES = 12 * 1024, // more than libwebsockets takes in headers, with terminators
	CHUNK_BYTES = 64 * 1024,
	HEADERS_BYTES = 12 * 1024, // of a reply
	LENGTH_DIGITS_MAX = 15,
};

// ---- the head

static const struct {
	enum lws_token_indexes token;
	enum http_method method;
} methods[] = {
	{WSI_TOKEN_GET_URI, HTTP_GET},
	{WSI_TOKEN_HEAD_URI, HTTP_HEAD},
	{WSI_TOKEN_OPTIONS_URI, HTTP_OPTIONS},
	{WSI_TOKEN_POST_URI, HTTP_POST},
	{WSI_TOKEN_PUT_URI, HTTP_PUT},
	{WSI_TOKEN_PATCH_URI, HTTP_PATCH},
	{WSI_TOKEN_DELETE_URI, HTTP_DELETE},
};

static enum http_method method_of(struct lws *wsi)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (lws_hdr_total_length(wsi, methods[i].token))
			return methods[i].method;
	return HTTP_OTHER;
}

// Keeps a copy of a header. Returns NULL when there is none.
static const char *header_of(
	struct exchange *exchange, struct lws *wsi, enum lws_token_indexes token)
{
	char *at = exchange->head + exchange->head_used;
	int room = (int)(HEAD_BYTES - exchange->head_used);
	int length = lws_hdr_total_length(wsi, token) ? lws_hdr_copy(wsi, at, room, token) : -1;

	if (length < 0)
		return NULL;
	exchange->head_used += (size_t)length + 1;
	return at;
}

static void arguments_read(struct exchange *exchange, struct lws *wsi)
{
	struct http_request *request = &exchange->request;

	for (int i = 0; i < HTTP_ARGUMENTS_MAX; i++) {
		char *at = exchange->head + exchange->head_used;
		int room = (int)(HEAD_BYTES - exchange->head_used);
		int length = lws_hdr_copy_fragment(wsi, at, room, WSI_TOKEN_HTTP_URI_ARGS, i);

		if (length < 0)
			return;
		exchange->head_used += (size_t)length + 1;
		request->arguments[request->arguments_used++] = at;
	}
}

static int head_read(struct exchange *exchange, struct lws *wsi, const char *path)
{
	static const char asks[] = "access-control-request-method:";
	struct http_request *request = &exchange->request;
	size_t length = strnlen(path, HEAD_BYTES / 2);

	exchange_end(exchange);
	exchange->head = malloc(HEAD_BYTES);
	if (!exchange->head)
		return -1;
	exchange->began_ms = loop_now_ms();
	memcpy(exchange->head, path, length);
	exchange->head[length] = 0;
	exchange->head_used = length + 1;
	request->path = exchange->head;
	request->method = method_of(wsi);
	arguments_read(exchange, wsi);
	request->preflight = request->method == HTTP_OPTIONS &&
			     lws_hdr_custom_length(wsi, asks, sizeof(asks) - 1) > 0;
	request->host = header_of(exchange, wsi, WSI_TOKEN_HOST);
	request->origin = header_of(exchange, wsi, WSI_TOKEN_ORIGIN);
	request->authorization = header_of(exchange, wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
	request->cookie = header_of(exchange, wsi, WSI_TOKEN_HTTP_COOKIE);
	request->content_type = header_of(exchange, wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
	request->if_match = header_of(exchange, wsi, WSI_TOKEN_HTTP_IF_MATCH);
	request->etag = header_of(exchange, wsi, WSI_TOKEN_HTTP_ETAG);
	return 0;
}

int exchange_begin_upgrade(struct exchange *exchange, struct lws *wsi, const char *path)
{
	if (head_read(exchange, wsi, path))
		return -1;
	exchange->request.upgrade = true;
	return 0;
}

// ---- the body

static bool length_read(const char *text, size_t *length)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > LENGTH_DIGITS_MAX || text[digits])
		return false;
	*length = strtoull(text, NULL, 10);
	return true;
}

static bool has_body_by_nature(enum http_method method)
{
	return method == HTTP_POST || method == HTTP_PUT || method == HTTP_PATCH;
}

// libwebsockets reads neither chunks nor, of these methods, to the end of what has no length: nothing that
// follows such a request can be told from its body.
static int length_missing(struct exchange *exchange, bool chunked)
{
	exchange->last = chunked || has_body_by_nature(exchange->request.method) ||
			 exchange->request.method == HTTP_OTHER;
	return chunked ? 411 : 0;
}

static int body_expect(struct lws *wsi, bool waits)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char buffer[LWS_PRE + sizeof(go_on)];

	if (!waits)
		return EXCHANGE_COMES;
	memcpy(buffer + LWS_PRE, go_on, sizeof(go_on));
	return lws_write(wsi, buffer + LWS_PRE, sizeof(go_on) - 1, LWS_WRITE_HTTP_HEADERS) < 0
		       ? -1
		       : EXCHANGE_COMES;
}

int exchange_begin(struct exchange *exchange, struct lws *wsi, const char *path, size_t body_max)
{
	const char *length, *expect;
	bool chunked = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;

	if (head_read(exchange, wsi, path))
		return -1;
	length = header_of(exchange, wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
	expect = header_of(exchange, wsi, WSI_TOKEN_HTTP_EXPECT);
	if (!length || chunked)
		return length_missing(exchange, chunked);
	if (!length_read(length, &exchange->expected)) {
		exchange->last = true;
		return 400;
	}
	if (exchange->expected > body_max) {
		// what a patient client holds back will not come; what comes all the same is
		// read and thrown away by libwebsockets
		exchange->last = expect || exchange->expected > 16 * body_max;
		return 413;
	}
	// of an empty POST libwebsockets tells the end of the body, of others it does not
	if (!exchange->expected && exchange->request.method != HTTP_POST)
		return 0;
	return body_expect(wsi, expect && !strcasecmp(expect, "100-continue"));
}

int exchange_take(struct exchange *exchange, const void *data, size_t length)
{
	struct http_request *request = &exchange->request;
	size_t need = request->length + length + 1;

	if (exchange->answered || !length)
		return 0;
	if (need > exchange->expected + 1 ||
		loop_now_ms() - exchange->began_ms > EXCHANGE_BODY_S * 1000)
		return -1;
	if (need > exchange->body_room) {
		size_t room = need * 2 < exchange->expected + 1 ? need * 2 : exchange->expected + 1;
		char *larger = realloc(exchange->body, room);

		if (!larger)
			return -1;
		exchange->body = larger;
		exchange->body_room = room;
	}
	memcpy(exchange->body + request->length, data, length);
	request->length += length;
	exchange->body[request->length] = 0;
	request->body = exchange->body;
	return 0;
}

// ---- the reply

static bool header_add(struct lws *wsi, const char *name, const char *value, unsigned char **at,
	unsigned char *end)
{
	char named[sizeof(((struct http_header *)NULL)->name) + 1];

	snprintf(named, sizeof(named), "%s:", name);
	return !*value || !lws_add_http_header_by_name(wsi, (const unsigned char *)named,
				  (const unsigned char *)value, (int)strlen(value), at, end);
}

static bool headers_page(struct lws *wsi, unsigned char **at, unsigned char *end)
{
	return header_add(wsi, "content-security-policy",
		       "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: "
		       "blob:; "
		       "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src "
		       "'none'; "
		       "base-uri 'none'; frame-ancestors 'none'",
		       at, end) &&
	       header_add(wsi, "referrer-policy", "no-referrer", at, end);
}

// RFC 9110, 8.6: neither 1xx nor 204 have a length.
static bool headers_of_body(
	struct lws *wsi, const struct http_reply *reply, unsigned char **at, unsigned char *end)
{
	return header_add(wsi, "content-type", reply->type ? reply->type : "", at, end) &&
	       (reply->status == 204 ||
		       !lws_add_http_header_content_length(wsi, reply->length, at, end));
}

static bool headers_of_dialect(
	struct lws *wsi, const struct http_reply *reply, unsigned char **at, unsigned char *end)
{
	for (unsigned i = 0; i < reply->headers_used; i++)
		if (!header_add(wsi, reply->headers[i].name, reply->headers[i].value, at, end))
			return false;
	return true;
}

static bool headers_write(struct lws *wsi, const struct http_reply *reply, bool closing)
{
	unsigned char buffer[LWS_PRE + HEADERS_BYTES], *start = buffer + LWS_PRE, *at = start;
	unsigned char *end = buffer + sizeof(buffer) - 1;
	bool own_origin = *reply->origin && *reply->origin != '*';
	uint32_t retry_s = reply->retry_after_s	  ? reply->retry_after_s
			   : reply->status == 503 ? 5
						  : 0;
	char retry[16] = "";

	if (retry_s)
		snprintf(retry, sizeof(retry), "%u", retry_s);
	if (lws_add_http_header_status(wsi, (unsigned)reply->status, &at, end))
		return false;
	// libwebsockets says HTTP/1.0 to a refused upgrade, which not every client takes (RFC 9110, 2.5)
	start[sizeof("HTTP/1.") - 1] = '1';
	if (!headers_of_body(wsi, reply, &at, end) || !headers_of_dialect(wsi, reply, &at, end))
		return false;
	return header_add(wsi, "x-content-type-options", "nosniff", &at, end) &&
	       header_add(wsi, "cache-control", reply->may_be_kept ? "no-cache" : "no-store", &at,
		       end) &&
	       header_add(wsi, "allow", reply->allow ? reply->allow : "", &at, end) &&
	       header_add(wsi, "access-control-allow-origin", reply->origin, &at, end) &&
	       header_add(wsi, "vary", own_origin ? "Origin" : "", &at, end) &&
	       header_add(wsi, "retry-after", retry, &at, end) &&
	       header_add(wsi, "connection", closing ? "close" : "", &at, end) &&
	       (!reply->page || headers_page(wsi, &at, end)) &&
	       !lws_finalize_write_http_header(wsi, start, &at, end);
}

static int transaction_end(struct exchange *exchange, struct lws *wsi)
{
	bool last = exchange->last;

	exchange_end(exchange);
	exchange->answered = true; // of what still comes of the body nothing is kept
	return last || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int exchange_reply(struct exchange *exchange, struct lws *wsi, struct http_reply *reply)
{
	exchange->answered = true;
	exchange->reply = reply->body;
	exchange->reply_length = exchange->request.method == HTTP_HEAD ? 0 : reply->length;
	exchange->reply_sent = 0;
	if (!headers_write(wsi, reply, exchange->last))
		return -1;
	if (!exchange->reply_length)
		return transaction_end(exchange, wsi);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, EXCHANGE_CHUNK_S);
	lws_callback_on_writable(wsi);
	return 0;
}

// Returns 1 when all is written, 0 when more is to be, -1 on failure.
static int chunk_write(struct exchange *exchange, struct lws *wsi)
{
	unsigned char buffer[LWS_PRE + CHUNK_BYTES];
	size_t left = exchange->reply_length - exchange->reply_sent;
	size_t part = left < CHUNK_BYTES ? left : CHUNK_BYTES;

	memcpy(buffer + LWS_PRE, exchange->reply + exchange->reply_sent, part);
	if (lws_write(wsi, buffer + LWS_PRE, part,
		    part == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) != (int)part)
		return -1;
	exchange->reply_sent += part;
	return part == left;
}

int exchange_writable(struct exchange *exchange, struct lws *wsi)
{
	int written;

	if (!exchange->reply)
		return 0;
	written = chunk_write(exchange, wsi);
	if (written < 0)
		return -1;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, EXCHANGE_CHUNK_S);
	if (written)
		return transaction_end(exchange, wsi);
	lws_callback_on_writable(wsi);
	return 0;
}

int exchange_refuse(struct exchange *exchange, struct lws *wsi, struct http_reply *reply)
{
	exchange->reply = reply->body;
	exchange->reply_length = reply->length;
	exchange->reply_sent = 0;
	if (headers_write(wsi, reply, true) && exchange->reply_length)
		chunk_write(exchange, wsi);
	return -1;
}

void exchange_end(struct exchange *exchange)
{
	free(exchange->head);
	free(exchange->body);
	free(exchange->reply);
	*exchange = (struct exchange){0};
}
