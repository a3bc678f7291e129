// SPDX-License-Identifier: Apache-2.0
// The picture of `sluicectl top`, out of its JSON. Names are peers' input: nothing of them may steer a terminal.
#include "sluicectl.h"

#include <string.h>

enum { REST = 0 };

struct picture {
	FILE *out;
	unsigned rows, columns; // of the screen
	unsigned used; // rows
	bool screen; // colours, and lines are cleared to their end
	unsigned column; // of the line that is being written
};

static const char *string_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "-";
}

static long long integer_of(const json_t *json, const char *key)
{
	return (long long)json_integer_value(json_object_get(json, key));
}

// Writes a cell of `width` characters, to the left or right; REST is what the line has left, unfilled.
static void cell(struct picture *picture, const char *text, unsigned width, bool right)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned length = 0, shown = 0;
	unsigned room = picture->used < picture->rows ? picture->columns - picture->column : 0;
	unsigned most = width == REST ? room : width;

	for (const unsigned char *at = byte; *at; at++)
		length += (*at & 0xc0) != 0x80;
	for (unsigned i = length; right && i < width && shown < room; i++, shown++)
		fputc(' ', picture->out);
	for (unsigned n = 0; *byte && n < most && shown < room; n++, shown++) {
		// control characters of ASCII and of ISO 6429's second half, which U+0080 to U+009F are
		bool bad = *byte < 0x20 || *byte == 0x7f || (*byte == 0xc2 && byte[1] < 0xa0);

		fputc(bad ? '?' : *byte++, picture->out);
		byte += bad;
		for (; (*byte & 0xc0) == 0x80; byte++)
			if (!bad)
				fputc(*byte, picture->out);
	}
	for (; !right && shown < width && shown < room; shown++)
		fputc(' ', picture->out);
	picture->column += shown;
}

// What does not fit the screen is left out: another line would scroll it.
static void line_end(struct picture *picture)
{
	if (picture->screen)
		fputs("\033[0m\033[K", picture->out);
	picture->used++;
	picture->column = 0;
	if (picture->used < picture->rows)
		fputc('\n', picture->out);
}

static void line(struct picture *picture, const char *text)
{
	cell(picture, text, REST, false);
	line_end(picture);
}

static void colour(const struct picture *picture, const char *code)
{
	if (picture->screen)
		fputs(code, picture->out);
}

static void number_text(double number, char *text, size_t size)
{
	static const struct {
		double size;
		char unit;
	} units[] = {{1e9, 'G'}, {1e6, 'M'}, {1e3, 'k'}};

	for (unsigned i = 0; i < 3; i++)
		if (number >= units[i].size) {
			snprintf(text, size, "%.*f%c", number < 100 * units[i].size ? 1 : 0,
				number / units[i].size, units[i].unit);
			return;
		}
	snprintf(text, size, number < 10 && number > 0 ? "%.1f" : "%.0f", number);
}

static void number(struct picture *picture, const json_t *json, const char *key, unsigned width)
{
	const json_t *value = json_object_get(json, key);
	char text[32] = "-";

	if (json_is_integer(value) && json_integer_value(value) < 1000)
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_number(value))
		number_text(json_number_value(value), text, sizeof(text));
	cell(picture, text, width, true);
}

static void rates(struct picture *picture, const json_t *json, const char *drops)
{
	number(picture, json, "packets_in_per_second", 10);
	number(picture, json, "packets_out_per_second", 10);
	number(picture, json, "bits_in_per_second", 10);
	number(picture, json, "bits_out_per_second", 10);
	number(picture, json, drops, 9);
}

static void head(struct picture *picture, const char *first, const char *last, const char *rest)
{
	static const char *const words[] = {"in/s", "out/s", "in bit/s", "out bit/s"};

	line(picture, "");
	colour(picture, "\033[7m");
	cell(picture, first, 22, false);
	for (unsigned i = 0; i < 4; i++)
		cell(picture, words[i], 10, true);
	cell(picture, last, 9, true);
	cell(picture, rest, REST, false);
	line_end(picture);
}

// ---- the parts

static void planes(struct picture *picture, const json_t *top)
{
	const json_t *control = json_object_get(top, "control");
	const json_t *dataplane = json_object_get(top, "dataplane");
	char text[96];

	if (json_is_true(json_object_get(dataplane, "alive"))) {
		snprintf(text, sizeof(text), "data plane pid %lld, ", integer_of(dataplane, "pid"));
	} else {
		colour(picture, "\033[1;31m");
		snprintf(text, sizeof(text), "data plane NOT RUNNING: figures are its last, ");
	}
	cell(picture, text, REST, false);
	if (json_is_true(json_object_get(control, "alive"))) {
		snprintf(text, sizeof(text), "control pid %lld%s", integer_of(control, "pid"),
			json_is_true(json_object_get(control, "draining")) ? ", draining" : "");
	} else {
		colour(picture, "\033[1;31m");
		snprintf(text, sizeof(text), "control NOT RUNNING: media goes on, nobody can join");
	}
	cell(picture, text, REST, false);
	line_end(picture);
}

static void workers(struct picture *picture, const json_t *list)
{
	size_t i;
	json_t *worker;

	head(picture, "WORKER", "drops/s", "   load  cycles/packet  buffers free");
	json_array_foreach((json_t *)list, i, worker)
	{
		double load = json_number_value(json_object_get(worker, "load"));
		char text[64];

		snprintf(text, sizeof(text),
			integer_of(worker, "cpu") < 0 ? "%lld" : "%lld on cpu %lld",
			integer_of(worker, "worker"), integer_of(worker, "cpu"));
		cell(picture, text, 22, false);
		rates(picture, worker, "drops_per_second");
		colour(picture, load > 0.9 ? "\033[1;31m" : load > 0.7 ? "\033[33m" : "");
		snprintf(text, sizeof(text), "%5.1f %%", load * 100);
		cell(picture, text, 9, true);
		colour(picture, "\033[0m");
		number(picture, worker, "cycles_per_packet", 13);
		number(picture, worker, "buffers_free", 14);
		line_end(picture);
	}
}

// Queues that lose packets now: one worker may drown while the port as a whole has room.
static void queues(struct picture *picture, const json_t *list)
{
	size_t i;
	json_t *queue;

	json_array_foreach((json_t *)list, i, queue)
	{
		char text[64];

		if (!(json_number_value(json_object_get(queue, "drops_per_second")) > 0))
			continue;
		snprintf(text, sizeof(text), "  queue %lld", integer_of(queue, "queue"));
		cell(picture, text, 22, false);
		number(picture, queue, "packets_in_per_second", 10);
		cell(picture, "", 30, false);
		colour(picture, "\033[1;31m");
		number(picture, queue, "drops_per_second", 9);
		line_end(picture);
	}
}

static void ports(struct picture *picture, const json_t *list)
{
	size_t i;
	json_t *port;

	head(picture, "PORT", "missed/s", "   mode");
	json_array_foreach((json_t *)list, i, port)
	{
		char text[64];

		cell(picture, string_of(port, "name"), 22, false);
		rates(picture, port, "drops_per_second");
		snprintf(text, sizeof(text), "   %s%s", string_of(port, "mode"),
			json_is_true(json_object_get(port, "link_up")) ? "" : ", link DOWN");
		cell(picture, text, REST, false);
		line_end(picture);
		queues(picture, json_object_get(port, "queue"));
	}
}

// Reasons that count now, in one line.
static void drops(struct picture *picture, const json_t *list)
{
	char text[1024] = "drops/s:";
	size_t i, used = strlen(text);
	json_t *drop;

	json_array_foreach((json_t *)list, i, drop)
	{
		double rate = json_number_value(json_object_get(drop, "packets_per_second"));
		char figure[32];

		if (rate <= 0 || used + 80 > sizeof(text))
			continue;
		number_text(rate, figure, sizeof(figure));
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s %s",
			string_of(drop, "reason"), figure);
	}
	line(picture, "");
	line(picture, strchr(text, ' ') ? text : "drops/s: none");
}

static void rooms(struct picture *picture, const json_t *list, long long total)
{
	size_t i;
	json_t *room;
	char text[64];

	snprintf(text, sizeof(text), "ROOM (%lld)", total);
	head(picture, text, "lost/s", "   people  streams  views");
	json_array_foreach((json_t *)list, i, room)
	{
		if (picture->used >= picture->rows)
			return;
		cell(picture, string_of(room, "name"), 22, false);
		rates(picture, room, "lost_per_second");
		number(picture, room, "participants", 9);
		number(picture, room, "publications", 9);
		number(picture, room, "subscriptions", 7);
		line_end(picture);
	}
}

void text_top(const json_t *top, FILE *out, unsigned screen_rows, unsigned columns, bool screen)
{
	struct picture picture = {
		.out = out, .rows = screen_rows, .columns = columns, .screen = screen};

	planes(&picture, top);
	workers(&picture, json_object_get(top, "workers"));
	ports(&picture, json_object_get(top, "ports"));
	drops(&picture, json_object_get(top, "drops"));
	rooms(&picture, json_object_get(top, "rooms"), integer_of(top, "rooms_total"));
}
