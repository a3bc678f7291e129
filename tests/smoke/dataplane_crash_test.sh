#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The data plane is killed again and again at random moments of a call: the call goes on within 3 s
# without renegotiation, and no (SSRC, SRTP index) is ever used for two packets.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

kills=${KILLS:-5}
add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
tcpdump -i br-b -w "$work/wire.pcap" -U -B 16384 --immediate-mode udp port "$media_port" 2>/dev/null &
start_numbered $((kills * 6 + 60))

for ((i = 0; i < kills; i++)); do
	sleep "1.$((RANDOM % 90 + 10))"
	kill_plane dataplane
	sleep "0.$((RANDOM % 30 + 10))"
	start_dataplane
	still_flows 4
done

expect "longest silence, ms" "$(receiver '.received["1"].video.longest_gap_ms')" '<' 3000
expect "packets doubled" "$(receiver '.received["1"].video.doubled')" == 0
expect "offers to the subscriber" "$(receiver .subscribe_offers)" == 1
expect "streams seen by the subscriber" "$(receiver '.received["1"].video.ssrcs')" == 1
expect "reconnects of the subscriber" "$(receiver .reconnects)" == 0
expect "connections not connected" "$(receiver '[.states[] | select(. != "connected")] | length')" == 0
sleep 1
"$root/tests/peer/index_reuse.py" "$work/wire.pcap" "$media_port"
