// SPDX-License-Identifier: Apache-2.0
#include "nack.h"

enum { REORDERED = 3 }; // later packets that make a gap a loss
#define MILLISECOND UINT64_C(1000000)
static const uint64_t REORDER_NS = 10 * MILLISECOND;
static const uint64_t RETRY_MIN_NS = 20 * MILLISECOND;
static const uint64_t LIFE_NS = 1000 * MILLISECOND;

static void give_up(struct nack *nack, uint64_t packets)
{
	nack->lost += packets;
	nack->gave_up |= packets > 0;
}

static void entry_remove(struct nack *nack, struct nack_entry *entries, uint32_t i)
{
	nack->used--;
	memmove(&entries[i], &entries[i + 1], (nack->used - i) * sizeof(entries[0]));
}

// The packets from `begin` up to `end` are missing; only the last NACK_ROOM can be asked for.
static void gap_note(struct nack *nack, struct nack_entry *entries, uint64_t begin, uint64_t end,
	uint64_t now_ns)
{
	nack->missing += end - begin;
	if (end - begin > NACK_ROOM) {
		give_up(nack, end - begin - NACK_ROOM);
		begin = end - NACK_ROOM;
	}
	uint32_t wanted = nack->used + (uint32_t)(end - begin);
	uint32_t oldest = wanted > NACK_ROOM ? wanted - NACK_ROOM : 0;
	give_up(nack, oldest);
	nack->used -= oldest;
	memmove(entries, entries + oldest, nack->used * sizeof(entries[0]));
	for (; begin < end; begin++)
		entries[nack->used++] = (struct nack_entry){.index = begin, .missing_ns = now_ns};
}

static enum nack_result forward(
	struct nack *nack, struct nack_entry *entries, uint64_t index, uint64_t now_ns)
{
	uint64_t expected = nack->seen.highest + 1;
	if (!seq_window_started(&nack->seen) || index - expected > NACK_JUMP_MAX) {
		give_up(nack, nack->used);
		nack->gave_up |= seq_window_started(&nack->seen);
		nack->used = 0;
		nack->first = index;
	} else {
		gap_note(nack, entries, expected, index, now_ns);
	}
	seq_window_add(&nack->seen, nack->seen_words, index);
	return NACK_NEW;
}

enum nack_result nack_receive(
	struct nack *nack, struct nack_entry *entries, uint64_t index, uint64_t now_ns)
{
	if (!seq_window_started(&nack->seen) || index > nack->seen.highest)
		return forward(nack, entries, index, now_ns);
	if (seq_window_check(&nack->seen, nack->seen_words, index) != SEQ_NEW)
		return NACK_DUPLICATE;
	seq_window_add(&nack->seen, nack->seen_words, index);
	if (index < nack->first)
		return NACK_NEW;
	nack->recovered++;
	for (uint32_t i = 0; i < nack->used; i++)
		if (entries[i].index == index) {
			entry_remove(nack, entries, i);
			return NACK_RECOVERED;
		}
	nack->lost--; // it had been given up
	return NACK_RECOVERED;
}

static bool entry_is_over(const struct nack_entry *entry, uint64_t now_ns, uint64_t retry_ns)
{
	if (now_ns - entry->missing_ns >= LIFE_NS)
		return true;
	return entry->tries >= NACK_TRIES_MAX && now_ns - entry->asked_ns >= retry_ns;
}

static bool entry_is_due(
	const struct nack *nack, const struct nack_entry *entry, uint64_t now_ns, uint64_t retry_ns)
{
	if (entry->tries == 0)
		return nack->seen.highest - entry->index >= REORDERED ||
		       now_ns - entry->missing_ns >= REORDER_NS;
	return entry->tries < NACK_TRIES_MAX && now_ns - entry->asked_ns >= retry_ns;
}

unsigned nack_due(struct nack *nack, struct nack_entry *entries, uint64_t now_ns, uint64_t rtt_ns,
	uint16_t *sequences, unsigned n)
{
	uint64_t retry_ns = rtt_ns + rtt_ns / 4;
	if (retry_ns < RETRY_MIN_NS)
		retry_ns = RETRY_MIN_NS;
	unsigned due = 0;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < nack->used; i++) {
		struct nack_entry entry = entries[i];
		if (entry_is_over(&entry, now_ns, retry_ns)) {
			give_up(nack, 1);
			continue;
		}
		if (due < n && entry_is_due(nack, &entry, now_ns, retry_ns)) {
			sequences[due++] = (uint16_t)entry.index;
			entry.asked_ns = now_ns;
			entry.tries++;
		}
		entries[kept++] = entry;
	}
	nack->used = kept;
	return due;
}

bool nack_take_gave_up(struct nack *nack)
{
	bool gave_up = nack->gave_up;
	nack->gave_up = false;
	return gave_up;
}
