// SPDX-License-Identifier: Apache-2.0
// Socket addresses ↔ the core's, and as text.
#pragma once

#include "core/core.h"

#include <sys/socket.h>

enum { ADDRESS_TEXT_MAX = 64 };

// From an AF_INET or AF_INET6 address. Returns 0, or -EAFNOSUPPORT.
int address_from(const struct sockaddr *socket_address, struct core_address *address);

// To a socket address; IPv4 becomes a sockaddr_in. Returns the length.
socklen_t address_to(const struct core_address *address, struct sockaddr_storage *storage);

// Numeric text of an address of either family; port is left as it is. Returns 0, or -EINVAL.
int address_parse(const char *text, struct core_address *address);

// "192.0.2.1:7000" or "[2001:db8::1]:7000"; without port when it is 0.
const char *address_print(const struct core_address *address, char text[ADDRESS_TEXT_MAX]);

bool address_is_ipv4(const struct core_address *address);
bool address_is_link_local(const struct core_address *address); // fe80::/10 only
bool address_is_any(const struct core_address *address);
bool address_same(const struct core_address *a, const struct core_address *b); // with port
