// SPDX-License-Identifier: Apache-2.0
#include "sfu_people.h"

#include "sfu_message.h"
#include "sfu_number.h"
#include "stand_in.h"

static json_t *person(const struct core_participant *who, const char *field)
{
	return sfu_user(sfu_number_of(who->identity, who->id), who->name, field);
}

json_t *sfu_participants(const struct core *core, const struct core_participant *self)
{
	const struct core_participant *other = NULL;
	json_t *list = json_array();

	while ((other = core_room_member_next(core, self->room, other)) != NULL)
		if (other != self && other->visible)
			json_array_append_new(list, person(other, "userId"));
	return list;
}

json_t *sfu_publishers_of(const struct core *core, const struct core_participant *self)
{
	const struct core_participant *other = NULL;
	json_t *list = json_array();

	while ((other = core_room_member_next(core, self->room, other)) != NULL)
		if (other != self && core_publishes(core, other->id))
			json_array_append_new(list, person(other, "publisherId"));
	return list;
}

// One of a participant's publications of a kind, after `previous`.
static const struct core_publication *next_of(const struct core *core,
	struct core_participant_id id, enum desc_kind kind, const struct core_publication *previous)
{
	while ((previous = core_publication_next(core, previous)) != NULL)
		if (previous->kind == kind && stand_in_same(previous->participant, id))
			break;
	return previous;
}

bool sfu_is_held(const struct core *core, struct core_participant_id id, enum desc_kind kind)
{
	const struct core_publication *publication = NULL;

	while ((publication = next_of(core, id, kind, publication)) != NULL)
		if (publication->held)
			return true;
	return false;
}

bool sfu_is_paused(const struct core *core, struct core_participant_id id, enum desc_kind kind)
{
	const struct core_publication *publication = NULL;

	while ((publication = next_of(core, id, kind, publication)) != NULL)
		if (publication->paused)
			return true;
	return false;
}
