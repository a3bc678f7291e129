// SPDX-License-Identifier: Apache-2.0
// Every reason for which the data plane drops a packet, once: the number in the shared file, the
// name in metrics and in `sluicectl drops`, and the words for people. Numbers are never reused:
// append at the end.
#pragma once

#define SLUICE_DROPS(X)                                                                    \
	X(short, "frame ends before its headers do")                                       \
	X(bad_checksum, "IPv4 or UDP checksum is wrong")                                   \
	X(fragment, "IP fragment; media is never fragmented")                              \
	X(not_media, "not UDP to the media port, or neither STUN, DTLS, RTP nor RTCP")     \
	X(no_transport, "no session has validated the source address")                     \
	X(no_keys, "the DTLS handshake of the session is not finished")                    \
	X(mesh_full, "ring to another worker is full")                                     \
	X(auth_failed, "SRTP authentication failed: wrong key or forged packet")           \
	X(replayed, "SRTP index was seen before or is too old")                            \
	X(bad_rtp, "RTP header is malformed")                                              \
	X(bad_rtcp, "RTCP compound is malformed")                                          \
	X(unknown_ssrc, "RTP of no negotiated stream")                                     \
	X(paused, "publisher or operator has paused the stream")                           \
	X(no_mapping, "subscriber did not negotiate the codec")                            \
	X(muted, "subscriber has paused the stream")                                       \
	X(late, "packet is older than the switch of its source")                           \
	X(no_buffer, "packet pool is empty")                                               \
	X(seal_failed, "SRTP encryption failed")                                           \
	X(no_path, "next hop or address of the peer is not known")                         \
	X(tx_full, "the port did not take the packet")                                     \
	X(punt_full, "ring to control is full, or control is not there")                   \
	X(too_long, "packet does not fit a buffer after rewriting")                        \
	X(padding, "probing packet without payload; not forwarded")                        \
	X(index_exhausted, "SRTP index space of the stream is used up")                    \
	X(want_key, "held back until the video can start with a key frame")                \
	X(layer, "another simulcast layer is forwarded")                                   \
	X(overload, "more is to be sent than worker or port can; video goes before audio") \
	X(address_conflict, "another host claims an address of the port as its own")

enum sluice_drop {
#define X(name, help) SLUICE_DROP_##name,
	SLUICE_DROPS(X)
#undef X
		SLUICE_DROP_COUNT,
};

struct sluice_drop_info {
	const char *name;
	const char *help;
};

// Names and help of all drops, by number. Returns NULL for a number that is none.
static inline const struct sluice_drop_info *sluice_drop_info(unsigned drop)
{
	static const struct sluice_drop_info info[] = {
#define X(name, help) {#name, help},
		SLUICE_DROPS(X)
#undef X
	};
	return drop < SLUICE_DROP_COUNT ? &info[drop] : (const struct sluice_drop_info *)0;
}
