// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include <errno.h>
#include <string.h>

enum {
	MAGIC_NANOSECONDS = 0xa1b23c4d,
	MAGIC_MICROSECONDS = 0xa1b2c3d4,
	LINK_ETHERNET = 1,
};

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t accuracy, snap, link;
};

struct frame_header {
	uint32_t seconds, fraction, captured, length;
};

int capture_create(struct capture *capture, const char *path, char *why, size_t why_size)
{
	const struct file_header header = {MAGIC_MICROSECONDS, 2, 4, 0, 0,
		sizeof(((struct capture_frame *)0)->data), LINK_ETHERNET};

	*capture = (struct capture){.file = fopen(path, "we")};
	snprintf(capture->path, sizeof(capture->path), "%s", path);
	if (capture->file && fwrite(&header, sizeof(header), 1, capture->file) == 1)
		return 0;
	snprintf(why, why_size, "%s: %s", path, strerror(errno));
	if (capture->file)
		fclose(capture->file);
	return -1;
}

void capture_write(struct capture *capture, uint64_t time_ns, const uint8_t *frame, size_t length)
{
	const struct frame_header header = {(uint32_t)(time_ns / 1000000000),
		(uint32_t)(time_ns % 1000000000 / 1000), (uint32_t)length, (uint32_t)length};

	fwrite(&header, sizeof(header), 1, capture->file);
	fwrite(frame, length, 1, capture->file);
	capture->frames++;
}

static uint32_t number(const struct capture *capture, uint32_t value)
{
	return capture->swapped ? __builtin_bswap32(value) : value;
}

int capture_open(struct capture *capture, const char *path, char *why, size_t why_size)
{
	struct file_header header = {0};

	*capture = (struct capture){.file = fopen(path, "re")};
	snprintf(capture->path, sizeof(capture->path), "%s", path);
	if (!capture->file) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fread(&header, sizeof(header), 1, capture->file) == 1) {
		capture->swapped = header.magic == __builtin_bswap32(MAGIC_NANOSECONDS) ||
				   header.magic == __builtin_bswap32(MAGIC_MICROSECONDS);
		capture->nanoseconds = number(capture, header.magic) == MAGIC_NANOSECONDS;
		if ((capture->nanoseconds || number(capture, header.magic) == MAGIC_MICROSECONDS) &&
			number(capture, header.link) == LINK_ETHERNET)
			return 0;
	}
	snprintf(why, why_size,
		"%s: is no pcap file of Ethernet frames (pcapng: `editcap -F pcap`)", path);
	fclose(capture->file);
	return -1;
}

int capture_next(struct capture *capture, struct capture_frame *frame, char *why, size_t why_size)
{
	struct frame_header header;
	size_t got = fread(&header, 1, sizeof(header), capture->file);

	if (!got && feof(capture->file))
		return 0;
	frame->length = number(capture, header.captured);
	if (got == sizeof(header) && frame->length <= sizeof(frame->data) &&
		fread(frame->data, 1, frame->length, capture->file) == frame->length) {
		frame->time_ns = (uint64_t)number(capture, header.seconds) * 1000000000 +
				 (uint64_t)number(capture, header.fraction) *
					 (capture->nanoseconds ? 1 : 1000);
		capture->frames++;
		return 1;
	}
	snprintf(why, why_size, "%s: is damaged after %llu frames", capture->path,
		(unsigned long long)capture->frames);
	return -1;
}

int capture_close(struct capture *capture, char *why, size_t why_size)
{
	bool failed = ferror(capture->file) != 0;

	if (fclose(capture->file) || failed) {
		snprintf(why, why_size, "%s: could not be written: is the disk full?",
			capture->path);
		return -1;
	}
	return 0;
}
