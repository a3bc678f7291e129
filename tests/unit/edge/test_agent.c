// SPDX-License-Identifier: Apache-2.0
// Against far sides that answer as our own ICE-lite half does; time is the test's.
#include "edge/agent.h"
#include "edge/stun.h"
#include "unit/core/world.h"

enum { SENT_MAX = 64 };

static struct world world;
static struct agents *agents;
static struct core_participant_id publisher, viewer;
static struct core_transport_id transport;

// ---- the network

static struct sent {
	struct core_path path;
	size_t length;
	uint8_t data[700];
} sent[SENT_MAX];
static unsigned sent_used, valid_calls, lost_calls;
static char lost_why[128];
static struct core_path valid_path;
static bool refuses; // what is valid

static int take(void *, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct sent *one = &sent[sent_used++ % SENT_MAX];

	one->path = *path;
	one->length = length;
	memcpy(one->data, data, length);
	return 0;
}

static unsigned paths(void *, const struct core_address *remote, uint16_t local_port,
	struct core_path *list, unsigned max)
{
	if (!max)
		return 0;
	list[0] = (struct core_path){.remote = *remote};
	list[0].local.port = local_port ? local_port : 3478;
	return 1;
}

static bool valid(void *, struct core_transport_id id, const struct core_path *path)
{
	valid_calls++;
	valid_path = *path;
	if (!refuses)
		assert_int_equal(core_transport_path(world.core, id, path, true, 1000), 0);
	return !refuses;
}

static void lost(void *, struct core_transport_id id, const char *why)
{
	lost_calls++;
	snprintf(lost_why, sizeof(lost_why), "%s", why);
	core_transport_close(world.core, id, why);
}

// ---- the far side

static bool is_forgotten;

static size_t far_password(void *, const char *ufrag, size_t length, char copy[CORE_PASSWORD_MAX])
{
	if (is_forgotten || length != 5 || memcmp(ufrag, "peer7", 5) != 0)
		return 0;
	strcpy(copy, "abcdefghijklmnopqrstuvwx");
	return strlen(copy);
}

// Answers what was sent, number `i`, from the address it was sent to or another one. True: taken for a reply.
static bool answer(unsigned i, bool from_elsewhere, uint64_t now_ms, bool *nominated)
{
	static const struct core_address us = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, 3478};
	struct stun_users users = {.password = far_password};
	struct udp_datagram datagram = {.path = sent[i].path};
	uint8_t reply[STUN_REPLY_MAX];
	struct stun_answer said;

	stun_answer(&users, sent[i].data, sent[i].length, &us, reply, &said);
	assert_true(said.reply_length > 0);
	if (nominated)
		*nominated = said.nominated;
	datagram.path.local = us;
	datagram.path.local.port = sent[i].path.local.port;
	datagram.path.remote.port += from_elsewhere;
	datagram.data = reply;
	datagram.length = said.reply_length;
	return agents_reply(agents, &datagram, now_ms);
}

static struct desc_candidate candidate(const char *address, uint16_t port, uint32_t priority)
{
	struct desc_candidate one = {
		.component = 1, .udp = true, .priority = priority, .port = port, .type = "host"};

	snprintf(one.address, sizeof(one.address), "%s", address);
	return one;
}

static int fresh(void **)
{
	struct agent_host host = {NULL, take, paths, valid, lost};

	world_begin(&world);
	publisher = world_enter(&world, "r", "publisher");
	viewer = world_enter(&world, "r", "viewer");
	world_publish(&world, publisher, 1);
	world_subscribe(&world, viewer, "publisher", 7);
	transport = world_down(&world, viewer, publisher)->id;
	sent_used = valid_calls = lost_calls = 0;
	refuses = is_forgotten = false;
	agents = agents_create(&host, world.core);
	assert_non_null(agents);
	return 0;
}

static int done(void **)
{
	agents_destroy(agents);
	agents_destroy(NULL);
	world_end(&world);
	return 0;
}

static void begin_one(void)
{
	struct desc_candidate one = candidate("192.0.2.9", 7000, 1);

	assert_int_equal(agents_begin(agents, transport, &one, 1, 8000), 1);
}

// Checked, chosen and nominated.
static void connect(void)
{
	bool nominated;

	begin_one();
	agents_tick(agents, 1000);
	assert_true(answer(0, false, 1010, &nominated));
	assert_false(nominated);
	agents_tick(agents, 1050);
	assert_true(answer(1, false, 1060, &nominated));
	assert_true(nominated);
}

static void the_first_valid_pair_is_nominated(void **)
{
	assert_false(agents_any(agents));
	assert_false(agents_control(agents, transport));
	connect();
	assert_true(agents_any(agents));
	assert_true(agents_control(agents, transport));
	assert_int_equal(sent_used, 2);
	assert_int_equal(valid_calls, 2);
	assert_int_equal(valid_path.local.port, 3478); // as the reply says it
	assert_int_equal(core_transport(world.core, transport)->paths_used, 1);
}

static void checks_are_sent_again_ever_slower(void **)
{
	begin_one();
	for (uint64_t now = 1000; now < 1000 + 4000; now += 50)
		agents_tick(agents, now);
	assert_in_range(sent_used, 4, 5); // at 0, 250, 750, 1750, 3750 ms
	assert_memory_equal(sent[0].data, sent[3].data, sent[0].length); // one transaction
	assert_true(answer(3, false, 5000, NULL));
	assert_int_equal(valid_calls, 1);
}

static void candidates_that_cannot_be_used(void **)
{
	struct desc_candidate list[] = {
		candidate("192.0.2.9", 7000, 5),
		candidate("a1b2.local", 7000, 4),
		candidate("192.0.2.9", 0, 4),
		candidate("0.0.0.0", 7000, 4),
		candidate("192.0.2.10", 7000, 9),
		candidate("192.0.2.11", 7000, 4),
		candidate("192.0.2.12", 7000, 4),
		candidate("192.0.2.9", 7000, 3),
	};

	list[5].udp = false;
	list[6].component = 2;
	assert_int_equal(agents_begin(agents, transport, list, 8, 0), 2);
	agents_tick(agents, 1000);
	assert_int_equal(sent_used, 1); // one at a time, the best first
	assert_int_equal(sent[0].path.remote.ip[15], 10);
	agents_tick(agents, 1050);
	assert_int_equal(sent[1].path.remote.ip[15], 9);
	assert_true(answer(1, false, 1060, NULL));
	agents_tick(agents, 1100);
	assert_int_equal(sent[2].path.remote.ip[15], 9); // the other one is left alone
}

static void replies_from_elsewhere_are_none(void **)
{
	begin_one();
	agents_tick(agents, 1000);
	assert_false(answer(0, true, 1010, NULL));
	assert_int_equal(valid_calls, 0);
	sent[0].path.local.port++; // to another port of ours
	assert_false(answer(0, false, 1010, NULL));
	sent[0].path.local.port--;
	sent[0].data[19] ^= 1; // another transaction
	assert_false(answer(0, false, 1010, NULL));
	assert_int_equal(agents_begin(agents, transport, NULL, 0, 0), 0);
	agents_tick(agents, 2000); // nobody to ask: they may ask us
	assert_int_equal(sent_used, 1);
}

static void consent_goes_on(void **)
{
	connect();
	for (uint64_t now = 1100; now < 61000; now += 50) {
		unsigned before = sent_used;

		agents_tick(agents, now);
		if (sent_used > before)
			assert_true(answer(before % SENT_MAX, false, now + 10, NULL));
	}
	assert_int_equal(lost_calls, 0);
	assert_in_range(sent_used, 20, 50); // every 2 s: a quarter of the silence
}

static void silence_ends_it(void **)
{
	connect();
	for (uint64_t now = 1100; now < 12000; now += 50)
		agents_tick(agents, now);
	assert_int_equal(lost_calls, 1);
	assert_string_equal(lost_why, "the far side does not answer any more");
	assert_null(core_transport(world.core, transport));
	assert_false(agents_any(agents));
}

static void a_far_side_that_has_forgotten_us(void **)
{
	connect();
	is_forgotten = true;
	for (uint64_t now = 1100; now < 8000 && !lost_calls; now += 50) {
		unsigned before = sent_used;

		agents_tick(agents, now);
		if (sent_used > before)
			assert_true(answer(before % SENT_MAX, false, now + 10, NULL));
	}
	assert_int_equal(lost_calls, 1);
	assert_non_null(strstr(lost_why, "no such session"));
}

static void transports_that_are_gone_are_forgotten(void **)
{
	begin_one();
	core_transport_close(world.core, transport, "test");
	agents_tick(agents, 1000);
	assert_int_equal(sent_used, 0);
	assert_false(agents_any(agents));
	assert_int_equal(lost_calls, 0);
}

static void their_checks_are_checked_in_turn(void **)
{
	struct core_path path = world_path(9, 9000);

	assert_int_equal(agents_begin(agents, transport, NULL, 0, 0), 0);
	agents_checked(agents, transport, &path);
	agents_checked(agents, transport, &path);
	agents_tick(agents, 1000);
	agents_tick(agents, 1050);
	assert_int_equal(sent_used, 1);
	assert_int_equal(sent[0].path.remote.port, 9000);
	assert_true(answer(0, false, 1060, NULL));
	assert_int_equal(valid_calls, 1);
}

// From a port that cannot find the next hop the far side's own check says where it is.
static void their_checks_say_where_they_are(void **)
{
	struct desc_candidate one = candidate("192.0.2.9", 7000, 1);
	struct core_path path = {.remote = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 9}, 7000}};

	assert_int_equal(agents_begin(agents, transport, &one, 1, 0), 1);
	agents_tick(agents, 1000);
	assert_int_equal(sent_used, 1);
	agents_checked(agents, transport, &path); // which says nothing
	agents_tick(agents, 1050);
	assert_int_equal(sent_used, 1);
	memcpy(path.remote_mac, "\2abcde", 6);
	agents_checked(agents, transport, &path);
	agents_tick(agents, 1100);
	assert_int_equal(sent_used, 2);
	assert_memory_equal(sent[1].path.remote_mac, "\2abcde", 6);
	agents_checked(agents, transport, &path); // is known by now
	agents_tick(agents, 1150);
	assert_int_equal(sent_used, 2);
	assert_true(answer(1, false, 1160, NULL));
}

static void a_session_of_before_goes_on(void **)
{
	world_connect(&world, 1000); // gives every transport a path
	assert_int_equal(agents_begin(agents, transport, NULL, 0, 8000), 1);
	agents_tick(agents, 2000);
	assert_int_equal(sent_used, 1);
	assert_true(answer(0, false, 2010, NULL));
	agents_tick(agents, 2050);
	assert_int_equal(sent_used, 1); // consent comes later
}

// ---- two sessions with one far side

static struct core_transport_id at_port(const char *identity, uint16_t port)
{
	struct core_join join = {.room = "r",
		.identity = identity,
		.dialect = "test",
		.link = &world,
		.can_subscribe = true,
		.local_port = port,
		.now_ms = 1000};
	struct core_participant_id other;
	bool resumed;

	assert_int_equal(core_join(world.core, &join, &other, &resumed), 0);
	world_subscribe(&world, other, "publisher", 7);
	return world_down(&world, other, publisher)->id;
}

// All with one address of the far side, which is asked from each one's port.
static void an_address_has_many_sessions(void **)
{
	struct desc_candidate one = candidate("192.0.2.9", 7000, 5);
	struct core_transport_id others[10];
	char identity[16];
	bool nominated;

	connect();
	for (unsigned i = 0; i < 10; i++) {
		snprintf(identity, sizeof(identity), "other%u", i);
		others[i] = at_port(identity, (uint16_t)(7001 + i));
		assert_int_equal(agents_begin(agents, others[i], &one, 1, 0), 1);
	}
	sent_used = 0;
	agents_tick(agents, 1100);
	assert_int_equal(sent_used, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_true(answer(i, false, 1110, &nominated));
	agents_tick(agents, 1150);
	assert_int_equal(sent_used, 20);
	for (unsigned i = 10; i < 20; i++) {
		assert_true(answer(i, false, 1160, &nominated));
		assert_true(nominated);
	}
	assert_int_equal(lost_calls, 0);
	for (unsigned i = 0; i < 10; i++) {
		const struct core_transport *other = core_transport(world.core, others[i]);

		assert_int_equal(other->paths_used, 1);
		assert_int_equal(other->paths[0].local.port, 7001 + i);
		assert_int_equal(other->paths[0].remote.port, 7000);
	}
	assert_int_equal(core_transport(world.core, transport)->paths[0].local.port, 3478);
}

static void an_address_that_the_core_refuses(void **)
{
	struct desc_candidate both[] = {
		candidate("192.0.2.9", 7000, 5), candidate("192.0.2.10", 7000, 4)};

	assert_int_equal(agents_begin(agents, transport, both, 2, 0), 2);
	agents_tick(agents, 1000);
	refuses = true;
	assert_true(answer(0, false, 1010, NULL));
	assert_int_equal(lost_calls, 0);
	agents_tick(agents, 1050);
	assert_int_equal(sent[1].path.remote.ip[15], 10);
	assert_true(answer(1, false, 1060, NULL));
	assert_int_equal(lost_calls, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(the_first_valid_pair_is_nominated),
		CASE(checks_are_sent_again_ever_slower),
		CASE(candidates_that_cannot_be_used),
		CASE(replies_from_elsewhere_are_none),
		CASE(consent_goes_on),
		CASE(silence_ends_it),
		CASE(a_far_side_that_has_forgotten_us),
		CASE(transports_that_are_gone_are_forgotten),
		CASE(their_checks_are_checked_in_turn),
		CASE(their_checks_say_where_they_are),
		CASE(a_session_of_before_goes_on),
		CASE(an_address_has_many_sessions),
		CASE(an_address_that_the_core_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
