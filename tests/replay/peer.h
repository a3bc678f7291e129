// SPDX-License-Identifier: Apache-2.0
// Peers of a world: they seal and frame what they send, and check and open what they get.
#pragma once

#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/seq.h"
#include "media/span.h"
#include "world.h"

enum { PEER_FRAME_MAX = 2048, PEER_INBOX = 1024 };

struct received {
	bool rtcp;
	uint32_t length;
	uint64_t index; // SRTP
	struct rtp_header header; // unless rtcp
	uint8_t data[PEER_FRAME_MAX];
};

struct peer {
	uint32_t transport; // row, and what its keys and addresses are made of
	enum sluice_srtp_profile profile;
	bool ipv6;
	struct srtp_session *in, *out;
	struct sluice_transport row;
	unsigned inbox_used;
	unsigned refused; // what could not be opened: wrong key, or an index that was used before
	struct received *inbox;
};

static inline void peer_key(struct sluice_srtp_key *key, uint32_t transport, uint8_t what)
{
	for (unsigned i = 0; i < sizeof(key->key); i++)
		key->key[i] = (uint8_t)(transport * 37 + what * 101 + i);
	for (unsigned i = 0; i < sizeof(key->salt); i++)
		key->salt[i] = (uint8_t)(transport * 11 + what * 7 + i);
}

static inline void peer_address(
	struct sluice_address *address, bool ipv6, uint8_t host, uint16_t port)
{
	*address = (struct sluice_address){.port = port};
	if (ipv6) {
		address->ip[0] = 0xFD;
	} else {
		memset(address->ip + 10, 0xFF, 2);
		address->ip[12] = 10;
	}
	address->ip[15] = host;
}

// Fresh keys: as after a DTLS handshake.
static inline void peer_rekey(struct world *world, struct peer *peer, uint32_t epoch)
{
	struct sluice_transport *row = &peer->row;
	srtp_session_close(peer->in);
	srtp_session_close(peer->out);
	peer_key(&row->receive_key, peer->transport, (uint8_t)(1 + epoch * 2));
	peer_key(&row->send_key, peer->transport, (uint8_t)(2 + epoch * 2));
	row->key_epoch = epoch;
	row->flags |= SLUICE_TRANSPORT_HAS_KEYS;
	peer->out = srtp_session_open(SRTP_OUT, peer->profile, &row->receive_key);
	peer->in = srtp_session_open(SRTP_IN, peer->profile, &row->send_key);
	world_check(peer->in && peer->out, "no SRTP sessions");
	world_set_transport(world, peer->transport, row);
}

// A peer whose transport belongs to worker `transport % workers`.
static inline void peer_open(struct world *world, struct peer *peer, uint32_t transport,
	enum sluice_srtp_profile profile)
{
	bool ipv6 = peer->ipv6;
	*peer = (struct peer){.transport = transport, .profile = profile, .ipv6 = ipv6};
	peer->inbox = calloc(PEER_INBOX, sizeof(struct received));
	world_check(peer->inbox, "no memory for an inbox");
	struct sluice_path path = {.remote_mac = {2, 1, 0, 0, 0, (uint8_t)transport}};
	peer_address(&path.remote, ipv6, (uint8_t)transport, (uint16_t)(20000 + transport));
	peer_address(&path.local, ipv6, 254, WORLD_MEDIA_PORT);
	peer->row = (struct sluice_transport){
		.row.generation = 1 + transport,
		.worker = (uint16_t)(transport % world->workers),
		.srtp_profile = profile,
		.rtcp_ssrc_base = 0x1000 * (transport + 1),
		.paths_used = 1,
		.paths = {path},
	};
	peer_rekey(world, peer, 1);
}

static inline void peer_close(struct peer *peer)
{
	srtp_session_close(peer->in);
	srtp_session_close(peer->out);
	free(peer->inbox);
}

// ---- sending --------------------------------------------------------------------------------------

static inline uint16_t peer_checksum(const uint8_t *data, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

// Frames a UDP payload to the relay; returns the frame's length.
static inline size_t peer_frame(
	const struct sluice_path *path, const uint8_t *payload, size_t length, uint8_t *frame)
{
	bool ipv4 = sluice_address_is_ipv4(&path->remote);
	uint8_t *ip = frame + 14, *udp = ip + (ipv4 ? 20 : 40);
	size_t udp_length = 8 + length;
	memset(frame, 0, 62);
	frame[0] = 2;
	frame[5] = 1;
	memcpy(frame + 6, path->remote_mac, 6);
	span_put_u16(frame + 12, ipv4 ? 0x0800 : 0x86DD);
	if (ipv4) {
		ip[0] = 0x45;
		span_put_u16(ip + 2, (uint16_t)(20 + udp_length));
		ip[8] = 60;
		ip[9] = 17;
		memcpy(ip + 12, path->remote.ip + 12, 4);
		memcpy(ip + 16, path->local.ip + 12, 4);
		span_put_u16(ip + 10, (uint16_t)~peer_checksum(ip, 20, 0));
	} else {
		ip[0] = 0x60;
		span_put_u16(ip + 4, (uint16_t)udp_length);
		ip[6] = 17;
		memcpy(ip + 8, path->remote.ip, 16);
		memcpy(ip + 24, path->local.ip, 16);
	}
	span_put_u16(udp, path->remote.port);
	span_put_u16(udp + 2, path->local.port);
	span_put_u16(udp + 4, (uint16_t)udp_length);
	memcpy(udp + 8, payload, length);
	uint32_t sum = peer_checksum(ipv4 ? ip + 12 : ip + 8, ipv4 ? 8 : 32, 17);
	sum = peer_checksum(udp, udp_length, sum + (uint32_t)udp_length);
	span_put_u16(udp + 6, (uint16_t)~sum ? (uint16_t)~sum : 0xFFFF);
	return (size_t)(udp + udp_length - frame);
}

static inline void peer_push(
	struct world *world, const struct peer *peer, const uint8_t *payload, size_t length)
{
	uint8_t frame[PEER_FRAME_MAX];
	size_t size = peer_frame(&peer->row.paths[0], payload, length, frame);
	unsigned queue = peer->transport % world->workers;
	world_check(plain_memory_push(0, queue, frame, size) == 0, "port is full");
}

static inline void peer_send_rtp(
	struct world *world, struct peer *peer, const uint8_t *data, size_t length, uint64_t index)
{
	uint8_t buffer[PEER_FRAME_MAX];
	memcpy(buffer, data, length);
	struct srtp_seal_job job = {.session = peer->out,
		.data = buffer,
		.length = (uint32_t)length,
		.room = sizeof(buffer),
		.index = index};
	world_check(srtp_seal(&job, 1) == 1, "a peer cannot seal");
	peer_push(world, peer, buffer, job.length);
}

static inline void peer_send_rtcp(
	struct world *world, struct peer *peer, const uint8_t *data, size_t length)
{
	uint8_t buffer[PEER_FRAME_MAX];
	uint32_t sealed = (uint32_t)length;
	memcpy(buffer, data, length);
	world_check(srtp_seal_rtcp(peer->out, buffer, &sealed, sizeof(buffer)) == SRTP_OK,
		"a peer cannot seal RTCP");
	peer_push(world, peer, buffer, sealed);
}
