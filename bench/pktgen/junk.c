// SPDX-License-Identifier: Apache-2.0
#include "junk.h"

#include "media/span.h"

#include <sluice/demux.h>

#include <stdio.h>
#include <string.h>

enum {
	STUN_BINDING_REQUEST = 0x0001,
	STUN_COOKIE = 0x2112a442,
	STUN_XOR_FINGERPRINT = 0x5354554e,
	ATTRIBUTE_USERNAME = 0x0006,
	ATTRIBUTE_INTEGRITY = 0x0008,
	ATTRIBUTE_PRIORITY = 0x0024,
	ATTRIBUTE_CONTROLLING = 0x802a,
	ATTRIBUTE_FINGERPRINT = 0x8028,
	INTEGRITY_BYTES = 20,
	UFRAG_MAX = 64,
	TRIES_MAX = 64,
};

const struct junk_info *junk_info(unsigned class)
{
	static const struct junk_info infos[] = {
#define X(name, counted, help) {#name, #counted, help},
		JUNK_CLASSES(X)
#undef X
	};

	return class < JUNK_COUNT ? &infos[class] : NULL;
}

static size_t size_draw(struct junk *junk)
{
	return junk->size_low +
	       random_next(&junk->random) % (unsigned)(junk->size_high - junk->size_low + 1);
}

// The relay's own classifier says what is no protocol.
static size_t random_write(struct junk *junk, uint8_t *payload)
{
	size_t length = size_draw(junk);

	random_fill(&junk->random, payload, length);
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		if (sluice_classify(payload, (uint32_t)length) == SLUICE_CLASS_OTHER)
			return length;
		random_fill(&junk->random, payload, 8);
	}
	payload[0] = 0xff;
	return length;
}

// ---- STUN (RFC 8489)

static uint32_t crc32(const uint8_t *data, size_t length)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint8_t *attribute_write(uint8_t *at, uint16_t type, const void *value, size_t length)
{
	size_t padded = (length + 3) & ~(size_t)3;

	span_put_u16(at, type);
	span_put_u16(at + 2, (uint16_t)length);
	memset(at + 4, 0, padded);
	memcpy(at + 4, value, length);
	return at + 4 + padded;
}

// A check as a browser sends it (RFC 8445), whose integrity is noise.
static size_t stun_write(struct junk *junk, uint8_t *payload)
{
	char user[UFRAG_MAX + 16];
	uint8_t noise[INTEGRITY_BYTES], *at = payload + SLUICE_STUN_HEADER_BYTES;
	uint32_t crc;
	int length;

	random_fill(&junk->random, noise, sizeof(noise));
	if (junk->class == JUNK_integrity)
		length = snprintf(
			user, sizeof(user), "%.*s:%08x", UFRAG_MAX, junk->ufrag, span_u32(noise));
	else
		length = snprintf(
			user, sizeof(user), "none%08x:%08x", span_u32(noise + 4), span_u32(noise));
	span_put_u16(payload, STUN_BINDING_REQUEST);
	span_put_u32(payload + 4, STUN_COOKIE);
	random_fill(&junk->random, payload + 8, 12); // transaction
	at = attribute_write(at, ATTRIBUTE_USERNAME, user, (size_t)length);
	at = attribute_write(at, ATTRIBUTE_CONTROLLING, noise, 8);
	at = attribute_write(at, ATTRIBUTE_PRIORITY, "\x6e\0\1\xff", 4);
	at = attribute_write(at, ATTRIBUTE_INTEGRITY, noise, sizeof(noise));
	// the length counts the fingerprint before it is there (14.7)
	span_put_u16(payload + 2, (uint16_t)(at + 8 - payload - SLUICE_STUN_HEADER_BYTES));
	crc = crc32(payload, (size_t)(at - payload)) ^ STUN_XOR_FINGERPRINT;
	span_put_u32(noise, crc);
	at = attribute_write(at, ATTRIBUTE_FINGERPRINT, noise, 4);
	return (size_t)(at - payload);
}

// ---- DTLS (RFC 6347, 4.2.1)

// Record and handshake headers, then a ClientHello without cookie that offers what browsers do.
static size_t hello_write(struct junk *junk, uint8_t *payload)
{
	static const uint8_t tail[] = {0, // session id
		0, // cookie
		0, 4, 0xc0, 0x2b, 0xc0, 0x2f, // ECDHE with AES-128-GCM
		1, 0, // no compression
		0, 33, // extensions
		0, 10, 0, 4, 0, 2, 0, 29, // supported_groups: x25519
		0, 11, 0, 2, 1, 0, // ec_point_formats
		0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms: ecdsa_secp256r1_sha256
		0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0}; // use_srtp: AEAD_AES_128_GCM, AES128_CM_SHA1_80
	const uint32_t body = 2 + 32 + sizeof(tail);
	uint8_t *at = payload;

	memset(payload, 0, SLUICE_DTLS_HEADER_BYTES + 12);
	at[0] = 22; // handshake
	span_put_u16(at + 1, 0xfeff); // DTLS 1.0, as all send it in the first record
	span_put_u16(at + 11, (uint16_t)(12 + body));
	at += SLUICE_DTLS_HEADER_BYTES;
	at[0] = 1; // ClientHello
	span_put_u24(at + 1, body);
	span_put_u24(at + 9, body); // one fragment
	at += 12;
	span_put_u16(at, 0xfefd); // DTLS 1.2
	random_fill(&junk->random, at + 2, 32);
	memcpy(at + 34, tail, sizeof(tail));
	return SLUICE_DTLS_HEADER_BYTES + 12 + body;
}

// ---- media (RFC 3550)

static size_t rtp_write(struct junk *junk, uint8_t *payload)
{
	size_t length = size_draw(junk);

	random_fill(&junk->random, payload, length);
	payload[0] = 0x80;
	payload[1] = (uint8_t)(payload[1] & 0x80) | 96;
	return length;
}

static size_t rtcp_write(struct junk *junk, uint8_t *payload)
{
	random_fill(&junk->random, payload, JUNK_SIZE_MIN + 14);
	payload[0] = 0x80;
	payload[1] = 201; // receiver report; the rest is SRTCP's ciphertext, index and tag
	return JUNK_SIZE_MIN + 14;
}

size_t junk_frame(struct junk *junk, uint8_t frame[FRAME_MAX])
{
	static size_t (*const write[JUNK_COUNT])(struct junk *, uint8_t *) = {
		[JUNK_random] = random_write,
		[JUNK_stun] = stun_write,
		[JUNK_integrity] = stun_write,
		[JUNK_clienthello] = hello_write,
		[JUNK_rtp] = rtp_write,
		[JUNK_rtcp] = rtcp_write,
		[JUNK_fragments] = rtp_write,
		[JUNK_malformed] = rtp_write,
	};
	struct endpoint from = endpoint_draw(&junk->sources, &junk->random);
	uint8_t payload[FRAME_PAYLOAD_MAX];
	size_t length = write[junk->class](junk, payload);

	length = frame_write(frame, &from, &junk->relay, payload, length);
	if (junk->class == JUNK_malformed)
		frame_stretch(frame, length);
	if (junk->class == JUNK_fragments)
		return frame_fragment(frame, length, (uint32_t)random_next(&junk->random));
	return length;
}
