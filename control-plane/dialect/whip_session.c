// SPDX-License-Identifier: Apache-2.0
#include "whip_session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	HANDLE_DIGITS = 16, // index and generation
	SIGNATURE_BYTES = 16,
	ID_DIGITS = HANDLE_DIGITS + 2 * SIGNATURE_BYTES,
	TICK_MAX = 512, // participants that one tick sees to
	ENDED_MAX = 64, // sessions whose end by the client itself is remembered
};

static_assert((int)ID_DIGITS < (int)WHIP_ID_MAX);

const char whip_publishers[] = "whip", whip_viewers[] = "whep";

void *whip_link(void)
{
	static char link;

	return &link;
}

// Clients close DTLS first and DELETE then: they are to hear that it was done, not that there is nothing.
static struct {
	unsigned next;
	char ids[ENDED_MAX][WHIP_ID_MAX];
} ended;

static bool is_ours(const struct core_participant *participant)
{
	return !strcmp(participant->dialect, whip_publishers) ||
	       !strcmp(participant->dialect, whip_viewers);
}

// ---- addresses

// The owner is signed, too: a handle that comes to another after the shared files were discarded is not
// the same session.
static bool id_make(const struct dialect_host *host, struct core_transport_id transport,
	struct core_participant_id participant, char id[WHIP_ID_MAX])
{
	const struct core_participant *owner = core_participant(host->core, participant);
	const struct core_room *room = owner ? core_room(host->core, owner->room) : NULL;
	char signed_text[2 * CORE_NAME_MAX + 128];
	uint8_t signature[32];
	int length, used;

	if (!room || !is_ours(owner))
		return false;
	length = snprintf(signed_text, sizeof(signed_text),
		"%s session %" PRIu32 ".%" PRIu32 " of %" PRIu32 ".%" PRIu32 " %s\n%s",
		owner->dialect, transport.index, transport.generation, owner->id.index,
		owner->id.generation, owner->identity, room->name);
	host->sign(host->context, signed_text, (size_t)length, signature);
	used = snprintf(
		id, WHIP_ID_MAX, "%08" PRIx32 "%08" PRIx32, transport.index, transport.generation);
	for (unsigned i = 0; i < SIGNATURE_BYTES; i++)
		used += snprintf(id + used, WHIP_ID_MAX - (size_t)used, "%02x", signature[i]);
	return true;
}

bool whip_session_id(
	const struct dialect_host *host, struct core_transport_id transport, char id[WHIP_ID_MAX])
{
	const struct core_transport *row = core_transport(host->core, transport);

	return row && id_make(host, transport, row->participant, id);
}

// Takes as long for a wrong id as for a right one.
static bool id_same(const char *a, const char *b)
{
	uint8_t difference = 0;

	for (unsigned i = 0; i < ID_DIGITS; i++)
		difference |= (uint8_t)(a[i] ^ b[i]);
	return !difference;
}

bool whip_session_find(
	const struct dialect_host *host, const char *id, struct whip_session *session)
{
	const struct core_transport *transport;
	struct core_transport_id handle;
	char expected[WHIP_ID_MAX];

	if (strlen(id) != ID_DIGITS || strspn(id, "0123456789abcdef") != ID_DIGITS)
		return false;
	sscanf(id, "%8" SCNx32 "%8" SCNx32, &handle.index, &handle.generation);
	transport = core_transport(host->core, handle);
	if (!transport || !id_make(host, handle, transport->participant, expected) ||
		!id_same(id, expected))
		return false;
	session->transport = handle;
	session->participant = transport->participant;
	session->view = !strcmp(
		core_participant(host->core, transport->participant)->dialect, whip_viewers);
	return true;
}

static void ended_remember(const struct dialect_host *host, const struct core_event *event)
{
	char id[WHIP_ID_MAX];

	if (!event->text || !strstr(event->text, "closed DTLS") ||
		!id_make(host, event->transport, event->to, id))
		return;
	memcpy(ended.ids[ended.next++ % ENDED_MAX], id, sizeof(id));
}

bool whip_session_ended(const char *id)
{
	if (strlen(id) != ID_DIGITS)
		return false;
	for (unsigned i = 0; i < ENDED_MAX; i++)
		if (*ended.ids[i] && id_same(ended.ids[i], id)) {
			*ended.ids[i] = 0;
			return true;
		}
	return false;
}

// ---- identities

void whip_identity(const struct dialect_host *host, const char *room, bool view, const char *seed,
	char identity[CORE_NAME_MAX])
{
	const struct core_room *there = core_room_by_name(host->core, room);
	char text[256];
	uint8_t drawn[32];
	uint32_t number;

	for (unsigned attempt = 0;; attempt++) {
		int length = snprintf(text, sizeof(text), "identity %u %" PRIu64 " %s", attempt,
			host->now_ms(host->context), seed);

		host->sign(host->context, text,
			(size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1, drawn);
		memcpy(&number, drawn, sizeof(number));
		if (view)
			snprintf(identity, CORE_NAME_MAX, "whep-%08" PRIx32, number);
		else
			snprintf(identity, CORE_NAME_MAX, "%" PRIu32, number);
		if (!there || !core_participant_by_identity(host->core, there->id, identity))
			return;
	}
}

// ---- coming and going

bool whip_event(const struct dialect_host *host, const struct core_event *event)
{
	if (event->link != whip_link())
		return false;
	if (event->type == CORE_EVENT_TRANSPORT_GONE && !core_transport_of(host->core, event->to)) {
		host->log(host->context, 'i', "a session has ended: %.*s", (int)event->text_length,
			event->text ? event->text : "");
		ended_remember(host, event);
		core_leave(host->core, event->to);
	}
	return true;
}

static void take_over(
	const struct dialect_host *host, struct core_participant_id id, uint64_t now_ms)
{
	const struct core_participant participant = *core_participant(host->core, id);
	const struct core_room *room = core_room(host->core, participant.room);
	struct core_join join = {.room = room->name,
		.identity = participant.identity,
		.name = participant.name,
		.dialect = participant.dialect,
		.link = whip_link(),
		.visible = participant.visible,
		.can_publish = participant.can_publish,
		.can_subscribe = participant.can_subscribe,
		.now_ms = now_ms};
	bool resumed;

	core_join(host->core, &join, &id, &resumed);
}

void whip_tick(const struct dialect_host *host, uint64_t now_ms)
{
	const struct core_participant *participant = NULL;
	struct core_participant_id found[TICK_MAX];
	unsigned used = 0;

	while (used < TICK_MAX &&
		(participant = core_participant_next(host->core, participant)) != NULL)
		if (is_ours(participant) &&
			(!participant->link || !core_transport_of(host->core, participant->id)))
			found[used++] = participant->id;
	while (used--)
		if (core_transport_of(host->core, found[used]))
			take_over(host, found[used], now_ms);
		else
			core_leave(host->core, found[used]);
}
