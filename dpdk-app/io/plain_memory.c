// SPDX-License-Identifier: Apache-2.0
#include "clock.h"
#include "plain.h"
#include "plain_parts.h"

#include <errno.h>
#include <stdlib.h>

struct frame { // that was sent
	struct frame *next;
	uint32_t length;
	uint16_t queue;
	uint8_t bytes[PKT_HEADROOM + PKT_ROOM];
};

struct line { // of sent frames
	struct frame *first, **last;
	unsigned used;
};

struct ring { // of packets that wait to be received, as a card has put them there
	struct pkt *pkts[PLAIN_MEMORY_FRAMES];
	unsigned first, used;
};

struct memory_port {
	uint8_t mac[6];
	uint32_t tx_room;
	bool discard;
	plain_see *see;
	void *see_context;
	struct ring *rx[SLUICE_WORKERS_MAX]; // by queue
	struct line tx;
};

static struct {
	bool used;
	unsigned ports, queues;
	uint64_t now_ns;
	_Atomic uint64_t rings;
	struct frame *spare; // used before: a world that runs takes no memory
	struct memory_port port[SLUICE_PORTS_MAX];
} memory;

static void line_init(struct line *line)
{
	*line = (struct line){.last = &line->first};
}

static int line_append(struct line *line, const uint8_t *bytes, uint32_t length, uint16_t queue)
{
	if (line->used >= PLAIN_MEMORY_FRAMES)
		return -ENOBUFS;
	struct frame *frame = memory.spare;
	if (frame)
		memory.spare = frame->next;
	else
		frame = malloc(sizeof(*frame));
	if (!frame)
		return -ENOMEM;
	frame->next = NULL;
	frame->length = length;
	frame->queue = queue;
	memcpy(frame->bytes, bytes, length);
	*line->last = frame;
	line->last = &frame->next;
	line->used++;
	return 0;
}

static void line_remove(struct line *line)
{
	struct frame *frame = line->first;
	line->first = frame->next;
	if (!line->first)
		line->last = &line->first;
	line->used--;
	frame->next = memory.spare;
	memory.spare = frame;
}

static void line_clear(struct line *line)
{
	while (line->first)
		line_remove(line);
}

static int port_create(struct memory_port *port, unsigned number)
{
	const uint8_t mac[6] = {0x02, 0, 0, 0, 0, (uint8_t)(number + 1)};
	memcpy(port->mac, mac, sizeof(mac));
	port->tx_room = UINT32_MAX;
	line_init(&port->tx);
	for (unsigned q = 0; q < memory.queues; q++) {
		port->rx[q] = calloc(1, sizeof(*port->rx[q]));
		if (!port->rx[q])
			return -ENOMEM;
	}
	return 0;
}

int plain_memory_create(unsigned ports, unsigned workers)
{
	if (ports > SLUICE_PORTS_MAX || workers > SLUICE_WORKERS_MAX)
		return -EINVAL;
	plain_memory_destroy();
	int error = plain_pool_create(workers, PLAIN_MEMORY_PACKETS);
	if (error)
		return error;
	memory.used = true;
	memory.queues = workers;
	memory.now_ns = CLOCK_NS_PER_S;
	while (error == 0 && memory.ports < ports) {
		unsigned p = memory.ports++;
		error = port_create(&memory.port[p], p);
	}
	if (error)
		plain_memory_destroy();
	return error;
}

void plain_memory_destroy(void)
{
	if (!memory.used)
		return;
	for (unsigned p = 0; p < memory.ports; p++) {
		line_clear(&memory.port[p].tx);
		for (unsigned q = 0; q < memory.queues; q++)
			free(memory.port[p].rx[q]); // its packets go with the pool
	}
	while (memory.spare) {
		struct frame *next = memory.spare->next;
		free(memory.spare);
		memory.spare = next;
	}
	plain_pool_destroy();
	memset(&memory, 0, sizeof(memory));
}

int plain_memory_push(unsigned port, unsigned queue, const uint8_t *frame, size_t length)
{
	struct pkt *pkt;
	if (port >= memory.ports || queue >= memory.queues || length > PKT_ROOM)
		return -EINVAL;
	struct ring *ring = memory.port[port].rx[queue];
	if (ring->used == PLAIN_MEMORY_FRAMES || pkt_get(queue, &pkt, 1) == 0)
		return -ENOBUFS;
	memcpy(pkt->data, frame, length);
	pkt->length = (uint32_t)length;
	ring->pkts[(ring->first + ring->used++) % PLAIN_MEMORY_FRAMES] = pkt;
	return 0;
}

int plain_memory_pop_tx(unsigned port, uint8_t *frame, size_t size)
{
	if (port >= memory.ports || !memory.port[port].tx.first)
		return 0;
	struct line *line = &memory.port[port].tx;
	int length = (int)line->first->length;
	if (line->first->length > size)
		return -EMSGSIZE;
	memcpy(frame, line->first->bytes, line->first->length);
	line_remove(line);
	return length;
}

int plain_memory_peek_tx_queue(unsigned port)
{
	if (port >= memory.ports || !memory.port[port].tx.first)
		return -ENOENT;
	return memory.port[port].tx.first->queue;
}

void plain_memory_set_tx_room(unsigned port, uint32_t frames)
{
	if (port < memory.ports)
		memory.port[port].tx_room = frames;
}

void plain_memory_discard_tx(unsigned port, bool discard)
{
	if (port < memory.ports)
		memory.port[port].discard = discard;
}

void plain_memory_see_tx(unsigned port, plain_see *see, void *context)
{
	if (port >= memory.ports)
		return;
	memory.port[port].see = see;
	memory.port[port].see_context = context;
}

void plain_set_now_ns(uint64_t now_ns)
{
	memory.now_ns = now_ns;
}

uint64_t plain_doorbell_rings(void)
{
	return atomic_load(&memory.rings);
}

bool plain_memory_used(void)
{
	return memory.used;
}

unsigned plain_memory_ports(void)
{
	return memory.ports;
}

unsigned plain_memory_queues(void)
{
	return memory.queues;
}

unsigned plain_memory_rx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n)
{
	if (port >= memory.ports || queue >= memory.queues)
		return 0;
	struct ring *ring = memory.port[port].rx[queue];
	unsigned got = n < ring->used ? n : ring->used;
	for (unsigned i = 0; i < got; i++) {
		pkts[i] = ring->pkts[ring->first];
		pkts[i]->port = (uint8_t)port;
		pkts[i]->queue = (uint8_t)queue;
		pkts[i]->arrived_ns = memory.now_ns;
		ring->first = (ring->first + 1) % PLAIN_MEMORY_FRAMES;
	}
	ring->used -= got;
	return got;
}

unsigned plain_memory_tx(unsigned port, unsigned queue, struct pkt **pkts, unsigned n)
{
	unsigned sent = 0;
	if (port >= memory.ports)
		return 0;
	struct memory_port *to = &memory.port[port];
	while (sent < n && to->tx_room > 0) {
		if (to->see)
			to->see(to->see_context, queue, pkts[sent]->data, pkts[sent]->length);
		else if (!to->discard && line_append(&to->tx, pkts[sent]->data, pkts[sent]->length,
						 (uint16_t)queue) < 0)
			break;
		if (to->tx_room != UINT32_MAX)
			to->tx_room--;
		sent++;
	}
	pkt_put(pkts, sent);
	return sent;
}

const uint8_t *plain_memory_mac(unsigned port)
{
	return memory.port[port].mac;
}

uint64_t plain_memory_now_ns(void)
{
	return memory.now_ns;
}

void plain_memory_sleep(uint64_t ns)
{
	memory.now_ns += ns;
}

void plain_memory_ring(void)
{
	atomic_fetch_add_explicit(&memory.rings, 1, memory_order_relaxed);
}
