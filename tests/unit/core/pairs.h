// SPDX-License-Identifier: Apache-2.0
// What clients' pairs have led to.
#pragma once

#include "clients.h"

// ---- what is there

static inline const struct core_transport *client_leg(
	const struct world *world, const struct client *client, const struct client *far)
{
	return world_down(world, client->id, far->id);
}

static inline const struct core_publication *client_sends(
	const struct world *world, const struct core_transport *leg, enum desc_kind kind)
{
	const struct core_publication *one = NULL;

	while ((one = core_publication_next(world->core, one)) != NULL)
		if (one->transport.index == leg->id.index && one->kind == kind)
			break;
	return one;
}

static inline const struct core_subscription *client_receives(
	const struct world *world, const struct core_transport *leg, enum desc_kind kind)
{
	const struct core_subscription *one = NULL;

	while ((one = core_subscription_next(world->core, one)) != NULL)
		if (one->transport.index == leg->id.index &&
			core_publication(world->core, one->publication)->kind == kind)
			break;
	return one;
}

static inline unsigned rows(const struct world *world)
{
	return WORLD_COUNT(world, transports) + WORLD_COUNT(world, publications) +
	       WORLD_COUNT(world, subscriptions);
}

// What is sent on one leg is received on the other.
static inline void expect_way(const struct world *world, const struct core_transport *from,
	const struct core_transport *to, enum desc_kind kind)
{
	const struct core_publication *sent = client_sends(world, from, kind);
	const struct core_subscription *received = client_receives(world, to, kind);

	assert_non_null(sent);
	assert_non_null(received);
	assert_int_equal(received->publication.index, sent->id.index);
	assert_true(received->active && !received->paused);
	assert_int_not_equal(received->payload_type[0], 0);
	assert_int_equal(received->nack, kind == DESC_VIDEO);
	assert_int_equal(received->extension_id[DESC_EXT_MID], 4);
	assert_int_equal(received->extension_id[DESC_EXT_TRANSPORT_CC], 0);
}
