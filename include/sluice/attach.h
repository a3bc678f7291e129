// SPDX-License-Identifier: Apache-2.0
// Mapping of the two shared files. Each program is the one writer of its own file, holds an OFD lock
// on it while it lives, and maps the other's read-only. The lock is also the liveness test: there is
// no pid file.
#pragma once

#include <sluice/msg.h>

#define SLUICE_DESIRED_FILE "desired"
#define SLUICE_OBSERVED_FILE "observed"

// Maps DIR/desired for writing: creates it, mode 0600, when it is not there, keeps its contents when
// it is. Takes the writer's lock, clears rows that a dead writer left odd, and raises
// head.incarnation. Never put into a core dump. Returns NULL after writing one line of why and what
// to do into `why`: a living writer, another layout (both named), no permission. With `discard` an
// existing file of another layout is replaced instead.
struct sluice_desired *sluice_desired_create(
	const char *directory, bool discard, char *why, size_t why_size);

// The same for DIR/observed, with two differences. Statuses of publications and subscriptions that were
// left odd keep their contents: each word is the old or the new one, and the SRTP indexes in them must not
// be forgotten. Blocks of workers and ports, and head.ready, start at zero.
struct sluice_observed *sluice_observed_create(
	const char *directory, bool discard, char *why, size_t why_size);

// Maps the other program's file read-only. Returns NULL with `why` when it is not there yet or has
// another layout; the caller asks again later.
const struct sluice_desired *sluice_desired_open(const char *directory, char *why, size_t why_size);
const struct sluice_observed *sluice_observed_open(
	const char *directory, char *why, size_t why_size);

// True when DIR/desired or DIR/observed is no longer the file that was mapped (removed, or replaced by
// a start with `discard`): close it and open again.
bool sluice_desired_replaced(const struct sluice_desired *desired, const char *directory);
bool sluice_observed_replaced(const struct sluice_observed *observed, const char *directory);

// True while the writer of DIR/desired or DIR/observed lives (its lock is held).
bool sluice_desired_alive(const char *directory);
bool sluice_observed_alive(const char *directory);

// Unmaps what one of the four functions above returned and lets the lock go; NULL is fine. The file
// stays.
void sluice_desired_close(const struct sluice_desired *desired);
void sluice_observed_close(const struct sluice_observed *observed);
