// SPDX-License-Identifier: Apache-2.0
#include <sluice/ring.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 8, ITEM_WORDS = 6 };

struct item {
	uint32_t words[ITEM_WORDS]; // all the same, so that a mixture shows
};

struct memory { // producer's and consumer's halves together
	struct sluice_ring_index head, tail;
	struct item slots[SLOTS];
};

static struct sluice_ring ring_over(struct memory *memory)
{
	return (struct sluice_ring){
		(uint8_t *)memory->slots, SLOTS, sizeof(struct item), &memory->head, &memory->tail};
}

static struct item make_item(uint32_t value)
{
	struct item item;
	for (unsigned i = 0; i < ITEM_WORDS; i++)
		item.words[i] = value;
	return item;
}

static bool push(struct sluice_ring *ring, uint32_t value)
{
	struct item item = make_item(value);
	return sluice_ring_push(ring, &item, sizeof(item));
}

static void expect_pop(struct sluice_ring *ring, uint32_t value)
{
	struct item item, expected = make_item(value);
	assert_true(sluice_ring_pop(ring, &item));
	assert_memory_equal(&item, &expected, sizeof(item));
}

static void test_first_in_first_out(void **)
{
	struct memory memory = {0};
	struct sluice_ring ring = ring_over(&memory);
	struct item item;
	assert_false(sluice_ring_pop(&ring, &item));
	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_int_equal(sluice_ring_fill(&ring), i);
		assert_true(push(&ring, i));
	}
	assert_int_equal(sluice_ring_fill(&ring), SLOTS);
	assert_false(push(&ring, 99));
	for (uint32_t i = 0; i < SLOTS; i++)
		expect_pop(&ring, i);
	assert_false(sluice_ring_pop(&ring, &item));
}

static void test_indexes_wrap(void **)
{
	struct memory memory = {0};
	struct sluice_ring ring = ring_over(&memory);
	atomic_store(&memory.head.value, UINT32_MAX - 2);
	atomic_store(&memory.tail.value, UINT32_MAX - 2);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_true(push(&ring, i));
	assert_false(push(&ring, 99));
	assert_int_equal(sluice_ring_fill(&ring), SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		expect_pop(&ring, i);
	assert_int_equal(atomic_load(&memory.tail.value), SLOTS - 3);
}

static void test_short_and_long_items(void **)
{
	struct memory memory = {0};
	struct sluice_ring ring = ring_over(&memory);
	uint32_t word = 5;
	struct item item;
	uint8_t large[sizeof(item) + 1] = {0};
	assert_false(sluice_ring_push(&ring, large, sizeof(large)));
	assert_int_equal(sluice_ring_fill(&ring), 0);
	assert_true(sluice_ring_push(&ring, &word, sizeof(word)));
	assert_true(sluice_ring_pop(&ring, &item));
	assert_int_equal(item.words[0], 5);
}

static void test_skip(void **)
{
	struct memory memory = {0};
	struct sluice_ring ring = ring_over(&memory);
	struct item item;
	for (uint32_t i = 0; i < 5; i++)
		push(&ring, i);
	sluice_ring_skip(&ring);
	assert_int_equal(sluice_ring_fill(&ring), 0);
	assert_false(sluice_ring_pop(&ring, &item));
	assert_true(push(&ring, 7));
	expect_pop(&ring, 7);
}

// The producer must not write when the consumer's index is nonsense, whatever it is.
static void test_insane_consumer(void **)
{
	const uint32_t offsets[] = {SLOTS + 1, SLOTS * 2, 1u << 31, UINT32_MAX};
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct memory memory = {0}, before;
		struct sluice_ring ring = ring_over(&memory);
		atomic_store(&memory.head.value, 100);
		atomic_store(&memory.tail.value, 100 - offsets[i]);
		memcpy(&before, &memory, sizeof(memory));
		assert_false(push(&ring, 1));
		assert_memory_equal(&before, &memory, sizeof(memory));
		assert_in_range(sluice_ring_fill(&ring), 0, SLOTS);
	}
}

// The consumer takes up at a producer's index that is nonsense and goes on from there.
static void test_insane_producer(void **)
{
	const uint32_t offsets[] = {SLOTS + 1, SLOTS * 2, 1u << 31, UINT32_MAX};
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct memory memory = {0};
		struct sluice_ring ring = ring_over(&memory);
		struct item item;
		atomic_store(&memory.head.value, 100 + offsets[i]);
		atomic_store(&memory.tail.value, 100);
		assert_in_range(sluice_ring_fill(&ring), 0, SLOTS);
		assert_false(sluice_ring_pop(&ring, &item));
		assert_int_equal(atomic_load(&memory.tail.value), 100 + offsets[i]);
		assert_true(push(&ring, 3));
		expect_pop(&ring, 3);
	}
}

// Property: with any mixture of pushes and pops the ring behaves like a bounded queue.
static void test_behaves_like_a_queue(void **)
{
	struct memory memory = {0};
	struct sluice_ring ring = ring_over(&memory);
	unsigned seed = 4711;
	uint32_t pushed = 0, popped = 0;
	struct item item;
	atomic_store(&memory.head.value, UINT32_MAX - 500);
	atomic_store(&memory.tail.value, UINT32_MAX - 500);
	for (unsigned step = 0; step < 20000; step++) {
		if (rand_r(&seed) & 64) {
			assert_int_equal(push(&ring, pushed), pushed - popped < SLOTS);
			pushed += sluice_ring_fill(&ring) != pushed - popped;
		} else if (pushed == popped) {
			assert_false(sluice_ring_pop(&ring, &item));
		} else {
			expect_pop(&ring, popped++);
		}
		assert_int_equal(sluice_ring_fill(&ring), pushed - popped);
	}
	assert_true(popped > 1000);
}

enum { MANY = 100000 };

static void *produce_many(void *argument)
{
	struct sluice_ring ring = ring_over(argument);
	for (uint32_t i = 0; i < MANY;) {
		if (push(&ring, i))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void consume_many(struct memory *memory)
{
	struct sluice_ring ring = ring_over(memory);
	struct item item, expected;
	for (uint32_t i = 0; i < MANY;) {
		if (!sluice_ring_pop(&ring, &item)) {
			sched_yield();
			continue;
		}
		expected = make_item(i++);
		assert_memory_equal(&item, &expected, sizeof(item));
	}
}

static void test_two_threads(void **)
{
	struct memory memory = {0};
	pthread_t producer;
	assert_int_equal(pthread_create(&producer, NULL, produce_many, &memory), 0);
	consume_many(&memory);
	pthread_join(producer, NULL);
}

// A producer that is killed anywhere leaves only whole items behind, without a gap between them.
static void test_producer_is_killed(void **)
{
	struct memory *memory = mmap(
		NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	struct sluice_ring ring = ring_over(memory);
	unsigned seed = 99;
	for (unsigned round = 0; round < 30; round++) {
		pid_t pid = fork();
		if (pid == 0) {
			sluice_ring_skip(&ring);
			for (uint32_t i = 0;;)
				i += push(&ring, i);
		}
		struct item item, expected;
		uint32_t next = 0, wanted = (uint32_t)rand_r(&seed) % 400 + SLOTS;
		bool killed = false;
		while (!killed || sluice_ring_fill(&ring) > 0) {
			if (sluice_ring_pop(&ring, &item)) {
				expected = make_item(next++);
				assert_memory_equal(&item, &expected, sizeof(item));
			}
			if (next >= wanted && !killed) {
				kill(pid, SIGKILL);
				waitpid(pid, NULL, 0);
				killed = true;
			}
		}
		assert_true(next >= wanted);
	}
	munmap(memory, sizeof(*memory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_indexes_wrap),
		cmocka_unit_test(test_short_and_long_items),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_insane_consumer),
		cmocka_unit_test(test_insane_producer),
		cmocka_unit_test(test_behaves_like_a_queue),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_producer_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
