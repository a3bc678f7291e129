// SPDX-License-Identifier: Apache-2.0
// What the shared files say of workers, ports, drops and rooms, as JSON: for the admin API and for
// `sluicectl top`, so that both always say the same. Needs neither control nor the data plane to run.
#pragma once

#include <sluice/msg.h>

#include <jansson.h>

struct figures;

// Takes what both files say now; either may be NULL. Returns NULL when memory is short.
struct figures *figures_take(const struct sluice_desired *desired,
	const struct sluice_observed *observed, uint64_t now_ns);
void figures_free(struct figures *figures);

// Each returns a new JSON array of one object for each worker, port, drop or room. With `before`, taken
// earlier, the objects have rates for the time between, too. Counters that have gone back, since the data
// plane has started anew, count from zero.
json_t *figures_workers(const struct figures *now, const struct figures *before);
json_t *figures_ports(const struct figures *now, const struct figures *before);

// The receive queues of a port: packets taken, losses by reason. Without `before` there are no rates.
json_t *figures_queues(const struct sluice_port_status *now,
	const struct sluice_port_status *before, double seconds);
// As figures_workers.
json_t *figures_drops(const struct figures *now, const struct figures *before);

// Busiest first: by packets of the time between, or of all time without `before`. From `offset` on `most`.
json_t *figures_rooms(
	const struct figures *now, const struct figures *before, unsigned offset, unsigned most);

// How many rooms there are.
unsigned figures_rooms_used(const struct figures *figures);
