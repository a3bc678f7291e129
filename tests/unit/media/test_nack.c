// SPDX-License-Identifier: Apache-2.0
#include "media/nack.h"
#include "support.h"

static struct nack_entry entries[NACK_ROOM];

static void receive(struct nack *nack, uint64_t begin, uint64_t end, uint64_t now_ns)
{
	for (uint64_t i = begin; i < end; i++)
		assert_int_equal(nack_receive(nack, entries, i, now_ns), NACK_NEW);
}

static void asks_after_three_later_packets(void **)
{
	struct nack nack = {0};
	uint16_t due[8];
	receive(&nack, 65530, 65535, 0);
	receive(&nack, 65537, 65538, 0); // 65535 and 65536 are missing
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 8), 0);
	receive(&nack, 65538, 65539, 0);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 8), 1);
	assert_int_equal(due[0], 65535);
	receive(&nack, 65539, 65540, 0);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 8), 1);
	assert_int_equal(due[0], 0);
	assert_int_equal(nack.missing, 2);
}

static void asks_after_some_time(void **)
{
	struct nack nack = {0};
	uint16_t due[8];
	receive(&nack, 1, 2, 0);
	receive(&nack, 3, 4, 0);
	assert_int_equal(nack_due(&nack, entries, 9 * MILLISECOND, 0, due, 8), 0);
	assert_int_equal(nack_due(&nack, entries, 10 * MILLISECOND, 0, due, 8), 1);
	assert_int_equal(nack_due(&nack, entries, 29 * MILLISECOND, 0, due, 8), 0);
	assert_int_equal(nack_due(&nack, entries, 30 * MILLISECOND, 0, due, 8), 1);
	// a long way: not again before 1.25 round trips
	assert_int_equal(nack_due(&nack, entries, 154 * MILLISECOND, 100 * MILLISECOND, due, 8), 0);
	assert_int_equal(nack_due(&nack, entries, 155 * MILLISECOND, 100 * MILLISECOND, due, 8), 1);
	assert_int_equal(due[0], 2);
}

static void reordering_and_recovery(void **)
{
	struct nack nack = {0};
	uint16_t due[8];
	receive(&nack, 10, 12, 0);
	receive(&nack, 13, 14, 0);
	assert_int_equal(nack_receive(&nack, entries, 12, 0), NACK_RECOVERED);
	assert_int_equal(nack_receive(&nack, entries, 12, 0), NACK_DUPLICATE);
	assert_int_equal(nack_due(&nack, entries, SECOND / 2, 0, due, 8), 0);
	assert_int_equal(nack.recovered, 1);
	assert_int_equal(nack.lost, 0);
	assert_int_equal(
		nack_receive(&nack, entries, 9, 0), NACK_NEW); // before the first: never missing
	assert_int_equal(nack.recovered, 1);
	receive(&nack, 14, 14 + SEQ_WINDOW_BITS, 0);
	assert_int_equal(
		nack_receive(&nack, entries, 9, 0), NACK_DUPLICATE); // nobody knows any more
}

static void gives_up(void **)
{
	struct nack nack = {0};
	uint16_t due[8];
	unsigned asked = 0;
	receive(&nack, 1, 2, 0);
	receive(&nack, 3, 10, 0);
	uint64_t now = 0;
	for (; now < 400 * MILLISECOND; now += 5 * MILLISECOND)
		asked += nack_due(&nack, entries, now, 0, due, 8);
	assert_int_equal(asked, NACK_TRIES_MAX);
	assert_int_equal(nack.lost, 1);
	assert_true(nack_take_gave_up(&nack));
	assert_false(nack_take_gave_up(&nack));
	assert_int_equal(
		nack_receive(&nack, entries, 2, now), NACK_RECOVERED); // better late than never
	assert_int_equal(nack.lost, 0);
	assert_int_equal(nack.recovered, 1);

	receive(&nack, 11, 20, now); // 10 is missing
	assert_int_equal(nack_due(&nack, entries, now, SECOND, due, 8), 1);
	assert_int_equal(nack_due(&nack, entries, now + SECOND, SECOND, due, 8), 0);
	assert_true(nack_take_gave_up(&nack)); // a second is enough
}

static void the_list_is_bounded(void **)
{
	struct nack nack = {0};
	uint16_t due[NACK_ROOM + 50];
	receive(&nack, 1, 2, 0);
	receive(&nack, 500, 501, 0);
	assert_int_equal(nack.missing, 498);
	assert_int_equal(nack.lost, 498 - NACK_ROOM);
	assert_true(nack_take_gave_up(&nack));
	receive(&nack, 511, 512, 0); // ten more push out the ten oldest
	receive(&nack, 512, 520, 0);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, NACK_ROOM + 50), NACK_ROOM);
	assert_int_equal(due[0], 500 - NACK_ROOM + 10);
	assert_int_equal(due[NACK_ROOM - 1], 510);
	assert_int_equal(nack.lost + NACK_ROOM, nack.missing);
	receive(&nack, 5000, 5001, 0); // a jump: another stream in all but name
	assert_true(nack_take_gave_up(&nack));
	assert_int_equal(nack_due(&nack, entries, SECOND / 10, 0, due, NACK_ROOM), 0);
	assert_int_equal(nack.lost, nack.missing);
}

static void few_at_a_time(void **)
{
	struct nack nack = {0};
	uint16_t due[4];
	receive(&nack, 1, 2, 0);
	receive(&nack, 10, 20, 0);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 4), 4);
	assert_int_equal(due[3], 5);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 4), 4);
	assert_int_equal(due[3], 9);
	assert_int_equal(nack_due(&nack, entries, 0, 0, due, 4), 0);
}

// Over a lossy, reordering way: new + recovered = distinct packets received, only missing ones are
// asked for, and missing = recovered + lost + still open.
static void random_loss(void **)
{
	uint64_t seed = 9;
	for (unsigned round = 0; round < 30; round++) {
		enum { COUNT = 2000 };
		static bool here[COUNT];
		memset(here, 0, sizeof(here));
		struct nack nack = {0};
		uint64_t now = 0, accepted = 0, distinct = 0;
		const uint64_t base = 65000;
		for (unsigned i = 0; i < COUNT; i++) {
			now += random_below(&seed, 2000000);
			unsigned k = i - random_below(&seed, 6) % (i + 1);
			if (i > 0 && random_below(&seed, 10) == 0)
				continue;
			enum nack_result result = nack_receive(&nack, entries, base + k, now);
			assert_int_equal(result == NACK_DUPLICATE, here[k]);
			accepted += result != NACK_DUPLICATE;
			distinct += !here[k];
			here[k] = true;
			uint16_t due[16];
			unsigned n = nack_due(&nack, entries, now, 30 * MILLISECOND, due, 16);
			for (unsigned j = 0; j < n; j++) {
				uint16_t missing = (uint16_t)(due[j] - (uint16_t)base);
				assert_true(missing < COUNT && !here[missing]);
				assert_true(j == 0 || seq_newer(due[j], due[j - 1]));
				if (random_below(&seed, 2))
					continue;
				assert_int_equal(nack_receive(&nack, entries, base + missing, now),
					NACK_RECOVERED);
				here[missing] = true;
				accepted++;
				distinct++;
			}
			assert_true(nack.missing == nack.recovered + nack.lost + nack.used);
		}
		assert_true(accepted == distinct);
		assert_true(nack.recovered > 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_after_three_later_packets),
		cmocka_unit_test(asks_after_some_time),
		cmocka_unit_test(reordering_and_recovery),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(the_list_is_bounded),
		cmocka_unit_test(few_at_a_time),
		cmocka_unit_test(random_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
