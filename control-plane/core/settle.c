// SPDX-License-Identifier: Apache-2.0
#include "settle.h"

#include "leg.h"
#include "match.h"
#include "participant.h"
#include "publication.h"
#include "transport.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_media(const struct desc_section *section)
{
	return section->kind == DESC_AUDIO || section->kind == DESC_VIDEO;
}

static const struct desc_section *section_of(
	const struct settlement *settlement, const struct joint *joint, unsigned half)
{
	return &settlement->half[half].desc->sections[joint->number[half]];
}

// ---- which section is which

static uint8_t next_of_kind(
	enum desc_kind kind, const struct core_section *others, unsigned count, const uint8_t *map)
{
	for (uint8_t k = 0; k < count; k++)
		if (map[k] == CORE_SECTION_NONE && others[k].kind == kind)
			return k;
	return CORE_SECTION_NONE;
}

void settle_map(const struct transport *leg, const struct desc *desc,
	const struct core_section *others, unsigned count, uint8_t map[DESC_SECTIONS_MAX])
{
	bool found[DESC_SECTIONS_MAX] = {0};

	memset(map, CORE_SECTION_NONE, DESC_SECTIONS_MAX);
	for (uint8_t i = 0; leg && i < desc->sections_used && i < leg->view.sections_used; i++) {
		uint8_t k = leg->view.sections[i].partner;

		found[i] = k < count && map[k] == CORE_SECTION_NONE &&
			   others[k].kind == desc->sections[i].kind;
		if (found[i])
			map[k] = i;
	}
	for (uint8_t i = 0; i < desc->sections_used; i++) {
		uint8_t k = found[i] ? CORE_SECTION_NONE
				     : next_of_kind(desc->sections[i].kind, others, count, map);

		if (k != CORE_SECTION_NONE)
			map[k] = i;
	}
}

// ---- two descriptions

// The codec of both: the first of half 1, who answers; of half 0 when neither does.
static bool codec_choose(const struct settlement *settlement, struct joint *joint)
{
	unsigned first = settlement->half[1].offers ? 0 : 1;
	const struct desc_section *one = section_of(settlement, joint, first);
	const struct desc_section *other = section_of(settlement, joint, !first);

	for (unsigned i = 0; i < one->codecs_used; i++) {
		const struct desc_codec *codec = match_find(other, &one->codecs[i]);

		if (!codec || !match_known(one->kind, codec))
			continue;
		joint->codec[first] = (int)i;
		joint->codec[!first] = (int)(codec - other->codecs);
		return true;
	}
	return false;
}

static bool flows(const struct settlement *settlement, const struct joint *joint, unsigned from)
{
	const struct desc_section *section = section_of(settlement, joint, from);

	return section->direction & DESC_SENDONLY &&
	       section_of(settlement, joint, !from)->direction & DESC_RECVONLY &&
	       participant_may_send(&settlement->half[from].who->view, section->kind) &&
	       settlement->half[!from].who->view.can_subscribe;
}

// Data goes both ways or not at all.
static bool data_granted(const struct settlement *settlement)
{
	return participant_may_send(&settlement->half[0].who->view, DESC_APPLICATION) &&
	       participant_may_send(&settlement->half[1].who->view, DESC_APPLICATION);
}

static void joint_fill(const struct settlement *settlement, struct joint *joint)
{
	const struct desc_section *one = section_of(settlement, joint, 0);
	const struct desc_section *other = section_of(settlement, joint, 1);

	if (one->kind != other->kind || !match_usable(settlement->half[0].desc, one) ||
		!match_usable(settlement->half[1].desc, other))
		return;
	joint->data = one->kind == DESC_APPLICATION;
	joint->taken = joint->data ? data_granted(settlement) : codec_choose(settlement, joint);
	for (unsigned from = 0; from < 2 && joint->taken && !joint->data; from++)
		joint->flows[from] = flows(settlement, joint, from);
}

void settle_both(struct settlement *settlement, const uint8_t map[DESC_SECTIONS_MAX])
{
	const struct desc *answer = settlement->half[1].desc;

	for (uint8_t k = 0; k < answer->sections_used; k++) {
		struct joint *joint = &settlement->joints[settlement->joints_used];

		if (map[k] == CORE_SECTION_NONE)
			continue;
		*joint = (struct joint){.number = {map[k], k}, .codec = {-1, -1}};
		joint_fill(settlement, joint);
		settlement->joints_used++;
	}
}

// ---- one description

// What half 0 may receive of the other member: all that it shows, or what its own leg carries; of one that
// stands for the room what any other shows.
static bool is_source(const struct settlement *settlement, const struct publication *publication)
{
	const struct participant *far = settlement->half[1].who;

	if (far->view.whole)
		return publication->owner->room == far->room &&
		       publication->owner != settlement->half[0].who &&
		       publication_shown(publication);
	if (publication->owner != far)
		return false;
	if (!far->view.pairs)
		return publication_shown(publication);
	return settlement->half[0].leg && settlement->half[0].leg->partner &&
	       leg_publication(settlement->half[0].leg->partner, publication->view.mid) ==
		       publication;
}

static bool is_taken(const struct settlement *settlement, const struct publication *publication)
{
	for (unsigned i = 0; i < settlement->joints_used; i++)
		if (settlement->joints[i].source == publication)
			return true;
	return false;
}

// What a section goes on receiving, as our offer or the last description said.
static struct publication *source_before(
	const struct core *core, const struct settlement *settlement, uint8_t number)
{
	const struct half *half = &settlement->half[0];
	const struct desc_section *section = &half->desc->sections[number];
	const struct subscription *subscription;

	if (half->pending) {
		struct core_publication_id id = half->pending->source[number];

		return slots_get(&core->publications, id.index, id.generation);
	}
	subscription = half->leg ? leg_subscription(half->leg, section->mid) : NULL;
	return subscription ? subscription->publication : NULL;
}

static bool is_before(
	const struct core *core, const struct settlement *settlement, const struct publication *one)
{
	for (uint8_t i = 0; i < settlement->half[0].desc->sections_used; i++)
		if (source_before(core, settlement, i) == one)
			return true;
	return false;
}

static struct publication *source_of(const struct core *core, const struct settlement *settlement,
	const struct desc_section *section, const struct participant *owner)
{
	struct publication *publication;

	TAILQ_FOREACH (publication, &owner->publications, of_owner)
		if (publication->view.kind == section->kind && is_source(settlement, publication) &&
			!is_taken(settlement, publication) &&
			!is_before(core, settlement, publication) &&
			match_find(section, &publication->view.codecs[0]))
			return publication;
	return NULL;
}

static struct publication *source_new(const struct core *core, const struct settlement *settlement,
	const struct desc_section *section)
{
	const struct participant *far = settlement->half[1].who, *owner;
	struct publication *found = NULL;

	if (!far->view.whole)
		return source_of(core, settlement, section, far);
	TAILQ_FOREACH (owner, &far->room->members, in_room) {
		found = source_of(core, settlement, section, owner);
		if (found)
			break;
	}
	return found;
}

static struct publication *source_find(
	const struct core *core, const struct settlement *settlement, uint8_t number)
{
	const struct desc_section *section = &settlement->half[0].desc->sections[number];
	struct publication *publication = source_before(core, settlement, number);

	if (publication && is_source(settlement, publication) &&
		publication->view.kind == section->kind)
		return publication;
	if (settlement->half[0].pending)
		return NULL;
	return source_new(core, settlement, section);
}

static int codec_number(const struct desc_section *section, const struct desc_codec *wanted)
{
	const struct desc_codec *codec = wanted ? match_find(section, wanted) : NULL;

	return codec ? (int)(codec - section->codecs) : -1;
}

// What it sends with: the codec in use, else that of what it receives, else its first.
static int codec_send(const struct half *half, const struct desc_section *section, int source)
{
	const struct publication *now = half->leg ? leg_publication(half->leg, section->mid) : NULL;
	int number = now ? codec_number(section, &now->view.codecs[0]) : -1;

	if (number >= 0)
		return number;
	return source >= 0 ? source : match_choose(section, NULL);
}

static void joint_fill_alone(
	const struct core *core, struct settlement *settlement, struct joint *joint)
{
	const struct half *half = &settlement->half[0];
	const struct desc_section *section = section_of(settlement, joint, 0);
	struct publication *source;

	if (!is_media(section) || !match_usable(half->desc, section))
		return;
	source = source_find(core, settlement, joint->number[0]);
	joint->codec[1] = source ? codec_number(section, &source->view.codecs[0]) : -1;
	joint->codec[0] = codec_send(half, section, joint->codec[1]);
	joint->taken = joint->codec[0] >= 0;
	if (!joint->taken)
		return;
	joint->flows[0] = section->direction & DESC_SENDONLY &&
			  participant_may_send(&half->who->view, section->kind);
	joint->flows[1] = section->direction & DESC_RECVONLY && half->who->view.can_subscribe &&
			  joint->codec[1] >= 0;
	joint->source = joint->flows[1] ? source : NULL;
}

bool settle_alone(const struct core *core, struct settlement *settlement)
{
	const struct desc *desc = settlement->half[0].desc;
	bool any = false;

	for (uint8_t i = 0; i < desc->sections_used; i++) {
		struct joint *joint = &settlement->joints[settlement->joints_used];

		*joint = (struct joint){.number = {i, CORE_SECTION_NONE}, .codec = {-1, -1}};
		joint_fill_alone(core, settlement, joint);
		settlement->joints_used++;
		any |= joint->taken;
	}
	return any;
}

// ---- room for it

static bool is_replaced(const struct half *half)
{
	return leg_described(half->leg) && !transport_same_peer(half->leg, half->desc);
}

struct need {
	uint32_t transports, publications, subscriptions, sent[2];
};

static void joint_need(
	const struct settlement *settlement, const struct joint *joint, struct need *need)
{
	for (unsigned from = 0; from < 2; from++) {
		const struct half *half = &settlement->half[from], *to = &settlement->half[!from];

		if (!joint->flows[from])
			continue;
		if (half->desc) {
			need->sent[from]++;
			need->publications +=
				!half->leg || !leg_publication(half->leg,
						      section_of(settlement, joint, from)->mid);
		}
		if (to->desc)
			need->subscriptions +=
				!to->leg || !leg_subscription(to->leg,
						    section_of(settlement, joint, !from)->mid);
	}
}

int settle_check(const struct core *core, const struct settlement *settlement)
{
	uint32_t most = core->limits.publications_per_participant;
	struct need need = {0};

	for (unsigned i = 0; i < 2; i++)
		if (settlement->half[i].desc)
			need.transports +=
				!settlement->half[i].leg || is_replaced(&settlement->half[i]);
	for (unsigned i = 0; i < settlement->joints_used; i++)
		joint_need(settlement, &settlement->joints[i], &need);
	if (need.sent[0] > most || need.sent[1] > most ||
		!slots_have(&core->transports, need.transports) ||
		!slots_have(&core->publications, need.publications) ||
		!slots_have(&core->subscriptions, need.subscriptions))
		return -CORE_FULL;
	return 0;
}

// ---- following it: legs

// Another certificate: the client has begun anew. When it answers an offer of ours, which names the
// credentials of this leg, the association is made anew in place: its ClientHello leads to a second
// handshake beside the first (edge/dtls.c). Where we are the client, that takes a leg of its own.
static void leg_replace(
	struct core *core, struct half *half, struct participant *far, uint64_t now_ms)
{
	struct transport *leg = half->leg;

	if (!half->offers && !leg->view.dtls_client && half->desc->setup != DESC_PASSIVE)
		return;
	half->old = leg;
	half->leg = transport_open(core, half->who, far, true, now_ms);
	if (!half->offers)
		transport_succeed(core, half->old, half->leg);
	publication_move(half->who, half->old, half->leg);
	half->leg->pending = half->old->pending; // it may be what is being settled
	half->old->pending = NULL;
}

static bool has_data(const struct settlement *settlement)
{
	for (unsigned i = 0; i < settlement->joints_used; i++)
		if (settlement->joints[i].data)
			return true;
	return false;
}

// Who is DTLS's client opens data channels of even numbers, the server odd ones (RFC 8832, 6): of two
// peers one must be each, as between themselves, so we are the client of exactly one of them.
static void role_settle(const struct settlement *settlement, unsigned number)
{
	const struct half *half = &settlement->half[number], *other = &settlement->half[!number];

	transport_role(half->leg, half->desc->setup);
	if (!leg_described(half->leg) && half->desc->setup == DESC_ACTPASS && other->desc &&
		other->leg && leg_described(other->leg) && has_data(settlement))
		half->leg->view.dtls_client = !other->leg->view.dtls_client;
}

static void leg_settle(
	struct core *core, struct settlement *settlement, unsigned number, uint64_t now_ms)
{
	struct half *half = &settlement->half[number];
	struct participant *far = settlement->half[!number].who;

	if (!half->leg)
		half->leg = transport_open(core, half->who, far, true, now_ms);
	else if (!leg_described(half->leg))
		half->leg->view.created_ms = now_ms; // it was our offer that waited
	else if (is_replaced(half))
		leg_replace(core, half, far, now_ms);
	else if (half->offers && strcmp(half->leg->view.remote_ufrag, half->desc->ufrag) != 0)
		transport_restart(core, half->leg, now_ms);
	if (half->leg->view.previous_until_ms)
		half->leg->view.previous_until_ms = now_ms + PREVIOUS_UFRAG_MS;
	role_settle(settlement, number);
	transport_describe(half->leg, half->desc);
	half->leg->view.transport_cc_extension_id = 0;
	half->leg->view.data = false;
	half->leg->resumed = false;
}

static void sections_note(const struct half *half, bool alone)
{
	struct core_transport *view = &half->leg->view;
	uint8_t before = view->sections_used;

	view->sections_used = half->desc->sections_used;
	for (uint8_t i = 0; i < view->sections_used; i++) {
		struct core_section *section = &view->sections[i];

		memcpy(section->mid, half->desc->sections[i].mid, sizeof(section->mid));
		section->kind = (uint8_t)half->desc->sections[i].kind;
		if (!alone || i >= before)
			section->partner = CORE_SECTION_NONE;
	}
}

static void sections_settle(const struct settlement *settlement)
{
	const struct half *one = &settlement->half[0], *other = &settlement->half[1];

	sections_note(one, !other->desc);
	if (!other->desc)
		return;
	sections_note(other, false);
	one->leg->partner = other->leg; // where both are new, each was met by the other's old one
	other->leg->partner = one->leg;
	for (unsigned i = 0; i < settlement->joints_used; i++) {
		const struct joint *joint = &settlement->joints[i];

		one->leg->view.sections[joint->number[0]].partner = joint->number[1];
		other->leg->view.sections[joint->number[1]].partner = joint->number[0];
		one->leg->view.data |= joint->data;
		other->leg->view.data |= joint->data;
	}
}

// ---- following it: media

static void publish(
	struct core *core, struct settlement *settlement, struct joint *joint, unsigned from)
{
	struct half *half = &settlement->half[from];
	const struct desc_section *section;

	if (!joint->flows[from] || !half->desc)
		return;
	section = section_of(settlement, joint, from);
	half->news |= leg_publish(
		core, half->leg, half->old, section, &section->codecs[joint->codec[from]]);
	half->publishes |= 1U << joint->number[from];
}

static void subscribe(
	struct core *core, struct settlement *settlement, const struct joint *joint, unsigned from)
{
	static const uint32_t any[2];
	struct half *half = &settlement->half[from], *to = &settlement->half[!from];
	uint8_t number = joint->number[!from];
	uint32_t ssrc[2];

	if (!joint->flows[from] || !to->desc)
		return;
	if (to->pending)
		memcpy(ssrc,
			(uint32_t[2]){to->pending->ssrc[number], to->pending->rtx_ssrc[number]},
			sizeof(ssrc));
	leg_subscribe(core, to->leg, &to->desc->sections[number],
		half->desc ? leg_publication(half->leg, section_of(settlement, joint, from)->mid)
			   : joint->source,
		to->pending ? ssrc : any);
	to->subscribes |= 1U << number;
}

static void half_finish(struct core *core, struct half *half)
{
	bool shown;

	leg_prune(core, half->leg, half->desc, half->publishes, half->subscribes);
	if (half->old)
		leg_close(core, half->old);
	half->old = NULL;
	shown = half->who->view.publishing.generation &&
		transport_get(core, half->who->view.publishing) == half->leg;
	transport_tell(core, half->leg, false);
	publication_show(core, half->who, half->before, half->news && shown);
}

void settle_follow(struct core *core, struct settlement *settlement, uint64_t now_ms)
{
	struct half *halves = settlement->half;

	for (unsigned i = 2; i-- > 0;) { // who answers has chosen a role, which decides the other's
		halves[i].before = publication_any(halves[i].who);
		if (halves[i].desc)
			leg_settle(core, settlement, i, now_ms);
	}
	sections_settle(settlement);
	for (unsigned i = 0; i < 2; i++)
		if (halves[i].desc)
			transport_tell(core, halves[i].leg, false); // before what refers to it
	for (unsigned i = 0; i < 2 * settlement->joints_used; i++)
		publish(core, settlement, &settlement->joints[i / 2], i % 2);
	for (unsigned i = 0; i < 2 * settlement->joints_used; i++)
		subscribe(core, settlement, &settlement->joints[i / 2], i % 2);
	for (unsigned i = 0; i < 2; i++)
		if (halves[i].desc)
			half_finish(core, &halves[i]);
	halves[0].who->room->review = true;
}

// ---- answering

static void answer_source(const struct half *half, struct desc_section *section)
{
	const struct subscription *subscription = leg_subscription(half->leg, section->mid);

	if (!subscription)
		return;
	leg_name(section, &subscription->publication->owner->view,
		subscription->publication->view.stream, subscription->publication->view.track);
	section->encodings_used = 1;
	section->encodings[0].ssrc = subscription->view.ssrc;
	section->encodings[0].rtx_ssrc = subscription->view.rtx_ssrc;
}

static void answer_section(const struct settlement *settlement, unsigned number,
	const struct joint *joint, struct desc_section *answer)
{
	const struct half *half = &settlement->half[number];
	const struct desc_section *section = section_of(settlement, joint, number);
	const struct desc_codec *codecs = section->codecs;

	if (joint->data) {
		leg_data(answer, section_of(settlement, joint, !number));
		memcpy(answer->mid, section->mid, sizeof(answer->mid));
		answer->in_bundle = section->in_bundle;
		return;
	}
	leg_answer(answer, section, &codecs[joint->codec[number]]);
	if (joint->source && joint->codec[1] != joint->codec[0])
		answer->codecs[answer->codecs_used++] = match_publish(
			&codecs[joint->codec[1]], half->leg->view.transport_cc_extension_id != 0);
	answer->direction = (joint->flows[number] ? DESC_RECVONLY : DESC_INACTIVE) |
			    (joint->flows[!number] ? DESC_SENDONLY : DESC_INACTIVE);
	if (joint->flows[!number])
		answer_source(half, answer);
}

void settle_answer(
	struct core *core, const struct settlement *settlement, unsigned half, struct desc *answer)
{
	const struct desc *offer = settlement->half[half].desc;

	transport_print(core, settlement->half[half].leg, false, answer);
	answer->extmap_allow_mixed = offer->extmap_allow_mixed;
	answer->sections_used = offer->sections_used;
	for (unsigned i = 0; i < offer->sections_used; i++) {
		answer->sections[i].kind = offer->sections[i].kind;
		answer->sections[i].rejected = true;
		memcpy(answer->sections[i].mid, offer->sections[i].mid, DESC_MID_MAX);
	}
	for (unsigned i = 0; i < settlement->joints_used; i++)
		if (settlement->joints[i].taken)
			answer_section(settlement, half, &settlement->joints[i],
				&answer->sections[settlement->joints[i].number[half]]);
}
