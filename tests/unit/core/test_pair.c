// SPDX-License-Identifier: Apache-2.0
#include "core/model.h"
#include "pairs.h"

static struct client *a, *b;

static void begin(struct world *world)
{
	clients_begin(world);
	a = client_enter(world, "a", true);
	b = client_enter(world, "b", true);
	clients_listen(world);
}

static unsigned rows(const struct world *world)
{
	return WORLD_COUNT(world, transports) + WORLD_COUNT(world, publications) +
	       WORLD_COUNT(world, subscriptions);
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

static void expect_way(const struct world *world, const struct core_transport *from,
	const struct core_transport *to, enum desc_kind kind)
{
	const struct core_publication *sent = client_sends(world, from, kind);
	const struct core_subscription *received = client_receives(world, to, kind);

	assert_non_null(sent);
	assert_non_null(received);
	assert_int_equal(received->publication.index, sent->id.index);
	assert_true(received->active && !received->paused);
	assert_int_not_equal(received->payload_type[0], 0);
	assert_int_equal(received->nack, kind == DESC_VIDEO);
	assert_int_equal(received->extension_id[DESC_EXT_MID], 4);
	assert_int_equal(received->extension_id[DESC_EXT_TRANSPORT_CC], 0);
}

static void test_answer_connects_both(void **)
{
	struct world world;
	const struct core_transport *one, *other;

	begin(&world);
	clients_call(&world, a, b);
	assert_int_equal(a->answer.setup, DESC_PASSIVE);
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

static void test_roles_of_dtls(void **)
{
	struct world world;

	begin(&world);
	client_call(a);
	a->said.setup = DESC_PASSIVE;
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	client_accept(b);
	b->said.setup = DESC_PASSIVE;
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.setup, DESC_ACTIVE);
	assert_true(client_leg(&world, a, b)->dtls_client);
	assert_true(client_leg(&world, b, a)->dtls_client);
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

// ---- what a pairing member sends can be seen by those who do not pair

static void test_room_is_shown_one_leg(void **)
{
	struct world world;
	static struct desc offer;
	struct client *c, *viewer;

	begin(&world);
	c = client_enter(&world, "c", true);
	viewer = client_enter(&world, "viewer", false);
	clients_listen(&world);
	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_PUBLISHED, viewer->name), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_PUBLISHED, c->name), 0);
	assert_true(core_publishes(world.core, a->id));
	clients_call(&world, c, a);
	assert_int_equal(core_subscribe(world.core, viewer->id, "a", &offer, 4000), 0);
	assert_int_equal(offer.sections_used, 2);
	world_answer(&viewer->said, &offer, 99);
	assert_int_equal(
		core_subscribe_answer(world.core, viewer->id, "a", &viewer->said, 4000), 0);
	assert_int_equal(core_pair_close(world.core, b->id, a->id), 0);
	clients_listen(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_PUBLISHED, viewer->name), 1); // c's leg
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, viewer->name), 1); // b's
	assert_int_equal(core_participant(world.core, a->id)->publishing.index,
		client_leg(&world, a, c)->id.index);
	assert_int_equal(core_subscribe(world.core, viewer->id, "a", &offer, 4000), 0);
	assert_int_equal(offer.sections_used, 2);
	assert_int_equal(
		core_subscribe(world.core, viewer->id, "b", &offer, 4000), -CORE_NO_PUBLISHER);
	core_leave(world.core, c->id);
	clients_listen(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, viewer->name), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, viewer->name), 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

// What is published on purpose is shown before what a leg carries.
static void test_publishing_beside_pairs(void **)
{
	struct world world;
	static struct desc offer, answer;

	begin(&world);
	clients_call(&world, a, b);
	world_offer(&offer, 50);
	assert_int_equal(core_publish(world.core, a->id, &offer, &answer, 4000), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 6);
	assert_false(client_leg(&world, a, b)->publishes);
	assert_true(world_up(&world, a->id)->publishes);
	assert_null(core_transport_partner(world.core, world_up(&world, a->id)->id));
	assert_int_equal(core_unpublish(world.core, a->id), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_true(client_leg(&world, a, b)->publishes);
	world_end(&world);
}

// ---- limits

static void *fail_all(size_t, size_t)
{
	return NULL;
}

static unsigned allowed;

static void *fail_after(size_t count, size_t size)
{
	return allowed-- ? calloc(count, size) : NULL;
}

// Any allocation may fail: the verb does nothing then.
static void test_no_memory(void **)
{
	struct world world;
	int error = -CORE_FULL;

	begin(&world);
	client_call(a);
	core_allocate = fail_all;
	assert_int_equal(client_offer(&world, a, b), -CORE_FULL);
	for (unsigned i = 0; i < 100 && error; i++) {
		allowed = i;
		core_allocate = fail_after;
		error = client_offer(&world, a, b);
		assert_true(!error || (error == -CORE_FULL && rows(&world) == 0));
	}
	core_allocate = calloc;
	assert_int_equal(error, 0);
	clients_listen(&world);
	client_accept(b);
	error = -CORE_FULL;
	for (unsigned i = 0; i < 100 && error; i++) {
		allowed = i;
		core_allocate = fail_after;
		error = client_answer(&world, b, a);
		assert_true(!error || (error == -CORE_FULL && rows(&world) == 1));
	}
	core_allocate = calloc;
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	world_end(&world);
}

static void test_full_tables(void **)
{
	struct core_limits limits = world_limits();
	struct world world;

	limits.transports = 2;
	limits.subscriptions = 4;
	limits.publications = 3;
	world_begin_with(&world, &limits);
	world.on_event = clients_hear;
	clients_used = 0;
	a = client_enter(&world, "a", true);
	b = client_enter(&world, "b", true);
	struct client *c = client_enter(&world, "c", true);

	client_call(a);
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(client_offer(&world, a, c), -CORE_FULL);
	clients_listen(&world);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, a), -CORE_FULL);
	assert_int_equal(rows(&world), 1);
	client_accept(b);
	b->said.sections[1].direction = DESC_RECVONLY;
	assert_int_equal(client_answer(&world, b, a), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 3);
	world_end(&world);
}

// ---- after a crash of control

static void test_restored_pair_goes_on(void **)
{
	struct world world, again;
	char ufrag[CORE_UFRAG_MAX];

	begin(&world);
	clients_call(&world, a, b);
	world_restore(&again, &world);
	again.on_event = clients_hear;
	assert_int_equal(rows(&again), 10);
	assert_ptr_equal(core_transport_partner(again.core, client_leg(&again, a, b)->id),
		client_leg(&again, b, a));
	assert_true(core_participant(again.core, a->id)->pairs);
	assert_int_equal(core_participant(again.core, a->id)->publishing.index,
		core_participant(world.core, a->id)->publishing.index);
	assert_true(client_leg(&again, a, b)->publishes);
	assert_false(client_leg(&again, a, b)->data);
	// the caller is back first: its ICE restart is answered for the other
	for (unsigned round = 0; round < 2; round++) {
		struct core_join join = client_join(round ? "b" : "a", true);
		struct client *client = round ? b : a;
		bool resumed;

		join.link = (void *)client->name;
		assert_int_equal(core_join(again.core, &join, &client->id, &resumed), 0);
		assert_true(resumed);
		client_call(a);
		snprintf(a->said.ufrag, sizeof(a->said.ufrag), "round%u", round);
		strcpy(ufrag, client_leg(&again, a, b)->local_ufrag);
		assert_int_equal(client_offer(&again, a, b), 0);
		clients_listen(&again);
		assert_int_equal(b->offers, round);
		if (round) {
			assert_string_equal(b->offer.sections[1].mid, "m1");
			client_accept(b);
			assert_int_equal(client_answer(&again, b, a), 0);
			clients_listen(&again);
		}
		assert_int_equal(a->answers, 1);
		assert_string_not_equal(a->answer.ufrag, ufrag);
		assert_int_equal(rows(&again), 10);
		expect_way(&again, client_leg(&again, a, b), client_leg(&again, b, a), DESC_VIDEO);
		expect_way(&again, client_leg(&again, b, a), client_leg(&again, a, b), DESC_VIDEO);
	}
	assert_true(client_leg(&again, a, b)->data); // negotiated anew
	world_end(&again);
	world_end(&world);
}

// What cannot go on is dropped with its other half: a leg without keys, data channels alone, an offer.
static void test_unfinished_pairs_are_not_restored(void **)
{
	struct world world, again;
	struct client *c;

	for (unsigned way = 0; way < 3; way++) {
		begin(&world);
		c = client_enter(&world, "c", true);
		if (way == 2)
			world_desc(&a->said, a->who);
		else
			client_call(a);
		if (way == 2)
			client_data(&a->said);
		assert_int_equal(client_offer(&world, a, b), 0);
		clients_listen(&world);
		client_accept(b);
		if (way)
			assert_int_equal(client_answer(&world, b, a), 0);
		if (way == 1) { // only one side has its keys
			struct core_path path = world_path(1, 5000);
			struct core_keys keys = world_keys(1);

			core_transport_path(
				world.core, client_leg(&world, a, b)->id, &path, true, 1);
			core_transport_keys(world.core, client_leg(&world, a, b)->id, &keys, 1);
		} else if (way == 2) {
			world_connect(&world, 3000);
		}
		client_call(c);
		assert_int_equal(client_offer(&world, c, a), 0);
		world_restore(&again, &world);
		assert_int_equal(rows(&again), 0);
		assert_int_equal(WORLD_COUNT(&again, participants), 3);
		world_end(&again);
		world_end(&world);
	}
}

static void test_bad_rows_are_refused(void **)
{
	struct world world, again;
	struct core_transport row;

	begin(&world);
	clients_call(&world, a, b);
	world_begin(&again);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			core_restore_participant(again.core, &world.participants[i], "r"), 0);
	row = *client_leg(&world, a, b);
	row.sections_used = DESC_SECTIONS_MAX + 1;
	assert_int_equal(core_restore_transport(again.core, &row), -CORE_BAD_DESC);
	row = *client_leg(&world, a, b);
	memset(row.sections[0].mid, 'x', DESC_MID_MAX);
	assert_int_equal(core_restore_transport(again.core, &row), -CORE_BAD_DESC);
	row = *client_leg(&world, a, b);
	row.publisher = row.participant;
	assert_int_equal(core_restore_transport(again.core, &row), -CORE_EXISTS);
	row = *client_leg(&world, a, b);
	row.publisher = (struct core_participant_id){0};
	assert_int_equal(core_restore_transport(again.core, &row), -CORE_EXISTS);
	row = *client_leg(&world, a, b);
	for (unsigned i = 0; i < row.sections_used; i++)
		row.sections[i].partner = 99; // its other leg has no such section
	assert_int_equal(core_restore_transport(again.core, &row), 0);
	row.id.index += 10;
	strcpy(row.local_ufrag, "another");
	row.paths_used = 0;
	assert_int_equal(core_restore_transport(again.core, &row), -CORE_EXISTS);
	core_restore_done(again.core, 1);
	world_end(&again);
	world_end(&world);
}

// ---- any order

static const char *const names[] = {"a", "b", "c", "d", "e"};

static struct client *somebody(struct world *world)
{
	return &clients[world_draw(world) % clients_used];
}

static void say_something(struct world *world, struct client *client)
{
	static const char *const codecs[] = {"VP8", "VP9", "H264", "none"};

	world_desc(&client->said, (uint8_t)(client->who + world_draw(world) % 8 / 7));
	if (world_draw(world) % 4 == 0)
		strcpy(client->said.ufrag, "restart");
	for (uint64_t i = world_draw(world) % 4; i > 0; i--) {
		world_section(&client->said, (enum desc_kind)(1 + world_draw(world) % 4));
		client->said.sections_used--;
		if (world_draw(world) % 3 == 0)
			client_data(&client->said);
		else if (world_draw(world) % 2)
			world_audio(&client->said);
		else
			world_video(&client->said, codecs[world_draw(world) % 4]);
		struct desc_section *last = &client->said.sections[client->said.sections_used - 1];

		last->direction = (enum desc_direction)(world_draw(world) % 4);
		last->rejected = world_draw(world) % 8 == 0;
	}
}

static void answer_something(struct world *world, struct client *client)
{
	struct core_participant_id to = client->from;

	if (world_draw(world) % 8 == 0) {
		say_something(world, client);
	} else {
		client_accept(client);
		for (unsigned i = 0; i < client->said.sections_used; i++) {
			client->said.sections[i].rejected |= world_draw(world) % 8 == 0;
			if (world_draw(world) % 8 == 0)
				client->said.sections[i].direction =
					(enum desc_direction)(world_draw(world) % 4);
		}
		client->said.fingerprint.value[5] = world_draw(world) % 6 == 0;
		client->said.setup = world_draw(world) % 6 ? DESC_ACTIVE : DESC_PASSIVE;
	}
	core_pair_answer(world->core, client->id, to, &client->said, 3000);
}

static void join_something(struct world *world, struct client *client)
{
	struct core_join join = client_join(client->name, client - clients < 3);
	bool resumed;

	join.can_publish = world_draw(world) % 8 != 0;
	join.can_subscribe = world_draw(world) % 8 != 0;
	join.outlives = world_draw(world) % 4 == 0;
	core_join(world->core, &join, &client->id, &resumed);
}

static void media_something(struct world *world, struct client *client, struct client *other)
{
	static struct desc desc;

	say_something(world, client);
	switch (world_draw(world) % 4) {
	case 0:
		core_unpublish(world->core, client->id);
		break;
	case 1:
		if (!core_subscribe(world->core, client->id, other->name, &desc, 3000)) {
			world_answer(&client->said, &desc, client->who);
			core_subscribe_answer(
				world->core, client->id, other->name, &client->said, 3000);
		}
		break;
	default:
		core_publish(world->core, client->id, &client->said, &desc, 3000);
	}
}

static void end_something(struct world *world, struct client *client, struct client *other)
{
	const struct core_transport *one = core_transport_next(world->core, NULL);

	switch (world_draw(world) % 6) {
	case 0:
		core_leave(world->core, client->id);
		break;
	case 1:
		core_unlink(world->core, client->id, world_draw(world) % 2, 3000);
		break;
	case 2:
		core_kick(world->core, client->id, "why");
		break;
	case 3:
		core_pair_close(world->core, client->id, other->id);
		break;
	default:
		if (one)
			core_transport_close(world->core, one->id, "why");
	}
}

static void connect_something(struct world *world)
{
	core_allocate = calloc;
	world_connect(world, 3000);
}

static void do_something(struct world *world, uint64_t *now_ms)
{
	struct client *client = somebody(world), *other = somebody(world);

	switch (world_draw(world) % 16) {
	case 0:
		join_something(world, client);
		break;
	case 1:
	case 2:
		media_something(world, client, other);
		break;
	case 3:
		end_something(world, client, other);
		break;
	case 4:
		connect_something(world);
		break;
	case 5:
		*now_ms += world_draw(world) % 4000;
		core_tick(world->core, *now_ms);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		say_something(world, client);
		core_pair_offer(world->core, client->id, other->id, &client->said, *now_ms);
		break;
	case 10:
		client_call(client);
		core_pair_offer(world->core, client->id, other->id, &client->said, *now_ms);
		break;
	default:
		answer_something(world, client);
	}
}

static void expect_leg(const struct world *world, const struct core_transport *leg)
{
	const struct core_transport *partner = core_transport_partner(world->core, leg->id);
	const struct core_transport *other = NULL;

	assert_non_null(core_participant(world->core, leg->publisher));
	assert_int_equal(core_participant(world->core, leg->publisher)->room.index,
		core_participant(world->core, leg->participant)->room.index);
	assert_true(leg->sections_used <= DESC_SECTIONS_MAX);
	if (partner) {
		assert_ptr_equal(core_transport_partner(world->core, partner->id), leg);
		assert_int_equal(partner->participant.index, leg->publisher.index);
		assert_int_equal(partner->publisher.index, leg->participant.index);
	}
	while ((other = core_transport_next(world->core, other)) != NULL)
		assert_false(other != leg && other->pair &&
			     other->participant.index == leg->participant.index &&
			     other->publisher.index == leg->publisher.index);
}

static void expect_rows(const struct world *world)
{
	const struct core_transport *transport = NULL;
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	unsigned counts[3] = {0};

	while ((transport = core_transport_next(world->core, transport)) != NULL) {
		const struct core_transport *row = &world->transports[transport->id.index];
		struct core_transport_id shown =
			core_participant(world->core, transport->participant)->publishing;

		assert_int_equal(row->id.generation, transport->id.generation);
		assert_string_equal(row->local_ufrag, transport->local_ufrag);
		assert_memory_equal(
			&row->fingerprint, &transport->fingerprint, sizeof(row->fingerprint));
		assert_int_equal(row->publishes, transport->publishes);
		assert_int_equal(row->sections_used, transport->sections_used);
		if (transport->pair)
			expect_leg(world, transport);
		if (transport->pair && transport->publishes)
			assert_int_equal(shown.index, transport->id.index);
		counts[0]++;
	}
	while ((publication = core_publication_next(world->core, publication)) != NULL) {
		transport = core_transport(world->core, publication->transport);
		assert_non_null(transport);
		assert_int_equal(transport->participant.index, publication->participant.index);
		assert_true(transport->pair || !transport->publisher.generation);
		assert_memory_equal(&world->publications[publication->id.index], publication,
			sizeof(*publication));
		counts[1]++;
	}
	while ((subscription = core_subscription_next(world->core, subscription)) != NULL) {
		publication = core_publication(world->core, subscription->publication);
		transport = core_transport(world->core, subscription->transport);
		assert_int_equal(transport->publisher.index, publication->participant.index);
		assert_memory_equal(&world->subscriptions[subscription->id.index], subscription,
			sizeof(*subscription));
		counts[2]++;
	}
	assert_int_equal(counts[0], WORLD_COUNT(world, transports));
	assert_int_equal(counts[1], WORLD_COUNT(world, publications));
	assert_int_equal(counts[2], WORLD_COUNT(world, subscriptions));
}

static void everybody_leaves(struct world *world)
{
	const struct core_participant *one;

	clients_listen(world);
	while ((one = core_participant_next(world->core, NULL)) != NULL)
		assert_int_equal(core_leave(world->core, one->id), 0);
	assert_int_equal(rows(world), 0);
	assert_int_equal(((struct core *)world->core)->pending_bytes, 0);
	clients_listen(world);
}

static void run_one(struct world *world, uint64_t seed, unsigned steps)
{
	uint64_t now_ms = 1000;

	clients_begin(world);
	world->seed ^= seed * 0x2545f4914f6cdd1d;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		client_enter(world, names[i], i < 3);
	for (unsigned i = 0; i < steps; i++) {
		if (world_draw(world) % 6 == 0) {
			allowed = (unsigned)(world_draw(world) % 6);
			core_allocate = fail_after;
		}
		do_something(world, &now_ms);
		core_allocate = calloc;
		if (world_draw(world) % 2)
			clients_listen(world);
		expect_rows(world);
	}
}

static void test_any_order(void **)
{
	struct world world, again;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_one(&world, seed, 120);
		world_restore(&again, &world);
		expect_rows(&again);
		everybody_leaves(&again);
		world_end(&again);
		everybody_leaves(&world);
		world_end(&world);
	}
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
		cmocka_unit_test(test_both_begin_anew),
		cmocka_unit_test(test_newest_offer_counts),
		cmocka_unit_test(test_offers_cross),
		cmocka_unit_test(test_crossed_sections_differ),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_transport_fails),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_outliving_the_socket),
		cmocka_unit_test(test_room_is_shown_one_leg),
		cmocka_unit_test(test_publishing_beside_pairs),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_full_tables),
		cmocka_unit_test(test_restored_pair_goes_on),
		cmocka_unit_test(test_unfinished_pairs_are_not_restored),
		cmocka_unit_test(test_bad_rows_are_refused),
		cmocka_unit_test(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
