#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A call is told to webhooks event by event, signed and in order: to a receiver that first fails twice, and not
# to one that is dead, which harms nothing. A control that takes over repeats no event and loses no end. Log
# lines are JSON that names rooms and peers.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1 <<-END
	log_format: json
	limits: {grace: 1s}
	webhooks:
	  - {url: "http://127.0.0.1:9991/hook", key: APIshop}
	  - {url: "http://127.0.0.1:9992/?token=hush", key: APIother, secret_file: $work/other,
	     events: [participant_joined, participant_left]}
	  - {url: "http://127.0.0.1:9993/", key: APIshop} # nobody listens there
END
echo shop-secret >"$work/shop"
echo other-secret >"$work/other"
sed -i "s|^auth:|auth:\n  keys: [{key: APIshop, secret_file: $work/shop}]|" "$work/sluice.yaml"
receive() { # NAME PORT KEY SECRET FURTHER...
	local name=$1 port=$2 key=$3 with=$4
	shift 4
	on relay "$root/tests/peer/webhook_receiver.py" --port "$port" --key "$key" --secret "$with" "$@" \
		>"$work/$name.hook" &
}
receive shop 9991 APIshop shop-secret --refuse 2
receive other 9992 APIother other-secret
start_relay

told() { # NAME [ROOM]: what was taken of a room, in order
	jq -r --arg room "${2:-smoke}" 'select(.status == 200 and .room.name == $room) | .event + (if .participant then ":" + .participant.identity else "" end)
		+ (if .track then ":" + .track.type else "" end)' "$work/$1.hook"
}
has_told() { # NAME EVENT TIMES [ROOM]
	[ "$(told "$1" "${4:-}" | grep -c "^$2")" = "$3" ]
}

# A WHIP session whose media never comes.
token=$("$build/sluicectl" -c "$work/sluice.yaml" token --room studio --identity obs)
location=$(on relay curl -s -D - -o /dev/null -H 'Content-Type: application/sdp' -H "Authorization: Bearer $token" \
	--data-binary @"$root/tests/vectors/sdp/offer-gst-webrtcbin-VP8.txt" "http://$relay_ip:$http_port/studio/whip" |
	tr -d '\r' | sed -n 's/^location: //Ip')
on relay curl -sf -X DELETE -H "Authorization: Bearer $token" "http://$relay_ip:$http_port${location#http://*/}" >/dev/null

start_peer() { # HOST NAME ARGUMENT...: its report is in NAME.log
	local host=$1 name=$2
	shift 2
	on "$host" "$root/tests/peer/numbered_peer.py" --secret "$secret" --seconds 100 "$@" >"$work/$name.log" 2>&1 &
}
start_peer a sender --user 1 --send 200
sender_job=$!
start_peer b receiver --user 2 --receive --every 0.25
receiver_job=$!
wait_for 20 flows 100
wait_for 10 has_told shop track_published 2
deliveries=$(metric 'sluice_webhook_deliveries_total{result="retried"}')
expect "deliveries that are tried again" "$deliveries" '>=' 3
# What still waits to be tried again dies with control.
wait_for 10 has_told shop room_finished 1 studio
kill_plane control
start_control
wait_for 5 relay_ready
still_flows 3
# One comes back and leaves then, the other has died meanwhile.
kill_plane control
pkill -KILL -P "$receiver_job" # the job is a shell, its child the peer
start_control
wait_for 10 has_told shop participant_left:2 1
pkill -INT -P "$sender_job"
wait_for 12 has_told shop room_finished 1

told shop >"$work/told.txt"
expect "events of a WHIP session without media" "$(told shop studio | xargs)" == \
	"room_started participant_connection_aborted:obs room_finished"
sort "$work/told.txt" | diff - <(sort <<-END
	room_started
	participant_joined:1
	participant_joined:2
	track_published:1:VIDEO
	track_published:1:AUDIO
	track_unpublished:1:VIDEO
	track_unpublished:1:AUDIO
	participant_left:1
	participant_left:2
	room_finished
END
)
expect "the first event" "$(head -n 1 "$work/told.txt")" == room_started
expect "the last event" "$(tail -n 1 "$work/told.txt")" == room_finished
order() { # FIRST SECOND
	awk -v a="$1" -v b="$2" '$0 == a {x = NR} $0 == b {y = NR} END {exit !(x && x < y)}' "$work/told.txt"
}
order participant_joined:1 track_published:1:VIDEO
order track_published:1:VIDEO track_unpublished:1:VIDEO
order track_unpublished:1:AUDIO participant_left:1
expect "requests that were not signed well" "$(cat "$work"/*.hook | jq -r 'select(.fault) | .id' | wc -l)" == 0
expect "events that were refused first and taken then" "$(jq -s 'map(select(.status == 200).id) as $taken | map(select(.status == 503).id | IN($taken[])) | map(select(.)) | length' "$work/shop.hook")" == 2
expect "lives of the room" "$(jq -r 'select(.room.name == "smoke") | .room.sid' "$work/shop.hook" | sort -u | wc -l)" == 1
expect "ids of events" "$(jq -r 'select(.status == 200) | .id' "$work/shop.hook" | sort | uniq -d | wc -l)" == 0
expect "events of the other receiver" "$(told other | sort | xargs)" == \
	"participant_joined:1 participant_joined:2 participant_left:1 participant_left:2"

kill -TERM "${plane_pid[control]}"
wait "${plane_pid[control]}"
jq -e . "$work/control.log" "$work/dataplane.log" >/dev/null
echo "ok: $(cat "$work"/{control,dataplane}.log | wc -l) lines of log are JSON"
expect "lines that name the peer and the room" "$(jq -r 'select(.message == "joined" and .room == "smoke") | .peer' "$work/control.log" | sort -u | xargs)" == "1 2"
jq -e 'select(.subsystem == "webhook") | .message' "$work/control.log" >/dev/null
if grep -E 'hush|shop-secret|other-secret' "$work/control.log"; then
	exit 1
fi
echo "ok: no secret is in them"
