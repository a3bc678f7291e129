// SPDX-License-Identifier: Apache-2.0
// Offers of real clients, see tests/vectors/sdp.
#pragma once

#include "sdp/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { VECTOR_MAX = 16384 };

static const char *const vectors[] = {"aiortc-av", "chromium156-av-datachannel",
	"chromium156-av-gathered", "chromium156-av-plain", "chromium156-av-sendrecv",
	"chromium156-recvonly-gathered-mdns", "chromium156-recvonly-gathered",
	"chromium156-recvonly", "chromium156-simulcast-av1", "chromium156-simulcast-h264",
	"chromium156-simulcast-vp8", "chromium156-simulcast-vp9", "chromium156-svc-av1-l3t3",
	"chromium156-svc-vp9-l3t3key", "firefox-esr153-av-datachannel",
	"firefox-esr153-av-sendrecv", "firefox-esr153-recvonly", "firefox-esr153-simulcast-vp8",
	"gst-webrtcbin-H264", "gst-webrtcbin-VP8", "node-datachannel-video", "roamhq-wrtc-av",
	"werift-video"};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

// Reads one into `text`, terminated. Returns its length.
static inline size_t vector_read(const char *name, char text[VECTOR_MAX])
{
	char path[256];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "tests/vectors/sdp/offer-%s.txt", name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be read; run the test from the project's root", path);
	length = fread(text, 1, VECTOR_MAX - 1, file);
	text[length] = 0;
	fclose(file);
	assert_true(length > 100);
	return length;
}

static inline void vector_parse(const char *name, struct desc *desc)
{
	char text[VECTOR_MAX], why[128] = "";
	size_t length = vector_read(name, text);

	if (sdp_parse(text, length, desc, why, sizeof(why)))
		fail_msg("%s: %s", name, why);
}

static inline const struct desc_codec *codec_of(
	const struct desc_section *section, uint8_t payload_type)
{
	for (unsigned i = 0; i < section->codecs_used; i++)
		if (section->codecs[i].payload_type == payload_type)
			return &section->codecs[i];
	fail_msg("payload type %u is not there", payload_type);
	return NULL;
}

// The id of an extension, 0 when it is not there.
static inline unsigned id_of(const struct desc_section *section, enum desc_extension_kind kind)
{
	for (unsigned i = 0; i < section->extensions_used; i++)
		if (section->extensions[i].kind == kind)
			return section->extensions[i].id;
	return 0;
}
