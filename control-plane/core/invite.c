// SPDX-License-Identifier: Apache-2.0
#include "invite.h"

#include "event.h"
#include "leg.h"
#include "match.h"
#include "pair.h"
#include "publication.h"
#include "settle.h"
#include "subscription.h"
#include "transport.h"

#include <stdio.h>
#include <string.h>

enum {
	REVIEW_MS = 500, // clients' own offers come first
	TRANSPORT_CC_ID = 10, // our usual number, behind those of match_extension_down
	EXTENSION_IDS = 15, // 1..14 in one-byte headers (RFC 8285)
};

// What we ask of those who send nothing yet; all that the relay carries well.
static const struct desc_codec wanted[] = {
	{.name = "opus", .clock_rate = 48000, .channels = 2, .fmtp = "minptime=10;useinbandfec=1"},
	{.name = "VP8", .clock_rate = 90000},
	{.name = "VP9", .clock_rate = 90000, .fmtp = "profile-id=0"},
	{.name = "H264",
		.clock_rate = 90000,
		.fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
	{.name = "AV1", .clock_rate = 90000},
};

struct invitation {
	struct core *core;
	struct participant *who, *far; // pairs; does not
	struct transport *leg;
	struct pending *pending;
	struct desc *desc;
	bool wants; // `who` sends nothing to anybody else
	uint8_t ids[DESC_EXT_COUNT];
	struct match_payloads payloads;
};

// ---- who sends

static bool sends_elsewhere(
	const struct core *core, const struct participant *who, const struct transport *leg)
{
	const struct publication *publication;
	const struct transport *other;

	TAILQ_FOREACH (publication, &who->publications, of_owner)
		if (transport_get(core, publication->view.transport) != leg)
			return true;
	TAILQ_FOREACH (other, &who->transports, of_owner)
		if (other != leg && other->pending && !leg_described(other))
			return true; // it may by the answer; then this is looked at again
	return false;
}

// Stands for what `far` shows now, and for whether we ask for media too.
static uint64_t note_of(const struct participant *far, bool wants)
{
	const struct publication *publication;
	uint64_t note = 1 + wants;

	TAILQ_FOREACH (publication, &far->publications, of_owner) {
		const struct core_publication *view = &publication->view;

		if (!publication_shown(publication))
			continue;
		note = note * 1000003 ^ ((uint64_t)view->id.index << 32 | view->id.generation);
		for (const char *name = view->codecs[0].name; *name; name++)
			note = note * 1000003 ^ (uint8_t)*name;
	}
	return note;
}

static bool sends_here(const struct transport *leg)
{
	const struct core_section *section = leg->view.sections;

	for (unsigned i = 0; i < leg->view.sections_used; i++)
		if (leg_publication(leg, section[i].mid))
			return true;
	return false;
}

static bool wants(
	const struct core *core, const struct participant *who, const struct transport *leg)
{
	return who->view.can_publish &&
	       ((leg && sends_here(leg)) || !sends_elsewhere(core, who, leg));
}

void invite_note(const struct core *core, struct transport *leg)
{
	leg->invited = note_of(leg->publisher, wants(core, leg->owner, leg));
}

// ---- sections

static bool is_assigned(const struct pending *pending, struct core_publication_id id)
{
	for (unsigned i = 0; i < pending->sections_used; i++)
		if (pending->source[i].index == id.index &&
			pending->source[i].generation == id.generation)
			return true;
	return false;
}

// Sections that are there go on with what they carry.
static void sections_keep(struct invitation *invitation)
{
	struct pending *pending = invitation->pending;
	const struct core_transport *view = &invitation->leg->view;

	pending->sections_used = view->sections_used;
	memcpy(pending->sections, view->sections, sizeof(pending->sections));
	for (unsigned i = 0; i < view->sections_used; i++) {
		const struct subscription *subscription =
			leg_subscription(invitation->leg, view->sections[i].mid);

		if (!subscription)
			continue;
		pending->source[i] = subscription->publication->view.id;
		pending->ssrc[i] = subscription->view.ssrc;
		pending->rtx_ssrc[i] = subscription->view.rtx_ssrc;
	}
}

static int section_free(const struct pending *pending, enum desc_kind kind)
{
	for (unsigned i = 0; i < pending->sections_used; i++)
		if (pending->sections[i].kind == kind && !pending->source[i].generation)
			return (int)i;
	return -1;
}

static int section_add(struct pending *pending, enum desc_kind kind)
{
	struct core_section *section = &pending->sections[pending->sections_used];
	unsigned number = pending->sections_used;

	if (number == DESC_SECTIONS_MAX)
		return -1;
	*section = (struct core_section){.kind = (uint8_t)kind, .partner = CORE_SECTION_NONE};
	for (bool used = true; used; number++) {
		snprintf(section->mid, sizeof(section->mid), "%u", number);
		used = false;
		for (unsigned i = 0; i < pending->sections_used; i++)
			used |= !strcmp(pending->sections[i].mid, section->mid);
	}
	return pending->sections_used++;
}

static bool has_kind(const struct pending *pending, enum desc_kind kind)
{
	for (unsigned i = 0; i < pending->sections_used; i++)
		if (pending->sections[i].kind == kind)
			return true;
	return false;
}

static void sections_make(struct invitation *invitation)
{
	struct pending *pending = invitation->pending;
	struct publication *publication;

	sections_keep(invitation);
	TAILQ_FOREACH (publication, &invitation->far->publications, of_owner) {
		int number;

		if (!publication_shown(publication) || is_assigned(pending, publication->view.id))
			continue;
		number = section_free(pending, publication->view.kind);
		if (number < 0)
			number = section_add(pending, publication->view.kind);
		if (number >= 0)
			pending->source[number] = publication->view.id;
	}
	for (enum desc_kind kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++)
		if (invitation->wants && !has_kind(pending, kind))
			section_add(pending, kind);
	for (unsigned i = 0; i < pending->sections_used; i++)
		if (!pending->ssrc[i])
			subscription_draw(invitation->core,
				(enum desc_kind)pending->sections[i].kind, &pending->ssrc[i],
				&pending->rtx_ssrc[i]);
}

// ---- numbers: one means one thing on a leg, whoever gave it first

static void ids_known(struct invitation *invitation)
{
	const struct transport *leg = invitation->leg;
	const struct publication *publication;
	const struct subscription *subscription;

	TAILQ_FOREACH (publication, &leg->owner->publications, of_owner)
		for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++)
			if (transport_get(invitation->core, publication->view.transport) == leg &&
				publication->view.extension_id[kind])
				invitation->ids[kind] = publication->view.extension_id[kind];
	TAILQ_FOREACH (subscription, &leg->subscriptions, of_transport)
		for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++)
			if (subscription->view.extension_id[kind])
				invitation->ids[kind] = subscription->view.extension_id[kind];
}

static bool id_used(const struct invitation *invitation, uint8_t id)
{
	return memchr(invitation->ids, id, sizeof(invitation->ids)) != NULL;
}

static void ids_fill(struct invitation *invitation)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		uint8_t id = kind == DESC_EXT_TRANSPORT_CC ? TRANSPORT_CC_ID
							   : match_extension_down(kind);

		if (!id || invitation->ids[kind])
			continue;
		for (uint8_t other = 1; id_used(invitation, id) && other < EXTENSION_IDS; other++)
			id = other;
		if (!id_used(invitation, id))
			invitation->ids[kind] = id;
	}
}

static void payload_known(struct match_payloads *payloads, const struct desc_codec *codec)
{
	if (payloads->used < DESC_SECTIONS_MAX)
		payloads->codecs[payloads->used++] = *codec;
}

static void payloads_known(struct invitation *invitation)
{
	const struct transport *leg = invitation->leg;
	const struct publication *publication;
	const struct subscription *subscription;

	TAILQ_FOREACH (publication, &leg->owner->publications, of_owner)
		if (transport_get(invitation->core, publication->view.transport) == leg)
			payload_known(&invitation->payloads, &publication->view.codecs[0]);
	TAILQ_FOREACH (subscription, &leg->subscriptions, of_transport) {
		struct desc_codec codec = subscription->publication->view.codecs[0];

		codec.payload_type = subscription->view.payload_type[0];
		codec.rtx_payload_type = subscription->view.rtx_payload_type[0];
		if (codec.payload_type)
			payload_known(&invitation->payloads, &codec);
	}
}

// ---- the offer

static void codec_offer(
	struct invitation *invitation, struct desc_section *section, const struct desc_codec *codec)
{
	struct desc_codec *ours = &section->codecs[section->codecs_used];

	if (match_find(section, codec))
		return;
	*ours = *codec;
	match_payload(&invitation->payloads, section->kind, ours);
	ours->feedback = DESC_FB_TRANSPORT_CC;
	if (section->kind == DESC_VIDEO)
		ours->feedback |= DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR;
	section->codecs_used++;
}

static void codecs_offer(struct invitation *invitation, struct desc_section *section,
	const struct publication *sent, const struct publication *source)
{
	if (sent)
		codec_offer(invitation, section, &sent->view.codecs[0]);
	if (source)
		codec_offer(invitation, section, &source->view.codecs[0]);
	for (unsigned i = 0; !sent && !source && i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (match_known(section->kind, &wanted[i]))
			codec_offer(invitation, section, &wanted[i]);
}

static void extensions_offer(const struct invitation *invitation, struct desc_section *section)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		bool audio = kind == DESC_EXT_AUDIO_LEVEL;
		bool both = kind == DESC_EXT_MID || kind == DESC_EXT_ABS_SEND_TIME ||
			    kind == DESC_EXT_TRANSPORT_CC || kind == DESC_EXT_ABS_CAPTURE_TIME;

		if (invitation->ids[kind] && (both || audio == (section->kind == DESC_AUDIO)))
			section->extensions[section->extensions_used++] = (struct desc_extension){
				invitation->ids[kind], (uint8_t)kind, DESC_SENDRECV};
	}
}

// True when this is the section that `who` may send in: the first of its kind, unless one does.
static bool is_asked_for(const struct invitation *invitation, unsigned number)
{
	const struct pending *pending = invitation->pending;
	uint8_t kind = pending->sections[number].kind;

	for (unsigned i = 0; i < pending->sections_used; i++)
		if (i != number && pending->sections[i].kind == kind &&
			(i < number || leg_publication(invitation->leg, pending->sections[i].mid)))
			return false;
	return invitation->wants;
}

static void section_offer(struct invitation *invitation, unsigned number)
{
	const struct pending *pending = invitation->pending;
	struct desc_section *section = &invitation->desc->sections[number];
	struct core_publication_id id = pending->source[number];
	const struct publication *source =
		slots_get(&invitation->core->publications, id.index, id.generation);
	const struct publication *sent =
		leg_publication(invitation->leg, pending->sections[number].mid);

	section->kind = (enum desc_kind)pending->sections[number].kind;
	memcpy(section->mid, pending->sections[number].mid, sizeof(section->mid));
	section->rejected = section->kind != DESC_AUDIO && section->kind != DESC_VIDEO;
	if (section->rejected)
		return;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	codecs_offer(invitation, section, sent, source);
	extensions_offer(invitation, section);
	if (sent || is_asked_for(invitation, number))
		section->direction |= DESC_RECVONLY;
	if (!source || !invitation->who->view.can_subscribe)
		return;
	section->direction |= DESC_SENDONLY;
	leg_name(section, &invitation->far->view, source->view.stream, source->view.track);
	section->encodings_used = 1;
	section->encodings[0].ssrc = pending->ssrc[number];
	section->encodings[0].rtx_ssrc = pending->rtx_ssrc[number];
}

static void offer_make(struct invitation *invitation, uint64_t now_ms)
{
	struct transport *leg = invitation->leg;

	sections_make(invitation);
	ids_known(invitation);
	ids_fill(invitation);
	payloads_known(invitation);
	transport_print(invitation->core, leg, true, invitation->desc);
	invitation->desc->extmap_allow_mixed = true;
	invitation->desc->sections_used = invitation->pending->sections_used;
	for (unsigned i = 0; i < invitation->pending->sections_used; i++)
		section_offer(invitation, i);
	invitation->pending->asked_ms = now_ms;
	leg->pending = invitation->pending;
	leg->view.asked = true;
	if (!leg_described(leg))
		leg->view.created_ms = now_ms;
	leg->invited = note_of(invitation->far, invitation->wants);
	transport_tell(invitation->core, leg, false);
	event_desc(invitation->core, CORE_EVENT_PAIR_OFFER, invitation->who, invitation->far,
		invitation->desc);
}

// Returns false when there is no memory or room for it now.
static bool invite(struct invitation *invitation, uint64_t now_ms)
{
	struct core *core = invitation->core;

	if (!event_reserve(core, 1) || !slots_have(&core->transports, invitation->leg ? 0 : 1))
		return false;
	invitation->pending = pair_wait(core, NULL);
	invitation->desc = invitation->pending ? core_allocate(1, sizeof(*invitation->desc)) : NULL;
	if (!invitation->desc) {
		core_release(invitation->pending);
		return false;
	}
	if (!invitation->leg)
		invitation->leg =
			transport_open(core, invitation->who, invitation->far, true, now_ms);
	pending_drop(core, invitation->leg); // one that has crossed
	offer_make(invitation, now_ms);
	return true;
}

// ---- when

// Returns false when it must be looked at again.
static bool review_two(
	struct core *core, struct participant *who, struct participant *far, uint64_t now_ms)
{
	struct transport *leg = leg_find(who, far);
	struct invitation invitation = {
		.core = core, .who = who, .far = far, .leg = leg, .wants = wants(core, who, leg)};
	bool shows = publication_any(far) && who->view.can_subscribe;

	if (leg && leg->pending && !leg->pending->crossed)
		return true; // its answer brings us back
	if (leg ? leg->invited == note_of(far, invitation.wants) : !shows && !invitation.wants)
		return true;
	return invite(&invitation, now_ms);
}

static bool is_inviting(const struct participant *member)
{
	return !member->view.pairs && member->view.visible;
}

static bool review(struct core *core, struct room *room, uint64_t now_ms)
{
	struct participant *who, *far;
	bool done = true;

	TAILQ_FOREACH (far, &room->members, in_room) {
		if (!is_inviting(far))
			continue;
		TAILQ_FOREACH (who, &room->members, in_room)
			if (who->view.pairs && who->view.link)
				done &= review_two(core, who, far, now_ms);
	}
	return done;
}

void invite_tick(struct core *core, uint64_t now_ms)
{
	struct room *room = NULL;

	while ((room = slots_next(&core->rooms, room)) != NULL) {
		if (!room->review)
			continue;
		if (!room->review_ms)
			room->review_ms = now_ms + REVIEW_MS;
		if (now_ms < room->review_ms)
			continue;
		room->review_ms = 0;
		room->review = !review(core, room, now_ms);
	}
}

// ---- the answer

int invite_answer(
	struct core *core, struct transport *leg, const struct desc *answer, uint64_t now_ms)
{
	struct settlement settlement = {
		.half = {{.who = leg->owner, .desc = answer, .leg = leg, .pending = leg->pending},
			{.who = leg->publisher}}};
	int error;

	settle_alone(core, &settlement); // taking nothing is an answer too
	error = settle_check(core, &settlement);
	if (error)
		return error;
	settle_follow(core, &settlement, now_ms);
	pending_drop(core, settlement.half[0].leg);
	return 0;
}
