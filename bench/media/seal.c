// SPDX-License-Identifier: Apache-2.0
// What SRTP costs: nanoseconds of CPU per packet to seal one plaintext for many receivers, each with a
// key and a buffer of its own, and to open what one sender seals. All transforms in one run, in turns,
// the median of the rounds.
//   seal [ROUNDS]
//   seal --goals   only what goals speak of, as rows for bench/run.sh
#include "measure.h"
#include "media/srtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 12, ROOM = 1536, RECEIVERS_MAX = 1000, BURST = 64, ROUNDS_MAX = 99, OPENS = 512 };

static const struct {
	const char *name;
	enum sluice_srtp_profile number;
} profiles[] = {
	{"AES_CM_128_HMAC_SHA1_80", SLUICE_SRTP_AES128_CM_SHA1_80},
	{"AEAD_AES_128_GCM", SLUICE_SRTP_AEAD_AES_128_GCM},
	{"AEAD_AES_256_GCM", SLUICE_SRTP_AEAD_AES_256_GCM},
};
static const uint32_t sizes[] = {120, 1200};
static const unsigned fans[] = {1, 2, 4, 8, 16, 64, RECEIVERS_MAX};
static const enum srtp_choice backends[] = {
	SRTP_CHOICE_LIBSRTP, SRTP_CHOICE_IPSEC_MB_GCM, SRTP_CHOICE_IPSEC_MB};

enum { PROFILES = sizeof(profiles) / sizeof(profiles[0]), BACKENDS = 3 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), FANS = sizeof(fans) / sizeof(fans[0]) };

static uint8_t buffers[4096][ROOM]; // as many as a pool has in turn: not all in the nearest cache
static uint8_t plaintext[ROOM];

static void die(const char *what)
{
	fprintf(stderr, "seal: %s\n", what);
	exit(1);
}

static struct srtp_session *session_open(
	enum srtp_direction direction, enum sluice_srtp_profile profile, unsigned receiver)
{
	struct sluice_srtp_key key = {.key = "bench key", .salt = "bench salt"};
	memcpy(key.key + 12, &receiver, sizeof(receiver));
	struct srtp_session *session = srtp_session_open(direction, profile, &key);
	if (!session)
		die("a session cannot be opened: memory is short");
	return session;
}

static void header_write(uint8_t *data, uint16_t sequence)
{
	const uint8_t header[HEADER] = {0x80, 96, [8] = 0xCA, 0xFE, 0xBA, 0xBE};
	memcpy(data, header, HEADER);
	data[2] = (uint8_t)(sequence >> 8);
	data[3] = (uint8_t)sequence;
}

// One plaintext with this index to all receivers, in bursts.
static void fan_out(
	struct srtp_session **sessions, unsigned receivers, uint32_t size, uint64_t index)
{
	static unsigned next;
	struct srtp_seal_job jobs[BURST];
	for (unsigned begin = 0; begin < receivers; begin += BURST) {
		unsigned n = receivers - begin < BURST ? receivers - begin : BURST;
		for (unsigned i = 0; i < n; i++) {
			uint8_t *data = buffers[next++ % 4096];
			header_write(data, (uint16_t)index);
			jobs[i] = (struct srtp_seal_job){.session = sessions[begin + i],
				.data = data,
				.length = HEADER,
				.room = ROOM,
				.payload = plaintext,
				.payload_length = size - HEADER,
				.index = index};
		}
		if (srtp_seal(jobs, n) != n)
			die("sealing failed");
	}
}

static double seal_cost(
	struct srtp_session **sessions, unsigned receivers, uint32_t size, uint64_t *index)
{
	unsigned packets = 4096 / receivers + 1;
	fan_out(sessions, receivers, size, (*index)++);
	uint64_t begun = cpu_ns();
	for (unsigned i = 0; i < packets; i++)
		fan_out(sessions, receivers, size, (*index)++);
	return (double)(cpu_ns() - begun) / packets / receivers;
}

static double open_cost(
	struct srtp_session *out, struct srtp_session *in, uint32_t size, uint64_t *index)
{
	uint32_t lengths[OPENS];
	for (unsigned i = 0; i < OPENS; i++, (*index)++) {
		header_write(buffers[i], (uint16_t)*index);
		struct srtp_seal_job job = {.session = out,
			.data = buffers[i],
			.length = HEADER,
			.room = ROOM,
			.payload = plaintext,
			.payload_length = size - HEADER,
			.index = *index};
		if (srtp_seal(&job, 1) != 1)
			die("sealing failed");
		lengths[i] = job.length;
	}
	uint64_t begun = cpu_ns(), opened;
	for (unsigned i = 0; i < OPENS; i++)
		if (srtp_open(in, buffers[i], &lengths[i], &opened) != SRTP_OK)
			die("opening failed");
	return (double)(cpu_ns() - begun) / OPENS;
}

static void costs_print(const char *profile, uint32_t size, const char *what,
	double costs[BACKENDS][ROUNDS_MAX], unsigned rounds)
{
	double plain = median(costs[0], rounds), library = median(costs[1], rounds);
	double own = median(costs[2], rounds);
	printf("%-24s %5u B  %-10s %9.0f %9.0f %9.0f %8.1f\n", profile, size, what, plain, library,
		own, plain / own);
	fflush(stdout);
}

static void fan_run(unsigned profile, uint32_t size, unsigned receivers, unsigned rounds)
{
	static struct srtp_session *sessions[BACKENDS][RECEIVERS_MAX];
	double costs[BACKENDS][ROUNDS_MAX];
	uint64_t indexes[BACKENDS] = {1, 1, 1};
	char what[16];
	for (unsigned b = 0; b < BACKENDS; b++) {
		srtp_backend_choose(backends[b]);
		for (unsigned i = 0; i < receivers; i++)
			sessions[b][i] = session_open(SRTP_OUT, profiles[profile].number, i);
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned turn = 0; turn < BACKENDS; turn++) {
			unsigned b = (round + turn) % BACKENDS;
			costs[b][round] = seal_cost(sessions[b], receivers, size, &indexes[b]);
		}
	snprintf(what, sizeof(what), "1 > %u", receivers);
	costs_print(profiles[profile].name, size, what, costs, rounds);
	for (unsigned b = 0; b < BACKENDS; b++)
		for (unsigned i = 0; i < receivers; i++)
			srtp_session_close(sessions[b][i]);
}

static void open_run(unsigned profile, uint32_t size, unsigned rounds)
{
	struct srtp_session *sessions[BACKENDS][2];
	double costs[BACKENDS][ROUNDS_MAX];
	uint64_t indexes[BACKENDS] = {1, 1, 1};
	for (unsigned b = 0; b < BACKENDS; b++) {
		srtp_backend_choose(backends[b]);
		sessions[b][0] = session_open(SRTP_OUT, profiles[profile].number, 0);
		sessions[b][1] = session_open(SRTP_IN, profiles[profile].number, 0);
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned turn = 0; turn < BACKENDS; turn++) {
			unsigned b = (round + turn) % BACKENDS;
			costs[b][round] =
				open_cost(sessions[b][0], sessions[b][1], size, &indexes[b]);
		}
	costs_print(profiles[profile].name, size, "open", costs, rounds);
	for (unsigned b = 0; b < BACKENDS; b++) {
		srtp_session_close(sessions[b][0]);
		srtp_session_close(sessions[b][1]);
	}
}

// ---- goals ----------------------------------------------------------------------------------------

enum { SESSIONS = 10000, COMPOUNDS = 20000, COMPOUND_BYTES = 100 };

static double rtcp_cost(struct srtp_session **sessions)
{
	uint64_t begun = cpu_ns();
	for (unsigned i = 0; i < COMPOUNDS; i++) {
		uint8_t data[COMPOUND_BYTES + SRTCP_GROWTH_MAX] = {0x80, 200, 0, 6, 1, 2, 3, 4};
		uint32_t length = COMPOUND_BYTES;
		if (srtp_seal_rtcp(sessions[i * 7919 % SESSIONS], data, &length, sizeof(data)))
			die("sealing failed");
	}
	return (double)(cpu_ns() - begun) / COMPOUNDS;
}

static void goals_print(void)
{
	static struct srtp_session *sessions[SESSIONS];
	uint64_t begun = cpu_ns();
	for (unsigned i = 0; i < SESSIONS; i++)
		sessions[i] = session_open(SRTP_OUT, SLUICE_SRTP_AEAD_AES_128_GCM, i);
	double opening = (double)(cpu_ns() - begun) / 1e6;
	double costs[5];
	for (unsigned i = 0; i < 5; i++)
		costs[i] = rtcp_cost(sessions);
	double rtcp = least(costs, 5);
	for (unsigned i = 0; i < SESSIONS; i++)
		srtp_session_close(sessions[i]);
	row_print("opening 10,000 SRTP sessions", "1 s", opening < 1000, "%.0f ms", opening);
	row_print("sealing RTCP, 10,000 sessions open", "1,000 ns", rtcp < 1000, "%.0f ns", rtcp);
}

static void tables_print(unsigned rounds)
{
	printf("CPU: %s\nlibsrtp2 beside %s, ns of CPU per packet, median of %u rounds\n",
		cpu_name(), srtp_backend(), rounds);
	printf("%-24s %7s  %-10s %9s %9s %9s %8s\n", "profile", "RTP", "copies", "libsrtp2",
		"ipsec-mb", "ours", "times");
	for (unsigned profile = 0; profile < PROFILES; profile++)
		for (unsigned size = 0; size < SIZES; size++) {
			for (unsigned fan = 0; fan < FANS; fan++)
				fan_run(profile, sizes[size], fans[fan], rounds);
			open_run(profile, sizes[size], rounds);
		}
}

int main(int argc, char **argv)
{
	bool goals = argc > 1 && strcmp(argv[1], "--goals") == 0;
	unsigned rounds = argc > 1 && !goals ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
	if (rounds < 1 || rounds > ROUNDS_MAX)
		die("usage: seal [ROUNDS | --goals], 1 to 99 rounds");
	if (srtp_library_init() < 0)
		die("the SRTP library does not start");
	if (srtp_backend_choose(SRTP_CHOICE_IPSEC_MB) < 0) {
		printf("seal: only %s here, nothing to compare\n", srtp_backend());
		return 77;
	}
	if (goals)
		goals_print();
	else
		tables_print(rounds);
	srtp_library_exit();
	return 0;
}
