// SPDX-License-Identifier: Apache-2.0
// Publishing by an offer of ours: what a participant sends that is itself fetched from somewhere (WHEP).
#include "event.h"
#include "match.h"
#include "participant.h"
#include "publication.h"
#include "transport.h"

#include <stdio.h>
#include <string.h>

enum { TRANSPORT_CC_ID = 10 }; // our usual number, behind those of match_extension_down

// What the relay carries well, in the order in which it likes it.
static const struct desc_codec wanted[] = {
	{.name = "opus", .clock_rate = 48000, .channels = 2, .fmtp = "minptime=10;useinbandfec=1"},
	{.name = "VP8", .clock_rate = 90000},
	{.name = "H264",
		.clock_rate = 90000,
		.fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
	{.name = "VP9", .clock_rate = 90000, .fmtp = "profile-id=0"},
	{.name = "AV1", .clock_rate = 90000},
};

// ---- the offer

static void codecs_ask(struct desc_section *section, struct match_payloads *payloads)
{
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct desc_codec *codec = &section->codecs[section->codecs_used];

		if (!match_known(section->kind, &wanted[i]))
			continue;
		*codec = wanted[i];
		match_payload(payloads, section->kind, codec);
		codec->feedback = DESC_FB_TRANSPORT_CC;
		if (section->kind == DESC_VIDEO)
			codec->feedback |= DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR;
		section->codecs_used++;
	}
}

static void extensions_ask(struct desc_section *section)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		bool audio = kind == DESC_EXT_AUDIO_LEVEL;
		bool both = kind == DESC_EXT_MID || kind == DESC_EXT_ABS_SEND_TIME ||
			    kind == DESC_EXT_TRANSPORT_CC || kind == DESC_EXT_ABS_CAPTURE_TIME;
		uint8_t id = kind == DESC_EXT_TRANSPORT_CC ? TRANSPORT_CC_ID
							   : match_extension_down(kind);

		if (id && (both || audio == (section->kind == DESC_AUDIO)))
			section->extensions[section->extensions_used++] =
				(struct desc_extension){id, (uint8_t)kind, DESC_SENDRECV};
	}
}

static void section_ask(struct desc *offer, enum desc_kind kind, struct match_payloads *payloads)
{
	struct desc_section *section = &offer->sections[offer->sections_used];

	section->kind = kind;
	snprintf(section->mid, sizeof(section->mid), "%u", offer->sections_used++);
	section->direction = DESC_RECVONLY;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	codecs_ask(section, payloads);
	extensions_ask(section);
}

int core_publish_ask(
	struct core *core, struct core_participant_id id, struct desc *offer, uint64_t now_ms)
{
	struct participant *participant = participant_get(core, id);
	struct match_payloads payloads = {0};
	struct transport *transport;

	if (!participant)
		return -CORE_GONE;
	if (!participant->view.can_publish)
		return -CORE_FORBIDDEN;
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	publication_end_up(core, participant, NULL);
	if (!slots_have(&core->transports, 1))
		return -CORE_FULL;
	transport = transport_open(core, participant, NULL, false, now_ms);
	transport->view.asked = true;
	transport_tell(core, transport, false);
	transport_print(core, transport, true, offer);
	offer->extmap_allow_mixed = true;
	for (enum desc_kind kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++)
		if (participant_may_send(&participant->view, kind))
			section_ask(offer, kind, &payloads);
	return 0;
}

// ---- the answer

struct reading { // of an answer
	struct publication_choice choices[DESC_SECTIONS_MAX];
	unsigned sending;
	uint8_t transport_cc_id;
};

static void section_read(const struct participant *participant, const struct desc *answer,
	struct reading *reading, unsigned i)
{
	const struct desc_section *section = &answer->sections[i];
	struct publication_choice *choice = &reading->choices[i];
	int codec;

	if ((section->kind != DESC_AUDIO && section->kind != DESC_VIDEO) ||
		!(section->direction & DESC_SENDONLY) || !match_usable(answer, section) ||
		!participant_may_send(&participant->view, section->kind))
		return;
	codec = match_choose(section, NULL);
	if (codec < 0)
		return;
	match_extensions(section, &section->codecs[codec], choice->extension_id);
	choice->codec = match_publish(
		&section->codecs[codec], choice->extension_id[DESC_EXT_TRANSPORT_CC] != 0);
	choice->accepted = choice->sends = true;
	reading->sending++;
	if (!reading->transport_cc_id)
		reading->transport_cc_id = choice->extension_id[DESC_EXT_TRANSPORT_CC];
}

static int answer_read(const struct core *core, const struct participant *participant,
	const struct desc *answer, struct reading *reading)
{
	memset(reading, 0, sizeof(*reading));
	if (!answer->ufrag[0] || !answer->password[0] || !answer->fingerprint.length ||
		answer->sections_used > DESC_SECTIONS_MAX || !match_mids_unique(answer))
		return -CORE_BAD_DESC;
	for (unsigned i = 0; i < answer->sections_used; i++)
		section_read(participant, answer, reading, i);
	if (!reading->sending)
		return -CORE_BAD_DESC;
	if (reading->sending > core->limits.publications_per_participant ||
		!slots_have(&core->publications, reading->sending))
		return -CORE_FULL;
	return 0;
}

int core_publish_answer(
	struct core *core, struct core_participant_id id, const struct desc *answer, uint64_t)
{
	struct participant *participant = participant_get(core, id);
	struct transport *transport =
		participant ? transport_get(core, participant->view.publishing) : NULL;
	struct reading reading;
	int error;

	if (!participant)
		return -CORE_GONE;
	if (!transport || transport->view.pair || !transport->view.asked)
		return -CORE_STATE;
	error = answer_read(core, participant, answer, &reading);
	if (error)
		return error;
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	transport->view.asked = false;
	transport_role(transport, answer->setup);
	transport_describe(transport, answer);
	transport->view.transport_cc_extension_id = reading.transport_cc_id;
	transport_tell(core, transport, false);
	for (unsigned i = 0; i < answer->sections_used; i++)
		if (reading.choices[i].sends)
			publication_put(core, transport, &answer->sections[i], &reading.choices[i]);
	publication_show(core, participant, false, true);
	return 0;
}
