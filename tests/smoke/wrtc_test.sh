#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# @roamhq/wrtc, which is libwebrtc, calls aiortc by dialect 003, and at the same time aiortc calls it by dialect 004:
# both ends decode tone and a moving picture of the other, libwebrtc counts no packet as lost, and a data channel
# goes through the relay and back.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
start_peer anna a jsonrpc
wait_for 10 peer_has anna '.open'
peer_program=node_peer.mjs start_peer ben b jsonrpc --library wrtc --call
peer_program=node_peer.mjs start_peer carl b rooms --room hall --library wrtc
wait_for 10 peer_has carl '.open'
start_peer dora a rooms --room hall --call

for name in anna ben carl dora; do
	wait_for 20 peer_has "$name" '.sessions[].received | .audio.frames >= 100 and .video.changed >= 50'
done
for name in ben dora; do
	wait_for 20 peer_has "$name" '.sessions[] | .echoed == 100'
done
for name in anna ben carl dora; do
	expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
	expect "video packets $name got" "$(peer "$name" '.sessions[].received.video.packets')" '>=' 50
	expect "audio packets $name got" "$(peer "$name" '.sessions[].received.audio.packets')" '>=' 100
done
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
