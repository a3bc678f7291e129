// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include "capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 32, FRAMES_MAX = 4000000 };

#define SECOND_NS UINT64_C(1000000000)

struct frames { // the whole capture in memory
	uint32_t used, room;
	struct iovec *list;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int)
{
	interrupted = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

// ---- reading

static void frames_free(struct frames *frames)
{
	for (uint32_t i = 0; i < frames->used; i++)
		free(frames->list[i].iov_base);
	free(frames->list);
}

static bool frame_keep(struct frames *frames, const struct capture_frame *frame)
{
	void *copy;

	if (frames->used == frames->room) {
		uint32_t room = frames->room ? frames->room * 2 : 4096;
		struct iovec *larger = room <= FRAMES_MAX * 2
					       ? realloc(frames->list, room * sizeof(*larger))
					       : NULL;

		if (!larger)
			return false;
		frames->list = larger;
		frames->room = room;
	}
	copy = malloc(frame->length + 1);
	if (!copy)
		return false;
	memcpy(copy, frame->data, frame->length);
	frames->list[frames->used++] = (struct iovec){copy, frame->length};
	return true;
}

static int frames_read(struct frames *frames, const char *path, char *why, size_t why_size)
{
	static struct capture_frame frame;
	struct capture capture;
	int got;

	if (capture_open(&capture, path, why, why_size))
		return -1;
	while ((got = capture_next(&capture, &frame, why, why_size)) > 0)
		if (!frame_keep(frames, &frame)) {
			snprintf(why, why_size, "%s: does not fit into memory", path);
			got = -1;
			break;
		}
	fclose(capture.file);
	if (!got && !frames->used) {
		snprintf(why, why_size, "%s: has no frames", path);
		got = -1;
	}
	return got;
}

// ---- sending

static int socket_open(const char *interface, char *why, size_t why_size)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
	int fd = -1, on = 1;

	if (address.sll_ifindex)
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		// without a queue in between, what the driver refuses is told to us
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
		return fd;
	}
	snprintf(why, why_size, "%s: %s", interface, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

// How many frames may have left after `passed_ns`.
static uint64_t due(const struct replay_plan *plan, uint64_t passed_ns)
{
	if (!plan->rate)
		return UINT64_MAX;
	return passed_ns / SECOND_NS * plan->rate + passed_ns % SECOND_NS * plan->rate / SECOND_NS;
}

// Sends frames from `at` on. Returns how many left, or -1.
static int burst_send(int fd, const struct frames *frames, uint32_t at, uint64_t most)
{
	struct mmsghdr messages[BURST];
	unsigned n = 0;
	int sent;

	memset(messages, 0, sizeof(messages));
	for (; n < BURST && n < most && at + n < frames->used; n++) {
		messages[n].msg_hdr.msg_iov = &frames->list[at + n];
		messages[n].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, n, 0);
	if (sent < 0 && (errno == ENOBUFS || errno == EAGAIN || errno == EBUSY || errno == EINTR))
		return 0;
	return sent;
}

static bool goes_on(const struct replay_plan *plan, const struct frames *frames,
	const struct replay_result *result)
{
	if (interrupted || (plan->seconds > 0 && result->seconds >= plan->seconds))
		return false;
	return !plan->loops || result->sent < (uint64_t)plan->loops * frames->used;
}

static int frames_send(int fd, const struct replay_plan *plan, const struct frames *frames,
	struct replay_result *result)
{
	uint64_t begun = now_ns(), passed = 0;

	while (goes_on(plan, frames, result)) {
		uint32_t at = (uint32_t)(result->sent % frames->used);
		uint64_t may = due(plan, passed);
		int sent = 0;

		if (may > result->sent)
			sent = burst_send(fd, frames, at, may - result->sent);
		else
			nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
		if (sent < 0)
			return -1;
		for (int i = 0; i < sent; i++)
			result->bytes += frames->list[at + (uint32_t)i].iov_len;
		result->sent += (uint64_t)sent;
		passed = now_ns() - begun;
		result->seconds = (double)passed / SECOND_NS;
	}
	return 0;
}

int replay_run(
	const struct replay_plan *plan, struct replay_result *result, char *why, size_t why_size)
{
	struct frames frames = {0};
	int fd = -1, error = frames_read(&frames, plan->capture, why, why_size);

	memset(result, 0, sizeof(*result));
	if (!error) {
		fd = socket_open(plan->interface, why, why_size);
		error = fd < 0 ? -1 : 0;
	}
	if (!error) {
		signal(SIGINT, interrupt);
		error = frames_send(fd, plan, &frames, result);
		if (error)
			snprintf(why, why_size, "%s: %s: after %llu frames", plan->interface,
				strerror(errno), (unsigned long long)result->sent);
	}
	if (fd >= 0)
		close(fd);
	frames_free(&frames);
	return error;
}
