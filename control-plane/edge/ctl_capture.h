// SPDX-License-Identifier: Apache-2.0
// The verbs of `sluicectl capture`:
//
//   {"verb":"capture","peer":"ROOM/IDENTITY" or "IDENTITY","seconds":N,"decrypted":BOOL}
//                        → {"ok":true,"name":N,"peer":"ROOM/IDENTITY","seconds":N}
//   {"verb":"capture-read","name":N,"peer":…,"tails":[N,…]}
//                        → {"ok":true}; at least every two seconds, or the capture ends
//   {"verb":"capture-end","name":N}                             → {"ok":true}
#pragma once

#include "ctl.h"

// What these verbs need of the plane; `context` is the host's.
struct ctl_captures {
	bool (*may_decrypt)(void *context); // the configuration says
	// Returns the capture's name, 0 while another one runs.
	uint32_t (*begin)(void *context, struct core_participant_id participant, bool decrypted,
		uint32_t seconds);
	// Whose packets it has; generation 0 when it does not run.
	struct core_participant_id (*participant)(void *context, uint32_t name);
	void (*follow)(void *context, uint32_t name, struct core_participant_id participant);
	// False when it has ended.
	bool (*read)(void *context, uint32_t name, const uint32_t *tails, unsigned n);
	void (*end)(void *context, uint32_t name);
};

// Each answers one request; the reply is the caller's.
json_t *ctl_capture(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_capture_read(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_capture_end(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
