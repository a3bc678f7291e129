// SPDX-License-Identifier: Apache-2.0
#include "extension.h"

#include <string.h>

#define WEBRTC "http://www.webrtc.org/experiments/rtp-hdrext/"

static const char *const uris[DESC_EXT_COUNT] = {
	[DESC_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[DESC_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
	[DESC_EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
	[DESC_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	[DESC_EXT_ABS_SEND_TIME] = WEBRTC "abs-send-time",
	[DESC_EXT_TRANSPORT_CC] =
		"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[DESC_EXT_VIDEO_ORIENTATION] = "urn:3gpp:video-orientation",
	[DESC_EXT_PLAYOUT_DELAY] = WEBRTC "playout-delay",
	[DESC_EXT_VIDEO_CONTENT_TYPE] = WEBRTC "video-content-type",
	[DESC_EXT_VIDEO_TIMING] = WEBRTC "video-timing",
	[DESC_EXT_COLOR_SPACE] = WEBRTC "color-space",
	[DESC_EXT_DEPENDENCY_DESCRIPTOR] = "https://aomediacodec.github.io/av1-rtp-spec/"
					   "#dependency-descriptor-rtp-header-extension",
	[DESC_EXT_ABS_CAPTURE_TIME] = WEBRTC "abs-capture-time",
	[DESC_EXT_TRANSMISSION_OFFSET] = "urn:ietf:params:rtp-hdrext:toffset",
};

enum desc_extension_kind extension_kind(const char *uri, size_t length)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++)
		if (strlen(uris[kind]) == length && !memcmp(uris[kind], uri, length))
			return (enum desc_extension_kind)kind;
	return DESC_EXT_UNKNOWN;
}

const char *extension_uri(unsigned kind)
{
	return kind < DESC_EXT_COUNT ? uris[kind] : NULL;
}
