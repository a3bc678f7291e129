#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a receive queue loses before the data plane sees it is counted, named and shown: the data plane stands
# still while more arrives than its ring holds.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered 60 2000

ctl() {
	"$build/sluicectl" -d /run/sluice "$@"
}
lost() { # the queue's losses, all reasons
	awk '/^sluice_nic_queue_lost_packets_total\{port="0",queue="0"/ {n += $2} END {print n + 0}' "$work/metrics.txt"
}
missed() { # the port's
	awk '/^sluice_nic_missed_packets_total\{port="0"/ {print $2}' "$work/metrics.txt"
}
expect "packets of the queue" "$(metric 'sluice_nic_queue_packets_total{port="0",queue="0"}')" '>' 100
http /metrics >"$work/metrics.txt"
expect "packets lost before" "$(lost)" == "$(missed)"
before=$(lost)
ctl --json top --interval 6 --once >"$work/top.json" &
top=$!
kill -STOP "${plane_pid[dataplane]}"
# The filter goes on without the data plane, which is what fills the ring.
sent=$(sender .sent.video)
overflowed() {
	[ "$(sender .sent.video)" -gt $((sent + 5000)) ]
}
wait_for 15 overflowed
kill -CONT "${plane_pid[dataplane]}"
has_lost() {
	http /metrics >"$work/metrics.txt"
	[ "$(lost)" -gt $((before + 1000)) ]
}
wait_for 5 has_lost
still_flows 5
http /metrics >"$work/metrics.txt"
expect "packets lost by queue" "$(lost)" == "$(missed)"
ctl status | tee "$work/status" | grep -E '^  queue 0 lost [0-9]+ of [0-9]+: (ring_full, the worker did not take|no_buffer, no packet buffer)' >/dev/null
expect "losses in JSON" "$(ctl --json status | jq '.dataplane.ports[0].queue[0].lost | add')" '>' 1000
wait $top
expect "losses a second in top" "$(jq '.ports[0].queue[0].drops_per_second | floor' "$work/top.json")" '>' 100
