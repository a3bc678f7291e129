// SPDX-License-Identifier: Apache-2.0
// Bounded big-endian reading and writing. Overrunning sets `failed`, reads then give 0 and writes are
// ignored: check `failed` once, at the end. Nothing is ever touched outside the range.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t span_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t span_u24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static inline uint32_t span_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | span_u24(at + 1);
}

static inline void span_put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void span_put_u24(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 16);
	span_put_u16(at + 1, (uint16_t)value);
}

static inline void span_put_u32(uint8_t *at, uint32_t value)
{
	span_put_u16(at, (uint16_t)(value >> 16));
	span_put_u16(at + 2, (uint16_t)value);
}

struct span_reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct span_reader span_reader(const uint8_t *data, size_t length)
{
	return (struct span_reader){.at = data, .end = data + length};
}

static inline size_t span_left(const struct span_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

// The next `n` bytes, or NULL when there are fewer; then the reader has failed.
static inline const uint8_t *span_take(struct span_reader *reader, size_t n)
{
	if (reader->failed || span_left(reader) < n) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *at = reader->at;
	reader->at += n;
	return at;
}

static inline uint8_t span_read_u8(struct span_reader *reader)
{
	const uint8_t *at = span_take(reader, 1);
	return at ? at[0] : 0;
}

static inline uint16_t span_read_u16(struct span_reader *reader)
{
	const uint8_t *at = span_take(reader, 2);
	return at ? span_u16(at) : 0;
}

static inline uint32_t span_read_u24(struct span_reader *reader)
{
	const uint8_t *at = span_take(reader, 3);
	return at ? span_u24(at) : 0;
}

static inline uint32_t span_read_u32(struct span_reader *reader)
{
	const uint8_t *at = span_take(reader, 4);
	return at ? span_u32(at) : 0;
}

struct span_writer {
	uint8_t *begin, *at, *end;
	bool failed;
};

static inline struct span_writer span_writer(uint8_t *data, size_t room)
{
	return (struct span_writer){.begin = data, .at = data, .end = data + room};
}

static inline size_t span_written(const struct span_writer *writer)
{
	return (size_t)(writer->at - writer->begin);
}

static inline size_t span_room(const struct span_writer *writer)
{
	return (size_t)(writer->end - writer->at);
}

// Where the next `n` bytes go, or NULL when they do not fit; then the writer has failed.
static inline uint8_t *span_make(struct span_writer *writer, size_t n)
{
	if (writer->failed || span_room(writer) < n) {
		writer->failed = true;
		return NULL;
	}
	uint8_t *at = writer->at;
	writer->at += n;
	return at;
}

static inline void span_write_u8(struct span_writer *writer, uint8_t value)
{
	uint8_t *at = span_make(writer, 1);
	if (at)
		*at = value;
}

static inline void span_write_u16(struct span_writer *writer, uint16_t value)
{
	uint8_t *at = span_make(writer, 2);
	if (at)
		span_put_u16(at, value);
}

static inline void span_write_u24(struct span_writer *writer, uint32_t value)
{
	uint8_t *at = span_make(writer, 3);
	if (at)
		span_put_u24(at, value);
}

static inline void span_write_u32(struct span_writer *writer, uint32_t value)
{
	uint8_t *at = span_make(writer, 4);
	if (at)
		span_put_u32(at, value);
}

static inline void span_write_bytes(struct span_writer *writer, const void *bytes, size_t n)
{
	uint8_t *at = span_make(writer, n);
	if (at && n > 0)
		memcpy(at, bytes, n);
}
