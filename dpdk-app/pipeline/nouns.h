// SPDX-License-Identifier: Apache-2.0
// The life of each noun of the table: a row becomes true, changes, ends.
#pragma once

#include "table.h"

// Whether every index, length and number of a row makes sense.
bool transport_valid(const struct table *table, const struct sluice_transport *row);
bool publication_valid(const struct sluice_publication *row);
bool subscription_valid(const struct sluice_subscription *row);

// Makes a checked row true: begins the noun, or changes it. Returns false when something it refers to is
// not there yet: the row is then looked at again later.
bool transport_apply(struct table *table, uint32_t index, const struct sluice_transport *row);
bool publication_apply(struct table *table, uint32_t index, const struct sluice_publication *row);
bool subscription_apply(struct table *table, uint32_t index, const struct sluice_subscription *row);

// Next hop towards the transport's selected path, NULL when it is not known: the last one that was heard on the path,
// else control's.
const uint8_t *transport_next_hop(const struct table *table, uint32_t index);
// Paths, or the next hop of one, have changed: makes the headers of what is sent from now on.
void transport_frame(struct table *table, uint32_t index);

// Ends the noun; nothing happens when there is none.
void transport_remove(struct table *table, uint32_t index);
void publication_remove(struct table *table, uint32_t index);
void subscription_remove(struct table *table, uint32_t index);

// The publication's transport has ended: it stays, with its subscribers, until another one feeds it.
void publication_unlink(struct table *table, uint32_t index);

// Its transport, of that index, has (other) keys now: indexes go on under the same keys, else they start again.
void publication_keyed(struct table *table, uint32_t index, uint32_t transport);
void subscription_keyed(struct table *table, uint32_t index, uint32_t transport);

// What the subscriber sees is interrupted: the next packet starts a new run, video at a key frame.
void subscription_interrupt(struct table *table, uint32_t index);

// The same for all subscribers of a publication.
void publication_interrupt(struct table *table, uint32_t index);

// Call before anything is hung on a row's index, which may be before the row itself is there.
void publication_prepare(struct publication *publication);

// A subscription of this worker came to (or left) a publication and may ask for resends.
void publication_cache_use(struct table *table, uint32_t index);
// Keeps a packet that was sent for resends; it takes over the hold. Returns the packet whose hold is now the caller's:
// the one that had to go, or this one when it is older than what is kept; NULL = none.
struct pkt *publication_cache_store(struct table *table, uint32_t index, struct pkt *pkt);
// Asks for the memory in which a packet of this index will be kept.
void publication_cache_fetch(const struct table *table, uint32_t index, uint64_t packet);
// The packet with this index of this source; NULL when it is not there.
struct pkt *publication_cache_find(
	struct table *table, uint32_t index, uint64_t source, uint64_t packet);
// Lets go of packets that arrived before `before_ns`, or of all.
void publication_cache_expire(struct table *table, uint32_t index, uint64_t before_ns);
void publication_cache_clear(struct table *table, struct publication *publication);

// The own subscription that sends under `ssrc` through a transport; TABLE_NONE when there is none. It is in
// the hash while it is linked to its transport.
uint32_t table_subscription(const struct table *table, uint32_t transport, uint32_t ssrc);
void table_subscription_add(struct table *table, uint32_t index);
void table_subscription_remove(struct table *table, uint32_t index);

// A path of a transport comes to (or leaves) the hash that table_find looks in.
void table_address_add(struct table *table, uint32_t transport, uint8_t path);
void table_address_remove(struct table *table, uint32_t transport, uint8_t path);
// Asks for the memory that table_find will look at for where these packets come from.
void table_find_begin(const struct table *table, struct pkt *const *pkts, unsigned n);

// Adds a row to a set; the noun keeps its slot.
void indexes_add(struct indexes *indexes, uint32_t index, uint32_t *slot);
