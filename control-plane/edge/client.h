// SPDX-License-Identifier: Apache-2.0
// HTTP and HTTPS requests that control makes of others, on libcurl. Nothing here waits: names are resolved in
// a thread of libcurl's, all else happens in the loop. Certificates are checked against the system's
// store, proxies of the environment are ignored, replies are bounded. Redirects are followed a few times with
// their method kept (RFC 9110, 15.4.8), never from https to http; to another host no Authorization goes along.
#pragma once

#include "loop.h"

#include <stddef.h>
#include <stdint.h>

enum { CLIENT_URL_MAX = 2048 };

struct client;
struct client_request;

struct client_ask {
	const char *method, *url; // http:// or https://
	const char *const *headers; // "Name: value", NULL-terminated; NULL = none
	const void *body;
	size_t body_bytes;
	uint64_t timeout_ms; // for the whole of it; 0 = 10 s
	size_t reply_bytes_max; // a longer body is a failure
};

// Valid during the call.
struct client_reply {
	int status; // 0: none, see why
	const char *why; // one line for people; NULL when there is a status
	const char *body; // a NUL follows; never NULL
	size_t body_bytes;
	const char *url; // where the reply came from, after redirects; never NULL
	void *easy; // libcurl's, for client_reply_header
};

// Called once for each request, never from within client_send. May send and cancel, but not client_destroy.
typedef void client_done(void *context, const struct client_reply *reply);

// Returns NULL when memory or descriptors are short.
struct client *client_create(struct loop *loop);

// Requests that are pending end without a call. NULL is fine.
void client_destroy(struct client *client);

// Begins a request; texts are copied. What is wrong with it (a URL of another scheme, a header of two lines)
// is told by `done`, too. Returns NULL when memory is short; the pointer is good until `done` returns.
struct client_request *client_send(
	struct client *client, const struct client_ask *ask, client_done *done, void *context);

// Ends a request: done is not called any more. Also from within callbacks, also for the request that has
// just called; NULL is fine.
void client_cancel(struct client_request *request);

// Value of the nth header (from 0) of that name, however it is capitalized; NULL = no more.
const char *client_reply_header(const struct client_reply *reply, const char *name, unsigned nth);

// Seconds that the reply asks to wait (Retry-After, RFC 9110, 10.2.3), also when it names a date; 0 = it does not.
uint64_t client_reply_retry_s(const struct client_reply *reply);

// Makes an address out of one that a reply names, which may be relative to where the reply came from (RFC
// 3986, 5). Returns 0, or -1 when it is not http or https, makes no sense or is longer than `size`.
int client_reply_address(
	const struct client_reply *reply, const char *reference, char *url, size_t size);
