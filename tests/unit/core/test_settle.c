// SPDX-License-Identifier: Apache-2.0
#include "core/model.h"
#include "core/settle.h"
#include "pairs.h"

static struct desc one, other;
static struct participant people[2];
static struct settlement settlement;
static uint8_t map[DESC_SECTIONS_MAX];

static void begin(void)
{
	memset(people, 0, sizeof(people));
	memset(&settlement, 0, sizeof(settlement));
	for (unsigned i = 0; i < 2; i++) {
		people[i].view.can_publish = people[i].view.can_subscribe = true;
		settlement.half[i].who = &people[i];
	}
	settlement.half[0].desc = &one;
	settlement.half[0].offers = true;
	settlement.half[1].desc = &other;
	world_desc(&one, 1);
	world_desc(&other, 2);
	memset(map, CORE_SECTION_NONE, sizeof(map));
}

// ---- which section is which

static void test_map_without_a_past(void **)
{
	const struct core_section others[] = {
		{.kind = DESC_VIDEO}, {.kind = DESC_AUDIO}, {.kind = DESC_VIDEO}};

	begin();
	world_audio(&one);
	world_video(&one, "VP8");
	client_data(&one);
	settle_map(NULL, &one, others, 3, map);
	assert_int_equal(map[0], 1);
	assert_int_equal(map[1], 0);
	assert_int_equal(map[2], CORE_SECTION_NONE);
	settle_map(NULL, &one, others, 0, map);
	assert_int_equal(map[0], CORE_SECTION_NONE);
}

static void test_map_goes_on(void **)
{
	const struct core_section others[] = {
		{.kind = DESC_VIDEO}, {.kind = DESC_VIDEO}, {.kind = DESC_AUDIO}};
	static struct transport leg;

	begin();
	world_video(&one, "VP8");
	world_video(&one, "VP8");
	world_audio(&one);
	leg.view.sections_used = 2;
	leg.view.sections[0].partner = 1;
	leg.view.sections[1].partner = 0;
	settle_map(&leg, &one, others, 3, map);
	assert_int_equal(map[1], 0);
	assert_int_equal(map[0], 1);
	assert_int_equal(map[2], 2);
	// what a row says may be nonsense: two on one, another kind, out of range
	leg.view.sections[0].partner = 2;
	leg.view.sections[1].partner = 77;
	settle_map(&leg, &one, others, 3, map);
	assert_int_equal(map[0], 0);
	assert_int_equal(map[1], 1);
	leg.view.sections[0].partner = leg.view.sections[1].partner = 1;
	settle_map(&leg, &one, others, 3, map);
	assert_int_equal(map[1], 0);
	assert_int_equal(map[0], 1);
}

// ---- two descriptions

static void test_who_answers_chooses(void **)
{
	const struct joint *joint = &settlement.joints[0];

	begin();
	world_video(&one, "VP8"); // VP8, VP9
	world_video(&other, "H999");
	other.sections[0].codecs[2] = world_codec("VP8", 33);
	other.sections[0].codecs_used = 3; // H999, VP9, VP8
	map[0] = 0;
	settle_both(&settlement, map);
	assert_true(joint->taken);
	assert_int_equal(joint->codec[1], 1);
	assert_int_equal(joint->codec[0], 1);
	settlement.joints_used = 0;
	settlement.half[1].offers = true; // they cross: then the first has it
	settle_both(&settlement, map);
	assert_int_equal(joint->codec[0], 0);
	assert_int_equal(joint->codec[1], 2);
}

static void test_flows(void **)
{
	for (unsigned left = 0; left < 4; left++)
		for (unsigned right = 0; right < 4; right++)
			for (unsigned rights = 0; rights < 16; rights++) {
				begin();
				world_audio(&one);
				world_audio(&other);
				one.sections[0].direction = (enum desc_direction)left;
				other.sections[0].direction = (enum desc_direction)right;
				people[0].view.can_publish = rights & 1;
				people[0].view.can_subscribe = rights & 2;
				people[1].view.can_publish = rights & 4;
				people[1].view.can_subscribe = rights & 8;
				map[0] = 0;
				settle_both(&settlement, map);
				assert_true(settlement.joints[0].taken);
				assert_int_equal(settlement.joints[0].flows[0],
					(left & 1) && (right & 2) && (rights & 1) && (rights & 8));
				assert_int_equal(settlement.joints[0].flows[1],
					(right & 1) && (left & 2) && (rights & 4) && (rights & 2));
			}
}

static void test_nothing_in_common(void **)
{
	begin();
	world_video(&one, "VP8");
	one.sections[0].codecs_used = 1;
	world_video(&other, "H264");
	other.sections[0].codecs_used = 1;
	world_audio(&one);
	world_audio(&other);
	other.sections[1].rejected = true;
	client_data(&one);
	client_data(&other);
	world_audio(&one);
	client_data(&other);
	for (uint8_t i = 0; i < 4; i++)
		map[i] = i;
	settle_both(&settlement, map);
	assert_int_equal(settlement.joints_used, 4);
	assert_false(settlement.joints[0].taken);
	assert_false(settlement.joints[1].taken);
	assert_true(settlement.joints[2].taken && settlement.joints[2].data);
	assert_false(settlement.joints[3].taken); // audio against data
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_without_a_past),
		cmocka_unit_test(test_map_goes_on),
		cmocka_unit_test(test_who_answers_chooses),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_nothing_in_common),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
