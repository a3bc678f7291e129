// SPDX-License-Identifier: Apache-2.0
#include "sluicectl_why.h"

static const char *string_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "-";
}

static long long integer_of(const json_t *json, const char *key)
{
	return (long long)json_integer_value(json_object_get(json, key));
}

static double number_of(const json_t *json, const char *key)
{
	return json_number_value(json_object_get(json, key));
}

// "NAME 3.2 s ago", or "no NAME" when it never was.
static void print_age(const json_t *json, const char *key, const char *name, FILE *out)
{
	const json_t *age = json_object_get(json, key);
	if (json_is_number(age))
		fprintf(out, ", %s %.1f s ago", name, json_number_value(age));
	else
		fprintf(out, ", %s %s", key[0] == 'h' && name[0] == 'h' ? "never" : "no", name);
}

static void print_note(const json_t *note, FILE *out)
{
	fprintf(out, "      %-14s %8lld x, last %.1f s ago", string_of(note, "decision"),
		integer_of(note, "count"), number_of(note, "seconds_ago"));
	if (number_of(note, "run_seconds") >= 0.05)
		fprintf(out, ", %lld in %.1f s", integer_of(note, "run"),
			number_of(note, "run_seconds"));
	if (integer_of(note, "ssrc"))
		fprintf(out, "; SSRC 0x%08llx", integer_of(note, "ssrc"));
	if (integer_of(note, "sequence"))
		fprintf(out, " sequence %lld", integer_of(note, "sequence"));
	if (integer_of(note, "payload_type"))
		fprintf(out, " type %lld", integer_of(note, "payload_type"));
	fprintf(out, ": %s\n", string_of(note, "help"));
}

static void print_notes(const json_t *json, FILE *out)
{
	size_t i;
	json_t *note;
	json_array_foreach(json_object_get(json, "decisions"), i, note) print_note(note, out);
}

static void print_stranger(const json_t *stranger, FILE *out)
{
	fprintf(out, "    from %s: %s %s, %lld x, last %.1f s ago: %s\n",
		string_of(stranger, "address"), string_of(stranger, "class"),
		string_of(stranger, "decision"), integer_of(stranger, "count"),
		number_of(stranger, "seconds_ago"), string_of(stranger, "help"));
}

static void print_publication(const json_t *publication, FILE *out)
{
	size_t i;
	json_t *encoding;
	fprintf(out, "    sends %s, mid %s%s", string_of(publication, "kind"),
		string_of(publication, "mid"),
		json_is_true(json_object_get(publication, "paused")) ? ", PAUSED" : "");
	print_age(publication, "first_packet_seconds_ago", "first packet", out);
	if (string_of(publication, "kind")[0] == 'v')
		print_age(publication, "first_key_frame_seconds_ago", "first key frame", out);
	fprintf(out, "\n");
	json_array_foreach(json_object_get(publication, "encodings"), i, encoding)
	{
		fprintf(out,
			"      layer %zu: SSRC 0x%08llx, %lld packets, %lld lost, %lld recovered, "
			"%lld "
			"kbit/s, %lld key frames, %lld asked for",
			i, integer_of(encoding, "ssrc"), integer_of(encoding, "packets"),
			integer_of(encoding, "lost"), integer_of(encoding, "recovered"),
			integer_of(encoding, "bitrate_bps") / 1000,
			integer_of(encoding, "key_frames"), integer_of(encoding, "key_requests"));
		print_age(encoding, "heard_seconds_ago", "last packet", out);
		fprintf(out, "\n");
	}
	print_notes(publication, out);
}

static void print_subscription(const json_t *subscription, FILE *out)
{
	fprintf(out, "    gets %s of %s, SSRC 0x%08llx%s%s: %lld packets, %lld kbit/s, %lld resent",
		string_of(subscription, "kind"), string_of(subscription, "publisher"),
		integer_of(subscription, "ssrc"),
		json_is_true(json_object_get(subscription, "active")) ? "" : ", NOT ACCEPTED",
		json_is_true(json_object_get(subscription, "paused")) ? ", PAUSED" : "",
		integer_of(subscription, "packets"), integer_of(subscription, "bitrate_bps") / 1000,
		integer_of(subscription, "resent"));
	print_age(subscription, "sent_seconds_ago", "last packet", out);
	if (string_of(subscription, "kind")[0] == 'v')
		print_age(subscription, "first_key_frame_seconds_ago", "first key frame", out);
	fprintf(out, "\n");
	print_notes(subscription, out);
}

static void print_transport(const json_t *transport, FILE *out)
{
	size_t i;
	json_t *one;
	fprintf(out, "  transport %lld %s %s %s, worker %lld: in %lld, out %lld packets",
		integer_of(transport, "transport"), string_of(transport, "direction"),
		string_of(transport, "state"), string_of(transport, "remote"),
		integer_of(transport, "worker"), integer_of(transport, "packets_in"),
		integer_of(transport, "packets_out"));
	print_age(transport, "heard_seconds_ago", "heard", out);
	fprintf(out, "\n");
	print_notes(transport, out);
	json_array_foreach(json_object_get(transport, "strangers"), i, one)
		print_stranger(one, out);
	json_array_foreach(json_object_get(transport, "publications"), i, one)
		print_publication(one, out);
	json_array_foreach(json_object_get(transport, "subscriptions"), i, one)
		print_subscription(one, out);
}

static void print_conclusions(const json_t *json, FILE *out)
{
	size_t i;
	json_t *sentence;
	json_array_foreach(json_object_get(json, "conclusions"), i, sentence)
		fprintf(out, "=> %s\n", json_string_value(sentence));
}

void text_why(const json_t *json, FILE *out)
{
	size_t i, j;
	json_t *peer, *one;
	json_array_foreach(json_object_get(json, "peers"), i, peer)
	{
		fprintf(out, "%s in %s, dialect %s\n", string_of(peer, "identity"),
			string_of(peer, "room"), string_of(peer, "dialect"));
		json_array_foreach(json_object_get(peer, "transports"), j, one)
			print_transport(one, out);
		print_conclusions(peer, out);
	}
	json_array_foreach(json_object_get(json, "strangers"), i, one) print_stranger(one, out);
	print_conclusions(json, out);
}
