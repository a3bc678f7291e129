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

static uint8_t *make_ipv4(struct frame *frame, const struct sluice_path *path)
{
	uint8_t *ip = frame->bytes + ETHERNET_BYTES;
	ip[0] = 0x45;
	span_put_u16(ip + 6, DONT_FRAGMENT);
	ip[8] = TIME_TO_LIVE;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, path->local.ip + 12, 4);
	memcpy(ip + 16, path->remote.ip + 12, 4);
	frame->ip_sum = checksum_add(0, ip, IPV4_BYTES);
	frame->udp_sum = checksum_add(0, ip + 12, 8);
	return ip + IPV4_BYTES;
}

static uint8_t *make_ipv6(struct frame *frame, const struct sluice_path *path)
{
	uint8_t *ip = frame->bytes + ETHERNET_BYTES;
	ip[0] = 0x60;
	ip[6] = PROTOCOL_UDP;
	ip[7] = TIME_TO_LIVE;
	memcpy(ip + 8, path->local.ip, 16);
	memcpy(ip + 24, path->remote.ip, 16);
	frame->udp_sum = checksum_add(0, ip + 8, 32);
	return ip + IPV6_BYTES;
}

void frame_make(struct frame *frame, const struct sluice_path *path, const uint8_t mac[6])
{
	bool ipv4 = sluice_address_is_ipv4(&path->remote);
	*frame = (struct frame){.is_ipv4 = ipv4, .port = path->port};
	memcpy(frame->bytes, mac, 6);
	memcpy(frame->bytes + 6, io_mac(path->port), 6);
	span_put_u16(frame->bytes + 12, ipv4 ? TYPE_IPV4 : TYPE_IPV6);
	uint8_t *udp = ipv4 ? make_ipv4(frame, path) : make_ipv6(frame, path);
	span_put_u16(udp, path->local.port);
	span_put_u16(udp + 2, path->remote.port);
	frame->udp_sum = checksum_add(frame->udp_sum, udp, UDP_BYTES) + htons(PROTOCOL_UDP);
}

// The checksum is full: a port may send it to a peer that verifies.
static uint16_t udp_checksum(
	const struct pkt *pkt, const struct frame *frame, const struct frame_sum *known)
{
	const uint16_t length = (uint16_t)(pkt->length + UDP_BYTES);
	uint64_t sum = frame->udp_sum + known->sum;
	sum = checksum_add(sum, pkt->data, pkt->length - known->bytes);
	uint16_t checksum = checksum_fold(sum + 2 * htons(length)); // in both headers
	return checksum ? checksum : 0xFFFF; // 0 would say "none"
}

bool frame_put(struct pkt *pkt, const struct frame *frame, const struct frame_sum *known)
{
	const uint16_t ip_bytes = frame->is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
	const uint16_t head = ETHERNET_BYTES + ip_bytes + UDP_BYTES;
	if (pkt->headroom < sizeof(frame->bytes))
		return false;
	const uint16_t length = (uint16_t)(pkt->length + UDP_BYTES);
	// Before the headers are written: reading them back in wider pieces would wait for the stores.
	const uint16_t checksum = udp_checksum(pkt, frame, known);
	uint8_t *udp = pkt->data - UDP_BYTES, *ip = udp - ip_bytes;
	pkt->data -= head;
	pkt->length += head;
	pkt->headroom -= head;
	pkt->room += head;
	pkt->port = frame->port;
	if (frame->is_ipv4) // a length that is known is copied at once
		memcpy(pkt->data, frame->bytes, ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES);
	else
		memcpy(pkt->data, frame->bytes, ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES);
	span_put_u16(udp + 4, length);
	memcpy(udp + 6, &checksum, sizeof(checksum));
	if (!frame->is_ipv4) {
		span_put_u16(ip + 4, length);
		return true;
	}
	const uint16_t total = (uint16_t)(length + IPV4_BYTES);
	const uint16_t ip_checksum = checksum_fold(frame->ip_sum + htons(total));
	span_put_u16(ip + 2, total);
	memcpy(ip + 10, &ip_checksum, sizeof(ip_checksum));
	return true;
}

bool frame_write(struct pkt *pkt, const struct sluice_path *path, const uint8_t mac[6])
{
	struct frame frame;
	frame_make(&frame, path, mac);
	return frame_put(pkt, &frame, &(struct frame_sum){0});
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

bool frame_of(struct frame *frame, const struct transport *transport)
{
	const uint8_t *mac = frame_next_hop(transport);
	if (mac)
		frame_make(frame, &transport->paths[transport->path_selected], mac);
	return mac != NULL;
}

bool frame_transport(struct pkt *pkt, const struct transport *transport)
{
	struct frame frame;
	return frame_of(&frame, transport) && frame_put(pkt, &frame, &(struct frame_sum){0});
}

unsigned stage_frame(struct worker *worker, unsigned n)
{
	unsigned left = 0;
	uint32_t made = TABLE_NONE; // whose headers these are
	struct frame frame;
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &worker->jobs[i];
		uint32_t t = job->out->transport;
		if (made != t)
			made = frame_of(&frame, &worker->table.transports[t]) ? t : TABLE_NONE;
		if (made == t && frame_put(job->out, &frame, &job->sealed))
			job_keep(worker, job, left++);
		else
			drop(worker, job->out, SLUICE_DROP_no_path);
	}
	return left;
}
