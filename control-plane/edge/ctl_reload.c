// SPDX-License-Identifier: Apache-2.0
#include "ctl_verb.h"
#include "log.h"

#include <string.h>

json_t *ctl_reload(const struct ctl_host *host, const json_t *, uint64_t)
{
	return host->reload(host->context);
}

json_t *ctl_log(const struct ctl_host *, const json_t *request, uint64_t)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};
	const char *level = ctl_text(request, "level");

	for (int i = 0; level && i < 4; i++) {
		if (strcmp(level, words[i]))
			continue;
		log_level = i;
		log_info("log level %s until the next reload or restart", level);
		return json_pack("{s:b, s:s}", "ok", 1, "level", level);
	}
	return ctl_refusal("the level must be error, warn, info or debug");
}
