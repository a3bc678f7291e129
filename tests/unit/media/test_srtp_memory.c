// SPDX-License-Identifier: Apache-2.0
#include "media/srtp_memory.h"
#include "support.h"

#include <pthread.h>

enum { PIECES = 6000 };

// Over several chunks: no piece overlaps another, and each is clear when it comes back.
static void pieces_do_not_overlap(void **)
{
	static uint8_t *pieces[PIECES];
	static size_t sizes[PIECES];
	uint64_t seed = 7;
	for (unsigned i = 0; i < PIECES; i++) {
		sizes[i] = 1 + random_below(&seed, SRTP_MEMORY_MAX);
		pieces[i] = srtp_memory_get(SRTP_MEMORY_OTHER, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % SRTP_MEMORY_ALIGN, 0);
		memset(pieces[i], (int)(i % 251), sizes[i]);
	}
	for (unsigned i = 0; i < PIECES; i++)
		for (size_t at = 0; at < sizes[i]; at += 97)
			assert_int_equal(pieces[i][at], i % 251);
	for (unsigned i = 0; i < PIECES; i++)
		srtp_memory_put(SRTP_MEMORY_OTHER, pieces[i], sizes[i]);
	srtp_memory_put(SRTP_MEMORY_OTHER, NULL, 64);
	srtp_memory_release();
}

static void what_comes_back_is_clear_and_used_again(void **)
{
	uint8_t *piece = srtp_memory_get(SRTP_MEMORY_OTHER, 200);
	assert_non_null(piece);
	memset(piece, 0xAB, 200);
	srtp_memory_put(SRTP_MEMORY_OTHER, piece, 200);
	assert_ptr_equal(srtp_memory_get(SRTP_MEMORY_OTHER, 201), piece); // of the same class
	for (size_t i = sizeof(void *); i < 200; i++)
		assert_int_equal(piece[i], 0);
	assert_ptr_not_equal(srtp_memory_get(SRTP_MEMORY_OTHER, 201), piece);
	srtp_memory_release();
	srtp_memory_release(); // nothing there
}

// What packets need stays dense however much else comes and goes.
static void lanes_do_not_mix(void **)
{
	uint8_t *first = srtp_memory_get(SRTP_MEMORY_SENDING, 512);
	uint8_t *other = srtp_memory_get(SRTP_MEMORY_OTHER, 512);
	srtp_memory_put(SRTP_MEMORY_OTHER, other, 512);
	assert_ptr_equal(srtp_memory_get(SRTP_MEMORY_SENDING, 512), first + 512);
	assert_ptr_equal(srtp_memory_get(SRTP_MEMORY_OTHER, 512), other);
	srtp_memory_release();
}

static void *pieces_of_another_thread(void *got)
{
	srtp_memory_put(SRTP_MEMORY_OTHER, got, 1000);
	return srtp_memory_get(SRTP_MEMORY_OTHER, 1000);
}

static void another_thread_may_give_back(void **)
{
	for (unsigned life = 0; life < 3; life++) {
		void *mine = srtp_memory_get(SRTP_MEMORY_OTHER, 1000), *theirs;
		pthread_t thread;
		assert_non_null(mine);
		assert_int_equal(pthread_create(&thread, NULL, pieces_of_another_thread, mine), 0);
		assert_int_equal(pthread_join(thread, &theirs), 0);
		assert_ptr_equal(theirs, mine);
		assert_ptr_not_equal(srtp_memory_get(SRTP_MEMORY_OTHER, 1000), mine);
		srtp_memory_release();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(what_comes_back_is_clear_and_used_again),
		cmocka_unit_test(lanes_do_not_mix),
		cmocka_unit_test(another_thread_may_give_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
