// SPDX-License-Identifier: Apache-2.0
#include "dtls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MTU_BYTES = 1200, RETRANSMIT_US = 50000, CERTIFICATE_S = 30 * 86400 };

// ---- a BIO that keeps datagrams apart

static int bio_read(BIO *bio, char *data, int size)
{
	struct dtls *dtls = BIO_get_data(bio);
	size_t length = dtls->input_length;

	BIO_clear_retry_flags(bio);
	if (!dtls->input) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (length > (size_t)size)
		length = (size_t)size;
	memcpy(data, dtls->input, length);
	dtls->input = NULL;
	return (int)length;
}

static int bio_write(BIO *bio, const char *data, int length)
{
	struct dtls *dtls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	dtls->send(dtls->context, (const uint8_t *)data, (size_t)length);
	return length;
}

static long bio_ctrl(BIO *, int command, long, void *)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
	case BIO_CTRL_DGRAM_QUERY_MTU:
		return MTU_BYTES;
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

// ---- what all connections share

// The chain says nothing: the fingerprint counts, see dtls_export.
static int verify_any(int, X509_STORE_CTX *)
{
	return 1;
}

static X509 *certificate_make(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;

	if (name && X509_set_version(certificate, 2) &&
		ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
		X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) &&
		X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_S) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"sluice-load", -1, -1, 0) &&
		X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
		X509_sign(certificate, key, EVP_sha256()))
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool certificate_use(struct dtls_context *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? certificate_make(key) : NULL;
	unsigned length = 0;
	bool done =
		certificate && SSL_CTX_use_certificate(context->ssl, certificate) == 1 &&
		SSL_CTX_use_PrivateKey(context->ssl, key) == 1 &&
		X509_digest(certificate, EVP_sha256(), context->fingerprint.value, &length) == 1;

	snprintf(context->fingerprint.algorithm, sizeof(context->fingerprint.algorithm), "sha-256");
	context->fingerprint.length = (uint8_t)length;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return done;
}

static const char *profile_names(enum sluice_srtp_profile profile)
{
	switch (profile) {
	case SLUICE_SRTP_AES128_CM_SHA1_80:
		return "SRTP_AES128_CM_SHA1_80";
	case SLUICE_SRTP_AEAD_AES_128_GCM:
		return "SRTP_AEAD_AES_128_GCM";
	case SLUICE_SRTP_AEAD_AES_256_GCM:
		return "SRTP_AEAD_AES_256_GCM";
	case SLUICE_SRTP_NONE:
		break;
	}
	return "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
}

int dtls_context_open(
	struct dtls_context *context, enum sluice_srtp_profile profile, char *why, size_t why_size)
{
	*context = (struct dtls_context){.ssl = SSL_CTX_new(DTLS_client_method())};
	context->method = method_make();
	if (context->ssl && context->method) {
		SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, verify_any);
		SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_options(context->ssl, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
		SSL_CTX_set_read_ahead(context->ssl, 1);
		// SSL_CTX_set_tlsext_use_srtp returns 0 for success
		if (SSL_CTX_set_min_proto_version(context->ssl, DTLS1_2_VERSION) == 1 &&
			SSL_CTX_set_tlsext_use_srtp(context->ssl, profile_names(profile)) == 0 &&
			certificate_use(context))
			return 0;
	}
	snprintf(why, why_size, "OpenSSL refuses the DTLS-SRTP settings: %s",
		ERR_reason_error_string(ERR_get_error()));
	dtls_context_close(context);
	return -1;
}

void dtls_context_close(struct dtls_context *context)
{
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->method);
	*context = (struct dtls_context){0};
}

// ---- one conversation

static unsigned retransmit_after(SSL *, unsigned previous_us)
{
	if (!previous_us)
		return RETRANSMIT_US;
	return previous_us < 4000000 ? previous_us * 2 : previous_us;
}

static int dtls_end(struct dtls *dtls, const char *what, char *why, size_t why_size)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	dtls->state = DTLS_OVER;
	snprintf(why, why_size, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
	return -1;
}

static int dtls_shake(struct dtls *dtls, char *why, size_t why_size)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(dtls->ssl);
	if (result == 1) {
		dtls->state = DTLS_DONE;
		return 0;
	}
	if (SSL_get_error(dtls->ssl, result) == SSL_ERROR_WANT_READ)
		return 0;
	return dtls_end(dtls, "DTLS handshake failed", why, why_size);
}

// Alerts, and retransmitted last flights of the peer.
static int dtls_read(struct dtls *dtls, char *why, size_t why_size)
{
	uint8_t data[2048];
	int length;

	do {
		ERR_clear_error();
		length = SSL_read(dtls->ssl, data, sizeof(data));
	} while (length > 0);
	switch (SSL_get_error(dtls->ssl, length)) {
	case SSL_ERROR_ZERO_RETURN:
		return dtls_end(dtls, "the relay closed DTLS", why, why_size);
	case SSL_ERROR_SSL:
		return dtls_end(dtls, "the relay broke off DTLS", why, why_size);
	default:
		return 0;
	}
}

int dtls_start(struct dtls *dtls, const struct dtls_context *context)
{
	BIO *bio = BIO_new(context->method);
	char why[64];

	dtls->ssl = bio ? SSL_new(context->ssl) : NULL;
	if (!dtls->ssl) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, dtls);
	BIO_set_init(bio, 1);
	SSL_set_bio(dtls->ssl, bio, bio);
	SSL_set_mtu(dtls->ssl, MTU_BYTES);
	DTLS_set_timer_cb(dtls->ssl, retransmit_after);
	SSL_set_connect_state(dtls->ssl);
	dtls->state = DTLS_SHAKING;
	return dtls_shake(dtls, why, sizeof(why)) ? -ENOMEM : 0; // nothing but memory can fail yet
}

int dtls_input(struct dtls *dtls, const uint8_t *data, size_t length, char *why, size_t why_size)
{
	int result = 0;

	dtls->input = data;
	dtls->input_length = length;
	if (dtls->state == DTLS_SHAKING)
		result = dtls_shake(dtls, why, why_size);
	else if (dtls->state == DTLS_DONE)
		result = dtls_read(dtls, why, why_size);
	dtls->input = NULL;
	return result;
}

int dtls_tick(struct dtls *dtls, char *why, size_t why_size)
{
	ERR_clear_error();
	if (dtls->state == DTLS_SHAKING && DTLSv1_handle_timeout(dtls->ssl) < 0)
		return dtls_end(dtls, "DTLS handshake got no answer", why, why_size);
	return 0;
}

// ---- keys

static bool certificate_matches(const struct dtls *dtls, const struct desc_fingerprint *fingerprint)
{
	static const struct {
		const char *name;
		const EVP_MD *(*digest)(void);
	} digests[] = {{"sha-256", EVP_sha256}, {"sha-384", EVP_sha384}, {"sha-512", EVP_sha512},
		{"sha-224", EVP_sha224}, {"sha-1", EVP_sha1}};
	const X509 *certificate = SSL_get0_peer_certificate(dtls->ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length;

	for (unsigned i = 0; certificate && i < sizeof(digests) / sizeof(digests[0]); i++)
		if (!strcmp(fingerprint->algorithm, digests[i].name))
			return X509_digest(certificate, digests[i].digest(), digest, &length) ==
				       1 &&
			       length == fingerprint->length &&
			       !memcmp(digest, fingerprint->value, length);
	return false;
}

int dtls_export(const struct dtls *dtls, const struct desc_fingerprint *fingerprint,
	struct dtls_keys *keys, char *why, size_t why_size)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(dtls->ssl);
	uint8_t material[2 * (32 + 14)];
	size_t key = 16, salt = 12;

	if (!certificate_matches(dtls, fingerprint)) {
		snprintf(why, why_size, "the relay's certificate does not match its fingerprint");
		return -1;
	}
	if (!profile) {
		snprintf(why, why_size, "the relay chose no SRTP profile");
		return -1;
	}
	if (profile->id == SRTP_AES128_CM_SHA1_80)
		salt = 14;
	else if (profile->id == SRTP_AEAD_AES_256_GCM)
		key = 32;
	if (SSL_export_keying_material(dtls->ssl, material, 2 * (key + salt), label,
		    sizeof(label) - 1, NULL, 0, 0) != 1) {
		snprintf(why, why_size, "OpenSSL exports no keys");
		return -1;
	}
	// RFC 5764, 4.2: client key, server key, client salt, server salt; we are the client
	memset(keys, 0, sizeof(*keys));
	keys->profile = (enum sluice_srtp_profile)profile->id;
	memcpy(keys->send.key, material, key);
	memcpy(keys->receive.key, material + key, key);
	memcpy(keys->send.salt, material + 2 * key, salt);
	memcpy(keys->receive.salt, material + 2 * key + salt, salt);
	OPENSSL_cleanse(material, sizeof(material));
	return 0;
}

void dtls_close(struct dtls *dtls)
{
	if (dtls->state == DTLS_DONE)
		SSL_shutdown(dtls->ssl);
	SSL_free(dtls->ssl);
	dtls->ssl = NULL;
	dtls->state = DTLS_OVER;
}
