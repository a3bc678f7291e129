// SPDX-License-Identifier: Apache-2.0
// What comes back from the admission hook. Pure.
#pragma once

#include "hook.h"

// Reads the body of a reply: {"allowed": bool, "identity"?, "name"?, "can_publish"?, "can_subscribe"?,
// "lifetime"? (seconds), "reason"?}. Returns NULL with `verdict` filled, else what is wrong, in a few words.
const char *hook_reply_read(
	const char *text, size_t length, uint64_t now_ms, struct hook_verdict *verdict);
