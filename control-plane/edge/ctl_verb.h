// SPDX-License-Identifier: Apache-2.0
// Verbs of the control socket in files of their own; ctl.h documents them.
#pragma once

#include "ctl.h"

// Each answers one request. Returns the reply, the caller's.
json_t *ctl_mute(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_reload(const struct ctl_host *host, const json_t *request, uint64_t now_ms);
json_t *ctl_log(const struct ctl_host *host, const json_t *request, uint64_t now_ms);

static inline json_t *ctl_refusal(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

static inline const char *ctl_text(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}
