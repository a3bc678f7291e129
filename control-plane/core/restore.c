// SPDX-License-Identifier: Apache-2.0
// Rows of the process before us become slots again. A row is input: whatever does not fit the rest
// is refused.
#include "restore.h"

#include "event.h"
#include "invite.h"
#include "leg.h"
#include "name.h"
#include "participant.h"
#include "publication.h"
#include "room.h"
#include "subscription.h"
#include "transport.h"

#include <string.h>

static bool terminated(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

#define TERMINATED(array) terminated(array, sizeof(array))

// ---- participants

int core_restore_participant(
	struct core *core, const struct core_participant *participant, const char *name)
{
	const char *dialect = participant_dialect(core, participant->dialect);
	struct room *room;
	struct participant *row;

	if (!dialect || !name_valid(name, CORE_NAME_MAX) ||
		!name_valid(participant->identity, CORE_NAME_MAX) ||
		!name_valid(participant->name, CORE_NAME_MAX))
		return -CORE_NAME;
	room = room_find(core, name);
	if (room && participant_find(core, room, participant->identity))
		return -CORE_EXISTS;
	if (!room && !slots_have(&core->rooms, 1))
		return -CORE_FULL;
	row = slots_take_at(&core->participants, participant->id.index, participant->id.generation);
	if (!row)
		return -CORE_EXISTS;
	row->view = *participant;
	row->view.dialect = dialect;
	row->view.link = NULL;
	row->view.publishing = (struct core_transport_id){0};
	participant_enter(core, row, room_enter(core, name, participant->joined_ms));
	return 0;
}

// ---- transports

static bool transport_sane(const struct core *core, const struct core_transport *view)
{
	return TERMINATED(view->local_ufrag) && TERMINATED(view->local_password) &&
	       TERMINATED(view->previous_ufrag) && TERMINATED(view->previous_password) &&
	       TERMINATED(view->remote_ufrag) && TERMINATED(view->remote_password) &&
	       TERMINATED(view->fingerprint.algorithm) && view->local_ufrag[0] &&
	       view->fingerprint.length <= sizeof(view->fingerprint.value) &&
	       view->paths_used <= CORE_PATHS_MAX &&
	       (view->path_selected < view->paths_used || !view->path_selected) &&
	       view->keys.key_length <= sizeof(view->keys.send_key) &&
	       view->keys.salt_length <= sizeof(view->keys.send_salt) &&
	       !core_transport_by_ufrag(core, view->local_ufrag, strlen(view->local_ufrag));
}

// No two transports hold one address.
static bool paths_free(const struct core *core, const struct core_transport *view)
{
	for (unsigned i = 0; i < view->paths_used; i++)
		if (core_transport_by_path(core, &view->paths[i]))
			return false;
	return true;
}

static bool sections_sane(const struct core_transport *view)
{
	if (view->sections_used > DESC_SECTIONS_MAX)
		return false;
	for (unsigned i = 0; i < view->sections_used; i++)
		if (!TERMINATED(view->sections[i].mid) || !view->sections[i].kind ||
			view->sections[i].kind > DESC_UNKNOWN)
			return false;
	return true;
}

static bool has_up(const struct participant *owner)
{
	const struct transport *transport;

	TAILQ_FOREACH (transport, &owner->transports, of_owner)
		if (!transport->publisher)
			return true;
	return false;
}

int core_restore_transport(struct core *core, const struct core_transport *transport)
{
	struct participant *owner = participant_get(core, transport->participant);
	struct participant *publisher = participant_get(core, transport->publisher);
	bool moved = transport->worker >= core->limits.workers;
	struct transport *row;

	if (!owner || (transport->publisher.generation && !publisher))
		return -CORE_GONE;
	if (publisher ? publisher->room != owner->room : has_up(owner))
		return -CORE_EXISTS;
	if (transport->pair && (!publisher || publisher == owner || leg_find(owner, publisher)))
		return -CORE_EXISTS;
	if (transport->publishes && owner->view.publishing.generation)
		return -CORE_EXISTS;
	if (!transport_sane(core, transport) || !sections_sane(transport) ||
		!paths_free(core, transport))
		return -CORE_BAD_DESC;
	row = slots_take_at(&core->transports, transport->id.index, transport->id.generation);
	if (!row)
		return -CORE_EXISTS;
	row->view = *transport;
	row->view.state = transport->has_keys ? CORE_TRANSPORT_CONNECTED : CORE_TRANSPORT_NEW;
	if (moved)
		row->view.worker = room_worker(core, owner->room);
	else if (!owner->room->has_worker)
		owner->room->worker = transport->worker;
	owner->room->has_worker = true;
	row->view.asked = false;
	row->view.data = false; // what DTLS carried died with the process
	transport_enter(core, row, owner, publisher);
	if (moved)
		transport_tell(core, row, false);
	return 0;
}

// ---- publications and subscriptions

static bool publication_sane(const struct core_publication *view)
{
	if (view->kind != DESC_AUDIO && view->kind != DESC_VIDEO)
		return false;
	if (!view->codecs_used || view->codecs_used > CORE_CODECS_MAX || !view->encodings_used ||
		view->encodings_used > CORE_ENCODINGS_MAX)
		return false;
	for (unsigned i = 0; i < view->codecs_used; i++)
		if (!TERMINATED(view->codecs[i].name) || !TERMINATED(view->codecs[i].fmtp))
			return false;
	return TERMINATED(view->mid) && TERMINATED(view->stream) && TERMINATED(view->track);
}

int core_restore_publication(struct core *core, const struct core_publication *publication)
{
	struct transport *transport = transport_get(core, publication->transport);
	struct participant *owner = participant_get(core, publication->participant);
	struct publication *row;

	if (!transport || !owner || transport->owner != owner ||
		(transport->publisher && !transport->view.pair))
		return -CORE_GONE;
	if (!publication_sane(publication))
		return -CORE_BAD_DESC;
	row = slots_take_at(&core->publications, publication->id.index, publication->id.generation);
	if (!row)
		return -CORE_EXISTS;
	row->view = *publication;
	publication_enter(row, owner);
	return 0;
}

int core_restore_subscription(struct core *core, const struct core_subscription *subscription)
{
	struct transport *transport = transport_get(core, subscription->transport);
	struct publication *publication = slots_get(&core->publications,
		subscription->publication.index, subscription->publication.generation);
	struct subscription *row;

	if (!transport || !publication || transport->publisher != publication->owner)
		return -CORE_GONE;
	if (!subscription->ssrc || subscription->ssrc == subscription->rtx_ssrc ||
		!TERMINATED(subscription->mid))
		return -CORE_BAD_DESC;
	if (subscription_ssrc_used(core, subscription->ssrc) ||
		(subscription->rtx_ssrc && subscription_ssrc_used(core, subscription->rtx_ssrc)))
		return -CORE_EXISTS;
	row = slots_take_at(
		&core->subscriptions, subscription->id.index, subscription->id.generation);
	if (!row)
		return -CORE_EXISTS;
	row->view = *subscription;
	subscription_enter(core, row, publication, transport);
	return 0;
}

// ---- the end

static bool carries_media(const struct transport *leg)
{
	for (unsigned i = 0; i < leg->view.sections_used; i++)
		if (leg_publication(leg, leg->view.sections[i].mid) ||
			leg_subscription(leg, leg->view.sections[i].mid))
			return true;
	return false;
}

// A leg goes with the other one, and with its data channels when it has nothing else: its client hears no
// more checks and begins anew.
static bool leg_in_the_air(const struct transport *leg)
{
	if (!carries_media(leg))
		return true;
	return leg->publisher->view.pairs && (!leg->partner || !leg->partner->view.has_keys);
}

// A transport that cannot go on: without keys its handshake died with the old process, without
// subscriptions a downward one carries nothing.
static bool in_the_air(const struct transport *transport)
{
	if (!transport->view.has_keys)
		return true;
	if (transport->view.pair)
		return leg_in_the_air(transport);
	return transport->publisher && TAILQ_EMPTY(&transport->subscriptions);
}

static void pair_drop(struct core *core, struct transport *leg)
{
	if (leg->partner)
		leg_close(core, leg->partner);
	leg_close(core, leg);
}

static void drop_unfinished(struct core *core)
{
	struct transport *transport;
	uint32_t index = 0;

	while ((transport = slots_from(&core->transports, index)) != NULL) {
		struct participant *owner = transport->owner;

		index = transport->view.id.index + 1;
		if (!in_the_air(transport) || !event_reserve(core, participant_events(owner)))
			continue; // time-outs drop it later should memory be short
		if (transport->view.pair)
			pair_drop(core, transport);
		else if (transport->publisher)
			transport_close(core, transport);
		else
			publication_end_up(core, owner, NULL);
	}
}

void core_restore_done(struct core *core, uint64_t now_ms)
{
	struct transport *transport = NULL;
	struct participant *participant = NULL;

	drop_unfinished(core);
	while ((transport = slots_next(&core->transports, transport)) != NULL) {
		transport->view.created_ms = transport->view.heard_ms = now_ms;
		transport->view.checked_ms = transport->view.keyed_ms = now_ms;
		if (transport->view.pair)
			invite_note(core, transport);
		for (unsigned i = 0; i < transport->view.paths_used; i++)
			transport->path_checked_ms[i] = now_ms;
	}
	while ((participant = slots_next(&core->participants, participant)) != NULL) {
		participant->view.unlinked_ms = now_ms;
		participant->leaving = false;
		if (event_reserve(core, participant_events(participant)))
			publication_show(core, participant, false, false);
	}
	event_clear(core); // nobody is there yet to be told
}
