// SPDX-License-Identifier: Apache-2.0
// Any text through the parser; what is read must survive printing and reading again, and be published,
// subscribed to and answered without harm.
#include "core/core.h"
#include "sdp/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct desc read_once, read_again, offer, answer;
static char text[1 << 17];

static void draw(void *context, void *bytes, size_t length)
{
	uint64_t *state = context;

	for (size_t i = 0; i < length; i++) {
		*state = *state * 6364136223846793005 + 1442695040888963407;
		((uint8_t *)bytes)[i] = (uint8_t)(*state >> 56);
	}
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n%s\n", what, text);
	abort();
}

static void round_trip(const struct desc *desc, bool is_offer)
{
	char why[128];
	int length = sdp_print(desc, is_offer, text, sizeof(text));

	unsigned alive = 0;

	check(length > 0, "does not print");
	for (unsigned i = 0; i < desc->sections_used; i++)
		alive += !desc->sections[i].rejected;
	if (!alive)
		return; // says nothing of ICE and DTLS
	check(!sdp_parse(text, (size_t)length, &read_again, why, sizeof(why)), "cannot be read");
	check(read_again.sections_used == desc->sections_used, "sections were lost");
	check(!strcmp(read_again.ufrag, desc->ufrag), "ufrag differs");
	for (unsigned i = 0; i < desc->sections_used; i++) {
		const struct desc_section *one = &desc->sections[i];
		const struct desc_section *other = &read_again.sections[i];

		check(!strcmp(one->mid, other->mid), "mid differs");
		check(one->rejected == other->rejected, "rejection differs");
		check(one->rejected || one->direction == other->direction, "direction differs");
	}
}

static void through_the_core(const struct desc *desc)
{
	uint64_t seed = 1;
	struct core_plane plane = {.context = &seed, .random = draw};
	struct core_limits limits = {.rooms = 4,
		.participants = 4,
		.transports = 8,
		.publications = 24,
		.publications_per_participant = 24,
		.subscriptions = 48};
	struct core_local local = {.fingerprint = {"sha-256", 32, {1}}};
	struct core_sink sink = {0};
	struct core *core = core_create(&limits, &local, &plane, &sink);
	struct core_join join = {.room = "r",
		.identity = "p",
		.dialect = "fuzz",
		.can_publish = true,
		.can_subscribe = true};
	struct core_participant_id id;
	bool resumed;

	core_join(core, &join, &id, &resumed);
	if (!core_publish(core, id, desc, &answer, 0)) {
		round_trip(&answer, false);
		if (!core_subscribe(core, id, "p", &offer, 0)) {
			round_trip(&offer, true);
			core_subscribe_answer(core, id, "p", desc, 0);
		}
		core_publish(core, id, desc, &answer, 0);
	}
	core_dispatch(core);
	core_destroy(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct desc_candidate candidate;
	char why[128];

	sdp_candidate_parse((const char *)data, size, &candidate);
	if (sdp_parse((const char *)data, size, &read_once, why, sizeof(why)))
		return 0;
	round_trip(&read_once, true);
	through_the_core(&read_once);
	return 0;
}
