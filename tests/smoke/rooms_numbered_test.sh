#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 004 with the relay in between: two peers send each other numbered packets, and a data channel goes
# through it and back. Not one packet may be lost, doubled or damaged.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
expect "status of a socket at another path" "$(on a curl -s -o /dev/null -w '%{http_code}' \
	-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
	-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "http://$relay_ip:$rooms_port/elsewhere")" == 403
rooms_get() {
	on a curl -s --max-time 3 "http://$relay_ip:$rooms_port$1"
}
[ "$(rooms_get /health)" = '{"status":"healthy"}' ]
[ "$(rooms_get /nothing)" = '{"detail":"Not Found"}' ]

start_peer anna a rooms --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has anna '.open'
start_peer ben b rooms --numbers 200 --seconds-of-numbers 8 --call
[ "$(wait_for 10 peer_has ben .open && rooms_get /webrtc/rooms/smoke/peers)" = '{"peers":["anna","ben"],"total_peers":2}' ]
for name in anna ben; do
	wait_for 40 peer_has "$name" '.sessions[].sent | .video == 1600 and .audio == 400'
done
wait_for 20 peer_has ben '.sessions[] | .echoed == 100'
for name in anna ben; do
	wait_for 10 peer_has "$name" '[.sessions[].received[].numbers] | min >= 300'
	expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
	expect "packets $name got twice" "$(peer "$name" '[.sessions[].received[].doubled] | add')" == 0
	expect "damaged packets $name got" "$(peer "$name" '[.sessions[].received[].damaged] | add')" == 0
	expect "video packets $name got" "$(peer "$name" '.sessions[].received.video.numbers')" '>=' 1400
	expect "and not more than were sent" "$(peer "$name" '.sessions[].received.video.numbers')" '<=' 1600
done
expect "messages echoed through the relay" "$(peer ben '.sessions[].echoed')" == 100
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
