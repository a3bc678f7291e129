// SPDX-License-Identifier: Apache-2.0
// Any payload: no read beyond it, one class, and only where the class's header fits.
#include <sluice/demux.h>

#include <stddef.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t header_bytes[SLUICE_CLASS_COUNT] = {
		[SLUICE_CLASS_STUN] = SLUICE_STUN_HEADER_BYTES,
		[SLUICE_CLASS_DTLS] = SLUICE_DTLS_HEADER_BYTES,
		[SLUICE_CLASS_RTP] = SLUICE_RTP_HEADER_BYTES,
		[SLUICE_CLASS_RTCP] = SLUICE_RTCP_HEADER_BYTES,
	};
	if (size > UINT16_MAX)
		return 0;
	enum sluice_class class = sluice_classify(data, size);
	if (class >= SLUICE_CLASS_COUNT || size < header_bytes[class])
		abort();
	if (size >= SLUICE_PREFIX_BYTES && sluice_classify_prefix(data, size) != class)
		abort();
	return 0;
}
