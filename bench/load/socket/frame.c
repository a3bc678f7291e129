// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool opcode_known(unsigned opcode)
{
	return opcode <= FRAME_BINARY || (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG);
}

long frame_read(const uint8_t *data, size_t length, size_t payload_max, struct frame *frame)
{
	size_t head = 2;
	uint64_t size;

	if (length < head)
		return 0;
	if (data[0] & 0x70 || data[1] & 0x80 || !opcode_known(data[0] & 0x0f))
		return -EBADMSG;
	size = data[1] & 0x7f;
	if (data[0] & 0x08 &&
		(size > 125 || !(data[0] & 0x80))) // control frames are short and whole
		return -EBADMSG;
	head += size == 126 ? 2 : size == 127 ? 8 : 0;
	if (length < head)
		return 0;
	if (head > 2) {
		size = 0;
		for (size_t i = 2; i < head; i++)
			size = size << 8 | data[i];
	}
	if (size > payload_max)
		return -EMSGSIZE;
	if (length - head < size)
		return 0;
	*frame = (struct frame){
		.final = data[0] & 0x80,
		.opcode = (enum frame_opcode)(data[0] & 0x0f),
		.payload = data + head,
		.length = size,
	};
	return (long)(head + size);
}

size_t frame_write(enum frame_opcode opcode, const uint8_t mask[4], uint8_t *payload, size_t length,
	uint8_t head[FRAME_HEAD_MAX])
{
	size_t at = 2, extended = length < 126 ? 0 : length <= UINT16_MAX ? 2 : 8;

	head[0] = (uint8_t)(0x80 | opcode);
	head[1] = (uint8_t)(0x80 | (!extended ? length : extended == 2 ? 126 : 127));
	while (extended--)
		head[at++] = (uint8_t)((uint64_t)length >> extended * 8);
	memcpy(head + at, mask, 4);
	for (size_t i = 0; i < length; i++)
		payload[i] ^= mask[i % 4];
	return at + 4;
}

void frame_accept_key(const char *key, char accept[29])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_length = 0;
	char text[128];
	int length = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);

	EVP_Digest(text, (size_t)length, digest, &digest_length, EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_length);
}
