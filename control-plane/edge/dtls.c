// SPDX-License-Identifier: Apache-2.0
#include "dtls.h"

#include "certificate.h"
#include "log.h"

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	HELLO_RANDOM = 32,
	SUCCESSOR_MS = 1000, // between two of one transport: each costs us a signature
};
enum session_state { SHAKING, WAITING, ESTABLISHED, OVER };

struct session {
	LIST_ENTRY(session) unfinished; // in SHAKING and WAITING
	struct dtls *dtls;
	struct core_transport_id id;
	enum session_state state;
	bool client, busy, forgotten;
	bool successor; // of a conversation whose keys are in use
	uint8_t hello[HELLO_RANDOM]; // random of the peer's ClientHello; zero in the client's role
	uint64_t ticked; // dtls->ticks when it was last looked at
	SSL *ssl;
	const uint8_t *input; // the one datagram that is being read
	size_t input_length;
};

struct dtls {
	struct dtls_host host;
	SSL_CTX *context;
	X509 *others[CERTIFICATE_OTHERS]; // the first certificate is the context's
	BIO_METHOD *method;
	uint32_t sessions_max;
	struct session **sessions; // by transport index
	struct session **successors; // likewise; at most one waits behind each conversation
	uint64_t *succeeded_ms; // when the last one of them began
	LIST_HEAD(, session) unfinished;
	uint64_t ticks, freed;
};

// ---- a BIO that keeps datagrams apart

static int bio_read(BIO *bio, char *data, int size)
{
	struct session *session = BIO_get_data(bio);
	size_t length = session->input_length;

	BIO_clear_retry_flags(bio);
	if (!session->input) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (length > (size_t)size) // as recv: the rest of a datagram is lost
		length = (size_t)size;
	memcpy(data, session->input, length);
	session->input = NULL;
	return (int)length;
}

static int bio_write(BIO *bio, const char *data, int length)
{
	struct session *session = BIO_get_data(bio);
	const struct dtls_host *host = &session->dtls->host;

	BIO_clear_retry_flags(bio);
	if (!session->forgotten)
		host->send(host->context, session->id, (const uint8_t *)data, (size_t)length);
	return length; // what is lost is retransmitted, like any datagram
}

static long bio_ctrl(BIO *, int command, long, void *)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
	case BIO_CTRL_DGRAM_QUERY_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

static BIO_METHOD *method_make(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");

	if (method) {
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	return method;
}

// ---- the context of all conversations

// The chain says nothing between strangers: only the fingerprint counts, and it is checked later.
static int verify_any(int, X509_STORE_CTX *)
{
	return 1;
}

static SSL_CTX *context_make(
	const char *pem, X509 *others[CERTIFICATE_OTHERS], char *why, size_t why_size)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());

	if (!context) {
		snprintf(why, why_size, "OpenSSL has no DTLS");
		return NULL;
	}
	SSL_CTX_set_security_level(context, 1); // RSA 1024 and SHA-1 signatures of old clients
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_any);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET |
					     SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_read_ahead(context, 1);
	// SSL_CTX_set_tlsext_use_srtp returns 0 for success
	if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL") !=
			1 ||
		SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1 ||
		SSL_CTX_set_tlsext_use_srtp(context,
			"SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80") !=
			0) {
		snprintf(why, why_size, "OpenSSL refuses the DTLS-SRTP settings: %s",
			ERR_reason_error_string(ERR_get_error()));
		SSL_CTX_free(context);
		return NULL;
	}
	if (certificate_use(context, pem, others, why, why_size)) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

struct dtls *dtls_create(const struct dtls_host *host, const char *pem, uint32_t transports,
	char *why, size_t why_size)
{
	struct dtls *dtls = calloc(1, sizeof(*dtls));

	snprintf(why, why_size, "out of memory");
	if (!dtls)
		return NULL;
	dtls->host = *host;
	dtls->sessions_max = transports;
	dtls->sessions = calloc(transports, sizeof(*dtls->sessions));
	dtls->successors = calloc(transports, sizeof(*dtls->successors));
	dtls->succeeded_ms = calloc(transports, sizeof(*dtls->succeeded_ms));
	dtls->method = method_make();
	if (dtls->sessions && dtls->successors && dtls->succeeded_ms && dtls->method)
		dtls->context = context_make(pem, dtls->others, why, why_size);
	if (dtls->context)
		return dtls;
	dtls_destroy(dtls);
	return NULL;
}

static void session_free(struct session *session);

void dtls_destroy(struct dtls *dtls)
{
	if (!dtls)
		return;
	for (uint32_t i = 0; dtls->sessions && dtls->successors && i < dtls->sessions_max; i++) {
		session_free(dtls->sessions[i]);
		session_free(dtls->successors[i]);
	}
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++)
		X509_free(dtls->others[i]);
	SSL_CTX_free(dtls->context);
	BIO_meth_free(dtls->method);
	free(dtls->sessions);
	free(dtls->successors);
	free(dtls->succeeded_ms);
	free(dtls);
}

void dtls_fingerprint(
	const struct dtls *dtls, unsigned number, struct desc_fingerprint *fingerprint)
{
	const X509 *first = SSL_CTX_get0_certificate(dtls->context);

	certificate_fingerprint(
		number && number <= CERTIFICATE_OTHERS ? dtls->others[number - 1] : first,
		fingerprint);
}

// ---- one conversation

static unsigned retransmit_after(SSL *, unsigned previous_us)
{
	if (!previous_us)
		return DTLS_RETRANSMIT_US;
	return previous_us < 4000000 ? previous_us * 2 : previous_us;
}

static struct session *find_in(
	const struct dtls *dtls, struct session **sessions, struct core_transport_id id)
{
	struct session *session = id.index < dtls->sessions_max ? sessions[id.index] : NULL;

	return session && session->id.generation == id.generation ? session : NULL;
}

static struct session *session_find(const struct dtls *dtls, struct core_transport_id id)
{
	return find_in(dtls, dtls->sessions, id);
}

static struct session *successor_find(const struct dtls *dtls, struct core_transport_id id)
{
	return find_in(dtls, dtls->successors, id);
}

static struct session **session_place(const struct session *session)
{
	const struct dtls *dtls = session->dtls;

	return &(session->successor ? dtls->successors : dtls->sessions)[session->id.index];
}

static void session_finish(struct session *session, enum session_state state)
{
	bool open = session->state == SHAKING || session->state == WAITING;

	if (open && state != WAITING) {
		LIST_REMOVE(session, unfinished);
		session->dtls->host.counters->dtls_handshakes--;
	}
	session->state = state;
}

static void session_free(struct session *session)
{
	if (!session)
		return;
	session_finish(session, OVER);
	*session_place(session) = NULL;
	session->dtls->freed++;
	SSL_free(session->ssl);
	free(session);
}

static bool certificate_choose(struct dtls *dtls, struct core_transport_id id, SSL *ssl)
{
	const struct dtls_host *host = &dtls->host;
	unsigned number = host->certificate ? host->certificate(host->context, id) : 0;

	return !number || number > CERTIFICATE_OTHERS ||
	       SSL_use_certificate(ssl, dtls->others[number - 1]) == 1;
}

static struct session *session_make(
	struct dtls *dtls, struct core_transport_id id, bool client, bool successor)
{
	struct session *session = calloc(1, sizeof(*session));
	BIO *bio = BIO_new(dtls->method);

	if (!session || !bio)
		goto fail;
	session->ssl = SSL_new(dtls->context);
	if (!session->ssl || !certificate_choose(dtls, id, session->ssl))
		goto fail;
	session->dtls = dtls;
	session->id = id;
	session->client = client;
	session->successor = successor;
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	SSL_set_bio(session->ssl, bio, bio);
	SSL_set_mtu(session->ssl, DTLS_MTU);
	DTLS_set_timer_cb(session->ssl, retransmit_after);
	if (client)
		SSL_set_connect_state(session->ssl);
	else
		SSL_set_accept_state(session->ssl);
	session_free(*session_place(session)); // of an earlier transport in this slot
	*session_place(session) = session;
	LIST_INSERT_HEAD(&dtls->unfinished, session, unfinished);
	dtls->host.counters->dtls_handshakes++;
	return session;
fail:
	BIO_free(bio);
	if (session)
		SSL_free(session->ssl);
	free(session);
	return NULL;
}

static bool is_over(const struct session *session)
{
	return session && session->state == OVER;
}

// A successor's end is nobody's loss, unless the peer has ended the conversation before it meanwhile.
static void session_close(struct session *session, enum edge_dtls_result result, const char *why)
{
	const struct dtls_host *host = &session->dtls->host;

	if (session->state == OVER)
		return;
	session_finish(session, OVER);
	host->counters->dtls[result]++;
	if (session->successor && !is_over(session_find(session->dtls, session->id)))
		session->forgotten = true; // whoever began it has proved nothing: the keys stay
	else if (session->successor || !successor_find(session->dtls, session->id))
		host->closed(host->context, session->id, why);
}

static void session_fail(struct session *session)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	enum edge_dtls_result result = EDGE_DTLS_FAILED;
	char why[128];

	snprintf(why, sizeof(why), "DTLS handshake failed: %s",
		reason ? reason : "the peer's data make no sense");
	if (error && ERR_GET_REASON(error) == SSL_R_READ_TIMEOUT_EXPIRED) {
		snprintf(why, sizeof(why), "DTLS handshake got no answer");
		result = EDGE_DTLS_TIMEOUT;
	}
	session_close(session, result, why);
}

// RFC 5764, 4.2: client key, server key, client salt, server salt.
static bool keys_export(struct session *session, struct core_keys *keys)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(session->ssl);
	uint8_t material[2 * (32 + 14)];
	size_t key = 16, salt = 12;

	if (!profile)
		return false;
	if (profile->id == SRTP_AES128_CM_SHA1_80)
		salt = 14;
	else if (profile->id == SRTP_AEAD_AES_256_GCM)
		key = 32;
	if (SSL_export_keying_material(session->ssl, material, 2 * (key + salt), label,
		    sizeof(label) - 1, NULL, 0, 0) != 1)
		return false;
	memset(keys, 0, sizeof(*keys));
	keys->profile = (uint16_t)profile->id;
	keys->key_length = (uint8_t)key;
	keys->salt_length = (uint8_t)salt;
	size_t ours = session->client ? 0 : 1;

	memcpy(keys->send_key, material + ours * key, key);
	memcpy(keys->receive_key, material + (1 - ours) * key, key);
	memcpy(keys->send_salt, material + 2 * key + ours * salt, salt);
	memcpy(keys->receive_salt, material + 2 * key + (1 - ours) * salt, salt);
	OPENSSL_cleanse(material, sizeof(material));
	return true;
}

// Takes the place of the conversation before it.
static void session_succeed(struct session *session)
{
	struct dtls *dtls = session->dtls;

	session_free(dtls->sessions[session->id.index]);
	dtls->successors[session->id.index] = NULL;
	session->successor = false;
	dtls->sessions[session->id.index] = session;
	dtls->host.counters->dtls[EDGE_DTLS_RESTARTED]++;
}

// The handshake is done: lets the keys out, if the certificate is the one that was described.
static void session_establish(struct session *session)
{
	const struct dtls_host *host = &session->dtls->host;
	bool open = false;
	const struct desc_fingerprint *fingerprint =
		host->fingerprint(host->context, session->id, &open);
	bool matches = fingerprint && fingerprint->length &&
		       certificate_matches(SSL_get0_peer_certificate(session->ssl), fingerprint);
	struct core_keys keys;

	if (!matches && (open || !fingerprint || !fingerprint->length)) {
		session_finish(session, WAITING); // its description is still on its way
		return;
	}
	if (!matches) {
		SSL_shutdown(session->ssl);
		session_close(session, EDGE_DTLS_FINGERPRINT,
			"the peer's certificate does not match its fingerprint");
		return;
	}
	if (!keys_export(session, &keys)) {
		SSL_shutdown(session->ssl);
		session_close(session, EDGE_DTLS_NO_PROFILE, "no SRTP profile in common");
		return;
	}
	session_finish(session, ESTABLISHED);
	if (session->successor)
		session_succeed(session);
	host->counters->dtls[EDGE_DTLS_CONNECTED]++;
	host->keys(host->context, session->id, &keys);
	OPENSSL_cleanse(&keys, sizeof(keys));
}

static void session_shake(struct session *session)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(session->ssl);
	if (result == 1) {
		session_establish(session);
		return;
	}
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return;
	default:
		session_fail(session);
	}
}

// One record is one datagram of the protocol above; in WAITING it is of a peer that is not known yet.
static void data_take(struct session *session, const uint8_t *data, size_t length)
{
	const struct dtls_host *host = &session->dtls->host;

	if (length > DTLS_DATA_MAX)
		host->counters->data[EDGE_DATA_TOO_BIG]++;
	else if (host->data && session->state == ESTABLISHED)
		host->data(host->context, session->id, data, length);
}

// After the handshake: alerts, and application data (SCTP). Reading also answers a retransmitted last
// flight.
static void session_read(struct session *session)
{
	uint8_t data[2048]; // no datagram is larger (udp.h)
	int length;

	for (;;) {
		ERR_clear_error();
		length = SSL_read(session->ssl, data, sizeof(data));
		if (length <= 0)
			break;
		data_take(session, data, (size_t)length);
		if (session->forgotten)
			return;
	}
	switch (SSL_get_error(session->ssl, length)) {
	case SSL_ERROR_ZERO_RETURN:
		session_close(session, EDGE_DTLS_CLOSED, "the peer closed DTLS");
		return;
	case SSL_ERROR_SSL:
		session_close(session, EDGE_DTLS_FAILED, "the peer broke off DTLS");
		return;
	default:
		return;
	}
}

static void session_leave(struct session *session)
{
	session->busy = false;
	if (session->forgotten)
		session_free(session);
}

// ---- in and out

// A first ClientHello fragment in an unencrypted record (RFC 6347, 4.2.2).
static bool is_client_hello(const uint8_t *data, size_t length)
{
	return length > 13 && data[0] == 22 && data[3] == 0 && data[4] == 0 && data[13] == 1;
}

// The random of a ClientHello that begins in this datagram, else NULL. Retransmissions repeat it
// (RFC 6347, 4.2.4).
static const uint8_t *hello_random(const uint8_t *data, size_t length)
{
	enum { FRAGMENT_OFFSET = 19, RANDOM = 27 };
	static const uint8_t start[3];

	if (!is_client_hello(data, length) || length < RANDOM + HELLO_RANDOM ||
		memcmp(data + FRAGMENT_OFFSET, start, sizeof(start)) != 0)
		return NULL;
	return data + RANDOM;
}

// A ClientHello other than the one this conversation began with: the peer begins anew, as with a new
// PeerConnection that has the old certificate. Anybody who can forge its address can send that, so the
// keys stay in use until this handshake is done.
static void successor_begin(
	struct dtls *dtls, struct core_transport_id id, const uint8_t *random, uint64_t now_ms)
{
	const struct session *session = session_find(dtls, id);
	struct session *successor = successor_find(dtls, id);

	if (session && !memcmp(session->hello, random, HELLO_RANDOM))
		return;
	if (successor && !memcmp(successor->hello, random, HELLO_RANDOM))
		return;
	if (now_ms - dtls->succeeded_ms[id.index] < SUCCESSOR_MS)
		return;
	dtls->succeeded_ms[id.index] = now_ms;
	successor = session_make(dtls, id, false, true);
	if (successor)
		memcpy(successor->hello, random, HELLO_RANDOM);
}

static void session_take(struct session *session, const uint8_t *data, size_t length)
{
	if (!session || session->busy || session->state == OVER)
		return;
	session->busy = true;
	session->input = data;
	session->input_length = length;
	if (session->state == SHAKING)
		session_shake(session);
	else
		session_read(session);
	session->input = NULL;
	session_leave(session);
}

void dtls_input(struct dtls *dtls, struct core_transport_id id, bool restored, const uint8_t *data,
	size_t length, uint64_t now_ms)
{
	struct session *session = session_find(dtls, id);
	const uint8_t *random = hello_random(data, length);
	bool keyed = session ? session->state == ESTABLISHED : restored;

	if (id.index >= dtls->sessions_max)
		return;
	if (keyed && random)
		successor_begin(dtls, id, random, now_ms);
	if (!session && !restored && is_client_hello(data, length)) {
		session = session_make(dtls, id, false, false);
		if (session && random)
			memcpy(session->hello, random, HELLO_RANDOM);
	}
	// each drops silently what is encrypted for the other (RFC 6347, 4.1.2.7)
	session_take(session, data, length);
	session_take(successor_find(dtls, id), data, length);
}

int dtls_connect(struct dtls *dtls, struct core_transport_id id)
{
	struct session *session = session_find(dtls, id);

	if (session)
		return 0;
	if (id.index < dtls->sessions_max)
		session = session_make(dtls, id, true, false);
	if (!session)
		return -ENOMEM;
	session->busy = true;
	session_shake(session);
	session_leave(session);
	return 0;
}

bool dtls_data(struct dtls *dtls, struct core_transport_id id, const uint8_t *data, size_t length)
{
	struct session *session = session_find(dtls, id);

	if (!session || session->state != ESTABLISHED || session->forgotten)
		return false;
	ERR_clear_error();
	return SSL_write(session->ssl, data, (int)length) == (int)length;
}

const char *dtls_version(const struct dtls *dtls, struct core_transport_id id)
{
	const struct session *session = session_find(dtls, id);

	return session ? SSL_get_version(session->ssl) : "?";
}

void dtls_close(struct dtls *dtls, struct core_transport_id id)
{
	struct session *session = session_find(dtls, id);

	if (!session || session->state != ESTABLISHED || session->busy)
		return;
	ERR_clear_error();
	SSL_shutdown(session->ssl);
}

static void session_forget(struct session *session)
{
	if (!session || session->forgotten)
		return;
	session->forgotten = true;
	if (!session->busy)
		session_free(session);
}

void dtls_forget(struct dtls *dtls, struct core_transport_id id)
{
	session_forget(successor_find(dtls, id));
	session_forget(session_find(dtls, id));
}

static void session_tick(struct session *session)
{
	session->busy = true;
	ERR_clear_error();
	if (session->state == WAITING)
		session_establish(session);
	else if (DTLSv1_handle_timeout(session->ssl) < 0)
		session_fail(session);
	session_leave(session);
}

// One session's end may end others (the core closes what hangs on it): then the walk begins anew.
void dtls_tick(struct dtls *dtls)
{
	struct session *session = LIST_FIRST(&dtls->unfinished);

	dtls->ticks++;
	while (session) {
		struct session *next = LIST_NEXT(session, unfinished);
		uint64_t freed = dtls->freed;

		if (session->ticked != dtls->ticks) {
			session->ticked = dtls->ticks;
			session_tick(session);
		}
		session = dtls->freed == freed ? next : LIST_FIRST(&dtls->unfinished);
	}
}
