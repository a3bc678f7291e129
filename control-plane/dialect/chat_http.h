// SPDX-License-Identifier: Apache-2.0
// The HTTP side of dialect 001: who may connect to which call, and the requests beside the socket.
#pragma once

#include "dialect.h"

enum { CHAT_ROOM_MAX = 37 }; // a GUID as text, with terminator

// True for every path under /api/chat/realtime/ and, as the original's gateway has it,
// /sphere/chat/realtime/.
bool chat_claims(const char *path);

// Finds the room of a path /…/{guid}, with or without query: in lower case with hyphens. Returns false when
// the path is another, or its last part is no GUID.
bool chat_room(const char *path, char room[CHAT_ROOM_MAX]);

// struct dialect's `admit` and `request`.
bool chat_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply);
bool chat_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply);
