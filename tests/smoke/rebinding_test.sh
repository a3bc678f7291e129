#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Both clients sit behind NATs that change their port in mid-call: the call goes on by itself.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
nsenter --net=/run/netns/a "$root/tests/peer/udp_nat.py" 10.77.0.21:4000 "$relay_ip:$media_port" >"$work/nat-a" &
nat_a=$!
nsenter --net=/run/netns/b "$root/tests/peer/udp_nat.py" 10.77.0.22:4000 "$relay_ip:$media_port" >"$work/nat-b" &
nat_b=$!
sender_nat=10.77.0.21:4000 receiver_nat=10.77.0.22:4000
start_numbered 90

for nat in $nat_a $nat_b; do
	kill -USR1 "$nat"
	sleep 1
	still_flows 5
done
expect "ports each NAT has used" "$(cat "$work/nat-a" "$work/nat-b" | sort -u | wc -l)" == 4
expect "longest silence, ms" "$(receiver '.received["1"].video.longest_gap_ms')" '<' 3000
expect "offers to the subscriber" "$(receiver .subscribe_offers)" == 1
expect "connections not connected" "$(receiver '[.states[] | select(. != "connected")] | length')" == 0
