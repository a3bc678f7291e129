// SPDX-License-Identifier: Apache-2.0
// The packets of a peer are copied into its capture's ring: as they are on the wire, after parsing and
// before they are given to a port; decrypted, after opening and before sealing. What becomes of a packet is
// known later than it is copied, so slots are shown to the reader at the end of a turn, and until then a
// drop is written into the slot that the packet names.
//
// A full ring costs the capture packets and nobody else: nothing here waits.
#include "tap.h"

#include "feed.h"

enum { HEADERS = sizeof(((struct frame *)0)->bytes) };

static const uint8_t no_mac[6];

// ---- slots ----------------------------------------------------------------------------------------

static void count(_Atomic uint64_t *counter)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed) + 1;
	atomic_store_explicit(counter, now, memory_order_relaxed);
}

// A slot for a packet of a captured transport; NULL when the reader is too slow, or gone.
static struct sluice_captured *slot_take(struct worker *worker, const struct transport *transport,
	enum sluice_capture_direction direction, uint64_t time_ns)
{
	unsigned place = transport->captured - 1U;
	struct tap_lane *tap = &worker->tap.lanes[place];
	struct sluice_capture_lane *lane = &tap->file->lanes[worker->number];
	const struct sluice_desired *desired = worker->table.desired;
	uint32_t tail = tap->next - SLUICE_CAPTURE_SLOTS;
	if (desired)
		tail = atomic_load_explicit(
			&desired->head.capture_readers[place].tails[worker->number],
			memory_order_acquire);
	if (!sluice_capture_has_room(tap->next, tail)) {
		count(&lane->lost);
		tap->lost++;
		return NULL;
	}
	struct sluice_captured *slot = sluice_capture_slot(tap->file, worker->number, tap->next++);
	memset(slot, 0, offsetof(struct sluice_captured, data));
	slot->time_ns = time_ns;
	slot->direction = (uint8_t)direction;
	slot->lost = tap->lost;
	tap->lost = 0;
	count(&lane->packets);
	return slot;
}

// The packet names the slot that was just taken, and its capture.
static void pkt_mark(
	const struct worker *worker, const struct transport *transport, struct pkt *pkt)
{
	unsigned place = transport->captured - 1U;
	uint32_t slot = (worker->tap.lanes[place].next - 1) % SLUICE_CAPTURE_SLOTS;
	pkt->capture = (uint16_t)(place * SLUICE_CAPTURE_SLOTS + slot + 1);
}
static_assert(SLUICE_CAPTURES_MAX * SLUICE_CAPTURE_SLOTS < UINT16_MAX);

static struct tap_lane *lane_of(struct worker *worker, const struct pkt *pkt)
{
	return &worker->tap.lanes[(pkt->capture - 1U) / SLUICE_CAPTURE_SLOTS];
}

static struct sluice_captured *slot_of(struct worker *worker, const struct pkt *pkt)
{
	return sluice_capture_slot(lane_of(worker, pkt)->file, worker->number, pkt->capture - 1U);
}

// The frame as it lies in memory.
static void slot_fill(struct sluice_captured *slot, const uint8_t *frame, uint32_t length)
{
	slot->length = length;
	slot->offset = 0;
	slot->kept = (uint16_t)(length < SLUICE_CAPTURE_BYTES ? length : SLUICE_CAPTURE_BYTES);
	memcpy(slot->data, frame, slot->kept);
}

struct piece {
	const uint8_t *data;
	uint32_t length;
};

// A payload in up to two pieces, with headers made for it, lengths and checksums included.
static void slot_compose(struct sluice_captured *slot, const struct frame *frame,
	struct piece first, struct piece second)
{
	struct pkt pkt = {.data = slot->data + HEADERS, .headroom = HEADERS};
	const struct piece pieces[] = {first, second};
	for (unsigned i = 0; i < 2; i++) {
		uint32_t room = SLUICE_CAPTURE_BYTES - HEADERS - pkt.length;
		uint32_t length = pieces[i].length < room ? pieces[i].length : room;
		if (length > 0)
			memcpy(pkt.data + pkt.length, pieces[i].data, length);
		pkt.length += length;
	}
	uint32_t cut = first.length + second.length - pkt.length;
	frame_put(&pkt, frame, &(struct frame_sum){0});
	slot->offset = (uint16_t)(pkt.data - slot->data);
	slot->kept = (uint16_t)pkt.length;
	slot->length = pkt.length + cut;
	slot->port = frame->port;
}

// ---- who is captured ------------------------------------------------------------------------------

static bool is_decrypted(const struct worker *worker, const struct transport *transport)
{
	return worker->tap.lanes[transport->captured - 1U].decrypted;
}

static const struct transport *transport_of(const struct worker *worker, const struct pkt *pkt)
{
	const struct transport *transport = pkt->transport < SLUICE_TRANSPORTS_MAX
						    ? &worker->table.transports[pkt->transport]
						    : NULL;
	return transport && transport->captured ? transport : NULL;
}

// Our headers towards the peer, also while its next hop is not known. False when it has no address yet.
static bool frame_to(
	struct frame *frame, const struct table *table, const struct transport *transport)
{
	const uint32_t index = (uint32_t)(transport - table->transports);
	const struct sluice_path *paths = table_transport_books(table, index)->paths;
	if (transport->paths_used == 0)
		return false;
	if (transport->framed)
		*frame = transport->frame;
	else
		frame_make(frame, &paths[transport->path_selected], no_mac);
	return true;
}

// The peer's headers, as if it had sent a payload of another length.
static void frame_from(struct frame *frame, const struct pkt *pkt)
{
	const struct sluice_path path = {
		.remote = pkt->path.local, .local = pkt->path.remote, .port = pkt->port};
	frame_make(frame, &path, io_mac(pkt->port));
	memcpy(frame->bytes + 6, pkt->path.remote_mac, 6);
}

uint8_t tap_wants(const struct table *table, struct sluice_handle participant)
{
	for (uint8_t place = 0; table->captures && place < SLUICE_CAPTURES_MAX; place++) {
		const struct sluice_handle *wanted = &table->captures->items[place].participant;
		if (table->captures->items[place].file && participant.generation != 0 &&
			wanted->index == participant.index &&
			wanted->generation == participant.generation)
			return (uint8_t)(place + 1);
	}
	return 0;
}

void tap_take(struct worker *worker, const struct tap_order *order)
{
	struct tap *tap = &worker->tap;
	struct table *table = &worker->table;
	tap->runs = false;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		struct tap_lane *lane = &tap->lanes[place];
		struct sluice_capture *file = order ? order->items[place].file : NULL;
		if (file != lane->file)
			*lane = (struct tap_lane){.file = file};
		lane->decrypted = file && order->items[place].decrypted;
		tap->runs |= file != NULL;
	}
	table->captures = order;
	for (uint32_t i = 0; i < table->rows[SLUICE_TABLE_TRANSPORT]; i++) {
		struct transport *transport = &table->transports[i];
		transport->captured =
			tap_wants(table, table_transport_books(table, i)->participant);
	}
	atomic_store_explicit(&tap->taken, order, memory_order_release);
}

// ---- from the peer --------------------------------------------------------------------------------

void tap_arrived(struct worker *worker, struct pkt **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *pkt = pkts[i];
		const struct transport *transport = transport_of(worker, pkt);
		struct sluice_captured *slot = NULL;
		if (transport)
			slot = slot_take(worker, transport, SLUICE_CAPTURE_IN, pkt->arrived_ns);
		if (!slot)
			continue;
		slot_fill(slot, pkt->data - pkt->head, pkt->length + pkt->head);
		slot->port = pkt->port;
		pkt_mark(worker, transport, pkt);
	}
}

void tap_opened(struct worker *worker, struct pkt **pkts, unsigned n)
{
	struct frame frame;
	for (unsigned i = 0; i < n; i++) {
		if (pkts[i]->capture == 0 || !lane_of(worker, pkts[i])->decrypted)
			continue;
		struct sluice_captured *slot = slot_of(worker, pkts[i]);
		const struct piece whole = {pkts[i]->data, pkts[i]->length};
		frame_from(&frame, pkts[i]);
		slot_compose(slot, &frame, whole, (struct piece){0});
		slot->flags |= SLUICE_CAPTURED_PLAIN;
	}
}

void tap_settle(struct pkt **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pkts[i]->capture = 0;
}

void tap_dropped(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	if (worker->tap.runs)
		slot_of(worker, pkt)->drop = (uint8_t)(why + 1);
	pkt->capture = 0;
}

// ---- to the peer ----------------------------------------------------------------------------------

// A payload that goes, or would have gone, to the peer of a captured transport.
static struct sluice_captured *compose_to(struct worker *worker, const struct transport *transport,
	struct piece first, struct piece second)
{
	struct frame frame;
	struct sluice_captured *slot = NULL;
	if (frame_to(&frame, &worker->table, transport))
		slot = slot_take(worker, transport, SLUICE_CAPTURE_OUT, worker->now_ns);
	if (slot)
		slot_compose(slot, &frame, first, second);
	return slot;
}

void tap_sealing(struct worker *worker, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct job *job = &worker->jobs[i];
		const struct transport *transport = transport_of(worker, job->out);
		const struct piece header = {job->out->data, job->out->length};
		const struct piece payload = {job->payload, job->payload_length};
		struct sluice_captured *slot = NULL;
		if (transport && is_decrypted(worker, transport))
			slot = compose_to(worker, transport, header, payload);
		if (!slot)
			continue;
		slot->flags |= SLUICE_CAPTURED_PLAIN;
		pkt_mark(worker, transport, job->out);
	}
}

void tap_compound(struct worker *worker, const struct compound *compound)
{
	struct pkt *pkt = compound->pkt;
	const struct transport *transport = transport_of(worker, pkt);
	const struct piece whole = {pkt->data, pkt->length};
	struct sluice_captured *slot = NULL;
	if (transport && is_decrypted(worker, transport))
		slot = compose_to(worker, transport, whole, (struct piece){0});
	if (!slot)
		return;
	slot->flags |= SLUICE_CAPTURED_PLAIN;
	pkt_mark(worker, transport, pkt);
}

void tap_withheld(
	struct worker *worker, const struct media *media, uint32_t s, enum sluice_drop why)
{
	const struct subscription *subscription = &worker->table.subscriptions[s];
	const struct transport *transport =
		table_transport(&worker->table, subscription->transport);
	struct piece whole = {0};
	if (!transport || !transport->captured)
		return;
	bool decrypted = is_decrypted(worker, transport);
	if (decrypted) // as the publisher sent it
		whole = (struct piece){media->pkt->data, media->pkt->length};
	struct sluice_captured *slot = compose_to(worker, transport, whole, (struct piece){0});
	if (!slot)
		return;
	slot->drop = (uint8_t)(why + 1);
	slot->flags |= SLUICE_CAPTURED_UNMADE;
	if (decrypted)
		slot->flags |= SLUICE_CAPTURED_PLAIN;
}

void tap_leaving(struct worker *worker, struct pkt **pkts, unsigned n)
{
	uint64_t now_ns = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *pkt = pkts[i];
		const struct transport *transport = transport_of(worker, pkt);
		if (!transport || is_decrypted(worker, transport))
			continue;
		now_ns = now_ns ? now_ns : io_now_ns();
		struct sluice_captured *slot =
			slot_take(worker, transport, SLUICE_CAPTURE_OUT, now_ns);
		if (!slot)
			continue;
		slot_fill(slot, pkt->data, pkt->length);
		slot->port = pkt->port;
		pkt_mark(worker, transport, pkt);
	}
}

// What is tried again is captured again, unless it was before it was sealed.
void tap_kept(struct worker *worker, struct pkt **pkts, unsigned kept)
{
	for (unsigned i = 0; i < kept; i++) {
		if (pkts[i]->capture == 0)
			continue;
		struct sluice_captured *slot = slot_of(worker, pkts[i]);
		if (slot->flags & SLUICE_CAPTURED_PLAIN)
			continue;
		slot->flags |= SLUICE_CAPTURED_VOID;
		pkts[i]->capture = 0;
	}
}

void tap_show(struct worker *worker)
{
	// A slot that the reader may see is not written to any more.
	for (unsigned port = 0; port < worker->table.ports; port++)
		tap_settle(worker->tx[port].pkts, worker->tx[port].used);
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		const struct tap_lane *lane = &worker->tap.lanes[place];
		if (lane->file)
			atomic_store_explicit(&lane->file->lanes[worker->number].head.value,
				lane->next, memory_order_release);
	}
}
