// SPDX-License-Identifier: Apache-2.0
// SRTP and SRTCP through both back ends: nothing forged opens, both refuse it alike and seal the same
// bytes, and what one seals of any well-formed packet the other opens. First byte: profile and alignment.
#include "media/rtp.h"
#include "media/srtp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 2048, PROFILES = 3, BACKENDS = 2 };

static const enum sluice_srtp_profile profiles[PROFILES] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};

static const enum srtp_choice choices[BACKENDS] = {SRTP_CHOICE_LIBSRTP, SRTP_CHOICE_BEST};

struct pair {
	struct srtp_session *in, *out;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static unsigned open_forged(struct pair *pair, const uint8_t *data, uint32_t size, uint8_t *buffer)
{
	uint64_t index;
	uint32_t length = size;
	memcpy(buffer, data, size);
	enum srtp_result rtcp = srtp_open_rtcp(pair->in, buffer, &length);
	must(rtcp != SRTP_OK && length == size);
	memcpy(buffer, data, size);
	enum srtp_result result = srtp_open(pair->in, buffer, &length, &index);
	must(result != SRTP_OK && length == size);
	return rtcp << 8 | result;
}

// Both count alike, so one seals what the other opens, and the bytes are the same.
static void round_trip_rtcp(
	struct pair pairs[BACKENDS], const uint8_t *data, uint32_t size, uint8_t *buffers[BACKENDS])
{
	uint32_t lengths[BACKENDS] = {size, size};
	if (size < 8 || data[0] >> 6 != 2)
		return;
	uint32_t ssrc = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 |
			data[7];
	for (unsigned b = 0; b < BACKENDS; b++) {
		memcpy(buffers[b], data, size);
		must(srtp_seal_rtcp(pairs[b].out, buffers[b], &lengths[b], ROOM) == SRTP_OK);
	}
	must(lengths[0] == lengths[1] && memcmp(buffers[0], buffers[1], lengths[0]) == 0);
	for (unsigned b = 0; b < BACKENDS; b++) {
		must(srtp_open_rtcp(pairs[b ^ 1].in, buffers[b], &lengths[b]) == SRTP_OK);
		must(lengths[b] == size && memcmp(buffers[b], data, size) == 0);
		srtp_stream_forget(pairs[b ^ 1].in, ssrc);
		srtp_stream_forget(pairs[b].out, ssrc);
	}
}

// In place, or with the payload elsewhere.
static uint32_t seal(struct pair *pair, const struct rtp_header *header, const uint8_t *data,
	uint32_t size, uint8_t *buffer)
{
	bool apart = data[1] & 1;
	struct srtp_seal_job job = {.session = pair->out,
		.data = buffer,
		.length = apart ? 12 : size,
		.room = ROOM,
		.index = header->sequence};
	if (apart) {
		job.length += 4 * (data[0] & 0x0FU);
		if (data[0] & 0x10)
			job.length += 4 + 4U * (data[job.length + 2] << 8 | data[job.length + 3]);
		job.payload = data + job.length;
		job.payload_length = size - job.length;
	}
	memcpy(buffer, data, job.length);
	must(srtp_seal(&job, 1) == 1);
	return job.length;
}

static void round_trip(
	struct pair pairs[BACKENDS], const uint8_t *data, uint32_t size, uint8_t *buffers[BACKENDS])
{
	struct rtp_header header;
	uint32_t lengths[BACKENDS];
	if (rtp_parse(data, size, &header) != 0)
		return;
	for (unsigned b = 0; b < BACKENDS; b++)
		lengths[b] = seal(&pairs[b], &header, data, size, buffers[b]);
	must(lengths[0] == lengths[1] && memcmp(buffers[0], buffers[1], lengths[0]) == 0);
	for (unsigned b = 0; b < BACKENDS; b++) {
		uint64_t index;
		uint8_t *sealed = buffers[b];
		must(srtp_open(pairs[b ^ 1].in, sealed, &lengths[b], &index) == SRTP_OK);
		must(lengths[b] == size && index == header.sequence);
		must(memcmp(sealed, data, size) == 0);
		srtp_stream_forget(pairs[b ^ 1].in, header.ssrc);
		srtp_stream_forget(pairs[b].out, header.ssrc);
	}
}

static void sessions_open(struct pair pairs[PROFILES][BACKENDS])
{
	const struct sluice_srtp_key key = {.key = "key for fuzzing only", .salt = "and salt"};
	srtp_library_init();
	for (unsigned b = 0; b < BACKENDS; b++) {
		srtp_backend_choose(choices[b]);
		for (unsigned i = 0; i < PROFILES; i++) {
			pairs[i][b].in = srtp_session_open(SRTP_IN, profiles[i], &key);
			pairs[i][b].out = srtp_session_open(SRTP_OUT, profiles[i], &key);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pair pairs[PROFILES][BACKENDS];
	static uint8_t space[BACKENDS][ROOM + 4];
	if (!pairs[0][0].in)
		sessions_open(pairs);
	if (size < 1 || size > ROOM - SRTCP_GROWTH_MAX)
		return 0;
	struct pair *both = pairs[data[0] % PROFILES];
	uint8_t *buffers[BACKENDS] = {space[0] + data[0] / 64, space[1] + data[0] / 64};
	uint32_t length = (uint32_t)size - 1;
	must(open_forged(&both[0], data + 1, length, buffers[0]) ==
		open_forged(&both[1], data + 1, length, buffers[1]));
	round_trip(both, data + 1, length, buffers);
	round_trip_rtcp(both, data + 1, length, buffers);
	return 0;
}
