// SPDX-License-Identifier: Apache-2.0
#include "candidates.h"

#include "address.h"
#include "netns.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum { HOST_PREFERENCE = 126, COMPONENT = 1 };

struct list {
	struct desc_candidate *candidates;
	unsigned used;
	uint16_t port;
};

// Earlier ones are preferred. Foundations differ because bases do (RFC 8445, 5.1.1.3).
static void list_add(struct list *list, const char *address)
{
	struct desc_candidate *candidate = &list->candidates[list->used];

	for (unsigned i = 0; i < list->used; i++)
		if (!strcmp(list->candidates[i].address, address))
			return;
	if (list->used == DESC_CANDIDATES_MAX)
		return;
	memset(candidate, 0, sizeof(*candidate));
	snprintf(candidate->foundation, sizeof(candidate->foundation), "%u", list->used + 1);
	snprintf(candidate->address, sizeof(candidate->address), "%s", address);
	strcpy(candidate->type, "host");
	candidate->component = COMPONENT;
	candidate->udp = true;
	candidate->port = list->port;
	candidate->priority =
		(uint32_t)HOST_PREFERENCE << 24 | (65535u - list->used) << 8 | (256 - COMPONENT);
	list->used++;
}

static bool usable(const struct ifaddrs *entry, const char *interface, struct core_address *address)
{
	return entry->ifa_addr && !strcmp(entry->ifa_name, interface) &&
	       entry->ifa_flags & IFF_UP && !address_from(entry->ifa_addr, address) &&
	       !address_is_link_local(address);
}

static void interface_add(struct list *list, const char *interface)
{
	struct ifaddrs *all = NULL;
	char text[ADDRESS_TEXT_MAX];

	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		struct core_address address;

		if (!usable(entry, interface, &address))
			continue;
		address.port = 0;
		list_add(list, address_print(&address, text));
	}
	freeifaddrs(all);
}

static void bypass_add(struct list *list, const struct config_port *port)
{
	struct config_port_address address;

	for (unsigned i = 0; config_port_address(port, i, &address) > 0; i++)
		list_add(list, address.text);
}

unsigned candidates_gather(
	const struct config *config, struct desc_candidate candidates[DESC_CANDIDATES_MAX])
{
	struct list list = {.candidates = candidates, .port = config->media.port};

	for (unsigned i = 0; i < config->media.addresses_used; i++) {
		const struct config_address *address = &config->media.addresses[i];

		list_add(&list, *address->announced ? address->announced : address->address);
	}
	if (config->media.addresses_used)
		return list.used;
	for (unsigned i = 0; i < config->ports_used; i++) {
		int home;

		bypass_add(&list, &config->ports[i]);
		if (!*config->ports[i].interface || netns_enter(config->ports[i].netns, &home))
			continue;
		interface_add(&list, config->ports[i].interface);
		netns_leave(home);
	}
	return list.used;
}
