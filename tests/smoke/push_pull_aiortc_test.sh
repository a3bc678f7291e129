#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A push to, and a pull from, a server that is a full ICE agent and begins DTLS itself; for the pull it makes the
# offer. Out of the configuration, and through a port that the data plane has whole, where all that control says and
# hears of STUN and DTLS, at each session's own local port, goes by shared memory.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
port_entry="{device: net_af_packet0, driver: net_af_packet, arguments: \"iface=eth0\", queues: 1}"
write_config net_af_packet 1 <<-END
	push:
	  - {room: smoke, participant: "1", url: "http://10.77.0.22:8088/whip"}
	pull:
	  - {room: smoke, identity: silence, url: "http://10.77.0.22:8088/whep"}
END
start_relay
on b "$root/tests/peer/whip_server.py" >"$work/server.log" 2>&1 &
on a "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 1 --send 100 --seconds 60 >"$work/sender.log" 2>&1 &
server() { # JQ-EXPRESSION over its last line
	tail -n 1 "$work/server.log" | jq -er "$1"
}
feeds() {
	on relay "$build/sluicectl" -c "$work/sluice.yaml" --json feeds | jq -er "$1"
}
connected() {
	feeds '[.feeds[].state] == ["connected", "connected"]' | grep -x true
}
wait_for 20 connected
wait_for 10 server 'select(.packets.video > 100 and .packets.audio > 20)'
expect "its sessions" "$(server '.states == ["connected", "connected"]')" == true
expect "local ports" "$(feeds '[.feeds[].localPort | . > 7000 and . < 7257] == [true, true] and .feeds[0].localPort != .feeds[1].localPort')" == true
expect "datagrams handed to control" "$(metric 'sluice_punted_datagrams_total{direction="in"}')" '>' 10
expect "datagrams by control's own sockets" "$(metric 'sluice_udp_datagrams_total{direction="out",class="stun"}' || echo 0)" == 0
expect "feeds of the configuration" "$(feeds '[.feeds[].from == "configuration"] | all')" == true
