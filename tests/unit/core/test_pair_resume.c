// SPDX-License-Identifier: Apache-2.0
// Clients of pairs that lose their link and come back, or begin anew both at once.
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

static void come_back(struct world *world, struct client *client)
{
	struct core_join join = client_join(client->name, true);
	bool resumed;

	join.now_ms = 5000;
	assert_int_equal(core_join(world->core, &join, &client->id, &resumed), 0);
	assert_true(resumed);
}

static void test_offer_waits_for_who_is_lost(void **)
{
	struct world world;
	struct client *c;

	begin(&world);
	c = client_enter(&world, "c", true);
	clients_call(&world, a, b);
	core_unlink(world.core, b->id, false, 4000);
	client_call(c);
	assert_int_equal(client_offer(&world, c, b), 0);
	client_call(a); // in a session that runs the relay answers
	strcpy(a->said.ufrag, "again");
	assert_int_equal(client_offer(&world, a, b), 0);
	clients_listen(&world);
	assert_int_equal(c->answers, 0);
	assert_int_equal(a->answers, 1);
	come_back(&world, b);
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	assert_true(client_is(c, b->from));
	client_accept(b);
	assert_int_equal(client_answer(&world, b, c), 0);
	clients_listen(&world);
	assert_int_equal(c->answers, 1);
	assert_int_equal(rows(&world), 20);

	// what it had heard and not answered it hears again, the newest alone
	strcpy(c->said.ufrag, "first");
	assert_int_equal(client_offer(&world, c, b), 0);
	strcpy(c->said.ufrag, "second");
	assert_int_equal(client_offer(&world, c, b), 0);
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	core_unlink(world.core, b->id, false, 6000);
	come_back(&world, b);
	clients_listen(&world);
	assert_int_equal(b->offers, 1);
	client_accept(b);
	assert_int_equal(client_answer(&world, b, c), 0);
	clients_listen(&world);
	assert_int_equal(c->answers, 1);
	assert_string_equal(client_leg(&world, c, b)->remote_ufrag, "second");
	core_unlink(world.core, b->id, false, 7000);
	come_back(&world, b);
	clients_listen(&world);
	assert_int_equal(b->offers, 0);

	// who never comes back answers nobody
	core_unlink(world.core, b->id, false, 8000);
	c->who++;
	client_call(c);
	assert_int_equal(client_offer(&world, c, b), 0);
	core_tick(world.core, 38000);
	clients_listen(&world);
	assert_int_equal(c->gone, 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

// It ends its connection when it is back, and only then calls by a new one, or does not.
static void hang_up_when_back(struct world *world, bool calls)
{
	struct core_transport_id far;

	begin(world);
	clients_call(world, a, b);
	world_connect(world, 3000);
	far = client_leg(world, b, a)->id;
	core_unlink(world->core, a->id, false, 4000);
	come_back(world, a);
	assert_int_equal(core_transport_close(
				 world->core, client_leg(world, a, b)->id, "the peer closed DTLS"),
		0);
	core_tick(world->core, 5000);
	core_transport_heard(world->core, far, 9000);
	core_tick(world->core, 9999);
	clients_listen(world);
	assert_int_equal(b->gone, 0);
	assert_non_null(core_transport(world->core, far));
	a->who++;
	client_call(a);
	if (calls) {
		assert_int_equal(client_offer(world, a, b), 0);
		core_tick(world->core, 14000); // it is asked
		clients_listen(world);
		assert_int_equal(b->offers, 1);
		client_accept(b);
		assert_int_equal(client_answer(world, b, a), 0);
	}
	core_transport_heard(world->core, far, 19000);
	core_tick(world->core, 19000);
	clients_listen(world);
	assert_int_equal(a->answers, calls);
	assert_int_equal(b->gone, !calls);
	assert_int_equal(rows(world), calls ? 10 : 0);
	assert_int_equal(core_transport(world->core, far) != NULL, calls);
}

static void test_hanging_up_when_back(void **)
{
	struct world world;

	hang_up_when_back(&world, false);
	world_end(&world);
	hang_up_when_back(&world, true);
	// described since, it ends as ever
	core_transport_close(world.core, client_leg(&world, a, b)->id, "why");
	clients_listen(&world);
	assert_int_equal(b->gone, 1);
	assert_int_equal(rows(&world), 0);
	world_end(&world);
}

static void test_both_begin_anew_at_once(void **)
{
	struct world world;
	const struct core_transport *one, *other;

	begin(&world);
	clients_call(&world, a, b);
	world_connect(&world, 2000);
	a->who++;
	b->who++;
	client_call(a);
	client_call(b);
	assert_int_equal(client_offer(&world, a, b), 0);
	assert_int_equal(client_offer(&world, b, a), 0);
	clients_listen(&world);
	assert_int_equal(a->answers + b->answers, 2);
	one = client_leg(&world, a, b);
	other = client_leg(&world, b, a);
	assert_ptr_equal(core_transport_partner(world.core, one->id), other);
	assert_ptr_equal(core_transport_partner(world.core, other->id), one);
	assert_true(one->data && other->data);
	assert_int_not_equal(one->dtls_client, other->dtls_client);
	assert_int_equal(rows(&world), 10);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_begin_anew_at_once),
		cmocka_unit_test(test_offer_waits_for_who_is_lost),
		cmocka_unit_test(test_hanging_up_when_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
