// SPDX-License-Identifier: Apache-2.0
// SRTP and SRTCP: nothing forged opens, and what we seal of any well-formed packet opens to the same
// bytes. First byte: profile and alignment.
#include "media/rtp.h"
#include "media/srtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 2048, PROFILES = 3 };

static const enum sluice_srtp_profile profiles[PROFILES] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};

static void open_forged(
	struct srtp_session *in, const uint8_t *data, uint32_t size, uint8_t *buffer)
{
	uint64_t index;
	uint32_t length = size;
	memcpy(buffer, data, size);
	if (srtp_open(in, buffer, &length, &index) == SRTP_OK)
		abort();
	length = size;
	memcpy(buffer, data, size);
	if (srtp_open_rtcp(in, buffer, &length) == SRTP_OK)
		abort();
}

static void round_trip(
	struct srtp_session *sessions[2], const uint8_t *data, uint32_t size, uint8_t *buffer)
{
	struct rtp_header header;
	if (rtp_parse(data, size, &header) != 0)
		return;
	memcpy(buffer, data, size);
	struct srtp_seal_job job = {.session = sessions[1],
		.data = buffer,
		.length = size,
		.room = ROOM,
		.index = header.sequence};
	uint64_t index;
	if (srtp_seal(&job, 1) != 1)
		abort();
	if (srtp_open(sessions[0], buffer, &job.length, &index) != SRTP_OK)
		abort();
	if (job.length != size || index != header.sequence || memcmp(buffer, data, size) != 0)
		abort();
	srtp_stream_forget(sessions[0], header.ssrc);
	srtp_stream_forget(sessions[1], header.ssrc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct srtp_session *sessions[PROFILES][2];
	static uint8_t buffer[ROOM + 4];
	if (!sessions[0][0]) {
		struct sluice_srtp_key key = {.key = "key for fuzzing only", .salt = "and salt"};
		srtp_library_init();
		for (unsigned i = 0; i < PROFILES; i++)
			for (unsigned way = 0; way < 2; way++)
				sessions[i][way] = srtp_session_open(
					(enum srtp_direction)way, profiles[i], &key);
	}
	if (size < 1 || size > ROOM - SRTP_GROWTH_MAX)
		return 0;
	unsigned profile = data[0] % PROFILES;
	uint8_t *at = buffer + data[0] / 64;
	open_forged(sessions[profile][0], data + 1, (uint32_t)size - 1, at);
	round_trip(sessions[profile], data + 1, (uint32_t)size - 1, at);
	return 0;
}
