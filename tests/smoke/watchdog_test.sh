#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The service manager's watchdog is fed by a plane that works and by no other: not while one worker hangs, though
# all other threads go on, nor while the main loop of either plane does. What is stopped here are threads, from
# outside, at no place of the program's choice.
source "$(dirname "$0")/_init.sh"

add_host relay 10
write_config xdp 2
for plane in dataplane control; do
	"$root/tests/peer/notify_listener.py" "$work/$plane.sock" >"$work/$plane.told" &
	wait_for 5 test -S "$work/$plane.sock"
	NOTIFY_SOCKET=$work/$plane.sock "start_$plane"
done
wait_for 15 relay_ready

fed() { # PLANE: how often
	grep -c '^WATCHDOG=1$' "$work/$1.told" || true
}
fed_more() { # PLANE COUNT
	[ "$(fed "$1")" -gt "$2" ]
}
freeze() { # TID
	"$root/tests/peer/freeze_thread.py" "$1" >"$work/frozen" &
	freezer=$!
	wait_for 5 grep -q frozen "$work/frozen"
}
thaw() {
	kill "$freezer"
	wait "$freezer" 2>/dev/null || true
}
# The plane is not fed while the other is, twice; then its thread goes on, and it is fed again.
starves() { # PLANE OTHER WHAT SECONDS
	local before other
	sleep "$4" # what was said before it hung may still be under way
	before=$(fed "$1")
	other=$(fed "$2")
	wait_for 15 fed_more "$2" $((other + 1))
	expect "feeds of $1 while $3" "$(fed "$1")" == "$before"
	thaw
	wait_for 10 fed_more "$1" "$before"
	echo "ok: $1 is fed again"
}

for plane in dataplane control; do
	wait_for 10 fed_more $plane 1
	expect "$plane said that it is ready" "$(grep -c '^READY=1' "$work/$plane.told")" == 1
	expect "its first word" "$(head -n 1 "$work/$plane.told")" == READY=1
	grep '^STATUS=' "$work/$plane.told" >/dev/null
done

threads() { # PATTERN: the data plane's threads of such a name
	local task
	for task in /proc/"${plane_pid[dataplane]}"/task/*; do
		# shellcheck disable=SC2053
		[[ $(cat "$task/comm") != $1 ]] || echo "${task##*/}"
	done
}
worker=$(threads '*-worker*' | tail -n 1) # DPDK's name for it
freeze "$worker"
starves dataplane control "a worker hangs" 1.5 # a worker's beat counts for a second
freeze "${plane_pid[dataplane]}"
starves dataplane control "its main thread hangs" 0.2
freeze "${plane_pid[control]}"
starves control dataplane "its loop hangs" 0.2

stop_relay
plane_pid=()
expect "goodbyes" "$(cat "$work"/*.told | grep -c '^STOPPING=1$')" == 2
