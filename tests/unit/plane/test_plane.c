// SPDX-License-Identifier: Apache-2.0
#include "unit/plane/call.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { ROWS = 256 }; // more than any test uses

// A copy of the tables, without the rows' sequences, that two lives of control can be compared by.
struct snapshot {
	uint32_t incarnation;
	struct sluice_transport transports[ROWS];
	struct sluice_publication publications[ROWS];
	struct sluice_subscription subscriptions[ROWS];
	struct sluice_participant participants[ROWS];
};

static struct snapshot *snapshot(struct world *world)
{
	const struct sluice_desired *desired = plane_desired(world->plane);
	struct snapshot *copy = malloc(sizeof(*copy));
	assert_non_null(copy);
	copy->incarnation = desired->head.incarnation;
#define COPY_ROWS(table)                                              \
	for (unsigned i = 0; i < ROWS; i++) {                         \
		copy->table[i] = desired->table[i];                   \
		assert_int_equal(copy->table[i].row.sequence & 1, 0); \
		copy->table[i].row.sequence = 0;                      \
	}
	COPY_ROWS(transports)
	COPY_ROWS(publications)
	COPY_ROWS(subscriptions)
	COPY_ROWS(participants)
	return copy;
}

static void expect_same_tables(const struct snapshot *a, const struct snapshot *b)
{
	assert_memory_equal(a->transports, b->transports, sizeof(a->transports));
	assert_memory_equal(a->publications, b->publications, sizeof(a->publications));
	assert_memory_equal(a->subscriptions, b->subscriptions, sizeof(a->subscriptions));
	assert_memory_equal(a->participants, b->participants, sizeof(a->participants));
}

// ---- life

static void test_only_one_control(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	assert_null(plane_create(world->directory, true, why, sizeof(why)));
	assert_non_null(strstr(why, "another sluice-control is running"));
	char endless[1000];
	memset(endless, 'd', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(plane_create(endless, false, why, sizeof(why)));
	assert_non_null(strstr(why, "too long"));
	plane_destroy(NULL);
}

// The operator's mute outlives control, beside the publisher's own.
static void test_silence_is_recovered(void **state)
{
	struct world *world = *state;
	const struct core_publication_id all = {0};
	world_control(world, 1000);
	make_call(world->core, 1000);
	struct core_participant_id ada = core_participant_by_identity(
		world->core, core_room_by_name(world->core, "room")->id, "ada")
						 ->id;
	assert_int_equal(core_silence(world->core, ada, all, DESC_VIDEO, true), 0);
	assert_int_equal(core_mute(world->core, ada, all, DESC_AUDIO, true), 0);
	world_control_dies(world);
	world_control(world, 2000);
	assert_int_equal(core_participant(world->core, ada)->silenced, 1 << DESC_VIDEO);
	for (const struct core_publication *p = NULL;
		(p = core_publication_next(world->core, p));) {
		bool hers = p->participant.index == ada.index;
		assert_int_equal(p->held, hers && p->kind == DESC_VIDEO);
		assert_int_equal(p->paused, hers && p->kind == DESC_AUDIO);
		assert_int_equal(plane_desired(world->plane)->publications[p->id.index].paused,
			(p->paused ? SLUICE_PAUSED_BY_PUBLISHER : 0) |
				(p->held ? SLUICE_PAUSED_BY_OPERATOR : 0));
	}
}

static void test_empty_recovery(void **state)
{
	struct world *world = *state;
	assert_int_equal(world_control(world, 1000), 0);
	assert_null(core_participant_next(world->core, NULL));
}

// ---- recovery

static void test_call_survives_control(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	make_call(world->core, 1000);
	struct core_room_id room = core_room_by_name(world->core, "room")->id;
	struct core_participant ada = *core_participant_by_identity(world->core, room, "ada");
	struct core_transport up = *core_transport(world->core, ada.publishing);
	struct core_subscription watched = *core_subscription_next(world->core, NULL);
	struct core_publication source = *core_publication(world->core, watched.publication);
	struct snapshot *before = snapshot(world), *after;
	world_control_dies(world);

	assert_int_equal(world_control(world, 50000), 3);
	after = snapshot(world);
	expect_same_tables(before, after);
	assert_int_equal(after->incarnation, before->incarnation + 1);

	const struct core_participant *ada_now = core_participant(world->core, ada.id);
	assert_non_null(ada_now);
	assert_string_equal(ada_now->identity, "ada");
	assert_string_equal(ada_now->dialect, "sfu");
	assert_true(ada_now->visible && ada_now->can_publish && ada_now->can_subscribe);
	assert_null(ada_now->link);
	assert_int_equal(ada_now->unlinked_ms, 50000);
	assert_int_equal(ada_now->publishing.generation, ada.publishing.generation);

	const struct core_transport *now = core_transport(world->core, up.id);
	assert_non_null(now);
	assert_int_equal(now->state, CORE_TRANSPORT_CONNECTED);
	assert_memory_equal(&now->keys, &up.keys, sizeof(up.keys));
	assert_memory_equal(now->paths, up.paths, sizeof(up.paths));
	assert_memory_equal(&now->fingerprint, &up.fingerprint, sizeof(up.fingerprint));
	assert_string_equal(now->remote_ufrag, up.remote_ufrag);
	assert_int_equal(now->worker, up.worker);
	assert_int_equal(now->key_epoch, up.key_epoch);
	assert_int_equal(now->rtcp_ssrc_base, up.rtcp_ssrc_base);
	assert_int_equal(now->dtls_client, up.dtls_client);
	assert_ptr_equal(
		core_transport_by_ufrag(world->core, up.local_ufrag, strlen(up.local_ufrag)), now);
	assert_ptr_equal(core_transport_by_path(world->core, &up.paths[0]), now);

	assert_memory_equal(core_publication(world->core, source.id), &source, sizeof(source));
	assert_memory_equal(core_subscription(world->core, watched.id), &watched, sizeof(watched));

	// the client comes back and finds its media as it was
	struct core_participant_id again = join(world->core, "room", "ada", 51000);
	assert_int_equal(again.generation, ada.id.generation);
	free(before);
	free(after);
}

static void test_pair_survives_control(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	struct core_participant_id who[2] = {join_as(world->core, "room", "ada", true, 1000),
		join_as(world->core, "room", "bob", true, 1000)};
	pair_up(world->core, who, 10, "ada", 1000);
	struct core_transport leg =
		*core_transport(world->core, core_participant(world->core, who[0])->publishing);
	struct snapshot *before = snapshot(world), *after;
	world_control_dies(world);

	assert_int_equal(world_control(world, 50000), 2);
	after = snapshot(world);
	expect_same_tables(before, after);
	const struct core_transport *now = core_transport(world->core, leg.id);
	assert_non_null(now);
	assert_true(now->pair && now->publishes);
	assert_int_equal(now->sections_used, 2);
	assert_memory_equal(now->sections, leg.sections, sizeof(leg.sections));
	assert_non_null(core_transport_partner(world->core, leg.id));
	assert_true(core_participant(world->core, who[0])->pairs);
	assert_true(core_participant(world->core, who[0])->outlives);

	// both come back, and one restarts ICE
	assert_int_equal(
		join_as(world->core, "room", "ada", true, 51000).generation, who[0].generation);
	join_as(world->core, "room", "bob", true, 51000);
	pair_up(world->core, who, 10, "again", 51000);
	now = core_transport(world->core, leg.id);
	assert_string_not_equal(now->local_ufrag, leg.local_ufrag);
	assert_string_equal(now->remote_ufrag, "again");
	assert_memory_equal(&now->keys, &leg.keys, sizeof(leg.keys));
	free(before);
	free(after);
}

static void test_half_open_transport_does_not_live_on(void **state)
{
	struct world *world = *state;
	static const struct sluice_transport empty;
	world_control(world, 1000);
	publish(world->core, join(world->core, "room", "ada", 1000), 10, 1000);
	world_control_dies(world);
	assert_int_equal(world_control(world, 2000), 0);
	const struct sluice_transport *row = &plane_desired(world->plane)->transports[0];
	assert_memory_equal(&row->row.generation, &empty.row.generation,
		sizeof(empty) - offsetof(struct sluice_row, generation));
	assert_int_equal(plane_desired(world->plane)->publications[0].row.generation, 0);
	assert_non_null(core_participant_next(world->core, NULL)); // waits for its client
}

static void test_handles_of_the_dead_are_not_given_again(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	struct core_participant_id first = join(world->core, "room", "ada", 1000);
	core_leave(world->core, first);
	world_control_dies(world);
	world_control(world, 2000);
	struct core_participant_id second = join(world->core, "room", "ada", 2000);
	assert_false(first.index == second.index && first.generation == second.generation);
}

// ---- rows are input

struct damage {
	const char *what;
	size_t offset;
	uint8_t byte;
	size_t count;
};

#define DAMAGE(type, field, value)                                                             \
	{                                                                                      \
#field, offsetof(struct type, field), value, sizeof(((struct type *)0)->field) \
	}

static void damage_row(struct world *world, size_t table, const struct damage *damage)
{
	struct sluice_desired *desired =
		sluice_desired_create(world->directory, false, why, sizeof(why));
	assert_non_null(desired);
	memset((uint8_t *)desired + table + damage->offset, damage->byte, damage->count);
	sluice_desired_close(desired);
}

static unsigned recover_damaged(struct world *world, size_t table, const struct damage *damage)
{
	world_control(world, 1000);
	make_call(world->core, 1000);
	world_control_dies(world);
	damage_row(world, table, damage);
	return world_control(world, 2000);
}

// Row 0 is Ada's upward transport: without it she publishes nothing, and Bob watches nobody.
static void test_damaged_transports_are_dropped(void **state)
{
	struct world *world = *state;
	static const struct damage damages[] = {
		DAMAGE(sluice_transport, worker, 0xff),
		DAMAGE(sluice_transport, srtp_profile, 0x55),
		DAMAGE(sluice_transport, rtcp_ssrc_base, 0x80),
		DAMAGE(sluice_transport, paths_used, 5),
		DAMAGE(sluice_transport, path_selected, 1),
		DAMAGE(sluice_transport, paths[0].remote.port, 0),
		DAMAGE(sluice_transport, paths[0].port, 200),
		DAMAGE(sluice_transport, local_ufrag, 0),
		DAMAGE(sluice_transport, local_ufrag, 'x'),
		DAMAGE(sluice_transport, local_password, 'x'),
		DAMAGE(sluice_transport, remote_ufrag, 'x'),
		DAMAGE(sluice_transport, remote_password, 'x'),
		DAMAGE(sluice_transport, previous_ufrag, 'x'),
		DAMAGE(sluice_transport, previous_password, 'x'),
		DAMAGE(sluice_transport, fingerprint_length, 65),
		DAMAGE(sluice_transport, fingerprint_algorithm, 'x'),
		DAMAGE(sluice_transport, participant, 0x77),
		DAMAGE(sluice_transport, publisher, 0x77),
		DAMAGE(sluice_transport, sections_used, SLUICE_SECTIONS_MAX + 1),
		DAMAGE(sluice_transport, flags, SLUICE_TRANSPORT_PAIR),
	};
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		unsigned left = recover_damaged(
			world, offsetof(struct sluice_desired, transports), &damages[i]);
		if (left != 1)
			fail_msg("%s: %u transports live on", damages[i].what, left);
		assert_int_equal(plane_desired(world->plane)->transports[0].row.generation, 0);
		assert_int_equal(plane_desired(world->plane)->transports[0].send_key.key[0], 0);
		for (const struct core_participant *p;
			(p = core_participant_next(world->core, NULL));)
			core_leave(world->core, p->id);
		world_control_dies(world);
	}
}

static void test_other_damaged_rows_are_dropped(void **state)
{
	struct world *world = *state;
	static const struct {
		size_t table;
		struct damage damage;
	} damages[] = {
#define IN(table, type, field, value) \
	{offsetof(struct sluice_desired, table), DAMAGE(type, field, value)}
		IN(participants, sluice_participant, room, 0),
		IN(participants, sluice_participant, room, 'x'),
		IN(participants, sluice_participant, identity, 0),
		IN(participants, sluice_participant, identity, 0xff),
		IN(participants, sluice_participant, name, 'x'),
		IN(participants, sluice_participant, dialect, 'x'),
		IN(publications, sluice_publication, kind, 3),
		IN(publications, sluice_publication, codecs_used, 0),
		IN(publications, sluice_publication, codecs_used, 5),
		IN(publications, sluice_publication, encodings_used, 4),
		IN(publications, sluice_publication, codecs[0].payload_type, 128),
		IN(publications, sluice_publication, codecs[0].clock_rate, 0),
		IN(publications, sluice_publication, codecs[0].name, 'x'),
		IN(publications, sluice_publication, codecs[0].fmtp, 'x'),
		IN(publications, sluice_publication, stream, 'x'),
		IN(publications, sluice_publication, track, 'x'),
		IN(publications, sluice_publication, transport, 0x66),
		IN(subscriptions, sluice_subscription, ssrc, 0),
		IN(subscriptions, sluice_subscription, rtx_ssrc, 1),
		IN(subscriptions, sluice_subscription, payload_type, 0xff),
		IN(subscriptions, sluice_subscription, publication, 0x66),
		IN(subscriptions, sluice_subscription, transport, 0x66),
	};
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		recover_damaged(world, damages[i].table, &damages[i].damage);
		const struct sluice_row *row =
			(const void *)((const uint8_t *)plane_desired(world->plane) +
				       damages[i].table);
		if (row->generation != 0)
			fail_msg("%s: the row is still there", damages[i].damage.what);
		for (const struct core_participant *p;
			(p = core_participant_next(world->core, NULL));)
			core_leave(world->core, p->id);
		world_control_dies(world);
	}
}

// Each row belongs to something in the core, and the other way round.
static void expect_consistent(struct world *world)
{
	const struct sluice_desired *desired = plane_desired(world->plane);
	unsigned rows = 0, things = 0;
#define COUNT_ROWS(table)                 \
	for (size_t i = 0; i < ROWS; i++) \
		rows += desired->table[i].row.generation != 0;
	for (unsigned table = 0; table < SLUICE_TABLE_COUNT; table++)
		assert_in_range(desired->head.rows_used[table], 0, ROWS);
	COUNT_ROWS(transports)
	COUNT_ROWS(publications)
	COUNT_ROWS(subscriptions)
	COUNT_ROWS(participants)
#define COUNT_THINGS(kind, table)                                                               \
	for (const struct core_##kind *t = NULL; (t = core_##kind##_next(world->core, t));) {   \
		assert_int_equal(desired->table[t->id.index].row.generation, t->id.generation); \
		things++;                                                                       \
	}
	COUNT_THINGS(transport, transports)
	COUNT_THINGS(publication, publications)
	COUNT_THINGS(subscription, subscriptions)
	COUNT_THINGS(participant, participants)
	assert_int_equal(rows, things);
}

// Control died while it wrote Bob's upward transport: he loses that, nobody else loses anything.
static void test_row_in_writing_is_lost_alone(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	make_call(world->core, 1000);
	struct sluice_desired *desired = (void *)plane_desired(world->plane);
	sluice_row_begin(&desired->transports[1].row);
	desired->transports[1].worker = 77;
	world_control_dies(world);
	assert_int_equal(world_control(world, 2000), 2);
	expect_consistent(world);
	const struct core_room *room = core_room_by_name(world->core, "room");
	const struct core_participant *ada =
		core_participant_by_identity(world->core, room->id, "ada");
	const struct core_participant *bob =
		core_participant_by_identity(world->core, room->id, "bob");
	assert_true(core_publishes(world->core, ada->id));
	assert_non_null(bob);
	assert_false(core_publishes(world->core, bob->id));
	assert_non_null(core_subscription_next(world->core, NULL));
}

static void test_random_damage(void **state)
{
	struct world *world = *state;
	unsigned seed = 7;
	world_control(world, 1000);
	make_call(world->core, 1000);
	struct sluice_desired *good = malloc(sizeof(*good));
	memcpy(good, plane_desired(world->plane), sizeof(*good));
	world_control_dies(world);
	for (unsigned round = 0; round < 30; round++) {
		struct sluice_desired *desired =
			sluice_desired_create(world->directory, false, why, sizeof(why));
		for (unsigned i = 0; i < 4; i++) {
			desired->transports[i] = good->transports[i];
			desired->publications[i] = good->publications[i];
			desired->subscriptions[i] = good->subscriptions[i];
			desired->participants[i] = good->participants[i];
		}
		for (unsigned i = 0; i < 1u + round; i++) {
			struct {
				void *rows;
				size_t size;
			} tables[] = {{desired->transports, sizeof(desired->transports[0])},
				{desired->publications, sizeof(desired->publications[0])},
				{desired->subscriptions, sizeof(desired->subscriptions[0])},
				{desired->participants, sizeof(desired->participants[0])}};
			unsigned table = (unsigned)rand_r(&seed) % 4;
			((uint8_t *)tables[table]
					.rows)[(unsigned)rand_r(&seed) % (4 * tables[table].size)] =
				(uint8_t)rand_r(&seed);
		}
		atomic_store(&desired->head.rows_used[round % 4], UINT32_MAX);
		sluice_desired_close(desired);
		world_control(world, 2000);
		atomic_store(
			(_Atomic uint32_t *)&plane_desired(world->plane)->head.rows_used[round % 4],
			4);
		expect_consistent(world);
		world_control_dies(world);
	}
	free(good);
}

// ---- kill -9 at random instants

struct promise { // what control has told a client, shared with the parent
	uint32_t joined, connected, left;
};

// Does what people do, for ever, in a process that will be killed.
static void live_wildly(struct world *world, volatile struct promise *promise, unsigned seed)
{
	char identity[32];
	world_control(world, 1000);
	for (uint32_t n = promise->joined + 1;; n++) {
		snprintf(identity, sizeof(identity), "user%u", n);
		struct core_participant_id id = join(world->core, "room", identity, 1000);
		promise->joined = n;
		publish(world->core, id, (uint8_t)n, 1000);
		struct core_transport_id transport = core_participant(world->core, id)->publishing;
		if (rand_r(&seed) % 4) {
			connect_transport(world->core, transport, (uint8_t)n, 1000);
			promise->connected = n;
		}
		snprintf(identity, sizeof(identity), "user%u", n - 1);
		const struct core_participant *before = core_participant_by_identity(
			world->core, core_room_by_name(world->core, "room")->id, identity);
		if (before && core_publishes(world->core, before->id))
			subscribe(world->core, id, identity, (uint8_t)(n + 1), 1000);
		snprintf(identity, sizeof(identity), "user%u", n - 20);
		before = core_participant_by_identity(
			world->core, core_room_by_name(world->core, "room")->id, identity);
		if (before) {
			promise->left = n - 20;
			core_leave(world->core, before->id);
		}
	}
}

static void expect_promises_kept(struct world *world, const struct promise *promise)
{
	char identity[32];
	const struct core_room *room = core_room_by_name(world->core, "room");
	const struct core_participant *user;
	assert_non_null(room);
	snprintf(identity, sizeof(identity), "user%u", promise->joined);
	assert_non_null(core_participant_by_identity(world->core, room->id, identity));
	snprintf(identity, sizeof(identity), "user%u", promise->connected);
	user = core_participant_by_identity(world->core, room->id, identity);
	assert_non_null(user);
	const struct core_transport *up = core_transport(world->core, user->publishing);
	assert_non_null(up);
	assert_true(up->has_keys);
	assert_int_equal(up->keys.receive_key[0], (uint8_t)promise->connected);
	assert_int_equal(up->keys.send_salt[11], (uint8_t)(promise->connected + 3));
	assert_true(core_publishes(world->core, user->id));
	assert_int_equal(
		core_transport_by_path(world->core, &up->paths[0])->id.index, up->id.index);
}

static void test_killed_at_random(void **state)
{
	enum { KILLS = 30 };
	struct world *world = *state;
	volatile struct promise *promise = mmap(
		NULL, sizeof(*promise), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned seed = 1234, torn = 0;
	assert_ptr_not_equal(promise, MAP_FAILED);
	for (unsigned round = 0; round < KILLS; round++) {
		uint32_t goal = promise->joined + 1 + (uint32_t)rand_r(&seed) % 30;
		pid_t pid = fork();
		if (pid == 0)
			live_wildly(world, promise, seed);
		while (promise->joined < goal || promise->connected + 10 < promise->joined)
			assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		for (volatile int spin = rand_r(&seed) % 20000; spin > 0; spin--)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		const struct sluice_desired *desired =
			sluice_desired_open(world->directory, why, sizeof(why));
		assert_non_null(desired);
		bool odd = false;
		for (unsigned i = 0; i < 200; i++)
			odd |= (desired->transports[i].row.sequence |
				       desired->participants[i].row.sequence) &
			       1;
		torn += odd;
		sluice_desired_close(desired);

		struct promise kept = *promise;
		world_control(world, 2000);
		expect_consistent(world);
		if (!odd) // a row that was just in writing is lost with what hangs on it
			expect_promises_kept(world, &kept);
		struct snapshot *first = snapshot(world), *second;
		world_control_dies(world);
		world_control(world, 3000); // recovering twice is recovering once
		second = snapshot(world);
		expect_same_tables(first, second);
		free(first);
		free(second);
		world_control_dies(world);
	}
	print_message("%u of %u kills hit a row in writing\n", torn, KILLS);
	munmap((void *)promise, sizeof(*promise));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_only_one_control),
		WORLD_TEST(test_empty_recovery),
		WORLD_TEST(test_silence_is_recovered),
		WORLD_TEST(test_call_survives_control),
		WORLD_TEST(test_pair_survives_control),
		WORLD_TEST(test_half_open_transport_does_not_live_on),
		WORLD_TEST(test_handles_of_the_dead_are_not_given_again),
		WORLD_TEST(test_damaged_transports_are_dropped),
		WORLD_TEST(test_other_damaged_rows_are_dropped),
		WORLD_TEST(test_row_in_writing_is_lost_alone),
		WORLD_TEST(test_random_damage),
		WORLD_TEST(test_killed_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
