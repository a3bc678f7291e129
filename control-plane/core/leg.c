// SPDX-License-Identifier: Apache-2.0
#include "leg.h"

#include "match.h"
#include "publication.h"
#include "subscription.h"
#include "transport.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	SCTP_PORT = 5000, // RFC 8841, 12.1: what is meant when nothing is said
};

struct transport *leg_find(const struct participant *owner, const struct participant *far)
{
	struct transport *leg;

	TAILQ_FOREACH (leg, &owner->transports, of_owner)
		if (leg->view.pair && leg->publisher == far)
			return leg;
	return NULL;
}

bool leg_described(const struct transport *leg)
{
	return leg->view.fingerprint.length > 0;
}

// ---- life

void leg_enter(struct transport *leg)
{
	TAILQ_INSERT_TAIL(&leg->publisher->faced, leg, of_publisher);
	leg->owner->certificate = leg->view.certificate;
	leg->partner = leg_find(leg->publisher, leg->owner);
	if (!leg->partner)
		return;
	leg->partner->partner = leg;
	leg->partner->alone_until_ms = 0;
}

void leg_exit(struct core *core, struct transport *leg)
{
	pending_drop(core, leg);
	TAILQ_REMOVE(&leg->publisher->faced, leg, of_publisher);
	if (leg->partner && leg->partner->partner == leg)
		leg->partner->partner = NULL;
}

static bool carries(const struct transport *leg, const struct publication *publication)
{
	return publication->view.transport.index == leg->view.id.index &&
	       publication->view.transport.generation == leg->view.id.generation;
}

void leg_close(struct core *core, struct transport *leg)
{
	struct publication *publication = TAILQ_FIRST(&leg->owner->publications), *next;

	for (; publication; publication = next) {
		next = TAILQ_NEXT(publication, of_owner);
		if (carries(leg, publication))
			publication_remove(core, publication);
	}
	transport_close(core, leg);
}

// ---- media

struct publication *leg_publication(const struct transport *leg, const char *mid)
{
	struct publication *publication;

	TAILQ_FOREACH (publication, &leg->owner->publications, of_owner)
		if (carries(leg, publication) && !strcmp(publication->view.mid, mid))
			return publication;
	return NULL;
}

struct subscription *leg_subscription(const struct transport *leg, const char *mid)
{
	struct subscription *subscription;

	TAILQ_FOREACH (subscription, &leg->subscriptions, of_transport)
		if (!strcmp(subscription->view.mid, mid))
			return subscription;
	return NULL;
}

static struct publication *of_kind(const struct transport *leg, enum desc_kind kind)
{
	struct publication *publication;

	TAILQ_FOREACH (publication, &leg->owner->publications, of_owner)
		if (carries(leg, publication) && publication->view.kind == kind)
			return publication;
	return NULL;
}

bool leg_publish(struct core *core, struct transport *leg, struct transport *old,
	const struct desc_section *section, const struct desc_codec *codec)
{
	struct publication_choice choice = {
		.accepted = true, .sends = true, .old = leg_publication(leg, section->mid)};

	if (choice.old && choice.old->view.kind != section->kind) { // a section used again
		publication_remove(core, choice.old);
		choice.old = NULL;
	}
	if (!choice.old && old)
		choice.old = of_kind(old, section->kind);
	match_extensions(section, codec, choice.extension_id);
	choice.codec = match_publish(codec, choice.extension_id[DESC_EXT_TRANSPORT_CC] != 0);
	if (!leg->view.transport_cc_extension_id)
		leg->view.transport_cc_extension_id = choice.extension_id[DESC_EXT_TRANSPORT_CC];
	return publication_put(core, leg, section, &choice);
}

static struct subscription *subscription_make(struct core *core, struct transport *leg,
	struct publication *publication, const uint32_t ssrc[2])
{
	struct subscription *subscription = slots_take(&core->subscriptions);
	struct core_subscription *view = &subscription->view;

	subscription_draw(core, publication->view.kind, &view->ssrc, &view->rtx_ssrc);
	if (ssrc[0] && !subscription_ssrc_used(core, ssrc[0]) &&
		!(ssrc[1] && subscription_ssrc_used(core, ssrc[1]))) {
		view->ssrc = ssrc[0];
		view->rtx_ssrc = ssrc[1];
	}
	subscription_enter(core, subscription, publication, leg);
	return subscription;
}

void leg_subscribe(struct core *core, struct transport *leg, const struct desc_section *section,
	struct publication *publication, const uint32_t ssrc[2])
{
	struct subscription *subscription = leg_subscription(leg, section->mid);
	struct core_subscription *view;

	if (subscription && subscription->publication != publication) {
		subscription_remove(core, subscription);
		subscription = NULL;
	}
	if (!subscription)
		subscription = subscription_make(core, leg, publication, ssrc);
	view = &subscription->view;
	memcpy(view->mid, section->mid, sizeof(view->mid));
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++)
		view->extension_id[kind] =
			match_extension_down(kind) &&
			(kind == DESC_EXT_MID || publication->view.extension_id[kind]);
	view->active = subscription_accept(section, publication, view);
	subscription_tell(core, subscription, false);
}

// Bit of the section of that mid in `marked`.
static bool is_marked(const struct desc *desc, uint32_t marked, const char *mid)
{
	for (unsigned i = 0; i < desc->sections_used; i++)
		if (!strcmp(desc->sections[i].mid, mid) && marked >> i & 1)
			return true;
	return false;
}

void leg_prune(struct core *core, struct transport *leg, const struct desc *desc,
	uint32_t publishes, uint32_t subscribes)
{
	struct publication *publication = TAILQ_FIRST(&leg->owner->publications), *after;
	struct subscription *subscription = TAILQ_FIRST(&leg->subscriptions), *next;

	for (; publication; publication = after) {
		after = TAILQ_NEXT(publication, of_owner);
		if (carries(leg, publication) && !is_marked(desc, publishes, publication->view.mid))
			publication_remove(core, publication);
	}
	for (; subscription; subscription = next) {
		next = TAILQ_NEXT(subscription, of_transport);
		if (!is_marked(desc, subscribes, subscription->view.mid))
			subscription_remove(core, subscription);
	}
}

// ---- our descriptions

static bool section_begin(struct desc_section *section, const struct desc_section *far)
{
	memset(section, 0, sizeof(*section));
	section->kind = far->kind;
	section->in_bundle = true;
	section->direction = far->direction;
	return section->kind == DESC_AUDIO || section->kind == DESC_VIDEO;
}

// Known extensions under the peer's own numbers, in its direction or turned round.
static void extensions_put(struct desc_section *section, const struct desc_section *far,
	const struct desc_codec *codec, bool turn)
{
	for (unsigned i = 0; i < far->extensions_used; i++) {
		struct desc_extension extension = far->extensions[i];

		if (!match_extension(extension.kind, codec))
			continue;
		if (turn)
			extension.direction = match_mirror(extension.direction);
		section->extensions[section->extensions_used++] = extension;
	}
}

static bool has_transport_cc(const struct desc_section *section)
{
	for (unsigned i = 0; i < section->extensions_used; i++)
		if (section->extensions[i].kind == DESC_EXT_TRANSPORT_CC)
			return true;
	return false;
}

void leg_data(struct desc_section *section, const struct desc_section *far)
{
	section_begin(section, far);
	section->direction = DESC_SENDRECV;
	section->sctp_port = far->sctp_port ? far->sctp_port : SCTP_PORT;
	section->max_message_size = far->max_message_size;
}

void leg_offer(struct desc_section *section, const struct desc_section *far)
{
	if (!section_begin(section, far))
		return;
	section->rtcp_mux = true;
	section->rtcp_rsize = far->rtcp_rsize;
	extensions_put(section, far, NULL, false);
	for (unsigned i = 0; i < far->codecs_used; i++)
		if (match_known(far->kind, &far->codecs[i]))
			section->codecs[section->codecs_used++] =
				match_publish(&far->codecs[i], has_transport_cc(section));
}

void leg_answer(struct desc_section *section, const struct desc_section *offered,
	const struct desc_codec *codec)
{
	section_begin(section, offered);
	memcpy(section->mid, offered->mid, sizeof(section->mid));
	section->in_bundle = offered->in_bundle;
	section->rtcp_mux = true;
	section->rtcp_rsize = offered->rtcp_rsize;
	extensions_put(section, offered, codec, true);
	section->codecs[section->codecs_used++] = match_publish(codec, has_transport_cc(section));
}

// A pair's clients see each other's own names, "-" (no stream, RFC 8830, 2) included.
void leg_name(struct desc_section *section, const struct core_participant *who, const char *stream,
	const char *track)
{
	snprintf(section->cname, sizeof(section->cname), "p%" PRIu32 "-%08" PRIx32, who->id.index,
		who->id.generation);
	snprintf(section->stream, sizeof(section->stream), "%s",
		stream[0] ? stream : section->cname);
	if (track[0])
		snprintf(section->track, sizeof(section->track), "%s", track);
	else
		snprintf(section->track, sizeof(section->track), "%.40s-%s", section->cname,
			section->mid);
}

// ---- offers that wait

static size_t offer_size(const struct desc *offer)
{
	return offsetof(struct desc, sections) + offer->sections_used * sizeof(offer->sections[0]);
}

struct desc *offer_keep(struct core *core, const struct desc *offer)
{
	size_t size = offer_size(offer);
	struct desc *kept;

	if (size > OFFERS_KEPT_MAX - core->pending_bytes)
		return NULL;
	kept = core_allocate(1, size);
	if (!kept)
		return NULL;
	memcpy(kept, offer, size);
	core->pending_bytes += size;
	return kept;
}

void offer_drop(struct core *core, struct desc *offer)
{
	if (!offer)
		return;
	core->pending_bytes -= offer_size(offer);
	core_release(offer);
}

void pending_drop(struct core *core, struct transport *leg)
{
	struct pending *pending = leg->pending;

	if (!pending)
		return;
	leg->pending = NULL;
	leg->view.asked = false;
	offer_drop(core, pending->desc);
	offer_drop(core, pending->next);
	core_release(pending);
}
