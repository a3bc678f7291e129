// SPDX-License-Identifier: Apache-2.0
// Plays a script against the whole pipeline: on one worker, on four, and on four with wrong steering.
// What peers receive must be the same to the byte each time, and the same as the script's golden file.
//
//   replay [--write] SCRIPT.cmd
//
// A line is a verb and words `name=value`. Numbers may be hexadecimal (0x…). Peers are named by the
// number of their transport row; publications and subscriptions by theirs.
//
//   peer N profile=gcm128|gcm256|cm128 [ipv6=1] [twcc=ID]     a session, keys and address made of N
//   gone N                                                    its transport row is freed
//   rekey N epoch=E                                           fresh keys on both sides
//   publication N peer=P kind=audio|video mid=M pt=T [rtx=T] [epoch=E] [paused=1] [ext.NAME=ID]
//   subscription N publication=P peer=Q ssrc=S pt=T [rtx-ssrc=S rtx=T] mid=M [nack=1] [active=0] [paused=1] [ext.NAME=ID]
//   stream N ssrc=S pt=T index=I ts=T step=D [mid=M mid-id=ID] [level-id=ID level=L] [twcc-id=ID] [vp8=1]
//   send P stream=N [n=COUNT] [key=1] [lost=1] [every=MS]     the stream's next packets
//   sr P ssrc=S ntp=SECONDS ts=T       nack P ssrc=S seq=N    pli P ssrc=S
//   pass MS      crash (the data plane dies and comes back)   show
#include "inbox.h"

#include <errno.h>
#include <stdarg.h>

enum { PEERS = 64, STREAMS = 64, LINE = 512, WORDS = 32, OUT_MAX = 1 << 20 };

struct replay {
	struct world world;
	struct peer peers[PEERS];
	struct peer *known[PEERS];
	unsigned known_used;
	struct stream streams[STREAMS];
	char *words[WORDS];
	unsigned words_used, line;
	const char *script;
	char *out;
	size_t out_used;
};

static void fail(const struct replay *replay, const char *what, const char *detail)
{
	fprintf(stderr, "%s:%u: %s %s\n", replay->script, replay->line, what, detail);
	exit(1);
}

static void print(struct replay *replay, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(
		replay->out + replay->out_used, OUT_MAX - replay->out_used, format, arguments);
	va_end(arguments);
	if (n < 0 || replay->out_used + (size_t)n >= OUT_MAX)
		fail(replay, "too much output", "");
	replay->out_used += (size_t)n;
}

// ---- words ----------------------------------------------------------------------------------------

static const char *text(const struct replay *replay, const char *name, const char *otherwise)
{
	size_t length = strlen(name);
	for (unsigned i = 1; i < replay->words_used; i++)
		if (strncmp(replay->words[i], name, length) == 0 && replay->words[i][length] == '=')
			return replay->words[i] + length + 1;
	return otherwise;
}

static uint64_t number(const struct replay *replay, const char *name, uint64_t otherwise)
{
	const char *value = text(replay, name, NULL);
	char *end;
	if (!value)
		return otherwise;
	uint64_t n = strtoull(value, &end, 0);
	if (*end || !*value)
		fail(replay, "not a number:", value);
	return n;
}

static unsigned subject(const struct replay *replay, unsigned limit)
{
	char *end;
	if (replay->words_used < 2)
		fail(replay, "a number is missing after", replay->words[0]);
	unsigned long n = strtoul(replay->words[1], &end, 0);
	if (*end || n >= limit)
		fail(replay, "no such number:", replay->words[1]);
	return (unsigned)n;
}

static void extensions(const struct replay *replay, uint8_t ids[SLUICE_EXT_ROOM])
{
	static const struct {
		const char *name;
		enum sluice_extension extension;
	} known[] = {{"ext.mid", SLUICE_EXT_MID}, {"ext.rid", SLUICE_EXT_RID},
		{"ext.level", SLUICE_EXT_AUDIO_LEVEL}, {"ext.abs", SLUICE_EXT_ABS_SEND_TIME},
		{"ext.twcc", SLUICE_EXT_TRANSPORT_CC}};
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ids[known[i].extension] = (uint8_t)number(replay, known[i].name, 0);
}

static struct peer *peer(struct replay *replay, uint64_t n)
{
	if (n >= PEERS || !replay->peers[n].inbox)
		fail(replay, "no such peer", "");
	return &replay->peers[n];
}

// ---- verbs: rows ----------------------------------------------------------------------------------

static void do_peer(struct replay *replay)
{
	unsigned n = subject(replay, PEERS);
	const char *name = text(replay, "profile", "gcm128");
	enum sluice_srtp_profile profile = SLUICE_SRTP_AEAD_AES_128_GCM;
	if (strcmp(name, "gcm256") == 0)
		profile = SLUICE_SRTP_AEAD_AES_256_GCM;
	else if (strcmp(name, "cm128") == 0)
		profile = SLUICE_SRTP_AES128_CM_SHA1_80;
	if (replay->peers[n].inbox)
		fail(replay, "peer is there already", "");
	replay->peers[n].ipv6 = number(replay, "ipv6", 0);
	peer_open(&replay->world, &replay->peers[n], n, profile);
	replay->peers[n].row.transport_cc_extension_id = (uint8_t)number(replay, "twcc", 0);
	world_set_transport(&replay->world, n, &replay->peers[n].row);
	replay->known[replay->known_used++] = &replay->peers[n];
}

static void do_gone(struct replay *replay)
{
	const struct sluice_transport none = {0};
	world_set_transport(&replay->world, subject(replay, PEERS), &none);
}

static void do_rekey(struct replay *replay)
{
	peer_rekey(&replay->world, peer(replay, subject(replay, PEERS)),
		(uint32_t)number(replay, "epoch", 2));
}

static void do_publication(struct replay *replay)
{
	bool video = strcmp(text(replay, "kind", "video"), "video") == 0;
	uint32_t from = (uint32_t)number(replay, "peer", 0);
	unsigned n = subject(replay, 1000);
	struct sluice_publication row = {
		.row.generation = 100 + n,
		.transport = {from, 1 + from},
		.kind = video ? SLUICE_VIDEO : SLUICE_AUDIO,
		.codecs_used = 1,
		.encodings_used = 1,
		.paused = number(replay, "paused", 0) != 0,
		.mid = {(uint8_t)text(replay, "mid", "")[0]},
		.codecs = {{.codec = video ? SLUICE_CODEC_VP8 : SLUICE_CODEC_OPUS,
			.payload_type = (uint8_t)number(replay, "pt", 96),
			.rtx_payload_type = (uint8_t)number(replay, "rtx", 0),
			.clock_rate = video ? 90000 : 48000}},
		.source_epoch = (uint32_t)number(replay, "epoch", 1),
	};
	extensions(replay, row.extension_id);
	world_set_publication(&replay->world, n, &row);
}

static void do_subscription(struct replay *replay)
{
	unsigned n = subject(replay, 1000);
	uint32_t publication = (uint32_t)number(replay, "publication", 0);
	uint32_t to = (uint32_t)number(replay, "peer", 0);
	struct sluice_subscription row = {
		.row.generation = 200 + n,
		.publication = {publication, 100 + publication},
		.transport = {to, 1 + to},
		.ssrc = (uint32_t)number(replay, "ssrc", 0x80000000 + n),
		.rtx_ssrc = (uint32_t)number(replay, "rtx-ssrc", 0),
		.active = number(replay, "active", 1) != 0,
		.paused = number(replay, "paused", 0) != 0,
		.payload_type = {(uint8_t)number(replay, "pt", 96)},
		.rtx_payload_type = {(uint8_t)number(replay, "rtx", 0)},
		.nack = number(replay, "nack", 0) != 0,
		.mid = {(uint8_t)text(replay, "mid", "")[0]},
	};
	extensions(replay, row.extension_id);
	world_set_subscription(&replay->world, n, &row);
}

// ---- verbs: packets -------------------------------------------------------------------------------

static void do_stream(struct replay *replay)
{
	replay->streams[subject(replay, STREAMS)] = (struct stream){
		.ssrc = (uint32_t)number(replay, "ssrc", 1),
		.timestamp = (uint32_t)number(replay, "ts", 0),
		.step = (uint32_t)number(replay, "step", 0),
		.index = number(replay, "index", 0),
		.payload_type = (uint8_t)number(replay, "pt", 96),
		.mid_id = (uint8_t)number(replay, "mid-id", 0),
		.mid = text(replay, "mid", "")[0],
		.level_id = (uint8_t)number(replay, "level-id", 0),
		.level = (uint8_t)number(replay, "level", 0),
		.twcc_id = (uint8_t)number(replay, "twcc-id", 0),
		.vp8 = number(replay, "vp8", 0) != 0,
	};
}

static void do_send(struct replay *replay)
{
	struct peer *from = peer(replay, subject(replay, PEERS));
	struct stream *stream = &replay->streams[number(replay, "stream", 0) % STREAMS];
	for (uint64_t n = number(replay, "n", 1), i = 0; i < n; i++) {
		stream_send(&replay->world, from, stream, i == 0 && number(replay, "key", 0),
			number(replay, "lost", 0));
		world_pass(&replay->world, (unsigned)number(replay, "every", 10));
	}
}

static void do_rtcp(struct replay *replay)
{
	uint8_t buffer[256];
	struct peer *from = peer(replay, subject(replay, PEERS));
	struct span_writer writer = span_writer(buffer, sizeof(buffer));
	uint32_t ssrc = (uint32_t)number(replay, "ssrc", 0);
	uint16_t sequence = (uint16_t)number(replay, "seq", 0);
	const struct rtcp_sender_info info = {.ssrc = ssrc,
		.ntp = number(replay, "ntp", 0) << 32,
		.timestamp = (uint32_t)number(replay, "ts", 0)};
	if (strcmp(replay->words[0], "sr") == 0) {
		rtcp_write_sr(&writer, &info, NULL, 0);
	} else {
		rtcp_write_rr(&writer, 1, NULL, 0);
		if (strcmp(replay->words[0], "nack") == 0)
			rtcp_write_nack(&writer, 1, ssrc, &sequence, 1);
		else
			rtcp_write_pli(&writer, 1, ssrc);
	}
	peer_send_rtcp(&replay->world, from, buffer, span_written(&writer));
	world_settle(&replay->world);
}

static void do_pass(struct replay *replay)
{
	world_pass(&replay->world, subject(replay, 1000000));
}

static void do_crash(struct replay *replay)
{
	world_stop(&replay->world);
	world_start(&replay->world);
	world_settle(&replay->world);
}

// ---- what came ------------------------------------------------------------------------------------

static void show_rtp(struct replay *replay, const struct received *got)
{
	const struct rtp_header *header = &got->header;
	print(replay, "  rtp %08x pt %u index %llu ts %u%s", header->ssrc, header->payload_type,
		(unsigned long long)got->index, header->timestamp, header->marker ? " marker" : "");
	struct rtp_extension extension;
	for (size_t cursor = 0; rtp_extension_next(got->data, header, &cursor, &extension);) {
		print(replay, " [%u:", extension.id);
		for (unsigned i = 0; i < extension.length; i++)
			print(replay, "%02x", extension.value[i]);
		print(replay, "]");
	}
	print(replay, " ");
	for (unsigned i = 0; i < header->payload_length; i++)
		print(replay, "%02x", got->data[header->payload_offset + i]);
	print(replay, "\n");
}

static void show_rtcp(struct replay *replay, const struct received *got)
{
	static const char *const names[] = {
		"other", "sr", "rr", "sdes", "bye", "nack", "twcc", "pli", "fir", "remb"};
	struct rtcp_packet packet;
	print(replay, "  rtcp");
	for (size_t cursor = 0; rtcp_next(got->data, got->length, &cursor, &packet);) {
		print(replay, " %s(", names[packet.kind]);
		for (size_t i = 0; i < packet.length; i++)
			print(replay, "%02x", packet.body[i]);
		print(replay, ")");
	}
	print(replay, "\n");
}

static void do_show(struct replay *replay)
{
	if (world_collect(replay->known, replay->known_used) > 0)
		fail(replay, "a frame goes to nobody", "");
	print(replay, "at %llu ms\n", (unsigned long long)(replay->world.now_ns / MS));
	for (unsigned i = 0; i < replay->known_used; i++) {
		struct peer *to = replay->known[i];
		if (to->inbox_used == 0 && to->refused == 0)
			continue;
		print(replay, "peer %u%s\n", to->transport,
			to->refused ? " REFUSED SOMETHING" : "");
		for (unsigned k = 0; k < to->inbox_used; k++)
			(to->inbox[k].rtcp ? show_rtcp : show_rtp)(replay, &to->inbox[k]);
		to->inbox_used = 0;
		to->refused = 0;
	}
	for (unsigned why = 0; why < SLUICE_DROP_COUNT; why++)
		if (world_drops(&replay->world, why) > 0)
			print(replay, "drop %s %llu\n", sluice_drop_info(why)->name,
				(unsigned long long)world_drops(&replay->world, why));
}

// ---- a run ----------------------------------------------------------------------------------------

static const struct {
	const char *name;
	void (*run)(struct replay *);
} verbs[] = {{"peer", do_peer}, {"gone", do_gone}, {"rekey", do_rekey},
	{"publication", do_publication}, {"subscription", do_subscription}, {"stream", do_stream},
	{"send", do_send}, {"sr", do_rtcp}, {"nack", do_rtcp}, {"pli", do_rtcp}, {"pass", do_pass},
	{"crash", do_crash}, {"show", do_show}};

static void line_run(struct replay *replay, char *line)
{
	char *rest = NULL;
	replay->words_used = 0;
	for (char *word = strtok_r(line, " \t\n", &rest); word && *word != '#';
		word = strtok_r(NULL, " \t\n", &rest))
		if (replay->words_used < WORDS)
			replay->words[replay->words_used++] = word;
	if (replay->words_used == 0)
		return;
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, replay->words[0]) == 0) {
			verbs[i].run(replay);
			world_settle(&replay->world);
			return;
		}
	fail(replay, "no such verb:", replay->words[0]);
}

// Returns the output, to be freed.
static char *script_run(const char *script, unsigned workers, bool wrong_steering)
{
	static struct replay replay;
	char line[LINE];
	FILE *file = fopen(script, "r");
	replay = (struct replay){.script = script, .out = malloc(OUT_MAX)};
	if (!file || !replay.out)
		fail(&replay, "cannot be read:", strerror(errno));
	replay.out[0] = 0;
	world_open(&replay.world, workers, wrong_steering);
	for (replay.line = 1; fgets(line, sizeof(line), file); replay.line++)
		line_run(&replay, line);
	fclose(file);
	do_show(&replay);
	for (unsigned i = 0; i < replay.known_used; i++)
		peer_close(replay.known[i]);
	world_close(&replay.world);
	return replay.out;
}

// Says where two outputs part; false when they do.
static bool same(const char *what, const char *a, const char *b)
{
	unsigned line = 1;
	while (*a && *a == *b) {
		line += *a == '\n';
		a++;
		b++;
	}
	if (*a == *b)
		return true;
	fprintf(stderr, "%s: line %u differs\nwanted: %.*s\ngot:    %.*s\n", what, line,
		(int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
	return false;
}

static char *golden_path(const char *script)
{
	size_t stem = strlen(script) - 3; // without "cmd"
	char *path = malloc(stem + 4);
	world_check(path && strlen(script) > 4, "usage: replay [--write] SCRIPT.cmd");
	memcpy(path, script, stem);
	memcpy(path + stem, "out", 4);
	return path;
}

static bool golden_check(const char *path, const char *out, bool write)
{
	FILE *file = fopen(path, write ? "w" : "r");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (write)
		return fputs(out, file) >= 0 && fclose(file) == 0;
	char *golden = calloc(1, OUT_MAX);
	bool good = golden && fread(golden, 1, OUT_MAX - 1, file) > 0;
	fclose(file);
	good = good && same(path, golden, out);
	free(golden);
	return good;
}

int main(int count, char **values)
{
	bool write = count == 3 && strcmp(values[1], "--write") == 0;
	if (count != 2 && !write) {
		fprintf(stderr, "usage: replay [--write] SCRIPT.cmd\n");
		return 1;
	}
	const char *script = values[count - 1];
	char *one = script_run(script, 1, false);
	char *four = script_run(script, 4, false);
	char *wrong = script_run(script, 4, true);
	char *path = golden_path(script);
	bool good = same("four workers", one, four) && same("wrong steering", one, wrong) &&
		    golden_check(path, one, write);
	free(path);
	free(one);
	free(four);
	free(wrong);
	return good ? 0 : 1;
}
