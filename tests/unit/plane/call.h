// SPDX-License-Identifier: Apache-2.0
// What people do in a world: descriptions as browsers make them, and a whole call.
#pragma once

#include "unit/plane/world.h"

// ---- descriptions

static inline struct desc_section *add_section(
	struct desc *desc, enum desc_kind kind, const char *mid, const char *codec, uint8_t type)
{
	struct desc_section *section = &desc->sections[desc->sections_used++];
	section->kind = kind;
	snprintf(section->mid, sizeof(section->mid), "%s", mid);
	section->direction = DESC_SENDONLY;
	section->in_bundle = section->rtcp_mux = true;
	section->codecs_used = 1;
	section->codecs[0] = (struct desc_codec){.payload_type = type,
		.rtx_payload_type = kind == DESC_VIDEO ? type + 1 : 0,
		.channels = kind == DESC_AUDIO ? 2 : 0,
		.clock_rate = kind == DESC_AUDIO ? 48000 : 90000,
		.feedback = DESC_FB_NACK | DESC_FB_PLI | DESC_FB_TRANSPORT_CC};
	snprintf(section->codecs[0].name, sizeof(section->codecs[0].name), "%s", codec);
	section->extensions_used = 2;
	section->extensions[0] = (struct desc_extension){4, DESC_EXT_MID, DESC_SENDRECV};
	section->extensions[1] = (struct desc_extension){3, DESC_EXT_TRANSPORT_CC, DESC_SENDRECV};
	section->encodings_used = 1;
	section->encodings[0].ssrc = 1000u * kind + 1;
	section->encodings[0].rtx_ssrc = kind == DESC_VIDEO ? 1000u * kind + 2 : 0;
	snprintf(section->stream, sizeof(section->stream), "stream");
	snprintf(section->track, sizeof(section->track), "track-%s", mid);
	return section;
}

// Who the peer is: its certificate and its ICE credentials.
static inline void set_peer(struct desc *desc, uint8_t number)
{
	snprintf(desc->ufrag, sizeof(desc->ufrag), "peer%u", number);
	snprintf(desc->password, sizeof(desc->password), "password-of-the-peer-number-%u", number);
	desc->setup = DESC_ACTPASS;
	desc->fingerprint.length = 32;
	strcpy(desc->fingerprint.algorithm, "sha-256");
	memset(desc->fingerprint.value, number, 32);
}

static inline void make_offer(struct desc *desc, uint8_t number)
{
	memset(desc, 0, sizeof(*desc));
	set_peer(desc, number);
	add_section(desc, DESC_AUDIO, "0", "opus", 111);
	add_section(desc, DESC_VIDEO, "1", "VP8", 96);
}

// The answer of a peer that takes everything an offer of ours has.
static inline void make_answer(struct desc *answer, const struct desc *offer, uint8_t number)
{
	*answer = *offer;
	set_peer(answer, number);
	answer->setup = DESC_ACTIVE;
	answer->candidates_used = 0;
	for (unsigned i = 0; i < answer->sections_used; i++)
		answer->sections[i].direction = DESC_RECVONLY;
}

// ---- what people do

static inline struct core_participant_id join_as(
	struct core *core, const char *room, const char *identity, bool pairs, uint64_t now_ms)
{
	struct core_participant_id id = {0};
	bool resumed;
	const struct core_join request = {.room = room,
		.pairs = pairs,
		.outlives = pairs,
		.identity = identity,
		.name = identity,
		.dialect = "sfu",
		.visible = true,
		.can_publish = true,
		.can_subscribe = true,
		.link = &why,
		.now_ms = now_ms};
	assert_int_equal(core_join(core, &request, &id, &resumed), 0);
	return id;
}

static inline struct core_participant_id join(
	struct core *core, const char *room, const char *identity, uint64_t now_ms)
{
	return join_as(core, room, identity, false, now_ms);
}

static inline void publish(
	struct core *core, struct core_participant_id id, uint8_t number, uint64_t now_ms)
{
	static struct desc offer, answer;
	make_offer(&offer, number);
	assert_int_equal(core_publish(core, id, &offer, &answer, now_ms), 0);
}

static inline void subscribe(struct core *core, struct core_participant_id id,
	const char *publisher, uint8_t number, uint64_t now_ms)
{
	static struct desc offer, answer;
	assert_int_equal(core_subscribe(core, id, publisher, &offer, now_ms), 0);
	make_answer(&answer, &offer, number);
	assert_int_equal(core_subscribe_answer(core, id, publisher, &answer, now_ms), 0);
}

// ICE and DTLS of a transport are done.
static inline void connect_transport(
	struct core *core, struct core_transport_id id, uint8_t number, uint64_t now_ms)
{
	struct core_path path = {
		.remote = {.ip = {[10] = 0xff, 0xff, 192, 0, 2, number}, .port = 5000},
		.local = {.ip = {[10] = 0xff, 0xff, 192, 0, 2, 254}, .port = 7000},
		.remote_mac = {2, 0, 0, 0, 0, number}};
	struct core_keys keys = {.profile = 7, .key_length = 16, .salt_length = 12};
	memset(keys.receive_key, number, 16);
	memset(keys.send_key, number + 1, 16);
	memset(keys.receive_salt, number + 2, 12);
	memset(keys.send_salt, number + 3, 12);
	path.remote.port += (uint16_t)id.index;
	assert_int_equal(core_transport_path(core, id, &path, true, now_ms), 0);
	assert_int_equal(core_transport_keys(core, id, &keys, now_ms), 0);
}

static inline void connect_all(struct core *core, uint64_t now_ms)
{
	for (const struct core_transport *t = NULL; (t = core_transport_next(core, t));)
		if (!t->has_keys)
			connect_transport(core, t->id, (uint8_t)(t->id.index + 1), now_ms);
}

static inline void both_ways(struct desc *desc)
{
	for (unsigned i = 0; i < desc->sections_used; i++)
		desc->sections[i].direction = DESC_SENDRECV;
}

// Two members pair: 2 transports, 4 publications, 4 subscriptions. `number` names their certificates.
static inline void pair_up(struct core *core, const struct core_participant_id who[2],
	uint8_t number, const char *ufrag, uint64_t now_ms)
{
	static struct desc said;
	make_offer(&said, number);
	both_ways(&said);
	snprintf(said.ufrag, sizeof(said.ufrag), "%s", ufrag);
	assert_int_equal(core_pair_offer(core, who[0], who[1], &said, now_ms), 0);
	core_dispatch(core);
	make_answer(&said, &heard, (uint8_t)(number + 1));
	both_ways(&said);
	assert_int_equal(core_pair_answer(core, who[1], who[0], &said, now_ms), 0);
	core_dispatch(core);
	connect_all(core, now_ms);
}

// Ada publishes, Bob publishes and watches Ada; everything is connected: 3 transports, 4 publications,
// 2 subscriptions.
static inline void make_call(struct core *core, uint64_t now_ms)
{
	struct core_participant_id ada = join(core, "room", "ada", now_ms);
	struct core_participant_id bob = join(core, "room", "bob", now_ms);
	publish(core, ada, 10, now_ms);
	publish(core, bob, 20, now_ms);
	subscribe(core, bob, "ada", 30, now_ms);
	connect_all(core, now_ms);
}
