// SPDX-License-Identifier: Apache-2.0
// The page that a listener of dialect 000 shows to those who come without a WebSocket: which rooms are
// active and how many clients are in them.
#pragma once

#include "dialect.h"

// struct dialect's function. False for the relay's own paths: health, metrics, /v1.
bool plain_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply);
