// SPDX-License-Identifier: Apache-2.0
#include "unit/plane/call.h"

// ---- rows say what the core says

static void expect_transport(const struct sluice_transport *row, const struct core_transport *t)
{
	assert_int_equal(row->row.generation, t->id.generation);
	assert_int_equal(row->row.sequence & 1, 0);
	assert_int_equal(row->worker, t->worker);
	assert_int_equal(row->srtp_profile, 7);
	assert_int_equal(row->rtcp_ssrc_base, t->rtcp_ssrc_base);
	assert_int_equal(row->key_epoch, t->key_epoch);
	assert_int_equal(row->transport_cc_extension_id, t->transport_cc_extension_id);
	assert_true(row->flags & SLUICE_TRANSPORT_HAS_KEYS);
	assert_int_equal(
		(row->flags & SLUICE_TRANSPORT_PUBLISHES) != 0, t->publisher.generation == 0);
	assert_int_equal((row->flags & SLUICE_TRANSPORT_PAIR) != 0, t->pair);
	assert_int_equal((row->flags & SLUICE_TRANSPORT_DTLS_CLIENT) != 0, t->dtls_client);
	assert_memory_equal(row->receive_key.key, t->keys.receive_key, 32);
	assert_memory_equal(row->send_key.salt, t->keys.send_salt, 14);
	assert_int_equal(row->paths_used, 1);
	assert_memory_equal(row->paths[0].remote.ip, t->paths[0].remote.ip, 16);
	assert_int_equal(row->paths[0].remote.port, t->paths[0].remote.port);
	assert_int_equal(row->paths[0].local.port, 7000);
	assert_memory_equal(row->paths[0].remote_mac, t->paths[0].remote_mac, 6);
	assert_int_equal(row->participant.generation, t->participant.generation);
	assert_int_equal(row->publisher.generation, t->publisher.generation);
	assert_string_equal(row->local_ufrag, t->local_ufrag);
	assert_string_equal(row->local_password, t->local_password);
	assert_string_equal(row->remote_ufrag, t->remote_ufrag);
	assert_string_equal(row->fingerprint_algorithm, "sha-256");
	assert_int_equal(row->fingerprint_length, 32);
	assert_memory_equal(row->fingerprint, t->fingerprint.value, 32);
}

static void expect_publication(
	const struct sluice_publication *row, const struct core_publication *p)
{
	assert_int_equal(row->row.generation, p->id.generation);
	assert_int_equal(row->transport.index, p->transport.index);
	assert_int_equal(row->transport.generation, p->transport.generation);
	assert_int_equal(row->participant.generation, p->participant.generation);
	assert_int_equal(row->kind, p->kind);
	assert_int_equal(row->codecs_used, 1);
	assert_int_equal(
		row->codecs[0].codec, p->kind == DESC_AUDIO ? SLUICE_CODEC_OPUS : SLUICE_CODEC_VP8);
	assert_int_equal(row->codecs[0].payload_type, p->codecs[0].payload_type);
	assert_int_equal(row->codecs[0].rtx_payload_type, p->codecs[0].rtx_payload_type);
	assert_int_equal(row->codecs[0].clock_rate, p->codecs[0].clock_rate);
	assert_string_equal(row->codecs[0].name, p->codecs[0].name);
	assert_int_equal(row->encodings_used, 1);
	assert_int_equal(row->encodings[0].ssrc, 1000 * p->kind + 1);
	assert_int_equal(row->mid[0], p->mid[0]);
	assert_int_equal(row->extension_id[SLUICE_EXT_MID], 4);
	assert_int_equal(row->extension_id[SLUICE_EXT_RID], 0);
	assert_string_equal(row->track, p->track);
	assert_int_equal(row->source_epoch, p->source_epoch);
}

static void expect_subscription(
	const struct sluice_subscription *row, const struct core_subscription *s)
{
	assert_int_equal(row->row.generation, s->id.generation);
	assert_int_equal(row->publication.index, s->publication.index);
	assert_int_equal(row->publication.generation, s->publication.generation);
	assert_int_equal(row->transport.generation, s->transport.generation);
	assert_int_equal(row->ssrc, s->ssrc);
	assert_int_equal(row->rtx_ssrc, s->rtx_ssrc);
	assert_int_equal(row->active, 1);
	assert_int_equal(row->nack, s->nack);
	assert_memory_equal(row->payload_type, s->payload_type, 4);
	assert_memory_equal(row->rtx_payload_type, s->rtx_payload_type, 4);
	assert_memory_equal(row->extension_id, s->extension_id, DESC_EXT_COUNT);
	assert_int_equal(row->mid[0], s->mid[0]);
}

static void test_rows_say_what_the_core_says(void **state)
{
	struct world *world = *state;
	unsigned transports = 0, publications = 0, subscriptions = 0;
	world_control(world, 1000);
	make_call(world->core, 1000);
	const struct sluice_desired *desired =
		sluice_desired_open(world->directory, why, sizeof(why));
	assert_non_null(desired);
	for (const struct core_transport *t = NULL; (t = core_transport_next(world->core, t));) {
		expect_transport(&desired->transports[t->id.index], t);
		assert_in_range(
			t->id.index, 0, desired->head.rows_used[SLUICE_TABLE_TRANSPORT] - 1);
		transports++;
	}
	for (const struct core_publication *p = NULL;
		(p = core_publication_next(world->core, p));) {
		expect_publication(&desired->publications[p->id.index], p);
		publications++;
	}
	for (const struct core_subscription *s = NULL;
		(s = core_subscription_next(world->core, s));) {
		expect_subscription(&desired->subscriptions[s->id.index], s);
		subscriptions++;
	}
	assert_int_equal(transports, 3);
	assert_int_equal(publications, 4);
	assert_int_equal(subscriptions, 2);
	assert_int_equal(desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 3);
	assert_int_equal(desired->head.rows_used[SLUICE_TABLE_SUBSCRIPTION], 2);
	const struct core_participant *ada = core_participant_by_identity(
		world->core, core_room_by_name(world->core, "room")->id, "ada");
	const struct sluice_participant *row = &desired->participants[ada->id.index];
	assert_string_equal(row->room, "room");
	assert_string_equal(row->identity, "ada");
	assert_string_equal(row->dialect, "sfu");
	assert_int_equal(row->can_publish, 1);
	assert_int_equal(row->row.generation, ada->id.generation);
	sluice_desired_close(desired);
}

static void test_long_texts_are_cut(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	struct core_plane put = plane_callbacks(world->plane);
	struct core_transport transport = {.id = {7, 5}, .worker = 1};
	memset(transport.remote_ufrag, 'u', 256);
	memset(transport.remote_password, 'p', 256);
	put.transport(put.context, &transport, false);
	const struct sluice_transport *row = &plane_desired(world->plane)->transports[7];
	assert_int_equal(strlen(row->remote_ufrag), SLUICE_UFRAG_MAX - 1);
	assert_int_equal(strlen(row->remote_password), SLUICE_PASSWORD_MAX - 1);
	struct core_publication publication = {.id = {0, 1}, .kind = DESC_VIDEO};
	memset(publication.mid, 'm', 16);
	put.publication(put.context, &publication, false);
	assert_memory_equal(
		plane_desired(world->plane)->publications[0].mid, "mmmmmmmmmmmmmmmm", 16);
	assert_int_equal(plane_desired(world->plane)->publications[0].extension_id[0], 0);
}

static void test_freed_rows_are_empty(void **state)
{
	struct world *world = *state;
	static const struct sluice_transport empty;
	world_control(world, 1000);
	make_call(world->core, 1000);
	const struct sluice_desired *desired = plane_desired(world->plane);
	uint32_t sequences[3];
	for (unsigned i = 0; i < 3; i++)
		sequences[i] = desired->transports[i].row.sequence;
	for (const struct core_participant *p; (p = core_participant_next(world->core, NULL));)
		assert_int_equal(core_leave(world->core, p->id), 0);
	for (unsigned i = 0; i < 3; i++) {
		const struct sluice_transport *row = &desired->transports[i];
		assert_memory_equal(&row->row.generation, &empty.row.generation,
			sizeof(empty) - offsetof(struct sluice_row, generation));
		assert_int_equal(row->row.sequence & 1, 0);
		assert_true(row->row.sequence > sequences[i]);
	}
	assert_int_equal(desired->publications[0].row.generation, 0);
	assert_int_equal(desired->subscriptions[0].row.generation, 0);
	assert_int_equal(desired->participants[0].row.generation, 0);
	assert_int_equal(desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 3);
}

// ---- hints

static unsigned take_hints(struct world *world, unsigned w, struct sluice_hint *last)
{
	struct sluice_desired *desired = (void *)plane_desired(world->plane);
	struct sluice_ring ring = sluice_ring_hints(desired, world->observed, w);
	unsigned count = 0;
	while (sluice_ring_pop(&ring, last))
		count++;
	return count;
}

static void test_every_worker_in_use_gets_every_hint(void **state)
{
	struct world *world = *state;
	struct sluice_hint hint, other;
	world_dataplane(world);
	world_control(world, 1000);
	join(world->core, "room", "ada", 1000);
	assert_int_equal(take_hints(world, 0, &hint), 0); // participants are no news to it
	struct core_plane put = plane_callbacks(world->plane);
	struct core_subscription subscription = {.id = {9, 77}, .ssrc = 5};
	put.subscription(put.context, &subscription, false);
	assert_int_equal(take_hints(world, 0, &hint), 1);
	assert_int_equal(hint.table, SLUICE_TABLE_SUBSCRIPTION);
	assert_int_equal(hint.index, 9);
	assert_int_equal(hint.generation, 77);
	assert_int_equal(take_hints(world, 1, &other), 1);
	assert_memory_equal(&hint, &other, sizeof(hint));
	assert_int_equal(take_hints(world, 2, &other), 0);

	// the same again is no change, a freed row is
	uint32_t sequence = plane_desired(world->plane)->subscriptions[9].row.sequence;
	put.subscription(put.context, &subscription, false);
	assert_int_equal(plane_desired(world->plane)->subscriptions[9].row.sequence, sequence);
	assert_int_equal(take_hints(world, 0, &hint), 0);
	put.subscription(put.context, &subscription, true);
	assert_int_equal(take_hints(world, 1, &hint), 1);
	assert_int_equal(hint.generation, 0);

	// while nobody knows how many workers there are, all rings are for it
	world->observed->head.workers_used = 0;
	put.subscription(put.context, &subscription, false);
	assert_int_equal(take_hints(world, SLUICE_WORKERS_MAX - 1, &hint), 1);
}

static void test_full_ring_asks_for_a_rescan(void **state)
{
	struct world *world = *state;
	struct sluice_hint hint;
	world_dataplane(world);
	world_control(world, 1000);
	struct core_plane put = plane_callbacks(world->plane);
	struct core_subscription subscription = {.id = {9, 77}};
	uint32_t rescan = plane_desired(world->plane)->head.rescan;
	for (subscription.ssrc = 1; subscription.ssrc <= SLUICE_HINTS; subscription.ssrc++)
		put.subscription(put.context, &subscription, false);
	assert_int_equal(plane_desired(world->plane)->head.rescan, rescan);
	put.subscription(put.context, &subscription, false);
	assert_int_equal(plane_desired(world->plane)->head.rescan, rescan + 1);
	assert_int_equal(take_hints(world, 0, &hint), SLUICE_HINTS);
	// an index of theirs that makes no sense is as good as full
	atomic_store(&world->observed->rings[0].hint_tail.value, 12345678);
	subscription.ssrc = 1;
	put.subscription(put.context, &subscription, false);
	assert_int_equal(plane_desired(world->plane)->head.rescan, rescan + 2);
}

static void test_random(void **state)
{
	struct world *world = *state;
	uint8_t first[1000] = {0}, second[1000] = {0};
	unsigned zeros = 0;
	world_control(world, 1000);
	struct core_plane callbacks = plane_callbacks(world->plane);
	callbacks.random(callbacks.context, first, sizeof(first));
	callbacks.random(callbacks.context, second, sizeof(second));
	assert_memory_not_equal(first, second, sizeof(first));
	for (unsigned i = 0; i < sizeof(first); i++)
		zeros += first[i] == 0;
	assert_in_range(zeros, 0, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_rows_say_what_the_core_says),
		WORLD_TEST(test_long_texts_are_cut),
		WORLD_TEST(test_freed_rows_are_empty),
		WORLD_TEST(test_every_worker_in_use_gets_every_hint),
		WORLD_TEST(test_full_ring_asks_for_a_rescan),
		WORLD_TEST(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
