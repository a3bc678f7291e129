// SPDX-License-Identifier: Apache-2.0
// The operator's mute. What a publisher says of itself (core_mute) is another flag: neither ends the other.
#include "event.h"
#include "participant.h"
#include "publication.h"

static bool kind_held(const struct participant *participant, enum desc_kind kind)
{
	const struct publication *publication;

	TAILQ_FOREACH (publication, &participant->publications, of_owner)
		if (publication->view.kind == kind && !publication->view.held)
			return false;
	return true;
}

static void hold(struct core *core, struct publication *publication, bool held)
{
	if (publication->view.held == held)
		return;
	publication->view.held = held;
	publication_tell(core, publication, false);
}

static void silence_kind(
	struct core *core, struct participant *participant, enum desc_kind kind, bool silenced)
{
	uint8_t bit = (uint8_t)(1u << kind);
	struct publication *publication;

	participant->view.silenced &= (uint8_t)~bit;
	participant->view.silenced |= silenced ? bit : 0;
	participant_tell(core, participant, false);
	TAILQ_FOREACH (publication, &participant->publications, of_owner)
		if (publication->view.kind == kind)
			hold(core, publication, silenced);
}

int core_silence(struct core *core, struct core_participant_id id,
	struct core_publication_id publication_id, enum desc_kind kind, bool silenced)
{
	struct participant *participant = participant_get(core, id);
	struct publication *one = NULL;
	bool before;

	if (!participant)
		return -CORE_GONE;
	if (publication_id.generation) {
		one = slots_get(
			&core->publications, publication_id.index, publication_id.generation);
		if (!one || one->owner != participant)
			return -CORE_STATE;
		kind = one->view.kind;
	}
	if (!event_reserve(core, 2))
		return -CORE_FULL;
	before = kind_held(participant, kind);
	if (one)
		hold(core, one, silenced);
	else
		silence_kind(core, participant, kind, silenced);
	if (before != kind_held(participant, kind))
		event_silenced(core, participant, kind, !before);
	return 0;
}
