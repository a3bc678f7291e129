// SPDX-License-Identifier: Apache-2.0
// What a UDP payload on the media port is, by its first bytes (RFC 7983, RFC 5761). The one
// classifier of the XDP filter and of the data plane: compiles for BPF and for the host, calls nothing.
#pragma once

#ifdef __bpf__ // no libc there
#include <linux/types.h>
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
#else
#include <stdint.h>
#endif

enum sluice_class {
	SLUICE_CLASS_OTHER,
	SLUICE_CLASS_STUN,
	SLUICE_CLASS_DTLS,
	SLUICE_CLASS_RTP,
	SLUICE_CLASS_RTCP,
	SLUICE_CLASS_COUNT,
};

enum {
	SLUICE_PREFIX_BYTES = 8, // all that classification reads; no shorter payload is anything
	SLUICE_STUN_HEADER_BYTES = 20,
	SLUICE_DTLS_HEADER_BYTES = 13, // of one record
	SLUICE_RTP_HEADER_BYTES = 12,
	SLUICE_RTCP_HEADER_BYTES = 8, // with the sender's SSRC
};

// Header, magic cookie and a length that is aligned and fits: RFC 8489, section 5.
static inline enum sluice_class sluice_classify_stun(const uint8_t *prefix, uint32_t length)
{
	uint32_t attributes = (uint32_t)prefix[2] << 8 | prefix[3];
	uint32_t cookie = (uint32_t)prefix[4] << 24 | (uint32_t)prefix[5] << 16 |
			  (uint32_t)prefix[6] << 8 | prefix[7];
	if (cookie != 0x2112A442 || (attributes & 3) != 0)
		return SLUICE_CLASS_OTHER;
	return SLUICE_STUN_HEADER_BYTES + attributes <= length ? SLUICE_CLASS_STUN
							       : SLUICE_CLASS_OTHER;
}

// Classifies a payload of `length` bytes of which the first SLUICE_PREFIX_BYTES are readable at
// `prefix`. For callers that can only reach a bounded part of the packet; `length` must be at least
// SLUICE_PREFIX_BYTES.
static inline enum sluice_class sluice_classify_prefix(const uint8_t *prefix, uint32_t length)
{
	uint8_t first = prefix[0];
	if (first >= 128 && first <= 191) {
		if (prefix[1] >= 192 && prefix[1] <= 223)
			return length >= SLUICE_RTCP_HEADER_BYTES ? SLUICE_CLASS_RTCP
								  : SLUICE_CLASS_OTHER;
		return length >= SLUICE_RTP_HEADER_BYTES ? SLUICE_CLASS_RTP : SLUICE_CLASS_OTHER;
	}
	// Any record: a ClientHello may come in pieces, and only DTLS itself can judge its contents.
	if (first >= 20 && first <= 63)
		return length >= SLUICE_DTLS_HEADER_BYTES ? SLUICE_CLASS_DTLS : SLUICE_CLASS_OTHER;
	if (first <= 3)
		return sluice_classify_stun(prefix, length);
	return SLUICE_CLASS_OTHER;
}

// Classifies a UDP payload of `length` bytes. Reads at most SLUICE_PREFIX_BYTES of it. Says nothing
// about who sent it or whether it authenticates.
static inline enum sluice_class sluice_classify(const uint8_t *payload, uint32_t length)
{
	if (length < SLUICE_PREFIX_BYTES)
		return SLUICE_CLASS_OTHER;
	return sluice_classify_prefix(payload, length);
}
