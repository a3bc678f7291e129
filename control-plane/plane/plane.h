// SPDX-License-Identifier: Apache-2.0
// Control's side of the shared files: owns `desired`, turns core changes into rows and hints, and
// statuses and events of `observed` into core verbs.
#pragma once

#include "core/core.h"

#include <sluice/attach.h>

struct plane;

// Attaches DIR/desired (see sluice_desired_create) and looks for DIR/observed. Returns NULL with `why`.
struct plane *plane_create(const char *directory, bool discard, char *why, size_t why_size);
void plane_destroy(struct plane *plane);

// The core's way to write rows: give it to core_create. `random` is filled too.
struct core_plane plane_callbacks(struct plane *plane);

// Rebuilds the core from the rows of the control before us, ends with core_restore_done. Returns the
// number of transports that live on.
unsigned plane_recover(struct plane *plane, struct core *core, uint64_t now_ms);

// Reads events and statuses and tells the core what was heard; finds a data plane that has come or
// gone. Call when the doorbell rings and about four times a second. Beats the head too.
void plane_poll(struct plane *plane, struct core *core, uint64_t now_ms);

// True while a data plane is attached, ready and beating.
bool plane_ready(const struct plane *plane);

// The data plane's file, or NULL while there is none.
const struct sluice_observed *plane_observed(const struct plane *plane);

// Our own file; never NULL.
const struct sluice_desired *plane_desired(const struct plane *plane);

// Sets or clears head.asleep around the event loop's wait.
void plane_sleep(struct plane *plane, bool asleep);

// Takes one punted datagram (port modes without XDP). Returns false when there is none.
bool plane_punt(struct plane *plane, struct sluice_datagram *datagram);

// Sends a datagram out of such a port through worker 0's reply ring. Returns false when it is full or no
// data plane is there.
bool plane_reply(struct plane *plane, const struct sluice_datagram *datagram);

void plane_drain(struct plane *plane, bool draining);
