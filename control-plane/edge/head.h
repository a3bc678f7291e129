// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP request read from bytes that nobody has taken off the socket yet: enough of it to find out
// whether an upgrade will be admitted. The library that serves the request reads it again, and decides. Pure.
#pragma once

#include "dialect/request.h"

#include <stdbool.h>
#include <stddef.h>

enum { HEAD_BYTES_MAX = 12 * 1024 };

struct head {
	struct http_request request; // points into `text`
	char text[HEAD_BYTES_MAX + 1];
};

// How long the head at the beginning of `bytes` is with the empty line at its end; 0 when it is not whole.
size_t head_length(const char *bytes, size_t length);

// Reads a whole head. Returns true when it is a well-formed GET that wants to become a WebSocket.
bool head_read(const char *bytes, size_t length, struct head *head);
