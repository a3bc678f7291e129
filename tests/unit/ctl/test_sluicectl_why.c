// SPDX-License-Identifier: Apache-2.0
// `sluicectl why` beside the real data plane: every reason to drop a packet of a session can be found by
// somebody's name.
#include "people.h"

// Not about a session: nothing in the packet says whose it is.
static bool is_nobodys(unsigned why)
{
	return why == SLUICE_DROP_short || why == SLUICE_DROP_fragment ||
	       why == SLUICE_DROP_not_media || why == SLUICE_DROP_address_conflict;
}

// Who is asked for: the peer that the reason concerns.
static const char *whose(unsigned why)
{
	switch (why) {
	case SLUICE_DROP_no_mapping:
	case SLUICE_DROP_muted:
	case SLUICE_DROP_no_path:
	case SLUICE_DROP_want_key:
	case SLUICE_DROP_seal_failed:
	case SLUICE_DROP_index_exhausted:
	case SLUICE_DROP_no_buffer:
	case SLUICE_DROP_tx_full:
	case SLUICE_DROP_overload:
	case SLUICE_DROP_mesh_full: // the viewer's packets, on the wrong worker
		return "bob";
	case SLUICE_DROP_no_transport:
		return "10.0.0.0:20001";
	case SLUICE_DROP_no_keys:
		return "carol";
	default:
		return "demo/alice";
	}
}

static void carol_comes(void)
{
	struct sluice_transport row;
	memcpy(&row, &scene.world.desired->transports[90], sizeof(row));
	person_set(2, "demo", "carol");
	row.participant = (struct sluice_handle){2, 42};
	world_set_transport(&scene.world, 90, &row);
	world_settle(&scene.world);
}

static void each_reason_is_found(void **)
{
	for (unsigned why = 0; why < SLUICE_DROP_COUNT; why++) {
		if (is_nobodys(why))
			continue;
		drives_scene();
		people_come();
		drive(why);
		world_settle(&scene.world);
		if (why == SLUICE_DROP_no_keys)
			carol_comes();
		world_pass(&scene.world, 300);
		json_t *json = look(whose(why));
		bool found = json && mentions(json, sluice_drop_info(why)->name);
		if (!found)
			print_message(
				"%s is not found by %s\n", sluice_drop_info(why)->name, whose(why));
		assert_true(found);
		text_why(json, stdout);
		world_pass(&scene.world, 2000);
		scene_close(&scene);
	}
}

static void peers_have_many_names(void **)
{
	static const char *const alice[] = {"alice", "demo/alice", "0x1234", "4660", "10.0.0.0",
		"10.0.0.0:20000", "[::ffff:10.0.0.0]:20000"};
	drives_scene();
	people_come();
	for (unsigned i = 0; i < sizeof(alice) / sizeof(alice[0]); i++) {
		const json_t *peer = peer_of(look(alice[i]));
		assert_non_null(peer);
		assert_string_equal(json_string_value(json_object_get(peer, "identity")), "alice");
	}
	assert_string_equal(
		json_string_value(json_object_get(peer_of(look("2147483904")), "identity")),
		"bob"); // what we send under
	static const char *const nobody[] = {"dave", "demo/dave", "0x999999", "77", "0x", "0",
		"99999999999", "demo/", "[10.0.0.0", "10.0.0.0:99999", "10.0.0.0:x", ""};
	for (unsigned i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
		assert_null(look(nobody[i]));
	person_set(2, "other", "alice");
	assert_null(look("alice")); // whose?
	assert_non_null(look("other/alice"));
	assert_true(concludes(peer_of(said), "neither sends nor receives"));
	scene_close(&scene);
}

static void ssrc_of_another_stream_is_left_out(void **)
{
	drives_scene();
	people_come();
	json_t *transport =
		json_array_get(json_object_get(peer_of(look("0x1234")), "transports"), 0);
	assert_int_equal(json_array_size(json_object_get(transport, "publications")), 1);
	assert_int_equal(json_array_size(json_object_get(said, "peers")), 1);
	drive_unknown_ssrc();
	world_settle(&scene.world);
	assert_non_null(look("0x1235")); // nobody's stream, but alice sends it
	assert_true(mentions(said, "unknown_ssrc"));
	scene_close(&scene);
}

static void rows_in_writing_do_not_hurt(void **)
{
	drives_scene();
	people_come();
	sluice_row_begin(&scene.world.observed->subscription_traces[0].row);
	sluice_row_begin(&scene.world.observed->transports[1].row);
	assert_non_null(look("bob"));
	text_why(said, stdout);
	sluice_row_end(&scene.world.observed->subscription_traces[0].row);
	sluice_row_end(&scene.world.observed->transports[1].row);
	sluice_row_begin(&scene.world.desired->participants[1].row);
	assert_null(look("bob"));
	sluice_row_end(&scene.world.desired->participants[1].row);
	struct sluice_note *note = &scene.world.observed->subscription_traces[0].notes[0];
	note->what = 255; // a newer data plane
	note->count = 1;
	note->last_ns = UINT64_MAX;
	assert_non_null(look("bob"));
	text_why(said, stdout);
	view_now();
	view.observed = NULL;
	char why[256];
	json_t *json = why_look(&view, "bob", why, sizeof(why));
	assert_non_null(json);
	json_decref(json);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_is_found),
		cmocka_unit_test(peers_have_many_names),
		cmocka_unit_test(ssrc_of_another_stream_is_left_out),
		cmocka_unit_test(rows_in_writing_do_not_hurt),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(said);
	return failed;
}
