// SPDX-License-Identifier: Apache-2.0
// `sluicectl join-report`: prints what control remembers (edge/journal_report.h).
#include "sluicectl.h"

static const char *string_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "-";
}

static void print_steps(const json_t *json, FILE *out)
{
	size_t i;
	json_t *step;
	json_array_foreach(json_object_get(json, "steps"), i, step)
	{
		const char *detail = json_string_value(json_object_get(step, "detail"));
		fprintf(out, "%10lld ms  %s%s%s\n",
			(long long)json_integer_value(json_object_get(step, "ms")),
			string_of(step, "what"), detail ? ": " : "", detail ? detail : "");
	}
	fprintf(out, "  => %s\n", string_of(json, "conclusion"));
}

static void print_visit(const json_t *visit, FILE *out)
{
	const char *identity = string_of(visit, "identity"), *room = string_of(visit, "room");
	fprintf(out, "%s from %s", string_of(visit, "by"), string_of(visit, "remote"));
	if (*identity)
		fprintf(out, ", %s%s%s", *room ? room : "", *room ? "/" : "", identity);
	fprintf(out, "\n");
	print_steps(visit, out);
}

static void print_passage(const json_t *passage, FILE *out)
{
	const json_t *publisher = json_object_get(passage, "publisher");
	fprintf(out, "%s/%s, transport %lld %s", string_of(passage, "room"),
		string_of(passage, "identity"),
		(long long)json_integer_value(json_object_get(passage, "transport")),
		string_of(passage, "direction"));
	if (publisher)
		fprintf(out, " (%s %s)",
			string_of(passage, "direction")[0] == 'b' ? "with" : "media of",
			json_string_value(publisher));
	fprintf(out, "%s\n", json_is_true(json_object_get(passage, "ended")) ? ", ended" : "");
	print_steps(passage, out);
}

static void print_report(const json_t *report, FILE *out)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(report, "visits"), i, one) print_visit(one, out);
	json_array_foreach(json_object_get(report, "passages"), i, one) print_passage(one, out);
	json_array_foreach(json_object_get(report, "strangers"), i, one) fprintf(out,
		"%s: %lld STUN checks, %lld DTLS records of no session, the last %.1f s ago\n  => "
		"%s\n",
		string_of(one, "address"),
		(long long)json_integer_value(json_object_get(one, "checks")),
		(long long)json_integer_value(json_object_get(one, "records")),
		json_number_value(json_object_get(one, "seconds_ago")),
		string_of(one, "conclusion"));
}

static bool is_empty(const json_t *report)
{
	return json_array_size(json_object_get(report, "visits")) == 0 &&
	       json_array_size(json_object_get(report, "passages")) == 0 &&
	       json_array_size(json_object_get(report, "strangers")) == 0;
}

int join_report_run(const struct config *config, int count, char **words, bool as_json)
{
	char why[256] = "";
	if (count > 2) {
		fprintf(stderr,
			"sluicectl: usage: sluicectl join-report [ROOM/IDENTITY | IDENTITY | "
			"ADDRESS[:PORT]]\n");
		return 2;
	}
	json_t *request = json_pack("{s:s}", "verb", "join-report");
	if (count == 2) {
		json_t *peer = json_string(words[1]);
		json_object_set_new(request, "peer", peer ? peer : json_string("?"));
	}
	json_t *report = control_ask(config->runtime_directory, request, why, sizeof(why));
	json_decref(request);
	const char *error = report ? json_string_value(json_object_get(report, "error")) : why;
	if (!error && !as_json && is_empty(report))
		error = count == 2 ? "nothing is remembered of that peer: it has not come to this "
				     "relay in the last 15 minutes, or control was restarted"
				   : "nobody has come since control started";
	if (error)
		fprintf(stderr, "sluicectl: %s\n", error);
	else if (as_json)
		json_dumpf(report, stdout, JSON_INDENT(2));
	else
		print_report(report, stdout);
	if (!error && as_json)
		printf("\n");
	int status = error ? 1 : 0;
	json_decref(report);
	return status;
}
