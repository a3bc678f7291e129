// SPDX-License-Identifier: Apache-2.0
// Attributes may stand in any order within a section (Firefox puts fmtp before rtpmap): lines are
// first collected, and folded into codecs and encodings when the section ends.
#include "extension.h"
#include "sdp.h"
#include "span.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PAYLOADS = 128,
	SSRCS_MAX = 32,
	GROUPS_MAX = 16,
	UFRAG_MIN = 4, // RFC 8839, 5.4
	PASSWORD_MIN = 22,
};

struct part { // what a section may inherit from the session
	struct span ufrag, password;
	struct desc_fingerprint fingerprint;
	enum desc_setup setup;
	bool end_of_candidates;
	uint8_t candidates_used;
	struct desc_candidate candidates[DESC_CANDIDATES_MAX];
};

struct payload {
	bool listed; // in the m= line
	struct span name, fmtp;
	uint32_t clock_rate;
	uint8_t channels;
	uint32_t feedback;
};

struct rids {
	unsigned used;
	struct span rid[DESC_ENCODINGS_MAX];
	bool receive;
	struct span list; // of a=simulcast
};

struct lines { // of the section being read
	uint8_t order[PAYLOADS];
	unsigned order_used;
	struct payload payloads[PAYLOADS];
	uint32_t feedback_all;
	uint32_t ssrcs[SSRCS_MAX];
	unsigned ssrcs_used;
	uint32_t fid[GROUPS_MAX][2];
	unsigned fid_used;
	struct span sim;
	struct span stream, track; // of a=ssrc
	struct rids rids;
};

struct reader {
	struct desc desc;
	struct desc_section defaults; // direction and extensions of the session level
	struct part session, parts[DESC_SECTIONS_MAX];
	struct part *part;
	struct desc_section *section; // NULL at session level
	struct lines lines;
	struct span bundle;
	const char *fault;
};

// ---- ICE and DTLS

static void read_ufrag(struct reader *reader, struct span value)
{
	reader->part->ufrag = value;
}

static void read_password(struct reader *reader, struct span value)
{
	reader->part->password = value;
}

static void read_ice_lite(struct reader *reader, struct span)
{
	reader->desc.ice_lite = true;
}

static void read_ice_options(struct reader *reader, struct span value)
{
	while (value.length)
		if (span_is(span_word(&value), "trickle"))
			reader->desc.ice_trickle = true;
}

static void read_end_of_candidates(struct reader *reader, struct span)
{
	reader->part->end_of_candidates = true;
}

static void read_candidate(struct reader *reader, struct span value)
{
	struct part *part = reader->part;

	if (part->candidates_used < DESC_CANDIDATES_MAX &&
		!sdp_candidate_parse(
			value.at, value.length, &part->candidates[part->candidates_used]))
		part->candidates_used++;
}

static void read_setup(struct reader *reader, struct span value)
{
	static const char *const names[] = {"", "actpass", "active", "passive"};

	for (unsigned setup = DESC_ACTPASS; setup <= DESC_PASSIVE; setup++)
		if (span_is(value, names[setup]))
			reader->part->setup = (enum desc_setup)setup;
}

// Bytes of a hash function's value, which is also its rank; 0 = not known here (RFC 8122, 5).
static unsigned hash_bytes(struct span name)
{
	static const struct {
		const char *name;
		unsigned bytes;
	} hashes[] = {
		{"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};

	for (unsigned i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (span_is_any_case(name, hashes[i].name))
			return hashes[i].bytes;
	return 0;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool hex_read(struct span text, unsigned bytes, uint8_t *value)
{
	if (text.length != bytes * 3 - 1)
		return false;
	for (unsigned i = 0; i < bytes; i++) {
		int high = hex_digit(text.at[i * 3]), low = hex_digit(text.at[i * 3 + 1]);

		if (high < 0 || low < 0 || (i + 1 < bytes && text.at[i * 3 + 2] != ':'))
			return false;
		value[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void read_fingerprint(struct reader *reader, struct span value)
{
	struct span name = span_word(&value), hex = span_word(&value);
	unsigned bytes = hash_bytes(name);
	struct desc_fingerprint read = {.length = (uint8_t)bytes};

	if (bytes <= reader->part->fingerprint.length || !hex_read(hex, bytes, read.value))
		return;
	for (size_t i = 0; i < name.length; i++)
		read.algorithm[i] = (char)(name.at[i] | 0x20); // letters, digits and '-' only
	reader->part->fingerprint = read;
}

// ---- session and section

static void read_group(struct reader *reader, struct span value)
{
	if (!reader->section && span_is(span_word(&value), "BUNDLE") && !reader->bundle.at)
		reader->bundle = value;
}

static void read_allow_mixed(struct reader *reader, struct span)
{
	reader->desc.extmap_allow_mixed = true;
}

static struct desc_section *target(struct reader *reader)
{
	return reader->section ? reader->section : &reader->defaults;
}

static void read_sendrecv(struct reader *reader, struct span)
{
	target(reader)->direction = DESC_SENDRECV;
}

static void read_sendonly(struct reader *reader, struct span)
{
	target(reader)->direction = DESC_SENDONLY;
}

static void read_recvonly(struct reader *reader, struct span)
{
	target(reader)->direction = DESC_RECVONLY;
}

static void read_inactive(struct reader *reader, struct span)
{
	target(reader)->direction = DESC_INACTIVE;
}

static enum desc_direction direction_of(struct span name)
{
	if (span_is(name, "sendonly"))
		return DESC_SENDONLY;
	if (span_is(name, "recvonly"))
		return DESC_RECVONLY;
	return span_is(name, "inactive") ? DESC_INACTIVE : DESC_SENDRECV;
}

static void read_extmap(struct reader *reader, struct span value)
{
	struct desc_section *section = target(reader);
	struct span head = span_word(&value), uri = span_word(&value);
	struct span id = span_cut(&head, '/');
	enum desc_extension_kind kind = extension_kind(uri.at, uri.length);
	uint64_t number;

	if (kind == DESC_EXT_UNKNOWN || !span_number(id, 255, &number) || !number)
		return;
	for (unsigned i = 0; i < section->extensions_used; i++)
		if (section->extensions[i].kind == kind || section->extensions[i].id == number)
			return;
	if (section->extensions_used < DESC_EXTENSIONS_MAX)
		section->extensions[section->extensions_used++] =
			(struct desc_extension){(uint8_t)number, (uint8_t)kind, direction_of(head)};
}

static void read_mid(struct reader *reader, struct span value)
{
	if (!span_copy(value, target(reader)->mid, DESC_MID_MAX))
		reader->fault = "a mid is longer than 16 bytes";
}

static void read_bundle_only(struct reader *reader, struct span)
{
	target(reader)->bundle_only = true;
}

static void read_rtcp_mux(struct reader *reader, struct span)
{
	target(reader)->rtcp_mux = true;
}

static void read_rtcp_rsize(struct reader *reader, struct span)
{
	target(reader)->rtcp_rsize = true;
}

static void read_msid(struct reader *reader, struct span value)
{
	struct desc_section *section = target(reader);
	struct span stream = span_word(&value), track = span_word(&value);

	if (section->stream[0])
		return;
	if (span_copy(stream, section->stream, DESC_ID_MAX))
		span_copy(track, section->track, DESC_ID_MAX);
}

static void read_sctp_port(struct reader *reader, struct span value)
{
	uint64_t port;

	if (span_number(value, UINT16_MAX, &port))
		target(reader)->sctp_port = (uint16_t)port;
}

static void read_message_size(struct reader *reader, struct span value)
{
	uint64_t size;

	if (span_number(value, UINT32_MAX, &size))
		target(reader)->max_message_size = (uint32_t)size;
}

// ---- codecs

static struct payload *payload_of(struct reader *reader, struct span number)
{
	uint64_t type;

	return span_number(number, PAYLOADS - 1, &type) ? &reader->lines.payloads[type] : NULL;
}

static void read_rtpmap(struct reader *reader, struct span value)
{
	struct payload *payload = payload_of(reader, span_word(&value));
	struct span text = span_word(&value), name = span_cut(&text, '/');
	uint64_t rate, channels = 0;

	if (!payload || !name.length || !span_number(span_cut(&text, '/'), UINT32_MAX, &rate))
		return;
	if (text.length && !span_number(text, 255, &channels))
		return;
	payload->name = name;
	payload->clock_rate = (uint32_t)rate;
	payload->channels = (uint8_t)channels;
}

static void read_fmtp(struct reader *reader, struct span value)
{
	struct payload *payload = payload_of(reader, span_word(&value));

	if (payload && !payload->fmtp.length)
		payload->fmtp = value;
}

static uint32_t feedback_of(struct span type, struct span parameter)
{
	if (span_is(type, "nack") && !parameter.length)
		return DESC_FB_NACK;
	if (span_is(type, "nack") && span_is(parameter, "pli"))
		return DESC_FB_PLI;
	if (span_is(type, "ccm") && span_is(parameter, "fir"))
		return DESC_FB_FIR;
	if (span_is(type, "goog-remb"))
		return DESC_FB_REMB;
	return span_is(type, "transport-cc") ? DESC_FB_TRANSPORT_CC : 0;
}

static void read_feedback(struct reader *reader, struct span value)
{
	struct span number = span_word(&value), type = span_word(&value);
	uint32_t feedback = feedback_of(type, span_word(&value));
	struct payload *payload = payload_of(reader, number);

	if (span_is(number, "*"))
		reader->lines.feedback_all |= feedback;
	else if (payload)
		payload->feedback |= feedback;
}

// Payload types that need no rtpmap (RFC 3551, 6).
static void payload_static(struct payload *payload, unsigned type)
{
	static const struct {
		unsigned type;
		const char *name;
	} known[] = {{0, "PCMU"}, {3, "GSM"}, {8, "PCMA"}, {9, "G722"}, {13, "CN"}};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]) && !payload->name.length; i++) {
		if (known[i].type != type)
			continue;
		payload->name = (struct span){known[i].name, strlen(known[i].name)};
		payload->clock_rate = 8000;
	}
}

// Copies parameters whole. When all do not fit, those that only describe a sender's stream go first
// (sprop-parameter-sets of H264: they also travel in the stream), then what is last.
static void fmtp_copy(struct span rest, char *to)
{
	size_t used = 0;

	while (rest.length && *rest.at == ' ')
		rest = (struct span){rest.at + 1, rest.length - 1};
	if (span_copy(rest, to, DESC_FMTP_MAX))
		return;
	while (rest.length) {
		struct span one = span_cut(&rest, ';');

		while (one.length && *one.at == ' ')
			one = (struct span){one.at + 1, one.length - 1};
		if (!one.length || span_starts(one, "sprop-") ||
			used + one.length + 2 > DESC_FMTP_MAX)
			continue;
		if (used)
			to[used++] = ';';
		memcpy(to + used, one.at, one.length);
		used += one.length;
	}
	to[used] = 0;
}

static bool is_repair(struct span name)
{
	return span_is_any_case(name, "rtx") || span_is_any_case(name, "red") ||
	       span_is_any_case(name, "ulpfec") || span_is_any_case(name, "flexfec-03") ||
	       span_is_any_case(name, "flexfec");
}

static void codec_add(struct reader *reader, unsigned type)
{
	struct desc_section *section = reader->section;
	struct payload *payload = &reader->lines.payloads[type];
	struct desc_codec codec = {.payload_type = (uint8_t)type};

	payload_static(payload, type);
	if (is_repair(payload->name) || !payload->name.length ||
		!span_copy(payload->name, codec.name, sizeof(codec.name)) ||
		section->codecs_used == DESC_CODECS_MAX)
		return;
	codec.clock_rate = payload->clock_rate;
	codec.channels = payload->channels;
	if (section->kind == DESC_AUDIO && !codec.channels)
		codec.channels = 1;
	codec.feedback = payload->feedback | reader->lines.feedback_all;
	fmtp_copy(payload->fmtp, codec.fmtp);
	section->codecs[section->codecs_used++] = codec;
}

static void rtx_add(struct desc_section *section, unsigned type, struct span fmtp)
{
	uint64_t apt = PAYLOADS;

	while (fmtp.length) {
		struct span value = span_cut(&fmtp, ';'), key = span_cut(&value, '=');

		while (key.length && *key.at == ' ')
			key = (struct span){key.at + 1, key.length - 1};
		if (span_is_any_case(key, "apt"))
			span_number(value, PAYLOADS - 1, &apt);
	}
	for (unsigned i = 0; i < section->codecs_used; i++)
		if (section->codecs[i].payload_type == apt && !section->codecs[i].rtx_payload_type)
			section->codecs[i].rtx_payload_type = (uint8_t)type;
}

static void codecs_fold(struct reader *reader)
{
	struct lines *lines = &reader->lines;

	for (unsigned i = 0; i < lines->order_used; i++)
		codec_add(reader, lines->order[i]);
	for (unsigned i = 0; i < lines->order_used; i++)
		if (span_is_any_case(lines->payloads[lines->order[i]].name, "rtx"))
			rtx_add(reader->section, lines->order[i],
				lines->payloads[lines->order[i]].fmtp);
}

// ---- encodings

static void read_ssrc(struct reader *reader, struct span value)
{
	struct lines *lines = &reader->lines;
	struct span word = span_word(&value), name = span_cut(&value, ':');
	uint64_t ssrc;
	unsigned i = 0;

	if (!span_number(word, UINT32_MAX, &ssrc) || !ssrc)
		return;
	while (i < lines->ssrcs_used && lines->ssrcs[i] != ssrc)
		i++;
	if (i == SSRCS_MAX)
		return;
	if (i == lines->ssrcs_used)
		lines->ssrcs[lines->ssrcs_used++] = (uint32_t)ssrc;
	if (span_is(name, "cname") && !target(reader)->cname[0])
		span_copy(value, target(reader)->cname, DESC_ID_MAX);
	if (span_is(name, "msid") && !lines->stream.length) {
		lines->stream = span_word(&value);
		lines->track = span_word(&value);
	}
}

static void read_ssrc_group(struct reader *reader, struct span value)
{
	struct lines *lines = &reader->lines;
	struct span kind = span_word(&value);
	uint64_t first, second;

	if (span_is(kind, "SIM"))
		lines->sim = value;
	if (!span_is(kind, "FID") || lines->fid_used == GROUPS_MAX)
		return;
	if (!span_number(span_word(&value), UINT32_MAX, &first) ||
		!span_number(span_word(&value), UINT32_MAX, &second))
		return;
	lines->fid[lines->fid_used][0] = (uint32_t)first;
	lines->fid[lines->fid_used++][1] = (uint32_t)second;
}

static void read_rid(struct reader *reader, struct span value)
{
	struct rids *rids = &reader->lines.rids;
	struct span rid = span_word(&value);
	bool receive = span_is(span_word(&value), "recv");

	if (rids->used == DESC_ENCODINGS_MAX || !rid.length || rid.length >= DESC_MID_MAX)
		return;
	if (rids->used && rids->receive != receive)
		return;
	rids->receive = receive;
	rids->rid[rids->used++] = rid;
}

static void read_simulcast(struct reader *reader, struct span value)
{
	reader->lines.rids.list = value;
}

// A rid is paused when a=simulcast writes ~ before it (RFC 8853, 5.1).
static bool rid_paused(const struct rids *rids, struct span rid)
{
	struct span rest = rids->list;

	for (size_t i = 0; i + rid.length < rest.length; i++) {
		struct span at = {rest.at + i + 1, rid.length};
		size_t after = i + 1 + rid.length;

		if (rest.at[i] == '~' && !memcmp(at.at, rid.at, rid.length) &&
			(after == rest.length || strchr(";, ", rest.at[after])))
			return true;
	}
	return false;
}

static void encodings_of_rids(struct reader *reader)
{
	struct desc_section *section = reader->section;
	const struct rids *rids = &reader->lines.rids;

	section->simulcast_receive = rids->receive;
	section->encodings_used = (uint8_t)rids->used;
	for (unsigned i = 0; i < rids->used; i++) {
		span_copy(rids->rid[i], section->encodings[i].rid, DESC_MID_MAX);
		section->encodings[i].paused = rid_paused(rids, rids->rid[i]);
	}
}

static void encoding_of_ssrc(struct reader *reader, uint32_t ssrc)
{
	struct desc_section *section = reader->section;
	const struct lines *lines = &reader->lines;
	struct desc_encoding encoding = {.ssrc = ssrc};

	for (unsigned i = 0; i < lines->fid_used; i++) {
		if (lines->fid[i][1] == ssrc)
			return; // retransmissions of another
		if (lines->fid[i][0] == ssrc)
			encoding.rtx_ssrc = lines->fid[i][1];
	}
	for (unsigned i = 0; i < section->encodings_used; i++)
		if (section->encodings[i].ssrc == ssrc)
			return;
	if (section->encodings_used < DESC_ENCODINGS_MAX)
		section->encodings[section->encodings_used++] = encoding;
}

static void encodings_fold(struct reader *reader)
{
	struct lines *lines = &reader->lines;
	uint64_t ssrc;

	if (lines->rids.used) {
		encodings_of_rids(reader);
		return;
	}
	while (lines->sim.length)
		if (span_number(span_word(&lines->sim), UINT32_MAX, &ssrc) && ssrc)
			encoding_of_ssrc(reader, (uint32_t)ssrc);
	if (reader->section->encodings_used)
		return;
	for (unsigned i = 0; i < lines->ssrcs_used; i++)
		encoding_of_ssrc(reader, lines->ssrcs[i]);
}

// ---- sections

static void section_end(struct reader *reader)
{
	struct desc_section *section = reader->section;

	if (!section)
		return;
	if (section->bundle_only)
		section->rejected = false;
	if (section->kind == DESC_AUDIO || section->kind == DESC_VIDEO) {
		codecs_fold(reader);
		encodings_fold(reader);
	}
	if (!section->stream[0] && span_copy(reader->lines.stream, section->stream, DESC_ID_MAX))
		span_copy(reader->lines.track, section->track, DESC_ID_MAX);
}

static enum desc_kind kind_of(struct span media, struct span protocol)
{
	bool sctp = protocol.length >= 4 &&
		    span_is((struct span){protocol.at + protocol.length - 4, 4}, "SCTP");

	if (span_is(media, "audio"))
		return DESC_AUDIO;
	if (span_is(media, "video"))
		return DESC_VIDEO;
	return span_is(media, "application") && sctp ? DESC_APPLICATION : DESC_UNKNOWN;
}

// Media without DTLS-SRTP (RFC 5764) cannot be ours, whatever else the section says.
static bool protocol_ours(enum desc_kind kind, struct span protocol)
{
	return kind == DESC_APPLICATION || span_is(protocol, "UDP/TLS/RTP/SAVPF") ||
	       span_is(protocol, "UDP/TLS/RTP/SAVP") || span_is(protocol, "TCP/TLS/RTP/SAVPF") ||
	       span_is(protocol, "RTP/SAVPF");
}

static void payloads_list(struct lines *lines, struct span formats)
{
	uint64_t type;

	while (formats.length) {
		if (!span_number(span_word(&formats), PAYLOADS - 1, &type) ||
			lines->payloads[type].listed)
			continue;
		lines->payloads[type].listed = true;
		lines->order[lines->order_used++] = (uint8_t)type;
	}
}

static void section_begin(struct reader *reader, struct span value)
{
	struct span media = span_word(&value), ports = span_word(&value);
	struct span protocol = span_word(&value), port = span_cut(&ports, '/');
	struct desc_section *section;
	uint64_t number = 0;

	section_end(reader);
	if (reader->desc.sections_used == DESC_SECTIONS_MAX)
		reader->fault = "more media sections than the relay takes";
	else if (!span_number(port, UINT16_MAX, &number))
		reader->fault = "an m= line without a port";
	if (reader->fault)
		return;
	section = &reader->desc.sections[reader->desc.sections_used];
	*section = reader->defaults;
	section->kind = kind_of(media, protocol);
	section->rejected = !number || !protocol_ours(section->kind, protocol);
	if (section->kind != DESC_AUDIO && section->kind != DESC_VIDEO)
		section->extensions_used = 0;
	reader->section = section;
	reader->part = &reader->parts[reader->desc.sections_used++];
	memset(&reader->lines, 0, sizeof(reader->lines));
	payloads_list(&reader->lines, value);
}

// ---- lines

static const struct attribute {
	const char *name;
	bool media; // only within a section
	void (*read)(struct reader *reader, struct span value);
} attributes[] = {
	{"ice-ufrag", false, read_ufrag},
	{"ice-pwd", false, read_password},
	{"ice-lite", false, read_ice_lite},
	{"ice-options", false, read_ice_options},
	{"end-of-candidates", false, read_end_of_candidates},
	{"candidate", false, read_candidate},
	{"setup", false, read_setup},
	{"fingerprint", false, read_fingerprint},
	{"group", false, read_group},
	{"extmap-allow-mixed", false, read_allow_mixed},
	{"sendrecv", false, read_sendrecv},
	{"sendonly", false, read_sendonly},
	{"recvonly", false, read_recvonly},
	{"inactive", false, read_inactive},
	{"extmap", false, read_extmap},
	{"mid", true, read_mid},
	{"bundle-only", true, read_bundle_only},
	{"rtcp-mux", true, read_rtcp_mux},
	{"rtcp-mux-only", true, read_rtcp_mux},
	{"rtcp-rsize", true, read_rtcp_rsize},
	{"msid", true, read_msid},
	{"sctp-port", true, read_sctp_port},
	{"max-message-size", true, read_message_size},
	{"rtpmap", true, read_rtpmap},
	{"fmtp", true, read_fmtp},
	{"rtcp-fb", true, read_feedback},
	{"ssrc", true, read_ssrc},
	{"ssrc-group", true, read_ssrc_group},
	{"rid", true, read_rid},
	{"simulcast", true, read_simulcast},
};

static void attribute_read(struct reader *reader, struct span value)
{
	struct span name = span_cut(&value, ':');

	for (unsigned i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (!span_is(name, attributes[i].name))
			continue;
		if (reader->section || !attributes[i].media)
			attributes[i].read(reader, value);
		return;
	}
}

static void origin_read(struct reader *reader, struct span value)
{
	uint64_t number;

	span_word(&value);
	if (span_number(span_word(&value), UINT64_MAX, &number))
		reader->desc.session_id = number;
	if (span_number(span_word(&value), UINT64_MAX, &number))
		reader->desc.session_version = number;
}

static bool line_plain(struct span line)
{
	if (line.length < 2 || line.at[0] < 'a' || line.at[0] > 'z' || line.at[1] != '=')
		return false;
	for (size_t i = 2; i < line.length; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return false;
	return true;
}

// Returns false when the description has ended.
static bool line_read(struct reader *reader, struct span line)
{
	struct span value;

	if (line.length && line.at[line.length - 1] == '\r')
		line.length--;
	if (!line.length)
		return true;
	if (!line_plain(line)) {
		if (!reader->desc.sections_used)
			reader->fault = "a line that is no SDP";
		return false;
	}
	value = (struct span){line.at + 2, line.length - 2};
	if (line.at[0] == 'm')
		section_begin(reader, value);
	else if (line.at[0] == 'a' && span_ascii(value))
		attribute_read(reader, value);
	else if (line.at[0] == 'o' && !reader->section)
		origin_read(reader, value);
	return !reader->fault;
}

// ---- the whole

static bool ice_word(struct span word, size_t least)
{
	if (word.length < least || word.length > 256)
		return false;
	for (size_t i = 0; i < word.length; i++)
		if ((unsigned char)word.at[i] <= ' ' || (unsigned char)word.at[i] > '~' ||
			word.at[i] == ':')
			return false;
	return true;
}

// The section whose ICE and DTLS count for all: the first that is not rejected (RFC 9143, 7.1.1).
static unsigned anchor_of(const struct desc *desc)
{
	for (unsigned i = 0; i < desc->sections_used; i++)
		if (!desc->sections[i].rejected)
			return i;
	return 0;
}

static int transport_take(struct reader *reader)
{
	struct desc *desc = &reader->desc;
	const struct part *session = &reader->session;
	const struct part *part = &reader->parts[anchor_of(desc)];
	const struct part *candidates = part->candidates_used ? part : session;
	struct span ufrag = part->ufrag.length ? part->ufrag : session->ufrag;
	struct span password = part->password.length ? part->password : session->password;

	desc->fingerprint = part->fingerprint.length ? part->fingerprint : session->fingerprint;
	desc->setup = part->setup ? part->setup : session->setup;
	desc->end_of_candidates = part->end_of_candidates || session->end_of_candidates;
	desc->candidates_used = candidates->candidates_used;
	memcpy(desc->candidates, candidates->candidates, sizeof(desc->candidates));
	if (!ufrag.length || !password.length) {
		reader->fault = "no ICE: a=ice-ufrag or a=ice-pwd is missing";
		return SDP_NOT_OURS;
	}
	if (!desc->fingerprint.length) {
		reader->fault = "no DTLS: a=fingerprint with a known hash is missing";
		return SDP_NOT_OURS;
	}
	if (!ice_word(ufrag, UFRAG_MIN) || !ice_word(password, PASSWORD_MIN)) {
		reader->fault = "a=ice-ufrag or a=ice-pwd is too short or too long";
		return SDP_BROKEN;
	}
	span_copy(ufrag, desc->ufrag, sizeof(desc->ufrag));
	span_copy(password, desc->password, sizeof(desc->password));
	return 0;
}

static void bundle_take(struct reader *reader)
{
	while (reader->bundle.length) {
		struct span mid = span_word(&reader->bundle);

		for (unsigned i = 0; i < reader->desc.sections_used; i++)
			if (mid.length && span_is(mid, reader->desc.sections[i].mid))
				reader->desc.sections[i].in_bundle = true;
	}
}

// In a BUNDLE group one number means one extension (RFC 9143, 13). aiortc offers otherwise, browsers refuse such
// offers, and aiortc itself stumbles over such answers: of two meanings the second is left out.
static void extensions_settle(struct desc *desc)
{
	uint8_t kinds[256];

	memset(kinds, DESC_EXT_UNKNOWN, sizeof(kinds));
	for (unsigned i = 0; i < desc->sections_used; i++) {
		struct desc_section *section = &desc->sections[i];
		uint8_t kept = 0;

		for (unsigned j = 0; j < section->extensions_used; j++) {
			const struct desc_extension extension = section->extensions[j];
			uint8_t *kind = &kinds[extension.id];
			bool known = section->in_bundle && extension.kind != DESC_EXT_UNKNOWN;

			if (known && *kind != DESC_EXT_UNKNOWN && *kind != extension.kind)
				continue;
			if (known)
				*kind = extension.kind;
			section->extensions[kept++] = extension;
		}
		while (section->extensions_used > kept)
			section->extensions[--section->extensions_used] =
				(struct desc_extension){0};
	}
}

static int reader_run(struct reader *reader, struct span text)
{
	struct span version = span_cut(&text, '\n');

	if (!span_is(version, "v=0\r") && !span_is(version, "v=0")) {
		reader->fault = "it does not begin with v=0";
		return SDP_BROKEN;
	}
	while (text.length && line_read(reader, span_cut(&text, '\n')))
		;
	if (reader->fault)
		return SDP_BROKEN;
	if (!reader->section) {
		reader->fault = "no media section";
		return SDP_NOT_OURS;
	}
	section_end(reader);
	bundle_take(reader);
	extensions_settle(&reader->desc);
	return transport_take(reader);
}

int sdp_parse(const char *text, size_t length, struct desc *desc, char *why, size_t why_size)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int error = SDP_BROKEN;

	if (!reader) {
		snprintf(why, why_size, "out of memory");
		return SDP_BROKEN;
	}
	reader->defaults.direction = DESC_SENDRECV;
	reader->part = &reader->session;
	error = reader_run(reader, (struct span){text, length});
	if (error)
		snprintf(why, why_size, "SDP: %s", reader->fault);
	else
		*desc = reader->desc;
	free(reader);
	return error;
}
