#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# GStreamer's webrtcbin in a room of dialects 003 and 004 with the relay in between: by 004 it answers aiortc, by 003 it
# calls aiortc and another webrtcbin; sound, pictures and data channels both ways.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

/usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")' || skip "needs GStreamer's webrtcbin"
add_host relay 10
add_host a 21
add_host b 22
add_host c 23
write_pairs_config xdp 1
start_relay

peer_program=gst_peer.py start_peer greta a rooms
wait_for 10 peer_has greta .open
start_peer ben b rooms --call --messages 60
wait_for 10 peer_has ben '.sessions.greta.state == "connected"'
peer_program=gst_peer.py start_peer gerd c jsonrpc --call --messages 60

enough='[.sessions[].received | .video.changed > 40, .audio.frames > 100] | length == 4 and all'
for name in greta ben gerd; do
	wait_for 20 peer_has "$name" "$enough" || true
	for other in $(peer "$name" '.sessions | keys[]'); do
		expect "frames of $other that $name decoded, different ones" \
			"$(peer "$name" ".sessions.$other.received.video.changed")" '>' 40
		expect "sound of $other that $name decoded" "$(peer "$name" ".sessions.$other.received.audio.frames")" '>' 100
	done
	expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
	expect "peers $name talks to" "$(peer "$name" '.sessions | length')" == 2
done
wait_for 10 peer_has ben '.sessions.greta.echoed == 60' || true
wait_for 10 peer_has gerd '[.sessions[].echoed] | min == 60' || true
expect "messages of ben that webrtcbin echoed" "$(peer ben .sessions.greta.echoed)" == 60
expect "messages of gerd that aiortc echoed" "$(peer gerd .sessions.ben.echoed)" == 60
expect "messages of gerd that webrtcbin echoed" "$(peer gerd .sessions.greta.echoed)" == 60
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
