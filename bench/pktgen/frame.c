// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include "media/span.h"

#include <string.h>

enum {
	ETHERNET_BYTES = 14,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	FRAGMENT_BYTES = 8,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	PROTOCOL_UDP = 17,
	PROTOCOL_FRAGMENT = 44,
	MORE_FRAGMENTS = 0x2000,
	TIME_TO_LIVE = 64,
	STRETCH_BYTES = 100,
};

static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += span_u16(data + i);
	return length % 2 ? sum + (uint32_t)data[length - 1] * 256 : sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void ipv4_write(
	uint8_t *ip, const struct endpoint *from, const struct endpoint *to, size_t length)
{
	memset(ip, 0, IPV4_BYTES);
	ip[0] = 0x45;
	span_put_u16(ip + 2, (uint16_t)(IPV4_BYTES + length));
	ip[8] = TIME_TO_LIVE;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, from->ip + 12, 4);
	memcpy(ip + 16, to->ip + 12, 4);
	span_put_u16(ip + 10, sum_fold(sum_add(0, ip, IPV4_BYTES)));
}

static void ipv6_write(
	uint8_t *ip, const struct endpoint *from, const struct endpoint *to, size_t length)
{
	memset(ip, 0, IPV6_BYTES);
	ip[0] = 0x60;
	span_put_u16(ip + 4, (uint16_t)length);
	ip[6] = PROTOCOL_UDP;
	ip[7] = TIME_TO_LIVE;
	memcpy(ip + 8, from->ip, 16);
	memcpy(ip + 24, to->ip, 16);
}

static void udp_write(uint8_t *udp, const struct endpoint *from, const struct endpoint *to,
	const uint8_t *payload, size_t length)
{
	unsigned skip = endpoint_is_ipv4(from) ? 12 : 0;
	uint32_t sum = PROTOCOL_UDP + (uint32_t)(UDP_BYTES + length);
	uint16_t checksum;

	span_put_u16(udp, from->port);
	span_put_u16(udp + 2, to->port);
	span_put_u16(udp + 4, (uint16_t)(UDP_BYTES + length));
	span_put_u16(udp + 6, 0);
	memcpy(udp + UDP_BYTES, payload, length);
	sum = sum_add(sum, from->ip + skip, 16 - skip);
	sum = sum_add(sum, to->ip + skip, 16 - skip);
	checksum = sum_fold(sum_add(sum, udp, UDP_BYTES + length));
	span_put_u16(udp + 6, checksum ? checksum : 0xffff);
}

size_t frame_write(uint8_t frame[FRAME_MAX], const struct endpoint *from, const struct endpoint *to,
	const uint8_t *payload, size_t length)
{
	bool v4 = endpoint_is_ipv4(from);
	size_t ip_bytes = v4 ? IPV4_BYTES : IPV6_BYTES;

	memcpy(frame, to->mac, 6);
	memcpy(frame + 6, from->mac, 6);
	span_put_u16(frame + 12, v4 ? TYPE_IPV4 : TYPE_IPV6);
	if (v4)
		ipv4_write(frame + ETHERNET_BYTES, from, to, UDP_BYTES + length);
	else
		ipv6_write(frame + ETHERNET_BYTES, from, to, UDP_BYTES + length);
	udp_write(frame + ETHERNET_BYTES + ip_bytes, from, to, payload, length);
	return ETHERNET_BYTES + ip_bytes + UDP_BYTES + length;
}

// What follows the IP header of a piece that is not the last must be a multiple of 8 bytes.
static size_t piece_bytes(size_t length, size_t ip_bytes)
{
	return (length - ETHERNET_BYTES - ip_bytes) & ~(size_t)7;
}

static size_t fragment_ipv6(uint8_t *frame, size_t length, uint32_t id)
{
	uint8_t *ip = frame + ETHERNET_BYTES, *header = ip + IPV6_BYTES;
	size_t piece = piece_bytes(length, IPV6_BYTES);

	if (length + FRAGMENT_BYTES > FRAME_MAX)
		return 0;
	memmove(header + FRAGMENT_BYTES, header, piece);
	ip[6] = PROTOCOL_FRAGMENT;
	span_put_u16(ip + 4, (uint16_t)(FRAGMENT_BYTES + piece));
	span_put_u16(header, PROTOCOL_UDP << 8);
	span_put_u16(header + 2, 1); // offset 0, more follow
	span_put_u32(header + 4, id);
	return ETHERNET_BYTES + IPV6_BYTES + FRAGMENT_BYTES + piece;
}

size_t frame_fragment(uint8_t frame[FRAME_MAX], size_t length, uint32_t id)
{
	uint8_t *ip = frame + ETHERNET_BYTES;
	size_t piece = piece_bytes(length, IPV4_BYTES);

	if (span_u16(frame + 12) == TYPE_IPV6)
		return fragment_ipv6(frame, length, id);
	span_put_u16(ip + 2, (uint16_t)(IPV4_BYTES + piece));
	span_put_u16(ip + 4, (uint16_t)id);
	span_put_u16(ip + 6, MORE_FRAGMENTS);
	span_put_u16(ip + 10, 0);
	span_put_u16(ip + 10, sum_fold(sum_add(0, ip, IPV4_BYTES)));
	return ETHERNET_BYTES + IPV4_BYTES + piece;
}

void frame_stretch(uint8_t *frame, size_t length)
{
	bool v4 = span_u16(frame + 12) == TYPE_IPV4;
	uint8_t *udp = frame + ETHERNET_BYTES + (v4 ? IPV4_BYTES : IPV6_BYTES);

	span_put_u16(udp + 4, (uint16_t)(length + STRETCH_BYTES));
}

static size_t ip_read(const uint8_t *ip, size_t length, struct endpoint *from, struct endpoint *to)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (length >= IPV6_BYTES && ip[0] >> 4 == 6 && ip[6] == PROTOCOL_UDP) {
		memcpy(from->ip, ip + 8, 16);
		memcpy(to->ip, ip + 24, 16);
		return IPV6_BYTES;
	}
	if (length < IPV4_BYTES || ip[0] != 0x45 || ip[9] != PROTOCOL_UDP ||
		span_u16(ip + 6) & 0x3fff)
		return 0;
	memcpy(from->ip, mapped, 12);
	memcpy(to->ip, mapped, 12);
	memcpy(from->ip + 12, ip + 12, 4);
	memcpy(to->ip + 12, ip + 16, 4);
	return IPV4_BYTES;
}

const uint8_t *frame_read(const uint8_t *frame, size_t length, struct endpoint *from,
	struct endpoint *to, size_t *payload_length)
{
	const uint8_t *udp;
	size_t ip_bytes, udp_length;

	if (length < ETHERNET_BYTES)
		return NULL;
	ip_bytes = ip_read(frame + ETHERNET_BYTES, length - ETHERNET_BYTES, from, to);
	if (!ip_bytes || length < ETHERNET_BYTES + ip_bytes + UDP_BYTES)
		return NULL;
	memcpy(to->mac, frame, 6);
	memcpy(from->mac, frame + 6, 6);
	udp = frame + ETHERNET_BYTES + ip_bytes;
	udp_length = span_u16(udp + 4);
	if (udp_length < UDP_BYTES || udp_length > length - ETHERNET_BYTES - ip_bytes)
		return NULL;
	from->port = span_u16(udp);
	to->port = span_u16(udp + 2);
	*payload_length = udp_length - UDP_BYTES;
	return udp + UDP_BYTES;
}
