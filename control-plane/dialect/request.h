// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange as dialects and the relay's own pages see it: a request with what was sent along, and the
// reply to it. No socket and no library.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_ARGUMENTS_MAX = 8,
	HTTP_HEADERS_MAX = 16,
};

// Who comes in.
enum dialect_auth {
	DIALECT_TOKEN, // who has a token
	DIALECT_OPEN, // everybody; a token is taken where one is given
	DIALECT_HOOK, // whom the operator's admission hook lets in; it is told of the token
};

// How a request may use the admin API.
enum admin_access {
	ADMIN_ELSEWHERE, // not by this listener, or only from this machine
	ADMIN_HERE,
	ADMIN_ALONE, // here, and the listener has nothing else
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_OPTIONS,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OTHER,
};

// All strings are valid during the call that gets the request.
struct http_request {
	enum http_method method;
	enum dialect_auth auth; // of the listener
	enum admin_access admin;
	bool upgrade; // wants to become a WebSocket
	bool secure; // came over TLS
	bool rehearsal; // will come once more: nothing is to be logged
	bool preflight; // an OPTIONS by which a browser asks before another request
	const char *path; // decoded, begins with '/'
	unsigned arguments_used;
	const char *arguments[HTTP_ARGUMENTS_MAX]; // "name=value", decoded
	const char *remote; // numeric address of the client, for logs
	// Headers; NULL = not given.
	const char *host, *origin, *authorization, *cookie, *content_type, *if_match, *etag;
	const char *body; // a terminator follows; NULL = none
	size_t length;
};

struct http_header {
	char name[40]; // lower case, without colon
	char value[512];
};

struct http_reply {
	bool waits; // no reply yet: the request will be handed in again
	int status;
	const char *type; // of the body; static
	char *body; // allocated; the caller frees it; NULL = none
	size_t length;
	const char *allow; // for Allow; NULL = none
	char origin[256]; // for Access-Control-Allow-Origin; empty = none
	bool page; // a file of the page: content security policy
	bool may_be_kept; // no: Cache-Control: no-store, yes: no-cache
	uint32_t retry_after_s; // 0 = not said
	unsigned headers_used;
	struct http_header headers[HTTP_HEADERS_MAX];
};
