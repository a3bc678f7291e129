// SPDX-License-Identifier: Apache-2.0
// What a world sends, opened by the peers it was sent to; and a publisher's stream of packets.
#pragma once

#include "peer.h"

// Checks a frame's headers and checksums; returns the UDP payload, *port where it goes.
static inline const uint8_t *frame_read(
	const uint8_t *frame, size_t length, uint16_t *port, size_t *payload)
{
	const uint8_t *ip = frame + 14;
	bool ipv4 = span_u16(frame + 12) == 0x0800;
	const uint8_t *udp = ip + (ipv4 ? 20 : 40);
	world_check(ipv4 || span_u16(frame + 12) == 0x86DD, "a frame is not IP");
	size_t udp_length = span_u16(udp + 4);
	world_check(udp + udp_length == frame + length, "lengths of a frame do not agree");
	world_check(!ipv4 || peer_checksum(ip, 20, 0) == 0xFFFF, "IPv4 checksum is wrong");
	uint32_t sum = peer_checksum(ipv4 ? ip + 12 : ip + 8, ipv4 ? 8 : 32, 17);
	world_check(peer_checksum(udp, udp_length, sum + (uint32_t)udp_length) == 0xFFFF,
		"UDP checksum is wrong");
	world_check(span_u16(udp) == WORLD_MEDIA_PORT, "a frame comes from another port");
	*port = span_u16(udp + 2);
	*payload = udp_length - 8;
	return udp + 8;
}

static inline void peer_receive(struct peer *peer, const uint8_t *payload, size_t length)
{
	world_check(peer->inbox_used < PEER_INBOX, "an inbox is full");
	struct received *got = &peer->inbox[peer->inbox_used];
	*got = (struct received){.length = (uint32_t)length};
	memcpy(got->data, payload, length);
	got->rtcp = payload[1] >= 192 && payload[1] <= 223;
	enum srtp_result result =
		got->rtcp ? srtp_open_rtcp(peer->in, got->data, &got->length)
			  : srtp_open(peer->in, got->data, &got->length, &got->index);
	if (result != SRTP_OK) {
		peer->refused++;
		return;
	}
	world_check(got->rtcp || rtp_parse(got->data, got->length, &got->header) == 0,
		"what was sent is no RTP");
	world_check(!got->rtcp || rtcp_check(got->data, got->length), "what was sent is no RTCP");
	peer->inbox_used++;
}

// Takes all that was sent. Peers are told apart by their port; frames to nobody are counted.
static inline unsigned world_collect(struct peer **peers, unsigned n)
{
	uint8_t frame[PEER_FRAME_MAX];
	unsigned strangers = 0;
	int length;
	while ((length = plain_memory_pop_tx(0, frame, sizeof(frame))) > 0) {
		uint16_t port;
		size_t payload;
		const uint8_t *data = frame_read(frame, (size_t)length, &port, &payload);
		unsigned i = 0;
		while (i < n && peers[i]->row.paths[0].remote.port != port)
			i++;
		if (i < n)
			peer_receive(peers[i], data, payload);
		else
			strangers++;
	}
	return strangers;
}

// The `i`th RTP packet under `ssrc` that a peer got; NULL when there are fewer.
static inline const struct received *peer_rtp(const struct peer *peer, uint32_t ssrc, unsigned i)
{
	for (unsigned k = 0; k < peer->inbox_used; k++)
		if (!peer->inbox[k].rtcp && peer->inbox[k].header.ssrc == ssrc && i-- == 0)
			return &peer->inbox[k];
	return NULL;
}

static inline unsigned peer_rtp_count(const struct peer *peer, uint32_t ssrc)
{
	unsigned n = 0;
	while (peer_rtp(peer, ssrc, n))
		n++;
	return n;
}

// The `i`th RTCP packet of a kind that a peer got; false when there are fewer.
static inline bool peer_rtcp(
	const struct peer *peer, enum rtcp_kind kind, unsigned i, struct rtcp_packet *packet)
{
	for (unsigned k = 0; k < peer->inbox_used; k++) {
		const struct received *got = &peer->inbox[k];
		size_t cursor = 0;
		while (got->rtcp && rtcp_next(got->data, got->length, &cursor, packet))
			if (packet->kind == kind && i-- == 0)
				return true;
	}
	return false;
}

static inline unsigned peer_rtcp_count(const struct peer *peer, enum rtcp_kind kind)
{
	struct rtcp_packet packet;
	unsigned n = 0;
	while (peer_rtcp(peer, kind, n, &packet))
		n++;
	return n;
}

// ---- a publisher's stream -------------------------------------------------------------------------

struct stream {
	uint32_t ssrc, timestamp, step; // step: timestamp from packet to packet
	uint64_t index;
	uint8_t payload_type;
	uint8_t mid_id, level_id, twcc_id; // 0 = none
	char mid;
	uint8_t level;
	uint16_t twcc;
	bool vp8; // else the payload is plain
	uint16_t picture;
	uint32_t count; // packets made; the payload ends with it
};

// Writes the stream's next packet; returns its length. Payload: VP8 descriptor, frame header, counter.
static inline size_t stream_write(struct stream *stream, bool key, uint8_t *data, uint16_t sequence)
{
	uint8_t elements[16] = {0};
	size_t used = 0;
	if (stream->mid_id) {
		elements[used++] = (uint8_t)(stream->mid_id << 4);
		elements[used++] = (uint8_t)stream->mid;
	}
	if (stream->level_id) {
		elements[used++] = (uint8_t)(stream->level_id << 4);
		elements[used++] = stream->level;
	}
	if (stream->twcc_id) {
		elements[used++] = (uint8_t)(stream->twcc_id << 4 | 1);
		span_put_u16(elements + used, stream->twcc++);
		used += 2;
	}
	size_t words = (used + 3) / 4, at = 12;
	data[0] = words ? 0x90 : 0x80;
	data[1] = stream->payload_type;
	span_put_u16(data + 2, sequence);
	span_put_u32(data + 4, stream->timestamp);
	span_put_u32(data + 8, stream->ssrc);
	if (words) {
		span_put_u16(data + 12, 0xBEDE);
		span_put_u16(data + 14, (uint16_t)words);
		memcpy(data + 16, elements, words * 4);
		at = 16 + words * 4;
	}
	if (stream->vp8) {
		const uint8_t head[] = {0x90, 0x80, (uint8_t)(0x80 | stream->picture >> 8),
			(uint8_t)stream->picture, key ? 0x10 : 0x11, 2, 0, 0x9D, 1, 0x2A};
		memcpy(data + at, head, sizeof(head));
		at += sizeof(head);
	}
	span_put_u32(data + at, stream->count);
	return at + 4;
}

// Sends the next packet; `lost` ones are made but never arrive.
static inline void stream_send(
	struct world *world, struct peer *peer, struct stream *stream, bool key, bool lost)
{
	uint8_t data[PEER_FRAME_MAX];
	size_t length = stream_write(stream, key, data, (uint16_t)stream->index);
	if (!lost)
		peer_send_rtp(world, peer, data, length, stream->index);
	stream->index++;
	stream->timestamp += stream->step;
	stream->picture = (stream->picture + 1) & 0x7FFF;
	stream->count++;
}

static inline uint32_t received_count(const struct received *got)
{
	return span_u32(got->data + got->length - 4);
}
