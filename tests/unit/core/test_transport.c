// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct core_participant_id a, b;

static const struct core_transport *begin(struct world *world)
{
	world_begin(world);
	a = world_enter(world, "r", "a");
	b = world_enter(world, "r", "b");
	world_publish(world, a, 1);
	world_told(world);
	return world_up(world, a);
}

static void test_credentials(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world);

	assert_true(strlen(up->local_ufrag) >= 8);
	assert_true(strlen(up->local_password) >= 24);
	assert_int_equal(
		strspn(up->local_ufrag,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
		strlen(up->local_ufrag));
	assert_ptr_equal(
		core_transport_by_ufrag(world.core, up->local_ufrag, strlen(up->local_ufrag)), up);
	assert_null(core_transport_by_ufrag(world.core, up->local_ufrag, 3));
	assert_null(core_transport_by_ufrag(world.core, "", 0));
	assert_null(core_transport_by_ufrag(world.core, up->local_password, 32));
	assert_int_equal(up->rtcp_ssrc_base >> 30, 0);
	assert_string_equal(up->remote_ufrag, "peer1");
	assert_int_equal(up->transport_cc_extension_id, 3);
	world_end(&world);
}

static void test_states(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_path path = world_path(1, 5000);
	struct core_keys keys = world_keys(1);

	assert_int_equal(up->state, CORE_TRANSPORT_NEW);
	assert_int_equal(core_transport_path(world.core, up->id, &path, false, 1100), 0);
	assert_int_equal(up->state, CORE_TRANSPORT_CONNECTING);
	assert_int_equal(up->checked_ms, 1100);
	assert_int_equal(core_transport_path(world.core, up->id, &path, false, 1200), 0);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(core_transport_keys(world.core, up->id, &keys, 1300), 0);
	assert_int_equal(up->state, CORE_TRANSPORT_CONNECTED);
	assert_int_equal(up->key_epoch, 1);
	assert_memory_equal(
		world.transports[up->id.index].keys.send_key, keys.send_key, sizeof(keys.send_key));
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_TRANSPORT);
	assert_int_equal(world.told[0].state, CORE_TRANSPORT_CONNECTED);
	assert_string_equal(world.told[0].link, "a");
	assert_int_equal(core_transport_keys(world.core, up->id, &keys, 1400), 0);
	assert_int_equal(up->key_epoch, 2);
	assert_int_equal(world_told(&world), 0);
	keys.key_length = 33;
	assert_int_equal(core_transport_keys(world.core, up->id, &keys, 1500), -CORE_STATE);
	world_end(&world);
}

static void test_silence(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_transport_id id = up->id;

	world_connect(&world, 1000);
	world_subscribe(&world, b, "a", 2);
	assert_int_equal(core_transport_heard(world.core, id, 2000), 0);
	world_told(&world);
	core_tick(world.core, 16999);
	assert_int_equal(up->state, CORE_TRANSPORT_CONNECTED);
	core_tick(world.core, 17000);
	assert_int_equal(up->state, CORE_TRANSPORT_SUSPECT);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(core_transport_heard(world.core, id, 17100), 0);
	assert_int_equal(up->state, CORE_TRANSPORT_CONNECTED);
	assert_int_equal(world_told(&world), 1);
	world_connect(&world, 17100);
	world_told(&world);
	core_tick(world.core, 47099);
	assert_non_null(core_transport(world.core, id));
	assert_int_equal(core_transport_heard(world.core, world_down(&world, b, a)->id, 47000), 0);
	world_told(&world);
	core_tick(world.core, 47100);
	assert_null(core_transport(world.core, id));
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, "a"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, "b"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, "b"), 1);
	assert_non_null(core_participant(world.core, a)); // its socket lives
	assert_int_equal(core_participant(world.core, a)->publishing.generation, 0);
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 0);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 0);
	world_end(&world);
}

static void test_setup_time(void **)
{
	struct world world;
	struct core_transport_id id = begin(&world)->id;

	core_tick(world.core, 30999);
	assert_non_null(core_transport(world.core, id));
	core_tick(world.core, 31000);
	assert_null(core_transport(world.core, id));
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(world.told[0].type, CORE_EVENT_TRANSPORT_GONE);
	assert_string_equal(world.told[0].text, "no connectivity check came in time");
	world_end(&world);
}

static void test_paths(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_path path = world_path(1, 5000);
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
	unsigned told;

	core_transport_path(world.core, up->id, &path, false, 1000);
	assert_int_equal(up->path_selected, 0);
	assert_int_equal(core_transport_mac(world.core, up->id, &path, mac), 0);
	assert_memory_equal(world.transports[up->id.index].paths[0].remote_mac, mac, 6);
	told = world.rows_told;
	core_transport_path(world.core, up->id, &path, true, 1500); // no news: no row, mac kept
	assert_int_equal(core_transport_mac(world.core, up->id, &path, mac), 0);
	assert_int_equal(world.rows_told, told);
	assert_memory_equal(up->paths[0].remote_mac, mac, 6);
	path = world_path(2, 5000);
	assert_int_equal(core_transport_mac(world.core, up->id, &path, mac), -CORE_GONE);
	core_transport_path(world.core, up->id, &path, false, 1600);
	assert_int_equal(up->path_selected, 0);
	core_transport_path(world.core, up->id, &path, true, 1700);
	assert_int_equal(up->path_selected, 1);
	path = world_path(1, 5000);
	core_transport_path(world.core, up->id, &path, false, 5000); // 3.3 s of silence on 1
	assert_int_equal(up->path_selected, 1);
	core_transport_path(world.core, up->id, &path, false, 5200);
	assert_int_equal(up->path_selected, 0);
	assert_ptr_equal(core_transport_by_path(world.core, &path), up);
	world_end(&world);
}

static void test_oldest_path_yields(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_path path;

	for (uint16_t port = 0; port < 4; port++) {
		path = world_path(1, 5000 + port);
		core_transport_path(world.core, up->id, &path, port == 0, 1000 + port);
	}
	path = world_path(1, 6000);
	core_transport_path(world.core, up->id, &path, true, 1100);
	assert_int_equal(up->paths_used, 4);
	assert_int_equal(up->paths[up->path_selected].remote.port, 6000);
	path = world_path(1, 5001); // the oldest but for the selected one
	assert_null(core_transport_by_path(world.core, &path));
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(core_transport_by_path(world.core, &up->paths[i]), up);
	world_end(&world);
}

static void test_address_changes_hands(void **)
{
	struct world world;
	const struct core_transport *up = begin(&world), *down;
	struct core_path path;

	world_connect(&world, 1000);
	world_subscribe(&world, b, "a", 2);
	down = world_down(&world, b, a);
	path = up->paths[0];
	assert_int_equal(
		core_transport_path(world.core, down->id, &path, true, 3999), -CORE_EXISTS);
	assert_int_equal(down->paths_used, 0);
	assert_ptr_equal(core_transport_by_path(world.core, &path), up);
	assert_int_equal(core_transport_path(world.core, down->id, &path, true, 4000), 0);
	assert_ptr_equal(core_transport_by_path(world.core, &path), down);
	assert_int_equal(up->paths_used, 0);
	assert_int_equal(world.transports[up->id.index].paths_used, 0);
	world_end(&world);
}

// Two sessions with one far address, each at a port of ours.
static void test_ports_of_ours(void **)
{
	static struct desc offer;
	struct world world;
	const struct core_transport *up = begin(&world), *down;
	struct core_participant_id c;
	struct core_path path = world_path(1, 5000), other = path;
	struct core_join join = {.room = "r",
		.identity = "c",
		.dialect = "test",
		.link = &c,
		.can_subscribe = true,
		.local_port = 7001,
		.now_ms = 1000};
	bool resumed;

	assert_int_equal(core_join(world.core, &join, &c, &resumed), 0);
	assert_int_equal(core_subscribe(world.core, c, "a", &offer, 1000), 0);
	assert_true(offer.candidates_used > 0);
	for (unsigned i = 0; i < offer.candidates_used; i++)
		assert_int_equal(offer.candidates[i].port, 7001);
	down = world_down(&world, c, a);
	assert_int_equal(down->local_port, 7001);
	other.local.port = 7001;
	world_connect(&world, 1000);
	assert_int_equal(core_transport_path(world.core, up->id, &path, true, 1100), 0);
	assert_int_equal(core_transport_path(world.core, down->id, &other, true, 1100), 0);
	assert_ptr_equal(core_transport_by_path(world.core, &path), up);
	assert_ptr_equal(core_transport_by_path(world.core, &other), down);
	assert_int_equal(core_transport_path(world.core, up->id, &other, true, 1200), -CORE_EXISTS);
	// to another port of ours it is another path
	other.local.port = 7002;
	assert_null(core_transport_by_path(world.core, &other));
	assert_int_equal(core_transport_path(world.core, up->id, &other, true, 1200), 0);
	assert_int_equal(up->paths[up->path_selected].local.port, 7002);
	assert_ptr_equal(core_transport_by_path(world.core, &path), up);
	core_transport_close(world.core, up->id, "test");
	assert_null(core_transport_by_path(world.core, &path));
	assert_null(core_transport_by_path(world.core, &other));
	// who comes without one has that of all
	join.local_port = 0;
	assert_int_equal(core_join(world.core, &join, &c, &resumed), 0);
	world_end(&world);
}

static void test_ice_restart(void **)
{
	static struct desc offer, answer;
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_transport_id id = up->id;
	char before[CORE_UFRAG_MAX];

	world_connect(&world, 1000);
	strcpy(before, up->local_ufrag);
	world_offer(&offer, 1);
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 2000), 0);
	assert_string_equal(up->local_ufrag, before); // the same ufrag: no restart
	strcpy(offer.ufrag, "other");
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 2000), 0);
	assert_int_equal(world_up(&world, a)->id.generation, id.generation);
	assert_string_not_equal(up->local_ufrag, before);
	assert_string_equal(answer.ufrag, up->local_ufrag);
	assert_true(up->has_keys);
	assert_string_equal(up->previous_ufrag, before);
	assert_ptr_equal(core_transport_by_ufrag(world.core, before, strlen(before)), up);
	core_tick(world.core, 11999);
	assert_ptr_equal(core_transport_by_ufrag(world.core, before, strlen(before)), up);
	core_tick(world.core, 12000);
	assert_null(core_transport_by_ufrag(world.core, before, strlen(before)));
	assert_string_equal(up->previous_password, "");
	world_end(&world);
}

// aiortc answers an ICE restart and goes on with the credentials that it had.
static void test_client_that_does_not_restart(void **)
{
	static struct desc desc;
	struct world world;
	const struct core_transport *up = begin(&world);
	struct core_transport_id id = up->id;
	char first[CORE_UFRAG_MAX], second[CORE_UFRAG_MAX];

	world_connect(&world, 1000);
	strcpy(first, up->local_ufrag);
	for (uint64_t now_ms = 2000; now_ms < 60000; now_ms += 6000) {
		if (now_ms % 12000 == 2000)
			assert_int_equal(core_transport_restart(world.core, id, "same", "same-same",
						 &desc, now_ms),
				0);
		strcpy(second, up->local_ufrag);
		assert_string_not_equal(second, first);
		assert_string_equal(up->previous_ufrag, first);
		assert_int_equal(
			core_transport_named(world.core, id, first, strlen(first), now_ms + 5000),
			0);
		core_transport_heard(world.core, id, now_ms + 5000);
		core_tick(world.core, now_ms + 5999);
		assert_ptr_equal(core_transport_by_ufrag(world.core, second, strlen(second)), up);
	}
	// then it does
	assert_int_equal(core_transport_named(world.core, id, second, strlen(second), 62000), 0);
	core_tick(world.core, 64999);
	assert_ptr_equal(core_transport_by_ufrag(world.core, first, strlen(first)), up);
	core_tick(world.core, 72000);
	assert_null(core_transport_by_ufrag(world.core, first, strlen(first)));
	assert_int_equal(core_transport_named(world.core, id, "", 0, 73000), 0); // nor is that one
	assert_int_equal(
		core_transport_restart(world.core, id, "same", "same-same", &desc, 73000), 0);
	assert_string_equal(up->previous_ufrag, second);
	id.generation++;
	assert_int_equal(core_transport_named(world.core, id, "x", 1, 73000), -CORE_GONE);
	world_end(&world);
}

static void test_roles(void **)
{
	static struct desc offer, answer;
	struct world world;

	begin(&world);
	world_offer(&offer, 9);
	offer.setup = DESC_PASSIVE;
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 1000), 0);
	assert_int_equal(answer.setup, DESC_ACTIVE);
	assert_true(world_up(&world, a)->dtls_client);
	offer.setup = DESC_ACTPASS; // renegotiation keeps the association and its roles
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 1000), 0);
	assert_int_equal(answer.setup, DESC_ACTIVE);
	world_offer(&offer, 10);
	offer.setup = DESC_ACTIVE;
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 1000), 0);
	assert_int_equal(answer.setup, DESC_PASSIVE);
	assert_false(world_up(&world, a)->dtls_client);
	world_end(&world);
}

static void test_closing_tells_why(void **)
{
	struct world world;
	struct core_transport_id id = begin(&world)->id;

	assert_int_equal(core_transport_close(world.core, id, "the peer said goodbye"), 0);
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(world.told[0].type, CORE_EVENT_TRANSPORT_GONE);
	assert_string_equal(world.told[0].text, "the peer said goodbye");
	assert_int_equal(world.told[1].type, CORE_EVENT_UNPUBLISHED);
	assert_int_equal(core_transport_close(world.core, id, ""), -CORE_GONE);
	assert_int_equal(core_transport_heard(world.core, id, 1), -CORE_GONE);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_setup_time),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_oldest_path_yields),
		cmocka_unit_test(test_address_changes_hands),
		cmocka_unit_test(test_ports_of_ours),
		cmocka_unit_test(test_ice_restart),
		cmocka_unit_test(test_client_that_does_not_restart),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_closing_tells_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
