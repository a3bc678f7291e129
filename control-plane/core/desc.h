// SPDX-License-Identifier: Apache-2.0
// Neutral media description: what one side of a session says of itself, free of SDP's syntax. sdp/
// turns text into it and back; the core matches and makes them; WHIP and every dialect carry them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	DESC_SECTIONS_MAX = 24,
	DESC_CODECS_MAX = 40,
	DESC_EXTENSIONS_MAX = 24,
	DESC_ENCODINGS_MAX = 4,
	DESC_CANDIDATES_MAX = 16,
	DESC_MID_MAX =
		16 + 1, // with terminator: RFC 8843 mids travel in a 16-byte header extension
	DESC_FMTP_MAX = 104,
	DESC_ID_MAX = 64,
};

enum desc_kind { DESC_AUDIO = 1, DESC_VIDEO, DESC_APPLICATION, DESC_UNKNOWN };

enum desc_direction { // bits: 1 sends, 2 receives
	DESC_INACTIVE = 0,
	DESC_SENDONLY = 1,
	DESC_RECVONLY = 2,
	DESC_SENDRECV = 3,
};

enum desc_setup { DESC_SETUP_NONE, DESC_ACTPASS, DESC_ACTIVE, DESC_PASSIVE };

enum desc_feedback { // a=rtcp-fb, bits
	DESC_FB_NACK = 1,
	DESC_FB_PLI = 2,
	DESC_FB_FIR = 4,
	DESC_FB_REMB = 8,
	DESC_FB_TRANSPORT_CC = 16,
};

// Header extensions by meaning; the same order as enum sluice_extension in <sluice/shm.h>, which the
// core does not include. plane/publish.c asserts that they agree.
enum desc_extension_kind {
	DESC_EXT_MID,
	DESC_EXT_RID,
	DESC_EXT_REPAIRED_RID,
	DESC_EXT_AUDIO_LEVEL,
	DESC_EXT_ABS_SEND_TIME,
	DESC_EXT_TRANSPORT_CC,
	DESC_EXT_VIDEO_ORIENTATION,
	DESC_EXT_PLAYOUT_DELAY,
	DESC_EXT_VIDEO_CONTENT_TYPE,
	DESC_EXT_VIDEO_TIMING,
	DESC_EXT_COLOR_SPACE,
	DESC_EXT_DEPENDENCY_DESCRIPTOR,
	DESC_EXT_ABS_CAPTURE_TIME,
	DESC_EXT_TRANSMISSION_OFFSET,
	DESC_EXT_COUNT,
	DESC_EXT_UNKNOWN = 255, // kept out of answers
};

struct desc_codec {
	uint8_t payload_type;
	uint8_t rtx_payload_type; // RFC 4588 with apt = payload_type; 0 = none
	uint8_t channels; // 0 or 1 = mono
	uint32_t clock_rate; // Hz
	uint32_t feedback; // enum desc_feedback
	char name[16]; // as written, compared without case
	char fmtp[DESC_FMTP_MAX]; // parameters as written, empty = none
};

struct desc_extension {
	uint8_t id; // 1..14, or ..255 with two-byte headers
	uint8_t kind; // enum desc_extension_kind
	enum desc_direction direction; // SENDRECV when not written
};

struct desc_encoding {
	char rid[DESC_MID_MAX]; // empty = none
	uint32_t ssrc; // 0 = not said
	uint32_t rtx_ssrc;
	bool paused; // ~ in a=simulcast
};

struct desc_section {
	enum desc_kind kind;
	char mid[DESC_MID_MAX];
	enum desc_direction direction;
	bool rejected; // port 0 without a=bundle-only
	bool bundle_only;
	bool in_bundle;
	bool rtcp_mux, rtcp_rsize;
	bool simulcast_receive; // rids are `recv` (in an answer): else `send`
	uint8_t codecs_used; // rtx, red, ulpfec are folded into or dropped from the list by sdp/
	uint8_t extensions_used;
	uint8_t encodings_used;
	uint16_t sctp_port; // m=application; 0 = none
	uint32_t max_message_size; // m=application
	struct desc_codec codecs[DESC_CODECS_MAX];
	struct desc_extension extensions[DESC_EXTENSIONS_MAX];
	struct desc_encoding encodings[DESC_ENCODINGS_MAX];
	char cname[DESC_ID_MAX];
	char stream[DESC_ID_MAX]; // a=msid: stream and track
	char track[DESC_ID_MAX];
};

struct desc_candidate {
	char foundation[33];
	uint8_t component; // 1 RTP, 2 RTCP
	bool udp;
	uint32_t priority;
	char address[64]; // numeric, or an mDNS name
	uint16_t port;
	char type[8]; // host, srflx, prflx, relay
};

struct desc_fingerprint {
	char algorithm[16]; // lower case: sha-256
	uint8_t length; // bytes in value
	uint8_t value[64];
};

struct desc {
	uint64_t session_id, session_version;
	char ufrag[256 + 1]; // RFC 8839 allows 4..256
	char password[256 + 1];
	bool ice_lite;
	bool ice_trickle;
	bool end_of_candidates;
	bool extmap_allow_mixed;
	enum desc_setup setup;
	struct desc_fingerprint fingerprint; // the strongest that was offered
	uint8_t sections_used;
	uint8_t candidates_used;
	struct desc_candidate candidates[DESC_CANDIDATES_MAX];
	struct desc_section
		sections[DESC_SECTIONS_MAX]; // last: what is kept is cut behind those used
};
