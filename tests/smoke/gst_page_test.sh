#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of 002 in Firefox and a webrtcbin of 004, whom it knows by a number, see and hear each other.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

/usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")' || skip "needs GStreamer's webrtcbin"
add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
peer_program=gst_peer.py start_peer greta b rooms
wait_for 10 peer_has greta .open
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-5}" firefox:a --others 1 ${SHOTS:+--shots "$SHOTS"}
tail -n 1 "$work/greta.log" | cut -c1-600
expect "frames of the page that webrtcbin decoded, different ones" \
	"$(peer greta '[.past[], .sessions[]] | .[0].received.video.changed')" '>' 30
expect "packets of the page that webrtcbin lost" "$(peer greta '[(.past[], .sessions[]).received[].lost] | add')" == 0
expect "sound of the page that webrtcbin decoded" "$(peer greta '[.past[], .sessions[]] | .[0].received.audio.frames')" '>' 100
