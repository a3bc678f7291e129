// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct desc offer, answer;

// ---- everything that can be seen of one core equals that of the other, but for times and links

static void same_participants(struct world *x, struct world *y)
{
	const struct core_participant *one = NULL, *other;
	unsigned count = 0;

	while ((one = core_participant_next(x->core, one)) != NULL) {
		other = core_participant(y->core, one->id);
		assert_non_null(other);
		assert_string_equal(one->identity, other->identity);
		assert_string_equal(one->name, other->name);
		assert_string_equal(one->dialect, other->dialect);
		assert_int_equal(one->visible, other->visible);
		assert_int_equal(one->can_publish, other->can_publish);
		assert_int_equal(one->can_subscribe, other->can_subscribe);
		assert_memory_equal(&one->publishing, &other->publishing, sizeof(one->publishing));
		assert_string_equal(
			core_room(x->core, one->room)->name, core_room(y->core, other->room)->name);
		assert_int_equal(core_room(x->core, one->room)->participants,
			core_room(y->core, other->room)->participants);
		count++;
	}
	assert_int_equal(count, WORLD_COUNT(y, participants));
}

static void same_transports(struct world *x, struct world *y)
{
	const struct core_transport *one = NULL, *other;
	unsigned count = 0;

	while ((one = core_transport_next(x->core, one)) != NULL) {
		struct core_transport left = *one, right;

		other = core_transport(y->core, one->id);
		assert_non_null(other);
		right = *other;
		left.created_ms = right.created_ms;
		left.heard_ms = right.heard_ms;
		left.checked_ms = right.checked_ms;
		left.keyed_ms = right.keyed_ms;
		memcpy(left.previous_ufrag, right.previous_ufrag, sizeof(left.previous_ufrag));
		memcpy(left.previous_password, right.previous_password,
			sizeof(left.previous_password));
		left.previous_until_ms = right.previous_until_ms;
		assert_memory_equal(&left, &right, sizeof(left));
		assert_ptr_equal(core_transport_by_ufrag(
					 y->core, one->local_ufrag, strlen(one->local_ufrag)),
			other);
		for (unsigned i = 0; i < one->paths_used; i++)
			assert_ptr_equal(core_transport_by_path(y->core, &one->paths[i]), other);
		count++;
	}
	assert_int_equal(count, WORLD_COUNT(y, transports));
}

static void same_media(struct world *x, struct world *y)
{
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	unsigned count = 0;

	while ((publication = core_publication_next(x->core, publication)) != NULL) {
		assert_memory_equal(publication, core_publication(y->core, publication->id),
			sizeof(*publication));
		count++;
	}
	assert_int_equal(count, WORLD_COUNT(y, publications));
	for (count = 0; (subscription = core_subscription_next(x->core, subscription)) != NULL;
		count++)
		assert_memory_equal(subscription, core_subscription(y->core, subscription->id),
			sizeof(*subscription));
	assert_int_equal(count, WORLD_COUNT(y, subscriptions));
}

// ---- random verbs

static const char *const people[] = {"a", "b", "c", "d", "e", "f"};

static struct core_participant_id somebody(struct world *world)
{
	const struct core_participant *found = NULL, *one = NULL;
	uint64_t skip = world_draw(world) % 6;

	while ((one = core_participant_next(world->core, one)) != NULL) {
		found = one;
		if (!skip--)
			break;
	}
	return found ? found->id : (struct core_participant_id){0};
}

static void join_somebody(struct world *world)
{
	const char *who = people[world_draw(world) % 6];
	struct core_join join = world_join(world_draw(world) % 3 ? "r" : "s", who, (void *)who);
	struct core_participant_id id;
	bool resumed;

	join.visible = world_draw(world) % 2;
	join.can_subscribe = world_draw(world) % 4 != 0;
	core_join(world->core, &join, &id, &resumed);
}

static void publish_something(struct world *world, struct core_participant_id id)
{
	static const char *const codecs[] = {"VP8", "VP9", "H264", "AV1"};

	world_desc(&offer, (uint8_t)(1 + world_draw(world) % 3));
	if (world_draw(world) % 4 == 0)
		strcpy(offer.ufrag, "restart");
	for (uint64_t i = world_draw(world) % 4; i > 0; i--)
		world_video(&offer, codecs[world_draw(world) % 4]);
	if (world_draw(world) % 2)
		world_audio(&offer);
	core_publish(world->core, id, &offer, &answer, 1000);
}

static void subscribe_to_somebody(struct world *world, struct core_participant_id id)
{
	const char *publisher = people[world_draw(world) % 6];

	if (core_subscribe(world->core, id, publisher, &offer, 1000))
		return;
	world_answer(&answer, &offer, (uint8_t)(20 + world_draw(world) % 3));
	answer.sections[0].rejected = offer.sections_used > 1 && world_draw(world) % 2;
	assert_int_equal(core_subscribe_answer(world->core, id, publisher, &answer, 1000), 0);
}

static void do_something(struct world *world)
{
	struct core_participant_id id = somebody(world);
	enum desc_kind kind = world_draw(world) % 2 ? DESC_AUDIO : DESC_VIDEO;
	struct core_publication_id all = {0};

	switch (world_draw(world) % 16) {
	case 0 ... 3:
		join_somebody(world);
		break;
	case 4 ... 6:
		publish_something(world, id);
		break;
	case 7 ... 10:
		subscribe_to_somebody(world, id);
		break;
	case 11:
		core_mute(world->core, id, all, kind, world_draw(world) % 2);
		break;
	case 12:
		core_pause(world->core, id, people[world_draw(world) % 6], kind,
			world_draw(world) % 2);
		break;
	case 13:
		core_unpublish(world->core, id);
		break;
	case 14:
		core_unsubscribe(world->core, id, people[world_draw(world) % 6]);
		break;
	case 15:
		if (world_draw(world) % 3 == 0)
			core_leave(world->core, id);
		else
			world_connect(world, 1000);
		break;
	}
}

// Downward transports whose publications were all exchanged carry nothing; a restored core drops them.
static void drop_idle(struct world *world)
{
	for (unsigned i = 0; i < ROWS; i++) {
		const struct core_transport *transport =
			core_transport(world->core, world->transports[i].id);
		unsigned carried = 0;

		for (unsigned j = 0; transport && j < ROWS; j++)
			carried += world->subscriptions[j].transport.generation ==
					   transport->id.generation &&
				   world->subscriptions[j].transport.index == transport->id.index;
		if (transport && transport->publisher.generation && !carried)
			core_transport_close(world->core, transport->id, "idle");
	}
}

static void test_property(void **)
{
	static struct world world, again;
	unsigned seen = 0;

	world_begin(&world);
	for (unsigned round = 0; round < 150; round++) {
		for (unsigned i = 0; i < 12; i++)
			do_something(&world);
		world_connect(&world, 1000);
		drop_idle(&world);
		world_told(&world);
		world_restore(&again, &world);
		same_participants(&world, &again);
		same_transports(&world, &again);
		same_media(&world, &again);
		seen += WORLD_COUNT(&again, subscriptions);
		for (unsigned i = 0; i < 6; i++) // and it goes on living
			do_something(&again);
		world_end(&again);
	}
	assert_true(seen > 200); // the walk was not an empty one
	world_end(&world);
}

// ---- particular cases

static void test_unfinished_handshakes_are_dropped(void **)
{
	static struct world world, again;
	struct core_participant_id a, b;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_connect(&world, 1000);
	world_subscribe(&world, b, "a", 2); // without keys
	world_publish(&world, b, 3);
	world_restore(&again, &world);
	assert_int_equal(WORLD_COUNT(&again, transports), 1); // the plane was told
	assert_int_equal(WORLD_COUNT(&again, publications), 2);
	assert_int_equal(WORLD_COUNT(&again, subscriptions), 0);
	assert_int_equal(WORLD_COUNT(&again, participants), 2);
	assert_int_equal(core_participant(again.core, b)->publishing.generation, 0);
	assert_true(core_publishes(again.core, a));
	assert_int_equal(world_told(&again), 0);
	world_end(&again);
	world_end(&world);
}

static void test_grace_and_return(void **)
{
	static struct world world, again;
	struct core_join join = world_join("r", "a", "new link");
	struct core_participant_id a, b, id;
	struct core_transport_id up;
	bool resumed;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_connect(&world, 1000);
	up = world_up(&world, a)->id;
	world_restore(&again, &world);
	core_tick(again.core, 129000);
	assert_int_equal(core_join(again.core, &join, &id, &resumed), 0);
	assert_true(resumed);
	assert_int_equal(id.generation, a.generation);
	assert_int_equal(core_transport_heard(again.core, up, 129000), 0);
	core_tick(again.core, 130000);
	assert_null(core_participant(again.core, b)); // did not come back
	assert_non_null(core_participant(again.core, a));
	assert_non_null(core_transport(again.core, up));
	world_end(&again);
	world_end(&world);
}

static void test_new_lives_differ_from_old(void **)
{
	static struct world world, again;
	struct core_participant_id a, b;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_restore(&again, &world);
	assert_int_equal(core_leave(again.core, a), 0);
	b = world_enter(&again, "r", "b");
	assert_int_not_equal(b.generation, a.generation);
	assert_null(core_participant(again.core, a));
	world_end(&again);
	world_end(&world);
}

static void test_workers_that_are_no_more(void **)
{
	static struct world world, again;
	struct core_limits limits = world_limits();
	struct core_participant_id a;

	limits.workers = 4;
	world_begin_with(&world, &limits);
	for (const char *room = "a\0b\0c\0d\0"; *room; room += 2) {
		a = world_enter(&world, room, "x");
		world_publish(&world, a, 1);
	}
	world_connect(&world, 1000);
	assert_int_equal(world_up(&world, a)->worker, 3);
	world_restore(&again, &world);
	assert_int_equal(world_up(&again, a)->worker, 0);
	world_end(&again);
	world_end(&world);
}

static void test_rows_that_do_not_fit(void **)
{
	static struct world world, again;
	struct core_participant_id a, b;
	struct core_transport transport;
	struct core_publication publication;
	struct core_subscription subscription;
	struct core_participant participant;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_subscribe(&world, b, "a", 2);
	world_connect(&world, 1000);
	world_restore(&again, &world);
	participant = world.participants[a.index];
	participant.id.index = 40;
	assert_int_equal(core_restore_participant(again.core, &participant, "r"), -CORE_EXISTS);
	participant.identity[0] = 0;
	assert_int_equal(core_restore_participant(again.core, &participant, "r"), -CORE_NAME);
	transport = *world_down(&world, b, a);
	transport.id.index = 40;
	assert_int_equal(
		core_restore_transport(again.core, &transport), -CORE_BAD_DESC); // ufrag twice
	strcpy(transport.local_ufrag, "fresh");
	assert_int_equal(
		core_restore_transport(again.core, &transport), -CORE_BAD_DESC); // address twice
	transport.paths_used = 200;
	assert_int_equal(core_restore_transport(again.core, &transport), -CORE_BAD_DESC);
	transport.participant.generation++;
	assert_int_equal(core_restore_transport(again.core, &transport), -CORE_GONE);
	publication = world.publications[0];
	publication.id.index = 40;
	publication.codecs_used = 9;
	assert_int_equal(core_restore_publication(again.core, &publication), -CORE_BAD_DESC);
	publication.transport = world_down(&world, b, a)->id;
	assert_int_equal(core_restore_publication(again.core, &publication), -CORE_GONE);
	subscription = world.subscriptions[0];
	subscription.id.index = 40;
	assert_int_equal(core_restore_subscription(again.core, &subscription), -CORE_EXISTS);
	subscription.ssrc = 0;
	assert_int_equal(core_restore_subscription(again.core, &subscription), -CORE_BAD_DESC);
	same_transports(&world, &again);
	same_media(&world, &again);
	world_end(&again);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_property),
		cmocka_unit_test(test_unfinished_handshakes_are_dropped),
		cmocka_unit_test(test_grace_and_return),
		cmocka_unit_test(test_new_lives_differ_from_old),
		cmocka_unit_test(test_workers_that_are_no_more),
		cmocka_unit_test(test_rows_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
