// SPDX-License-Identifier: Apache-2.0
#include "ctl_capture.h"

#include "log.h"

#include <sluice/capture.h>

#include <errno.h>
#include <string.h>

enum {
	PEER_MAX = 2 * CORE_NAME_MAX,
	LIST_MAX = SLUICE_CAPTURES_MAX * (PEER_MAX + 40),
};

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

static uint32_t number_of(const json_t *request)
{
	json_int_t number = json_integer_value(json_object_get(request, "number"));

	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

// Those that run, for people; of `peer` alone unless it is NULL. Returns how many all in all.
static unsigned list_print(
	const struct ctl_host *host, const char *peer, char list[static LIST_MAX])
{
	struct ctl_capture_running one;
	unsigned n = 0;
	size_t used = 0;

	list[0] = 0;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		if (!host->captures->running(host->context, place, &one))
			continue;
		n++;
		if ((peer && strcmp(peer, one.peer)) || used >= LIST_MAX)
			continue;
		used += (size_t)snprintf(list + used, LIST_MAX - used,
			"%s%u of %.255s for %u s more", used ? ", " : "", one.number, one.peer,
			one.seconds);
	}
	return n;
}

static json_t *begin_refusal(const struct ctl_host *host, const char *peer, int error)
{
	char list[LIST_MAX], text[LIST_MAX + 160];

	if (error == EBUSY) {
		list_print(host, peer, list);
		snprintf(text, sizeof(text),
			"a capture of this peer runs already (%s): wait for it, or end its "
			"sluicectl",
			list);
	} else if (error == EAGAIN) {
		list_print(host, NULL, list);
		snprintf(text, sizeof(text),
			"%d captures run already: %s: wait for one, or end its sluicectl",
			SLUICE_CAPTURES_MAX, list);
	} else {
		snprintf(text, sizeof(text),
			"it cannot be begun: %s: is there room in the runtime directory?",
			strerror(error));
	}
	return refusal(text);
}

json_t *ctl_capture(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const char *wanted = json_string_value(json_object_get(request, "peer")), *why;
	json_int_t seconds = json_integer_value(json_object_get(request, "seconds"));
	bool decrypted = json_is_true(json_object_get(request, "decrypted"));
	const struct core_participant *participant;
	char peer[PEER_MAX], list[LIST_MAX];
	int64_t number;

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
	peer_print(host->core, participant, peer);
	number = host->captures->begin(
		host->context, participant->id, peer, decrypted, (uint32_t)seconds);
	if (number < 0)
		return begin_refusal(host, peer, (int)-number);
	log_info("capture %u of %s: %s, for %u s at most", (unsigned)number, peer,
		decrypted ? "decrypted" : "as on the wire", (unsigned)seconds);
	if (list_print(host, NULL, list) > 1)
		log_info("captures that run now: %s", list);
	return json_pack("{s:b, s:I, s:s, s:I}", "ok", 1, "number", (json_int_t)number, "peer",
		peer, "seconds", seconds);
}

// A peer that has left and come back is another participant of the same name.
static void follow(const struct ctl_host *host, uint32_t number, const char *peer)
{
	struct core_participant_id id = host->captures->participant(host->context, number);
	const struct core_participant *participant;
	const char *why;

	if (!peer || !id.generation || core_participant(host->core, id))
		return;
	participant = peer_find(host->core, peer, &why);
	if (participant)
		host->captures->follow(host->context, number, participant->id);
}

json_t *ctl_capture_read(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const json_t *list = json_object_get(request, "tails");
	uint32_t tails[SLUICE_WORKERS_MAX], number = number_of(request);
	json_int_t own = json_integer_value(json_object_get(request, "own"));
	size_t n = json_array_size(list);

	if (n > SLUICE_WORKERS_MAX)
		return refusal("capture-read: too many tails");
	for (size_t i = 0; i < n; i++)
		tails[i] = (uint32_t)json_integer_value(json_array_get(list, i));
	follow(host, number, json_string_value(json_object_get(request, "peer")));
	if (!host->captures->read(host->context, number, tails, (unsigned)n, (uint32_t)own))
		return refusal("this capture has ended");
	return json_pack("{s:b}", "ok", 1);
}

json_t *ctl_capture_end(const struct ctl_host *host, const json_t *request, uint64_t)
{
	host->captures->end(host->context, number_of(request));
	return json_pack("{s:b}", "ok", 1);
}
