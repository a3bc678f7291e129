// SPDX-License-Identifier: Apache-2.0
// Names for the peers of a scene, so that sluicectl's views find them: `alice` publishes in `demo`, `bob` and
// others watch.
#pragma once

#include "sluicectl_why.h"
#include "unit/pipeline/drives.h"

static struct view view;
static json_t *said; // the last answer

static void person_set(uint32_t index, const char *room, const char *identity)
{
	struct sluice_participant row = {.row.generation = 40 + index, .dialect = "sfu"};
	snprintf(row.room, sizeof(row.room), "%s", room);
	snprintf(row.identity, sizeof(row.identity), "%s", identity);
	world_write(&scene.world.desired->participants[index].row, &row.row, sizeof(row));
	atomic_store(&scene.world.desired->head.rows_used[SLUICE_TABLE_PARTICIPANT], index + 1);
}

// The peers' transports get their people, and everybody hears of it.
static void people_come(void)
{
	person_set(0, "demo", "alice");
	scene.publisher.row.participant = (struct sluice_handle){0, 40};
	scene.publication.participant = scene.publisher.row.participant;
	world_set_transport(&scene.world, 0, &scene.publisher.row);
	world_set_publication(&scene.world, 0, &scene.publication);
	for (unsigned v = 0; v < scene.viewers_used; v++) {
		char name[16];
		snprintf(name, sizeof(name), v ? "bob%u" : "bob", v);
		person_set(1 + v, "demo", name);
		scene.viewers[v].row.participant = (struct sluice_handle){1 + v, 41 + v};
		scene.viewers[v].row.publisher = scene.publisher.row.participant;
		world_set_transport(&scene.world, 1 + v, &scene.viewers[v].row);
	}
	world_settle(&scene.world);
}

static void view_now(void)
{
	view = (struct view){.desired = scene.world.desired,
		.observed = scene.world.observed,
		.control_alive = true,
		.dataplane_alive = true,
		.now_ns = scene.world.now_ns};
}

// `sluicectl why WORD`; NULL when it is refused.
static json_t *look(const char *word)
{
	char why[256] = "";
	json_decref(said);
	view_now();
	said = why_look(&view, word, why, sizeof(why));
	if (!said)
		assert_true(strlen(why) > 10);
	return said;
}

static json_t *peer_of(const json_t *json)
{
	return json_array_get(json_object_get(json, "peers"), 0);
}

// Whether some sentence of a list has these words.
static bool concludes(const json_t *json, const char *words)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(json, "conclusions"), i,
		one) if (strstr(json_string_value(one), words)) return true;
	json_array_foreach(json_object_get(json, "conclusions"), i, one)
		print_message("  => %s\n", json_string_value(one));
	print_message("  nobody says: %s\n", words);
	return false;
}

// Whether a decision of that name stands anywhere in the JSON.
static bool mentions(const json_t *json, const char *decision)
{
	const char *key;
	json_t *one;
	size_t i;
	if (json_is_array(json)) {
		json_array_foreach(json, i, one) if (mentions(one, decision)) return true;
		return false;
	}
	if (!json_is_object(json))
		return false;
	const char *name = json_string_value(json_object_get(json, "decision"));
	if (name && strcmp(name, decision) == 0)
		return true;
	json_object_foreach((json_t *)json, key, one) if (mentions(one, decision)) return true;
	return false;
}
