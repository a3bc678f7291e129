#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 004 with the relay in between: two Chromium pages at /webrtc/client and an aiortc peer, each connected
# with each, sound, picture and chat, and data channels echoed by a page.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
add_host c 23
write_pairs_config xdp 1
start_relay
pages_are_there() {
	[ "$(on c curl -s --max-time 3 "http://$relay_ip:$rooms_port/webrtc/rooms/smoke/peers" | jq .total_peers)" = 2 ]
}
# carl comes last, so he calls
{ wait_for 60 pages_are_there && start_peer carl c rooms --call --messages 60 && wait; } &
node "$root/tests/peer/rooms_call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-6}" chromium:a chromium:b --others 1 \
	${SHOTS:+--shots "$SHOTS"}
tail -n 1 "$work/carl.log" | cut -c1-1000
expect "peers carl talked to" "$(peer carl '(.past | length) + (.sessions | length)')" == 2
expect "messages that a page echoed, of the worse one" "$(peer carl '[(.past[], .sessions[]).echoed] | min')" == 60
expect "video frames carl decoded of the worse one" "$(peer carl '[(.past[], .sessions[]).received.video.frames] | min')" '>' 30
expect "of them different from the one before" "$(peer carl '[(.past[], .sessions[]).received.video.changed] | min')" '>' 20
expect "packets carl lost" "$(peer carl '[(.past[], .sessions[]).received[].lost] | add')" == 0
expect "audio frames carl decoded of the worse one" "$(peer carl '[(.past[], .sessions[]).received.audio.frames] | min')" '>' 100
expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0
