// SPDX-License-Identifier: Apache-2.0
#include "match.h"
#include "participant.h"
#include "subscription.h"
#include "transport.h"

#include <string.h>

struct view { // what one section of the offer gets
	bool usable;
	struct publication *publication; // NULL = nothing
	struct desc_codec codec; // of the offer
};

struct views {
	struct view sections[DESC_SECTIONS_MAX];
	unsigned used; // that get something
};

static bool shown(const struct views *views, const struct publication *publication)
{
	for (unsigned i = 0; i < DESC_SECTIONS_MAX; i++)
		if (views->sections[i].publication == publication)
			return true;
	return false;
}

// The next publication of the section's kind that its decoders take.
static void view_choose(const struct participant *publisher, const struct desc *offer,
	struct views *views, unsigned i)
{
	const struct desc_section *section = &offer->sections[i];
	struct view *view = &views->sections[i];
	struct publication *publication;
	int known = match_usable(offer, section) ? match_choose(section, NULL) : -1;

	if (known < 0)
		return;
	view->usable = true;
	view->codec = section->codecs[known];
	if (!(section->direction & DESC_RECVONLY))
		return;
	TAILQ_FOREACH (publication, &publisher->publications, of_owner) {
		const struct desc_codec *codec = match_find(section, &publication->view.codecs[0]);

		// rows keep payload type 0 for "none"
		if (publication->view.kind != section->kind || !codec || !codec->payload_type ||
			shown(views, publication))
			continue;
		view->publication = publication;
		view->codec = *codec;
		views->used++;
		return;
	}
}

static int views_choose(
	const struct participant *publisher, const struct desc *offer, struct views *views)
{
	memset(views, 0, sizeof(*views));
	if (!offer->ufrag[0] || !offer->password[0] || !offer->fingerprint.length ||
		offer->sections_used > DESC_SECTIONS_MAX || !match_mids_unique(offer))
		return -CORE_BAD_DESC;
	for (unsigned i = 0; i < offer->sections_used; i++)
		view_choose(publisher, offer, views, i);
	return views->used ? 0 : -CORE_BAD_DESC;
}

// ---- answering

// One number means one extension in a bundle (RFC 9143, 9.1). Offers that break this come from clients that
// stumble when they receive either: aiortc numbers audio level and send time alike.
static bool number_is_clear(const struct desc *offer, const struct desc_extension *extension)
{
	for (unsigned i = 0; i < offer->sections_used; i++) {
		const struct desc_section *section = &offer->sections[i];

		for (unsigned k = 0; k < section->extensions_used; k++)
			if (section->extensions[k].id == extension->id &&
				section->extensions[k].kind != extension->kind)
				return false;
	}
	return true;
}

// Under the offer's numbers, what the publisher sends and the viewer can use; mid we write ourselves.
static void answer_extensions(struct desc_section *answer, const struct desc *whole,
	const struct desc_section *offer, const struct core_publication *publication)
{
	for (unsigned i = 0; i < offer->extensions_used; i++) {
		struct desc_extension extension = offer->extensions[i];

		if (extension.kind >= DESC_EXT_COUNT || !match_extension_down(extension.kind) ||
			!(extension.direction & DESC_RECVONLY) ||
			!number_is_clear(whole, &extension) ||
			(extension.kind != DESC_EXT_MID &&
				!publication->extension_id[extension.kind]))
			continue;
		if (extension.direction != DESC_SENDRECV)
			extension.direction = DESC_SENDONLY;
		answer->extensions[answer->extensions_used++] = extension;
	}
}

static void answer_section(struct desc_section *answer, const struct desc *whole,
	const struct desc_section *offer, const struct view *view)
{
	answer->kind = offer->kind;
	memcpy(answer->mid, offer->mid, sizeof(answer->mid));
	answer->rejected = !view->usable;
	if (answer->rejected)
		return;
	answer->direction = view->publication ? DESC_SENDONLY : DESC_INACTIVE;
	answer->in_bundle = offer->in_bundle;
	answer->rtcp_mux = true;
	answer->rtcp_rsize = offer->rtcp_rsize;
	answer->codecs_used = 1;
	answer->codecs[0] = match_publish(&view->codec, false);
	answer->codecs[0].feedback =
		view->codec.feedback & (DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR | DESC_FB_REMB);
	if (!view->publication)
		return;
	answer_extensions(answer, whole, offer, &view->publication->view);
	subscription_msid(answer, view->publication);
}

static void view_subscribe(struct core *core, const struct view *view, struct transport *transport,
	struct desc_section *section)
{
	struct subscription *subscription = slots_take(&core->subscriptions);
	struct core_subscription *row = &subscription->view;

	subscription_draw(core, view->codec.rtx_payload_type ? DESC_VIDEO : DESC_AUDIO, &row->ssrc,
		&row->rtx_ssrc);
	memcpy(row->mid, section->mid, sizeof(row->mid));
	row->payload_type[0] = view->codec.payload_type;
	row->rtx_payload_type[0] = view->codec.rtx_payload_type;
	row->nack = (view->codec.feedback & DESC_FB_NACK) != 0;
	row->active = true;
	for (unsigned i = 0; i < section->extensions_used; i++)
		row->extension_id[section->extensions[i].kind] = section->extensions[i].id;
	section->encodings_used = 1;
	section->encodings[0].ssrc = row->ssrc;
	section->encodings[0].rtx_ssrc = row->rtx_ssrc;
	subscription_enter(core, subscription, view->publication, transport);
	subscription_tell(core, subscription, false);
}

// Camera and microphone of one MediaStream play in step; the publisher may have named two.
static void stream_unite(struct desc_section *section, const char **stream)
{
	if (!*stream)
		*stream = section->stream;
	else
		memcpy(section->stream, *stream, sizeof(section->stream));
}

int core_subscribe_offer(struct core *core, struct core_participant_id id, const char *publisher,
	const struct desc *offer, struct desc *answer, uint64_t now_ms)
{
	struct subscription_pair pair;
	struct transport *transport;
	const char *stream = NULL;
	struct views views;
	int error = subscription_pair(core, id, publisher, &pair);

	if (!error)
		error = subscription_check(core, &pair);
	if (!error)
		error = views_choose(pair.publisher, offer, &views);
	if (error)
		return error;
	if (pair.transport)
		transport_close(core, pair.transport);
	transport = transport_open(core, pair.subscriber, pair.publisher, false, now_ms);
	transport_role(transport, offer->setup);
	transport_describe(transport, offer);
	transport_tell(core, transport, false);
	transport_print(core, transport, false, answer);
	answer->extmap_allow_mixed = offer->extmap_allow_mixed;
	answer->sections_used = offer->sections_used;
	for (unsigned i = 0; i < offer->sections_used; i++) {
		struct desc_section *section = &answer->sections[i];

		answer_section(section, offer, &offer->sections[i], &views.sections[i]);
		if (!views.sections[i].publication)
			continue;
		stream_unite(section, &stream);
		view_subscribe(core, &views.sections[i], transport, section);
	}
	return 0;
}
