// SPDX-License-Identifier: Apache-2.0
// The contract between the two programs: two files in tmpfs, one writer each.
//
//   desired   written by sluice-control, read by sluice-dataplane and sluicectl
//   observed  written by sluice-dataplane, read by sluice-control and sluicectl
//
// A file is its head, its tables and its half of every ring (ring.h). A row is a seqlock of one
// writer: `sequence` odd, write, even. `generation` names one life of a row: {index, generation} is
// a handle that may be stale but is never wrong. A row is input: the reader copies it, checks it, and
// only then believes it. A row left odd by a writer that died is ignored; the reader's last good
// private copy stays in force. No pointers, no locks.
//
// Row i of `desired` and row i of the `observed` table of the same noun belong together.
#pragma once

#include <sluice/capture.h>
#include <sluice/desired.h>
#include <sluice/observed.h>
#include <sluice/trace.h>

#define SLUICE_MAGIC 0x656369756c53ULL // "Sluice"
#define SLUICE_ABI 6

struct sluice_layout { // what the writer was compiled with; a reader refuses anything else
	uint64_t magic;
	uint32_t abi;
	uint32_t head_size;
	uint64_t file_size;
	uint32_t row_sizes[16]; // in the order of the tables in the file
	uint32_t row_counts[16];
};

enum sluice_table { // names a table in hints
	SLUICE_TABLE_TRANSPORT,
	SLUICE_TABLE_PUBLICATION,
	SLUICE_TABLE_SUBSCRIPTION,
	SLUICE_TABLE_PARTICIPANT,
	SLUICE_TABLE_COUNT,
};

struct sluice_desired_head {
	struct sluice_layout layout;
	_Atomic uint32_t incarnation; // raised by every control that attaches
	_Atomic uint32_t rescan; // raised when a hint ring was full: read all tables again
	_Atomic uint64_t beat_ns;
	_Atomic uint32_t asleep; // 1: control waits for its doorbell
	uint32_t pid;
	_Atomic uint32_t rows_used[SLUICE_TABLE_COUNT]; // one above the highest row ever used
	uint64_t started_unix_ms;
	uint8_t draining;
	uint8_t reserved[3];
	uint32_t capture_last; // control's: number of the last capture
	struct sluice_capture_wish captures[SLUICE_CAPTURES_MAX];
	struct sluice_capture_reader capture_readers[SLUICE_CAPTURES_MAX];
	uint8_t reserved2[256];
};

struct sluice_observed_head {
	struct sluice_layout layout;
	_Atomic uint32_t incarnation; // raised by every data plane that attaches
	_Atomic uint32_t ready; // 1: ports are up, workers run
	_Atomic uint64_t beat_ns; // of the housekeeping thread
	uint32_t pid;
	uint32_t workers_used;
	uint32_t ports_used;
	uint32_t spinning; // idle policy: 1 spin, 0 adaptive
	uint64_t started_unix_ms;
	char crypto[32]; // SRTP backend in use
	char version[32]; // of the data plane
	struct sluice_capture_state capture;
	uint16_t feed_port, feed_ports; // first and number of feeds.ports that it takes media at
	uint8_t reserved[252];
};
