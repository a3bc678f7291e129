#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 001 with the relay in between: two accounts send each other numbered packets, and a data channel goes
# through it and back; once as the later revision's clients do it, once as the sample of the guide does.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"
source "$(dirname "$0")/_numbers.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
status_of() { # PATH [CURL-ARGUMENTS...]
	local path=$1
	shift
	on a curl -s -o /dev/null -w '%{http_code}' --max-time 3 "$@" "http://$relay_ip:$chat_port$path"
}
expect "status without a token" "$(status_of "/api/chat/realtime/$chat")" == 401
expect "status of no chat" "$(status_of /api/chat/realtime/hello)" == 404
upgrade=(-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
	-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
expect "status of an upgrade without a token" "$(status_of "/api/chat/realtime/$chat" "${upgrade[@]}")" == 401
token=$(cd "$root/tests/peer" && /usr/bin/python3 -c "from aiortc_peer import make_token
print(make_token('$secret', 'una', 'Una'))")
expect "status without an upgrade" "$(status_of "/api/chat/realtime/$chat" -H "Authorization: AtField $token")" == 400
expect "status of a call that is not" "$(status_of "/sphere/chat/realtime/$chat/status" -H "Cookie: x=y; AuthToken=$token")" == 404
[ "$(on a curl -s --max-time 3 "http://$relay_ip:$chat_port/api/chat/realtime/$chat")" = Unauthorized ]

start_peer anna a chat --room "$chat" --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has anna '.open'
expect "status of a call that is" "$(status_of "/api/chat/realtime/$chat/status?tk=$token")" == 200
start_peer ben b chat --room "$chat" --numbers 200 --seconds-of-numbers 8 --call
expect_numbers anna ben
kill -TERM %3 %4
wait %3 %4 2>/dev/null || true

start_peer carl a chat-seed --room "${chat^^}" --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has carl '.open'
start_peer dora b chat-seed --room "$chat" --numbers 200 --seconds-of-numbers 8 --call
expect_numbers carl dora
