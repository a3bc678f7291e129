// SPDX-License-Identifier: Apache-2.0
#include "subscription.h"

#include "match.h"
#include "participant.h"
#include "publication.h"
#include "transport.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void subscription_tell(struct core *core, const struct subscription *subscription, bool gone)
{
	if (core->plane.subscription)
		core->plane.subscription(core->plane.context, &subscription->view, gone);
}

// ---- SSRCs

static uint64_t ssrc_hash(const struct core *core, uint32_t ssrc)
{
	return hash_of(&core->ssrcs, &ssrc, sizeof(ssrc));
}

bool subscription_ssrc_used(const struct core *core, uint32_t ssrc)
{
	uint32_t i = hash_first(&core->ssrcs, ssrc_hash(core, ssrc));

	for (; i != SLOT_NONE; i = hash_next(&core->ssrcs, i)) {
		const struct subscription *subscription = slots_from(&core->subscriptions, i / 2);
		const struct core_subscription *view = &subscription->view;

		if ((i % 2 ? view->rtx_ssrc : view->ssrc) == ssrc)
			return true;
	}
	return false;
}

static uint32_t ssrc_draw(struct core *core)
{
	uint32_t ssrc;

	do {
		core_random(core, &ssrc, sizeof(ssrc));
		ssrc |= 0x80000000; // the lower half is for the SSRCs of our RTCP
	} while (subscription_ssrc_used(core, ssrc));
	return ssrc;
}

// ---- life

void subscription_enter(struct core *core, struct subscription *subscription,
	struct publication *publication, struct transport *transport)
{
	struct core_subscription *view = &subscription->view;

	subscription->publication = publication;
	subscription->transport = transport;
	view->publication = publication->view.id;
	view->transport = transport->view.id;
	TAILQ_INSERT_TAIL(&publication->subscriptions, subscription, of_publication);
	TAILQ_INSERT_TAIL(&transport->subscriptions, subscription, of_transport);
	hash_add(&core->ssrcs, ssrc_hash(core, view->ssrc), view->id.index * 2);
	if (view->rtx_ssrc)
		hash_add(&core->ssrcs, ssrc_hash(core, view->rtx_ssrc), view->id.index * 2 + 1);
}

void subscription_remove(struct core *core, struct subscription *subscription)
{
	struct core_subscription *view = &subscription->view;

	hash_remove(&core->ssrcs, ssrc_hash(core, view->ssrc), view->id.index * 2);
	if (view->rtx_ssrc)
		hash_remove(&core->ssrcs, ssrc_hash(core, view->rtx_ssrc), view->id.index * 2 + 1);
	TAILQ_REMOVE(&subscription->publication->subscriptions, subscription, of_publication);
	TAILQ_REMOVE(&subscription->transport->subscriptions, subscription, of_transport);
	subscription_tell(core, subscription, true);
	slots_give(&core->subscriptions, subscription);
}

// ---- offering

void subscription_msid(struct desc_section *section, const struct publication *publication)
{
	const struct core_publication *view = &publication->view;
	const struct core_participant *owner = &publication->owner->view;
	bool streamless = !view->stream[0] || !strcmp(view->stream, "-");

	snprintf(section->cname, sizeof(section->cname), "p%" PRIu32 "-%08" PRIx32, owner->id.index,
		owner->id.generation);
	snprintf(section->stream, sizeof(section->stream), "%s",
		streamless ? section->cname : view->stream);
	if (view->track[0])
		snprintf(section->track, sizeof(section->track), "%s", view->track);
	else
		snprintf(section->track, sizeof(section->track), "t%" PRIu32 "-%08" PRIx32,
			view->id.index, view->id.generation);
}

static void offer_codecs(struct desc_section *section, const struct core_publication *publication,
	struct match_payloads *payloads)
{
	section->codecs_used = publication->codecs_used;
	for (unsigned i = 0; i < publication->codecs_used; i++) {
		struct desc_codec *codec = &section->codecs[i];

		*codec = publication->codecs[i];
		match_payload(payloads, publication->kind, codec);
		codec->feedback = publication->kind == DESC_VIDEO
					  ? DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR | DESC_FB_REMB
					  : 0;
	}
}

// What the publisher sends and a subscriber can use; mid we write ourselves.
static void offer_extensions(
	struct desc_section *section, const struct core_publication *publication)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		uint8_t id = match_extension_down(kind);

		if (!id || (kind != DESC_EXT_MID && !publication->extension_id[kind]))
			continue;
		section->extensions[section->extensions_used++] =
			(struct desc_extension){id, (uint8_t)kind, DESC_SENDRECV};
	}
}

static void offer_section(struct desc_section *section, const struct publication *publication,
	unsigned number, struct match_payloads *payloads)
{
	section->kind = publication->view.kind;
	snprintf(section->mid, sizeof(section->mid), "%u", number);
	section->direction = DESC_SENDONLY;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	offer_codecs(section, &publication->view, payloads);
	offer_extensions(section, &publication->view);
	subscription_msid(section, publication);
}

void subscription_draw(struct core *core, enum desc_kind kind, uint32_t *ssrc, uint32_t *rtx_ssrc)
{
	*ssrc = ssrc_draw(core);
	*rtx_ssrc = 0;
	while (kind == DESC_VIDEO && (!*rtx_ssrc || *rtx_ssrc == *ssrc))
		*rtx_ssrc = ssrc_draw(core);
}

static void subscribe_one(struct core *core, struct publication *publication,
	struct transport *transport, struct desc_section *section)
{
	struct subscription *subscription = slots_take(&core->subscriptions);
	struct core_subscription *view = &subscription->view;

	subscription_draw(core, section->kind, &view->ssrc, &view->rtx_ssrc);
	memcpy(view->mid, section->mid, sizeof(view->mid));
	for (unsigned i = 0; i < section->codecs_used; i++) {
		view->payload_type[i] = section->codecs[i].payload_type;
		view->rtx_payload_type[i] = section->codecs[i].rtx_payload_type;
	}
	for (unsigned i = 0; i < section->extensions_used; i++)
		view->extension_id[section->extensions[i].kind] = section->extensions[i].id;
	section->encodings_used = 1;
	section->encodings[0].ssrc = view->ssrc;
	section->encodings[0].rtx_ssrc = view->rtx_ssrc;
	subscription_enter(core, subscription, publication, transport);
	subscription_tell(core, subscription, false);
}

// ---- who and from whom

int subscription_pair(const struct core *core, struct core_participant_id id, const char *identity,
	struct subscription_pair *pair)
{
	pair->transport = NULL;
	pair->subscriber = participant_get(core, id);
	if (!pair->subscriber)
		return -CORE_GONE;
	pair->publisher = participant_find(core, pair->subscriber->room, identity);
	if (!pair->publisher)
		return -CORE_NO_PUBLISHER;
	TAILQ_FOREACH (pair->transport, &pair->subscriber->transports, of_owner)
		if (pair->transport->publisher == pair->publisher && !pair->transport->view.pair)
			break;
	return 0;
}

static unsigned subscriptions_count(const struct transport *transport)
{
	const struct subscription *subscription;
	unsigned count = 0;

	if (transport)
		TAILQ_FOREACH (subscription, &transport->subscriptions, of_transport)
			count++;
	return count;
}

static unsigned publications_count(const struct participant *participant)
{
	const struct publication *publication;
	unsigned count = 0;

	TAILQ_FOREACH (publication, &participant->publications, of_owner)
		count += publication_shown(publication);
	return count;
}

int subscription_check(const struct core *core, const struct subscription_pair *pair)
{
	unsigned wanted = publications_count(pair->publisher);
	unsigned freed = subscriptions_count(pair->transport);

	if (!pair->subscriber->view.can_subscribe)
		return -CORE_FORBIDDEN;
	if (!wanted)
		return -CORE_NO_PUBLISHER;
	if (!slots_have(&core->transports, pair->transport ? 0 : 1) ||
		!slots_have(&core->subscriptions, wanted > freed ? wanted - freed : 0))
		return -CORE_FULL;
	return 0;
}

int core_subscribe(struct core *core, struct core_participant_id id, const char *publisher,
	struct desc *offer, uint64_t now_ms)
{
	struct match_payloads payloads = {0};
	struct publication *publication;
	struct transport *transport;
	struct subscription_pair pair;
	int error = subscription_pair(core, id, publisher, &pair);

	if (!error)
		error = subscription_check(core, &pair);
	if (error)
		return error;
	if (pair.transport)
		transport_close(core, pair.transport);
	transport = transport_open(core, pair.subscriber, pair.publisher, false, now_ms);
	transport_tell(core, transport, false);
	transport_print(core, transport, true, offer);
	offer->extmap_allow_mixed = true;
	TAILQ_FOREACH (publication, &pair.publisher->publications, of_owner) {
		struct desc_section *section = &offer->sections[offer->sections_used];

		if (!publication_shown(publication))
			continue;
		offer_section(section, publication, offer->sections_used++, &payloads);
		subscribe_one(core, publication, transport, section);
	}
	return 0;
}

// ---- the answer

static const struct desc_section *section_of(
	const struct desc *answer, const struct subscription *subscription)
{
	for (unsigned i = 0; i < answer->sections_used && i < DESC_SECTIONS_MAX; i++) {
		const struct desc_section *section = &answer->sections[i];

		if (!strcmp(section->mid, subscription->view.mid) ||
			(!section->mid[0] && answer->sections_used == 1))
			return section;
	}
	return NULL;
}

bool subscription_accept(const struct desc_section *section, const struct publication *publication,
	struct core_subscription *view)
{
	uint8_t offered[DESC_EXT_COUNT];
	bool any = false;

	memcpy(offered, view->extension_id, sizeof(offered));
	memset(view->extension_id, 0, sizeof(view->extension_id));
	memset(view->payload_type, 0, sizeof(view->payload_type));
	memset(view->rtx_payload_type, 0, sizeof(view->rtx_payload_type));
	view->nack = false;
	if (!section || section->rejected || !(section->direction & DESC_RECVONLY))
		return false;
	for (unsigned i = 0; i < publication->view.codecs_used; i++) {
		const struct desc_codec *codec = match_find(section, &publication->view.codecs[i]);

		if (!codec)
			continue;
		any = true;
		view->payload_type[i] = codec->payload_type;
		view->rtx_payload_type[i] = view->rtx_ssrc ? codec->rtx_payload_type : 0;
		view->nack |= (codec->feedback & DESC_FB_NACK) != 0;
	}
	for (unsigned i = 0; i < section->extensions_used; i++) {
		const struct desc_extension *extension = &section->extensions[i];

		if (extension->kind < DESC_EXT_COUNT && offered[extension->kind] &&
			extension->direction & DESC_RECVONLY)
			view->extension_id[extension->kind] = extension->id;
	}
	return any;
}

static bool anything_accepted(const struct transport *transport, const struct desc *answer)
{
	const struct subscription *subscription;

	TAILQ_FOREACH (subscription, &transport->subscriptions, of_transport) {
		struct core_subscription trial = subscription->view;

		if (subscription_accept(
			    section_of(answer, subscription), subscription->publication, &trial))
			return true;
	}
	return false;
}

int core_subscribe_answer(struct core *core, struct core_participant_id id, const char *publisher,
	const struct desc *answer, uint64_t)
{
	struct subscription *subscription;
	struct transport *transport;
	struct subscription_pair pair;
	int error = subscription_pair(core, id, publisher, &pair);

	if (error)
		return error;
	transport = pair.transport;
	if (!transport || transport->view.fingerprint.length)
		return -CORE_STATE;
	if (!answer->ufrag[0] || !answer->password[0] || !answer->fingerprint.length ||
		!anything_accepted(transport, answer))
		return -CORE_BAD_DESC;
	transport_role(transport, answer->setup);
	transport_describe(transport, answer);
	transport_tell(core, transport, false);
	TAILQ_FOREACH (subscription, &transport->subscriptions, of_transport) {
		subscription->view.active = subscription_accept(section_of(answer, subscription),
			subscription->publication, &subscription->view);
		subscription_tell(core, subscription, false);
	}
	return 0;
}

// ---- other verbs

int core_unsubscribe(struct core *core, struct core_participant_id id, const char *publisher)
{
	struct subscription_pair pair;
	int error = subscription_pair(core, id, publisher, &pair);

	if (error)
		return error;
	if (!pair.transport)
		return -CORE_STATE;
	transport_close(core, pair.transport);
	return 0;
}

int core_pause(struct core *core, struct core_participant_id id, const char *publisher,
	enum desc_kind kind, bool paused)
{
	struct subscription *subscription;
	struct subscription_pair pair;
	int error = subscription_pair(core, id, publisher, &pair);

	if (error)
		return error;
	if (!pair.transport)
		return -CORE_STATE;
	TAILQ_FOREACH (subscription, &pair.transport->subscriptions, of_transport) {
		if (subscription->publication->view.kind != kind ||
			subscription->view.paused == paused)
			continue;
		subscription->view.paused = paused;
		subscription_tell(core, subscription, false);
	}
	return 0;
}

// ---- looking

const struct core_subscription *core_subscription(
	const struct core *core, struct core_subscription_id id)
{
	return slots_get(&core->subscriptions, id.index, id.generation);
}

const struct core_subscription *core_subscription_next(
	const struct core *core, const struct core_subscription *previous)
{
	return slots_next(&core->subscriptions, previous);
}
