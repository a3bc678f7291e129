#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The quick figures of this machine in one table, beside the goals. What is measured is up to the programs:
# each prints rows of four columns with tabs between: what, figure, goal, "met" or "missed" (the last two
# may be empty). A missed goal is a figure like any other; only a program that fails ends this with failure.
set -eu
build=${BUILD:-build}
failed=0

line() {
	printf '%-44s %-28s %-14s %s\n' "$@"
}

rows() {
	status=0
	output=$("$@") || status=$?
	[ "$status" -ne 77 ] || return 0 # not on this machine
	if [ "$status" -ne 0 ]; then
		failed=1
		line "$(basename "$1")" "failed, status $status" "" ""
	fi
	printf '%s\n' "$output" | while IFS="$(printf '\t')" read -r what figure goal met; do
		[ -z "$figure" ] || line "$what" "$figure" "$goal" "$met"
	done
}

sed -n 's/^model name.*: /CPU: /p' /proc/cpuinfo | head -n 1
line what figure goal ""
rows "$build/bench/media/forward" --goals
rows "$build/bench/media/seal" --goals
rows "$build/bench/media/crowd" --goals --seconds 2
exit $failed
