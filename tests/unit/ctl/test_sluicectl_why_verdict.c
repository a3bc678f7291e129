// SPDX-License-Identifier: Apache-2.0
// The sentences that `sluicectl why` ends with, drawn from what the real data plane wrote.
#include "people.h"

static int begin(void **)
{
	drives_scene();
	people_come();
	return 0;
}

static int end(void **)
{
	world_pass(&scene.world, 2000);
	scene_close(&scene);
	return 0;
}

static bool of(const char *who, const char *words)
{
	return concludes(peer_of(look(who)), words);
}

static void what_flows_is_said_to_flow(void **)
{
	scene_send_many(&scene, 200);
	assert_true(of("alice", "video comes in"));
	assert_true(of("bob", "is sent video of alice"));
	assert_false(json_is_null(json_object_get(
		json_array_get(
			json_object_get(
				json_array_get(json_object_get(peer_of(said), "transports"), 0),
				"subscriptions"),
			0),
		"first_key_frame_seconds_ago")));
}

// The publisher sends no key frame, however often it is asked.
static void video_waits_for_a_key_frame(void **)
{
	scene.subscriptions[0].paused = 1;
	viewer_set();
	scene_send_many(&scene, 10);
	assert_true(of("bob", "of alice's video it receives nothing because: it has paused it "
			      "itself (muted)"));
	scene.subscriptions[0].paused = 0;
	viewer_set();
	scene_send_many(&scene, 150);
	assert_true(
		of("bob", "of alice's video it receives nothing because: publisher's video waits "
			  "for a key frame since 1."));
	assert_true(concludes(peer_of(said), "; asked 2 times"));
	assert_true(of("alice", "its publisher was asked for a key frame 2 times in 1."));
	scene_send_many(&scene, 100); // now it begins anywhere
	assert_true(mentions(look("bob"), "began_blind"));
	assert_true(of("bob", "is sent video of alice"));
}

static void blind_video_is_black(void **)
{
	struct sluice_trace *trace = &scene.world.observed->subscription_traces[0];
	trace->first_key_ns = 0;
	scene_send(&scene, false);
	world_pass(&scene.world, 300);
	scene_send(&scene, false);
	assert_true(of("bob", "no key frame was sent yet: the picture stays black"));
}

static void forged_packets_and_wrong_keys_are_told_apart(void **)
{
	push(framed());
	world_settle(&scene.world);
	assert_true(of("alice", "beside good ones 1 packet from 10.0.0.0:20000 failed"));
	// From now on nothing of hers is authentic: her keys are others than control's.
	scene.publisher.row.key_epoch = 9;
	peer_key(&scene.publisher.row.receive_key, 77, 1);
	world_set_transport(&scene.world, 0, &scene.publisher.row);
	for (unsigned i = 0; i < 300; i++)
		scene_send(&scene, false);
	assert_true(
		of("alice", "packets come from 10.0.0.0:20000 but fail authentication: wrong keys "
			    "or a second sender"));
	assert_true(of("bob", "of alice's video it receives nothing because: nothing of the "
			      "publisher's video has come in for"));
}

static void a_nat_that_changed_its_port_is_seen(void **)
{
	struct sluice_path path = scene.publisher.row.paths[0];
	path.remote.port = 33333;
	for (unsigned i = 0; i < 5; i++) {
		push(peer_frame(&path, data, stream_write(&scene.video, false, data, 1), frame));
		world_pass(&scene.world, 10);
	}
	assert_true(
		of("alice", "5 packets came from 10.0.0.0:33333, a port that no STUN check of this "
			    "session has proved (no_transport)"));
	assert_true(concludes(look("10.0.0.0:33333"), "no session has proved this address"));
	assert_true(concludes(look("10.9.9.9"),
		"nothing from this address was dropped before its session was known"));
	path.remote.ip[12] = 11; // another host altogether
	push(peer_frame(&path, data, stream_write(&scene.video, false, data, 1), frame));
	world_settle(&scene.world);
	assert_true(concludes(look("11.0.0.0"), "1 packet from 11.0.0.0:33333"));
	assert_int_equal(json_array_size(json_object_get(said, "peers")), 0);
}

static void a_publisher_that_pauses_or_falls_silent(void **)
{
	drive_paused();
	world_settle(&scene.world);
	assert_true(of("alice", "the publisher has paused its video"));
	world_pass(&scene.world, 2500);
	assert_true(of("bob", "it receives nothing because: the publisher has paused its video"));
	scene.publication.paused = 0;
	world_set_publication(&scene.world, 0, &scene.publication);
	world_pass(&scene.world, 2500);
	assert_true(of("bob", "nothing of the publisher's video has come in for 5."));
	world_pass(&scene.world, 8000);
	assert_true(of("alice", "nothing authentic has come from 10.0.0.0:20000 on transport 0"));
}

static void what_was_never_accepted(void **)
{
	scene.subscriptions[0].active = 0;
	viewer_set();
	assert_true(of("bob", "it has not accepted it"));
	scene.subscriptions[0].active = 1;
	viewer_set();
	drive_no_mapping();
	scene_send_many(&scene, 250);
	assert_true(of("bob", "subscriber did not negotiate the codec (no_mapping, 251 packets"));
	scene.publication.row.generation++; // the publication it was is gone
	world_set_publication(&scene.world, 0, &scene.publication);
	world_settle(&scene.world);
	assert_true(of("bob", "the publication has ended"));
}

static void connections_that_are_not_up(void **)
{
	scene.viewers[0].row.flags = 0;
	world_set_transport(&scene.world, 1, &scene.viewers[0].row);
	world_settle(&scene.world);
	assert_true(of("bob", "the DTLS handshake is not finished; `sluicectl join-report`"));
	scene.viewers[0].row.paths_used = 0;
	world_set_transport(&scene.world, 1, &scene.viewers[0].row);
	assert_true(of("bob", "no STUN check has proved an address of the client"));
	view_now();
	view.dataplane_alive = false;
	char why[256];
	json_t *json = why_look(&view, "alice", why, sizeof(why));
	assert_true(concludes(peer_of(json), "the data plane is not running"));
	json_decref(json);
}

static void overload_is_a_reason(void **)
{
	for (unsigned i = 0; i < 300; i++) {
		drive_overload();
		world_pass(&scene.world, 10);
	}
	assert_true(of("bob", "it receives nothing because: more is to be sent than worker or port "
			      "can; video goes before audio (overload"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_flows_is_said_to_flow),
		TEST(video_waits_for_a_key_frame),
		TEST(blind_video_is_black),
		TEST(forged_packets_and_wrong_keys_are_told_apart),
		TEST(a_nat_that_changed_its_port_is_seen),
		TEST(a_publisher_that_pauses_or_falls_silent),
		TEST(what_was_never_accepted),
		TEST(connections_that_are_not_up),
		TEST(overload_is_a_reason),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(said);
	return failed;
}
