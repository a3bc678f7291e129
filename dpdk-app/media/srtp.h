// SPDX-License-Identifier: Apache-2.0
// SRTP and SRTCP (RFC 3711, RFC 7714): open what peers send, seal bursts of what we send.
//
// A session has one key and one direction, and belongs to one worker. Sealing never uses an
// (SSRC, index) twice under one key: it keeps a window of the indexes it has used, per SSRC, and
// refuses everything below. What it cannot know is what a process that died has used: after a
// restart call srtp_stream_start before the first packet of an SSRC (RFC 3711, 9.1; RFC 7714, 8.1).
#pragma once

#include <sluice/shm.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	SRTP_GROWTH_MAX = 16, // bytes sealing RTP adds, at most
	SRTCP_GROWTH_MAX = 20, // bytes sealing RTCP adds, at most
	SRTP_STREAMS_MAX = 4096, // SSRCs of one session: a peer cannot make us allocate without end
	SRTP_WINDOW = 1024, // indexes behind the highest in which packets may be late
};

enum srtp_result {
	SRTP_OK,
	SRTP_AUTH_FAILED, // wrong key, wrong ROC or forged
	SRTP_REPLAYED, // index seen before, below the window or below srtp_stream_expect's
	SRTP_MALFORMED, // too short, or header fields do not fit
	SRTP_INDEX_USED, // sealing: the (SSRC, index) was used, or is too old to know
	SRTP_TOO_LONG, // sealing: no room for the tag
	SRTP_NO_ROOM, // SRTP_STREAMS_MAX reached or out of memory
	SRTP_EXHAUSTED, // the key's 2^48 packets (2^31 of SRTCP) are used up
	SRTP_FAILED, // the crypto library failed
};

struct srtp_session;

enum srtp_direction { SRTP_IN, SRTP_OUT };

// Prepares the crypto libraries and chooses the back end by what this CPU can do: intel-ipsec-mb where
// it runs at full speed, else libsrtp2. Call once, before any other and from one thread. 0 or -EIO.
int srtp_library_init(void);
// Gives back what srtp_library_init took, after the last session is closed.
void srtp_library_exit(void);
// Short name of the back end of new sessions, for people; says why when it is not the fast one.
const char *srtp_backend(void);

// For tests and benchmarks: overrules the choice for sessions opened from now on; open ones keep
// theirs. Not while another thread opens sessions. 0, or -ENOTSUP: not on this machine, nothing changed.
// IPSEC_MB_GCM: the library's own GCM, too, as on CPUs without AVX-512.
enum srtp_choice {
	SRTP_CHOICE_BEST,
	SRTP_CHOICE_LIBSRTP,
	SRTP_CHOICE_IPSEC_MB,
	SRTP_CHOICE_IPSEC_MB_GCM,
};
int srtp_backend_choose(enum srtp_choice choice);

// A new session, or NULL for a profile that is not supported or when memory is short. The key is
// copied. Close it with srtp_session_close.
struct srtp_session *srtp_session_open(enum srtp_direction direction,
	enum sluice_srtp_profile profile, const struct sluice_srtp_key *key);
// Frees the session and clears its key. NULL is ignored.
void srtp_session_close(struct srtp_session *session);

// ---- in -------------------------------------------------------------------------------------------

// Before the first packet of `ssrc` after a restart: `highest` is the highest index authenticated so
// far. The ROC goes on from it; packets with that index or a lower one are refused as replayed.
// Returns SRTP_OK, or SRTP_NO_ROOM / SRTP_FAILED and nothing has changed. Incoming sessions only.
enum srtp_result srtp_stream_expect(struct srtp_session *session, uint32_t ssrc, uint64_t highest);

// Authenticates and decrypts an RTP packet in place; any alignment. On SRTP_OK *length is shorter by
// the tag and *index is ROC << 16 | sequence. Otherwise both are unchanged and data is undefined.
enum srtp_result srtp_open(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint64_t *index);

// The same for RTCP.
enum srtp_result srtp_open_rtcp(struct srtp_session *session, uint8_t *data, uint32_t *length);

// ---- out ------------------------------------------------------------------------------------------

// Opens an outgoing SSRC: no index below `first` is ever used. Needed before the first packet when
// indexes may have been used before (restart), when ROC is not 0, or for `may_repeat`; otherwise
// srtp_seal opens SSRCs by itself. SRTP_INDEX_USED when the SSRC is open already.
//
// may_repeat: resends go under this SSRC (RTX was not negotiated). A job that says `repeat` may then
// use a used index again, provided its plaintext is the same to the byte: same key, index and
// plaintext give the same ciphertext, which tells an observer nothing new (RFC 3711, 9.1, forbids
// only a second plaintext). A digest of each of the last SRTP_WINDOW packets is kept to enforce it:
// 8 KiB per such SSRC. Streams with RTX must not ask for it.
enum srtp_result srtp_stream_start(
	struct srtp_session *session, uint32_t ssrc, uint64_t first, bool may_repeat);

// One packet to seal. The destination buffer holds header and payload in the clear; its sequence
// number must be the low 16 bits of index.
//
// The payload may be elsewhere, so that one plaintext is encrypted straight into the buffers of many
// receivers: `payload` then names it, and data holds the header alone. It is only read and must not
// overlap data. When data goes on behind the header, with a payload's changed beginning or the OSN of
// RTX, `payload` is what follows that; it then costs a copy.
struct srtp_seal_job {
	struct srtp_session *session;
	uint8_t *data;
	uint32_t length; // in: bytes in the clear in data, out: with payload and tag when SRTP_OK
	uint32_t room; // bytes usable from data on
	const uint8_t *payload; // NULL: all is in data
	uint32_t payload_length; // of payload; not looked at when that is NULL
	uint64_t index; // ROC << 16 | sequence
	bool repeat; // a resend under the media SSRC, see srtp_stream_start
	enum srtp_result result;
	uint64_t
		sum; // of the last `summed` bytes, as words of this machine, for an Internet checksum
	uint32_t
		summed; // out, when SRTP_OK: they begin at an even place of data; 0: no sum was made
};

// Asks for the session's memory, as far as packets of its first SSRC need it. For callers with many sessions, some
// packets before their turn. NULL is ignored.
void srtp_session_prefetch(const struct srtp_session *session);

// Asks for the keys that RTP needs. The session itself is looked at and should be near by then; NULL is ignored.
// srtp_seal does it by itself.
void srtp_keys_prefetch(const struct srtp_session *session);

// Seals `n` packets, of any sessions in any order. Each job gets its own result; returns how
// many are SRTP_OK. The data of a job that failed must not be sent.
unsigned srtp_seal(struct srtp_seal_job *jobs, unsigned n);

struct srtp_meanwhile {
	void (*ask)(void *context);
	void *context;
};

// As srtp_seal; calls `ask` before it seals a packet, up to once for each: while the processor is busy with one, memory
// for what comes after all of these packets can be on its way. NULL = nothing is asked for.
unsigned srtp_seal_meanwhile(
	struct srtp_seal_job *jobs, unsigned n, const struct srtp_meanwhile *meanwhile);

// Seals a compound RTCP packet in place; index counted here, from 0, per SSRC of its first packet. The
// SSRC must therefore be new to the key after a restart: see rtcp.h.
enum srtp_result srtp_seal_rtcp(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint32_t room);

// ---- both -----------------------------------------------------------------------------------------

// Frees what is kept for `ssrc`; unknown ones are ignored. For an outgoing SSRC: the caller must never
// again seal it under this key without srtp_stream_start above every used index.
void srtp_stream_forget(struct srtp_session *session, uint32_t ssrc);

// Highest index authenticated or sealed under `ssrc`; false when there is none yet.
bool srtp_stream_highest(const struct srtp_session *session, uint32_t ssrc, uint64_t *index);
