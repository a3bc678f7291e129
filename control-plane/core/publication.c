// SPDX-License-Identifier: Apache-2.0
#include "publication.h"

#include "event.h"
#include "match.h"
#include "participant.h"
#include "subscription.h"
#include "transport.h"

#include <string.h>

struct plan { // what an offer will lead to; made before anything changes
	struct publication_choice choices[DESC_SECTIONS_MAX];
	struct transport *transport; // NULL = a new one
	unsigned sending; // sections that want to send
	bool withheld; // one of them is of a kind that was not granted: answered inactive
	unsigned accepted, fresh; // of those: accepted; without an old publication
	bool shown; // something was before
	uint8_t transport_cc_id;
};

void publication_tell(struct core *core, const struct publication *publication, bool gone)
{
	if (core->plane.publication)
		core->plane.publication(core->plane.context, &publication->view, gone);
}

void publication_enter(struct publication *publication, struct participant *owner)
{
	TAILQ_INIT(&publication->subscriptions);
	publication->owner = owner;
	publication->view.participant = owner->view.id;
	TAILQ_INSERT_TAIL(&owner->publications, publication, of_owner);
}

void publication_remove(struct core *core, struct publication *publication)
{
	while (!TAILQ_EMPTY(&publication->subscriptions))
		subscription_remove(core, TAILQ_FIRST(&publication->subscriptions));
	TAILQ_REMOVE(&publication->owner->publications, publication, of_owner);
	publication_tell(core, publication, true);
	slots_give(&core->publications, publication);
}

// The downward transports of a publisher that has nothing left to carry.
static void carried_close(struct core *core, struct participant *participant)
{
	struct transport *transport;

	while ((transport = TAILQ_FIRST(&participant->carried)) != NULL) {
		if (transport->owner != participant)
			event_transport(core, CORE_EVENT_TRANSPORT_GONE, transport,
				"the publisher has stopped");
		transport_close(core, transport);
	}
}

// The transport that carries its media up and nothing else, or NULL.
static struct transport *up_find(const struct participant *participant)
{
	struct transport *transport;

	TAILQ_FOREACH (transport, &participant->transports, of_owner)
		if (!transport->publisher)
			return transport;
	return NULL;
}

bool publication_shown(const struct publication *publication)
{
	struct core_transport_id shown = publication->owner->view.publishing;
	struct core_transport_id its = publication->view.transport;

	return shown.generation && shown.index == its.index && shown.generation == its.generation;
}

bool publication_any(const struct participant *participant)
{
	const struct publication *publication;

	TAILQ_FOREACH (publication, &participant->publications, of_owner)
		if (publication_shown(publication))
			return true;
	return false;
}

void publication_move(struct participant *participant, struct transport *from, struct transport *to)
{
	if (!from->view.publishes)
		return;
	participant->view.publishing = to->view.id;
	to->view.publishes = true;
	from->view.publishes = false;
}

static bool is_up(const struct core *core, const struct publication *publication)
{
	return !transport_get(core, publication->view.transport)->publisher;
}

static void show(struct core *core, struct participant *participant, struct transport *transport)
{
	struct transport *before = transport_get(core, participant->view.publishing);

	if (before) {
		before->view.publishes = false;
		transport_tell(core, before, false);
	}
	participant->view.publishing = transport->view.id;
	transport->view.publishes = true;
	transport_tell(core, transport, false);
}

void publication_show(struct core *core, struct participant *participant, bool before, bool news)
{
	struct publication *first = TAILQ_FIRST(&participant->publications);

	if (!publication_any(participant) && first) {
		show(core, participant, transport_get(core, first->view.transport));
		news = true;
	}
	if (publication_any(participant)) {
		if (news)
			event_room(core, CORE_EVENT_PUBLISHED, participant);
		return;
	}
	carried_close(core, participant);
	if (before)
		event_room(core, CORE_EVENT_UNPUBLISHED, participant);
}

static void end(struct core *core, struct participant *participant, bool legs, const char *why)
{
	struct transport *up = up_find(participant);
	struct publication *publication = TAILQ_FIRST(&participant->publications), *next;
	bool before = publication_any(participant);

	for (; publication; publication = next) {
		next = TAILQ_NEXT(publication, of_owner);
		if (legs || is_up(core, publication))
			publication_remove(core, publication);
	}
	if (up && why)
		event_transport(core, CORE_EVENT_TRANSPORT_GONE, up, why);
	if (up)
		transport_close(core, up);
	publication_show(core, participant, before, false);
}

void publication_end_all(struct core *core, struct participant *participant, const char *why)
{
	end(core, participant, true, why);
}

void publication_end_up(struct core *core, struct participant *participant, const char *why)
{
	end(core, participant, false, why);
}

// ---- reading an offer

static bool is_media(const struct desc_section *section)
{
	return section->kind == DESC_AUDIO || section->kind == DESC_VIDEO;
}

static bool taken(const struct plan *plan, const struct publication *publication)
{
	for (unsigned i = 0; i < DESC_SECTIONS_MAX; i++)
		if (plan->choices[i].old == publication)
			return true;
	return false;
}

// The publication that a section continues: the same mid on the same transport, the next of its kind
// after a restart of the publisher.
static struct publication *old_find(const struct core *core, const struct participant *participant,
	const struct plan *plan, const struct desc_section *section)
{
	struct publication *publication;

	TAILQ_FOREACH (publication, &participant->publications, of_owner) {
		if (publication->view.kind != section->kind || taken(plan, publication) ||
			!is_up(core, publication))
			continue;
		if (!plan->transport || !strcmp(publication->view.mid, section->mid))
			return publication;
	}
	return NULL;
}

static void choose(const struct core *core, const struct participant *participant,
	const struct desc *offer, struct plan *plan, unsigned i)
{
	const struct desc_section *section = &offer->sections[i];
	struct publication_choice *choice = &plan->choices[i];
	bool wants = section->direction & DESC_SENDONLY && is_media(section) && !section->rejected;
	bool sends = wants && participant_may_send(&participant->view, section->kind);
	struct publication *old = sends ? old_find(core, participant, plan, section) : NULL;
	int codec;

	plan->sending += wants;
	plan->withheld |= wants && !sends;
	if (!is_media(section) || !match_usable(offer, section))
		return;
	codec = match_choose(section, old ? &old->view.codecs[0] : NULL);
	if (codec < 0)
		return;
	match_extensions(section, &section->codecs[codec], choice->extension_id);
	choice->codec = match_publish(
		&section->codecs[codec], choice->extension_id[DESC_EXT_TRANSPORT_CC] != 0);
	choice->accepted = true;
	choice->sends = sends;
	choice->old = old;
	if (!sends)
		return;
	plan->accepted++;
	plan->fresh += !old;
	if (!plan->transport_cc_id)
		plan->transport_cc_id = choice->extension_id[DESC_EXT_TRANSPORT_CC];
}

static int plan_make(const struct core *core, struct participant *participant,
	const struct desc *offer, struct plan *plan)
{
	struct transport *transport = up_find(participant);

	memset(plan, 0, sizeof(*plan));
	if (!offer->ufrag[0] || !offer->password[0] || !offer->fingerprint.length ||
		offer->sections_used > DESC_SECTIONS_MAX || !match_mids_unique(offer))
		return -CORE_BAD_DESC;
	if (transport && transport_same_peer(transport, offer))
		plan->transport = transport;
	plan->shown = publication_any(participant);
	for (unsigned i = 0; i < offer->sections_used; i++)
		choose(core, participant, offer, plan, i);
	if (plan->sending ? !plan->accepted : !transport)
		return plan->withheld ? -CORE_FORBIDDEN : -CORE_BAD_DESC;
	if (plan->accepted > core->limits.publications_per_participant ||
		!slots_have(&core->publications, plan->fresh) ||
		(!plan->transport && !slots_have(&core->transports, 1)))
		return -CORE_FULL;
	return 0;
}

// ---- following it

// What subscribers negotiated holds for the old codec only: they must subscribe again.
static void codec_changed(struct core *core, struct publication *publication)
{
	struct subscription *subscription;

	TAILQ_FOREACH (subscription, &publication->subscriptions, of_publication) {
		struct core_subscription *view = &subscription->view;

		view->active = false;
		memset(view->payload_type, 0, sizeof(view->payload_type));
		memset(view->rtx_payload_type, 0, sizeof(view->rtx_payload_type));
		subscription_tell(core, subscription, false);
	}
}

// One layer: the first source that is named. Those that only have a rid are learned by their mid.
static struct desc_encoding encoding_of(const struct desc_section *section)
{
	struct desc_encoding encoding = {0};

	if (section->encodings_used && !section->encodings[0].rid[0])
		encoding = section->encodings[0];
	return encoding;
}

static bool source_changed(const struct core_publication *view,
	const struct publication_choice *choice, const struct desc_encoding *encoding,
	struct core_transport_id transport)
{
	return view->transport.index != transport.index ||
	       view->transport.generation != transport.generation ||
	       view->encodings[0].ssrc != encoding->ssrc ||
	       !match_same(&view->codecs[0], &choice->codec);
}

bool publication_put(struct core *core, struct transport *transport,
	const struct desc_section *section, const struct publication_choice *choice)
{
	struct publication *publication =
		choice->old ? choice->old : slots_take(&core->publications);
	struct core_publication *view = &publication->view;
	struct desc_encoding encoding = encoding_of(section);
	bool other_codec = choice->old && !match_same(&view->codecs[0], &choice->codec);

	if (!choice->old) {
		publication_enter(publication, transport->owner);
		view->held = transport->owner->view.silenced & 1u << section->kind;
	}
	if (!choice->old || source_changed(view, choice, &encoding, transport->view.id))
		view->source_epoch++;
	if (view->transport.generation != transport->view.id.generation ||
		view->transport.index != transport->view.id.index)
		view->paused = false; // a publisher that restarted is not muted
	view->transport = transport->view.id;
	view->kind = section->kind;
	memcpy(view->mid, section->mid, sizeof(view->mid));
	memcpy(view->extension_id, choice->extension_id, sizeof(view->extension_id));
	view->codecs_used = view->encodings_used = 1;
	view->codecs[0] = choice->codec;
	view->encodings[0] = encoding;
	memcpy(view->stream, section->stream, sizeof(view->stream));
	memcpy(view->track, section->track, sizeof(view->track));
	publication_tell(core, publication, false);
	if (other_codec)
		codec_changed(core, publication);
	return !choice->old || other_codec;
}

// What is published on purpose is shown rather than what a leg carries.
static struct transport *up_open(
	struct core *core, struct participant *participant, uint64_t now_ms)
{
	struct transport *shown = transport_get(core, participant->view.publishing);

	if (shown && shown->view.pair) {
		shown->view.publishes = false;
		transport_tell(core, shown, false);
	}
	return transport_open(core, participant, NULL, false, now_ms);
}

static struct transport *plan_transport(struct core *core, struct participant *participant,
	const struct plan *plan, const struct desc *offer, uint64_t now_ms)
{
	struct transport *transport = plan->transport;

	if (!transport)
		transport = up_open(core, participant, now_ms);
	else if (strcmp(transport->view.remote_ufrag, offer->ufrag) != 0)
		transport_restart(core, transport, now_ms);
	transport_role(transport, offer->setup);
	transport_describe(transport, offer);
	transport->view.transport_cc_extension_id = plan->transport_cc_id;
	transport_tell(core, transport, false);
	return transport;
}

// Ends publications that no section continues.
static void drop_others(struct core *core, struct participant *participant,
	const struct publication *first_new, const struct plan *plan)
{
	struct publication *publication = TAILQ_FIRST(&participant->publications), *next;

	for (; publication && publication != first_new; publication = next) {
		next = TAILQ_NEXT(publication, of_owner);
		if (!taken(plan, publication) && is_up(core, publication))
			publication_remove(core, publication);
	}
}

static void plan_follow(struct core *core, struct participant *participant, const struct plan *plan,
	const struct desc *offer, struct transport *transport)
{
	bool news = false;
	struct publication *last = TAILQ_LAST(&participant->publications, publication_list);

	for (unsigned i = 0; i < offer->sections_used; i++)
		if (plan->choices[i].sends)
			news |= publication_put(
				core, transport, &offer->sections[i], &plan->choices[i]);
	drop_others(core, participant,
		last ? TAILQ_NEXT(last, of_owner) : TAILQ_FIRST(&participant->publications), plan);
	publication_show(core, participant, plan->shown, news);
}

// ---- answering

static void answer_extensions(struct desc_section *answer, const struct desc_section *offer,
	const struct publication_choice *choice)
{
	for (unsigned i = 0; i < offer->extensions_used; i++) {
		struct desc_extension extension = offer->extensions[i];

		if (extension.kind >= DESC_EXT_COUNT ||
			choice->extension_id[extension.kind] != extension.id)
			continue;
		if (extension.direction != DESC_SENDRECV)
			extension.direction = match_mirror(extension.direction);
		answer->extensions[answer->extensions_used++] = extension;
	}
}

static void answer_section(struct desc_section *answer, const struct desc_section *offer,
	const struct publication_choice *choice)
{
	answer->kind = offer->kind;
	memcpy(answer->mid, offer->mid, sizeof(answer->mid));
	answer->rejected = !choice->accepted;
	if (answer->rejected)
		return;
	answer->direction = choice->sends ? DESC_RECVONLY : DESC_INACTIVE;
	answer->in_bundle = offer->in_bundle;
	answer->rtcp_mux = true;
	answer->rtcp_rsize = offer->rtcp_rsize;
	answer->codecs_used = 1;
	answer->codecs[0] = choice->codec;
	answer_extensions(answer, offer, choice);
}

int core_publish(struct core *core, struct core_participant_id id, const struct desc *offer,
	struct desc *answer, uint64_t now_ms)
{
	struct participant *participant = participant_get(core, id);
	struct transport *transport, *before;
	struct plan plan;
	int error;

	if (!participant)
		return -CORE_GONE;
	if (!participant->view.can_publish)
		return -CORE_FORBIDDEN;
	error = plan_make(core, participant, offer, &plan);
	if (error)
		return error;
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	before = up_find(participant);
	transport = plan_transport(core, participant, &plan, offer, now_ms);
	plan_follow(core, participant, &plan, offer, transport);
	if (before && before != transport)
		transport_close(core, before);
	transport_print(core, transport, false, answer);
	answer->extmap_allow_mixed = offer->extmap_allow_mixed;
	answer->sections_used = offer->sections_used;
	for (unsigned i = 0; i < offer->sections_used; i++)
		answer_section(&answer->sections[i], &offer->sections[i], &plan.choices[i]);
	return 0;
}

// ---- other verbs

int core_unpublish(struct core *core, struct core_participant_id id)
{
	struct participant *participant = participant_get(core, id);

	if (!participant)
		return -CORE_GONE;
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	publication_end_up(core, participant, NULL);
	return 0;
}

int core_mute(struct core *core, struct core_participant_id id,
	struct core_publication_id publication_id, enum desc_kind kind, bool muted)
{
	struct participant *participant = participant_get(core, id);
	struct publication *publication, *one;
	bool found = false;

	if (!participant)
		return -CORE_GONE;
	one = slots_get(&core->publications, publication_id.index, publication_id.generation);
	if (publication_id.generation && (!one || one->owner != participant))
		return -CORE_GONE;
	TAILQ_FOREACH (publication, &participant->publications, of_owner) {
		if (one ? publication != one : publication->view.kind != kind)
			continue;
		found = true;
		if (publication->view.paused == muted)
			continue;
		publication->view.paused = muted;
		publication_tell(core, publication, false);
	}
	return found ? 0 : -CORE_STATE;
}

// ---- looking

const struct core_publication *core_publication(
	const struct core *core, struct core_publication_id id)
{
	return slots_get(&core->publications, id.index, id.generation);
}

const struct core_publication *core_publication_next(
	const struct core *core, const struct core_publication *previous)
{
	return slots_next(&core->publications, previous);
}
