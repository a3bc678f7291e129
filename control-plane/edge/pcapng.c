// SPDX-License-Identifier: Apache-2.0
#include "pcapng.h"

#include <stdbool.h>
#include <string.h>

enum {
	BLOCK_SECTION = 0x0A0D0D0A,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,

	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	PACKET_LOST = 4,
	STATISTICS_BEGUN = 2,
	STATISTICS_ENDED = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_LOST = 5,

	NANOSECONDS = 9, // 10^-9
	TEXT_MAX = 1024,
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1A2B3C4D)

struct block {
	uint8_t *to;
	size_t room, used;
	bool full;
};

static void put(struct block *block, const void *data, size_t size)
{
	static const uint8_t zeros[4];
	size_t padding = (4 - size % 4) % 4;

	if (block->full || size + padding > block->room - block->used) {
		block->full = true;
		return;
	}
	if (size)
		memcpy(block->to + block->used, data, size);
	memcpy(block->to + block->used + size, zeros, padding);
	block->used += size + padding;
}

static void put_u32(struct block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

// Two halves, the high one first, whatever the byte order.
static void put_time(struct block *block, uint64_t ns)
{
	put_u32(block, (uint32_t)(ns >> 32));
	put_u32(block, (uint32_t)ns);
}

static void put_pair(struct block *block, uint16_t first, uint16_t second)
{
	const uint16_t pair[] = {first, second};

	put(block, pair, sizeof(pair));
}

static void put_option(struct block *block, uint16_t code, const void *value, size_t size)
{
	put_pair(block, code, (uint16_t)size);
	put(block, value, size);
}

static void put_text(struct block *block, uint16_t code, const char *text)
{
	if (text)
		put_option(block, code, text, strnlen(text, TEXT_MAX));
}

static void put_time_option(struct block *block, uint16_t code, uint64_t ns)
{
	put_pair(block, code, sizeof(ns));
	put_time(block, ns);
}

static struct block block_begin(uint8_t *to, size_t room, uint32_t type)
{
	struct block block = {.to = to, .room = room};

	put_u32(&block, type);
	put_u32(&block, 0); // the length, once it is known
	return block;
}

static size_t block_end(struct block *block)
{
	put_pair(block, OPTION_END, 0);
	uint32_t length = (uint32_t)block->used + sizeof(length);

	put_u32(block, length);
	if (block->full)
		return 0;
	memcpy(block->to + sizeof(uint32_t), &length, sizeof(length));
	return length;
}

size_t pcapng_section(uint8_t *to, size_t room, const char *application, const char *comment)
{
	struct block block = block_begin(to, room, BLOCK_SECTION);
	const uint64_t length = UINT64_MAX; // of the section: not known

	put_u32(&block, BYTE_ORDER_MAGIC);
	put_pair(&block, 1, 0); // version
	put(&block, &length, sizeof(length));
	put_text(&block, SECTION_APPLICATION, application);
	put_text(&block, OPTION_COMMENT, comment);
	return block_end(&block);
}

size_t pcapng_interface(uint8_t *to, size_t room, const char *name, const char *description)
{
	struct block block = block_begin(to, room, BLOCK_INTERFACE);
	const uint8_t resolution = NANOSECONDS;

	put_pair(&block, PCAPNG_ETHERNET, 0);
	put_u32(&block, 0); // no limit of what is kept
	put_text(&block, INTERFACE_NAME, name);
	put_text(&block, INTERFACE_DESCRIPTION, description);
	put_option(&block, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	return block_end(&block);
}

size_t pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet)
{
	struct block block = block_begin(to, room, BLOCK_PACKET);
	const uint32_t flags = packet->direction;

	put_u32(&block, packet->interface);
	put_time(&block, packet->unix_ns);
	put_u32(&block, packet->kept);
	put_u32(&block, packet->length);
	put(&block, packet->data, packet->kept);
	put_option(&block, PACKET_FLAGS, &flags, sizeof(flags));
	if (packet->lost)
		put_option(&block, PACKET_LOST, &packet->lost, sizeof(packet->lost));
	put_text(&block, OPTION_COMMENT, packet->comment);
	return block_end(&block);
}

size_t pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics)
{
	struct block block = block_begin(to, room, BLOCK_STATISTICS);

	put_u32(&block, statistics->interface);
	put_time(&block, statistics->ended_ns);
	put_time_option(&block, STATISTICS_BEGUN, statistics->begun_ns);
	put_time_option(&block, STATISTICS_ENDED, statistics->ended_ns);
	put_option(
		&block, STATISTICS_RECEIVED, &statistics->captured, sizeof(statistics->captured));
	put_option(&block, STATISTICS_LOST, &statistics->lost, sizeof(statistics->lost));
	return block_end(&block);
}
