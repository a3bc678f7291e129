#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tokens of `sluicectl token` in WHIP, WHEP and the dialects with sockets: what they grant, where they may stand,
# and that no log holds one.
source "$(dirname "$0")/_init.sh"

add_host relay 10
echo shop-secret >"$work/shop.secret"
write_config xdp 1 <<-END
	  - {name: rooms, listen: 8000}
	  - {name: plain, listen: 8081, auth: open}
	  - {name: chat, listen: 5000}
	rooms:
	  - {name: lobby, auth: open}
	  - {name: closed, auth: token}
END
sed -i "s|^  development_tokens.*|  keys: [{key: APIshop, secret_file: $work/shop.secret}]|; s|^dataplane:|x-&|" "$work/sluice.yaml"
# what write_config appends comes behind the listeners: put the data plane's part last
{
	sed '/^x-dataplane:/,/^  hugepages/d' "$work/sluice.yaml"
	cat "$work/dataplane.yaml"
} >"$work/ordered.yaml"
mv "$work/ordered.yaml" "$work/sluice.yaml"
start_relay
base=http://$relay_ip:$http_port

token() {
	"$build/sluicectl" -c "$work/sluice.yaml" token "$@" | tee -a "$work/tokens"
}
whip() { # ROOM [CURL ARGUMENT...]: the status of a POST
	local room=$1
	shift
	on relay curl -s -o "$work/reply" -w '%{http_code}' --max-time 5 -H 'Content-Type: application/sdp' \
		--data-binary @"$root/tests/vectors/sdp/offer-gst-webrtcbin-VP8.txt" "$@" "$base/$room"
}
talk() { # FILTER URL [ARGUMENT...]
	local filter=$1
	shift
	on relay "$root/tests/peer/socket_peer.py" "$@" | tee -a "$work/talk.log" | jq -r "$filter"
}

# ---- WHIP and WHEP
good=$(token --room shop --identity anna --key APIshop)
expect "WHIP with a token" "$(whip shop/whip -H "Authorization: Bearer $good")" == 201
expect "WHIP, the token in the query" "$(whip "shop/whip?access_token=$good")" == 201
expect "WHIP for another room" "$(whip other/whip -H "Authorization: Bearer $good")" == 403
expect "WHIP without a token" "$(whip shop/whip)" == 401
expect "WHIP without one in an open room" "$(whip lobby/whip)" == 201
expect "WHIP, publishing not granted" "$(whip shop/whip -H "Authorization: Bearer $(token --room shop --publish no)")" == 403
expect "WHEP, viewing not granted" "$(whip shop/whep -H "Authorization: Bearer $(token --subscribe=no)")" == 403
expect "WHIP while hidden" "$(whip shop/whip -H "Authorization: Bearer $(token --hidden)")" == 403
expect "WHIP, signed by another" "$(whip shop/whip -H "Authorization: Bearer ${good%????}AAAA")" == 401

# ---- 002
mine=$(token --room shop --identity 7 --name Nora)
join='{"type":"join-room","roomName":"shop"}'
sfu="ws://$relay_ip:$http_port/ws/sfu"
expect "002, of its room" "$(talk '.messages[1] | fromjson | .type == "room-joined"' "$sfu" \
	"{\"type\":\"auth\",\"token\":\"$mine\"}" "$join" --until room-joined)" == true
expect "002, of another room" "$(talk '.messages[1] | fromjson | .message | startswith("Failed to join room")' "$sfu" \
	"{\"type\":\"auth\",\"token\":\"$mine\"}" '{"type":"join-room","roomName":"closed"}' --until Failed)" == true
expect "002, not a number" "$(talk .code "$sfu" "{\"type\":\"auth\",\"token\":\"$good\"}")" == 1008

# ---- 001
chat="ws://$relay_ip:5000/api/chat/realtime/5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69"
guid=5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69
member=$(token --room $guid --identity 11111111-1111-4111-8111-111111111111)
expect "001 with a token" "$(talk .status "$chat?tk=$member" --seconds 0.5)" == 101
expect "001, a member of another chat" "$(talk .status "$chat?tk=$good" --seconds 0.5)" == 403
expect "001 without" "$(talk .status "$chat")" == 401

# ---- 004 and 000: by token, and open by listener and by room
expect "004 without a token" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/shop/anna")" == 403
expect "004 with one" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/shop/anna?token=$good" --seconds 0.5)" == 101
expect "004 under another name" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/shop/bea?token=$good")" == 403
expect "004 in an open room" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/lobby/bea" --seconds 0.5)" == 101
expect "000, an open listener" "$(talk .status "ws://$relay_ip:8081/anything" --seconds 0.5)" == 101
expect "000, a closed room on it" "$(talk .status "ws://$relay_ip:8081/closed")" == 401
expect "000, a closed room with a token" "$(talk .status "ws://$relay_ip:8081/closed?token=$(token)" --seconds 0.5)" == 101

# ---- what was refused is counted
expect "errors of 002" "$(metric 'sluice_signal_errors_total{dialect="sfu",code="auth"}')" == 1
expect "errors of 002" "$(metric 'sluice_signal_errors_total{dialect="sfu",code="join"}')" == 1
expect "errors of WHIP" "$(metric 'sluice_signal_errors_total{dialect="whip",code="403"}')" '>' 2
expect "errors of 001" "$(metric 'sluice_signal_errors_total{dialect="chat",code="401"}')" == 1

# ---- sluicectl
status=0
"$build/sluicectl" -c "$work/sluice.yaml" token --ttl soon 2>"$work/usage" || status=$?
expect "exit status of a bad option" $status == 2
grep -- '--ttl: must be like' "$work/usage" >/dev/null

# ---- not one of them is in a log
kill_plane control INT
while read -r one; do
	if grep -F "${one##*.}" "$work/control.log" "$work/dataplane.log"; then
		echo "a token is in the log"
		exit 1
	fi
done <"$work/tokens"
echo "ok: no token in $(wc -l <"$work/control.log") lines of log"
