// SPDX-License-Identifier: Apache-2.0
// Verbs of the control socket about pushes and pulls:
//
//   {"verb":"feeds"}  → {"ok":true,"feeds":[…]}  as feeds_view
//   {"verb":"push","room":NAME,"identity":NAME,"url":URL,"tokenFile":PATH?,"stop":BOOL?} → {"ok":true}
//   {"verb":"pull", the same; "identity" is "pull" when it is missing}                   → {"ok":true}
//
// With "stop" it is ended instead. The reply does not wait for the far side.
#pragma once

#include "ctl.h"

// Answers one of them. Returns the reply, the caller's; NULL when memory is short.
json_t *ctl_feed_answer(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
