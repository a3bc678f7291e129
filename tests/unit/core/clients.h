// SPDX-License-Identifier: Apache-2.0
// Clients of a peer-to-peer dialect: each keeps what it hears and answers as a browser would.
#pragma once

#include "world.h"

enum { CLIENTS = 8 };

struct client {
	const char *name; // also its link
	uint8_t who; // names its certificate and ICE
	struct core_participant_id id;
	unsigned offers, answers, gone; // heard since client_forget
	struct core_participant_id from; // the last of those was about
	char why[TEXT];
	struct desc offer, answer; // last heard
	struct desc said; // last it made
};

static struct client clients[CLIENTS];
static unsigned clients_used;

static inline void clients_hear(struct world *, const struct core_event *event)
{
	struct client *client = NULL;

	for (unsigned i = 0; i < clients_used; i++)
		if (clients[i].name == event->link)
			client = &clients[i];
	if (!client || event->type < CORE_EVENT_PAIR_OFFER)
		return;
	client->from = event->who;
	if (event->type == CORE_EVENT_PAIR_OFFER) {
		client->offers++;
		client->offer = *event->desc;
	} else if (event->type == CORE_EVENT_PAIR_ANSWER) {
		client->answers++;
		client->answer = *event->desc;
	} else {
		client->gone++;
		snprintf(client->why, sizeof(client->why), "%s", event->text);
	}
}

static inline void clients_begin(struct world *world)
{
	world_begin(world);
	world->on_event = clients_hear;
	clients_used = 0;
}

static inline struct core_join client_join(const char *name, bool pairs)
{
	struct core_join join = world_join("r", name, (void *)name);

	join.pairs = pairs;
	return join;
}

static inline struct client *client_enter(struct world *world, const char *name, bool pairs)
{
	struct core_join join = client_join(name, pairs);
	struct client *client = &clients[clients_used++];
	bool resumed;

	memset(client, 0, sizeof(*client));
	client->name = name;
	client->who = (uint8_t)(10 * clients_used);
	assert_int_equal(core_join(world->core, &join, &client->id, &resumed), 0);
	return client;
}

// Delivers, and forgets what was heard before.
static inline void clients_listen(struct world *world)
{
	for (unsigned i = 0; i < clients_used; i++)
		clients[i].offers = clients[i].answers = clients[i].gone = 0;
	world_told(world);
}

static inline bool client_is(const struct client *client, struct core_participant_id id)
{
	return client->id.index == id.index && client->id.generation == id.generation;
}

// ---- what clients say

static inline void client_data(struct desc *desc)
{
	struct desc_section *section = world_section(desc, DESC_APPLICATION);

	section->direction = DESC_SENDRECV;
	section->rtcp_mux = section->rtcp_rsize = false;
	section->extensions_used = section->encodings_used = 0;
	section->stream[0] = section->track[0] = '\0';
	section->sctp_port = 5001;
	section->max_message_size = 262144;
}

static inline void client_head(struct client *client)
{
	world_desc(&client->said, client->who);
	snprintf(client->said.sections[0].stream, DESC_ID_MAX, "%s", client->name);
}

static inline void client_directions(struct client *client, enum desc_direction direction)
{
	for (unsigned i = 0; i < client->said.sections_used; i++)
		if (client->said.sections[i].kind != DESC_APPLICATION)
			client->said.sections[i].direction = direction;
}

// Audio, video and data channels, both ways.
static inline void client_call(struct client *client)
{
	world_offer(&client->said, client->who);
	client_directions(client, DESC_SENDRECV);
	client_data(&client->said);
	for (unsigned i = 0; i < client->said.sections_used; i++)
		client->said.sections[i].encodings[0].ssrc += client->who * 1000U;
}

static inline int client_offer(struct world *world, struct client *client, const struct client *to)
{
	return core_pair_offer(world->core, client->id, to->id, &client->said, 2000);
}

// An answer to the last offer heard that takes everything, both ways.
static inline void client_accept(struct client *client)
{
	struct desc *said = &client->said;

	world_desc(said, client->who);
	said->setup = DESC_ACTIVE;
	said->sections_used = client->offer.sections_used;
	for (unsigned i = 0; i < said->sections_used; i++) {
		struct desc_section *section = &said->sections[i];
		unsigned direction = client->offer.sections[i].direction;

		*section = client->offer.sections[i];
		section->direction = (enum desc_direction)(
			(direction & DESC_SENDONLY) << 1 | (direction & DESC_RECVONLY) >> 1);
		section->encodings_used = 1;
		section->encodings[0] =
			(struct desc_encoding){.ssrc = client->who * 1000U + 100 * i,
				.rtx_ssrc = client->who * 1000U + 100 * i + 1};
		snprintf(section->stream, sizeof(section->stream), "%s", client->name);
	}
}

static inline int client_answer(struct world *world, struct client *client, const struct client *to)
{
	return core_pair_answer(world->core, client->id, to->id, &client->said, 3000);
}

// A whole call from `one` to `other`, connected.
static inline void clients_call(struct world *world, struct client *one, struct client *other)
{
	client_call(one);
	assert_int_equal(client_offer(world, one, other), 0);
	clients_listen(world);
	assert_int_equal(other->offers, 1);
	client_accept(other);
	assert_int_equal(client_answer(world, other, one), 0);
	clients_listen(world);
	assert_int_equal(one->answers, 1);
	world_connect(world, 3000);
	world_told(world);
}
