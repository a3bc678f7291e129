// SPDX-License-Identifier: Apache-2.0
// The layout of the two files, as numbers: whoever changes a row sees it here, raises SLUICE_ABI in
// shm.h when programs of both layouts could meet, and writes the new numbers down. And the rows.
#include <sluice/msg.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct size {
	const char *name;
	size_t here, written_down;
};

#define SIZE(type, bytes)                          \
	{                                          \
#type, sizeof(struct type), bytes, \
	}

static void test_layout_is_as_written_down(void **)
{
	static const struct size sizes[] = {
		SIZE(sluice_layout, 152),
		SIZE(sluice_desired_head, 3344),
		SIZE(sluice_observed_head, 624),
		SIZE(sluice_transport, 1152),
		SIZE(sluice_publication, 796),
		SIZE(sluice_subscription, 80),
		SIZE(sluice_participant, 432),
		SIZE(sluice_transport_status, 88),
		SIZE(sluice_publication_status, 280),
		SIZE(sluice_subscription_status, 128),
		SIZE(sluice_subscription_drops, 48),
		SIZE(sluice_worker_status, 1856),
		SIZE(sluice_port_status, 1344),
		SIZE(sluice_queue_status, 64),
		SIZE(sluice_note, 32),
		SIZE(sluice_trace, 296),
		SIZE(sluice_stranger, 48),
		SIZE(sluice_strangers, 3080),
		SIZE(sluice_hint, 16),
		SIZE(sluice_event, 24),
		SIZE(sluice_datagram, 2040),
		SIZE(sluice_desired, 47127872),
		SIZE(sluice_observed, 51969344),
	};
	assert_int_equal(SLUICE_ABI, 6);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].here != sizes[i].written_down)
			fail_msg("struct %s has %zu bytes, %zu are written down: see the top of "
				 "this file",
				sizes[i].name, sizes[i].here, sizes[i].written_down);
}

// What both sides copy as bytes must have its fields where they were.
static_assert(offsetof(struct sluice_desired_head, incarnation) == 152);
static_assert(offsetof(struct sluice_observed_head, incarnation) == 152);
static_assert(offsetof(struct sluice_observed_head, beat_ns) == 160);
static_assert(offsetof(struct sluice_transport, paths) == 24);
static_assert(offsetof(struct sluice_transport, send_key) == 264);
static_assert(offsetof(struct sluice_subscription, ssrc) == 24);
static_assert(offsetof(struct sluice_subscription_status, media_index_reserved) == 8);
static_assert(offsetof(struct sluice_worker_status, drops) % 8 == 0);
static_assert(sizeof(struct sluice_path) == 48);
static_assert(sizeof(struct sluice_address) == 20);
static_assert(sizeof(struct sluice_ring_index) == 64);
static_assert((SLUICE_HINTS & (SLUICE_HINTS - 1)) == 0);
static_assert((SLUICE_EVENTS & (SLUICE_EVENTS - 1)) == 0);
static_assert((SLUICE_PUNTS & (SLUICE_PUNTS - 1)) == 0);

// Nobody may write the other's file: each ring's slots and producer index lie in one, the consumer's
// index in the other.
static void test_rings_lie_in_their_files(void **)
{
	struct sluice_desired *desired = (void *)0x100000000;
	struct sluice_observed *observed = (void *)0x200000000;
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++) {
		const struct sluice_ring to_worker[] = {
			sluice_ring_hints(desired, observed, w),
			sluice_ring_replies(desired, observed, w),
		};
		const struct sluice_ring to_control[] = {
			sluice_ring_events(desired, observed, w),
			sluice_ring_punts(desired, observed, w),
		};
		for (unsigned i = 0; i < 2; i++) {
			assert_in_range((uintptr_t)to_worker[i].base, (uintptr_t)desired,
				(uintptr_t)(desired + 1));
			assert_in_range((uintptr_t)to_worker[i].head, (uintptr_t)desired,
				(uintptr_t)(desired + 1));
			assert_in_range((uintptr_t)to_worker[i].tail, (uintptr_t)observed,
				(uintptr_t)(observed + 1));
			assert_in_range((uintptr_t)to_control[i].base, (uintptr_t)observed,
				(uintptr_t)(observed + 1));
			assert_in_range((uintptr_t)to_control[i].head, (uintptr_t)observed,
				(uintptr_t)(observed + 1));
			assert_in_range((uintptr_t)to_control[i].tail, (uintptr_t)desired,
				(uintptr_t)(desired + 1));
		}
	}
}

static void test_row_sequence(void **)
{
	struct sluice_subscription row = {0}, copy;
	sluice_row_begin(&row.row);
	assert_int_equal(row.row.sequence, 1);
	assert_false(sluice_row_read(&row.row, &copy, sizeof(copy)));
	row.ssrc = 7;
	sluice_row_end(&row.row);
	assert_int_equal(row.row.sequence, 2);
	assert_true(sluice_row_read(&row.row, &copy, sizeof(copy)));
	assert_int_equal(copy.ssrc, 7);
	// a row that a dead writer left odd is written again by the next one
	atomic_store(&row.row.sequence, UINT32_MAX);
	sluice_row_begin(&row.row);
	assert_int_equal(row.row.sequence, UINT32_MAX);
	sluice_row_end(&row.row);
	assert_int_equal(row.row.sequence, 0);
}

// ---- torn reads

static void scribble(struct sluice_transport *row)
{
	for (uint32_t n = 1;; n++) {
		sluice_row_begin(&row->row);
		row->row.generation = n;
		memset(&row->receive_key, (int)(n & 0xff), sizeof(row->receive_key));
		memset(&row->send_key, (int)(n & 0xff), sizeof(row->send_key));
		row->key_epoch = n;
		memset(row->fingerprint, (int)(n & 0xff), sizeof(row->fingerprint));
		sluice_row_end(&row->row);
	}
}

static bool is_whole(const struct sluice_transport *row)
{
	uint8_t byte = (uint8_t)row->row.generation;
	const uint8_t *keys = (const uint8_t *)&row->receive_key;
	for (size_t i = 0; i < 2 * sizeof(row->receive_key); i++)
		if (keys[i] != byte)
			return false;
	for (size_t i = 0; i < sizeof(row->fingerprint); i++)
		if (row->fingerprint[i] != byte)
			return false;
	return row->key_epoch == row->row.generation;
}

static void test_no_torn_read_under_a_hammering_writer(void **)
{
	struct sluice_transport copy, *row = mmap(NULL, sizeof(*row), PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(row, MAP_FAILED);
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();
		if (pid == 0)
			scribble(row);
		uint32_t first = 0, changes = 0;
		for (unsigned reads = 0; reads < 5000 || changes == 0; reads++) {
			if (!sluice_row_read(&row->row, &copy, sizeof(copy)))
				continue;
			assert_true(is_whole(&copy));
			changes += copy.row.generation != first;
			first = copy.row.generation;
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		// dead: the row is whole or says that it is not
		if (sluice_row_read(&row->row, &copy, sizeof(copy)))
			assert_true(is_whole(&copy));
		else
			assert_int_equal(row->row.sequence & 1, 1);
	}
	munmap(row, sizeof(*row));
}

// ---- values

static void test_addresses(void **)
{
	struct sluice_address a = {.ip = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 5000}, b = a;
	assert_true(sluice_address_equal(&a, &b));
	assert_true(sluice_address_is_ipv4(&a));
	b.port = 5001;
	assert_false(sluice_address_equal(&a, &b));
	b = a;
	b.ip[15] = 2;
	assert_false(sluice_address_equal(&a, &b));
	b.ip[10] = 0;
	assert_false(sluice_address_is_ipv4(&b));
}

static void test_drop_names(void **)
{
	for (unsigned i = 0; i < SLUICE_DROP_COUNT; i++) {
		assert_non_null(sluice_drop_info(i));
		assert_true(strlen(sluice_drop_info(i)->name) > 0);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
				sluice_drop_info(i)->name, sluice_drop_info(k)->name);
	}
	assert_null(sluice_drop_info(SLUICE_DROP_COUNT));
	assert_string_equal(sluice_drop_info(SLUICE_DROP_short)->name, "short");
	assert_int_equal(SLUICE_DROP_index_exhausted, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout_is_as_written_down),
		cmocka_unit_test(test_rings_lie_in_their_files),
		cmocka_unit_test(test_row_sequence),
		cmocka_unit_test(test_no_torn_read_under_a_hammering_writer),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_drop_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
