#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control is killed again and again at random moments of a call: not one media packet is lost, the new
# one answers checks from the stored rows, the clients come back without renegotiating.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

kills=${KILLS:-8}
add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered $((kills * 3 + 60))

for ((i = 0; i < kills; i++)); do
	sleep "0.$((RANDOM % 90 + 10))"
	kill_plane control
	sleep "0.$((RANDOM % 30 + 10))"
	start_control
	wait_for 2 relay_ready
done
# Chromium gives a connection up after 15 s without an answer; the peers here check four times a
# second and give up after 3 s.
sleep 8
still_flows 3

expect "video packets lost" "$(receiver '.received["1"].video.lost')" == 0
expect "audio packets lost" "$(receiver '.received["1"].audio.lost')" == 0
expect "packets doubled" "$(receiver '.received["1"].video.doubled')" == 0
expect "offers to the subscriber" "$(receiver .subscribe_offers)" == 1
expect "reconnects of the subscriber" "$(receiver .reconnects)" '>=' 1
expect "connections not connected" "$(receiver '[.states[] | select(. != "connected")] | length')" == 0
expect "errors" "$(receiver '.errors | length')" == 0
expect "participants control knows" "$(metric sluice_participants)" == 2
