// SPDX-License-Identifier: Apache-2.0
// The client's side of DTLS-SRTP (RFC 5764) over datagrams that the owner carries. All connections of
// the process share one certificate.
#pragma once

#include "core/desc.h"

#include <sluice/row.h>

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_context {
	SSL_CTX *ssl;
	BIO_METHOD *method;
	struct desc_fingerprint fingerprint; // of our certificate
};

enum dtls_state { DTLS_IDLE, DTLS_SHAKING, DTLS_DONE, DTLS_OVER };

struct dtls {
	enum dtls_state state;
	SSL *ssl;
	void (*send)(void *context, const uint8_t *data, size_t length);
	void *context;
	const uint8_t *input; // the one datagram that is being read
	size_t input_length;
};

struct dtls_keys {
	enum sluice_srtp_profile profile;
	struct sluice_srtp_key send, receive;
};

// Makes a certificate and the settings of all connections, which offer `profile` alone, or all three for
// SLUICE_SRTP_NONE. Returns 0, or -1 with `why`.
int dtls_context_open(
	struct dtls_context *context, enum sluice_srtp_profile profile, char *why, size_t why_size);
void dtls_context_close(struct dtls_context *context);

// Begins the handshake; the caller has set `send` and `context`, which are called at once. 0 or -ENOMEM.
int dtls_start(struct dtls *dtls, const struct dtls_context *context);

// Takes one datagram. Returns 0, or -1 when the conversation ended by it, with `why`.
int dtls_input(struct dtls *dtls, const uint8_t *data, size_t length, char *why, size_t why_size);

// Sends again what is due. Returns as dtls_input. Call about every 50 ms until the state is DTLS_DONE.
int dtls_tick(struct dtls *dtls, char *why, size_t why_size);

// Keys of a conversation that is DTLS_DONE, if the certificate of the peer has this fingerprint (sha-1 to
// sha-512). Returns 0, or -1 with `why`.
int dtls_export(const struct dtls *dtls, const struct desc_fingerprint *fingerprint,
	struct dtls_keys *keys, char *why, size_t why_size);

// Says goodbye (close_notify) when there is somebody to say it to, and frees.
void dtls_close(struct dtls *dtls);
