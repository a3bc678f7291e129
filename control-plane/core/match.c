// SPDX-License-Identifier: Apache-2.0
#include "match.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Codecs the relay carries. `usual` is the payload type towards subscribers; video has usual + 1 for
// its retransmissions.
static const struct known {
	enum desc_kind kind;
	const char *name;
	uint8_t usual;
	const char *parameters; // worth keeping, between blanks
} knowns[] = {
	{DESC_AUDIO, "opus", 111, " minptime useinbandfec usedtx stereo "},
	{DESC_AUDIO, "PCMU", 110, ""}, // not its static 0, which rows keep for "none"
	{DESC_AUDIO, "PCMA", 8, ""},
	{DESC_AUDIO, "G722", 9, ""},
	{DESC_VIDEO, "VP8", 96, ""},
	{DESC_VIDEO, "VP9", 98, " profile-id "},
	{DESC_VIDEO, "H264", 102, " profile-level-id packetization-mode level-asymmetry-allowed "},
	{DESC_VIDEO, "AV1", 45, " profile level-idx tier "},
};

static const struct known *known_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
		if (!strcasecmp(knowns[i].name, name))
			return &knowns[i];
	return NULL;
}

// ---- parameters

struct parameter { // of an fmtp line, not terminated
	const char *at;
	size_t length, key_length;
};

static bool parameter_next(const char **rest, struct parameter *parameter)
{
	const char *at = *rest + strspn(*rest, "; ");

	parameter->at = at;
	parameter->length = strcspn(at, ";");
	parameter->key_length = strcspn(at, ";=");
	*rest = at + parameter->length;
	return parameter->length > 0;
}

bool match_parameter(const char *fmtp, const char *key, char *value, size_t size)
{
	struct parameter parameter;

	while (parameter_next(&fmtp, &parameter)) {
		size_t skip = parameter.key_length + 1;

		if (parameter.key_length != strlen(key) ||
			strncasecmp(parameter.at, key, parameter.key_length) != 0 ||
			skip > parameter.length || parameter.length - skip >= size)
			continue;
		memcpy(value, parameter.at + skip, parameter.length - skip);
		value[parameter.length - skip] = 0;
		return true;
	}
	return false;
}

static void parameters_keep(const char *fmtp, const char *wanted, char kept[DESC_FMTP_MAX])
{
	struct parameter parameter;
	size_t used = 0;

	while (parameter_next(&fmtp, &parameter)) {
		char word[48] = " ";

		if (parameter.key_length + 3 > sizeof(word) ||
			used + parameter.length + 2 > DESC_FMTP_MAX)
			continue;
		memcpy(word + 1, parameter.at, parameter.key_length);
		word[parameter.key_length + 1] = ' ';
		if (!strcasestr(wanted, word))
			continue;
		if (used)
			kept[used++] = ';';
		memcpy(kept + used, parameter.at, parameter.length);
		used += parameter.length;
	}
	kept[used] = 0;
}

// ---- sameness

static bool parameter_same(const char *a, const char *b, const char *key, const char *otherwise)
{
	char left[16], right[16];

	if (!match_parameter(a, key, left, sizeof(left)))
		strcpy(left, otherwise);
	if (!match_parameter(b, key, right, sizeof(right)))
		strcpy(right, otherwise);
	return !strcasecmp(left, right);
}

// profile_idc and whether it is constrained baseline, which several notations mean (RFC 6184, table 5).
static unsigned long h264_profile(const char *fmtp)
{
	char text[16];
	unsigned long value = match_parameter(fmtp, "profile-level-id", text, sizeof(text))
				      ? strtoul(text, NULL, 16)
				      : 0x420010; // 8.1: what is meant when nothing is said
	unsigned long profile = value >> 16 & 0xff, constraints = value >> 8 & 0xff;

	if (profile == 0x42 || profile == 0x4d)
		return profile == 0x42 && constraints & 0x40   ? 0x1042
		       : profile == 0x4d && constraints & 0x80 ? 0x1042
							       : profile;
	return profile;
}

bool match_same(const struct desc_codec *a, const struct desc_codec *b)
{
	uint8_t left = a->channels ? a->channels : 1, right = b->channels ? b->channels : 1;

	if (strcasecmp(a->name, b->name) != 0 || a->clock_rate != b->clock_rate || left != right)
		return false;
	if (!strcasecmp(a->name, "H264"))
		return h264_profile(a->fmtp) == h264_profile(b->fmtp) &&
		       parameter_same(a->fmtp, b->fmtp, "packetization-mode", "0");
	if (!strcasecmp(a->name, "VP9"))
		return parameter_same(a->fmtp, b->fmtp, "profile-id", "0");
	if (!strcasecmp(a->name, "AV1"))
		return parameter_same(a->fmtp, b->fmtp, "profile", "0");
	return true;
}

const struct desc_codec *match_find(
	const struct desc_section *section, const struct desc_codec *wanted)
{
	for (unsigned i = 0; i < section->codecs_used; i++)
		if (match_same(&section->codecs[i], wanted))
			return &section->codecs[i];
	return NULL;
}

bool match_known(enum desc_kind kind, const struct desc_codec *codec)
{
	const struct known *known = known_find(codec->name);

	return known && known->kind == kind;
}

// ---- sections

bool match_usable(const struct desc *desc, const struct desc_section *section)
{
	const struct desc_section *first = desc->sections;
	bool media = section->kind == DESC_AUDIO || section->kind == DESC_VIDEO;

	while (first < section && first->rejected)
		first++;
	return !section->rejected &&
	       (media ? section->rtcp_mux : section->kind == DESC_APPLICATION) &&
	       (first == section || (first->in_bundle && section->in_bundle));
}

bool match_mids_unique(const struct desc *desc)
{
	for (unsigned i = 0; i < desc->sections_used; i++)
		for (unsigned j = 0; j < i; j++)
			if (desc->sections[i].mid[0] &&
				!strcmp(desc->sections[i].mid, desc->sections[j].mid))
				return false;
	return true;
}

int match_choose(const struct desc_section *section, const struct desc_codec *prefer)
{
	const struct desc_codec *preferred = prefer ? match_find(section, prefer) : NULL;

	if (preferred)
		return (int)(preferred - section->codecs);
	for (unsigned i = 0; i < section->codecs_used; i++)
		if (match_known(section->kind, &section->codecs[i]))
			return (int)i;
	return -1;
}

// ---- publishing

struct desc_codec match_publish(const struct desc_codec *offered, bool transport_cc)
{
	const struct known *known = known_find(offered->name);
	struct desc_codec codec = *offered;

	// no goog-remb: transport-wide feedback is what the relay sends
	codec.feedback &= DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR |
			  (transport_cc ? DESC_FB_TRANSPORT_CC : 0);
	memset(codec.fmtp, 0, sizeof(codec.fmtp));
	parameters_keep(offered->fmtp, known ? known->parameters : "", codec.fmtp);
	return codec;
}

bool match_extension(unsigned kind, const struct desc_codec *codec)
{
	if (kind >= DESC_EXT_COUNT || kind == DESC_EXT_RID || kind == DESC_EXT_REPAIRED_RID)
		return false;
	if (kind == DESC_EXT_DEPENDENCY_DESCRIPTOR && codec)
		return !strcasecmp(codec->name, "AV1") || !strcasecmp(codec->name, "VP9");
	return true;
}

void match_extensions(const struct desc_section *section, const struct desc_codec *codec,
	uint8_t id[DESC_EXT_COUNT])
{
	memset(id, 0, DESC_EXT_COUNT);
	for (unsigned i = 0; i < section->extensions_used; i++) {
		const struct desc_extension *extension = &section->extensions[i];

		if (match_extension(extension->kind, codec) && extension->direction & DESC_SENDONLY)
			id[extension->kind] = extension->id;
	}
}

enum desc_direction match_mirror(enum desc_direction direction)
{
	return (enum desc_direction)((direction & DESC_SENDONLY ? DESC_RECVONLY : 0) |
				     (direction & DESC_RECVONLY ? DESC_SENDONLY : 0));
}

// ---- subscribing

uint8_t match_extension_down(unsigned kind)
{
	static const uint8_t ids[DESC_EXT_COUNT] = {
		[DESC_EXT_MID] = 1,
		[DESC_EXT_ABS_SEND_TIME] = 2,
		[DESC_EXT_AUDIO_LEVEL] = 3,
		[DESC_EXT_VIDEO_ORIENTATION] = 4,
		[DESC_EXT_PLAYOUT_DELAY] = 5,
		[DESC_EXT_VIDEO_CONTENT_TYPE] = 6,
		[DESC_EXT_COLOR_SPACE] = 7,
		[DESC_EXT_DEPENDENCY_DESCRIPTOR] = 8,
		[DESC_EXT_ABS_CAPTURE_TIME] = 9,
	};

	return kind < DESC_EXT_COUNT ? ids[kind] : 0;
}

static bool payload_taken(const struct match_payloads *payloads, uint8_t type)
{
	for (unsigned i = 0; i < payloads->used; i++)
		if (payloads->codecs[i].payload_type == type ||
			payloads->codecs[i].rtx_payload_type == type)
			return true;
	return false;
}

// A pair of dynamic payload types that no codec usually has (RFC 3551, 6; RFC 5761, 4 forbids 64..95).
static uint8_t payload_spare(const struct match_payloads *payloads)
{
	static const struct {
		uint8_t first, last;
	} ranges[] = {{104, 108}, {112, 126}, {35, 43}, {47, 61}};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (uint8_t type = ranges[i].first; type <= ranges[i].last; type += 2)
			if (!payload_taken(payloads, type) && !payload_taken(payloads, type + 1))
				return type;
	return ranges[0].first; // not reached: there are more pairs than sections
}

void match_payload(struct match_payloads *payloads, enum desc_kind kind, struct desc_codec *codec)
{
	const struct known *known = known_find(codec->name);
	uint8_t type = known ? known->usual : payload_spare(payloads);

	for (unsigned i = 0; i < payloads->used; i++) {
		const struct desc_codec *other = &payloads->codecs[i];

		if (match_same(other, codec) && !strcmp(other->fmtp, codec->fmtp)) {
			codec->payload_type = other->payload_type;
			codec->rtx_payload_type = other->rtx_payload_type;
			return;
		}
	}
	if (payload_taken(payloads, type))
		type = payload_spare(payloads);
	codec->payload_type = type;
	codec->rtx_payload_type = kind == DESC_VIDEO ? type + 1 : 0;
	if (payloads->used < DESC_SECTIONS_MAX)
		payloads->codecs[payloads->used++] = *codec;
}
