// SPDX-License-Identifier: Apache-2.0
#include "base64url.h"

#include <stdint.h>

static int value_of(char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	return character == '-' ? 62 : character == '_' ? 63 : -1;
}

ssize_t base64url_decode(const char *text, size_t length, void *bytes, size_t size)
{
	size_t need = length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0), used = 0;
	uint32_t bits = 0;
	unsigned held = 0;

	if (length % 4 == 1 || need > size)
		return -1;
	for (size_t i = 0; i < length; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		((uint8_t *)bytes)[used++] = (uint8_t)(bits >> held);
		bits &= (1U << held) - 1;
	}
	return bits ? -1 : (ssize_t)used;
}

ssize_t base64url_encode(const void *bytes, size_t length, char *text, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";
	const uint8_t *byte = bytes;
	size_t need = length / 3 * 4 + (length % 3 ? length % 3 + 1 : 0), used = 0;
	uint32_t bits = 0;
	unsigned held = 0;

	if (need >= size)
		return -1;
	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | byte[i];
		for (held += 8; held >= 6; held -= 6)
			text[used++] = alphabet[bits >> (held - 6) & 63];
	}
	if (held)
		text[used++] = alphabet[bits << (6 - held) & 63];
	text[used] = 0;
	return (ssize_t)used;
}
