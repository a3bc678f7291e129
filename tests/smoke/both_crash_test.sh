#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Both planes die at once and come back in either order: the call goes on without renegotiation.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered 90

for order in "control dataplane" "dataplane control"; do
	kill_plane control
	kill_plane dataplane
	for plane in $order; do
		"start_$plane"
		sleep 0.3
	done
	wait_for 5 relay_ready
	still_flows 5
done

expect "longest silence, ms" "$(receiver '.received["1"].video.longest_gap_ms')" '<' 4000
expect "offers to the subscriber" "$(receiver .subscribe_offers)" == 1
expect "connections not connected" "$(receiver '[.states[] | select(. != "connected")] | length')" == 0
