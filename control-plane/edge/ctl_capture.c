// SPDX-License-Identifier: Apache-2.0
#include "ctl_capture.h"

#include "log.h"

#include <sluice/capture.h>

#include <string.h>

enum { PEER_MAX = 2 * CORE_NAME_MAX };

static json_t *refusal(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

// ROOM/IDENTITY; either may have a slash in it.
static void peer_print(const struct core *core, const struct core_participant *participant,
	char peer[static PEER_MAX])
{
	const struct core_room *room = core_room(core, participant->room);

	snprintf(peer, PEER_MAX, "%s/%s", room ? room->name : "", participant->identity);
}

// The participant that `wanted` names, by room and identity or by an identity that only one has. NULL with why
// not.
static const struct core_participant *peer_find(
	const struct core *core, const char *wanted, const char **why)
{
	const struct core_participant *one = NULL, *found = NULL;
	char peer[PEER_MAX];

	*why = "nobody of that identity is here: see `sluicectl peers`";
	while ((one = core_participant_next(core, one))) {
		peer_print(core, one, peer);
		if (!strcmp(peer, wanted))
			return one;
		if (strcmp(one->identity, wanted))
			continue;
		if (found)
			*why = "several rooms have somebody of that identity: say ROOM/IDENTITY";
		found = found ? found : one;
	}
	return (*why)[0] == 's' ? NULL : found;
}

static uint32_t name_of(const json_t *request)
{
	json_int_t name = json_integer_value(json_object_get(request, "name"));

	return name > 0 && name <= UINT32_MAX ? (uint32_t)name : 0;
}

json_t *ctl_capture(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const char *wanted = json_string_value(json_object_get(request, "peer")), *why;
	json_int_t seconds = json_integer_value(json_object_get(request, "seconds"));
	bool decrypted = json_is_true(json_object_get(request, "decrypted"));
	const struct core_participant *participant;
	char peer[PEER_MAX];
	uint32_t name;

	if (!wanted || seconds < 1 || seconds > SLUICE_CAPTURE_SECONDS_MAX)
		return refusal("capture needs a peer, and 1 to 600 seconds");
	if (decrypted && !host->captures->may_decrypt(host->context))
		return refusal(
			"decrypted captures are not allowed: set `capture.decrypted: true` in "
			"the configuration and reload it (`sluicectl reload`), or leave out "
			"--decrypted");
	participant = peer_find(host->core, wanted, &why);
	if (!participant)
		return refusal(why);
	name = host->captures->begin(host->context, participant->id, decrypted, (uint32_t)seconds);
	if (!name)
		return refusal("another capture runs: one at a time");
	peer_print(host->core, participant, peer);
	log_info("capture %u of %s: %s, for %u s at most", name, peer,
		decrypted ? "decrypted" : "as on the wire", (unsigned)seconds);
	return json_pack("{s:b, s:I, s:s, s:I}", "ok", 1, "name", (json_int_t)name, "peer", peer,
		"seconds", seconds);
}

// A peer that has left and come back is another participant of the same name.
static void follow(const struct ctl_host *host, uint32_t name, const char *peer)
{
	struct core_participant_id id = host->captures->participant(host->context, name);
	const struct core_participant *participant;
	const char *why;

	if (!peer || !id.generation || core_participant(host->core, id))
		return;
	participant = peer_find(host->core, peer, &why);
	if (participant)
		host->captures->follow(host->context, name, participant->id);
}

json_t *ctl_capture_read(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const json_t *list = json_object_get(request, "tails");
	uint32_t tails[SLUICE_WORKERS_MAX], name = name_of(request);
	size_t n = json_array_size(list);

	if (n > SLUICE_WORKERS_MAX)
		return refusal("capture-read: too many tails");
	for (size_t i = 0; i < n; i++)
		tails[i] = (uint32_t)json_integer_value(json_array_get(list, i));
	follow(host, name, json_string_value(json_object_get(request, "peer")));
	if (!host->captures->read(host->context, name, tails, (unsigned)n))
		return refusal("this capture has ended");
	return json_pack("{s:b}", "ok", 1);
}

json_t *ctl_capture_end(const struct ctl_host *host, const json_t *request, uint64_t)
{
	host->captures->end(host->context, name_of(request));
	return json_pack("{s:b}", "ok", 1);
}
