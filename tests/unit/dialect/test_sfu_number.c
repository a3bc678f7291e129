// SPDX-License-Identifier: Apache-2.0
#include "dialect/sfu_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct core_participant_id handle(uint32_t index, uint32_t generation)
{
	return (struct core_participant_id){index, generation};
}

static void whole_numbers_of_32_bits_are_read(void **)
{
	static const char *const bad[] = {"", "anna", "7a", "-1", "+1", " 1", "1.0", "4294967296",
		"99999999999", "guest-3e8", "\xd9\xa3"};
	uint32_t number = 5;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(sfu_number_read(bad[i], &number));
	assert_int_equal(number, 5);
	assert_true(sfu_number_read("0", &number));
	assert_int_equal(number, 0);
	assert_true(sfu_number_read("4294967295", &number));
	assert_int_equal(number, UINT32_MAX);
}

static void names_get_the_number_of_their_handle(void **)
{
	uint32_t anna = sfu_number_of("anna", handle(3, 0xffffffff));

	assert_int_equal(sfu_number_of("17", handle(3, 1)), 17);
	assert_true(anna >= SFU_NUMBER_STAND_IN);
	assert_int_equal(anna, sfu_number_of("anna", handle(3, 0xffffffff)));
	assert_int_not_equal(anna, sfu_number_of("anna", handle(4, 0xffffffff)));
	assert_int_not_equal(anna, sfu_number_of("anna", handle(3, 0)));
	assert_true(sfu_number_of("anna", handle(UINT32_MAX, UINT32_MAX)) >= SFU_NUMBER_STAND_IN);
}

static void random_bytes(void *, void *bytes, size_t count)
{
	memset(bytes, 7, count);
}

static void ignore(void *, const struct core_event *)
{
}

static struct core_participant_id enter(struct core *core, const char *room, const char *identity)
{
	struct core_join join = {
		.room = room, .identity = identity, .dialect = "rooms", .visible = true};
	struct core_participant_id id;
	bool resumed;

	assert_int_equal(core_join(core, &join, &id, &resumed), 0);
	return id;
}

static void a_number_leads_back_to_its_member(void **)
{
	const struct core_limits limits = {.rooms = 2, .participants = 8, .transports = 1};
	const struct core_local local = {0};
	const struct core_plane plane = {.random = random_bytes};
	const struct core_sink sink = {.event = ignore};
	struct core *core = core_create(&limits, &local, &plane, &sink);
	struct core_participant_id anna = enter(core, "r", "anna"), ben = enter(core, "s", "ben");
	struct core_room_id room = core_participant(core, anna)->room;
	uint32_t number = sfu_number_of("anna", anna);
	char identity[CORE_NAME_MAX], digits[SFU_NUMBER_MAX];

	enter(core, "r", "7");
	assert_true(sfu_number_identity(core, room, number, identity));
	assert_string_equal(identity, "anna");
	assert_true(sfu_number_identity(core, room, 7, identity));
	assert_string_equal(identity, "7");
	assert_false(sfu_number_identity(core, room, 8, identity));
	assert_string_equal(identity, "8");
	assert_false(sfu_number_identity(core, room, sfu_number_of("ben", ben), identity));

	// who has it by a token goes first
	snprintf(digits, sizeof(digits), "%u", number);
	enter(core, "r", digits);
	assert_true(sfu_number_identity(core, room, number, identity));
	assert_string_equal(identity, digits);
	core_destroy(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_of_32_bits_are_read),
		cmocka_unit_test(names_get_the_number_of_their_handle),
		cmocka_unit_test(a_number_leads_back_to_its_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
