// SPDX-License-Identifier: Apache-2.0
// Pairs at the limits, after a crash of control, and in any order of everything.
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
	while ((other = core_transport_next(world->core, other)) != NULL) {
		assert_false(other != leg && other->pair &&
			     other->participant.index == leg->participant.index &&
			     other->publisher.index == leg->publisher.index);
		if (other->pair && other->participant.index == leg->publisher.index &&
			other->publisher.index == leg->participant.index)
			assert_ptr_equal(partner, other);
	}
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
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_full_tables),
		cmocka_unit_test(test_restored_pair_goes_on),
		cmocka_unit_test(test_unfinished_pairs_are_not_restored),
		cmocka_unit_test(test_bad_rows_are_refused),
		cmocka_unit_test(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
