#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A data plane that comes to a queue that is not free says so and ends with status 1, upon which a supervisor starts it
# again: the kernel gives the queue of one that was killed back in its own time.
source "$(dirname "$0")/_init.sh"

add_host relay 10
write_config xdp 1
on relay "$root/tests/peer/xdp_holder.py" eth0 60 >"$work/holder.log" 2>&1 &
holder=$!
wait_for 5 grep held "$work/holder.log"

start_dataplane
status=0
wait "${plane_pid[dataplane]}" || status=$?
expect "exit status where somebody has the queue" $status == 1
grep 'port eth0: DPDK could not set up the queues (is another program using them?)' "$work/dataplane.log"

start_control
supervise_plane dataplane
refused() { # TIMES
	[ "$(grep -c 'could not set up the queues' "$work/dataplane.log")" -ge "$1" ]
}
wait_for 10 refused 3
pkill -P $holder
wait_for 10 relay_ready
echo "ok: it came when the queue was free"
