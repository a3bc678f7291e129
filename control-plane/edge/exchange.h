// SPDX-License-Identifier: Apache-2.0
// One HTTP request with its body, and the reply to it, over a connection of libwebsockets. Who answers is
// server.c's business.
#pragma once

#include "dialect/request.h"

#include <libwebsockets.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXCHANGE_BODY_S = 30, // for a body to come whole
	EXCHANGE_CHUNK_S = 30, // for the client to take a piece of a reply
	EXCHANGE_COMES = 100, // exchange_begin: the body is on its way
};

struct exchange {
	struct http_request request; // points into `head` and `body`
	bool answered; // a reply is or was under way
	bool last; // the connection closes after it
	char *head;
	size_t head_used;
	char *body;
	size_t body_room, expected;
	uint64_t began_ms;
	char *reply; // what is being sent
	size_t reply_length, reply_sent;
};

// Reads the head of a new request. Returns 0 when there is no body, EXCHANGE_COMES when one is to come
// (a client that waits for "100 Continue" gets it), the status of a refusal, or -1 when memory is short.
// Bodies must say their length (RFC 9112, 6.3); at most `body_max` bytes are taken.
int exchange_begin(struct exchange *exchange, struct lws *wsi, const char *path, size_t body_max);

// The head of a request that wants to become a WebSocket. Returns 0, or -1 when memory is short.
int exchange_begin_upgrade(struct exchange *exchange, struct lws *wsi, const char *path);

// Takes a piece of the body. Returns -1 when the connection must end: too slow, too much, no memory.
int exchange_take(struct exchange *exchange, const void *data, size_t length);

// Sends a reply, whose body it takes. Returns what the callback of libwebsockets has to return.
int exchange_reply(struct exchange *exchange, struct lws *wsi, struct http_reply *reply);

// Goes on with it.
int exchange_writable(struct exchange *exchange, struct lws *wsi);

// Refuses an upgrade with a reply, whose body it takes; the connection ends: always returns -1.
int exchange_refuse(struct exchange *exchange, struct lws *wsi, struct http_reply *reply);

// Frees what is left; the struct may be used again.
void exchange_end(struct exchange *exchange);
