// SPDX-License-Identifier: Apache-2.0
#include "rtp_head.h"

// Where the element's value lies in the head; 0 when it is not there.
static uint8_t value_offset(
	const struct rtp_head *head, const struct rtp_header *header, uint8_t id, bool sent)
{
	struct rtp_extension extension;
	if (!sent || !rtp_extension_find(head->bytes, header, id, &extension))
		return 0;
	return (uint8_t)(extension.value - head->bytes);
}

// Nobody negotiates that; but then an element cannot be told by its id.
static bool ids_collide(const uint8_t *out_id)
{
	uint8_t mid = out_id[SLUICE_EXT_MID], time = out_id[SLUICE_EXT_ABS_SEND_TIME],
		sequence = out_id[SLUICE_EXT_TRANSPORT_CC];
	return (mid && (mid == time || mid == sequence)) || (time && time == sequence);
}

void rtp_head_make(struct rtp_head *head, const struct rtp_output *output)
{
	static const uint8_t bare[RTP_HEADER_BYTES] = {0x80};
	struct rtp_header source, written;
	*head = (struct rtp_head){0};
	if (ids_collide(output->out_id))
		return;
	rtp_parse(bare, sizeof(bare), &source);
	size_t length = rtp_write_header(bare, &source, output, head->bytes, sizeof(head->bytes));
	if (length == 0 || rtp_parse(head->bytes, length, &written) < 0)
		return; // too long: there is none
	head->length = (uint8_t)length;
	head->abs_send_time = value_offset(head, &written, output->out_id[SLUICE_EXT_ABS_SEND_TIME],
		output->has_abs_send_time);
	head->transport_sequence = value_offset(head, &written,
		output->out_id[SLUICE_EXT_TRANSPORT_CC], output->has_transport_sequence);
}

bool rtp_is_bare(const uint8_t *data, const struct rtp_header *header, const uint8_t *in_id)
{
	struct rtp_extension extension;
	if (header->csrc_count > 0)
		return false;
	for (size_t cursor = 0; rtp_extension_next(data, header, &cursor, &extension);)
		if (rtp_extension_leaves(in_id, extension.id))
			return false;
	return true;
}
