// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
	WHY_MAX = 128,
	AUDIO_BITRATE = 64000, // with AUDIO_BYTES: 50 packets per second
	AUDIO_BYTES = 160,
};

static const uint64_t second_ns = 1000000000, tick_ns = 50000000;
static const uint64_t unix_to_ntp_s = 2208988800;

// ---- ends

static void connection_over(struct connection *connection, const char *why)
{
	if (connection->state == CONNECTION_OVER)
		return;
	if (connection->state == CONNECTION_UP)
		tally_add(&connection->worker->tally.connections_lost, 1);
	connection->state = CONNECTION_OVER;
	schedule_cancel(&connection->worker->loop.schedule, &connection->timer);
	connection_quiet(connection);
	connection_count(connection);
	loop_forget(&connection->worker->loop, &connection->watch);
	connection->host->over(connection->context, why);
}

void connection_quiet(struct connection *connection)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		schedule_cancel(&connection->worker->loop.schedule, &connection->paces[kind].timer);
}

// ---- sending media

uint64_t connection_count(struct connection *connection)
{
	uint32_t dropped, news;

	if (!connection->counting || connection->watch.fd < 0)
		return 0;
	dropped = udp_dropped(connection->watch.fd);
	news = dropped - connection->counted_last;
	connection->counted_last = dropped;
	connection->counted += news;
	return news;
}

// How late a packet is compared with its due time says whether the tester keeps up.
static void lag_record(struct worker *worker, uint64_t due_ns, uint64_t now_ns)
{
	if (worker->phase == PHASE_STEADY)
		histogram_record(&worker->lag[worker->step], now_ns > due_ns ? now_ns - due_ns : 0);
}

static void packet_keep(struct media_source *source, uint64_t number, uint64_t sent_ns)
{
	if (source->kept)
		source->kept[number % MEDIA_KEPT] = (struct media_kept){number, sent_ns};
}

// Packet `number` into buffer `i` of the batch, sealed. Returns its length, 0 when sealing failed.
static uint32_t packet_seal(struct connection *connection, const struct media_source *source,
	unsigned i, const struct media_kept *kept, bool repeat)
{
	uint8_t *data = connection->worker->batch.data[i];
	struct srtp_seal_job job = {
		.session = connection->srtp_out,
		.data = data,
		.length = (uint32_t)media_packet(source, kept->number, kept->sent_ns, data),
		.room = UDP_BYTES_MAX,
		.index = kept->number,
		.repeat = repeat,
	};

	return srtp_seal(&job, 1) == 1 ? job.length : 0;
}

static void packets_send(struct connection *connection, struct media_source *source, unsigned n)
{
	struct worker *worker = connection->worker;
	_Atomic uint64_t *next = &connection->board->sent[source->kind];
	uint32_t lengths[UDP_BATCH];
	unsigned sent;

	for (unsigned i = 0; i < n; i++) {
		struct media_kept packet = {tally_get(next), clock_ns()};

		lengths[i] = packet_seal(connection, source, i, &packet, false);
		packet_keep(source, packet.number, packet.sent_ns);
		source->packets++;
		source->bytes += source->payload_bytes;
		tally_add(&worker->tally.sent_bytes, lengths[i]);
		tally_add(next, 1);
	}
	sent = udp_send(connection->watch.fd, &worker->batch, lengths, n);
	tally_add(&worker->tally.sent_packets, sent);
	tally_add(&worker->tally.send_dropped, n - sent);
}

static void pace_fire(struct timer *timer, uint64_t due_ns, uint64_t now_ns)
{
	struct pace *pace = (struct pace *)timer;
	struct connection *connection = pace->connection;
	struct media_source *source = &connection->sources[pace->kind];
	unsigned n = 0;

	while (due_ns <= now_ns && n < UDP_BATCH) {
		lag_record(connection->worker, due_ns, now_ns);
		due_ns += source->interval_ns;
		n++;
	}
	packets_send(connection, source, n);
	schedule_set(&connection->worker->loop.schedule, timer, due_ns);
}

// Where in its interval a source begins: spread out, as independent clients are.
static uint64_t random_below(uint64_t limit)
{
	uint64_t random = 0;

	RAND_bytes((uint8_t *)&random, sizeof(random));
	return limit ? random % limit : 0;
}

static void pace_start(struct connection *connection, enum stamp_kind kind)
{
	struct media_source *source = &connection->sources[kind];
	uint64_t shared_ns = atomic_load(&connection->worker->shared->interval_ns);

	if (kind == STAMP_VIDEO && shared_ns)
		source->interval_ns = shared_ns;
	schedule_set(&connection->worker->loop.schedule, &connection->paces[kind].timer,
		clock_ns() + random_below(source->interval_ns));
}

static void source_start(struct connection *connection, enum stamp_kind kind)
{
	const struct options *options = connection->worker->shared->options;
	struct media_source *source = &connection->sources[kind];
	struct pace *pace = &connection->paces[kind];
	bool video = kind == STAMP_VIDEO;

	if (!source->ssrc || !connection->peer.tracks[kind].used)
		return;
	media_source_init(source, &connection->peer.tracks[kind],
		video ? options->video_size : AUDIO_BYTES,
		video ? options->video_bitrate : AUDIO_BITRATE);
	if (video && options->answer_nacks) {
		source->kept = calloc(MEDIA_KEPT, sizeof(*source->kept));
		if (source->kept)
			srtp_stream_start(connection->srtp_out, source->ssrc, 0, true);
	}
	pace->timer.fire = pace_fire;
	pace->connection = connection;
	pace->kind = kind;
	pace_start(connection, kind);
}

void connection_resume(struct connection *connection)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		if (connection->state == CONNECTION_UP && connection->paces[kind].timer.fire &&
			!connection->paces[kind].timer.slot)
			pace_start(connection, (enum stamp_kind)kind);
}

// ---- RTCP

static uint64_t ntp_now(const struct connection *connection)
{
	uint64_t unix_ns = clock_ns() + (uint64_t)connection->worker->loop.realtime_ns;
	uint64_t seconds = unix_ns / second_ns + unix_to_ntp_s;

	return seconds << 32 | (unix_ns % second_ns << 32) / second_ns;
}

static void report_send(struct connection *connection)
{
	uint8_t packet[MEDIA_REPORT_MAX + SRTCP_GROWTH_MAX];
	uint32_t length =
		(uint32_t)(connection->publishes ? media_sender_report(connection->sources,
							   clock_ns(), ntp_now(connection), packet)
						 : media_receiver_report(connection->sinks,
							   connection->ssrc, clock_ns(), packet));

	if (length &&
		srtp_seal_rtcp(connection->srtp_out, packet, &length, sizeof(packet)) == SRTP_OK)
		send(connection->watch.fd, packet, length, MSG_DONTWAIT);
}

// From here on everything must arrive: a second after the keys, if nothing has come by then.
static void since_settle(struct connection *connection)
{
	connection->since_known = true;
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		struct media_sink *sink = &connection->sinks[kind];

		if (sink->track.used)
			sink->since = sink->numbering.received
					      ? sink->numbering.first
					      : tally_get(&connection->board->sent[kind]);
	}
}

// Whether the kernel may take over: by then every stream has been decrypted and checked once.
static bool streams_heard(const struct connection *connection)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		if (connection->sinks[kind].track.used &&
			!connection->sinks[kind].numbering.received)
			return false;
	return connection->since_known;
}

// What the kernel throws away from now on is counted; what it has lost before, for want of room, is not.
static void counting_start(struct connection *connection)
{
	uint32_t dropped = udp_dropped(connection->watch.fd);

	if (udp_ignore_rtp(connection->watch.fd))
		return;
	connection->counting = true;
	connection->counted_last = dropped;
}

static void resend(struct connection *connection, uint32_t ssrc, uint16_t sequence)
{
	struct media_source *source = &connection->sources[STAMP_VIDEO];
	uint64_t next = tally_get(&connection->board->sent[STAMP_VIDEO]);
	uint64_t number = next - (uint16_t)((uint16_t)next - sequence);
	const struct media_kept *kept;
	uint32_t length;

	if (!source->kept || ssrc != source->ssrc || number >= next)
		return;
	kept = &source->kept[number % MEDIA_KEPT];
	if (kept->number != number || !kept->sent_ns)
		return;
	length = packet_seal(connection, source, 0, kept, true);
	if (length && udp_send(connection->watch.fd, &connection->worker->batch, &length, 1))
		tally_add(&connection->worker->tally.resent, 1);
}

static void nack_take(struct connection *connection, const struct rtcp_packet *packet)
{
	uint16_t sequences[RTCP_NACK_MAX];
	unsigned n;

	for (unsigned i = 0; (n = rtcp_read_nack(packet, i, sequences)) > 0; i++) {
		tally_add(&connection->worker->tally.nacks, n);
		for (unsigned j = 0; j < n; j++)
			resend(connection, rtcp_media(packet), sequences[j]);
	}
}

static void rtcp_take_part(struct connection *connection, const struct rtcp_packet *packet)
{
	struct rtcp_sender_info info;

	switch (packet->kind) {
	case RTCP_KIND_PLI:
	case RTCP_KIND_FIR:
		tally_add(&connection->worker->tally.key_requests, 1);
		break;
	case RTCP_KIND_NACK:
		nack_take(connection, packet);
		break;
	case RTCP_KIND_SR:
		if (rtcp_read_sender(packet, &info))
			media_take_sender(connection->sinks, &info, clock_ns());
		break;
	default:
		break;
	}
}

// Works on a copy: resend writes into the batch the packet came in.
static void rtcp_take(struct connection *connection, const struct udp_datagram *datagram)
{
	uint8_t data[UDP_BYTES_MAX];
	uint32_t length = datagram->length;
	struct rtcp_packet packet;
	size_t cursor = 0;

	memcpy(data, datagram->data, length);
	if (srtp_open_rtcp(connection->srtp_in, data, &length) != SRTP_OK ||
		!rtcp_check(data, length)) {
		tally_add(&connection->worker->tally.rtcp_failed, 1);
		return;
	}
	while (rtcp_next(data, length, &cursor, &packet))
		rtcp_take_part(connection, &packet);
}

// ---- RTP

static uint64_t arrival_ns(const struct connection *connection, const struct udp_datagram *datagram)
{
	if (!datagram->arrived_ns)
		return connection->worker->loop.now_ns;
	return datagram->arrived_ns - (uint64_t)connection->worker->loop.realtime_ns;
}

static void arrival_take(
	struct connection *connection, const struct media_arrival *arrival, uint64_t arrived_ns)
{
	struct worker *worker = connection->worker;
	uint64_t waited_ns = worker->loop.now_ns - connection->requested_ns;

	if (!connection->heard++)
		histogram_record(&worker->stages[STAGE_FIRST_PACKET], waited_ns);
	if (arrival->key_frame && !arrival->sink->key_frame_seen) {
		arrival->sink->key_frame_seen = true;
		histogram_record(&worker->stages[STAGE_FIRST_KEY_FRAME], waited_ns);
	}
	if (arrival->numbering == NUMBERING_DUPLICATE)
		tally_add(&worker->tally.duplicates, 1);
	else if (arrival->numbering != NUMBERING_NEW)
		tally_add(&worker->tally.reordered, 1);
	if (arrival->repaired)
		tally_add(&worker->tally.repaired, 1);
	if (worker->phase == PHASE_STEADY || (worker->phase == PHASE_PAUSE && worker->stepped))
		histogram_record(&worker->latency[worker->step],
			arrived_ns > arrival->stamp.sent_ns ? arrived_ns - arrival->stamp.sent_ns
							    : 0);
}

static void rtp_take(struct connection *connection, struct udp_datagram *datagram)
{
	struct tally *tally = &connection->worker->tally;
	uint32_t length = datagram->length;
	struct media_arrival arrival;
	uint64_t index = 0;

	switch (srtp_open(connection->srtp_in, datagram->data, &length, &index)) {
	case SRTP_OK:
		break;
	case SRTP_REPLAYED:
		tally_add(&tally->replayed, 1);
		return;
	default:
		connection->decrypt_failed++;
		tally_add(&tally->decrypt_failed, 1);
		return;
	}
	switch (media_take(connection->sinks, datagram->data, length, index, &arrival)) {
	case MEDIA_GOOD:
		tally_add(&tally->received_packets, 1);
		tally_add(&tally->received_bytes, datagram->length);
		arrival_take(connection, &arrival, arrival_ns(connection, datagram));
		break;
	case MEDIA_PROBE:
		tally_add(&tally->probes, 1);
		break;
	case MEDIA_CORRUPT:
		tally_add(&tally->corrupt, 1);
		break;
	case MEDIA_MALFORMED:
		tally_add(&tally->malformed, 1);
		break;
	}
}

// ---- coming up

static void timer_set(struct connection *connection)
{
	uint64_t due_ns = connection->check_ns;

	if (connection->state == CONNECTION_DTLS)
		due_ns = clock_ns() + tick_ns; // not loop.now_ns: a timer must move on
	else if (connection->state == CONNECTION_UP && connection->report_ns < due_ns)
		due_ns = connection->report_ns;
	schedule_set(&connection->worker->loop.schedule, &connection->timer, due_ns);
}

static void connection_up(struct connection *connection)
{
	struct worker *worker = connection->worker;
	struct dtls_keys keys;
	char why[WHY_MAX];

	if (dtls_export(
		    &connection->dtls, &connection->peer.fingerprint, &keys, why, sizeof(why))) {
		connection_over(connection, why);
		return;
	}
	connection->srtp_in = srtp_session_open(SRTP_IN, keys.profile, &keys.receive);
	connection->srtp_out = srtp_session_open(SRTP_OUT, keys.profile, &keys.send);
	explicit_bzero(&keys, sizeof(keys));
	if (!connection->srtp_in || !connection->srtp_out) {
		connection_over(connection, "cannot use the SRTP keys: out of memory");
		return;
	}
	connection->state = CONNECTION_UP;
	connection->up_ns = clock_ns();
	connection->report_ns = connection->up_ns + second_ns;
	histogram_record(&worker->stages[STAGE_DTLS], connection->up_ns - connection->answered_ns);
	if (connection->publishes && shared_phase(worker->shared) < PHASE_DRAIN)
		for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
			source_start(connection, (enum stamp_kind)kind);
	timer_set(connection);
	connection->host->up(connection->context);
}

static void dtls_result(struct connection *connection, int result, const char *why)
{
	if (result)
		connection_over(connection, why);
	else if (connection->state == CONNECTION_DTLS && connection->dtls.state == DTLS_DONE)
		connection_up(connection);
}

static void dtls_take(struct connection *connection, const struct udp_datagram *datagram)
{
	char why[WHY_MAX];

	if (connection->state == CONNECTION_DTLS || connection->state == CONNECTION_UP)
		dtls_result(connection,
			dtls_input(&connection->dtls, datagram->data, datagram->length, why,
				sizeof(why)),
			why);
}

static void dtls_send(void *context, const uint8_t *data, size_t length)
{
	const struct connection *connection = context;

	if (connection->watch.fd >= 0)
		send(connection->watch.fd, data, length, MSG_DONTWAIT);
}

static void stun_take(struct connection *connection, const struct udp_datagram *datagram)
{
	struct worker *worker = connection->worker;
	uint64_t now_ns = clock_ns();
	uint8_t reply[ICE_CHECK_MAX];
	size_t length;

	if (ice_input(&connection->ice, now_ns, datagram->data, datagram->length)) {
		length = ice_reply(&connection->ice, &connection->peer.address, datagram->data,
			datagram->length, reply);
		if (length)
			send(connection->watch.fd, reply, length, MSG_DONTWAIT);
		return;
	}
	connection->consent_lost = false;
	if (connection->state != CONNECTION_ICE)
		return;
	connection->state = CONNECTION_DTLS;
	connection->answered_ns = now_ns;
	connection->check_ns = now_ns + 2 * second_ns + random_below(second_ns);
	histogram_record(&worker->stages[STAGE_ICE], now_ns - connection->opened_ns);
	connection->dtls.send = dtls_send;
	connection->dtls.context = connection;
	if (dtls_start(&connection->dtls, &worker->shared->dtls))
		connection_over(connection, "DTLS: out of memory");
	else
		timer_set(connection);
}

static void check_send(struct connection *connection)
{
	uint8_t check[ICE_CHECK_MAX];
	size_t length = ice_check(&connection->ice, clock_ns(), check, &connection->check_ns);

	if (length)
		send(connection->watch.fd, check, length, MSG_DONTWAIT);
	if (connection->ice.state == ICE_LOST && !connection->consent_lost) {
		connection->consent_lost = true;
		tally_add(&connection->worker->tally.consents_lost, 1);
	}
}

static void connection_fire(struct timer *timer, uint64_t, uint64_t now_ns)
{
	struct connection *connection =
		(struct connection *)((char *)timer - offsetof(struct connection, timer));
	char why[WHY_MAX];

	if (connection->check_ns <= now_ns)
		check_send(connection);
	if (connection->state == CONNECTION_UP && connection->report_ns <= now_ns) {
		if (!connection->since_known)
			since_settle(connection);
		if (connection->counts && !connection->counting && streams_heard(connection))
			counting_start(connection);
		report_send(connection);
		connection->report_ns += second_ns;
	}
	if (connection->state == CONNECTION_DTLS)
		dtls_result(connection, dtls_tick(&connection->dtls, why, sizeof(why)), why);
	if (connection->state != CONNECTION_OVER && !timer->slot)
		timer_set(connection);
}

// ---- datagrams

static bool is_rtcp(const struct udp_datagram *datagram)
{
	return datagram->data[1] >= 192 && datagram->data[1] <= 223; // RFC 5761, 4
}

static void datagram_take(struct connection *connection, struct udp_datagram *datagram)
{
	uint8_t first = datagram->length >= 2 ? datagram->data[0] : 255;
	struct tally *tally = &connection->worker->tally;

	if (datagram->overflowed > connection->overflowed && !connection->counting) {
		tally_add(&tally->socket_overflows, datagram->overflowed - connection->overflowed);
		connection->overflowed = datagram->overflowed;
	}
	if (first < 4)
		stun_take(connection, datagram);
	else if (first >= 20 && first <= 63)
		dtls_take(connection, datagram);
	else if (first < 128 || first > 191)
		tally_add(&tally->malformed, 1);
	else if (connection->state != CONNECTION_UP)
		tally_add(&tally->early, 1);
	else if (is_rtcp(datagram))
		rtcp_take(connection, datagram);
	else
		rtp_take(connection, datagram);
}

// Nothing that is done here writes into the batch, but for slot 0 by resend: that one has been read.
static void connection_ready(struct watch *watch, uint32_t)
{
	struct connection *connection = (struct connection *)watch;
	struct udp_batch *batch = &connection->worker->batch;
	unsigned n = udp_receive(watch->fd, batch);

	for (unsigned i = 0; i < n && connection->watch.fd >= 0; i++) {
		struct udp_datagram datagram;

		udp_datagram(batch, i, &datagram);
		datagram_take(connection, &datagram);
	}
}

// ---- life

static uint32_t random_ssrc(void)
{
	return (uint32_t)random_below(UINT32_MAX) + 1;
}

void connection_init(struct connection *connection, uint32_t publisher)
{
	const struct options *options = connection->worker->shared->options;

	connection->watch = (struct watch){.fd = -1, .ready = connection_ready};
	connection->timer.fire = connection_fire;
	connection->ssrc = random_ssrc();
	ice_init(&connection->ice);
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		bool wanted = kind == STAMP_VIDEO ? options->video_bitrate > 0 : options->audio;

		connection->sources[kind].kind = connection->sinks[kind].kind =
			(enum stamp_kind)kind;
		connection->sources[kind].publisher = connection->sinks[kind].publisher = publisher;
		connection->sinks[kind].since = UINT64_MAX;
		if (connection->publishes && wanted)
			connection->sources[kind].ssrc = random_ssrc();
	}
}

static int socket_open(struct connection *connection)
{
	int error;

	connection->watch.fd = udp_open(&connection->peer.address, connection->local);
	if (connection->watch.fd < 0)
		return connection->watch.fd;
	error = loop_watch(&connection->worker->loop, &connection->watch, EPOLLIN);
	if (error)
		loop_forget(&connection->worker->loop, &connection->watch);
	return error;
}

int connection_open(struct connection *connection, char *why, size_t why_size)
{
	int error = socket_open(connection);

	if (error < 0) {
		snprintf(why, why_size, "cannot open a UDP socket: %s%s", strerror(-error),
			error == -EMFILE ? " (raise `ulimit -n`)" : "");
		return -1;
	}
	for (unsigned kind = 0; kind < STAMP_KINDS && !connection->publishes; kind++)
		connection->sinks[kind].track = connection->peer.tracks[kind];
	connection->state = CONNECTION_ICE;
	connection->opened_ns = clock_ns();
	ice_start(&connection->ice, connection->peer.ufrag, connection->peer.password);
	check_send(connection);
	timer_set(connection);
	return 0;
}

void connection_leave(struct connection *connection)
{
	if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_OVER)
		return;
	connection->state = CONNECTION_OVER;
	schedule_cancel(&connection->worker->loop.schedule, &connection->timer);
	connection_quiet(connection);
	dtls_close(&connection->dtls);
	connection_count(connection);
	loop_forget(&connection->worker->loop, &connection->watch);
}

void connection_free(struct connection *connection)
{
	connection_leave(connection);
	dtls_close(&connection->dtls);
	srtp_session_close(connection->srtp_in);
	srtp_session_close(connection->srtp_out);
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		free(connection->sources[kind].kept);
}
