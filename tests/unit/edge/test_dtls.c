// SPDX-License-Identifier: Apache-2.0
#include "edge/dtls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WIRE_MAX = 64 };

struct end {
	struct dtls *dtls;
	struct edge_counters counters;
	struct end *peer;
	struct desc_fingerprint expected; // of the peer
	bool open; // another may come
	unsigned certificate; // which of its own it shows
	struct core_transport_id id;
	bool has_keys;
	struct core_keys keys;
	unsigned closed;
	char why[128];
	unsigned datagrams; // of application data
	size_t data_length;
	uint8_t data[2048];
	struct { // towards this end
		size_t length;
		uint8_t data[2048];
	} wire[WIRE_MAX];
	unsigned first, used;
	unsigned split; // cut ClientHellos for this end into two datagrams
	unsigned lose; // so many datagrams towards this end
	bool forget_when_closed;
	bool restored; // keys of before a restart are in use
	uint64_t now_ms;
	char pem[64];
};

static void wire_put(struct end *end, const uint8_t *data, size_t length)
{
	if (end->lose) {
		end->lose--;
		return;
	}
	assert_true(end->used < WIRE_MAX && length <= sizeof(end->wire[0].data));
	unsigned at = (end->first + end->used++) % WIRE_MAX;

	memcpy(end->wire[at].data, data, length);
	end->wire[at].length = length;
}

// Writes one fragment of a handshake message as a record of its own (RFC 6347, 4.2.3).
static void fragment_put(
	struct end *end, const uint8_t *record, uint32_t from, uint32_t size, uint8_t sequence)
{
	uint8_t piece[2048];

	memcpy(piece, record, 25);
	piece[10] = sequence; // of the record
	piece[11] = (uint8_t)((size + 12) >> 8);
	piece[12] = (uint8_t)(size + 12);
	piece[19] = (uint8_t)(from >> 16);
	piece[20] = (uint8_t)(from >> 8);
	piece[21] = (uint8_t)from;
	piece[22] = (uint8_t)(size >> 16);
	piece[23] = (uint8_t)(size >> 8);
	piece[24] = (uint8_t)size;
	memcpy(piece + 25, record + 25 + from, size);
	wire_put(end, piece, 25 + size);
}

static void host_send(void *context, struct core_transport_id, const uint8_t *data, size_t length)
{
	struct end *peer = ((struct end *)context)->peer;

	assert_true(length <= (data[0] == 23 ? DTLS_DATA_MAX + 64 : DTLS_MTU));
	if (peer->split && length > 25 && data[0] == 22 && data[13] == 1) {
		uint32_t body = (uint32_t)data[14] << 16 | (uint32_t)data[15] << 8 | data[16];

		peer->split--;
		assert_int_equal(length, 25 + body);
		fragment_put(peer, data, 0, body / 2, 0);
		fragment_put(
			peer, data, body / 2, body - body / 2, 40); // unused, inside the window
		return;
	}
	wire_put(peer, data, length);
}

static unsigned host_certificate(void *context, struct core_transport_id)
{
	return ((struct end *)context)->certificate;
}

static const struct desc_fingerprint *host_fingerprint(
	void *context, struct core_transport_id, bool *open)
{
	*open = ((struct end *)context)->open;
	return &((struct end *)context)->expected;
}

static void host_keys(void *context, struct core_transport_id id, const struct core_keys *keys)
{
	struct end *end = context;

	assert_int_equal(id.generation, end->id.generation);
	end->has_keys = true;
	end->keys = *keys;
}

static void host_data(
	void *context, struct core_transport_id id, const uint8_t *data, size_t length)
{
	struct end *end = context;

	assert_int_equal(id.generation, end->id.generation);
	assert_true(length <= sizeof(end->data));
	memcpy(end->data, data, length);
	end->data_length = length;
	end->datagrams++;
}

static void host_closed(void *context, struct core_transport_id id, const char *why)
{
	struct end *end = context;

	end->closed++;
	snprintf(end->why, sizeof(end->why), "%s", why);
	if (end->forget_when_closed)
		dtls_forget(end->dtls, id);
}

static void end_open(struct end *end, unsigned number)
{
	struct dtls_host host = {end, host_certificate, host_send, host_fingerprint, host_keys,
		host_data, host_closed, &end->counters};
	char why[256] = "";

	snprintf(end->pem, sizeof(end->pem), "/tmp/test_dtls.%d.%u.pem", getpid(), number);
	end->id = (struct core_transport_id){number, 7};
	end->dtls = dtls_create(&host, end->pem, 16, why, sizeof(why));
	if (!end->dtls)
		fail_msg("%s", why);
}

struct pair {
	struct end client, server;
};

static struct pair *pair_open(void)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	end_open(&pair->client, 1);
	end_open(&pair->server, 2);
	pair->client.peer = &pair->server;
	pair->server.peer = &pair->client;
	pair->server.now_ms = 1000;
	dtls_fingerprint(pair->server.dtls, 0, &pair->client.expected);
	dtls_fingerprint(pair->client.dtls, 0, &pair->server.expected);
	return pair;
}

static void pair_close(struct pair *pair)
{
	dtls_destroy(pair->client.dtls);
	dtls_destroy(pair->server.dtls);
	assert_int_equal(pair->client.counters.dtls_handshakes, 0);
	assert_int_equal(pair->server.counters.dtls_handshakes, 0);
	unlink(pair->client.pem);
	unlink(pair->server.pem);
	free(pair);
}

static bool deliver(struct end *end)
{
	unsigned at = end->first;

	if (!end->used)
		return false;
	end->first = (end->first + 1) % WIRE_MAX;
	end->used--;
	uint8_t *exact = malloc(end->wire[at].length);

	memcpy(exact, end->wire[at].data, end->wire[at].length);
	dtls_input(end->dtls, end->id, end->restored, exact, end->wire[at].length, end->now_ms);
	free(exact);
	return true;
}

static void run(struct pair *pair)
{
	while (deliver(&pair->server) || deliver(&pair->client))
		;
}

static void assert_connected(const struct pair *pair)
{
	const struct core_keys *a = &pair->client.keys, *b = &pair->server.keys;

	assert_true(pair->client.has_keys && pair->server.has_keys);
	assert_int_equal(a->profile, b->profile);
	assert_int_equal(a->key_length, b->key_length);
	assert_int_equal(a->salt_length, b->salt_length);
	assert_memory_equal(a->send_key, b->receive_key, sizeof(a->send_key));
	assert_memory_equal(a->receive_key, b->send_key, sizeof(a->send_key));
	assert_memory_equal(a->send_salt, b->receive_salt, sizeof(a->send_salt));
	assert_memory_equal(a->receive_salt, b->send_salt, sizeof(a->send_salt));
	assert_memory_not_equal(a->send_key, a->receive_key, a->key_length);
	assert_int_equal(pair->client.closed + pair->server.closed, 0);
}

static void both_roles_agree_on_keys(void **)
{
	struct pair *pair = pair_open();

	assert_int_equal(dtls_connect(pair->client.dtls, pair->client.id), 0);
	run(pair);
	assert_connected(pair);
	assert_int_equal(pair->server.keys.profile, 7); // AEAD_AES_128_GCM is our first choice
	assert_int_equal(pair->server.keys.key_length, 16);
	assert_int_equal(pair->server.keys.salt_length, 12);
	assert_int_equal(pair->server.counters.dtls[EDGE_DTLS_CONNECTED], 1);
	assert_int_equal(dtls_connect(pair->client.dtls, pair->client.id), 0); // is open: nothing
	assert_false(deliver(&pair->server));
	pair_close(pair);
}

static void client_hello_in_two_datagrams(void **)
{
	struct pair *pair = pair_open();

	pair->server.split = 1;
	dtls_connect(pair->client.dtls, pair->client.id);
	assert_int_equal(pair->server.used, 2);
	run(pair);
	assert_connected(pair);
	pair_close(pair);
}

static void lost_flights_are_sent_again(void **)
{
	struct pair *pair = pair_open();

	pair->server.lose = 1; // the ClientHello
	pair->client.lose = 2; // and part of the answer
	dtls_connect(pair->client.dtls, pair->client.id);
	for (unsigned i = 0; i < 100 && !(pair->client.has_keys && pair->server.has_keys); i++) {
		run(pair);
		usleep(20000);
		dtls_tick(pair->client.dtls);
		dtls_tick(pair->server.dtls);
	}
	assert_connected(pair);
	pair_close(pair);
}

static void wrong_fingerprint_is_refused(void **)
{
	struct pair *pair = pair_open();

	pair->server.expected.value[5] ^= 1;
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	assert_false(pair->server.has_keys);
	assert_int_equal(pair->server.closed, 1);
	assert_non_null(strstr(pair->server.why, "fingerprint"));
	assert_int_equal(pair->server.counters.dtls[EDGE_DTLS_FINGERPRINT], 1);
	pair_close(pair);
}

static void keys_wait_for_the_description(void **)
{
	struct pair *pair = pair_open();
	struct desc_fingerprint later = pair->server.expected;

	memset(&pair->server.expected, 0, sizeof(later));
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	dtls_tick(pair->server.dtls);
	assert_false(pair->server.has_keys);
	assert_int_equal(pair->server.closed, 0);
	pair->server.expected = later;
	dtls_tick(pair->server.dtls);
	assert_connected(pair);
	pair_close(pair);
}

static void late_wrong_description_is_refused(void **)
{
	struct pair *pair = pair_open();

	memset(&pair->server.expected, 0, sizeof(pair->server.expected));
	pair->server.forget_when_closed = true;
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	pair->server.expected = (struct desc_fingerprint){"sha-256", 32, {1}};
	dtls_tick(pair->server.dtls); // frees the session within
	assert_int_equal(pair->server.closed, 1);
	assert_false(pair->server.has_keys);
	pair_close(pair);
}

static void nobody_answers(void **)
{
	struct pair *pair = pair_open();

	pair->server.lose = 1000;
	dtls_connect(pair->client.dtls, pair->client.id);
	assert_int_equal(pair->client.counters.dtls_handshakes, 1);
	dtls_forget(pair->client.dtls, pair->client.id);
	assert_int_equal(pair->client.counters.dtls_handshakes, 0);
	dtls_tick(pair->client.dtls);
	assert_int_equal(pair->client.closed, 0);
	pair_close(pair);
}

static void restored_transports(void **)
{
	struct pair *pair = pair_open();
	static const uint8_t other[64] = {22, 254, 253, 0, 1};
	static const uint8_t alert[64] = {21, 254, 253, 0, 0};

	dtls_input(pair->server.dtls, pair->server.id, true, other, sizeof(other), 1000);
	dtls_input(pair->server.dtls, pair->server.id, true, alert, sizeof(alert), 1000);
	assert_int_equal(pair->client.used, 0); // not a word
	pair->server.restored = true;
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	assert_connected(pair);
	assert_int_equal(pair->server.counters.dtls[EDGE_DTLS_RESTARTED], 1);
	pair_close(pair);
}

// A new PeerConnection with the old certificate: all of the core's doing but this is an ICE restart.
static void the_same_peer_begins_anew(void **)
{
	struct pair *pair = pair_open();

	for (unsigned i = 1; i <= 3; i++) {
		struct core_keys before = pair->server.keys;

		pair->client.has_keys = pair->server.has_keys = false;
		pair->server.now_ms += 1000;
		dtls_forget(pair->client.dtls, pair->client.id);
		dtls_connect(pair->client.dtls, pair->client.id);
		run(pair);
		assert_connected(pair);
		assert_memory_not_equal(before.send_key, pair->server.keys.send_key, 16);
		assert_int_equal(pair->server.counters.dtls[EDGE_DTLS_RESTARTED], i - 1);
		assert_int_equal(pair->server.counters.dtls_handshakes, 0);
	}
	pair_close(pair);
}

static void two_conversations_are_forgotten_as_one(void **)
{
	struct pair *pair = pair_open();

	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	dtls_connect(pair->client.dtls, (struct core_transport_id){9, 1});
	assert_true(deliver(&pair->server));
	assert_int_equal(pair->server.counters.dtls_handshakes, 1);
	dtls_forget(pair->server.dtls, pair->server.id);
	assert_int_equal(pair->server.counters.dtls_handshakes, 0);
	assert_int_equal(pair->server.closed, 0);
	pair_close(pair);
}

static void forged_hellos_change_nothing(void **)
{
	for (unsigned restored = 0; restored < 2; restored++) {
		struct pair *pair = pair_open();
		struct end *stranger = calloc(1, sizeof(*stranger));
		struct core_keys keys;

		end_open(stranger, 3);
		dtls_fingerprint(pair->server.dtls, 0, &stranger->expected);
		stranger->peer = &pair->server;
		if (!restored) {
			dtls_connect(pair->client.dtls, pair->client.id);
			run(pair);
			assert_connected(pair);
		}
		keys = pair->server.keys;
		pair->server.restored = restored;
		pair->server.has_keys = false;
		pair->server.peer = stranger;
		dtls_connect(stranger->dtls, stranger->id);
		assert_true(deliver(&pair->server)); // only a ClientHello, for a start
		assert_int_equal(pair->server.counters.dtls_handshakes, 1);
		while (deliver(&pair->server) || deliver(stranger))
			;
		assert_false(pair->server.has_keys);
		assert_int_equal(pair->server.closed, 0);
		assert_int_equal(pair->server.counters.dtls[EDGE_DTLS_FINGERPRINT], 1);
		assert_int_equal(pair->server.counters.dtls_handshakes, 0);

		// no more than one try a second
		dtls_forget(stranger->dtls, stranger->id);
		dtls_connect(stranger->dtls, stranger->id);
		assert_true(deliver(&pair->server));
		assert_int_equal(pair->server.counters.dtls_handshakes, 0);
		assert_int_equal(stranger->used, 0);

		// the true peer still gets new keys, with a stranger's handshake half way
		pair->server.now_ms += 1000;
		dtls_forget(stranger->dtls, stranger->id);
		dtls_connect(stranger->dtls, stranger->id);
		assert_true(deliver(&pair->server));
		assert_int_equal(pair->server.counters.dtls_handshakes, 1);
		pair->server.peer = &pair->client;
		pair->server.now_ms += 1000;
		pair->client.has_keys = false;
		dtls_forget(pair->client.dtls, pair->client.id);
		dtls_connect(pair->client.dtls, pair->client.id);
		run(pair);
		assert_connected(pair);
		assert_memory_not_equal(&keys, &pair->server.keys, sizeof(keys));
		dtls_destroy(stranger->dtls);
		unlink(stranger->pem);
		free(stranger);
		pair_close(pair);
	}
}

static void rubbish_opens_and_breaks_nothing(void **)
{
	struct pair *pair = pair_open();
	uint8_t junk[300];

	for (unsigned i = 0; i < 200; i++) {
		for (unsigned j = 0; j < sizeof(junk); j++)
			junk[j] = (uint8_t)(i * 31 + j * 7 + (j * i) % 13);
		junk[0] = (uint8_t)(20 + i % 4);
		dtls_input(pair->server.dtls, pair->server.id, false, junk, 1 + i, 1000);
	}
	assert_int_equal(pair->server.counters.dtls_handshakes, 0);
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	assert_connected(pair);
	for (unsigned i = 0; i < 200; i++) {
		junk[0] = (uint8_t)(20 + i % 4);
		dtls_input(pair->server.dtls, pair->server.id, false, junk, 1 + i, 1000);
	}
	assert_int_equal(pair->server.closed, 0);
	pair_close(pair);
}

static void truncated_handshakes_do_not_connect(void **)
{
	struct pair *pair = pair_open();

	dtls_connect(pair->client.dtls, pair->client.id);
	size_t whole = pair->server.wire[0].length;

	for (size_t length = 0; length < whole; length++) {
		uint8_t *exact = malloc(length ? length : 1);

		memcpy(exact, pair->server.wire[0].data, length);
		dtls_input(pair->server.dtls, pair->server.id, false, exact, length, 1000);
		free(exact);
	}
	assert_false(pair->server.has_keys);
	run(pair);
	assert_connected(pair);
	pair_close(pair);
}

static void application_data(void **)
{
	struct pair *pair = pair_open();
	uint8_t data[DTLS_DATA_MAX + 1] = {1, 2, 3};

	assert_false(dtls_data(pair->client.dtls, pair->client.id, data, 3));
	pair->server.expected.length = 0; // the peer is not known yet
	dtls_connect(pair->client.dtls, pair->client.id);
	assert_false(dtls_data(pair->client.dtls, pair->client.id, data, 3));
	run(pair);
	assert_true(dtls_data(pair->client.dtls, pair->client.id, data, 3));
	assert_false(dtls_data(pair->server.dtls, pair->server.id, data, 3));
	run(pair);
	assert_int_equal(pair->server.datagrams, 0);
	dtls_fingerprint(pair->client.dtls, 0, &pair->server.expected);
	dtls_tick(pair->server.dtls);
	assert_connected(pair);
	assert_true(dtls_data(pair->client.dtls, pair->client.id, data, 3));
	assert_true(dtls_data(pair->client.dtls, pair->client.id, data, 1000));
	assert_true(dtls_data(pair->server.dtls, pair->server.id, data, 7));
	run(pair);
	assert_int_equal(pair->server.datagrams, 2); // each record on its own
	assert_int_equal(pair->server.data_length, 1000);
	assert_int_equal(pair->client.data_length, 7);
	assert_true(dtls_data(pair->server.dtls, pair->server.id, data, sizeof(data)));
	run(pair);
	assert_int_equal(pair->client.datagrams, 1);
	assert_int_equal(pair->client.counters.data[EDGE_DATA_TOO_BIG], 1);
	dtls_close(pair->server.dtls, pair->server.id);
	dtls_forget(pair->server.dtls, pair->server.id);
	run(pair);
	assert_int_equal(pair->client.closed, 1);
	assert_false(dtls_data(pair->client.dtls, pair->client.id, data, 3));
	pair_close(pair);
}

static void each_number_is_a_certificate(void **)
{
	struct desc_fingerprint seen[1 + CORE_LEG_FINGERPRINTS_MAX];

	for (unsigned i = 0; i <= CORE_LEG_FINGERPRINTS_MAX; i++) {
		struct pair *pair = pair_open();

		pair->client.certificate = pair->server.certificate = i;
		dtls_fingerprint(pair->server.dtls, i, &pair->client.expected);
		dtls_fingerprint(pair->client.dtls, i, &pair->server.expected);
		dtls_connect(pair->client.dtls, pair->client.id);
		run(pair);
		assert_connected(pair);
		for (unsigned k = 0; k <= CORE_LEG_FINGERPRINTS_MAX; k++)
			dtls_fingerprint(pair->server.dtls, k, &seen[k]);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(&seen[k], &seen[i], sizeof(seen[i]));
		dtls_fingerprint(pair->server.dtls, 99, &seen[i]); // as without a number
		assert_memory_equal(&seen[i], &seen[0], sizeof(seen[i]));
		pair_close(pair);
	}
}

// A description is awaited: a certificate that does not match may match then.
static void another_description_may_come(void **)
{
	struct pair *pair = pair_open();

	pair->server.expected.value[0] ^= 1;
	pair->server.open = true;
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	dtls_tick(pair->server.dtls);
	assert_false(pair->server.has_keys);
	assert_int_equal(pair->server.closed, 0);
	pair->server.expected.value[0] ^= 1;
	dtls_tick(pair->server.dtls);
	assert_connected(pair);
	pair_close(pair);
}

static void transport_slot_is_used_again(void **)
{
	struct pair *pair = pair_open();

	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	assert_connected(pair);
	pair->client.has_keys = pair->server.has_keys = false;
	pair->client.id.generation = pair->server.id.generation = 8;
	dtls_connect(pair->client.dtls, pair->client.id);
	run(pair);
	assert_connected(pair);
	dtls_forget(pair->server.dtls, (struct core_transport_id){2, 7}); // stale: nothing
	dtls_forget(pair->server.dtls, (struct core_transport_id){9999, 1});
	assert_int_equal(
		dtls_connect(pair->client.dtls, (struct core_transport_id){9999, 1}), -ENOMEM);
	pair_close(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_roles_agree_on_keys),
		cmocka_unit_test(client_hello_in_two_datagrams),
		cmocka_unit_test(lost_flights_are_sent_again),
		cmocka_unit_test(wrong_fingerprint_is_refused),
		cmocka_unit_test(keys_wait_for_the_description),
		cmocka_unit_test(late_wrong_description_is_refused),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(restored_transports),
		cmocka_unit_test(the_same_peer_begins_anew),
		cmocka_unit_test(two_conversations_are_forgotten_as_one),
		cmocka_unit_test(forged_hellos_change_nothing),
		cmocka_unit_test(rubbish_opens_and_breaks_nothing),
		cmocka_unit_test(truncated_handshakes_do_not_connect),
		cmocka_unit_test(application_data),
		cmocka_unit_test(each_number_is_a_certificate),
		cmocka_unit_test(another_description_may_come),
		cmocka_unit_test(transport_slot_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
