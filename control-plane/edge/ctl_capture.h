// SPDX-License-Identifier: Apache-2.0
// The verbs of `sluicectl capture`:
//
//   {"verb":"capture","peer":"ROOM/IDENTITY" or "IDENTITY","seconds":N,"decrypted":BOOL}
//                        → {"ok":true,"number":N,"peer":"ROOM/IDENTITY","seconds":N}
//   {"verb":"capture-read","number":N,"peer":…,"tails":[N,…],"own":N}
//                        → {"ok":true}; at least every two seconds, or the capture ends. `tails` are of the
//                        data plane's rings, `own` of control's
//   {"verb":"capture-end","number":N}                             → {"ok":true}
#pragma once

#include "ctl.h"

struct ctl_capture_running {
	uint32_t number;
	const char *peer; // valid until the next call
	unsigned seconds; // that it has left
};

// What these verbs need of the plane; `context` is the host's.
struct ctl_captures {
	bool (*may_decrypt)(void *context); // the configuration says
	// Returns the capture's number, or -errno: -EAGAIN when as many run as may, -EBUSY when this peer's does.
	int64_t (*begin)(void *context, struct core_participant_id participant, const char *peer,
		bool decrypted, uint32_t seconds);
	// The one that has a place (sluice/capture.h); false when none has.
	bool (*running)(void *context, unsigned place, struct ctl_capture_running *running);
	// Whose packets it has; generation 0 when it does not run.
	struct core_participant_id (*participant)(void *context, uint32_t number);
	void (*follow)(void *context, uint32_t number, struct core_participant_id participant);
	// False when it has ended.
	bool (*read)(
		void *context, uint32_t number, const uint32_t *tails, unsigned n, uint32_t own);
	void (*end)(void *context, uint32_t number);
};

// Each answers one request; the reply is the caller's.
json_t *ctl_capture(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_capture_read(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_capture_end(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
