// SPDX-License-Identifier: Apache-2.0
#include "endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NETWORK_BITS_MAX = 24 }; // of the host part

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool ip_read(const char *text, uint8_t ip[16])
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) != 1)
		return inet_pton(AF_INET6, text, ip) == 1;
	memcpy(ip, mapped, sizeof(mapped));
	memcpy(ip + 12, v4, sizeof(v4));
	return true;
}

// A decimal number and nothing else.
static bool number_read(const char *text, unsigned long most, unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	*number = strtoul(text, &end, 10);
	return !*end && *number <= most;
}

bool endpoint_read(const char *text, struct endpoint *endpoint)
{
	char host[ENDPOINT_TEXT_MAX];
	const char *colon = strrchr(text, ':');
	unsigned long port;
	size_t length;

	if (!colon || !number_read(colon + 1, 65535, &port) || !port)
		return false;
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = 0;
	endpoint->port = (uint16_t)port;
	return ip_read(host, endpoint->ip);
}

void endpoint_print(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX])
{
	bool v4 = endpoint_is_ipv4(endpoint);
	char ip[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, endpoint->ip + (v4 ? 12 : 0), ip, sizeof(ip));
	snprintf(text, ENDPOINT_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", ip, endpoint->port);
}

bool endpoint_read_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		const unsigned char *at = (const unsigned char *)text + i * 3;
		char digits[3] = {(char)at[0], (char)at[1], 0};

		if (!isxdigit(at[0]) || !isxdigit(at[1]) || (i < 5 && at[2] != ':'))
			return false;
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

bool endpoint_read_network(const char *text, struct endpoint_range *range)
{
	char host[ENDPOINT_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long prefix;
	unsigned bits;

	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = 0;
	if (!ip_read(host, range->first.ip))
		return false;
	bits = endpoint_is_ipv4(&range->first) ? 32 : 128;
	prefix = bits;
	if (slash && !number_read(slash + 1, bits, &prefix))
		return false;
	if (bits - prefix > NETWORK_BITS_MAX)
		return false;
	for (unsigned bit = 128 - (bits - (unsigned)prefix); bit < 128; bit++)
		range->first.ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	range->addresses = UINT32_C(1) << (bits - prefix);
	return true;
}

bool endpoint_is_ipv4(const struct endpoint *endpoint)
{
	return !memcmp(endpoint->ip, mapped, sizeof(mapped));
}

void endpoint_advance(struct endpoint *endpoint, uint32_t number)
{
	uint64_t carry = number;

	for (unsigned i = 16; i-- > 0 && carry;) {
		carry += endpoint->ip[i];
		endpoint->ip[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

uint64_t random_next(uint64_t *state)
{
	uint64_t mix = *state += 0x9e3779b97f4a7c15;

	mix = (mix ^ mix >> 30) * 0xbf58476d1ce4e5b9;
	mix = (mix ^ mix >> 27) * 0x94d049bb133111eb;
	return mix ^ mix >> 31;
}

void random_fill(uint64_t *state, uint8_t *bytes, size_t length)
{
	while (length) {
		uint64_t number = random_next(state);
		size_t part = length < sizeof(number) ? length : sizeof(number);

		memcpy(bytes, &number, part);
		bytes += part;
		length -= part;
	}
}

struct endpoint endpoint_draw(const struct endpoint_range *range, uint64_t *state)
{
	struct endpoint endpoint = range->first;
	uint32_t ports = (uint32_t)(range->port_high - range->port_low) + 1;

	endpoint_advance(&endpoint, (uint32_t)(random_next(state) % range->addresses));
	endpoint.port = (uint16_t)(range->port_low + random_next(state) % ports);
	return endpoint;
}
