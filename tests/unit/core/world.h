// SPDX-License-Identifier: Apache-2.0
// Descriptions as a browser would make them, and what a connected peer does.
#pragma once

#include "core/restore.h"
#include "people.h"

// ---- descriptions

static inline struct desc_codec world_codec(const char *name, uint8_t type)
{
	bool opus = !strcmp(name, "opus");
	struct desc_codec codec = {.payload_type = type,
		.channels = opus ? 2 : 0,
		.clock_rate = opus ? 48000 : 90000,
		.feedback = opus ? DESC_FB_TRANSPORT_CC : 31};

	snprintf(codec.name, sizeof(codec.name), "%s", name);
	if (!opus)
		codec.rtx_payload_type = type + 1;
	return codec;
}

static inline struct desc_section *world_section(struct desc *desc, enum desc_kind kind)
{
	unsigned number = desc->sections_used++;
	struct desc_section *section = &desc->sections[number];

	section->kind = kind;
	section->direction = DESC_SENDONLY;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	snprintf(section->mid, sizeof(section->mid), "m%u", number);
	snprintf(section->stream, sizeof(section->stream), "stream");
	snprintf(section->track, sizeof(section->track), "track%u", number);
	section->extensions[0] = (struct desc_extension){4, DESC_EXT_MID, DESC_SENDRECV};
	section->extensions[1] = (struct desc_extension){3, DESC_EXT_TRANSPORT_CC, DESC_SENDRECV};
	section->extensions_used = 2;
	section->encodings_used = 1;
	section->encodings[0].ssrc = 1000 + number * 10;
	return section;
}

static inline void world_audio(struct desc *desc)
{
	struct desc_section *section = world_section(desc, DESC_AUDIO);

	section->codecs_used = 1;
	section->codecs[0] = world_codec("opus", 111);
	section->extensions[section->extensions_used++] =
		(struct desc_extension){1, DESC_EXT_AUDIO_LEVEL, DESC_SENDRECV};
}

static inline void world_video(struct desc *desc, const char *codec)
{
	struct desc_section *section = world_section(desc, DESC_VIDEO);

	section->codecs_used = 2;
	section->codecs[0] = world_codec(codec, 100);
	section->codecs[1] = world_codec("VP9", 120);
	section->encodings[0].rtx_ssrc = section->encodings[0].ssrc + 1;
}

// The head of an offer or answer of the peer `who`, without sections.
static inline void world_desc(struct desc *desc, uint8_t who)
{
	memset(desc, 0, sizeof(*desc));
	snprintf(desc->ufrag, sizeof(desc->ufrag), "peer%u", who);
	snprintf(desc->password, sizeof(desc->password), "abcdefghijklmnopqrstuvwx");
	desc->setup = DESC_ACTPASS;
	desc->fingerprint = (struct desc_fingerprint){"sha-256", 32, {who, 1, 2, 3}};
	desc->extmap_allow_mixed = true;
}

static inline void world_offer(struct desc *desc, uint8_t who)
{
	world_desc(desc, who);
	world_audio(desc);
	world_video(desc, "VP8");
}

// What a subscriber that takes everything answers to an offer of ours.
static inline void world_answer(struct desc *answer, const struct desc *offer, uint8_t who)
{
	world_desc(answer, who);
	answer->setup = DESC_ACTIVE;
	answer->sections_used = offer->sections_used;
	for (unsigned i = 0; i < offer->sections_used; i++) {
		answer->sections[i] = offer->sections[i];
		answer->sections[i].direction = DESC_RECVONLY;
		answer->sections[i].encodings_used = 0;
	}
}

static inline void world_publish(struct world *world, struct core_participant_id id, uint8_t who)
{
	static struct desc offer, answer;

	world_offer(&offer, who);
	assert_int_equal(core_publish(world->core, id, &offer, &answer, 1000), 0);
}

static inline void world_subscribe(
	struct world *world, struct core_participant_id id, const char *publisher, uint8_t who)
{
	static struct desc offer, answer;

	assert_int_equal(core_subscribe(world->core, id, publisher, &offer, 1000), 0);
	world_answer(&answer, &offer, who);
	assert_int_equal(core_subscribe_answer(world->core, id, publisher, &answer, 1000), 0);
}

static inline struct core_path world_path(uint8_t host, uint16_t port)
{
	return (struct core_path){.remote = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, host}, port},
		.local = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, 3478}};
}

static inline struct core_keys world_keys(uint8_t value)
{
	return (struct core_keys){.profile = 7,
		.key_length = 16,
		.salt_length = 12,
		.receive_key = {value},
		.send_key = {value + 1}};
}

// A check and keys for every transport that has none yet.
static inline void world_connect(struct world *world, uint64_t now_ms)
{
	for (unsigned i = 0; i < ROWS; i++) {
		struct core_transport *row = &world->transports[i];
		struct core_path path = world_path((uint8_t)i, (uint16_t)(5000 + i));
		struct core_keys keys = world_keys((uint8_t)i);

		if (!row->id.generation || row->has_keys)
			continue;
		assert_int_equal(core_transport_path(world->core, row->id, &path, true, now_ms), 0);
		assert_int_equal(core_transport_keys(world->core, row->id, &keys, now_ms), 0);
	}
}

static inline const struct core_transport *world_up(
	const struct world *world, struct core_participant_id id)
{
	return core_transport(world->core, core_participant(world->core, id)->publishing);
}

// The downward transport of `id` from `publisher`, or NULL.
static inline const struct core_transport *world_down(const struct world *world,
	struct core_participant_id id, struct core_participant_id publisher)
{
	const struct core_transport *transport = NULL;

	while ((transport = core_transport_next(world->core, transport)) != NULL)
		if (transport->participant.index == id.index &&
			transport->publisher.generation == publisher.generation &&
			transport->publisher.index == publisher.index)
			break;
	return transport;
}

// ---- after a crash

// A fresh core out of the rows that `from` has seen; its own plane starts with the same rows.
static inline void world_restore(struct world *to, const struct world *from)
{
	world_begin(to);
	to->seed = 12345;
	for (unsigned i = 0; i < ROWS; i++)
		if (from->participants[i].id.generation)
			assert_int_equal(core_restore_participant(
						 to->core, &from->participants[i], from->rooms[i]),
				0);
	for (unsigned i = 0; i < ROWS; i++)
		if (from->transports[i].id.generation)
			assert_int_equal(core_restore_transport(to->core, &from->transports[i]), 0);
	for (unsigned i = 0; i < ROWS; i++)
		if (from->publications[i].id.generation)
			assert_int_equal(
				core_restore_publication(to->core, &from->publications[i]), 0);
	for (unsigned i = 0; i < ROWS; i++)
		if (from->subscriptions[i].id.generation)
			assert_int_equal(
				core_restore_subscription(to->core, &from->subscriptions[i]), 0);
	memcpy(to->participants, from->participants, sizeof(to->participants));
	memcpy(to->rooms, from->rooms, sizeof(to->rooms));
	memcpy(to->transports, from->transports, sizeof(to->transports));
	memcpy(to->publications, from->publications, sizeof(to->publications));
	memcpy(to->subscriptions, from->subscriptions, sizeof(to->subscriptions));
	core_restore_done(to->core, 100000);
}
