// SPDX-License-Identifier: Apache-2.0
#include "description.h"

#include "sdp/sdp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MID_EXTENSION = 1, AUDIO_TYPE = 111, VIDEO_TYPE = 96 };

// ---- ours

static void self_write(const struct description_self *self, struct desc *desc)
{
	desc->session_id = 1;
	desc->session_version = 1;
	snprintf(desc->ufrag, sizeof(desc->ufrag), "%s", self->ice->ufrag);
	snprintf(desc->password, sizeof(desc->password), "%s", self->ice->password);
	desc->fingerprint = *self->fingerprint;
}

static void section_write(struct desc *desc, enum stamp_kind kind, uint32_t ssrc)
{
	static const struct desc_codec codecs[STAMP_KINDS] = {
		[STAMP_AUDIO] = {.payload_type = AUDIO_TYPE,
			.channels = 2,
			.clock_rate = 48000,
			.name = "opus"},
		[STAMP_VIDEO] = {.payload_type = VIDEO_TYPE,
			.clock_rate = 90000,
			.feedback = DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR,
			.name = "VP8"},
	};
	struct desc_section *section = &desc->sections[desc->sections_used];

	section->kind = kind == STAMP_VIDEO ? DESC_VIDEO : DESC_AUDIO;
	snprintf(section->mid, sizeof(section->mid), "%u", desc->sections_used++);
	section->direction = DESC_SENDONLY;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	section->codecs[section->codecs_used++] = codecs[kind];
	section->extensions[section->extensions_used++] =
		(struct desc_extension){MID_EXTENSION, DESC_EXT_MID, DESC_SENDRECV};
	section->encodings[section->encodings_used++].ssrc = ssrc;
	snprintf(section->cname, sizeof(section->cname), "load");
	snprintf(section->stream, sizeof(section->stream), "load");
	snprintf(section->track, sizeof(section->track), "load-%u", desc->sections_used);
}

int description_offer(const struct description_self *self, const uint32_t ssrcs[STAMP_KINDS],
	char *text, size_t size)
{
	struct desc *desc = calloc(1, sizeof(*desc));
	int length;

	if (!desc)
		return -1;
	self_write(self, desc);
	desc->setup = self->setup;
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		if (ssrcs[kind])
			section_write(desc, (enum stamp_kind)kind, ssrcs[kind]);
	length = sdp_print(desc, true, text, size);
	free(desc);
	return length;
}

// The relay's offer made over into our answer: everything as it was offered, received and not sent.
static int answer_write(const struct description_self *self, struct desc *desc, char *text)
{
	desc->ice_lite = false;
	desc->candidates_used = 0;
	desc->setup = DESC_ACTIVE;
	self_write(self, desc);
	for (unsigned i = 0; i < desc->sections_used; i++) {
		struct desc_section *section = &desc->sections[i];

		section->direction = DESC_RECVONLY;
		section->encodings_used = 0;
		section->stream[0] = section->track[0] = 0;
		section->rejected |= section->kind != DESC_AUDIO && section->kind != DESC_VIDEO;
	}
	return sdp_print(desc, false, text, DESCRIPTION_MAX);
}

// ---- theirs

static bool address_read(const struct desc_candidate *candidate, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (!candidate->udp || candidate->component != 1)
		return false;
	if (inet_pton(AF_INET, candidate->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(candidate->port);
		return true;
	}
	v6->sin6_port = htons(candidate->port);
	v6->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, candidate->address, &v6->sin6_addr) == 1;
}

static bool candidate_choose(
	const struct desc *desc, sa_family_t family, struct sockaddr_storage *address)
{
	for (unsigned i = 0; i < desc->candidates_used; i++)
		if (address_read(&desc->candidates[i], address) &&
			(family == AF_UNSPEC || address->ss_family == family))
			return true;
	return false;
}

static void track_read(const struct desc_section *section, struct description_track *track)
{
	*track = (struct description_track){
		.used = true,
		.payload_type = section->codecs[0].payload_type,
		.rtx_payload_type = section->codecs[0].rtx_payload_type,
	};
	snprintf(track->mid, sizeof(track->mid), "%s", section->mid);
	for (unsigned i = 0; i < section->extensions_used; i++)
		if (section->extensions[i].kind == DESC_EXT_MID && section->extensions[i].id < 15)
			track->mid_extension = section->extensions[i].id;
}

static void tracks_read(const struct desc *desc, struct description_peer *peer)
{
	for (unsigned i = 0; i < desc->sections_used; i++) {
		const struct desc_section *section = &desc->sections[i];
		struct description_track *track =
			&peer->tracks[section->kind == DESC_VIDEO ? STAMP_VIDEO : STAMP_AUDIO];

		if (section->rejected || !section->codecs_used || track->used ||
			(section->kind != DESC_VIDEO && section->kind != DESC_AUDIO))
			continue;
		track_read(section, track);
	}
}

static int peer_read(const struct desc *desc, const struct description_reading *reading,
	struct description_peer *peer, char *why, size_t why_size)
{
	const char *what = NULL;

	memset(peer, 0, sizeof(*peer));
	snprintf(peer->ufrag, sizeof(peer->ufrag), "%s", desc->ufrag);
	snprintf(peer->password, sizeof(peer->password), "%s", desc->password);
	peer->fingerprint = desc->fingerprint;
	tracks_read(desc, peer);
	if (!candidate_choose(desc, reading->family, &peer->address))
		what = "no candidate of the address family of --source-address";
	else if (!desc->ufrag[0] || !desc->password[0] || !desc->fingerprint.length)
		what = "no ICE credentials or no fingerprint";
	else if (!desc->ice_lite)
		what = "no a=ice-lite, and only towards a lite agent can we check (Janus: "
		       "`ice_lite = true`)";
	else if (desc->setup == DESC_ACTIVE)
		what = "it wants to be the DTLS client, which only we can be";
	else if (!peer->tracks[STAMP_AUDIO].used && !peer->tracks[STAMP_VIDEO].used)
		what = "no media section is accepted";
	if (what)
		snprintf(why, why_size, "the relay's SDP: %s", what);
	return what ? -1 : 0;
}

int description_read(const struct description_reading *reading, struct description_peer *peer,
	char *why, size_t why_size)
{
	struct desc *desc = calloc(1, sizeof(*desc));
	int result = -1;

	snprintf(why, why_size, "out of memory");
	if (desc && !sdp_parse(reading->text, reading->length, desc, why, why_size))
		result = peer_read(desc, reading, peer, why, why_size);
	if (!result && reading->answer && answer_write(reading->self, desc, reading->answer) < 0) {
		snprintf(why, why_size, "our answer does not fit");
		result = -1;
	}
	free(desc);
	return result;
}
