// SPDX-License-Identifier: Apache-2.0
#include "capture_frame.h"

enum {
	ETHERNET_BYTES = 14,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	DONT_FRAGMENT = 0x4000,
	HOPS = 64,
	PROTOCOL_UDP = 17,
};

static void put_u16(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

// RFC 1071: 16 bits at a time, an odd last byte padded with zero.
static uint64_t sum(uint64_t so_far, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		so_far += (uint64_t)data[i] << 8 | data[i + 1];
	return length % 2 ? so_far + ((uint64_t)data[length - 1] << 8) : so_far;
}

static size_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum & 0xFFFF;
}

// Returns where UDP begins; *pseudo is the sum of the pseudo header's addresses.
static uint8_t *put_ip(
	uint8_t *ip, const struct capture_ends *ends, size_t udp_length, uint64_t *pseudo)
{
	if (!sluice_address_is_ipv4(&ends->to)) {
		ip[0] = 0x60;
		put_u16(ip + 4, udp_length);
		ip[6] = PROTOCOL_UDP;
		ip[7] = HOPS;
		memcpy(ip + 8, ends->from.ip, 16);
		memcpy(ip + 24, ends->to.ip, 16);
		*pseudo = sum(0, ip + 8, 32);
		return ip + IPV6_BYTES;
	}
	ip[0] = 0x45;
	put_u16(ip + 2, IPV4_BYTES + udp_length);
	put_u16(ip + 6, DONT_FRAGMENT);
	ip[8] = HOPS;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, ends->from.ip + 12, 4);
	memcpy(ip + 16, ends->to.ip + 12, 4);
	put_u16(ip + 10, fold(sum(0, ip, IPV4_BYTES)));
	*pseudo = sum(0, ip + 12, 8);
	return ip + IPV4_BYTES;
}

size_t capture_frame(uint8_t *to, size_t room, const struct capture_ends *ends,
	const uint8_t *payload, size_t payload_length, uint32_t *length)
{
	uint8_t headers[CAPTURE_HEADERS_MAX] = {0};
	size_t udp_length = UDP_BYTES + payload_length;
	uint64_t pseudo;

	memcpy(headers, ends->to_mac, 6);
	memcpy(headers + 6, ends->from_mac, 6);
	put_u16(headers + 12, sluice_address_is_ipv4(&ends->to) ? 0x0800 : 0x86DD);
	uint8_t *udp = put_ip(headers + ETHERNET_BYTES, ends, udp_length, &pseudo);
	put_u16(udp, ends->from.port);
	put_u16(udp + 2, ends->to.port);
	put_u16(udp + 4, udp_length);
	size_t checksum = fold(sum(
		sum(pseudo + PROTOCOL_UDP + udp_length, udp, UDP_BYTES), payload, payload_length));
	put_u16(udp + 6, checksum ? checksum : 0xFFFF); // 0 would say "none"
	size_t head = (size_t)(udp + UDP_BYTES - headers);
	*length = (uint32_t)(head + payload_length);
	if (room < head)
		return 0;
	size_t kept = payload_length < room - head ? payload_length : room - head;
	memcpy(to, headers, head);
	if (kept)
		memcpy(to + head, payload, kept);
	return head + kept;
}
