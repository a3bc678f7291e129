// SPDX-License-Identifier: Apache-2.0
#include "dtls.h"
#include "support.h"

#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

enum { QUEUE = 32, DATAGRAM = 2048 };

// The relay's side: an OpenSSL server over a memory BIO that is given one datagram at a time.
struct server {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

struct queue { // what the client has sent
	unsigned used;
	size_t lengths[QUEUE];
	uint8_t data[QUEUE][DATAGRAM];
};

static struct dtls_context context;

static void queue_add(void *argument, const uint8_t *data, size_t length)
{
	struct queue *queue = argument;

	assert_true(queue->used < QUEUE && length <= DATAGRAM);
	memcpy(queue->data[queue->used], data, length);
	queue->lengths[queue->used++] = length;
}

static void server_open(struct server *server, const char *profiles)
{
	struct dtls_context own; // another certificate
	char why[128];

	assert_int_equal(dtls_context_open(&own, SLUICE_SRTP_NONE, why, sizeof(why)), 0);
	server->context = SSL_CTX_new(DTLS_server_method());
	SSL_CTX_use_certificate(server->context, SSL_CTX_get0_certificate(own.ssl));
	SSL_CTX_use_PrivateKey(server->context, SSL_CTX_get0_privatekey(own.ssl));
	SSL_CTX_set_read_ahead(server->context, 1);
	SSL_CTX_set_options(server->context, SSL_OP_NO_QUERY_MTU);
	assert_int_equal(SSL_CTX_set_tlsext_use_srtp(server->context, profiles), 0);
	server->ssl = SSL_new(server->context);
	server->in = BIO_new(BIO_s_mem());
	server->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(server->in, -1);
	SSL_set_bio(server->ssl, server->in, server->out);
	SSL_set_mtu(server->ssl, 1200);
	SSL_set_accept_state(server->ssl);
	dtls_context_close(&own);
}

static void server_close(struct server *server)
{
	SSL_free(server->ssl);
	SSL_CTX_free(server->context);
}

// The server's records, one DTLS record at a time: a memory BIO has lost where datagrams end.
static int client_feed(struct dtls *client, struct server *server, char *why, size_t why_size)
{
	uint8_t data[8192];
	int length = BIO_read(server->out, data, sizeof(data));

	for (int at = 0; at + 13 <= length;) {
		int record = 13 + (data[at + 11] << 8 | data[at + 12]);

		if (dtls_input(client, data + at, (size_t)record, why, why_size))
			return -1;
		at += record;
	}
	return 0;
}

static int shake(
	struct dtls *client, struct queue *queue, struct server *server, char *why, size_t why_size)
{
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < queue->used; i++) {
			BIO_write(server->in, queue->data[i], (int)queue->lengths[i]);
			SSL_do_handshake(server->ssl);
		}
		queue->used = 0;
		if (client_feed(client, server, why, why_size))
			return -1;
	}
	return 0;
}

static void server_fingerprint(const struct server *server, struct desc_fingerprint *fingerprint)
{
	unsigned length;

	X509_digest(SSL_CTX_get0_certificate(server->context), EVP_sha256(), fingerprint->value,
		&length);
	fingerprint->length = (uint8_t)length;
	strcpy(fingerprint->algorithm, "sha-256");
}

static void both_sides_have_the_same_keys(void **)
{
	static struct queue queue;
	struct dtls client = {.send = queue_add, .context = &queue};
	struct desc_fingerprint fingerprint;
	struct dtls_keys keys;
	struct server server;
	uint8_t material[56];
	char why[128] = "";

	queue.used = 0;
	server_open(&server, "SRTP_AEAD_AES_128_GCM");
	assert_int_equal(dtls_start(&client, &context), 0);
	assert_int_equal(shake(&client, &queue, &server, why, sizeof(why)), 0);
	assert_int_equal(client.state, DTLS_DONE);
	server_fingerprint(&server, &fingerprint);
	assert_int_equal(dtls_export(&client, &fingerprint, &keys, why, sizeof(why)), 0);
	assert_int_equal(keys.profile, SLUICE_SRTP_AEAD_AES_128_GCM);
	SSL_export_keying_material(
		server.ssl, material, sizeof(material), "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0);
	assert_memory_equal(keys.send.key, material, 16);
	assert_memory_equal(keys.receive.key, material + 16, 16);
	assert_memory_equal(keys.send.salt, material + 32, 12);
	assert_memory_equal(keys.receive.salt, material + 44, 12);
	dtls_close(&client);
	server_close(&server);
}

static void another_certificate_than_described_gets_no_keys(void **)
{
	static struct queue queue;
	struct dtls client = {.send = queue_add, .context = &queue};
	struct desc_fingerprint fingerprint;
	struct dtls_keys keys;
	struct server server;
	char why[128] = "";

	queue.used = 0;
	server_open(&server, "SRTP_AES128_CM_SHA1_80");
	dtls_start(&client, &context);
	shake(&client, &queue, &server, why, sizeof(why));
	server_fingerprint(&server, &fingerprint);
	fingerprint.value[5] ^= 1;
	assert_int_equal(dtls_export(&client, &fingerprint, &keys, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "fingerprint"));
	fingerprint.value[5] ^= 1;
	assert_int_equal(dtls_export(&client, &fingerprint, &keys, why, sizeof(why)), 0);
	assert_int_equal(keys.profile, SLUICE_SRTP_AES128_CM_SHA1_80);
	strcpy(fingerprint.algorithm, "md5");
	assert_int_equal(dtls_export(&client, &fingerprint, &keys, why, sizeof(why)), -1);
	dtls_close(&client);
	server_close(&server);
}

static void one_profile_is_offered_alone(void **)
{
	static struct queue queue;
	struct dtls_context narrow;
	struct dtls client = {.send = queue_add, .context = &queue};
	struct desc_fingerprint fingerprint;
	struct dtls_keys keys;
	struct server server;
	char why[128] = "";

	queue.used = 0;
	assert_int_equal(
		dtls_context_open(&narrow, SLUICE_SRTP_AEAD_AES_256_GCM, why, sizeof(why)), 0);
	server_open(&server, "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80");
	dtls_start(&client, &narrow);
	shake(&client, &queue, &server, why, sizeof(why));
	server_fingerprint(&server, &fingerprint);
	assert_int_equal(dtls_export(&client, &fingerprint, &keys, why, sizeof(why)), 0);
	assert_int_equal(keys.profile, SLUICE_SRTP_AEAD_AES_256_GCM);
	dtls_close(&client);
	server_close(&server);
	dtls_context_close(&narrow);
}

static void a_goodbye_ends_it(void **)
{
	static struct queue queue;
	struct dtls client = {.send = queue_add, .context = &queue};
	struct server server;
	char why[128] = "";

	queue.used = 0;
	server_open(&server, "SRTP_AEAD_AES_128_GCM");
	dtls_start(&client, &context);
	shake(&client, &queue, &server, why, sizeof(why));
	SSL_shutdown(server.ssl);
	assert_int_equal(client_feed(&client, &server, why, sizeof(why)), -1);
	assert_int_equal(client.state, DTLS_OVER);
	assert_string_equal(why, "the relay closed DTLS");
	dtls_close(&client);
	server_close(&server);
}

static void junk_does_no_harm(void **)
{
	static struct queue queue;
	struct dtls client = {.send = queue_add, .context = &queue};
	uint8_t junk[64] = {22, 0xfe, 0xfd};
	char why[128];

	queue.used = 0;
	dtls_start(&client, &context);
	for (size_t length = 0; length < sizeof(junk); length++)
		dtls_input(&client, junk, length, why, sizeof(why));
	assert_true(queue.used >= 1);
	dtls_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_have_the_same_keys),
		cmocka_unit_test(another_certificate_than_described_gets_no_keys),
		cmocka_unit_test(one_profile_is_offered_alone),
		cmocka_unit_test(a_goodbye_ends_it),
		cmocka_unit_test(junk_does_no_harm),
	};
	char why[128];
	int failed;

	if (dtls_context_open(&context, SLUICE_SRTP_NONE, why, sizeof(why)))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	dtls_context_close(&context);
	return failed;
}
