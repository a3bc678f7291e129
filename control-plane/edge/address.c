// SPDX-License-Identifier: Apache-2.0
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int address_from(const struct sockaddr *socket_address, struct core_address *address)
{
	if (socket_address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)socket_address;

		memcpy(address->ip, mapped_prefix, 12);
		memcpy(address->ip + 12, &v4->sin_addr, 4);
		address->port = ntohs(v4->sin_port);
		return 0;
	}
	if (socket_address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)socket_address;

		memcpy(address->ip, &v6->sin6_addr, 16);
		address->port = ntohs(v6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

socklen_t address_to(const struct core_address *address, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof(*storage));
	if (address_is_ipv4(address)) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)storage;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(address->port);
		memcpy(&v4->sin_addr, address->ip + 12, 4);
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(address->port);
	memcpy(&v6->sin6_addr, address->ip, 16);
	return sizeof(*v6);
}

int address_parse(const char *text, struct core_address *address)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		memcpy(address->ip, mapped_prefix, 12);
		memcpy(address->ip + 12, v4, 4);
		return 0;
	}
	return inet_pton(AF_INET6, text, address->ip) == 1 ? 0 : -EINVAL;
}

const char *address_print(const struct core_address *address, char text[ADDRESS_TEXT_MAX])
{
	bool v4 = address_is_ipv4(address);
	char ip[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address->ip + 12 : address->ip, ip, sizeof(ip));
	if (!address->port)
		snprintf(text, ADDRESS_TEXT_MAX, "%s", ip);
	else
		snprintf(text, ADDRESS_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", ip, address->port);
	return text;
}

bool address_is_ipv4(const struct core_address *address)
{
	return !memcmp(address->ip, mapped_prefix, 12);
}

bool address_is_link_local(const struct core_address *address)
{
	return address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
}

bool address_is_any(const struct core_address *address)
{
	static const uint8_t zero[16];

	return !memcmp(address->ip, zero, 16) ||
	       (address_is_ipv4(address) && !memcmp(address->ip + 12, zero, 4));
}

bool address_same(const struct core_address *a, const struct core_address *b)
{
	return a->port == b->port && !memcmp(a->ip, b->ip, 16);
}
