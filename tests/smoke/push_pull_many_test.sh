#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many pushes and pulls at a time between two relays that have one UDP port each: what one participant sends is pushed
# under ten names, each of these is pulled back, and the other relay pushes and pulls, too. Each is counted packet by
# packet, over a kill -9 of control and one of the data plane. One more than there are local ports is refused, and a
# reload takes the lists of the configuration.
source "$(dirname "$0")/_init.sh"

count=10
add_host relay 10
add_host other 11
add_host a 21
add_host b 22
write_config xdp 1 <<-END
	feeds: {ports: 7101-7121}
END
cp "$work/sluice.yaml" "$work/base.yaml"

# The other relay: its own files and maps, packets by the kernel, the standard range of local ports.
mkdir /run/other-bpf
mount -t bpf bpf /run/other-bpf
sed -e "1i bpf_directory: /run/other-bpf" -e "/^feeds:/d; s#driver: xdp#driver: packet#" \
	-e "s#/run/sluice#/run/other#; s#$relay_ip#10.77.0.11#; s#$relay_ip6#fd77::11#" \
	"$work/base.yaml" >"$work/other.yaml"
far=http://10.77.0.11:$http_port near=http://$relay_ip:$http_port

# Pushes of the configuration: under the names given.
configure() { # NAMES...
	local name list=
	for name in "$@"; do
		list+="{room: smoke, participant: \"1\", url: \"$far/smoke/whip?as=$name\", token_file: $work/token-$name}, "
	done
	{
		cat "$work/base.yaml"
		echo "push: [${list%, }]"
	} >"$work/sluice.yaml"
}
ctl() { # relay|other ...
	local host=$1 file=$work/sluice.yaml
	shift
	[ "$host" = relay ] || file=$work/other.yaml
	on "$host" "$build/sluicectl" -c "$file" "$@"
}
ports() { # HOST: local ports of the sessions that are connected
	ctl "$1" --json feeds | jq -c '[.feeds[] | select(.state == "connected") | .localPort] | unique'
}
connected() { # HOST COUNT
	[ "$(ports "$1" | jq length)" == "$2" ]
}
start_other() { # control|dataplane-plain
	nsenter --net=/run/netns/other "$build/sluice-$1" -c "$work/other.yaml" >>"$work/other-$1.log" 2>&1 &
	plane_pid[other-$1]=$!
}
listen() { # NAME USER ROOM [URL]
	on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --user "$2" --room "$3" ${4:+--url "$4"} --receive --consent 20 \
		--every 0.25 --seconds 100 >"$work/$1.log" 2>&1 &
}
# Of the streams that a listener hears: the fewest packets that one has brought; 0 before there are COUNT of them.
least() { # NAME COUNT
	tail -n 1 "$work/$1.log" |
		jq "if (.received | length) < $2 then 0 else [.received[] | .video.packets // 0, .audio.packets // 0] | min end"
}
brings() { # NAME COUNT PACKETS
	[ "$(least "$1" "$2")" -ge "$3" ]
}
bring_more() { # PACKETS, of each stream everywhere
	local -A before
	local listener
	for listener in "${listeners[@]}"; do
		before[$listener]=$(least "${listener%:*}" "${listener#*:}")
	done
	for listener in "${listeners[@]}"; do
		wait_for 20 brings "${listener%:*}" "${listener#*:}" $((before[$listener] + $1))
	done
}
worst() { # FIELD: the most of it that a stream has, of all listeners
	for listener in "${listeners[@]}"; do
		tail -n 1 "$work/${listener%:*}.log"
	done | jq -s "[.[].received[] | (.video, .audio) | .$1] | max"
}

names=$(seq 101 $((100 + count)))
# shellcheck disable=SC2086
configure $names
for name in 1 $names; do
	ctl relay token --room smoke --identity "$name" >"$work/token-$name"
done
ctl relay token --room back --identity 301 >"$work/token-301"
start_other dataplane-plain
start_other control
start_relay
on a "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 1 --send 100 --consent 20 --seconds 100 >"$work/sender.log" 2>&1 &
wait_for 20 connected relay $count
for name in $names; do
	ctl relay pull --identity $((100 + name)) --token-file "$work/token-1" "$far/smoke/whep?publisher=$name" mirror
done >/dev/null
ctl other push --token-file "$work/token-301" smoke/101 "$near/back/whip"
ctl other pull --identity 302 --token-file "$work/token-1" "$near/smoke/whep?publisher=1" back
listeners=("pushed:$count" "pulled:$count" back:1 other:1)
listen pushed 2 smoke ws://10.77.0.11:9000/
listen pulled 3 mirror
listen back 4 back
listen other 5 back ws://10.77.0.11:9000/
wait_for 20 connected relay $((2 * count))
wait_for 20 connected other 2
expect "local ports of the other relay, behind its media port" "$(ports other | jq 'map(select(. > 7000 and . <= 7256)) | length')" == 2
expect "local ports in use" "$(metric 'sluice_feed_ports{state="used"}')" == $((2 * count))
bring_more 50
echo "ok: $((2 * count + 2)) sessions between two pairs of address and port bring media"

own=$(ports relay)
kill_plane control
start_control
wait_for 10 relay_ready
wait_for 10 connected relay $((2 * count))
bring_more 50
expect "local ports after a restart of control" "$(ports relay)" == "$own"
for field in lost doubled damaged; do
	expect "packets $field of the worst stream, over a restart of control" "$(worst $field)" == 0
done

kill_plane dataplane
supervise_plane dataplane # on busy CPUs the kernel takes its time to give the killed one's queue back
bring_more 50
for field in doubled damaged; do
	expect "packets $field of the worst stream, over a restart of the data plane" "$(worst $field)" == 0
done
expect "local ports after a restart of the data plane" "$(ports relay)" == "$own"

# the last local port, and one more
ctl relay push smoke/1 "$far/nowhere"
ctl relay push smoke/1 "$far/elsewhere" 2>"$work/refused.txt" && exit 1
grep -F "all 21 local ports of feeds.ports (7101-7121) are in use: widen it" "$work/refused.txt"
ctl relay push --stop smoke/1 "$far/nowhere"

# one push leaves the configuration, one comes: the others go on as they were
others() { # local ports of the pushes 102 to 110
	ctl relay --json feeds | jq -c '[.feeds[] | select(.url | test("as=(10[2-9]|110)$")) | .localPort]'
}
own=$(others)
# shellcheck disable=SC2046
configure $(seq 102 111)
ctl relay token --room smoke --identity 111 >"$work/token-111"
ctl relay reload | grep push
hears() {
	tail -n 1 "$work/pushed.log" | jq -e '.received["111"].video.packets > 20'
}
wait_for 20 hears
expect "local ports of the pushes that stay" "$(others)" == "$own"
expect "the push that is in the configuration no more" "$(ctl relay --json feeds | jq '[.feeds[] | select(.url | test("as=101$"))] | length')" == 0
# shellcheck disable=SC2046
configure $(seq 101 132)
sed -i 's/7101-7121/7101-7110/' "$work/sluice.yaml"
ctl relay reload >"$work/refused.txt" 2>&1 && exit 1
grep -F "feeds.ports: 32 push and pull items, but 7101-7110 are 10 ports, one for each: widen it" "$work/refused.txt"
