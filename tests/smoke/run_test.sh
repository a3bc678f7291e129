#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run` as a newcomer uses it: one command, two pages on localhost, Ctrl-C, nothing left behind; and
# again after the supervisor itself was killed.
source "$(dirname "$0")/_init.sh"

hugepages_before=$(</proc/sys/vm/nr_hugepages)
forwarding_before=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/accept_local)

start_run() {
	# a shell starts background commands deaf to Ctrl-C
	BUILD=$build env --default-signal=INT,QUIT "$root/packaging/sluice-run" --port 8080 >>"$work/run.log" 2>&1 &
	run_pid=$!
	wait_for 20 curl -sf --max-time 2 http://localhost:8080/readyz
}

nothing_left() {
	[ ! -e /run/sluice ] && [ ! -e /run/netns/sluice ] && [ ! -e /sys/class/net/sluice0 ] &&
		[ -z "$(pgrep -x 'sluice-dataplan|sluice-control' || true)" ] &&
		[ "$(</proc/sys/vm/nr_hugepages)" = "$hugepages_before" ]
}

start_run
# a killed plane comes back by itself
pkill -KILL -x sluice-control
sleep 0.2
wait_for 5 curl -sf --max-time 2 http://localhost:8080/readyz
pkill -KILL -x sluice-dataplan
wait_for 5 curl -sf --max-time 2 http://localhost:8080/livez
sleep 1
wait_for 5 curl -sf --max-time 2 http://localhost:8080/readyz
node "$root/tests/peer/call.mjs" http://localhost:8080 4 chromium: chromium: ${SHOTS:+--shots "$SHOTS"}

# a second one on the same machine is refused by name
status=0
BUILD=$build "$root/packaging/sluice-run" >"$work/second.log" 2>&1 || status=$?
expect "exit status of a second run" $status == 1
grep -q 'already running as pid' "$work/second.log"

# kill -9 of the supervisor takes the planes along; the next run starts over what is left
kill -KILL $run_pid
wait $run_pid 2>/dev/null || true
gone() {
	[ -z "$(pgrep -x 'sluice-dataplan|sluice-control' || true)" ]
}
wait_for 5 gone
start_run
kill -INT $run_pid
wait $run_pid
wait_for 5 nothing_left
[ "$forwarding_before" = "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/accept_local)" ]
echo "ok: nothing is left behind"
