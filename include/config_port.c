// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MTU_MIN = 1280, TEXT_MAX = 64, IPV4_BITS = 32, IPV6_BITS = 128 };

bool config_port_is_kernels(const struct config_port *port)
{
	return port->driver[0] == '\0' || strcmp(port->driver, "xdp") == 0 ||
	       strcmp(port->driver, "packet") == 0;
}

// ---- addresses ------------------------------------------------------------------------------------

// Copies word `index` of a text. Returns its length, 0 when there are fewer words, -1 when it is too long.
static int word_copy(const char *text, unsigned index, char *word, size_t size)
{
	size_t length;
	for (text += strspn(text, " \t"); index > 0 && *text; index--) {
		text += strcspn(text, " \t");
		text += strspn(text, " \t");
	}
	length = strcspn(text, " \t");
	if (length >= size)
		return -1;
	memcpy(word, text, length);
	word[length] = '\0';
	return (int)length;
}

// The prefix length behind a slash, or `most` without one; -1 when it is none.
static int prefix_read(const char *slash, int most)
{
	char *end;
	if (!slash)
		return most;
	long prefix = strtol(slash + 1, &end, 10);
	return isdigit((unsigned char)slash[1]) && !*end && prefix > 0 && prefix <= most
		       ? (int)prefix
		       : -1;
}

// All bits behind the prefix are `bit`.
static bool host_bits_are(const uint8_t *ip, int prefix, int bits, bool bit)
{
	for (int at = prefix; at < bits; at++)
		if ((ip[at / 8] >> (7 - at % 8) & 1) != bit)
			return false;
	return true;
}

// The network itself, its broadcast address, a group or nobody are no hosts.
static bool is_host(const uint8_t *ip, int prefix, int bits)
{
	bool ipv4 = bits == IPV4_BITS;
	if (ipv4 ? ip[0] == 0 || ip[0] == 127 || ip[0] >= 224 : ip[0] == 0xFF)
		return false;
	if (host_bits_are(ip, 0, bits, false))
		return false;
	if (prefix >= bits - 1) // RFC 3021, RFC 6164
		return true;
	return !host_bits_are(ip, prefix, bits, false) &&
	       !(ipv4 && host_bits_are(ip, prefix, bits, true));
}

int config_port_address(
	const struct config_port *port, unsigned index, struct config_port_address *address)
{
	char word[TEXT_MAX];
	struct config_port_address read = {0};
	int length = word_copy(port->address, index, word, sizeof(word));
	if (length <= 0)
		return length;
	char *slash = strchr(word, '/');
	bool ipv4 = !strchr(word, ':');
	int bits = ipv4 ? IPV4_BITS : IPV6_BITS, prefix = prefix_read(slash, bits);
	if (slash)
		*slash = '\0';
	uint8_t *ip = ipv4 ? read.ip + 12 : read.ip;
	if (ipv4)
		memset(read.ip + 10, 0xFF, 2);
	if (prefix < 0 || strlen(word) >= sizeof(read.text) ||
		inet_pton(ipv4 ? AF_INET : AF_INET6, word, ip) != 1 || !is_host(ip, prefix, bits))
		return -1;
	memcpy(read.text, word, strlen(word) + 1);
	read.prefix = (uint8_t)prefix;
	*address = read;
	return 1;
}

// ---- checks ---------------------------------------------------------------------------------------

__attribute__((format(printf, 3, 4))) static int say(
	char *problem, size_t size, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	vsnprintf(problem, size, format, values);
	va_end(values);
	return -1;
}

static int check_address(const struct config_port *port, char *problem, size_t size)
{
	struct config_port_address address;
	unsigned index = 0;
	int found;
	while ((found = config_port_address(port, index, &address)) > 0)
		index++;
	if (index > CONFIG_PORT_ADDRESSES_MAX)
		return say(problem, size, "`address` names %u addresses, at most %d", index,
			CONFIG_PORT_ADDRESSES_MAX);
	if (found < 0)
		return say(problem, size,
			"`address` number %u of \"%.60s\" is no address of a host: write such as "
			"192.0.2.5/24 or 2001:db8::5/64",
			index + 1, port->address);
	return 0;
}

static int check_bypass(const struct config_port *port, char *problem, size_t size)
{
	if (!port->device[0])
		return say(problem, size,
			"driver %s needs a `device`: a PCI address or a virtual device",
			port->driver);
	if (port->mtu && port->mtu < MTU_MIN)
		return say(problem, size, "mtu %u is less than %d, which IPv6 needs (RFC 8200)",
			port->mtu, MTU_MIN);
	return check_address(port, problem, size);
}

int config_port_check(const struct config_port *port, char *problem, size_t size)
{
	if (!port->driver[0])
		return say(problem, size,
			"has no `driver`; write xdp, packet or a DPDK driver's name");
	if (!config_port_is_kernels(port))
		return check_bypass(port, problem, size);
	if (port->device[0])
		return say(problem, size,
			"driver %s takes an `interface` and no `device`: for a card that is "
			"DPDK's alone write driver: vfio-pci",
			port->driver);
	if (!port->interface[0])
		return say(problem, size, "driver %s needs an `interface`", port->driver);
	if (port->address[0] || port->vlan || port->mtu)
		return say(problem, size,
			"driver %s leaves address, vlan and mtu of %s to the kernel: set them with "
			"`ip`",
			port->driver, port->interface);
	return 0;
}

static bool same_device(const struct config_port *a, const struct config_port *b)
{
	if (a->interface[0] && strcmp(a->interface, b->interface) == 0)
		return strcmp(a->netns, b->netns) == 0;
	return a->device[0] && strcmp(a->device, b->device) == 0;
}

static bool address_is_shared(const struct config_port *a, const struct config_port *b,
	struct config_port_address *shared)
{
	struct config_port_address other;
	for (unsigned i = 0; config_port_address(a, i, shared) > 0; i++)
		for (unsigned k = 0; config_port_address(b, k, &other) > 0; k++)
			if (memcmp(shared->ip, other.ip, sizeof(other.ip)) == 0)
				return true;
	return false;
}

int config_ports_check(const struct config *config, char *why, size_t why_size)
{
	struct config_port_address shared;
	for (uint32_t i = 0; i < config->ports_used; i++) {
		const struct config_port *port = &config->ports[i];
		if (!port->interface[0] && !port->address[0] && config->media.addresses_used == 0)
			return say(why, why_size,
				"ports[%u].address: must be named: a port without a kernel "
				"interface has none",
				i);
		for (uint32_t k = 0; k < i; k++) {
			if (same_device(port, &config->ports[k]))
				return say(why, why_size, "ports: %s is named twice: %s",
					port->interface[0] ? "an interface" : "a device",
					port->interface[0] ? port->interface : port->device);
			if (address_is_shared(port, &config->ports[k], &shared))
				return say(why, why_size,
					"ports[%u].address: %s is ports[%u]'s, too", i, shared.text,
					k);
		}
	}
	return 0;
}
