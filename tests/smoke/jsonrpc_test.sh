#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 003 with the relay in between: Chromium by bare names calls aiortc, who speaks the peer.* family.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
start_peer ben b jsonrpc-peer
wait_for 10 peer_has ben '.open'
node "$root/tests/peer/pair_call.mjs" jsonrpc "http://$relay_ip:$jsonrpc_port" smoke una chromium:a "${CALL_SECONDS:-6}" \
	--call ben ${SHOTS:+--shots "$SHOTS"} | cut -c1-700
expect "video frames aiortc decoded" "$(peer ben '[(.past[], .sessions[]).received.video.frames] | max')" '>' 30
expect "of them different from the one before" "$(peer ben '[(.past[], .sessions[]).received.video.changed] | max')" '>' 20
expect "packets aiortc lost" "$(peer ben '[(.past[], .sessions[]).received[].lost] | add')" == 0
expect "audio frames aiortc decoded" "$(peer ben '[(.past[], .sessions[]).received.audio.frames] | max')" '>' 100
expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0
