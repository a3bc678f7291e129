// SPDX-License-Identifier: Apache-2.0
#include "interface.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETNS_DIRECTORY "/run/netns/"

struct change { // of an interface's channels, to be undone
	char interface[IFNAMSIZ];
	struct ethtool_channels before;
};

static struct change changes[CONFIG_PORTS_MAX];
static unsigned changes_used;

int interface_enter_netns(const struct config *config, char *why, size_t why_size)
{
	char path[sizeof(NETNS_DIRECTORY) + sizeof(config->ports[0].netns)];
	const char *name = config->ports_used ? config->ports[0].netns : "";
	for (unsigned p = 1; p < config->ports_used; p++) {
		if (strcmp(config->ports[p].netns, name) == 0)
			continue;
		snprintf(why, why_size,
			"ports[%u].netns: all ports must be in one network namespace, but this one "
			"names '%s' and the first '%s'",
			p, config->ports[p].netns, name);
		return -1;
	}
	if (name[0] == '\0')
		return 0;
	snprintf(path, sizeof(path), NETNS_DIRECTORY "%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (error)
		snprintf(why, why_size, "network namespace %s (%s): %s%s", name, path,
			strerror(error),
			error == ENOENT ? "; `ip netns list` shows those there are" : "");
	return error ? -1 : 0;
}

static int device_ioctl(const char *interface, unsigned long call, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%.15s", interface);
	int error = ioctl(fd, call, request) < 0 ? -errno : 0;
	close(fd);
	return error;
}

static int channels_ioctl(
	const char *interface, uint32_t command, struct ethtool_channels *channels)
{
	struct ifreq request = {.ifr_data = (char *)channels};
	channels->cmd = command;
	return device_ioctl(interface, SIOCETHTOOL, &request);
}

// An interface that knows no channels has one. One without combined channels counts its receive
// channels.
static struct ethtool_channels channels_get(const char *interface)
{
	struct ethtool_channels channels = {0};
	if (channels_ioctl(interface, ETHTOOL_GCHANNELS, &channels) < 0)
		channels = (struct ethtool_channels){.max_rx = 1, .rx_count = 1};
	return channels;
}

static unsigned channels_count(const struct ethtool_channels *channels)
{
	return channels->max_combined ? channels->combined_count : channels->rx_count;
}

// DPDK's AF_XDP driver uses several queues only of interfaces with combined channels.
static unsigned channels_usable(const struct ethtool_channels *channels)
{
	return channels->max_combined ? channels->max_combined : 1;
}

static void channels_advice(const char *interface, const struct ethtool_channels *channels,
	unsigned queues, char *text, size_t size)
{
	if (channels->max_combined)
		snprintf(text, size, "ethtool -L %s combined %u", interface, queues);
	else if (channels->max_tx)
		snprintf(text, size, "ethtool -L %s rx %u tx %u", interface, queues, queues);
	else
		snprintf(text, size, "ethtool -L %s rx %u", interface, queues);
}

static int channels_set(
	const char *interface, const struct ethtool_channels *before, unsigned queues)
{
	struct ethtool_channels wanted = *before;
	struct change *change = &changes[changes_used];
	if (before->max_combined) {
		wanted.combined_count = queues;
	} else {
		wanted.rx_count = queues;
		if (before->max_tx)
			wanted.tx_count = queues;
	}
	int error = channels_ioctl(interface, ETHTOOL_SCHANNELS, &wanted);
	if (error)
		return error;
	snprintf(change->interface, sizeof(change->interface), "%.15s", interface);
	change->before = *before;
	changes_used++;
	return 0;
}

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static int channels_prepare(struct config_port *port, unsigned workers, char *why, size_t why_size)
{
	char advice[96];
	struct ethtool_channels channels = channels_get(port->interface);
	unsigned usable = channels_usable(&channels);
	unsigned queues = port->queues ? port->queues : workers < usable ? workers : usable;
	if (queues > usable) {
		snprintf(why, why_size,
			"port %s: %u queues are wanted, but an XDP port can have at most %u on "
			"this interface: lower ports[].queues (workers without a queue of their "
			"own still work)",
			port->interface, queues, usable);
		return -1;
	}
	if (channels_count(&channels) != queues) {
		channels_advice(port->interface, &channels, queues, advice, sizeof(advice));
		int error = port->configure_channels
				    ? channels_set(port->interface, &channels, queues)
				    : -EPERM;
		if (error) {
			snprintf(why, why_size,
				"port %s: has %u channel%s but %u queue%s in use; "
				"unequal numbers lose packets: run `%s`%s%s",
				port->interface, channels_count(&channels),
				plural(channels_count(&channels)), queues, plural(queues), advice,
				port->configure_channels ? "; doing so failed: "
							 : " or set configure_channels: true",
				port->configure_channels ? strerror(-error) : "");
			return -1;
		}
	}
	port->queues = queues;
	return 0;
}

int interface_prepare(struct config_port *port, unsigned workers, char *why, size_t why_size)
{
	struct ifreq request = {0};
	if (port->interface[0] == '\0') // how many queues it has the device alone knows
		return 0;
	int error = device_ioctl(port->interface, SIOCGIFFLAGS, &request);
	if (error) {
		snprintf(why, why_size, "port %s: %s%s%s; `ip link` lists the interfaces there are",
			port->interface, strerror(-error),
			port->netns[0] ? " in network namespace " : "", port->netns);
		return -1;
	}
	if (!(request.ifr_flags & IFF_UP)) {
		snprintf(why, why_size, "port %s: the interface is down: run `ip link set %s up`",
			port->interface, port->interface);
		return -1;
	}
	if (strcmp(port->driver, "xdp") == 0)
		return channels_prepare(port, workers, why, why_size);
	if (config_port_is_kernels(port) && port->queues == 0)
		port->queues = workers;
	return 0;
}

void interface_restore_all(void)
{
	while (changes_used > 0) {
		struct change *change = &changes[--changes_used];
		channels_ioctl(change->interface, ETHTOOL_SCHANNELS, &change->before);
	}
}

void interface_observe(const struct config_port *port, struct sluice_port_status *status)
{
	struct ifreq request = {0};
	if (port->interface[0] == '\0')
		return;
	status->interface_index = if_nametoindex(port->interface);
	if (device_ioctl(port->interface, SIOCGIFFLAGS, &request) == 0)
		status->link_up = (request.ifr_flags & IFF_RUNNING) != 0;
	else
		status->link_up = 0;
}
