#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The admission hook: what it is asked, and what comes of each of its answers, of none, and of nonsense, for WHIP and
# WHEP, 000, 001, 002, 003 and 004; over TLS, where an upgrade cannot wait, too.
source "$(dirname "$0")/_init.sh"

add_host relay 10
echo hook-secret >"$work/hook.secret"
hook_url=http://$relay_ip:7070/admission
write_config xdp 1
configure() { # admission.fail
	cat >"$work/control.yaml" <<-END
		runtime_directory: /run/sluice
		media: {port: $media_port, addresses: ["$relay_ip"]}
		auth: {jwt_secret_file: $work/secret}
		http: {port: $http_port${2:-}}
		ports: [{interface: eth0, queues: 1}]
		rooms: [{name: "*", auth: hook}]
		admission: {url: "$hook_url", timeout: 1s, fail: $1, secret_file: $work/hook.secret}
		dialects:
		  - {name: rooms, listen: 8000}
		  - {name: plain, listen: 8081}
		  - {name: chat, listen: 5000}
		  - {name: jsonrpc, listen: 8082}
	END
}
start_control() {
	nsenter --net=/run/netns/relay "$build/sluice-control" -c "$work/control.yaml" >>"$work/control.log" 2>&1 &
	plane_pid[control]=$!
}
start_hook() { # [ARGUMENT...]
	nsenter --net=/run/netns/relay "$root/tests/peer/hook_server.py" 7070 hook-secret "$work/asked" "$@" >"$work/hook.log" 2>&1 &
	plane_pid[hook]=$!
	wait_for 5 on relay curl -sk -o /dev/null "$hook_url"
}
configure closed
start_dataplane
start_control
wait_for 15 relay_ready
: >"$work/asked"
start_hook
token() {
	"$build/sluicectl" -c "$work/control.yaml" token "$@"
}
whip() { # ROOM/whip [CURL ARGUMENT...]: the status of a POST
	local room=$1
	shift
	on relay curl -sk -o "$work/reply" -w '%{http_code}' --max-time 8 -H 'Content-Type: application/sdp' \
		--data-binary @"$root/tests/vectors/sdp/offer-gst-webrtcbin-VP8.txt" "$@" "${base:-http://$relay_ip:$http_port}/$room"
}
talk() { # FILTER URL [ARGUMENT...]
	local filter=$1
	shift
	on relay "$root/tests/peer/socket_peer.py" "$@" | tee -a "$work/talk.log" | jq -r "$filter"
}
asked() { # FILTER: of the last question
	tail -n 1 "$work/asked" | jq -r "$1"
}

# ---- WHIP: the reply waits
expect "WHIP, allowed" "$(whip "allow/whip?key=k1&token=nonsense")" == 201
expect "the question was signed" "$(asked .signed)" == true
expect "action" "$(asked '.action == "publish" and .dialect == "whip" and .room == "allow"')" == true
expect "address" "$(asked '.remote == "'$relay_ip'" and .path == "/allow/whip"')" == true
expect "the query without its token" "$(asked '.query == {"key": "k1"}')" == true
expect "nobody is authenticated" "$(asked .authenticated)" == false
expect "WHIP, denied" "$(whip deny/whip)" == 403
grep 'not on the list' "$work/reply" >/dev/null
expect "WHIP, publishing not granted" "$(whip mute/whip)" == 403
expect "WHIP with a token" "$(whip allow/whip -H "Authorization: Bearer $(token --identity anna)")" == 201
expect "the hook is told" "$(asked '.authenticated and .identity == "anna"')" == true
expect "WHIP, named by the hook" "$(whip named/whip)" == 201
expect "its identity" "$("$build/sluicectl" -d /run/sluice --json peers | jq '[.peers[] | select(.identity == "4711" and .name == "Somebody")] | length')" == 1
for kind in slow garbage huge redirect drop odd; do
	expect "WHIP, $kind" "$(whip $kind/whip)" == 403
done
expect "WHEP, denied" "$(whip deny/whep)" == 403

# ---- 001: the upgrade waits, and is refused by status, after the token
chat="ws://$relay_ip:5000/api/chat/realtime"
good=1f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69 bad=0f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69
member=$(token --identity 11111111-1111-4111-8111-111111111111)
expect "001, allowed" "$(talk '.messages[0] | fromjson | .type == "webrtc"' "$chat/$good?tk=$member" --seconds 1)" == true
expect "001, denied" "$(talk .status "$chat/$bad?tk=$member")" == 403
expect "001, no token, no question" "$(talk .status "$chat/$good")" == 401

# ---- 000, 003, 004
expect "000, allowed" "$(talk .status "ws://$relay_ip:8081/allow" --seconds 0.5)" == 101
expect "000, denied" "$(talk .status "ws://$relay_ip:8081/deny")" == 403
expect "000, slow" "$(talk .status "ws://$relay_ip:8081/slow")" == 403
expect "004, allowed" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/allow-4/anna" --seconds 0.5)" == 101
expect "who it is" "$(asked '.identity == "anna" and .dialect == "rooms" and .action == "join"')" == true
expect "004, denied" "$(talk .status "ws://$relay_ip:8000/webrtc/signaling/deny/anna")" == 403
announce='{"jsonrpc":"2.0","method":"announce","params":{"peer_id":"p1"},"id":1}'
expect "003, allowed" "$(talk '.messages[0] | fromjson | .result.peer_id == "p1"' "ws://$relay_ip:8082/allow-3" "$announce" --until p1)" == true
expect "003, denied" "$(talk '.messages[0] | fromjson | .error.message == "not on the list"' "ws://$relay_ip:8082/deny" "$announce" --until list)" == true

# ---- 002: by room; what is said meanwhile is heard afterwards, in its order
auth="{\"type\":\"auth\",\"token\":\"$(token --identity 7)\"}"
join() {
	echo "{\"type\":\"join-room\",\"roomName\":\"$1\"}"
}
sfu="ws://$relay_ip:$http_port/ws/sfu"
expect "002" "$(talk '[.messages[] | fromjson | .type + (.roomName // "") + (.message // "")] | join(" ") ==
	"authenticated room-joinedallow-2 publishers-listallow-2 errorFailed to join room: not on the list errorFailed to join room: who admits people does not answer room-leftallow-2"' \
	"$sfu" "$auth" "$(join allow-2)" "$(join deny)" "$(join slow)" '{"type":"leave-room","roomName":"allow-2"}' --until room-left)" == true
expect "002, its stay is over" "$(talk '[.messages[] | fromjson | .type] | join(" ") == "authenticated room-joined publishers-list error room-left"' \
	"$sfu" "$auth" "$(join short)" --until room-left)" == true
before=$(wc -l <"$work/asked")
expect "002, within the lifetime" "$(talk '.messages | length' "$sfu" "$auth" "$(join short)" --until publishers-list)" == 3
expect "002, once more" "$(talk '.messages | length' "$sfu" "$auth" "$(join short)" --until publishers-list)" == 3
expect "questions for both" $(($(wc -l <"$work/asked") - before)) == 1

# ---- metrics; a flood is bounded
expect "denied" "$(metric 'sluice_admissions_total{result="denied"}')" '>' 5
expect "timeouts" "$(metric 'sluice_admissions_total{result="timeout"}')" '>' 2
expect "faults" "$(metric 'sluice_admissions_total{result="fault"}')" '>' 3
expect "kept answers" "$(metric 'sluice_admissions_total{result="cached"}')" '>' 0
descriptors() {
	find "/proc/${plane_pid[control]}/fd" | wc -l
}
before=$(descriptors)
on relay "$root/tests/peer/socket_flood.py" "ws://$relay_ip:8081/slow-" 900 2000 >"$work/flood.json"
expect "sockets of a flood that were refused" "$(jq '.["403"] + .["503"]' "$work/flood.json")" == 2000
few_descriptors() {
	[ "$(descriptors)" -le $((before + 4)) ]
}
wait_for 5 few_descriptors
expect "questions that are left" "$(metric sluice_admissions_pending)" == 0
expect "WHIP after it" "$(whip allow/whip)" == 201

# ---- over TLS an upgrade cannot wait: it is refused by a close code
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 1 -subj /CN=relay 2>/dev/null
configure closed ", tls_certificate: $work/cert.pem, tls_key: $work/key.pem"
kill_plane control INT
start_control
tls_ready() {
	on relay curl -skf "https://$relay_ip:$http_port/readyz"
}
wait_for 15 tls_ready
expect "001 over TLS, allowed" "$(talk '.messages | length' "wss://$relay_ip:5000/api/chat/realtime/$good?tk=$member" --seconds 1)" == 1
expect "001 over TLS, denied" "$(talk '.code == 4403 and (.reason | startswith("Forbidden"))' "wss://$relay_ip:5000/api/chat/realtime/$bad?tk=$member")" == true
expect "001 over TLS, denied again: it is known by then" "$(talk .status "wss://$relay_ip:5000/api/chat/realtime/$bad?tk=$member")" == 403
expect "001 over TLS, no token" "$(talk .status "wss://$relay_ip:5000/api/chat/realtime/$good")" == 401
expect "WHIP over TLS" "$(base=https://$relay_ip:$http_port whip allow/whip)" == 201
expect "WHIP over TLS, denied" "$(base=https://$relay_ip:$http_port whip deny/whip)" == 403

# ---- nobody there: closed, and open
kill_plane hook
expect "000 over TLS without a hook" "$(talk .code "wss://$relay_ip:8081/another")" == 4403
configure open
kill_plane control INT
start_control
wait_for 15 relay_ready
expect "WHIP, fail open" "$(whip deny/whip)" == 201
expect "000, fail open" "$(talk .status "ws://$relay_ip:8081/deny" --seconds 0.5)" == 101

# ---- a hook that speaks TLS: whom the system's store does not know is not asked
hook_url=https://$relay_ip:7070/admission
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 1 -subj /CN=authority 2>/dev/null
certify() { # NAME ALTERNATIVE-NAME: makes NAME.pem, key and certificate
	openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 1 \
		-extfile <(echo "subjectAltName=$2") -out "$work/$1.pem" 2>/dev/null
	cat "$work/$1.key" >>"$work/$1.pem"
}
certify hook "IP:$relay_ip"
certify elsewhere DNS:elsewhere.example
hook_by_tls() { # CERTIFICATE FAIL
	configure "$2"
	kill_plane control INT
	[ ! -e "/proc/${plane_pid[hook]}" ] || kill_plane hook
	start_hook --certificate "$work/$1.pem"
	: >"$work/control.log"
	start_control
	wait_for 15 relay_ready
	before=$(wc -l <"$work/asked")
}
questions() {
	echo $(($(wc -l <"$work/asked") - before))
}
hook_by_tls hook closed
expect "a stranger's certificate, fail closed" "$(whip allow/whip)" == 403
expect "questions that it was told" "$(questions)" == 0
grep 'admission.url: no answer: SSL certificate problem: .* run update-ca-certificates; admission.fail: closed' "$work/control.log"
hook_by_tls hook open
expect "a stranger's certificate, fail open" "$(whip deny/whip)" == 201
expect "questions that it was told" "$(questions)" == 0
cat /etc/ssl/certs/ca-certificates.crt "$work/ca.pem" >"$work/store.pem"
mount --bind "$work/store.pem" /etc/ssl/certs/ca-certificates.crt
hook_by_tls hook closed
expect "WHIP by a hook over TLS" "$(whip allow/whip)" == 201
expect "and denied" "$(whip deny/whip)" == 403
expect "questions that it was told" "$(questions)" == 2
expect "000 by a hook over TLS" "$(talk .status "ws://$relay_ip:8081/deny-tls")" == 403
hook_by_tls elsewhere closed
expect "another server's certificate" "$(whip allow/whip)" == 403
expect "questions that it was told" "$(questions)" == 0
grep 'admission.url: no answer: SSL: .*; admission.fail: closed' "$work/control.log"

if grep -F "${member##*.}" "$work/control.log" "$work/asked"; then
	echo "a token has been told"
	exit 1
fi
echo "ok: no token in the log, nor in a question"
