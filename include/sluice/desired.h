// SPDX-License-Identifier: Apache-2.0
// Rows of `desired`, written by sluice-control.
#pragma once

#include <sluice/row.h>

// Control's own memory: the data plane does not read this table. It is what a restarted control
// rebuilds its rooms from.
struct sluice_participant {
	struct sluice_row row;
	char room[SLUICE_NAME_MAX];
	char identity[SLUICE_NAME_MAX]; // unique in its room; what the dialect calls the user's id
	char name[SLUICE_NAME_MAX]; // for people
	char dialect[16]; // name in control-plane/dialect/table.c
	uint64_t joined_unix_ms;
	uint64_t until_unix_ms; // when it is removed; 0 = never
	uint8_t can_publish;
	uint8_t can_subscribe;
	uint8_t visible; // joined the room, not only its media
	uint8_t pairs; // speaks to other members one by one (peer-to-peer dialects)
	uint8_t outlives; // stays without its socket while it has a transport
	uint8_t whole; // stands for all others of the room
	uint8_t withheld; // kinds of media that it may not send, bits of control's
	uint8_t silenced; // kinds of media that the operator has stopped, bits of control's
};

enum sluice_transport_flags {
	SLUICE_TRANSPORT_HAS_KEYS = 1, // send_key and receive_key are valid
	SLUICE_TRANSPORT_PUBLISHES = 2, // control's: the room is shown what it carries up
	SLUICE_TRANSPORT_DTLS_CLIENT = 4,
	SLUICE_TRANSPORT_PAIR = 8, // control's: it carries both ways, towards `publisher`
};

struct sluice_section { // an m-line of a pair's leg: their order and mids stay
	uint8_t mid[SLUICE_MID_MAX];
	uint8_t kind; // of control's descriptions
	uint8_t partner; // its number on the other leg; 255 = none
};

struct sluice_transport {
	struct sluice_row row;
	// what the data plane acts on
	uint16_t worker; // who owns it, for its whole life
	uint16_t srtp_profile;
	uint32_t flags;
	uint32_t
		rtcp_ssrc_base; // top bit clear. SSRC of our RTCP = base + data plane incarnation, so that
	// an SRTCP index starting at 0 again never meets a used (SSRC, index)
	uint8_t paths_used;
	uint8_t path_selected; // where we send; packets are taken from every path
	uint8_t transport_cc_extension_id; // of what the peer sends us; 0 = none
	uint8_t certificate; // control's: which of ours the peer was told; 0 = that of all but legs
	struct sluice_path paths[SLUICE_PATHS_MAX];
	struct sluice_srtp_key receive_key; // what the peer encrypts with
	struct sluice_srtp_key send_key; // what we encrypt with
	uint32_t key_epoch; // raised with every new pair of keys
	uint32_t reserved2;
	// control's own memory
	struct sluice_handle participant;
	struct sluice_handle publisher; // participant whose media this transport carries down
	char local_ufrag[SLUICE_UFRAG_MAX];
	char local_password[SLUICE_PASSWORD_MAX];
	char remote_ufrag[SLUICE_UFRAG_MAX];
	char remote_password[SLUICE_PASSWORD_MAX]; // may be cut: a lite agent never uses it
	char previous_ufrag[SLUICE_UFRAG_MAX]; // ours from before an ICE restart; empty = none
	char previous_password[SLUICE_PASSWORD_MAX];
	uint8_t fingerprint_length; // of the peer's certificate, as its SDP said
	char fingerprint_algorithm[16];
	uint8_t fingerprint[64];
	uint8_t sections_used;
	struct sluice_section sections[SLUICE_SECTIONS_MAX];
	uint8_t reserved3[8];
};

struct sluice_codec_in {
	uint8_t codec; // enum sluice_codec
	uint8_t payload_type;
	uint8_t rtx_payload_type; // 0 = none
	uint8_t channels;
	uint32_t clock_rate; // Hz
	uint32_t feedback; // control's: what was negotiated with the publisher
	char fmtp[104]; // control's
	char name[16]; // control's: encoding name of RFC 4855
};

struct sluice_encoding {
	uint8_t rid[SLUICE_MID_MAX];
	uint32_t ssrc; // 0 = to be learned from mid, rid or payload type
	uint32_t rtx_ssrc; // 0 = none or to be learned
};

enum sluice_pause { // why nothing of a publication is forwarded
	SLUICE_PAUSED_BY_PUBLISHER = 1,
	SLUICE_PAUSED_BY_OPERATOR = 2,
};

struct sluice_publication {
	struct sluice_row row;
	struct sluice_handle transport;
	uint8_t kind; // enum sluice_kind
	uint8_t codecs_used;
	uint8_t encodings_used;
	uint8_t paused; // bits of enum sluice_pause; 0 = it is forwarded
	uint8_t mid[SLUICE_MID_MAX];
	uint8_t extension_id[SLUICE_EXT_ROOM]; // ids the publisher uses
	struct sluice_codec_in codecs[SLUICE_CODECS_MAX];
	struct sluice_encoding encodings[SLUICE_ENCODINGS_MAX];
	uint32_t source_epoch; // raised when another transport or other codecs feed it
	uint32_t reserved;
	// control's own memory
	struct sluice_handle participant;
	char stream[64]; // msid
	char track[64];
};

struct sluice_subscription {
	struct sluice_row row;
	struct sluice_handle publication;
	struct sluice_handle transport; // the subscriber's
	uint32_t ssrc; // of what we send; top bit set
	uint32_t rtx_ssrc; // 0 = none
	uint8_t active; // the subscriber has answered and wants it
	uint8_t paused;
	uint8_t payload_type
		[SLUICE_CODECS_MAX]; // by index of the publication's codec; 0 = not taken
	uint8_t rtx_payload_type[SLUICE_CODECS_MAX]; // 0 = resend under the media SSRC
	uint8_t nack; // the subscriber may ask for resends
	uint8_t reserved[5];
	uint8_t mid[SLUICE_MID_MAX]; // in the subscriber's description
	uint8_t extension_id[SLUICE_EXT_ROOM]; // ids the subscriber expects
};
