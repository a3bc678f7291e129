// SPDX-License-Identifier: Apache-2.0
#include "pairs.h"

static struct client *a, *b;

static void begin(struct world *world)
{
	clients_begin(world);
	a = client_enter(world, "a", true);
	b = client_enter(world, "b", true);
	clients_listen(world);
}

// ---- two clients that pair

static void test_offer_is_passed_on_with_our_transport(void **)
{
	struct world world;
	const struct desc *offer;

	begin(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(WORLD_COUNT(&world, transports), 1);
	assert_int_equal(rows(&world), 1);
	clients_listen(&world);
	assert_int_equal(a->answers + a->gone, 0);
	assert_int_equal(b->offers, 1);
	assert_true(client_is(a, b->from));
	offer = &b->offer;
	assert_int_equal(offer->setup, DESC_ACTPASS);
	assert_int_equal(offer->fingerprint.value[0], 0xaa);
	assert_true(offer->ice_lite && offer->extmap_allow_mixed && offer->candidates_used == 1);
	assert_string_equal(offer->ufrag, client_leg(&world, b, a)->local_ufrag);
	assert_int_equal(offer->sections_used, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(offer->sections[i].mid, a->said.sections[i].mid);
		assert_int_equal(offer->sections[i].kind, a->said.sections[i].kind);
		assert_int_equal(offer->sections[i].direction, DESC_SENDRECV);
		assert_true(offer->sections[i].in_bundle && !offer->sections[i].rejected);
	}
	assert_int_equal(offer->sections[0].codecs[0].payload_type, 111);
	assert_int_equal(offer->sections[1].codecs_used, 2);
	assert_int_equal(offer->sections[1].codecs[0].payload_type, 100);
	assert_int_equal(offer->sections[1].codecs[0].rtx_payload_type, 101);
	assert_int_equal(offer->sections[1].codecs[1].payload_type, 120);
	assert_int_equal(offer->sections[1].extensions[0].id, 4);
	assert_string_equal(offer->sections[1].stream, "stream");
	assert_string_equal(offer->sections[1].track, "track1");
	assert_int_not_equal(offer->sections[1].encodings[0].ssrc & 0x80000000, 0);
	assert_int_not_equal(offer->sections[1].encodings[0].rtx_ssrc, 0);
	assert_int_equal(offer->sections[2].sctp_port, 5001);
	assert_int_equal(offer->sections[2].max_message_size, 262144);
	world_end(&world);
}

static void test_answer_connects_both(void **)
{
	struct world world;
	const struct core_transport *one, *other;

	begin(&world);
	clients_call(&world, a, b);
	assert_int_equal(a->answer.setup, DESC_ACTIVE);
	assert_int_equal(a->answer.sections_used, 3);
	assert_int_equal(a->answer.sections[0].direction, DESC_SENDRECV);
	assert_int_equal(a->answer.sections[1].codecs_used, 1);
	assert_string_equal(a->answer.sections[1].codecs[0].name, "VP8");
	assert_string_equal(a->answer.sections[1].stream, "b");
	assert_false(a->answer.sections[2].rejected);
	one = client_leg(&world, a, b);
	other = client_leg(&world, b, a);
	assert_true(one->pair && other->pair);
	assert_int_equal(one->state, CORE_TRANSPORT_CONNECTED);
	assert_int_equal(one->transport_cc_extension_id, 3);
	assert_string_equal(a->answer.ufrag, one->local_ufrag);
	assert_ptr_equal(core_transport_partner(world.core, one->id), other);
	assert_ptr_equal(core_transport_partner(world.core, other->id), one);
	assert_true(one->data && other->data);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 4);
	for (enum desc_kind kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++) {
		expect_way(&world, one, other, kind);
		expect_way(&world, other, one, kind);
	}
	assert_int_equal(client_receives(&world, one, DESC_VIDEO)->ssrc,
		a->answer.sections[1].encodings[0].ssrc);
	assert_int_equal(client_receives(&world, other, DESC_VIDEO)->ssrc,
		b->offer.sections[1].encodings[0].ssrc);
	world_end(&world);
}

// With data channels one peer is DTLS's client and the other its server, as they have chosen.
static void test_roles_of_dtls(void **)
{
	static const struct {
		enum desc_setup offered, heard, answered, answer;
	} cases[] = {
		{DESC_ACTPASS, DESC_ACTPASS, DESC_ACTIVE, DESC_ACTIVE},
		{DESC_ACTPASS, DESC_ACTPASS, DESC_PASSIVE, DESC_PASSIVE},
		{DESC_ACTIVE, DESC_ACTIVE, DESC_PASSIVE, DESC_PASSIVE},
		{DESC_PASSIVE, DESC_PASSIVE, DESC_ACTIVE, DESC_ACTIVE},
	};
	struct world world;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&world);
		client_call(a);
		a->said.setup = cases[i].offered;
		assert_int_equal(client_offer(&world, a, b), 0);
		clients_listen(&world);
		assert_int_equal(b->offer.setup, cases[i].heard);
		client_accept(b);
		b->said.setup = cases[i].answered;
		assert_int_equal(client_answer(&world, b, a), 0);
		clients_listen(&world);
		assert_int_equal(a->answer.setup, cases[i].answer);
		assert_int_not_equal(client_leg(&world, a, b)->dtls_client,
			client_leg(&world, b, a)->dtls_client);
		world_end(&world);
	}
	begin(&world); // without them we are the server, whose SRTP profile wins
	client_call(a);
	a->said.sections_used--;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.setup, DESC_PASSIVE);
	assert_false(client_leg(&world, b, a)->dtls_client);
	world_end(&world);
}

static void test_directions(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	a->said.sections[0].direction = DESC_SENDONLY;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections[0].direction, DESC_SENDONLY);
	client_accept(b);
	b->said.sections[1].direction = DESC_SENDONLY; // takes no video
	b->said.sections[2].rejected = true;
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections[0].direction, DESC_RECVONLY);
	assert_int_equal(a->answer.sections[1].direction, DESC_SENDONLY);
	assert_true(a->answer.sections[2].rejected);
	assert_string_equal(a->answer.sections[2].mid, "m2");
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 2);
	assert_false(client_leg(&world, a, b)->data);
	world_end(&world);
}

static void test_answer_chooses_codec(void **)
{
	struct world world;
	const struct core_transport *one;

	begin(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	client_accept(b);
	b->said.sections[1].codecs[0] = b->said.sections[1].codecs[1];
	b->said.sections[1].codecs_used = 1;
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	one = client_leg(&world, a, b);
	assert_string_equal(a->answer.sections[1].codecs[0].name, "VP9");
	assert_int_equal(a->answer.sections[1].codecs[0].payload_type, 120);
	assert_string_equal(client_sends(&world, one, DESC_VIDEO)->codecs[0].name, "VP9");
	world_end(&world);
}

static void test_data_channels_alone(void **)
{
	struct world world;

	begin(&world);
	world_desc(&a->said, a->who);
	client_data(&a->said);
	a->said.sections[0].sctp_port = 0;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections[0].sctp_port, 5000);
	client_accept(b);
	b->said.sections[0].max_message_size = 65536;
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections_used, 1);
	assert_false(a->answer.sections[0].rejected);
	assert_int_equal(a->answer.sections[0].max_message_size, 65536);
	assert_true(client_leg(&world, a, b)->data && client_leg(&world, b, a)->data);
	assert_int_equal(rows(&world), 2);
	world_end(&world);
}

// A codec that the relay does not know, a kind that nobody knows, a section outside the bundle.
static void test_what_cannot_be_carried_is_rejected(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	world_section(&a->said, DESC_UNKNOWN);
	world_video(&a->said, "H999");
	a->said.sections[4].codecs_used = 1;
	world_video(&a->said, "VP8");
	a->said.sections[5].in_bundle = false;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections_used, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(b->offer.sections[i].rejected, i > 2);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(a->answer.sections[i].rejected, i > 2);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	world_end(&world);
}

static void test_rights_bound_directions(void **)
{
	struct world world;
	struct core_join join = client_join("c", true);
	struct client *c;
	bool resumed;

	begin(&world);
	c = &clients[clients_used++];
	memset(c, 0, sizeof(*c));
	c->name = join.link = "c";
	c->who = 77;
	join.can_publish = false;
	assert_int_equal(core_join(world.core, &join, &c->id, &resumed), 0);
	client_call(a);
	assert_int_equal(client_offer(&world, a, c), 0);
	clients_listen(&world);
	assert_int_equal(c->offer.sections[0].direction, DESC_SENDONLY);
	client_accept(c);
	client_directions(c, DESC_SENDRECV); // it does not care
	assert_int_equal(client_answer(&world, c, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections[1].direction, DESC_RECVONLY);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	world_end(&world);
}

static void test_bad_descriptions_and_members(void **)
{
	struct world world;
	struct client *c;
	struct core_participant_id stranger;

	begin(&world);
	c = client_enter(&world, "c", false);
	stranger = world_enter(&world, "elsewhere", "s");
	client_call(a);
	assert_int_equal(
		core_pair_offer(world.core, a->id, stranger, &a->said, 1), -CORE_NOT_MEMBER);
	assert_int_equal(client_offer(&world, a, a), -CORE_STATE);
	assert_int_equal(core_pair_offer(world.core, c->id, a->id, &a->said, 1), -CORE_STATE);
	assert_int_equal(core_pair_answer(world.core, b->id, a->id, &a->said, 1), -CORE_STATE);
	assert_int_equal(core_pair_close(world.core, a->id, b->id), -CORE_STATE);
	a->said.fingerprint.length = 0;
	assert_int_equal(client_offer(&world, a, b), -CORE_BAD_DESC);
	client_call(a);
	memcpy(a->said.sections[1].mid, a->said.sections[0].mid, DESC_MID_MAX);
	assert_int_equal(client_offer(&world, a, b), -CORE_BAD_DESC);
	world_desc(&a->said, 1);
	assert_int_equal(client_offer(&world, a, b), -CORE_BAD_DESC);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	client_accept(b);
	b->said.sections_used--;
	assert_int_equal(client_answer(&world, b, a), -CORE_BAD_DESC);
	client_accept(b);
	b->said.ufrag[0] = '\0';
	assert_int_equal(client_answer(&world, b, a), -CORE_BAD_DESC);
	client_accept(b);
	b->said.sections[0].kind = DESC_VIDEO;
	assert_int_equal(client_answer(&world, b, a), -CORE_BAD_DESC);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	assert_int_equal(client_answer(&world, b, a), -CORE_STATE);
	core_leave(world.core, b->id);
	assert_int_equal(client_offer(&world, a, b), -CORE_GONE);
	world_end(&world);
}

// ---- later offers

static void test_ice_restart(void **)
{
	struct world world;
	char ufrag[CORE_UFRAG_MAX], far[CORE_UFRAG_MAX];
	struct core_transport_id leg;

	begin(&world);
	clients_call(&world, a, b);
	leg = client_leg(&world, a, b)->id;
	strcpy(ufrag, client_leg(&world, a, b)->local_ufrag);
	strcpy(far, client_leg(&world, b, a)->local_ufrag);
	client_call(a);
	strcpy(a->said.ufrag, "again");
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_string_equal(b->offer.ufrag, far);
	assert_string_equal(b->offer.sections[1].mid, "m1");
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_string_not_equal(a->answer.ufrag, ufrag);
	assert_int_equal(client_leg(&world, a, b)->id.generation, leg.generation);
	assert_true(client_leg(&world, a, b)->has_keys);
	assert_ptr_equal(core_transport_by_ufrag(world.core, ufrag, strlen(ufrag)),
		client_leg(&world, a, b));
	assert_string_equal(client_leg(&world, b, a)->local_ufrag, far);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	world_end(&world);
}

static void test_track_is_added_and_removed(void **)
{
	struct world world;
	uint32_t ssrc;

	begin(&world);
	clients_call(&world, a, b);
	ssrc = client_receives(&world, client_leg(&world, b, a), DESC_VIDEO)->ssrc;
	client_call(a);
	world_video(&a->said, "VP8");
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections_used, 4);
	assert_int_equal(b->offer.sections[1].encodings[0].ssrc, ssrc);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(WORLD_COUNT(&world, publications), 5);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 5);
	// now the other side offers, and takes its video back
	client_accept(b);
	b->said.setup = DESC_ACTPASS;
	b->said.sections[1].direction = DESC_RECVONLY;
	assert_int_equal(client_offer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections_used, 4);
	assert_int_equal(a->offer.sections[1].direction, DESC_RECVONLY);
	client_accept(a);
	assert_int_equal(client_answer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->answers, 1);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_int_equal(client_receives(&world, client_leg(&world, b, a), DESC_VIDEO)->ssrc, ssrc);
	world_end(&world);
}

// The caller has begun anew (another certificate), the callee's PeerConnection goes on.
static void test_offerer_reloads(void **)
{
	struct world world;
	struct core_transport_id leg, far;
	uint32_t ssrc;

	begin(&world);
	clients_call(&world, a, b);
	leg = client_leg(&world, a, b)->id;
	far = client_leg(&world, b, a)->id;
	ssrc = client_receives(&world, client_leg(&world, b, a), DESC_AUDIO)->ssrc;
	a->who++;
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_true(client_leg(&world, b, a)->asked);
	assert_string_equal(b->offer.ufrag, client_leg(&world, b, a)->local_ufrag);
	assert_int_not_equal(client_leg(&world, b, a)->previous_ufrag[0], 0);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_false(client_leg(&world, b, a)->asked);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	assert_null(core_transport(world.core, leg));
	assert_int_equal(client_leg(&world, b, a)->id.generation, far.generation);
	assert_ptr_equal(core_transport_partner(world.core, far), client_leg(&world, a, b));
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_int_equal(client_receives(&world, client_leg(&world, b, a), DESC_AUDIO)->ssrc, ssrc);
	assert_int_equal(core_participant(world.core, a->id)->publishing.generation,
		client_leg(&world, a, b)->id.generation);
	world_end(&world);
}

// Each leg shows another of our certificates; one that takes its place in a session shows the same.
static void test_certificates_alternate(void **)
{
	struct core_local local = {.fingerprint = {"sha-256", 32, {1}}, .leg_fingerprints_used = 3};
	struct core_limits limits = world_limits();
	struct world world;
	uint8_t before = 0;

	begin(&world);
	for (uint8_t i = 0; i < 3; i++)
		local.leg_fingerprints[i] =
			(struct desc_fingerprint){"sha-256", 32, {(uint8_t)(100 + i)}};
	core_configure(world.core, &limits, &local);
	for (unsigned i = 0; i < 5; i++) {
		clients_call(&world, a, b);
		assert_int_equal(b->offer.fingerprint.value[0], 100 + i % 3);
		assert_int_equal(a->answer.fingerprint.value[0], 100 + i % 3);
		assert_int_not_equal(b->offer.fingerprint.value[0], before);
		before = b->offer.fingerprint.value[0];
		client_call(a); // it goes on: the same
		assert_int_equal(client_offer(&world, a, b), 0);
		clients_listen(&world);
		assert_int_equal(b->offer.fingerprint.value[0], before);
		client_accept(b);
		assert_int_equal(client_answer(&world, b, a), 0);
		core_pair_close(world.core, a->id, b->id);
		clients_listen(&world);
	}
	clients_call(&world, a, b);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	b->who++;
	client_accept(b);
	b->said.setup = DESC_PASSIVE; // takes a transport of its own, under what was offered
	assert_int_equal(client_answer(&world, b, a), 0);
	assert_int_equal(client_leg(&world, b, a)->certificate, b->offer.fingerprint.value[0] - 99);
	world_end(&world);
}

// Both have: the callee makes a new PeerConnection for each offer.
static void test_both_begin_anew(void **)
{
	struct world world;
	char ufrag[CORE_UFRAG_MAX];

	begin(&world);
	clients_call(&world, a, b);
	for (unsigned round = 0; round < 2; round++) {
		a->who++;
		client_call(a);
		assert_int_equal(client_offer(&world, a, b), 0);
		clients_listen(&world);
		strcpy(ufrag, b->offer.ufrag);
		b->who++;
		client_accept(b);
		b->said.setup = round ? DESC_PASSIVE : DESC_ACTIVE; // then we are the client
		assert_int_equal(client_answer(&world, b, a), 0);
		clients_listen(&world);
		assert_int_equal(a->answers, 1);
		assert_int_equal(WORLD_COUNT(&world, transports), 2);
		assert_string_equal(client_leg(&world, b, a)->local_ufrag, ufrag);
		assert_ptr_equal(core_transport_by_ufrag(world.core, ufrag, strlen(ufrag)),
			client_leg(&world, b, a));
		assert_int_equal(client_leg(&world, b, a)->fingerprint.value[0], b->who);
		assert_int_equal(client_leg(&world, b, a)->dtls_client, round);
		assert_int_equal(WORLD_COUNT(&world, publications), 4);
		assert_int_equal(WORLD_COUNT(&world, subscriptions), 4);
		world_connect(&world, 3000);
		world_told(&world);
	}
	world_end(&world);
}

static void test_newest_offer_counts(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	for (unsigned i = 0; i < 3; i++) {
		world_video(&a->said, "VP8");
		assert_int_equal(client_offer(&world, a, b), 0);
	}
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	assert_int_equal(b->offer.sections_used, 3);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 0);
	assert_int_equal(b->offers, 1);
	assert_int_equal(b->offer.sections_used, 6);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_int_equal(a->answer.sections_used, 6);
	assert_int_equal(WORLD_COUNT(&world, publications), 5 + 2); // the new ones only send
	world_end(&world);
}

// A client that has not understood an offer does not answer it: the next one does not wait for that.
static void test_an_offer_that_is_not_understood(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	a->who++; // it begins anew, twice
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	a->who++;
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offers, 1); // at once
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0); // the same connection: this waits
	clients_listen(&world);
	assert_int_equal(b->offers, 0);
	core_tick(world.core, 3999);
	clients_listen(&world);
	assert_int_equal(b->offers, 0);
	core_tick(world.core, 4000);
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	assert_string_equal(b->offer.ufrag, client_leg(&world, b, a)->local_ufrag);
	assert_int_not_equal(client_leg(&world, b, a)->previous_ufrag[0], 0);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_int_equal(client_leg(&world, a, b)->fingerprint.value[0], a->who);
	assert_int_equal(rows(&world), 10);
	world_end(&world);
}

// ---- offers that cross

static void test_offers_cross(void **)
{
	struct world world;
	const struct core_transport *one, *other;

	begin(&world);
	client_call(a);
	client_call(b);
	b->said.sections[2].kind = DESC_UNKNOWN; // it wants no data channels
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(client_offer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->offers, 0); // what it has said is enough
	assert_int_equal(b->offers, 1);
	assert_int_equal(a->answers, 1);
	assert_int_equal(b->answers, 1);
	assert_int_equal(b->answer.setup, DESC_PASSIVE);
	assert_string_equal(b->answer.ufrag, b->offer.ufrag);
	assert_true(a->answer.sections[2].rejected && b->answer.sections[2].rejected);
	one = client_leg(&world, a, b);
	other = client_leg(&world, b, a);
	for (enum desc_kind kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++) {
		expect_way(&world, one, other, kind);
		expect_way(&world, other, one, kind);
	}
	// a client that rolls back answers ours
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 0);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	for (enum desc_kind kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++) {
		expect_way(&world, one, other, kind);
		expect_way(&world, other, one, kind);
	}
	assert_int_equal(client_answer(&world, b, a), -CORE_STATE);
	world_end(&world);
}

static void test_newest_of_crossed_offers(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	strcpy(a->said.ufrag, "newer");
	assert_int_equal(client_offer(&world, a, b), 0);
	client_call(b);
	assert_int_equal(client_offer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_string_equal(client_leg(&world, a, b)->remote_ufrag, "newer");
	world_end(&world);
}

static void test_crossed_sections_differ(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	world_desc(&b->said, b->who); // video first, and no audio
	world_video(&b->said, "VP9");
	client_directions(b, DESC_SENDRECV);
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(client_offer(&world, b, a), 0);
	clients_listen(&world);
	assert_true(a->answer.sections[0].rejected && a->answer.sections[2].rejected);
	assert_false(a->answer.sections[1].rejected);
	assert_string_equal(a->answer.sections[1].codecs[0].name, "VP9");
	assert_int_equal(b->answer.sections_used, 1);
	// a later offer keeps the other's order
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections_used, 3);
	assert_int_equal(b->offer.sections[0].kind, DESC_VIDEO);
	assert_string_equal(b->offer.sections[0].mid, "m0");
	assert_int_equal(b->offer.sections[1].kind, DESC_AUDIO);
	assert_string_not_equal(b->offer.sections[1].mid, "m0");
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections[0].kind, DESC_AUDIO);
	assert_false(a->answer.sections[0].rejected);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	world_end(&world);
}

// ---- ends

static void test_nobody_answers(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	core_tick(world.core, 31999);
	clients_listen(&world);
	assert_int_equal(a->gone, 0);
	core_tick(world.core, 32000);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_true(client_is(b, a->from));
	assert_string_equal(a->why, "the offer was not answered in time");
	assert_int_equal(rows(&world), 0);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), -CORE_STATE);
	// a change that is not answered does not end the call
	clients_call(&world, a, b);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	core_transport_heard(world.core, client_leg(&world, a, b)->id, 31000);
	core_transport_heard(world.core, client_leg(&world, b, a)->id, 31000);
	core_tick(world.core, 33000);
	clients_listen(&world);
	assert_int_equal(a->gone + b->gone, 0);
	assert_int_equal(rows(&world), 10);
	assert_int_equal(client_answer(&world, b, a), -CORE_STATE);
	world_end(&world);
}

// The caller has begun anew, so the other leg's ICE is restarted by our offer: without an answer the old
// session is no use to anybody.
static void test_nobody_answers_a_reload(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	a->who++;
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	core_tick(world.core, 14000); // what it has now stays valid while it is asked
	assert_int_not_equal(client_leg(&world, b, a)->previous_ufrag[0], 0);
	core_transport_heard(world.core, client_leg(&world, a, b)->id, 31000);
	core_transport_heard(world.core, client_leg(&world, b, a)->id, 31000);
	core_tick(world.core, 32000);
	clients_listen(&world);
	assert_int_equal(a->gone + b->gone, 2);
	assert_string_equal(a->why, "the offer was not answered in time");
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

// A rejected section comes back as another one, under another mid.
static void test_section_is_used_again(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	client_call(a);
	a->said.sections[1].rejected = true;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_true(b->offer.sections[1].rejected);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	client_call(a);
	strcpy(a->said.sections[1].mid, "new");
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offer.sections_used, 3);
	assert_string_equal(b->offer.sections[1].mid, "new");
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	expect_way(&world, client_leg(&world, a, b), client_leg(&world, b, a), DESC_VIDEO);
	world_end(&world);
}

static void test_close(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	assert_int_equal(core_pair_close(world.core, b->id, a->id), 0);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_int_equal(b->gone, 0);
	assert_int_equal(rows(&world), 0);
	client_call(a); // an offer that is taken back
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(core_pair_close(world.core, a->id, b->id), 0);
	clients_listen(&world);
	assert_int_equal(b->gone, 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

static void test_leaving(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	assert_int_equal(core_leave(world.core, a->id), 0);
	clients_listen(&world);
	assert_int_equal(b->gone, 1);
	assert_true(client_is(a, b->from));
	assert_string_equal(b->why, "it has left");
	assert_int_equal(rows(&world), 0);
	assert_int_equal(WORLD_COUNT(&world, participants), 1);
	a = client_enter(&world, "a", true);
	clients_call(&world, b, a);
	assert_int_equal(core_kick(world.core, b->id, "rules"), 0);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

static void test_transport_fails(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	assert_int_equal(core_transport_close(
				 world.core, client_leg(&world, b, a)->id, "the peer closed DTLS"),
		0);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_int_equal(b->gone, 1);
	assert_string_equal(a->why, "the peer closed DTLS");
	assert_int_equal(rows(&world), 0);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, NULL), 0);
	world_end(&world);
}

static void test_grace(void **)
{
	struct world world;

	begin(&world);
	clients_call(&world, a, b);
	core_unlink(world.core, a->id, false, 4000);
	core_transport_heard(world.core, client_leg(&world, a, b)->id, 33999);
	core_transport_heard(world.core, client_leg(&world, b, a)->id, 33999);
	core_tick(world.core, 33999);
	clients_listen(&world);
	assert_int_equal(b->gone, 0);
	core_tick(world.core, 34000);
	clients_listen(&world);
	assert_int_equal(b->gone, 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

// A client of dialect 000 closes its socket once it is connected.
static void test_outliving_the_socket(void **)
{
	struct world world;
	struct core_join join = client_join("c", true);
	struct client *c;
	bool resumed;

	begin(&world);
	c = client_enter(&world, "c", true);
	join.outlives = true;
	join.link = (void *)c->name;
	assert_int_equal(core_join(world.core, &join, &c->id, &resumed), 0);
	assert_true(resumed);
	clients_call(&world, a, c);
	core_unlink(world.core, c->id, true, 4000);
	for (uint64_t now = 4000; now < 200000; now += 10000) {
		core_transport_heard(world.core, client_leg(&world, a, c)->id, now);
		core_transport_heard(world.core, client_leg(&world, c, a)->id, now);
		core_tick(world.core, now);
	}
	clients_listen(&world);
	assert_int_equal(a->gone, 0);
	assert_int_equal(rows(&world), 10);
	// its caller restarts ICE, adds and mutes: there is nobody to ask
	client_call(a);
	strcpy(a->said.ufrag, "again");
	world_video(&a->said, "VP8");
	assert_int_equal(client_offer(&world, a, c), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_int_equal(a->answer.sections[1].direction, DESC_SENDRECV);
	assert_int_equal(a->answer.sections[3].direction, DESC_RECVONLY);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	expect_way(&world, client_leg(&world, a, c), client_leg(&world, c, a), DESC_VIDEO);
	expect_way(&world, client_leg(&world, c, a), client_leg(&world, a, c), DESC_VIDEO);
	// DTLS ends, and with it the participant
	core_transport_close(world.core, client_leg(&world, c, a)->id, "the peer closed DTLS");
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_null(core_participant(world.core, c->id));
	// without a transport the socket's end is the end
	join.link = (void *)c->name;
	assert_int_equal(core_join(world.core, &join, &c->id, &resumed), 0);
	core_unlink(world.core, c->id, true, 200000);
	assert_null(core_participant(world.core, c->id));
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_is_passed_on_with_our_transport),
		cmocka_unit_test(test_answer_connects_both),
		cmocka_unit_test(test_roles_of_dtls),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_answer_chooses_codec),
		cmocka_unit_test(test_data_channels_alone),
		cmocka_unit_test(test_what_cannot_be_carried_is_rejected),
		cmocka_unit_test(test_rights_bound_directions),
		cmocka_unit_test(test_bad_descriptions_and_members),
		cmocka_unit_test(test_ice_restart),
		cmocka_unit_test(test_track_is_added_and_removed),
		cmocka_unit_test(test_offerer_reloads),
		cmocka_unit_test(test_certificates_alternate),
		cmocka_unit_test(test_both_begin_anew),
		cmocka_unit_test(test_newest_offer_counts),
		cmocka_unit_test(test_an_offer_that_is_not_understood),
		cmocka_unit_test(test_newest_of_crossed_offers),
		cmocka_unit_test(test_offers_cross),
		cmocka_unit_test(test_crossed_sections_differ),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_nobody_answers_a_reload),
		cmocka_unit_test(test_section_is_used_again),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_transport_fails),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_outliving_the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
