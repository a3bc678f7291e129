// SPDX-License-Identifier: Apache-2.0
#include "chat_people.h"

#include "stand_in.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t chat_unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void chat_face(const struct dialect_host *host, const struct core_participant *participant,
	struct chat_face *face)
{
	uint64_t here_ms = host->now_ms(host->context) - participant->joined_ms;

	chat_account(participant->identity, face->account);
	face->person =
		(struct chat_person){face->account, participant->name, chat_unix_ms() - here_ms};
}

static bool is_of(const struct core_participant *participant, const char *account)
{
	char own[CHAT_ACCOUNT_MAX];

	chat_account(participant->identity, own);
	return !strcmp(own, account);
}

bool chat_account_present(const struct core *core, const char *name, const char *account,
	struct core_participant_id except)
{
	const struct core_room *room = core_room_by_name(core, name);
	const struct core_participant *one = NULL;

	while (room && (one = core_room_member_next(core, room->id, one)) != NULL)
		if (one->visible && !stand_in_same(one->id, except) && is_of(one, account))
			return true;
	return false;
}

// Has an earlier member of the room the same account?
static bool is_first(
	const struct core *core, const struct core_participant *participant, const char *account)
{
	const struct core_participant *one = NULL;

	while ((one = core_room_member_next(core, participant->room, one)) != participant)
		if (one->visible && is_of(one, account))
			return false;
	return true;
}

json_t *chat_participants(const struct dialect_host *host, const char *name, const char *except)
{
	const struct core_room *room = core_room_by_name(host->core, name);
	const struct core_participant *one = NULL;
	json_t *list = json_array();
	struct chat_face face;

	while (room && (one = core_room_member_next(host->core, room->id, one)) != NULL) {
		chat_face(host, one, &face);
		if (one->visible && strcmp(face.account, except) &&
			is_first(host->core, one, face.account))
			json_array_append_new(list, chat_participant(&face.person));
	}
	return list;
}

bool chat_identity(const struct core *core, const char *name, const char *account,
	char identity[CORE_NAME_MAX])
{
	const struct core_room *room = core_room_by_name(core, name);
	bool found = false;

	for (unsigned i = 1; i <= CHAT_DEVICES_MAX; i++) {
		const struct core_participant *one;
		char wish[CORE_NAME_MAX + 16];

		snprintf(wish, sizeof(wish), i == 1 ? "%s" : "%s#%u", account, i);
		one = room ? core_participant_by_identity(core, room->id, wish) : NULL;
		if (one ? one->link || strcmp(one->dialect, "chat") : found)
			continue; // a device that is there, or of another dialect
		snprintf(identity, CORE_NAME_MAX, "%.127s", wish);
		found = true;
		if (one)
			break;
	}
	return found;
}
