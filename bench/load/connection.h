// SPDX-License-Identifier: Apache-2.0
// One PeerConnection: a UDP socket, ICE, DTLS, SRTP, and the streams of one publisher in one direction.
#pragma once

#include "dtls.h"
#include "media.h"
#include "media/srtp.h"
#include "stun/ice.h"
#include "worker.h"

struct connection;

struct connection_host {
	void (*up)(void *context); // keys are there
	void (*over)(void *context, const char *why); // for good; also after `up`
};

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_ICE,
	CONNECTION_DTLS,
	CONNECTION_UP,
	CONNECTION_OVER
};

struct pace { // when a source sends its next packet
	struct timer timer; // first
	struct connection *connection;
	enum stamp_kind kind;
};

struct connection {
	struct watch watch; // first
	struct worker *worker;
	const struct connection_host *host;
	void *context;
	uint64_t handle; // Janus' number for it
	const struct sockaddr_storage *local; // address to send from, or NULL
	enum connection_state state;
	bool publishes;
	bool consent_lost, since_known;
	bool counts; // shall leave the RTP to the kernel once all its streams have come through
	bool counting; // does
	uint64_t counted; // packets, by the last look
	uint32_t counted_last; // the kernel's counter then
	struct timer timer; // checks, handshake, reports
	struct board *board; // of its publisher
	struct ice ice;
	struct dtls dtls;
	struct description_peer peer;
	struct srtp_session *srtp_in, *srtp_out;
	uint64_t requested_ns; // subscribe-request or publish-offer was sent
	uint64_t opened_ns, answered_ns, up_ns;
	uint64_t check_ns, report_ns; // due
	uint64_t heard; // packets decrypted
	uint64_t decrypt_failed;
	uint32_t overflowed, ssrc; // of reports
	struct pace paces[STAMP_KINDS];
	struct media_source sources[STAMP_KINDS];
	struct media_sink sinks[STAMP_KINDS];
};

// Readies credentials and SSRCs. The caller has set worker, host, context, local, publishes and board;
// `publisher` is the user id of whose media it is about.
void connection_init(struct connection *connection, uint32_t publisher);

// Begins to connect to what the relay described in connection->peer. Returns 0, or -1 with `why`.
int connection_open(struct connection *connection, char *why, size_t why_size);

// Asks the kernel how many packets it has counted since the last time; 0 for connections that do not leave
// it to the kernel.
uint64_t connection_count(struct connection *connection);

// Begins to send media again after connection_quiet, at the pace that is shared.
void connection_resume(struct connection *connection);

// Stops sending media; everything else goes on.
void connection_quiet(struct connection *connection);

// Says goodbye and closes the socket; `over` is not called any more.
void connection_leave(struct connection *connection);

// Gives back what is left.
void connection_free(struct connection *connection);
