// SPDX-License-Identifier: Apache-2.0
// What a publisher offers and a subscriber takes, met with what the relay can carry. Pure functions.
#pragma once

#include "desc.h"

#include <stddef.h>

// Reads parameter `key` of an fmtp line. Returns false when it is not there or does not fit.
bool match_parameter(const char *fmtp, const char *key, char *value, size_t size);

// True when two codecs are one to a decoder: name, rate, channels, and the parameters that decide
// (profile and packetization of H264, RFC 6184, 8.1; profile of VP9 and AV1).
bool match_same(const struct desc_codec *a, const struct desc_codec *b);

// True when the relay can take the section: alive, and on the one transport of all media, that of the
// first section alive (RFC 9143, 7.3.3), with RTCP on it (RFC 5761).
bool match_usable(const struct desc *desc, const struct desc_section *section);

// A mid names one section (RFC 5888, 4).
bool match_mids_unique(const struct desc *desc);

// Index of the section's codec to publish with: `prefer` when it is there (may be NULL), else the
// first the relay knows. Returns -1 when it knows none.
int match_choose(const struct desc_section *section, const struct desc_codec *prefer);

// The codec of a section that a decoder takes for `wanted`, or NULL.
const struct desc_codec *match_find(
	const struct desc_section *section, const struct desc_codec *wanted);

// The codec as a publication keeps and an answer echoes it: parameters that describe the stream or
// choose its form, without those that only tell what the offerer would like to receive.
struct desc_codec match_publish(const struct desc_codec *offered, bool transport_cc);

// True when the relay carries that codec for that kind of media.
bool match_known(enum desc_kind kind, const struct desc_codec *codec);

// True when the relay understands the extension, of a number of enum desc_extension_kind, with `codec`;
// NULL is any codec. Those of simulcast are not: it is answered as a single layer.
bool match_extension(unsigned kind, const struct desc_codec *codec);

// Ids of the extensions that the peer of `section` sends and the relay understands with `codec`, by
// kind; 0 = none.
void match_extensions(const struct desc_section *section, const struct desc_codec *codec,
	uint8_t id[DESC_EXT_COUNT]);

// Our id of an extension towards subscribers, always the same; 0 = not sent downward.
uint8_t match_extension_down(unsigned kind);

// The direction an answer gives to what an offer says.
enum desc_direction match_mirror(enum desc_direction direction);

// Payload types of one offer of ours: the usual number of a codec, another when that is taken by
// other parameters (one number means one configuration in a bundle, RFC 9143, 9.1).
struct match_payloads {
	unsigned used;
	struct desc_codec codecs[DESC_SECTIONS_MAX];
};

// Sets payload_type and, for video, rtx_payload_type of `codec`.
void match_payload(struct match_payloads *payloads, enum desc_kind kind, struct desc_codec *codec);
