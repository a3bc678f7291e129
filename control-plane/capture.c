// SPDX-License-Identifier: Apache-2.0
// What the verbs of captures ask of the plane.
#include "plane/capture.h"

#include "control.h"

static bool may_decrypt(void *context)
{
	const struct control *control = context;

	return control->config.capture.decrypted;
}

static uint32_t begin(
	void *context, struct core_participant_id participant, bool decrypted, uint32_t seconds)
{
	struct control *control = context;

	return capture_begin(control->plane, participant, decrypted, seconds, loop_now_ms());
}

static struct core_participant_id participant_of(void *context, uint32_t name)
{
	const struct control *control = context;

	return capture_participant(control->plane, name);
}

static void follow(void *context, uint32_t name, struct core_participant_id participant)
{
	struct control *control = context;

	capture_follow(control->plane, name, participant);
}

static bool has_read(void *context, uint32_t name, const uint32_t *tails, unsigned n)
{
	struct control *control = context;

	return capture_read(control->plane, name, tails, n, loop_now_ms());
}

static void end(void *context, uint32_t name)
{
	struct control *control = context;

	capture_end(control->plane, name);
}

const struct ctl_captures control_captures = {
	.may_decrypt = may_decrypt,
	.begin = begin,
	.participant = participant_of,
	.follow = follow,
	.read = has_read,
	.end = end,
};
