#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The operator's eyes and hands on a call: the admin API with no, a wrong and the right token, its page in
# Chromium, `top`, kick and mute seen in what arrives, also over a restart of control, reload and log level
# of both planes.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

operator=operator-$secret
api=http://127.0.0.1:$http_port
ctl() {
	"$build/sluicectl" -c "$work/sluice.yaml" "$@"
}
status() { # PATH [CURL ARGUMENT...]: the status; the body in $work/reply
	local path=$1
	shift
	on relay curl -s -o "$work/reply" -w '%{http_code}' --max-time 5 "$@" "$api$path"
}
admin() { # PATH [CURL ARGUMENT...]: the body, with the operator's token
	local path=$1
	shift
	on relay curl -sf --max-time 5 -H "Authorization: Bearer $operator" "$@" "$api$path"
}
video() {
	receiver '.received["1"].video.packets'
}
flows_on() {
	[ "$(video)" -gt $((${seen:-0} + 20)) ]
}
stands_still() { # no packet for two of its reports
	seen=$(video)
	sleep 0.6
	[ "$(video)" = "$seen" ]
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
sed -i "s|^http:|admin:\n  token_file: $work/operator\nhttp:|" "$work/sluice.yaml"
echo "$operator" >"$work/operator"
start_relay
start_numbered 200

# somebody with odd names, in a room that no path can carry
odd_room='<b>a/b</b> & "c"' odd_name='<img src=x onerror=window.hurt=1>'
on b "$root/tests/peer/socket_peer.py" "ws://$relay_ip:$http_port/ws/sfu" \
	"$(jq -nc --arg token "$(ctl token --identity 3 --name "$odd_name")" '{type: "auth", $token}')" \
	"$(jq -nc --arg roomName "$odd_room" '{type: "join-room", $roomName}')" --until 'too loud' --seconds 200 >"$work/odd.json" &

# ---- who may
expect "without a token" "$(status /v1/rooms)" == 401
expect "with a wrong one" "$(status /v1/rooms -H "Authorization: Bearer $secret")" == 401
expect "with the right one" "$(status /v1/rooms -H "Authorization: Bearer $operator")" == 200
token=$(ctl token --room smoke --admin)
expect "a grant that is not taken" "$(status /v1/rooms/smoke -H "Authorization: Bearer $token")" == 401
api=http://$relay_ip:$http_port
expect "from elsewhere" "$(status /v1/rooms -H "Authorization: Bearer $operator")" == 403
api=http://127.0.0.1:$http_port
expect "from another page" "$(status /v1/rooms -X OPTIONS -H 'Origin: https://evil.example' \
	-H 'Access-Control-Request-Method: GET')" == 204
on relay curl -s -o "$work/reply" -D "$work/head" -H 'Origin: https://evil.example' -H "Authorization: Bearer $operator" "$api/v1/rooms"
if grep -i '^access-control' "$work/head"; then exit 1; fi

# ---- a call
admin /v1/rooms/smoke >"$work/room.json"
one() {
	jq -r ".people[] | select(.identity == \"$1\") | $2" "$work/room.json"
}
expect "people" "$(jq '.people | length' "$work/room.json")" == 2
expect "codecs" "$(one 1 '[.publications[].codec] | sort == ["VP8", "opus"]')" == true
expect "packets of the video" "$(one 1 '.publications[] | select(.kind == "video") | .encodings[0].packets')" '>' 50
expect "its transport" "$(one 1 '.transports[0] | .state + " " + .direction == "connected up"')" == true
expect "active views" "$(one 2 '[.subscriptions[] | select(.state == "active" and .publisher == "1")] | length')" == 2
expect "drops by name" "$(one 2 '[.subscriptions[].dropped | type] | unique == ["object"]')" == true
expect "workers" "$(admin /v1/workers | jq '.workers[0].media_in')" '>' 100
expect "ports" "$(admin /v1/drops | jq '[.drops[].reason] | index("paused") >= 0')" == true

# ---- top, of the same facts
ctl top --once --json --interval 0.5 >"$work/top.json"
expect "top: packets of the room" "$(jq '.rooms[0] | select(.name == "smoke") | .packets_in_per_second' "$work/top.json")" '>' 50
expect "top: load" "$(jq '.workers[0].load' "$work/top.json")" '<=' 1
expect "top: cycles" "$(jq '.workers[0].cycles_per_packet' "$work/top.json")" '>' 0
ctl top --once --interval 0.2 | grep '^smoke ' >/dev/null
expect "top: a bad option" "$(ctl top --often 2>/dev/null || echo $?)" == 2

# ---- the page
node "$root/tests/peer/admin_page.mjs" chromium "$api" "$operator" smoke 1 "$odd_room" "$odd_name" ${SHOTS:+--shots "$SHOTS"}

ctl kick "$odd_room" 3 'too loud' >/dev/null
wait_for 5 grep 'Removed from room: too loud' "$work/odd.json"
echo "ok: kicked, and told why"

# ---- mute, which outlives control
ctl mute smoke 1 video >/dev/null
wait_for 5 stands_still
expect "packets of a muted stream" "$(ctl --json drops | jq '.drops[] | select(.reason == "paused") | .packets')" '>' 0
kill_plane control
start_control
wait_for 10 relay_ready
wait_for 5 stands_still
expect "muted still, says the API" "$(admin /v1/rooms/smoke | jq '.people[] | select(.identity == "1") | .muted_by_operator == ["video"]')" == true
asked_before=$(admin /v1/rooms/smoke | jq '[.people[].publications[].encodings[].key_requests] | add')
ctl unmute smoke 1 >/dev/null
wait_for 5 flows_on
asked() {
	[ "$(admin /v1/rooms/smoke | jq '[.people[].publications[].encodings[].key_requests] | add')" -gt "$asked_before" ]
}
wait_for 5 asked
expect "mute of nobody" "$(ctl mute smoke 9 2>/dev/null || echo $?)" == 1

offer=$root/tests/vectors/sdp/offer-gst-webrtcbin-VP8.txt
expect "WHIP without a token" "$(status /any/whip -H 'Content-Type: application/sdp' --data-binary "@$offer")" == 401

# ---- reload: of each class one, and one that needs a restart
sed -i 's|^  token_file|  grants: true\n  token_file|; s|^  workers: 1|  workers: 2|
	s|^  development_tokens: true|  open: true|' "$work/sluice.yaml"
cat >>"$work/sluice.yaml" <<-END
	log_level: debug
	limits: {rooms: 7}
	rooms: [{name: closed, auth: token}]
	ice_servers: [{urls: "stun:stun.example"}]
	whip: {strict_etag: true}
END
echo "other-$operator" >"$work/operator"
ctl --json reload >"$work/reload.json"
expect "reloaded" "$(jq -c '.control.reloaded == ["log_level", "admin.token_file", "admin.grants", "rooms", "ice_servers",
	"whip.strict_etag", "auth.open", "auth.development_tokens", "limits.rooms"]' "$work/reload.json")" == true
expect "needs a restart" "$(jq -c '[.control.restart, .dataplane.restart] == [["dataplane.workers"], ["dataplane.workers"]]' "$work/reload.json")" == true
expect "of the data plane" "$(jq -c '.dataplane.reloaded == ["log_level"]' "$work/reload.json")" == true
expect "the token of before" "$(status /v1/rooms -H "Authorization: Bearer $operator")" == 401
operator=other-$operator
expect "the one of now" "$(admin /v1/rooms | jq '[.rooms[].name] | index("smoke") >= 0')" == true
expect "a grant of one room" "$(status /v1/rooms/smoke -H "Authorization: Bearer $token")" == 200
expect "and not of the machine" "$(status /v1/workers -H "Authorization: Bearer $token")" == 403
expect "ICE servers" "$(http /v1/config.json | jq '.iceServers | length')" == 1
expect "development tokens" "$(status /v1/development-token)" == 404
expect "an open relay" "$(status /any/whip -H 'Content-Type: application/sdp' --data-binary "@$offer")" == 201
expect "but for one room" "$(status /closed/whip -H 'Content-Type: application/sdp' --data-binary "@$offer")" == 401
kill -HUP "${plane_pid[control]}" "${plane_pid[dataplane]}"
said() {
	grep -c 'SIGHUP: dataplane.workers has changed' "$work/control.log" "$work/dataplane.log" | grep -c ':1$' | grep 2
}
wait_for 3 said
echo 'nonsense: 1' >>"$work/sluice.yaml"
expect "a broken file" "$("$build/sluicectl" -d /run/sluice --json reload | jq '.control.ok or .dataplane.ok')" == false
sed -i '$d' "$work/sluice.yaml"
ctl log error >/dev/null
expect "a level that is none" "$(ctl log loud >/dev/null 2>&1 || echo $?)" == 1

# ---- kick by the API, and a port of its own
expect "kick" "$(status /v1/rooms/smoke/participants/1?reason=noise -X DELETE -H "Authorization: Bearer $operator")" == 200
gone() {
	[ "$(ctl --json rooms | jq '[.rooms[] | select(.name == "smoke") | .participants[]] == ["2"]')" = true ]
}
wait_for 5 gone
sed -i 's|^  grants: true|  listen: 8999|' "$work/sluice.yaml"
kill_plane control INT
start_control
wait_for 10 relay_ready
expect "not on the shared port any more" "$(status /v1/rooms -H "Authorization: Bearer $operator")" == 404
api=http://$relay_ip:8999
expect "on its own, from anywhere" "$(status /v1/rooms -H "Authorization: Bearer $operator")" == 200
expect "its page" "$(status /admin)" == 200
expect "and nothing else" "$(status /v1/config.json)" == 404

# ---- without control, and without both
kill_plane control
kill_plane dataplane
ctl top --once --interval 0.1 | head -n 1 >"$work/top.txt"
grep 'data plane NOT RUNNING.*control NOT RUNNING' "$work/top.txt" >/dev/null
if grep -F -e "$operator" -e "${token##*.}" "$work/control.log" "$work/dataplane.log"; then
	echo "a token is in the log"
	exit 1
fi
