// SPDX-License-Identifier: Apache-2.0
#include "edge/whose.h"
#include "unit/core/world.h"

static struct world world;
static struct whose whose;
static struct core_transport_id id;

enum { MESSAGE_MAX = 600 };

static int fresh(void **)
{
	struct core_participant_id peer;

	memset(&whose, 0, sizeof(whose));
	world_begin(&world);
	peer = world_enter(&world, "demo", "1");
	world_publish(&world, peer, 1);
	id = world_up(&world, peer)->id;
	return 0;
}

static int over(void **)
{
	world_end(&world);
	return 0;
}

static size_t attribute(uint8_t *to, unsigned type, const char *value, size_t length)
{
	memset(to, 0, 4 + (length + 3) / 4 * 4);
	to[1] = (uint8_t)type;
	to[2] = (uint8_t)(length >> 8);
	to[3] = (uint8_t)length;
	memcpy(to + 4, value, length);
	return 4 + (length + 3) / 4 * 4;
}

// A message of that type with some attribute, and USERNAME where there is one.
static size_t message(uint8_t *to, unsigned type, const char *username)
{
	static const uint8_t head[] = {
		0, 0, 0, 0, 0x21, 0x12, 0xA4, 0x42, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
	size_t length = sizeof(head);

	memcpy(to, head, sizeof(head));
	to[0] = (uint8_t)(type >> 8);
	to[1] = (uint8_t)type;
	length += attribute(to + length, 0x24, "prio", 4);
	if (username)
		length += attribute(to + length, 6, username, strlen(username));
	length += attribute(to + length, 0x22, "odd", 3);
	to[3] = (uint8_t)(length - sizeof(head));
	return length;
}

static bool finds(const struct core_path *path, bool out, const uint8_t *data, size_t length)
{
	const struct core_transport *found =
		whose_find(&whose, world.core, path, out, data, length);

	return found && found->id.index == id.index && found->id.generation == id.generation;
}

static bool finds_message(uint16_t port, bool out, unsigned type, const char *username)
{
	const struct core_path path = world_path(7, port);
	uint8_t data[MESSAGE_MAX];

	return finds(&path, out, data, message(data, type, username));
}

static const char *user(bool ours_first)
{
	static char text[128];
	const char *ours = core_transport(world.core, id)->local_ufrag;

	snprintf(text, sizeof(text), "%s:%s", ours_first ? ours : "them",
		ours_first ? "them" : ours);
	return text;
}

// A check, right or wrong, names the ufrag; what follows from that address is its, too.
static void by_the_ufrag(void **)
{
	assert_false(finds_message(5000, false, 0x0011, NULL));
	assert_true(finds_message(5000, false, 0x0001, user(true)));
	assert_true(finds_message(5000, true, 0x0111, NULL)); // our refusal
	assert_true(finds_message(5000, false, 0x0011, NULL)); // an indication
	assert_false(finds_message(5001, false, 0x0011, NULL));
	// A check of ours names the other's first.
	assert_false(finds_message(5002, true, 0x0001, user(true)));
	assert_true(finds_message(5002, true, 0x0001, user(false)));
	assert_true(finds_message(5002, false, 0x0101, NULL));
}

static void by_the_address(void **)
{
	static const uint8_t dtls[] = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	const struct core_path path = world_path(7, 5000);
	const struct core_path other = world_path(8, 5000);
	struct core_path another_port = path;

	another_port.local.port++;

	assert_false(finds(&path, false, dtls, sizeof(dtls)));
	core_transport_path(world.core, id, &path, true, 1000);
	assert_true(finds(&path, false, dtls, sizeof(dtls)));
	assert_true(finds(&path, true, dtls, sizeof(dtls)));
	assert_false(finds(&other, false, dtls, sizeof(dtls)));
	assert_false(finds(&another_port, false, dtls, sizeof(dtls)));
	// An ufrag that is nobody's does not hide whose address it is.
	assert_true(finds_message(5000, false, 0x0001, "nobody:them"));
}

static void nonsense_is_nobodys(void **)
{
	uint8_t data[MESSAGE_MAX];
	const struct core_path path = world_path(7, 5000);
	size_t length = message(data, 1, user(true));

	assert_false(finds_message(5000, false, 1, "nobody:them"));
	assert_false(finds_message(5000, false, 1, ":"));
	assert_false(finds_message(5000, false, 1, ""));
	assert_false(finds_message(5000, false, 1, core_transport(world.core, id)->local_ufrag));
	for (size_t cut = 0; cut < 28 + 4 + strlen(user(true)); cut++)
		assert_false(finds(&path, false, data, cut));
	data[30] = 255; // USERNAME is longer than the message
	assert_false(finds(&path, false, data, length));
	assert_false(finds(&path, false, data, 0));
}

// Those who are gone are nobody, and many addresses push each other out.
static void what_was_noted_does_not_stay(void **)
{
	assert_true(finds_message(5000, false, 1, user(true)));
	for (uint16_t port = 6000; port < 6000 + WHOSE_RECENT; port++)
		assert_true(finds_message(port, false, 1, user(true)));
	assert_false(finds_message(5000, true, 0x0111, NULL));
	assert_true(finds_message(6000, true, 0x0111, NULL));
	core_transport_close(world.core, id, "test");
	core_dispatch(world.core);
	assert_false(finds_message(6000, true, 0x0111, NULL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, over)
	const struct CMUnitTest tests[] = {
		TEST(by_the_ufrag),
		TEST(by_the_address),
		TEST(nonsense_is_nobodys),
		TEST(what_was_noted_does_not_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
