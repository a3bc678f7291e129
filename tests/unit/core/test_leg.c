// SPDX-License-Identifier: Apache-2.0
#include "core/leg.h"
#include "pairs.h"

static struct desc_section from, to;

static void test_offer_says_what_the_relay_can_carry(void **)
{
	static struct desc desc;
	struct desc_section *video;

	world_desc(&desc, 1);
	world_video(&desc, "H265");
	video = &desc.sections[0];
	video->codecs[video->codecs_used++] = world_codec("H264", 102);
	video->extensions[2] = (struct desc_extension){7, DESC_EXT_RID, DESC_SENDRECV};
	video->extensions[3] = (struct desc_extension){8, DESC_EXT_UNKNOWN, DESC_SENDRECV};
	video->extensions[4] =
		(struct desc_extension){9, DESC_EXT_VIDEO_ORIENTATION, DESC_RECVONLY};
	video->extensions_used = 5;
	leg_offer(&to, video);
	assert_int_equal(to.codecs_used, 2);
	assert_string_equal(to.codecs[0].name, "VP9");
	assert_int_equal(to.codecs[1].payload_type, 102);
	assert_int_equal(to.codecs[1].feedback & DESC_FB_REMB, 0);
	assert_int_not_equal(to.codecs[1].feedback & DESC_FB_TRANSPORT_CC, 0);
	assert_int_equal(to.extensions_used, 3);
	assert_int_equal(to.extensions[2].id, 9);
	assert_int_equal(to.extensions[2].direction, DESC_RECVONLY); // as its owner says
	assert_int_equal(to.encodings_used, 0);
	assert_int_equal(to.direction, DESC_SENDONLY);
	leg_answer(&to, video, &video->codecs[2]);
	assert_int_equal(to.codecs_used, 1);
	assert_int_equal(to.extensions[2].direction, DESC_SENDONLY);
	assert_string_equal(to.mid, "m0");
}

static void test_data_is_mirrored(void **)
{
	memset(&from, 0, sizeof(from));
	from.kind = DESC_APPLICATION;
	from.max_message_size = 1000;
	leg_data(&to, &from);
	assert_int_equal(to.sctp_port, 5000);
	assert_int_equal(to.max_message_size, 1000);
	assert_int_equal(to.direction, DESC_SENDRECV);
	assert_true(to.in_bundle);
	from.sctp_port = 6000;
	leg_data(&to, &from);
	assert_int_equal(to.sctp_port, 6000);
}

static void test_names(void **)
{
	struct core_participant who = {.id = {3, 0xabc}};

	memset(&to, 0, sizeof(to));
	strcpy(to.mid, "5");
	leg_name(&to, &who, "-", "camera");
	assert_string_equal(to.stream, "-");
	assert_string_equal(to.track, "camera");
	leg_name(&to, &who, "", "");
	assert_string_equal(to.cname, "p3-00000abc");
	assert_string_equal(to.stream, to.cname);
	assert_string_equal(to.track, "p3-00000abc-5");
}

// Offers that wait are kept without the sections they do not have, and not without end.
static void test_kept_offers_are_bounded(void **)
{
	static struct desc offer;
	static struct desc *kept[8000];
	struct world world;
	unsigned used = 0;

	world_begin(&world);
	world_offer(&offer, 1);
	kept[0] = offer_keep(world.core, &offer);
	assert_int_equal(kept[0]->sections_used, 2);
	assert_string_equal(kept[0]->sections[1].mid, "m1");
	assert_in_range(world.core->pending_bytes, 2 * sizeof(struct desc_section),
		3 * sizeof(struct desc_section));
	offer_drop(world.core, kept[0]);
	offer_drop(world.core, NULL);
	assert_int_equal(world.core->pending_bytes, 0);
	while (used < 8000 && (kept[used] = offer_keep(world.core, &offer)) != NULL)
		used++;
	assert_in_range(used, 1000, 7999);
	assert_true(world.core->pending_bytes <= OFFERS_KEPT_MAX);
	while (used > 0)
		offer_drop(world.core, kept[--used]);
	assert_int_equal(world.core->pending_bytes, 0);
	world_end(&world);
}

static void test_legs_are_found_from_both_ends(void **)
{
	struct world world;
	struct participant *one, *other;
	struct client *a, *b;

	clients_begin(&world);
	a = client_enter(&world, "a", true);
	b = client_enter(&world, "b", true);
	one = slots_get(&world.core->participants, a->id.index, a->id.generation);
	other = slots_get(&world.core->participants, b->id.index, b->id.generation);
	assert_null(leg_find(one, other));
	clients_call(&world, a, b);
	assert_non_null(leg_find(one, other));
	assert_ptr_equal(leg_find(one, other)->partner, leg_find(other, one));
	assert_true(leg_described(leg_find(one, other)));
	assert_non_null(leg_publication(leg_find(one, other), "m1"));
	assert_null(leg_publication(leg_find(one, other), "m2"));
	assert_non_null(leg_subscription(leg_find(other, one), "m0"));
	leg_close(world.core, leg_find(one, other));
	assert_null(leg_find(other, one)->partner);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_says_what_the_relay_can_carry),
		cmocka_unit_test(test_data_is_mirrored),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kept_offers_are_bounded),
		cmocka_unit_test(test_legs_are_found_from_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
