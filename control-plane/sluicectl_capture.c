// SPDX-License-Identifier: Apache-2.0
// `sluicectl capture`: asks control for the packets of one peer, reads them out of the rings of the data plane
// (SRTP and SRTCP) and of control (STUN and DTLS), and writes a pcapng file, in order of time. Control is told twice a second at least how far we are: when we are killed,
// the capture ends.
#include "edge/pcapng.h"
#include "sluicectl.h"

#include <sluice/capture.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 10,
	HOLD_MS = 100, // a packet waits so long for older ones of another ring
	TELL_MS = 200,
	TELL_SLOTS = 256, // or as soon as so many have been read of one ring
	BEGIN_MS = 3000, // how long the data plane may take
	END_MS = 1000,
	BLOCK_MAX = 4096,
	STATISTICS_BYTES = 76, // of each port, at the end of the file
	WHY_SIZE = 512,
};

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct request {
	const char *peer, *file;
	unsigned seconds;
	uint64_t bytes; // 0 = no limit
	bool decrypted;
};

struct lane { // one ring
	const struct sluice_capture *file;
	uint32_t worker; // in the file
	uint32_t tail, told; // read so far; as control knows it
};

struct reader {
	const char *directory;
	const struct request *request;
	struct view view;
	uint32_t incarnation; // of the data plane
	uint32_t number; // of the capture
	char peer[SLUICE_CAPTURE_PEER_MAX]; // as control knows it
	const struct sluice_capture *own, *theirs; // control's file, the data plane's
	uint32_t workers, ports;
	struct lane lanes[1 + SLUICE_WORKERS_MAX]; // control's, and the workers'
	uint64_t told_ns;
	uint64_t unix_offset_ns; // CLOCK_REALTIME - CLOCK_MONOTONIC
	uint64_t begun_ns;
	FILE *out;
	uint64_t packets, dropped, lost, bytes;
	uint64_t port_packets[SLUICE_PORTS_MAX];
	const char *end; // why it has ended; NULL = it goes on
	bool failed; // that is no good end
	bool over; // control need not be told how far we are any more
	char why[WHY_SIZE];
};

static const char usage[] =
	"usage: sluicectl [-c FILE] [--json] capture PEER --seconds N -o FILE.pcapng [--decrypted] "
	"[--bytes 10M]\n"
	"PEER is ROOM/IDENTITY, or IDENTITY when only one room has it; -o - writes to standard "
	"output\n";

static volatile sig_atomic_t interrupted;

static void interrupt(int)
{
	interrupted = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * (long)NS_PER_MS}, NULL);
}

static void stop(struct reader *reader, const char *why, bool failed)
{
	if (reader->end)
		return;
	reader->end = why;
	reader->failed = failed;
}

// ---- control

// Returns control's reply, NULL with reader->why when it refuses or is not there.
static json_t *ask(struct reader *reader, json_t *request)
{
	json_t *reply = control_ask(reader->directory, request, reader->why, WHY_SIZE);
	const char *error = json_string_value(json_object_get(reply, "error"));
	json_decref(request);
	if (!error)
		return reply;
	snprintf(reader->why, WHY_SIZE, "%s", error);
	json_decref(reply);
	return NULL;
}

static int capture_ask(struct reader *reader)
{
	const struct request *request = reader->request;
	json_t *reply = ask(
		reader, json_pack("{s:s, s:s, s:i, s:b}", "verb", "capture", "peer", request->peer,
				"seconds", (int)request->seconds, "decrypted", request->decrypted));
	const char *peer = json_string_value(json_object_get(reply, "peer"));
	if (!reply)
		return -1;
	reader->number = (uint32_t)json_integer_value(json_object_get(reply, "number"));
	snprintf(reader->peer, sizeof(reader->peer), "%s", peer ? peer : request->peer);
	json_decref(reply);
	return 0;
}

static void progress_tell(struct reader *reader)
{
	json_t *tails = json_array();
	for (uint32_t w = 0; w < reader->workers; w++)
		json_array_append_new(tails, json_integer(reader->lanes[1 + w].tail));
	json_t *reply =
		ask(reader, json_pack("{s:s, s:I, s:s, s:o, s:I}", "verb", "capture-read", "number",
				    (json_int_t)reader->number, "peer", reader->peer, "tails",
				    tails, "own", (json_int_t)reader->lanes[0].tail));
	if (!reply)
		stop(reader, reader->why, true);
	json_decref(reply);
	for (uint32_t i = 0; i <= reader->workers; i++)
		reader->lanes[i].told = reader->lanes[i].tail;
	reader->told_ns = clock_ns(CLOCK_MONOTONIC);
	// One that was killed has left its words behind.
	if (!sluice_observed_alive(reader->directory))
		stop(reader, "the data plane has died", true);
}

static void progress_poll(struct reader *reader)
{
	bool due = clock_ns(CLOCK_MONOTONIC) - reader->told_ns >= TELL_MS * NS_PER_MS;
	for (uint32_t i = 0; i <= reader->workers; i++)
		due |= reader->lanes[i].tail - reader->lanes[i].told >= TELL_SLOTS;
	if (due && !reader->end && !reader->over)
		progress_tell(reader);
}

static void capture_end(struct reader *reader)
{
	char why[WHY_SIZE];
	json_t *request = json_pack(
		"{s:s, s:I}", "verb", "capture-end", "number", (json_int_t)reader->number);
	// Without control the data plane ends it by itself.
	json_decref(control_ask(reader->directory, request, why, sizeof(why)));
	json_decref(request);
}

// ---- the file

static void block_write(struct reader *reader, const uint8_t *block, size_t length)
{
	uint64_t most = reader->request->bytes;
	uint64_t needed = reader->bytes + length + reader->ports * STATISTICS_BYTES;
	if (length == 0 || reader->end)
		return;
	if (most && needed > most) {
		stop(reader, "its size is reached", false);
		return;
	}
	if (fwrite(block, 1, length, reader->out) != length) {
		snprintf(reader->why, WHY_SIZE, "%s: %s", reader->request->file, strerror(errno));
		stop(reader, reader->why, true);
		return;
	}
	reader->bytes += length;
}

static void head_write(struct reader *reader)
{
	uint8_t block[BLOCK_MAX];
	char text[512];
	bool decrypted = reader->request->decrypted;
	snprintf(text, sizeof(text), "%s, both directions, %s", reader->peer,
		decrypted ? "decrypted" : "as on the wire");
	block_write(reader, block,
		pcapng_section(block, sizeof(block), "sluicectl " SLUICE_VERSION, text));
	for (uint32_t p = 0; p < reader->ports; p++) {
		const struct sluice_port_status *port = &reader->view.observed->ports[p];
		char name[sizeof(port->name) + 1] = "";
		memcpy(name, port->name, sizeof(port->name));
		snprintf(text, sizeof(text), "port %u of the data plane%s", p,
			decrypted ? "; decrypted: headers, lengths and checksums are made up" : "");
		block_write(reader, block, pcapng_interface(block, sizeof(block), name, text));
	}
}

static const char *comment_of(const struct sluice_captured *slot, char *text, size_t size)
{
	const struct sluice_drop_info *drop = sluice_drop_info(slot->drop - 1U);
	if (slot->drop == 0 || !drop)
		return NULL;
	snprintf(text, size, "%s: %s (%s)",
		slot->flags & SLUICE_CAPTURED_UNMADE ? "not sent" : "dropped", drop->name,
		drop->help);
	return text;
}

// The data plane's words are input.
static void packet_write(struct reader *reader, const struct sluice_captured *slot)
{
	uint8_t block[BLOCK_MAX];
	char text[256];
	reader->lost += slot->lost;
	if (slot->flags & SLUICE_CAPTURED_VOID || slot->port >= reader->ports ||
		slot->offset + slot->kept > SLUICE_CAPTURE_BYTES || slot->kept > slot->length)
		return;
	const struct pcapng_packet packet = {
		.interface = slot->port,
		.unix_ns = slot->time_ns + reader->unix_offset_ns,
		.data = slot->data + slot->offset,
		.kept = slot->kept,
		.length = slot->length,
		.direction = slot->direction == SLUICE_CAPTURE_OUT ? PCAPNG_OUT : PCAPNG_IN,
		.lost = slot->lost,
		.comment = comment_of(slot, text, sizeof(text)),
	};
	block_write(reader, block, pcapng_packet(block, sizeof(block), &packet));
	if (reader->end)
		return;
	reader->packets++;
	reader->port_packets[slot->port]++;
	reader->dropped += slot->drop != 0;
}

static void tail_write(struct reader *reader)
{
	uint8_t block[BLOCK_MAX];
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	for (uint32_t p = 0; p < reader->ports; p++) {
		const struct pcapng_statistics statistics = {
			.interface = p,
			.begun_ns = reader->begun_ns + reader->unix_offset_ns,
			.ended_ns = now_ns + reader->unix_offset_ns,
			.captured = reader->port_packets[p],
			.lost = p == 0 ? reader->lost : 0, // of which port is not known
		};
		size_t length = pcapng_statistics(block, sizeof(block), &statistics);
		if (fwrite(block, 1, length, reader->out) == length)
			reader->bytes += length;
	}
	bool whole = fflush(reader->out) == 0 && !ferror(reader->out);
	if (whole || reader->failed)
		return;
	snprintf(reader->why, WHY_SIZE, "%s: %s", reader->request->file, strerror(errno));
	reader->end = reader->why;
	reader->failed = true;
}

// ---- the rings

static const struct sluice_captured *peek(const struct lane *lane, uint32_t ahead)
{
	return sluice_capture_peek(lane->file, lane->worker, lane->tail + ahead);
}

// The ring whose next packet is the oldest; NULL when there is none. One that is young waits for older ones
// that another ring may not have shown yet, unless its own ring fills.
static struct lane *oldest(struct reader *reader, uint64_t before_ns)
{
	struct lane *found = NULL;
	uint64_t least_ns = UINT64_MAX;
	bool due = false;
	for (uint32_t i = 0; i <= reader->workers; i++) {
		struct lane *lane = &reader->lanes[i];
		const struct sluice_captured *slot = peek(lane, 0);
		due |= slot && peek(lane, SLUICE_CAPTURE_SLOTS / 2);
		if (!slot || slot->time_ns >= least_ns)
			continue;
		least_ns = slot->time_ns;
		found = lane;
	}
	return due || least_ns <= before_ns ? found : NULL;
}

// All that is older than the hold; all there is when nothing more comes.
static void rings_drain(struct reader *reader)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t before_ns = reader->over ? UINT64_MAX - 1 : now_ns - HOLD_MS * NS_PER_MS;
	struct lane *lane;
	while (!reader->end && (lane = oldest(reader, before_ns))) {
		packet_write(reader, peek(lane, 0));
		lane->tail++;
		progress_poll(reader);
	}
	if (fflush(reader->out) != 0)
		stop(reader, "the file cannot be written", true);
}

static bool runs(const struct reader *reader)
{
	const struct sluice_observed_head *head = &reader->view.observed->head;
	unsigned place = sluice_capture_place(reader->number);
	return atomic_load(&head->capture.places[place].running) == reader->number &&
	       atomic_load(&head->incarnation) == reader->incarnation;
}

// ---- the capture

// Its memory shall not outlive us both: the name goes at once.
static const struct sluice_capture *rings_open(
	struct reader *reader, enum sluice_capture_writer writer)
{
	const struct sluice_capture *file =
		sluice_capture_open(reader->directory, writer, reader->number);
	unsigned place = sluice_capture_place(reader->number);
	if (!file)
		snprintf(reader->why, WHY_SIZE, "the rings of capture %" PRIu32 " in %s: %s",
			reader->number, reader->directory, strerror(errno));
	else
		sluice_capture_unlink(reader->directory, writer, place);
	return file;
}

static int dataplane_wait(struct reader *reader)
{
	const struct sluice_observed_head *head = &reader->view.observed->head;
	unsigned place = sluice_capture_place(reader->number);
	for (int ms = 0; ms < BEGIN_MS && !runs(reader) && !reader->end; ms += LOOK_MS) {
		if (atomic_load(&head->capture.places[place].refused) == reader->number) {
			snprintf(reader->why, WHY_SIZE, "the data plane cannot begin it: %s",
				strerror((int)atomic_load(&head->capture.places[place].error)));
			return -1;
		}
		progress_poll(reader);
		pause_ms(LOOK_MS);
	}
	if (!runs(reader) && !reader->end)
		snprintf(reader->why, WHY_SIZE, "the data plane does not begin it: see its log");
	return runs(reader) ? 0 : -1;
}

static int capture_map(struct reader *reader)
{
	reader->own = rings_open(reader, SLUICE_CAPTURE_CONTROL);
	if (!reader->own || dataplane_wait(reader))
		return -1;
	reader->theirs = rings_open(reader, SLUICE_CAPTURE_DATAPLANE);
	if (!reader->theirs)
		return -1;
	reader->lanes[0].file = reader->own;
	reader->workers = reader->theirs->workers;
	for (uint32_t w = 0; w < reader->workers; w++)
		reader->lanes[1 + w] = (struct lane){.file = reader->theirs, .worker = w};
	return 0;
}

static int file_open(struct reader *reader)
{
	const char *path = reader->request->file;
	struct stat status;
	if (strcmp(path, "-") == 0) {
		reader->out = stdout;
		return 0;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool fine = fd >= 0 && fstat(fd, &status) == 0 &&
		    (!S_ISREG(status.st_mode) || fchmod(fd, 0600) == 0);
	if (fine)
		reader->out = fdopen(fd, "w");
	if (reader->out)
		return 0;
	snprintf(reader->why, WHY_SIZE, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void capture_follow(struct reader *reader)
{
	uint64_t until_ns = reader->begun_ns + reader->request->seconds * NS_PER_S;
	head_write(reader);
	while (!reader->end) {
		bool ran = runs(reader); // before what is drained: nothing comes after it
		rings_drain(reader);
		progress_poll(reader);
		if (interrupted)
			stop(reader, "interrupted", false);
		else if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
			stop(reader, "its time is over", false);
		else if (!ran)
			stop(reader, "the data plane has ended it", true);
		else
			pause_ms(LOOK_MS);
	}
}

// What the data plane has captured until it heard of the end, or died, belongs to it, too.
static void capture_finish(struct reader *reader)
{
	const char *end = reader->end;
	bool more = !ferror(reader->out) && strcmp(end, "its size is reached") != 0;
	capture_end(reader);
	for (int ms = 0; ms < END_MS && runs(reader); ms += LOOK_MS)
		pause_ms(LOOK_MS);
	if (more) {
		reader->end = NULL;
		reader->over = true;
		rings_drain(reader);
		reader->end = reader->end ? reader->end : end;
	}
	tail_write(reader);
}

static void result_print(const struct reader *reader, bool as_json)
{
	FILE *to = reader->out == stdout ? stderr : stdout;
	if (!as_json) {
		fprintf(to,
			"%" PRIu64 " packets of %s, %" PRIu64 " of them dropped, %" PRIu64
			" bytes; %" PRIu64 " more could not be captured; %s\n",
			reader->packets, reader->peer, reader->dropped, reader->bytes, reader->lost,
			reader->end);
		return;
	}
	json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "peer", reader->peer,
		"file", reader->request->file, "packets", (json_int_t)reader->packets, "dropped",
		(json_int_t)reader->dropped, "bytes", (json_int_t)reader->bytes, "lost",
		(json_int_t)reader->lost, "ended", reader->end);
	json_dumpf(json, to, JSON_INDENT(2));
	fputc('\n', to);
	json_decref(json);
}

static int run(struct reader *reader, bool as_json)
{
	if (!reader->view.observed || !reader->view.dataplane_alive) {
		snprintf(reader->why, WHY_SIZE,
			"no data plane runs here, or its files cannot be read: it takes root or "
			"the "
			"relay's user");
		return -1;
	}
	if (capture_ask(reader))
		return -1;
	reader->incarnation = atomic_load(&reader->view.observed->head.incarnation);
	reader->ports = reader->view.observed->head.ports_used;
	if (reader->ports > SLUICE_PORTS_MAX)
		reader->ports = SLUICE_PORTS_MAX;
	if (file_open(reader) || capture_map(reader)) {
		capture_end(reader);
		return -1;
	}
	reader->begun_ns = clock_ns(CLOCK_MONOTONIC);
	reader->unix_offset_ns = clock_ns(CLOCK_REALTIME) - reader->begun_ns;
	capture_follow(reader);
	capture_finish(reader);
	result_print(reader, as_json);
	return reader->failed ? -1 : 0;
}

// ---- the command line

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "sluicectl: capture: %s: %s\n", what, why);
	return 2;
}

static bool number_read(const char *text, const char *units, uint64_t *number)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	if (errno || end == text || *text == '-' || (*end && (!unit || end[1])))
		return false;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	*number = (uint64_t)value << shift;
	return value != 0 && *number >> shift == value;
}

static int option_read(int letter, const char *value, struct request *request)
{
	uint64_t seconds = 0;
	switch (letter) {
	case 's':
		if (!number_read(value, "", &seconds) || seconds > SLUICE_CAPTURE_SECONDS_MAX)
			return fail("--seconds", "must be 1 to 600");
		request->seconds = (unsigned)seconds;
		return 0;
	case 'b':
		return number_read(value, "KMG", &request->bytes)
			       ? 0
			       : fail("--bytes", "must be like 500K, 10M or 2G");
	case 'D':
		request->decrypted = true;
		return 0;
	case 'o':
		request->file = value;
		return 0;
	default:
		fputs(usage, stderr);
		return 2;
	}
}

static int request_read(int count, char **words, struct request *request)
{
	static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
		{"bytes", required_argument, NULL, 'b'}, {"decrypted", no_argument, NULL, 'D'},
		{"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	int letter, status;
	optind = 0; // begin anew, behind the verb
	while ((letter = getopt_long(count, words, "o:", options, NULL)) != -1) {
		status = option_read(letter, optarg, request);
		if (status)
			return status;
	}
	if (optind + 1 != count || !request->seconds || !request->file) {
		fputs(usage, stderr);
		return 2;
	}
	request->peer = words[optind];
	return 0;
}

int capture_run(const char *directory, int count, char **words, bool as_json)
{
	static struct reader reader;
	struct request request = {0};
	int status = request_read(count, words, &request);
	if (status)
		return status;
	const struct sigaction action = {.sa_handler = interrupt};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); // what peers say is in here
	reader.directory = directory;
	reader.request = &request;
	view_open(&reader.view, directory);
	status = run(&reader, as_json) ? 1 : 0;
	if (status)
		fprintf(stderr, "sluicectl: capture: %s\n", reader.end ? reader.end : reader.why);
	if (reader.out && reader.out != stdout)
		fclose(reader.out);
	sluice_capture_close(reader.own);
	sluice_capture_close(reader.theirs);
	view_close(&reader.view);
	return status;
}
