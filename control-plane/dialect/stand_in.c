// SPDX-License-Identifier: Apache-2.0
#include "stand_in.h"

#include "sdp/sdp.h"

#include <stdlib.h>
#include <string.h>

enum { SDP_MAX = 64 * 1024 };

bool stand_in_same(struct core_participant_id a, struct core_participant_id b)
{
	return a.index == b.index && a.generation == b.generation;
}

static bool parse(const char *sdp, struct desc *desc)
{
	char why[128];

	return sdp && !sdp_parse(sdp, strlen(sdp), desc, why, sizeof(why));
}

int stand_in_offer(const struct dialect_host *host, struct core_participant_id from,
	struct core_participant_id to, const char *sdp)
{
	struct desc offer;
	int error;

	if (stand_in_same(from, to) || !parse(sdp, &offer))
		return STAND_IN_PASS;
	error = core_pair_offer(host->core, from, to, &offer, host->now_ms(host->context));
	return error == -CORE_BAD_DESC ? STAND_IN_PASS : error;
}

int stand_in_answer(const struct dialect_host *host, struct core_participant_id from,
	struct core_participant_id to, const char *sdp)
{
	struct desc answer;

	if (!parse(sdp, &answer))
		return -CORE_BAD_DESC;
	return core_pair_answer(host->core, from, to, &answer, host->now_ms(host->context));
}

char *stand_in_print(const struct core_event *event)
{
	char *text = malloc(SDP_MAX);

	if (text &&
		sdp_print(event->desc, event->type == CORE_EVENT_PAIR_OFFER, text, SDP_MAX) < 0) {
		free(text);
		text = NULL;
	}
	return text;
}
