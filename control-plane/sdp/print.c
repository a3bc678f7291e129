// SPDX-License-Identifier: Apache-2.0
#include "extension.h"
#include "sdp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
	char *text;
	size_t size, used;
	bool full;
};

static void put(struct writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct writer *writer, const char *format, ...)
{
	va_list arguments;
	int length;

	if (writer->full)
		return;
	va_start(arguments, format);
	length = vsnprintf(
		writer->text + writer->used, writer->size - writer->used, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= writer->size - writer->used)
		writer->full = true;
	else
		writer->used += (size_t)length;
}

static const char *direction_name(enum desc_direction direction)
{
	static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};

	return names[direction & DESC_SENDRECV];
}

static bool is_media(const struct desc_section *section)
{
	return section->kind == DESC_AUDIO || section->kind == DESC_VIDEO;
}

// ---- session level

static void put_bundle(struct writer *writer, const struct desc *desc)
{
	bool any = false;

	for (unsigned i = 0; i < desc->sections_used; i++) {
		const struct desc_section *section = &desc->sections[i];

		if (!section->in_bundle || section->rejected || !section->mid[0])
			continue;
		put(writer, "%s %s", any ? "" : "a=group:BUNDLE", section->mid);
		any = true;
	}
	if (any)
		put(writer, "\r\n");
}

static void put_session(struct writer *writer, const struct desc *desc)
{
	put(writer,
		"v=0\r\no=- %" PRIu64 " %" PRIu64 " IN IP4 0.0.0.0\r\n"
		"s=-\r\nt=0 0\r\n",
		desc->session_id, desc->session_version);
	put_bundle(writer, desc);
	if (desc->extmap_allow_mixed)
		put(writer, "a=extmap-allow-mixed\r\n");
	put(writer, "a=msid-semantic: WMS *\r\n");
	if (desc->ice_lite)
		put(writer, "a=ice-lite\r\n");
	if (desc->ice_trickle)
		put(writer, "a=ice-options:trickle\r\n");
}

// ---- transport

static void put_fingerprint(struct writer *writer, const struct desc_fingerprint *fingerprint)
{
	put(writer, "a=fingerprint:%s", fingerprint->algorithm);
	for (unsigned i = 0; i < fingerprint->length; i++)
		put(writer, "%c%02X", i ? ':' : ' ', fingerprint->value[i]);
	put(writer, "\r\n");
}

static void put_transport(struct writer *writer, const struct desc *desc)
{
	static const char *const setups[] = {NULL, "actpass", "active", "passive"};

	put(writer, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", desc->ufrag, desc->password);
	put_fingerprint(writer, &desc->fingerprint);
	if (desc->setup)
		put(writer, "a=setup:%s\r\n", setups[desc->setup]);
}

static void put_candidates(struct writer *writer, const struct desc *desc)
{
	char line[256];

	for (unsigned i = 0; i < desc->candidates_used; i++)
		if (sdp_candidate_print(&desc->candidates[i], line, sizeof(line)) > 0)
			put(writer, "a=%s\r\n", line);
	if (desc->end_of_candidates)
		put(writer, "a=end-of-candidates\r\n");
}

// ---- media

static void put_feedback(struct writer *writer, const struct desc_codec *codec)
{
	static const struct {
		uint32_t bit;
		const char *words;
	} words[] = {{DESC_FB_REMB, "goog-remb"}, {DESC_FB_TRANSPORT_CC, "transport-cc"},
		{DESC_FB_FIR, "ccm fir"}, {DESC_FB_NACK, "nack"}, {DESC_FB_PLI, "nack pli"}};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (codec->feedback & words[i].bit)
			put(writer, "a=rtcp-fb:%u %s\r\n", codec->payload_type, words[i].words);
}

static void put_codec(struct writer *writer, const struct desc_codec *codec)
{
	put(writer, "a=rtpmap:%u %s/%" PRIu32, codec->payload_type, codec->name, codec->clock_rate);
	if (codec->channels > 1)
		put(writer, "/%u", codec->channels);
	put(writer, "\r\n");
	put_feedback(writer, codec);
	if (codec->fmtp[0])
		put(writer, "a=fmtp:%u %s\r\n", codec->payload_type, codec->fmtp);
	if (codec->rtx_payload_type)
		put(writer, "a=rtpmap:%u rtx/%" PRIu32 "\r\na=fmtp:%u apt=%u\r\n",
			codec->rtx_payload_type, codec->clock_rate, codec->rtx_payload_type,
			codec->payload_type);
}

static void put_extensions(struct writer *writer, const struct desc_section *section)
{
	for (unsigned i = 0; i < section->extensions_used; i++) {
		const struct desc_extension *extension = &section->extensions[i];
		const char *uri = extension_uri(extension->kind);

		if (!uri)
			continue;
		put(writer, "a=extmap:%u", extension->id);
		if (extension->direction != DESC_SENDRECV)
			put(writer, "/%s", direction_name(extension->direction));
		put(writer, " %s\r\n", uri);
	}
}

static void put_rids(struct writer *writer, const struct desc_section *section)
{
	const char *way = section->simulcast_receive ? "recv" : "send";

	for (unsigned i = 0; i < section->encodings_used; i++)
		put(writer, "a=rid:%s %s\r\n", section->encodings[i].rid, way);
	for (unsigned i = 0; i < section->encodings_used; i++) {
		if (!i)
			put(writer, "a=simulcast:%s ", way);
		put(writer, "%s%s%s", i ? ";" : "", section->encodings[i].paused ? "~" : "",
			section->encodings[i].rid);
	}
	put(writer, "\r\n");
}

// One a=ssrc of a source. Its msid repeats a=msid for those who know no other (RFC 8830, appendix).
static void put_ssrc(struct writer *writer, const struct desc_section *section, uint32_t ssrc)
{
	if (!ssrc)
		return;
	put(writer, "a=ssrc:%" PRIu32 " cname:%s\r\n", ssrc,
		section->cname[0] ? section->cname : "-");
	if (section->stream[0])
		put(writer, "a=ssrc:%" PRIu32 " msid:%s%s%s\r\n", ssrc, section->stream,
			section->track[0] ? " " : "", section->track);
}

static void put_sources(struct writer *writer, const struct desc_section *section)
{
	const struct desc_encoding *encodings = section->encodings;

	for (unsigned i = 0; i < section->encodings_used; i++)
		if (encodings[i].ssrc && encodings[i].rtx_ssrc)
			put(writer, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n",
				encodings[i].ssrc, encodings[i].rtx_ssrc);
	for (unsigned i = 0; i < section->encodings_used; i++) {
		put_ssrc(writer, section, encodings[i].ssrc);
		put_ssrc(writer, section, encodings[i].ssrc ? encodings[i].rtx_ssrc : 0);
	}
}

static void put_media(struct writer *writer, const struct desc_section *section)
{
	put_extensions(writer, section);
	if (section->stream[0])
		put(writer, "a=msid:%s%s%s\r\n", section->stream, section->track[0] ? " " : "",
			section->track);
	if (section->rtcp_mux)
		put(writer, "a=rtcp-mux\r\n");
	if (section->rtcp_rsize)
		put(writer, "a=rtcp-rsize\r\n");
	for (unsigned i = 0; i < section->codecs_used; i++)
		put_codec(writer, &section->codecs[i]);
	if (section->encodings_used && section->encodings[0].rid[0])
		put_rids(writer, section);
	else
		put_sources(writer, section);
}

static void put_data(struct writer *writer, const struct desc_section *section)
{
	if (section->sctp_port)
		put(writer, "a=sctp-port:%u\r\n", section->sctp_port);
	if (section->max_message_size)
		put(writer, "a=max-message-size:%" PRIu32 "\r\n", section->max_message_size);
}

// ---- m= lines

static void put_formats(struct writer *writer, const struct desc_section *section)
{
	if (section->kind == DESC_APPLICATION) {
		put(writer, " UDP/DTLS/SCTP webrtc-datachannel\r\n");
		return;
	}
	put(writer, " UDP/TLS/RTP/SAVPF");
	for (unsigned i = 0; i < section->codecs_used; i++) {
		put(writer, " %u", section->codecs[i].payload_type);
		if (section->codecs[i].rtx_payload_type)
			put(writer, " %u", section->codecs[i].rtx_payload_type);
	}
	put(writer, section->codecs_used ? "\r\n" : " 0\r\n"); // a format is obligatory
}

static void put_connection(struct writer *writer, const struct desc *desc)
{
	const char *address = desc->candidates_used ? desc->candidates[0].address : "";
	bool ip4 = address[0] && strspn(address, "0123456789.") == strlen(address);
	bool ip6 = strchr(address, ':') != NULL;

	if (ip4 || ip6)
		put(writer, "c=IN %s %s\r\n", ip4 ? "IP4" : "IP6", address);
	else
		put(writer, "c=IN IP4 0.0.0.0\r\n");
}

static unsigned section_port(
	const struct desc *desc, const struct desc_section *section, bool offer)
{
	if (section->rejected || (offer && section->bundle_only))
		return 0;
	if (desc->candidates_used && desc->candidates[0].port)
		return desc->candidates[0].port;
	return 9; // RFC 8840, 4.1.1: no candidate yet
}

static void put_section(struct writer *writer, const struct desc *desc,
	const struct desc_section *section, bool offer)
{
	static const char *const kinds[] = {"", "audio", "video", "application", "text"};

	put(writer, "m=%s %u", kinds[section->kind <= DESC_UNKNOWN ? section->kind : DESC_UNKNOWN],
		section_port(desc, section, offer));
	put_formats(writer, section);
	put_connection(writer, desc);
	if (section->mid[0])
		put(writer, "a=mid:%s\r\n", section->mid);
	if (section->rejected) {
		put(writer, "a=inactive\r\n");
		return;
	}
	if (offer && section->bundle_only)
		put(writer, "a=bundle-only\r\n");
	put(writer, "a=%s\r\n", direction_name(section->direction));
	put_transport(writer, desc);
	if (is_media(section))
		put_media(writer, section);
	else if (section->kind == DESC_APPLICATION)
		put_data(writer, section);
}

int sdp_print(const struct desc *desc, bool offer, char *text, size_t size)
{
	struct writer writer = {text, size, 0, !size};
	bool candidates_put = false;

	put_session(&writer, desc);
	for (unsigned i = 0; i < desc->sections_used; i++) {
		put_section(&writer, desc, &desc->sections[i], offer);
		if (desc->sections[i].rejected || candidates_put)
			continue;
		put_candidates(&writer, desc);
		candidates_put = true;
	}
	return writer.full ? -1 : (int)writer.used;
}
