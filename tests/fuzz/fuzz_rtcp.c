// SPDX-License-Identifier: Apache-2.0
// RTCP from a peer: the walk and every reader.
#include "media/receiver.h"
#include "media/twcc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_lists(const struct rtcp_packet *packet)
{
	struct rtcp_report_block block;
	uint16_t sequences[RTCP_NACK_MAX];
	uint32_t ssrc;
	uint8_t command;
	uint64_t rtt_ns;
	for (unsigned i = 0; rtcp_read_report(packet, i, &block); i++)
		receiver_rtt(&block, 0x1234567890, &rtt_ns);
	for (unsigned i = 0; rtcp_read_nack(packet, i, sequences); i++)
		;
	for (unsigned i = 0; rtcp_read_fir(packet, i, &ssrc, &command); i++)
		;
	for (unsigned i = 0; rtcp_read_bye(packet, i, &ssrc); i++)
		;
	for (unsigned i = 0; rtcp_read_remb_ssrc(packet, i, &ssrc); i++)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twcc_arrival arrivals[UINT16_MAX];
	struct rtcp_packet packet;
	if (!rtcp_check(data, size))
		return 0;
	size_t cursor = 0;
	while (rtcp_next(data, size, &cursor, &packet)) {
		if (packet.body + packet.length > data + size)
			abort();
		struct rtcp_sender_info info;
		struct receiver receiver = {0};
		struct twcc_feedback feedback;
		uint64_t bitrate_bps;
		if (rtcp_read_sender(&packet, &info))
			receiver_sender_report(&receiver, &info, 1);
		rtcp_read_remb(&packet, &bitrate_bps);
		rtcp_sender(&packet);
		rtcp_media(&packet);
		read_lists(&packet);
		twcc_parse(&packet, &feedback, arrivals, UINT16_MAX);
	}
	if (cursor != size)
		abort(); // what was checked is walked to its end
	return 0;
}
