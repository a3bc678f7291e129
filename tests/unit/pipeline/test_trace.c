// SPDX-License-Identifier: Apache-2.0
#include "drives.h"

#define S (1000 * MS)

static struct sluice_trace trace;
static const struct trace_packet one = {0x11223344, 7, 96}, other = {0x55667788, 8, 97};

static void repeats_are_one_note(void **)
{
	memset(&trace, 0, sizeof(trace));
	for (unsigned i = 0; i < 100; i++)
		trace_note(&trace, SLUICE_DROP_muted, 1, i < 99 ? one : other, 5 * S + i * MS);
	const struct sluice_note *note = sluice_trace_find(&trace, SLUICE_DROP_muted);
	assert_non_null(note);
	assert_int_equal(note->count, 100);
	assert_int_equal(note->run, 100);
	assert_int_equal(note->since_ns, 5 * S);
	assert_int_equal(note->last_ns, 5 * S + 99 * MS);
	assert_int_equal(note->ssrc, other.ssrc);
	assert_int_equal(note->sequence, 8);
	assert_int_equal(note->payload_type, 97);
	// After a pause another run begins, the count goes on.
	trace_note(&trace, SLUICE_DROP_muted, 5, one, 20 * S);
	assert_int_equal(note->count, 105);
	assert_int_equal(note->run, 5);
	assert_int_equal(note->since_ns, 20 * S);
	assert_null(sluice_trace_find(&trace, SLUICE_DROP_late));
	assert_int_equal(atomic_load(&trace.row.sequence) % 2, 0);
	trace_note(&trace, SLUICE_DROP_muted, UINT32_MAX, one, 20 * S);
	assert_int_equal(note->count, UINT32_MAX); // and no wrap
}

static void the_one_unseen_for_longest_makes_room(void **)
{
	memset(&trace, 0, sizeof(trace));
	for (unsigned what = 0; what < SLUICE_TRACE_NOTES; what++)
		trace_note(&trace, what, 1, one, (1 + what) * S);
	trace_note(&trace, 0, 1, one, 50 * S); // the first is young again
	trace_note(&trace, SLUICE_DECISION_resent, 3, other, 51 * S);
	assert_non_null(sluice_trace_find(&trace, 0));
	assert_null(sluice_trace_find(&trace, 1));
	const struct sluice_note *note = sluice_trace_find(&trace, SLUICE_DECISION_resent);
	assert_int_equal(note->count, 3);
	assert_int_equal(note->since_ns, 51 * S);
}

static void first_times_stay(void **)
{
	memset(&trace, 0, sizeof(trace));
	trace_mark(&trace, &trace.first_ns, 5);
	trace_mark(&trace, &trace.first_ns, 9);
	assert_int_equal(trace.first_ns, 5);
	trace_keyed(&trace, 7);
	trace_keyed(&trace, 8); // the keys of now
	assert_int_equal(trace.keyed_ns, 8);
	trace_begin(&trace, 3);
	assert_int_equal(trace.first_ns, 0);
	trace_mark(&trace, &trace.first_ns, 6);
	trace_begin(&trace, 3); // a successor takes over
	assert_int_equal(trace.first_ns, 6);
	trace_clear(&trace);
	assert_int_equal(trace.row.generation, 0);
	assert_int_equal(trace.first_ns, 0);
}

static void packets_say_who_they_are(void **)
{
	static const uint8_t rtp[12] = {0x80, 0xE0, 1, 2, 0, 0, 0, 0, 0xA, 0xB, 0xC, 0xD};
	static const uint8_t rtcp[8] = {0x81, 201, 0, 1, 1, 2, 3, 4};
	struct trace_packet packet = trace_packet(rtp, sizeof(rtp));
	assert_int_equal(packet.ssrc, 0x0A0B0C0D);
	assert_int_equal(packet.sequence, 0x0102);
	assert_int_equal(packet.payload_type, 96);
	packet = trace_packet(rtcp, sizeof(rtcp));
	assert_int_equal(packet.ssrc, 0x01020304);
	assert_int_equal(packet.payload_type, 201);
	for (uint32_t length = 0; length < sizeof(rtp); length++)
		assert_int_equal(trace_packet(rtp, length).ssrc, 0);
	assert_int_equal(trace_frame(rtp, sizeof(rtp)).ssrc, 0);
}

static unsigned strangers(unsigned worker)
{
	unsigned n = 0;
	for (unsigned i = 0; i < SLUICE_STRANGERS; i++)
		n += scene.world.observed->strangers[worker].entries[i].address.port != 0;
	return n;
}

static void from_port(uint16_t port)
{
	struct sluice_path path = scene.publisher.row.paths[0];
	path.remote.port = port;
	push(peer_frame(&path, data, stream_write(&scene.video, false, data, 1), frame));
	world_settle(&scene.world);
}

static void strangers_are_remembered_by_address(void **)
{
	drives_scene();
	assert_int_equal(strangers(0), 0);
	for (unsigned i = 0; i < 3; i++)
		from_port(777);
	assert_int_equal(strangers(0), 1);
	for (unsigned i = 0; i < 5000; i++) // a flood
		from_port((uint16_t)(1000 + i));
	world_pass(&scene.world, 100);
	from_port(777); // whoever goes on keeps its place
	const struct sluice_stranger *found = NULL;
	for (unsigned i = 0; i < SLUICE_STRANGERS; i++) {
		const struct sluice_stranger *entry =
			&scene.world.observed->strangers[0].entries[i];
		if (entry->address.port == 777)
			found = entry;
	}
	assert_non_null(found);
	assert_int_equal(found->count, 4);
	assert_int_equal(found->what, SLUICE_DROP_no_transport);
	assert_int_equal(found->class, SLUICE_CLASS_RTP);
	// What is no UDP to the media port says nothing of an address that anybody would ask for.
	unsigned before = strangers(0);
	drive_not_media();
	drive_fragment();
	drive_short();
	world_settle(&scene.world);
	assert_int_equal(strangers(0), before);
	assert_int_equal(strangers(1), 0);
	scene_close(&scene);
}

// First times and notes go with the life of a row, and over a restart of the data plane.
static void notes_live_as_long_as_the_session(void **)
{
	drives_scene();
	struct sluice_observed *observed = scene.world.observed;
	drive_auth_failed();
	world_settle(&scene.world);
	const struct sluice_trace *up = &observed->transport_traces[0];
	assert_int_equal(up->row.generation, 1);
	assert_true(up->keyed_ns != 0 && up->arrived_ns >= up->keyed_ns);
	assert_true(observed->publication_traces[0].first_key_ns != 0);
	assert_true(observed->subscription_traces[0].first_ns != 0);
	assert_true(observed->subscription_traces[0].first_key_ns != 0);
	uint64_t arrived_ns = up->arrived_ns;
	world_pass(&scene.world, 2000);
	world_stop(&scene.world);
	world_start(&scene.world);
	world_settle(&scene.world);
	scene_send(&scene, false);
	assert_int_equal(up->arrived_ns, arrived_ns);
	assert_non_null(sluice_trace_find(up, SLUICE_DROP_auth_failed));
	struct sluice_transport gone = {0};
	world_set_transport(&scene.world, 0, &gone);
	world_settle(&scene.world);
	assert_int_equal(up->row.generation, 0);
	assert_null(sluice_trace_find(up, SLUICE_DROP_auth_failed));
	scene_close(&scene);
}

// What only flows leaves no notes, however long.
static void what_flows_costs_nothing(void **)
{
	drives_scene();
	const struct sluice_trace *sent = &scene.world.observed->subscription_traces[0];
	const struct sluice_trace *came = &scene.world.observed->publication_traces[0];
	uint32_t before = atomic_load(&sent->row.sequence), in = atomic_load(&came->row.sequence);
	scene_send_many(&scene, 300);
	assert_int_equal(atomic_load(&sent->row.sequence), before);
	assert_int_equal(atomic_load(&came->row.sequence), in);
	scene_close(&scene);
}

static void names_are_closed_lists(void **)
{
	for (unsigned what = 0; what < 300; what++) {
		const struct sluice_drop_info *info = sluice_decision_info(what);
		bool there = what < SLUICE_DROP_COUNT ||
			     (what >= SLUICE_DECISION_FIRST && what < SLUICE_DECISION_END);
		assert_int_equal(info != NULL, there);
	}
	assert_string_equal(sluice_decision_info(SLUICE_DECISION_key_asked)->name, "key_asked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_are_one_note),
		cmocka_unit_test(the_one_unseen_for_longest_makes_room),
		cmocka_unit_test(first_times_stay),
		cmocka_unit_test(packets_say_who_they_are),
		cmocka_unit_test(strangers_are_remembered_by_address),
		cmocka_unit_test(notes_live_as_long_as_the_session),
		cmocka_unit_test(what_flows_costs_nothing),
		cmocka_unit_test(names_are_closed_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
