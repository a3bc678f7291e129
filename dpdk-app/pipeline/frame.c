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

// As a word of 16 bits, which a frame has room for.
static uint16_t sum_of(uint64_t sum, const uint8_t *bytes, size_t length)
{
	return (uint16_t)~checksum_fold(checksum_add(sum, bytes, length));
}

static uint8_t *make_ipv4(struct frame *frame, const struct sluice_path *path)
{
	uint8_t *ip = frame->bytes + ETHERNET_BYTES;
	ip[0] = 0x45;
	span_put_u16(ip + 6, DONT_FRAGMENT);
	ip[8] = TIME_TO_LIVE;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, path->local.ip + 12, 4);
	memcpy(ip + 16, path->remote.ip + 12, 4);
	frame->ip_sum = sum_of(0, ip, IPV4_BYTES);
	frame->udp_sum = sum_of(htons(PROTOCOL_UDP), ip + 12, 8);
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
	frame->udp_sum = sum_of(htons(PROTOCOL_UDP), ip + 8, 32);
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
	frame->udp_sum = sum_of(frame->udp_sum, udp, UDP_BYTES);
}

// The checksum is full: a port may send it to a peer that verifies.
static uint16_t udp_checksum(
	const struct pkt *pkt, const struct frame *frame, const struct frame_sum *known)
{
	const uint16_t length = (uint16_t)(pkt->length + UDP_BYTES);
	uint64_t sum = known->sum + frame->udp_sum;
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

static void pathless(struct worker *worker, struct job *job)
{
	trace_subscription(worker, job->subscription, SLUICE_DROP_no_path,
		trace_packet(job->media->pkt->data, job->media->pkt->length));
	drop(worker, job->out, SLUICE_DROP_no_path);
}

unsigned stage_frame(struct worker *worker, unsigned n)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &worker->jobs[i];
		const struct transport *transport = &worker->table.transports[job->out->transport];
		if (transport->framed && frame_put(job->out, &transport->frame, &job->sealed))
			job_keep(worker, job, left++);
		else
			pathless(worker, job);
	}
	return left;
}
