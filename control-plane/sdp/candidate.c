// SPDX-License-Identifier: Apache-2.0
#include "sdp.h"
#include "span.h"

#include <stdio.h>

// An address or an mDNS name: nothing that could end the line or the word.
static bool address_valid(struct span word)
{
	for (size_t i = 0; i < word.length; i++)
		if ((unsigned char)word.at[i] <= ' ' || (unsigned char)word.at[i] > '~')
			return false;
	return word.length > 0;
}

static bool candidate_head(struct span *rest, struct desc_candidate *candidate)
{
	struct span foundation = span_word(rest), component = span_word(rest);
	struct span protocol = span_word(rest), priority = span_word(rest);
	uint64_t number;

	if (!address_valid(foundation) ||
		!span_copy(foundation, candidate->foundation, sizeof(candidate->foundation)))
		return false;
	if (!span_number(component, 255, &number) || !number)
		return false;
	candidate->component = (uint8_t)number;
	candidate->udp = span_is_any_case(protocol, "udp");
	if (!span_number(priority, UINT32_MAX, &number))
		return false;
	candidate->priority = (uint32_t)number;
	return protocol.length > 0;
}

int sdp_candidate_parse(const char *text, size_t length, struct desc_candidate *candidate)
{
	struct span rest = {text, length}, word;
	struct desc_candidate read = {0};
	uint64_t number;

	while (rest.length &&
		(rest.at[rest.length - 1] == '\r' || rest.at[rest.length - 1] == '\n'))
		rest.length--;
	if (span_starts(rest, "a="))
		rest = (struct span){rest.at + 2, rest.length - 2};
	if (span_starts(rest, "candidate:"))
		rest = (struct span){rest.at + 10, rest.length - 10};
	if (!candidate_head(&rest, &read))
		return -1;
	word = span_word(&rest);
	if (!address_valid(word) || !span_copy(word, read.address, sizeof(read.address)))
		return -1;
	if (!span_number(span_word(&rest), UINT16_MAX, &number))
		return -1;
	read.port = (uint16_t)number;
	if (!span_is(span_word(&rest), "typ"))
		return -1;
	word = span_word(&rest);
	if (!address_valid(word) || !span_copy(word, read.type, sizeof(read.type)))
		return -1;
	*candidate = read;
	return 0;
}

int sdp_candidate_print(const struct desc_candidate *candidate, char *text, size_t size)
{
	int length = snprintf(text, size, "candidate:%s %u %s %u %s %u typ %s",
		candidate->foundation, candidate->component, candidate->udp ? "udp" : "tcp",
		candidate->priority, candidate->address, candidate->port, candidate->type);

	return length >= 0 && (size_t)length < size ? length : -1;
}
