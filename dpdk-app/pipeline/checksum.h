// SPDX-License-Identifier: Apache-2.0
// The checksum of IPv4 and UDP (RFC 1071), in the machine's own byte order: sums do not care.
#pragma once

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CHECKSUM_LONG = 64 };

// As checksum_add, for CHECKSUM_LONG bytes and more: with the vector instructions that the CPU has.
uint64_t checksum_add_long(uint64_t sum, const uint8_t *bytes, size_t length);

static inline uint64_t checksum_add_short(uint64_t sum, const uint8_t *bytes, size_t length)
{
	uint64_t word;
	uint16_t half;
	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	for (; length > 0; length -= length >= 2 ? 2 : 1, bytes += sizeof(half)) {
		half = 0;
		memcpy(&half, bytes, length >= 2 ? 2 : 1);
		sum += half;
	}
	return sum;
}

// Adds bytes to a sum; only the last piece may have an odd length.
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length)
{
	return length < CHECKSUM_LONG ? checksum_add_short(sum, bytes, length)
				      : checksum_add_long(sum, bytes, length);
}

// Protocol and length of the pseudo header; the addresses are added as bytes.
static inline uint64_t checksum_add_pseudo(uint64_t sum, uint8_t protocol, uint16_t length)
{
	return sum + htons(protocol) + htons(length);
}

// What belongs into the checksum field, to be copied there as it is. 0 over a range that contains a
// correct checksum.
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}
