// SPDX-License-Identifier: Apache-2.0
// Members that pair in a room with members that do not.
#include "pairs.h"

static struct client *a, *b, *n; // a and b pair
static struct desc offer, answer;

static void begin(struct world *world)
{
	clients_begin(world);
	a = client_enter(world, "a", true);
	n = client_enter(world, "n", false);
	clients_listen(world);
}

// What is due is offered.
static void wait(struct world *world, uint64_t now_ms)
{
	core_tick(world->core, now_ms);
	core_tick(world->core, now_ms + 500);
	clients_listen(world);
}

static void publish(struct world *world, const char *codec)
{
	world_desc(&offer, n->who);
	world_audio(&offer);
	if (codec)
		world_video(&offer, codec);
	assert_int_equal(core_publish(world->core, n->id, &offer, &answer, 1000), 0);
}

static void unpublish_video(struct world *world)
{
	world_desc(&offer, n->who);
	world_audio(&offer);
	assert_int_equal(core_publish(world->core, n->id, &offer, &answer, 1000), 0);
}

static void accept(struct world *world, struct client *client, enum desc_direction keep)
{
	client_accept(client);
	for (unsigned i = 0; i < client->said.sections_used; i++)
		client->said.sections[i].direction &= keep;
	assert_int_equal(client_answer(world, client, n), 0);
	clients_listen(world);
}

// ---- offers of members that pair to those who do not

static void test_offer_to_one_who_does_not_pair(void **)
{
	struct world world;
	const struct core_transport *leg;

	begin(&world);
	publish(&world, "VP8");
	client_call(a);
	assert_int_equal(client_offer(&world, a, n), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_true(client_is(n, a->from));
	assert_int_equal(a->answer.setup, DESC_PASSIVE);
	assert_int_equal(a->answer.sections[0].direction, DESC_SENDRECV);
	assert_int_equal(a->answer.sections[1].direction, DESC_SENDRECV);
	assert_string_equal(a->answer.sections[1].codecs[0].name, "VP8");
	assert_string_equal(a->answer.sections[1].stream, "stream");
	assert_true(a->answer.sections[2].rejected); // it has no data channels
	assert_int_equal(told_count(&world, CORE_EVENT_PUBLISHED, n->name), 1);
	leg = client_leg(&world, a, n);
	assert_null(core_transport_partner(world.core, leg->id));
	assert_int_equal(client_receives(&world, leg, DESC_VIDEO)->payload_type[0], 100);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	assert_int_equal(core_subscribe(world.core, n->id, "a", &offer, 1000), 0);
	assert_int_equal(offer.sections_used, 2);
	// nothing is offered on top of that
	wait(&world, 5000);
	assert_int_equal(a->offers, 0);
	world_end(&world);
}

// It sends VP8, which comes first, and receives H264: both stand in the answer.
static void test_other_codec_down_than_up(void **)
{
	struct world world;
	const struct core_transport *leg;

	begin(&world);
	client_call(a);
	a->said.sections[1].codecs[1] = world_codec("H264", 108);
	assert_int_equal(client_offer(&world, a, n), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections[1].direction, DESC_RECVONLY);
	publish(&world, "H264");
	assert_int_equal(client_offer(&world, a, n), 0);
	clients_listen(&world);
	assert_int_equal(a->answer.sections[1].direction, DESC_SENDRECV);
	assert_int_equal(a->answer.sections[1].codecs_used, 2);
	assert_string_equal(a->answer.sections[1].codecs[0].name, "VP8");
	assert_int_equal(a->answer.sections[1].codecs[1].payload_type, 108);
	leg = client_leg(&world, a, n);
	assert_string_equal(client_sends(&world, leg, DESC_VIDEO)->codecs[0].name, "VP8");
	assert_int_equal(client_receives(&world, leg, DESC_VIDEO)->payload_type[0], 108);
	world_end(&world);
}

static void test_offer_that_carries_nothing(void **)
{
	struct world world;

	begin(&world);
	world_desc(&a->said, a->who);
	client_data(&a->said);
	assert_int_equal(client_offer(&world, a, n), -CORE_BAD_DESC);
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	world_end(&world);
}

// ---- offers in the name of those who do not pair

static void test_publisher_is_offered(void **)
{
	struct world world;
	const struct core_transport *leg;

	begin(&world);
	b = client_enter(&world, "b", true);
	publish(&world, "VP8");
	core_tick(world.core, 2000);
	clients_listen(&world);
	assert_int_equal(a->offers, 0); // its own would come first
	core_tick(world.core, 2500);
	clients_listen(&world);
	assert_int_equal(a->offers, 1);
	assert_int_equal(b->offers, 1);
	assert_true(client_is(n, a->from));
	assert_int_equal(a->offer.setup, DESC_ACTPASS);
	assert_int_equal(a->offer.sections_used, 2);
	assert_int_equal(a->offer.sections[0].kind, DESC_AUDIO);
	assert_int_equal(a->offer.sections[1].direction, DESC_SENDRECV);
	assert_int_equal(a->offer.sections[1].codecs_used, 1);
	assert_int_equal(a->offer.sections[1].codecs[0].payload_type, 96);
	assert_string_equal(a->offer.sections[1].track, "track1");
	assert_int_not_equal(a->offer.sections[1].encodings[0].ssrc, 0);
	accept(&world, a, DESC_SENDRECV);
	leg = client_leg(&world, a, n);
	assert_int_equal(client_receives(&world, leg, DESC_VIDEO)->ssrc,
		a->offer.sections[1].encodings[0].ssrc);
	assert_true(client_receives(&world, leg, DESC_VIDEO)->active);
	assert_non_null(client_sends(&world, leg, DESC_VIDEO));
	assert_int_equal(leg->transport_cc_extension_id, 10);
	accept(&world, b, DESC_RECVONLY); // only watches
	assert_null(client_sends(&world, client_leg(&world, b, n), DESC_VIDEO));
	wait(&world, 5000);
	assert_int_equal(a->offers + b->offers, 0);
	world_end(&world);
}

// A watcher that publishes nothing is offered to those who send nothing yet.
static void test_watcher_asks_for_media(void **)
{
	struct world world;
	struct client *second;

	begin(&world);
	wait(&world, 2000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections_used, 2);
	assert_int_equal(a->offer.sections[0].direction, DESC_RECVONLY);
	assert_int_equal(a->offer.sections[0].codecs_used, 1);
	assert_int_equal(a->offer.sections[1].codecs_used, 4);
	assert_string_equal(a->offer.sections[1].codecs[2].name, "H264");
	assert_int_not_equal(a->offer.sections[1].codecs[2].fmtp[0], 0);
	accept(&world, a, DESC_SENDRECV);
	assert_true(core_publishes(world.core, a->id));
	assert_int_equal(told_count(&world, CORE_EVENT_PUBLISHED, n->name), 1);
	second = client_enter(&world, "second", false); // sees what a sends already
	wait(&world, 4000);
	assert_int_equal(a->offers, 0);
	// it publishes itself: that is offered, and nothing asked for
	world_offer(&offer, second->who);
	assert_int_equal(core_publish(world.core, second->id, &offer, &answer, 1000), 0);
	wait(&world, 6000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections[1].direction, DESC_SENDONLY);
	world_end(&world);
}

static void test_changes_are_offered_again(void **)
{
	struct world world;
	uint32_t ssrc;

	begin(&world);
	publish(&world, NULL);
	wait(&world, 2000);
	assert_int_equal(a->offer.sections_used, 2); // video is asked for
	accept(&world, a, DESC_RECVONLY);
	ssrc = client_receives(&world, client_leg(&world, a, n), DESC_AUDIO)->ssrc;
	publish(&world, "VP8");
	wait(&world, 4000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections_used, 2);
	assert_string_equal(a->offer.sections[1].mid, "1");
	assert_int_not_equal(a->offer.sections[1].direction & DESC_SENDONLY, 0);
	assert_int_equal(a->offer.sections[0].encodings[0].ssrc, ssrc);
	accept(&world, a, DESC_RECVONLY);
	assert_non_null(client_receives(&world, client_leg(&world, a, n), DESC_VIDEO));
	publish(&world, "H264"); // another codec
	wait(&world, 6000);
	assert_string_equal(a->offer.sections[1].codecs[0].name, "H264");
	accept(&world, a, DESC_RECVONLY);
	assert_true(client_receives(&world, client_leg(&world, a, n), DESC_VIDEO)->active);
	unpublish_video(&world);
	wait(&world, 8000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections[1].direction & DESC_SENDONLY, 0);
	assert_false(a->offer.sections[1].rejected);
	accept(&world, a, DESC_RECVONLY);
	assert_int_equal(client_receives(&world, client_leg(&world, a, n), DESC_AUDIO)->ssrc, ssrc);
	core_leave(world.core, n->id);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	world_end(&world);
}

// Its own offer, made before ours came, wins; an answer to ours after that does no harm.
static void test_own_offer_crosses_ours(void **)
{
	struct world world;

	begin(&world);
	publish(&world, "VP8");
	wait(&world, 2000);
	assert_int_equal(a->offers, 1);
	client_call(a);
	assert_int_equal(client_offer(&world, a, n), 0);
	clients_listen(&world);
	assert_int_equal(a->answers, 1);
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	assert_string_equal(a->answer.ufrag, a->offer.ufrag);
	client_accept(a);
	assert_int_equal(client_answer(&world, a, n), 0);
	clients_listen(&world);
	assert_int_equal(WORLD_COUNT(&world, publications), 4);
	assert_non_null(client_receives(&world, client_leg(&world, a, n), DESC_VIDEO));
	assert_int_equal(client_answer(&world, a, n), -CORE_STATE);
	wait(&world, 4000);
	assert_int_equal(a->offers, 0);
	world_end(&world);
}

static void test_numbers_of_the_client_stay(void **)
{
	struct world world;

	begin(&world);
	client_call(a); // opus 111, VP8 100, extensions 4 and 3, and 1 for levels
	assert_int_equal(client_offer(&world, a, n), 0);
	clients_listen(&world);
	publish(&world, "VP8");
	wait(&world, 2000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections_used, 3);
	assert_string_equal(a->offer.sections[0].mid, "m0");
	assert_int_equal(a->offer.sections[0].codecs[0].payload_type, 111);
	assert_int_equal(a->offer.sections[1].codecs[0].payload_type, 100);
	assert_true(a->offer.sections[2].rejected);
	for (unsigned i = 0; i < a->offer.sections[1].extensions_used; i++) {
		const struct desc_extension *extension = &a->offer.sections[1].extensions[i];

		if (extension->kind == DESC_EXT_MID)
			assert_int_equal(extension->id, 4);
		if (extension->kind == DESC_EXT_TRANSPORT_CC)
			assert_int_equal(extension->id, 3);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(a->offer.sections[1].extensions[k].id, extension->id);
	}
	accept(&world, a, DESC_SENDRECV);
	assert_int_equal(
		client_receives(&world, client_leg(&world, a, n), DESC_VIDEO)->payload_type[0],
		100);
	world_end(&world);
}

static void test_who_is_not_offered(void **)
{
	struct world world;
	struct core_join join = client_join("m", false);
	struct core_participant_id media;
	bool resumed;

	clients_begin(&world);
	a = client_enter(&world, "a", true);
	join.visible = false; // media only
	assert_int_equal(core_join(world.core, &join, &media, &resumed), 0);
	world_offer(&offer, 9);
	assert_int_equal(core_publish(world.core, media, &offer, &answer, 1000), 0);
	wait(&world, 2000);
	assert_int_equal(a->offers, 0);
	n = client_enter(&world, "n", false);
	core_unlink(world.core, a->id, false, 3000); // nobody is there to be asked
	wait(&world, 3000);
	assert_int_equal(WORLD_COUNT(&world, transports), 1);
	world_end(&world);
}

static void test_nobody_answers(void **)
{
	struct world world;

	begin(&world);
	publish(&world, "VP8");
	wait(&world, 2000);
	assert_int_equal(a->offers, 1);
	core_tick(world.core, 32499);
	core_tick(world.core, 32500);
	clients_listen(&world);
	assert_int_equal(a->gone, 1);
	assert_int_equal(WORLD_COUNT(&world, transports), 0); // n's had no check either
	world_end(&world);
}

// Nothing new is asked of clients after a restart of control.
static void test_restored(void **)
{
	struct world world, again;
	struct core_join join;
	bool resumed;

	begin(&world);
	publish(&world, "VP8");
	wait(&world, 2000);
	accept(&world, a, DESC_SENDRECV);
	world_connect(&world, 3000);
	world_restore(&again, &world);
	again.on_event = clients_hear;
	assert_int_equal(WORLD_COUNT(&again, transports), 2);
	for (unsigned i = 0; i < 2; i++) {
		join = client_join(i ? "n" : "a", !i);
		join.link = (void *)(i ? n->name : a->name);
		assert_int_equal(core_join(again.core, &join, &(i ? n : a)->id, &resumed), 0);
	}
	wait(&again, 101000);
	assert_int_equal(a->offers, 0);
	assert_int_equal(core_unpublish(again.core, n->id), 0);
	wait(&again, 103000);
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->offer.sections[1].direction, DESC_RECVONLY);
	world_end(&again);
	world_end(&world);
}

static void *fail_all(size_t, size_t)
{
	return NULL;
}

static void test_no_memory(void **)
{
	struct world world;

	begin(&world);
	publish(&world, "VP8");
	core_tick(world.core, 2000);
	core_allocate = fail_all;
	core_tick(world.core, 2500);
	assert_int_equal(WORLD_COUNT(&world, transports), 1);
	core_allocate = calloc;
	wait(&world, 3000); // later it is made up for
	assert_int_equal(a->offers, 1);
	world_end(&world);
}

// ---- what a pairing member sends can be seen by those who do not pair

static void test_room_is_shown_one_leg(void **)
{
	struct world world;
	struct client *c, *viewer;

	clients_begin(&world);
	a = client_enter(&world, "a", true);
	b = client_enter(&world, "b", true);
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

	clients_begin(&world);
	a = client_enter(&world, "a", true);
	b = client_enter(&world, "b", true);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_to_one_who_does_not_pair),
		cmocka_unit_test(test_other_codec_down_than_up),
		cmocka_unit_test(test_offer_that_carries_nothing),
		cmocka_unit_test(test_publisher_is_offered),
		cmocka_unit_test(test_watcher_asks_for_media),
		cmocka_unit_test(test_changes_are_offered_again),
		cmocka_unit_test(test_own_offer_crosses_ours),
		cmocka_unit_test(test_numbers_of_the_client_stay),
		cmocka_unit_test(test_who_is_not_offered),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_room_is_shown_one_leg),
		cmocka_unit_test(test_publishing_beside_pairs),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
