// SPDX-License-Identifier: Apache-2.0
#include "checksum.h"
#include "media/span.h"
#include "stage.h"

#include <arpa/inet.h>

enum {
	ETHERNET_BYTES = 14,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86DD,
	DONT_FRAGMENT = 0x4000,
	TIME_TO_LIVE = 64,
	PROTOCOL_UDP = 17,
};

static const uint8_t no_mac[6];

static bool prepend(struct pkt *pkt, uint16_t n)
{
	if (pkt->headroom < n)
		return false;
	pkt->data -= n;
	pkt->length += n;
	pkt->headroom -= n;
	pkt->room += n;
	return true;
}

// The checksum is full: a port may send it to a peer that verifies.
static void write_udp(struct pkt *pkt, const struct sluice_path *path, uint64_t addresses)
{
	uint8_t *udp = pkt->data;
	// Before the header is written: reading it back in wider pieces would wait for the stores.
	uint64_t sum = checksum_add(addresses, udp + UDP_BYTES, pkt->length - UDP_BYTES);
	sum = checksum_add_pseudo(sum, PROTOCOL_UDP, (uint16_t)pkt->length);
	sum += htons(path->local.port) + htons(path->remote.port) + htons((uint16_t)pkt->length);
	span_put_u16(udp, path->local.port);
	span_put_u16(udp + 2, path->remote.port);
	span_put_u16(udp + 4, (uint16_t)pkt->length);
	span_put_u16(udp + 6, 0);
	uint16_t checksum = checksum_fold(sum);
	if (checksum == 0) // that would say "none"
		checksum = 0xFFFF;
	memcpy(udp + 6, &checksum, sizeof(checksum));
}

static void write_ipv4(struct pkt *pkt, const struct sluice_path *path)
{
	uint8_t *ip = pkt->data;
	memset(ip, 0, IPV4_BYTES);
	ip[0] = 0x45;
	span_put_u16(ip + 2, (uint16_t)pkt->length);
	span_put_u16(ip + 6, DONT_FRAGMENT);
	ip[8] = TIME_TO_LIVE;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, path->local.ip + 12, 4);
	memcpy(ip + 16, path->remote.ip + 12, 4);
	uint16_t checksum = checksum_fold(checksum_add(0, ip, IPV4_BYTES));
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

static void write_ipv6(struct pkt *pkt, const struct sluice_path *path)
{
	uint8_t *ip = pkt->data;
	memset(ip, 0, 8);
	ip[0] = 0x60;
	span_put_u16(ip + 4, (uint16_t)(pkt->length - IPV6_BYTES));
	ip[6] = PROTOCOL_UDP;
	ip[7] = TIME_TO_LIVE;
	memcpy(ip + 8, path->local.ip, 16);
	memcpy(ip + 24, path->remote.ip, 16);
}

bool frame_write(struct pkt *pkt, const struct sluice_path *path, const uint8_t mac[6])
{
	bool ipv4 = sluice_address_is_ipv4(&path->remote);
	unsigned skip = ipv4 ? 12 : 0;
	if (pkt->headroom < ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES)
		return false;
	uint64_t addresses = checksum_add(0, path->local.ip + skip, 16 - skip);
	addresses = checksum_add(addresses, path->remote.ip + skip, 16 - skip);
	prepend(pkt, UDP_BYTES);
	write_udp(pkt, path, addresses);
	prepend(pkt, ipv4 ? IPV4_BYTES : IPV6_BYTES);
	if (ipv4)
		write_ipv4(pkt, path);
	else
		write_ipv6(pkt, path);
	prepend(pkt, ETHERNET_BYTES);
	memcpy(pkt->data, mac, 6);
	memcpy(pkt->data + 6, io_mac(path->port), 6);
	span_put_u16(pkt->data + 12, ipv4 ? TYPE_IPV4 : TYPE_IPV6);
	return true;
}

const uint8_t *frame_next_hop(const struct transport *transport)
{
	if (transport->paths_used == 0)
		return NULL;
	uint8_t selected = transport->path_selected;
	const struct sluice_path *path = &transport->paths[selected];
	if (transport->heard_paths >> selected & 1)
		return transport->macs[selected];
	// On the loopback interface all addresses are zero.
	bool known = memcmp(path->remote_mac, no_mac, 6) != 0 ||
		     memcmp(io_mac(path->port), no_mac, 6) == 0;
	return known ? path->remote_mac : NULL;
}

bool frame_transport(struct pkt *pkt, const struct transport *transport)
{
	const uint8_t *mac = frame_next_hop(transport);
	if (!mac)
		return false;
	const struct sluice_path *path = &transport->paths[transport->path_selected];
	pkt->port = path->port;
	return frame_write(pkt, path, mac);
}

unsigned stage_frame(struct worker *worker, unsigned n)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &worker->jobs[i];
		if (frame_transport(job->out, &worker->table.transports[job->out->transport]))
			job_keep(worker, job, left++);
		else
			drop(worker, job->out, SLUICE_DROP_no_path);
	}
	return left;
}
