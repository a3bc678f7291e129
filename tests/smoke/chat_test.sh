#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 001 with the relay in between: Chromium as the sample client of the guide, let in by a token signed with RSA,
# and aiortc as a client of the later revision, who calls it.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
rsa=("node" "$root/tests/peer/rsa_token.mjs")
"${rsa[@]}" keys "$work"
sed -i "s|^auth:|auth:\n  jwks_file: $work/keys.json\n  issuer: solar-network\n  public_key_file: $work/public.pem\n  session_tokens: true|" \
	"$work/sluice.yaml"
start_relay
claims='{"iss":"solar-network","sub":"0a5b8a86-5f9c-4d19-8f5b-7d4a6f0f6a11","jti":"5d1a3a2e-5b0e-4f0a-8a4c-000000000001","name":"Una"'
status_of() { # TOKEN
	on a curl -s -o /dev/null -w '%{http_code}' --max-time 3 "http://$relay_ip:$chat_port/api/chat/realtime/$chat?tk=$1"
}
expect "status for a member" "$(status_of "$("${rsa[@]}" token "$work" "$claims,\"chats\":[\"$chat\"]}")")" == 400
expect "status for a member of other chats" "$(status_of "$("${rsa[@]}" token "$work" "$claims,\"chats\":[]}")")" == 403
expect "status for a token of yesterday" "$(status_of "$("${rsa[@]}" token "$work" "$claims,\"exp\":1700000000}")")" == 401
expect "status for another issuer" "$(status_of "$("${rsa[@]}" token "$work" '{"iss":"moon","sub":"x"}')")" == 401
expect "status for a session token" "$(status_of "$("${rsa[@]}" session "$work")")" == 400
expect "status for one with another signature" "$(status_of "$("${rsa[@]}" session "$work" | tr 'a-m' 'b-n')")" == 401

node "$root/tests/peer/pair_call.mjs" chat "http://$relay_ip:$chat_port" "$chat" una chromium:a "${CALL_SECONDS:-6}" \
	--token "$("${rsa[@]}" token "$work" "$claims,\"chats\":[\"$chat\"]}")" ${SHOTS:+--shots "$SHOTS"} >"$work/page.log" 2>&1 &
page=$!
wait_for 40 grep -qx open "$work/page.log"
start_peer ben b chat --room "$chat" --call --messages 60
wait "$page" || { cat "$work/page.log"; exit 1; }
grep -E '^(audio|video|pair)' "$work/page.log" | cut -c1-700
expect "messages that the page echoed" "$(peer ben '[(.past[], .sessions[]).echoed] | max')" == 60
expect "video frames aiortc decoded" "$(peer ben '[(.past[], .sessions[]).received.video.frames] | max')" '>' 30
expect "of them different from the one before" "$(peer ben '[(.past[], .sessions[]).received.video.changed] | max')" '>' 20
expect "packets aiortc lost" "$(peer ben '[(.past[], .sessions[]).received[].lost] | add')" == 0
expect "audio frames aiortc decoded" "$(peer ben '[(.past[], .sessions[]).received.audio.frames] | max')" '>' 100
expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0
