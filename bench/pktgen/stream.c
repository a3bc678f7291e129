// SPDX-License-Identifier: Apache-2.0
#include "stream.h"

#include "frame.h"
#include "media/rtp.h"
#include "media/span.h"
#include "media/srtp.h"
#include "stamp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { AUDIO_RATE = 50, AUDIO_PAYLOAD_BYTES = 160, VIDEO_CLOCK = 90000, AUDIO_CLOCK = 48000 };

#define SECOND_NS UINT64_C(1000000000)

struct source {
	const struct session_peer *peer;
	const struct session_stream *stream;
	struct srtp_session *srtp; // of the peer
	uint32_t publisher;
	uint64_t next, end; // numbers
};

static uint32_t rate_of(const struct stream_plan *plan, bool video)
{
	return video ? plan->rate : AUDIO_RATE;
}

// The first number at or after the time at which video has `number`.
static uint64_t number_at(const struct stream_plan *plan, uint64_t number, bool video)
{
	if (video)
		return number;
	return (number * AUDIO_RATE + plan->rate - 1) / plan->rate;
}

uint64_t stream_packets(const struct stream_plan *plan, bool video)
{
	return number_at(plan, plan->first + plan->packets, video) -
	       number_at(plan, plan->first, video);
}

static uint64_t time_of(const struct stream_plan *plan, const struct source *source)
{
	uint32_t rate = rate_of(plan, source->stream->video);

	return source->next / rate * SECOND_NS + source->next % rate * SECOND_NS / rate;
}

static void packet_write(const struct stream_plan *plan, const struct source *source,
	uint64_t time_ns, uint8_t *packet, uint32_t *length)
{
	bool video = source->stream->video;
	size_t payload = video ? plan->size : AUDIO_PAYLOAD_BYTES;
	uint64_t clock = video ? VIDEO_CLOCK : AUDIO_CLOCK;
	struct stamp stamp = {.kind = video ? STAMP_VIDEO : STAMP_AUDIO,
		.publisher = source->publisher,
		.number = source->next,
		.sent_ns = time_ns};

	packet[0] = 0x80;
	packet[1] = (uint8_t)(source->stream->payload_type | (video ? 0x80 : 0));
	span_put_u16(packet + 2, (uint16_t)source->next);
	span_put_u32(packet + 4,
		(uint32_t)(source->next * clock / rate_of(plan, source->stream->video)));
	span_put_u32(packet + 8, source->stream->ssrc);
	stamp_write(&stamp, packet + RTP_HEADER_BYTES, payload);
	*length = (uint32_t)(RTP_HEADER_BYTES + payload);
}

static bool frame_append(const struct session *session, const struct stream_plan *plan,
	struct source *source, struct capture *capture)
{
	uint8_t packet[FRAME_PAYLOAD_MAX], frame[FRAME_MAX];
	struct srtp_seal_job job = {.session = source->srtp,
		.data = packet,
		.room = sizeof(packet),
		.index = source->next};
	uint64_t time_ns = time_of(plan, source);

	packet_write(plan, source, time_ns, packet, &job.length);
	if (srtp_seal(&job, 1) != 1)
		return false;
	if (plan->forge)
		packet[job.length - 1] ^= 1;
	capture_write(capture, time_ns, frame,
		frame_write(frame, &source->peer->address, &session->relay, packet, job.length));
	source->next++;
	return true;
}

static struct source *source_next(
	const struct stream_plan *plan, struct source *sources, uint32_t count)
{
	struct source *first = NULL;

	for (uint32_t i = 0; i < count; i++)
		if (sources[i].next < sources[i].end &&
			(!first || time_of(plan, &sources[i]) < time_of(plan, first)))
			first = &sources[i];
	return first;
}

// Each publisher has one SRTP session for all its streams.
static uint32_t sources_open(
	const struct session *session, const struct stream_plan *plan, struct source *sources)
{
	uint32_t count = 0;

	for (uint32_t p = 0; p < session->publishers_used; p++) {
		const struct session_peer *peer = &session->publishers[p];
		struct srtp_session *srtp =
			srtp_session_open(SRTP_OUT, session->profile, &peer->key);

		for (uint32_t s = 0; s < peer->streams_used; s++) {
			bool video = peer->streams[s].video;
			uint64_t first = number_at(plan, plan->first, video);

			sources[count++] = (struct source){peer, &peer->streams[s], srtp, p, first,
				first + stream_packets(plan, video)};
			if (!srtp || srtp_stream_start(srtp, peer->streams[s].ssrc, first, false))
				return 0;
		}
	}
	return count;
}

int stream_write(const struct session *session, const struct stream_plan *plan,
	struct capture *capture, char *why, size_t why_size)
{
	struct source *sources =
		calloc(session->publishers_used * SESSION_STREAMS_MAX + 1, sizeof(*sources));
	struct source *source = NULL;
	uint32_t count = sources ? sources_open(session, plan, sources) : 0;
	bool good = count > 0;

	while (good && (source = source_next(plan, sources, count)) != NULL)
		good = frame_append(session, plan, source, capture);
	if (!good)
		snprintf(why, why_size, "out of memory, or the session has an SSRC twice");
	for (uint32_t i = 0; sources && i < session->publishers_used * SESSION_STREAMS_MAX; i++)
		if (sources[i].srtp && (!i || sources[i].srtp != sources[i - 1].srtp))
			srtp_session_close(sources[i].srtp);
	free(sources);
	return good ? 0 : -1;
}
