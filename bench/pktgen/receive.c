// SPDX-License-Identifier: Apache-2.0
#include "receive.h"

#include "capture.h"
#include "frame.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "numbering.h"
#include "stamp.h"

#include <sluice/demux.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 50, SOCKET_BYTES = 4 << 20, PACKET_MAX = 2048 };

struct sink { // one subscriber
	const struct session_peer *peer;
	struct srtp_session *srtp;
	int fd;
	struct numbering streams[STAMP_KINDS];
};

struct tally {
	uint64_t packets, rtcp, undecrypted, corrupt, strange;
};

struct receiver {
	const struct session *session;
	const struct receive_plan *plan;
	struct sink *sinks;
	struct pollfd *polls;
	struct tally tally;
};

// ---- one packet

static void packet_take(
	struct receiver *receiver, struct sink *sink, uint8_t *packet, uint32_t length)
{
	struct tally *tally = &receiver->tally;
	struct rtp_header header;
	struct stamp stamp;
	uint64_t index;

	switch (sluice_classify(packet, length)) {
	case SLUICE_CLASS_RTCP:
		if (srtp_open_rtcp(sink->srtp, packet, &length) == SRTP_OK)
			tally->rtcp++;
		else
			tally->undecrypted++;
		return;
	case SLUICE_CLASS_RTP:
		break;
	default:
		tally->strange++;
		return;
	}
	if (srtp_open(sink->srtp, packet, &length, &index) != SRTP_OK) {
		tally->undecrypted++;
		return;
	}
	if (rtp_parse(packet, length, &header) || !header.payload_length)
		tally->strange++;
	else if (!stamp_read(packet + header.payload_offset, header.payload_length, &stamp) ||
		 stamp.publisher != sink->peer->publisher)
		tally->corrupt++;
	else if (numbering_take(&sink->streams[stamp.kind], stamp.number) != NUMBERING_DUPLICATE)
		tally->packets++;
}

// ---- the whole

static uint64_t wanted(const struct receiver *receiver, const struct sink *sink, unsigned kind)
{
	const struct session_peer *publisher =
		&receiver->session->publishers[sink->peer->publisher];

	for (uint32_t i = 0; i < publisher->streams_used; i++)
		if (publisher->streams[i].video == (kind == STAMP_VIDEO))
			return kind == STAMP_VIDEO ? receiver->plan->packets
						   : receiver->plan->audio_packets;
	return 0;
}

// True when each stream brought what it should: no less, nothing twice, and the right ones.
static bool is_complete(const struct receiver *receiver)
{
	const struct receive_plan *plan = receiver->plan;

	for (uint32_t s = 0; s < receiver->session->subscribers_used; s++) {
		const struct sink *sink = &receiver->sinks[s];

		for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
			const struct numbering *stream = &sink->streams[kind];
			uint64_t count = wanted(receiver, sink, kind);
			uint64_t first = kind == STAMP_VIDEO ? plan->first : plan->audio_first;

			if (stream->received != count || stream->duplicates || stream->ancient)
				return false;
			if (count &&
				(stream->first != first || stream->highest != first + count - 1))
				return false;
		}
	}
	return plan->packets > 0;
}

static void report(const struct receiver *receiver, FILE *out)
{
	const struct tally *tally = &receiver->tally;
	uint64_t expected = 0, received = 0, duplicates = 0, gaps = 0, streams = 0;

	for (uint32_t s = 0; s < receiver->session->subscribers_used; s++)
		for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
			const struct numbering *stream = &receiver->sinks[s].streams[kind];

			expected += wanted(receiver, &receiver->sinks[s], kind);
			received += stream->received;
			duplicates += stream->duplicates + stream->ancient;
			streams += stream->received > 0;
			if (stream->received)
				gaps += stream->highest - stream->first + 1 - stream->received;
		}
	fprintf(out,
		"{\"expected\": %" PRIu64 ", \"received\": %" PRIu64 ", \"streams\": %" PRIu64
		", \"duplicates\": %" PRIu64 ", \"gaps\": %" PRIu64 ", \"undecrypted\": %" PRIu64
		", \"corrupt\": %" PRIu64 ", \"strange\": %" PRIu64 ", \"rtcp\": %" PRIu64 "}\n",
		expected, received, streams, duplicates, gaps, tally->undecrypted, tally->corrupt,
		tally->strange, tally->rtcp);
}

// ---- from sockets

static int socket_open(const struct endpoint *endpoint)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int off = 0, bytes = SOCKET_BYTES;

	if (fd < 0)
		return -1;
	memcpy(&address.sin6_addr, endpoint->ip, 16); // IPv4 mapped: one kind of socket for both
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static int sockets_open(struct receiver *receiver, char *why, size_t why_size)
{
	struct rlimit limit;
	char text[ENDPOINT_TEXT_MAX];

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (uint32_t s = 0; s < receiver->session->subscribers_used; s++) {
		struct sink *sink = &receiver->sinks[s];

		sink->fd = socket_open(&sink->peer->address);
		receiver->polls[s] = (struct pollfd){.fd = sink->fd, .events = POLLIN};
		if (sink->fd >= 0)
			continue;
		endpoint_print(&sink->peer->address, text);
		snprintf(why, why_size, "%s: %s: the subscribers' addresses must be this machine's",
			text, strerror(errno));
		return -1;
	}
	return 0;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sockets_read(struct receiver *receiver)
{
	double end = now_s() + receiver->plan->seconds;
	uint8_t packet[PACKET_MAX];
	ssize_t length;

	while (now_s() < end && !is_complete(receiver)) {
		poll(receiver->polls, receiver->session->subscribers_used, POLL_MS);
		for (uint32_t s = 0; s < receiver->session->subscribers_used; s++) {
			if (!(receiver->polls[s].revents & POLLIN))
				continue;
			while ((length = recv(receiver->polls[s].fd, packet, sizeof(packet), 0)) >=
				0)
				packet_take(
					receiver, &receiver->sinks[s], packet, (uint32_t)length);
		}
	}
}

// ---- from a capture

static struct sink *sink_find(struct receiver *receiver, const struct endpoint *to)
{
	for (uint32_t s = 0; s < receiver->session->subscribers_used; s++) {
		const struct endpoint *address = &receiver->sinks[s].peer->address;

		if (address->port == to->port && !memcmp(address->ip, to->ip, sizeof(to->ip)))
			return &receiver->sinks[s];
	}
	return NULL;
}

static int capture_read(struct receiver *receiver, char *why, size_t why_size)
{
	static struct capture_frame frame;
	struct capture capture;
	struct endpoint from, to;
	int got;

	if (capture_open(&capture, receiver->plan->capture, why, why_size))
		return -1;
	while ((got = capture_next(&capture, &frame, why, why_size)) > 0) {
		size_t length;
		const uint8_t *payload = frame_read(frame.data, frame.length, &from, &to, &length);
		struct sink *sink = payload ? sink_find(receiver, &to) : NULL;

		if (sink) // what goes to publishers, and all else, is not ours
			packet_take(receiver, sink, frame.data + (payload - frame.data),
				(uint32_t)length);
	}
	fclose(capture.file);
	return got;
}

// ---- life

static int sinks_open(struct receiver *receiver, char *why, size_t why_size)
{
	uint32_t count = receiver->session->subscribers_used;

	receiver->sinks = calloc(count + 1, sizeof(*receiver->sinks));
	receiver->polls = calloc(count + 1, sizeof(*receiver->polls));
	snprintf(why, why_size, "out of memory");
	for (uint32_t s = 0; receiver->sinks && s < count; s++)
		receiver->sinks[s].fd = -1;
	for (uint32_t s = 0; receiver->sinks && receiver->polls && s < count; s++) {
		const struct session_peer *peer = &receiver->session->subscribers[s];

		receiver->sinks[s].peer = peer;
		receiver->sinks[s].srtp =
			srtp_session_open(SRTP_IN, receiver->session->profile, &peer->relay_key);
		if (!receiver->sinks[s].srtp)
			return -1;
	}
	return receiver->sinks && receiver->polls ? 0 : -1;
}

static void sinks_close(struct receiver *receiver)
{
	for (uint32_t s = 0; receiver->sinks && s < receiver->session->subscribers_used; s++) {
		srtp_session_close(receiver->sinks[s].srtp);
		if (receiver->sinks[s].fd >= 0)
			close(receiver->sinks[s].fd);
	}
	free(receiver->sinks);
	free(receiver->polls);
}

int receive_run(const struct session *session, const struct receive_plan *plan, FILE *out,
	char *why, size_t why_size)
{
	struct receiver receiver = {.session = session, .plan = plan};
	int result = sinks_open(&receiver, why, why_size);

	if (!result && plan->capture)
		result = capture_read(&receiver, why, why_size);
	else if (!result)
		result = sockets_open(&receiver, why, why_size);
	if (!result && !plan->capture) {
		fprintf(stderr, "sluice-pktgen: %u sockets are open\n", session->subscribers_used);
		sockets_read(&receiver);
	}
	if (!result) {
		report(&receiver, out);
		result = plan->packets && !is_complete(&receiver);
	}
	sinks_close(&receiver);
	return result;
}
