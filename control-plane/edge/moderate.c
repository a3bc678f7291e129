// SPDX-License-Identifier: Apache-2.0
#include "moderate.h"

#include <stdio.h>
#include <string.h>

static int refuse(char why[MODERATE_WHY_MAX], int status, const char *text)
{
	snprintf(why, MODERATE_WHY_MAX, "%s", text);
	return status;
}

// Returns NULL with `why`.
static const struct core_participant *find(
	const struct core *core, const char *name, const char *identity, char *why)
{
	const struct core_room *room = core_room_by_name(core, name);
	const struct core_participant *participant =
		room ? core_participant_by_identity(core, room->id, identity) : NULL;

	if (!room)
		refuse(why, 404, "no such room");
	else if (!participant)
		refuse(why, 404, "nobody of that identity is in the room");
	return participant;
}

static int status_of(int error, char why[MODERATE_WHY_MAX])
{
	return error ? refuse(why, 503, core_error_text(error)) : 0;
}

int moderate_kick(struct core *core, const char *room, const char *identity, const char *reason,
	char why[MODERATE_WHY_MAX])
{
	const struct core_participant *participant = find(core, room, identity, why);

	if (!participant)
		return 404;
	return status_of(core_kick(core, participant->id,
				 reason && *reason ? reason : "removed by the operator"),
		why);
}

static int mute_one(struct core *core, const struct core_participant *participant,
	enum desc_kind kind, const char *mid, bool muted, char *why)
{
	const struct core_publication *publication = NULL;

	while ((publication = core_publication_next(core, publication)))
		if (publication->participant.index == participant->id.index &&
			publication->participant.generation == participant->id.generation &&
			publication->kind == kind && !strcmp(publication->mid, mid))
			return status_of(
				core_silence(core, participant->id, publication->id, kind, muted),
				why);
	return refuse(why, 404, "it sends nothing of that kind and mid");
}

int moderate_mute(struct core *core, const char *room, const char *identity, const char *what,
	bool muted, char why[MODERATE_WHY_MAX])
{
	const struct core_participant *participant = find(core, room, identity, why);
	const struct core_publication_id all = {0};
	bool everything = !what || !*what;
	bool audio = everything || !strncmp(what, "audio", 5);
	bool video = everything || !strncmp(what, "video", 5);
	int status = 0;

	if (!participant)
		return 404;
	if ((!audio && !video) || (!everything && what[5] && what[5] != '/'))
		return refuse(why, 400, "what to mute must be audio, video or KIND/MID");
	if (!everything && what[5])
		return mute_one(
			core, participant, audio ? DESC_AUDIO : DESC_VIDEO, what + 6, muted, why);
	if (audio)
		status =
			status_of(core_silence(core, participant->id, all, DESC_AUDIO, muted), why);
	if (video && !status)
		status =
			status_of(core_silence(core, participant->id, all, DESC_VIDEO, muted), why);
	return status;
}
