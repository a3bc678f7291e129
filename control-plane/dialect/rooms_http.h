// SPDX-License-Identifier: Apache-2.0
// What dialect 004 answers over HTTP, and which paths are its WebSockets.
#pragma once

#include "dialect.h"

// The two names in "/webrtc/signaling/{room}/{peer}"; they point into the path.
struct rooms_path {
	const char *room, *peer;
	size_t room_length, peer_length;
};

// Takes a path apart, with or without a query. Returns false when it is another one; lengths are not judged.
bool rooms_path_parse(const char *path, struct rooms_path *parsed);

// struct dialect's functions of the same names.
bool rooms_claims(const char *path);
bool rooms_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply);
bool rooms_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply);
