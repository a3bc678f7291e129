// SPDX-License-Identifier: Apache-2.0
// DTLS-SRTP (RFC 5764) over datagrams that others carry: both roles, one conversation per transport.
// Keys leave only after the peer's certificate has matched the fingerprint of its description.
#pragma once

#include "core/core.h"
#include "counters.h"

#include <stddef.h>
#include <stdint.h>

struct dtls;

enum {
	DTLS_MTU = 1200, // UDP payload of the handshake
	DTLS_DATA_MAX = 1400, // of application data: what clients send, and fits any path, is below
	DTLS_RETRANSMIT_US = 200 * 1000, // first time-out; doubles with each
};

// What DTLS needs of the process around it. `send`, `keys` and `closed` may call back into dtls_forget.
struct dtls_host {
	void *context;
	// Number of the certificate that the transport's descriptions name. NULL = always 0.
	unsigned (*certificate)(void *context, struct core_transport_id id);
	// Sends one datagram to the peer of a transport.
	void (*send)(
		void *context, struct core_transport_id id, const uint8_t *data, size_t length);
	// The fingerprint that the peer's description gave; NULL or length 0 while it has not come.
	// `*open`: another description is awaited, which may bring another one.
	const struct desc_fingerprint *(*fingerprint)(
		void *context, struct core_transport_id id, bool *open);
	// The handshake is done and the certificate is the right one.
	void (*keys)(void *context, struct core_transport_id id, const struct core_keys *keys);
	// The peer has sent one whole datagram of application data (SCTP). NULL = it is thrown away. It may
	// call dtls_data for another transport.
	void (*data)(
		void *context, struct core_transport_id id, const uint8_t *data, size_t length);
	// It is over; `why` in a few words.
	void (*closed)(void *context, struct core_transport_id id, const char *why);
	struct edge_counters *counters;
};

// Loads or makes the certificate in the file `pem` and readies room for `transports` conversations.
// Returns NULL with `why`.
struct dtls *dtls_create(const struct dtls_host *host, const char *pem, uint32_t transports,
	char *why, size_t why_size);
void dtls_destroy(struct dtls *dtls);

// Fingerprint of our certificate of that number (0: of all but legs), for descriptions.
void dtls_fingerprint(
	const struct dtls *dtls, unsigned number, struct desc_fingerprint *fingerprint);

// Takes one datagram of the peer of a transport. The first one opens the conversation in the server's role.
// When keys are in use already, out of this conversation or (`restored`) one from before a restart, a
// ClientHello begins a second one beside it: its keys replace the others once its certificate has matched,
// and nothing happens if that never comes.
void dtls_input(struct dtls *dtls, struct core_transport_id id, bool restored, const uint8_t *data,
	size_t length, uint64_t now_ms);

// Opens the conversation in the client's role and sends the ClientHello; nothing when it is open.
// Returns 0, or -ENOMEM.
int dtls_connect(struct dtls *dtls, struct core_transport_id id);

// Sends one datagram of application data. Returns false when the conversation is not up: nothing is
// queued, a loss is the other protocol's to mend.
bool dtls_data(struct dtls *dtls, struct core_transport_id id, const uint8_t *data, size_t length);

// Version of the protocol that a conversation speaks, "DTLSv1.2"; "?" when there is none.
const char *dtls_version(const struct dtls *dtls, struct core_transport_id id);

// Tells the peer that it is over (close_notify) if the conversation is up. dtls_forget comes next.
void dtls_close(struct dtls *dtls, struct core_transport_id id);

// Drops the conversation without a word to the peer.
void dtls_forget(struct dtls *dtls, struct core_transport_id id);

// Retransmits what is due, and hands out keys whose fingerprint has come meanwhile. Call about every
// 50 ms while counters->dtls_handshakes is not 0.
void dtls_tick(struct dtls *dtls);
