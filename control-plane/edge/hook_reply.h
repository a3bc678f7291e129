// SPDX-License-Identifier: Apache-2.0
// What comes back from the admission hook, and the address it is at. Pure.
#pragma once

#include "hook.h"

struct hook_address {
	char host[256], port[8];
	const char *path; // within the URL; begins with '/', or is empty
};

// Takes http://HOST[:PORT][/PATH] apart. Returns false when it is something else.
bool hook_address_parse(const char *url, struct hook_address *address);

// True when `length` bytes are the whole reply: as long as its Content-Length says, which ends it before the
// connection does.
bool hook_reply_whole(const char *text, size_t length);

// Reads a whole reply: status 200 and {"allowed": bool, "identity"?, "name"?, "can_publish"?, "can_subscribe"?,
// "lifetime"? (seconds), "reason"?}. Returns NULL with `verdict` filled, else what is wrong, in a few words.
const char *hook_reply_read(
	const char *text, size_t length, uint64_t now_ms, struct hook_verdict *verdict);
