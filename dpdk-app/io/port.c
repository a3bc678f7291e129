// SPDX-License-Identifier: Apache-2.0
#include "port.h"

#include "clock.h"
#include "pipeline/io.h"
#include "pool.h"
#include "wait.h"

#include <sluice/device.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { DEVICE_NAME_MAX = 160 };

struct port {
	char device[DEVICE_NAME_MAX];
	char name[32];
	uint16_t id; // DPDK's
	uint16_t queues;
	uint16_t workers;
	uint8_t mode; // enum sluice_port_mode
	bool open;
	bool tx_shared; // fewer queues than workers: two may send on one
	uint8_t mac[6];
	int xsks[SLUICE_QUEUES_MAX]; // sockets beneath the queues; -1 = none that is known
	rte_spinlock_t tx_locks[RTE_MAX_QUEUES_PER_PORT];
};

static struct port ports[SLUICE_PORTS_MAX];
static unsigned ports_used;

bool port_is_pci(const struct config_port *port)
{
	char name[DEVICE_PCI_NAME_MAX];
	return device_pci_name(port->device, name);
}

static uint8_t port_mode(const struct config_port *port)
{
	if (strcmp(port->driver, "xdp") == 0)
		return SLUICE_PORT_XDP;
	if (strcmp(port->driver, "packet") == 0)
		return SLUICE_PORT_PACKET;
	return SLUICE_PORT_BYPASS;
}

// The device's name comes first in its devargs, up to the first comma.
static int devargs_name(unsigned port, const char *devargs)
{
	size_t length = strcspn(devargs, ",");
	if (length >= sizeof(ports[port].device))
		return -1;
	memcpy(ports[port].device, devargs, length);
	ports[port].device[length] = '\0';
	return 0;
}

int port_devargs(const struct config *config, unsigned port, unsigned queues, char *devargs,
	size_t size, char *why, size_t why_size)
{
	const struct config_port *wanted = &config->ports[port];
	if (strpbrk(wanted->interface, ",=") || strchr(config->xdp_object, ',')) {
		snprintf(why, why_size,
			"ports[%u]: a comma in an interface name or in xdp_object cannot be passed "
			"to DPDK",
			port);
		return -1;
	}
	int length;
	switch (port_mode(wanted)) {
	case SLUICE_PORT_XDP:
		length = snprintf(devargs, size,
			"net_af_xdp%u,iface=%s,start_queue=0,queue_count=%u,xdp_prog=%s,busy_"
			"budget=0",
			port, wanted->interface, queues, config->xdp_object);
		break;
	case SLUICE_PORT_PACKET:
		length = snprintf(devargs, size,
			"net_af_packet%u,iface=%s,qpairs=%u,framesz=2048,framecnt=%u", port,
			wanted->interface, queues, PORT_RING);
		break;
	default:
		if (!device_pci_name(wanted->device, devargs)) // it is a virtual one
			snprintf(devargs, size, "%s", wanted->device);
		length = (int)strlen(devargs);
		if (wanted->arguments[0] && (size_t)length < size)
			length +=
				snprintf(devargs + length, size - length, ",%s", wanted->arguments);
	}
	if ((size_t)length >= size || devargs_name(port, devargs) < 0) {
		snprintf(why, why_size, "ports[%u]: device and arguments are too long", port);
		return -1;
	}
	return 0;
}

static int port_fail(const struct port *port, const char *step, int error, char *why, size_t size)
{
	snprintf(why, size, "port %s: DPDK could not %s: %s; its own lines above say more",
		port->name, step, rte_strerror(error < 0 ? -error : error));
	if (rte_eth_dev_is_valid_port(port->id)) {
		rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
	}
	return -1;
}

// Settles the number of queues of a port whose device alone knows how many it has.
static int port_queues_settle(struct port *port, const struct config_port *wanted,
	const struct rte_eth_dev_info *info, char *why, size_t why_size)
{
	unsigned most = RTE_MIN(info->max_rx_queues, info->max_tx_queues);
	if (port->queues <= most)
		return 0;
	if (wanted->queues == 0 && most > 0) { // workers without a queue of their own still work
		port->queues = (uint16_t)most;
		return 0;
	}
	snprintf(why, why_size,
		"port %s: %u queues are wanted, but the device has %u: lower ports[].queues "
		"(workers without a queue of their own still work)",
		port->name, port->queues, most);
	return -1;
}

static int port_mtu_check(const struct port *port, const struct config_port *wanted,
	const struct rte_eth_dev_info *info, char *why, size_t why_size)
{
	if (wanted->mtu == 0 || (wanted->mtu >= info->min_mtu && wanted->mtu <= info->max_mtu))
		return 0;
	snprintf(why, why_size, "port %s: mtu %u is wanted, but the device takes %u to %u",
		port->name, wanted->mtu, info->min_mtu, info->max_mtu);
	return -1;
}

static int port_configure(const struct port *port, const struct config_port *wanted,
	const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {.rxmode.mtu = wanted->mtu};
	if (port->queues > 1 && info->flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
	}
	return rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
}

static void port_queue_watch(struct port *port, uint16_t queue)
{
	const int on = 1;
	unsigned w = queue % port->workers;
	int xsk = port->mode == SLUICE_PORT_XDP ? wait_watch(AF_XDP, w) : -1;
	if (queue < SLUICE_QUEUES_MAX)
		port->xsks[queue] = xsk;
	if (port->mode != SLUICE_PORT_PACKET)
		return;
	int fd = wait_watch(AF_PACKET, w);
	// The driver would hand us what the kernel itself sends. Kernels before 4.20 cannot help it.
	if (fd >= 0)
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

static int port_queues_setup(struct port *port)
{
	uint16_t rx = PORT_RING, tx = PORT_RING;
	int node = rte_eth_dev_socket_id(port->id);
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	for (uint16_t q = 0; q < port->queues && !error; q++)
		error = rte_eth_tx_queue_setup(port->id, q, tx, node, NULL);
	for (uint16_t q = 0; q < port->queues && !error; q++) {
		error = rte_eth_rx_queue_setup(
			port->id, q, rx, node, NULL, pool_of(q % port->workers));
		if (!error)
			port_queue_watch(port, q);
	}
	return error;
}

// Neighbour solicitations go to groups. What a driver has no word for it lets through, as a rule.
static void port_groups_hear(const struct port *port)
{
	if (port->mode == SLUICE_PORT_BYPASS && rte_eth_allmulticast_enable(port->id) != 0)
		rte_eth_promiscuous_enable(port->id);
}

static int port_start(struct port *port, const struct config_port *wanted,
	const struct rte_eth_dev_info *info, char *why, size_t why_size)
{
	struct rte_ether_addr mac;
	int error = port_configure(port, wanted, info);
	if (error)
		return port_fail(port, "configure the device", error, why, why_size);
	error = port_queues_setup(port);
	if (error) {
		port_fail(port, "set up the queues (is another program using them?)", error, why,
			why_size);
		// That of a process that was killed is given back when the kernel has time for it.
		return port->mode == SLUICE_PORT_XDP ? -EAGAIN : -1;
	}
	error = rte_eth_dev_start(port->id);
	if (!error)
		error = rte_eth_macaddr_get(port->id, &mac);
	if (error)
		return port_fail(port, "start the device", error, why, why_size);
	port_groups_hear(port);
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	return 0;
}

static void port_init(
	struct port *port, const struct config_port *wanted, unsigned queues, unsigned workers)
{
	snprintf(port->name, sizeof(port->name), "%.31s",
		wanted->interface[0] ? wanted->interface : port->device);
	port->id = RTE_MAX_ETHPORTS;
	port->queues = (uint16_t)queues;
	port->workers = (uint16_t)workers;
	port->mode = port_mode(wanted);
	for (unsigned q = 0; q < SLUICE_QUEUES_MAX; q++)
		port->xsks[q] = -1;
	for (unsigned q = 0; q < RTE_MAX_QUEUES_PER_PORT; q++)
		rte_spinlock_init(&port->tx_locks[q]);
}

static int pools_check(const struct port *port, char *why, size_t why_size)
{
	for (unsigned w = 0; w < port->workers && port->mode == SLUICE_PORT_XDP; w++) {
		if (pool_is_dense(w))
			continue;
		snprintf(why, why_size,
			"port %s: the packet buffers lie in several pieces of memory; reserve more "
			"hugepages or lower dataplane.buffers",
			port->name);
		return -1;
	}
	return 0;
}

static int fail_missing(const struct port *port, char *why, size_t why_size)
{
	snprintf(why, why_size,
		"port %s: no driver of DPDK has taken the device: is its driver installed "
		"(Debian's "
		"librte-meta-net has all), and does DPDK know this card?",
		port->name);
	return -1;
}

int port_open(const struct config *config, unsigned index, unsigned queues, unsigned workers,
	char *why, size_t why_size)
{
	struct port *port = &ports[index];
	const struct config_port *wanted = &config->ports[index];
	struct rte_eth_dev_info info;
	port_init(port, wanted, queues, workers);
	if (pools_check(port, why, why_size) < 0)
		return -1;
	if (rte_eth_dev_get_port_by_name(port->device, &port->id) != 0)
		return fail_missing(port, why, why_size);
	int error = rte_eth_dev_info_get(port->id, &info);
	if (error)
		return port_fail(port, "ask the device", error, why, why_size);
	if (port_queues_settle(port, wanted, &info, why, why_size) < 0 ||
		port_mtu_check(port, wanted, &info, why, why_size) < 0) {
		rte_eth_dev_close(port->id);
		return -1;
	}
	port->tx_shared = port->queues < workers;
	error = port_start(port, wanted, &info, why, why_size);
	if (error)
		return error;
	port->open = true;
	ports_used = index + 1;
	return 0;
}

void port_close_all(void)
{
	for (unsigned p = 0; p < ports_used; p++) {
		if (!ports[p].open)
			continue;
		rte_eth_dev_stop(ports[p].id);
		rte_eth_dev_close(ports[p].id);
		ports[p].open = false;
	}
	ports_used = 0;
	wait_reset();
}

int port_node(unsigned port)
{
	uint16_t id;
	if (rte_eth_dev_get_port_by_name(ports[port].device, &id))
		return 0;
	int node = rte_eth_dev_socket_id(id);
	return node < 0 ? 0 : node;
}

// What the driver leaves out. In the kernel's words: rx_dropped had no buffer, or none that is long enough,
// rx_ring_full found no room where the worker takes them. Kernels before 5.9 know the first alone.
static void xsk_observe(int xsk, struct sluice_queue_status *status)
{
	struct xdp_statistics statistics = {0};
	socklen_t size = sizeof(statistics);
	if (xsk < 0 || getsockopt(xsk, SOL_XDP, XDP_STATISTICS, &statistics, &size) < 0)
		return;
	status->lost[SLUICE_QUEUE_LOSS_no_buffer] = statistics.rx_dropped;
	status->lost[SLUICE_QUEUE_LOSS_ring_full] = statistics.rx_ring_full;
	status->starved = statistics.rx_fill_ring_empty_descs;
}

static void queues_observe(const struct port *port, const struct rte_eth_stats *stats,
	struct sluice_port_status *status)
{
	for (unsigned q = 0; q < port->queues && q < SLUICE_QUEUES_MAX; q++) {
		struct sluice_queue_status *queue = &status->queue[q];
		if (q < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			queue->packets = stats->q_ipackets[q];
			queue->lost[SLUICE_QUEUE_LOSS_device] = stats->q_errors[q];
		}
		if (port->mode != SLUICE_PORT_XDP)
			continue;
		queue->lost[SLUICE_QUEUE_LOSS_device] = 0; // the same ones once more
		xsk_observe(port->xsks[q], queue);
		status->rx_missed += queue->lost[SLUICE_QUEUE_LOSS_ring_full]; // not in imissed
	}
}

void port_observe(unsigned index, struct sluice_port_status *status)
{
	const struct port *port = &ports[index];
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	memcpy(status->name, port->name, sizeof(status->name));
	memcpy(status->mac, port->mac, sizeof(status->mac));
	status->mode = port->mode;
	status->queues = port->queues;
	if (rte_eth_dev_info_get(port->id, &info) == 0)
		snprintf(status->driver, sizeof(status->driver), "%s", info.driver_name);
	if (rte_eth_link_get_nowait(port->id, &link) == 0)
		status->link_up = link.link_status;
	if (rte_eth_stats_get(port->id, &stats) == 0) {
		status->rx_packets = stats.ipackets;
		status->rx_bytes = stats.ibytes;
		status->tx_packets = stats.opackets;
		status->tx_bytes = stats.obytes;
		status->rx_missed = stats.imissed;
		status->rx_errors = stats.ierrors;
		status->tx_errors = stats.oerrors;
		status->rx_no_buffer = stats.rx_nombuf;
		queues_observe(port, &stats, status);
	}
}

unsigned io_rx(unsigned index, unsigned queue, struct pkt **pkts, unsigned n)
{
	const struct port *port = &ports[index];
	struct rte_mbuf *mbufs[POOL_BURST];
	uint16_t want = (uint16_t)RTE_MIN(n, (unsigned)POOL_BURST);
	unsigned got = rte_eth_rx_burst(port->id, (uint16_t)queue, mbufs, want);
	if (got == 0)
		return 0;
	uint64_t now_ns = io_now_ns();
	for (unsigned i = 0; i < got; i++) {
		struct pkt *pkt = pool_pkt(mbufs[i]);
		pool_adopt(pkt, mbufs[i]);
		pkt->port = (uint8_t)index;
		pkt->queue = (uint8_t)queue;
		pkt->arrived_ns = now_ns;
		pkts[i] = pkt;
	}
	return got;
}

static unsigned burst_send(struct port *port, uint16_t queue, struct pkt **pkts, unsigned n)
{
	struct rte_mbuf *mbufs[POOL_BURST];
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *mbuf = pool_mbuf(pkts[i]);
		mbuf->data_off = (uint16_t)(pkts[i]->data - (uint8_t *)mbuf->buf_addr);
		mbuf->data_len = (uint16_t)pkts[i]->length;
		mbuf->pkt_len = pkts[i]->length;
		mbufs[i] = mbuf;
	}
	if (port->tx_shared)
		rte_spinlock_lock(&port->tx_locks[queue]);
	unsigned sent = rte_eth_tx_burst(port->id, queue, mbufs, (uint16_t)n);
	if (port->tx_shared)
		rte_spinlock_unlock(&port->tx_locks[queue]);
	return sent;
}

unsigned io_tx(unsigned index, unsigned queue, struct pkt **pkts, unsigned n)
{
	struct port *port = &ports[index];
	uint16_t tx_queue = (uint16_t)(queue % port->queues);
	unsigned sent = 0;
	while (sent < n) {
		unsigned want = RTE_MIN(n - sent, (unsigned)POOL_BURST);
		unsigned taken = burst_send(port, tx_queue, pkts + sent, want);
		sent += taken;
		if (taken < want)
			break;
	}
	return sent;
}

const uint8_t *io_mac(unsigned port)
{
	return ports[port].mac;
}

unsigned io_queues(unsigned index, unsigned w, uint16_t *queues, unsigned n)
{
	const struct port *port = &ports[index];
	unsigned count = 0;
	for (unsigned q = w; q < port->queues && count < n; q += port->workers)
		queues[count++] = (uint16_t)q;
	return count;
}

unsigned io_ports(void)
{
	return ports_used;
}
