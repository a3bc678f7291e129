// SPDX-License-Identifier: Apache-2.0
#include "ctl_verb.h"
#include "log.h"
#include "moderate.h"

#include <string.h>

json_t *ctl_mute(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const char *room = ctl_text(request, "room"), *identity = ctl_text(request, "identity");
	const char *what = ctl_text(request, "what");
	bool muted = !strcmp(ctl_text(request, "verb"), "mute");
	char why[MODERATE_WHY_MAX];
	int status;

	if (!room || !identity)
		return ctl_refusal("mute and unmute need room and identity");
	status = moderate_mute(host->core, room, identity, what, muted, why);
	host->settle(host->context);
	if (status)
		return ctl_refusal(why);
	log_info("room=%s peer=%s: %s %s by the operator", room, identity,
		what && *what ? what : "everything", muted ? "muted" : "unmuted");
	return json_pack("{s:b}", "ok", 1);
}
