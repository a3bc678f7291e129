#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sluice and Janus side by side on one machine: two namespaces joined by a veth pair, the relay pinned to one
# CPU and the tester to another, the same clients and loads for both, in alternating order. Prints ratios with
# their spread. docs/loadtest.md says what is measured and how; docs/performance.md what came out.
set -euo pipefail

usage() {
	cat <<-END
		usage: compare.sh [--quick] [--rounds N] [--seconds N] [--relay-cpu N] [--tester-cpu N] [--out DIR]
		  --quick       2 rounds, 2 s for each load: about 3 minutes [5 rounds, 5 s]
		  --relay-cpu   what the relay runs on, the packets it receives included [0]
		  --tester-cpu  what the clients run on, the packets they receive included [1]
		  --out         where figures, drawings and logs are left [build/compare]
	END
}

rounds=5 seconds=5 relay_cpu=0 tester_cpu=1 out=
rooms=40 subscribers=16 ramp=200 join_clients=300 decrypt_one_in=16
loads=8k,10k,12.6k,15.9k,20k,25.2k,31.7k,40k,50.4k,63.5k,80k,101k,127k,160k,202k,254k,320k,403k,508k,640k,806k,1016k
for ((i = 1; i <= $#; i++)); do
	value=$((i + 1))
	case ${!i} in
	--quick) rounds=2 seconds=2 loads=7.1k,10k,14.1k,20k,28.3k,40k,56.6k,80k,113k,160k,226k,320k,453k,640k,905k ;;
	--rounds) rounds=${!value:?} i=$value ;;
	--seconds) seconds=${!value:?} i=$value ;;
	--relay-cpu) relay_cpu=${!value:?} i=$value ;;
	--tester-cpu) tester_cpu=${!value:?} i=$value ;;
	--out) out=${!value:?} i=$value ;;
	--help) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
done
if [ "$(id -u)" != 0 ]; then
	echo "needs root for network namespaces"
	exit 77
fi
if [ "$(nproc --all)" -lt 2 ] || [ "$relay_cpu" = "$tester_cpu" ]; then
	echo "needs a CPU for the relay and another for the tester"
	exit 77
fi
for program in janus jq taskset; do
	command -v $program >/dev/null || {
		echo "$program is missing: sudo packaging/deps.sh bench"
		exit 77
	}
done

# The threads of the kernel that receive packets have to be pinned too, so no namespace of processes is made here.
if [ -z "${SLUICE_SMOKE_PRIVATE:-}" ]; then
	SLUICE_SMOKE_PRIVATE=1 exec unshare --net --mount --propagation private "$BASH" "$0" "$@"
fi
# shellcheck source=tests/smoke/_init.sh
source "$(dirname "$0")/../../tests/smoke/_init.sh"
# shellcheck source=tests/smoke/_janus.sh
source "$(dirname "$0")/../../tests/smoke/_janus.sh"
out=${out:-$build/compare}
tester_pid=
end() { # whatever still runs
	local status=$?
	set +e
	[ -z "$tester_pid" ] || kill "$tester_pid"
	[ -z "$janus_pid" ] || stop_janus 2>/dev/null
	(exit $status)
	finish
}
trap end EXIT
mkdir -p "$out"
rm -f "$out"/{sluice,janus}-*.{json,log} "$out"/{rounds,summary}.json

in_sys() { # HOST COMMAND...: with the /sys of its namespace
	ip netns exec "$@"
}

# Whoever sends into a veth pair does the receiver's work too, up to its socket. Not here: as behind a network
# card the receiving CPU does it. What the relay receives is taken in by a thread of the kernel on the relay's
# CPU, whose time counts as the relay's ($receiver); what the clients receive goes to the input queue of their CPU.
receive_apart() {
	local mask i
	on relay ethtool -K eth0 gro on >/dev/null # makes veth poll, which is what can be a thread
	in_sys relay sh -c 'echo 1 >/sys/class/net/eth0/threaded'
	receiver=$(pgrep -n -x 'napi/eth0-.*')
	taskset -cp "$relay_cpu" "$receiver" >/dev/null
	chrt -f -p 10 "$receiver"
	mask=$(printf %x $((1 << tester_cpu % 32)))
	for ((i = tester_cpu / 32; i > 0; i--)); do mask+=,00000000; done
	in_sys load sh -c "echo $mask >/sys/class/net/eth0/queues/rx-0/rps_cpus"
}

join_hosts() {
	ip netns add relay
	ip netns add load
	ip link add eth0 netns relay numrxqueues 1 numtxqueues 1 type veth \
		peer name eth0 netns load numrxqueues 1 numtxqueues 1
	on load ethtool -K eth0 tx off >/dev/null # AF_XDP sees packets before checksums are finished
	for host in relay load; do
		on $host ip link set lo up
		on $host ip addr add "10.77.0.$([ $host = relay ] && echo 10 || echo 21)/24" dev eth0
		on $host ip link set eth0 up
	done
	receive_apart
}

part_hosts() {
	ip netns del relay
	ip netns del load
}

# ---- the two systems; each leaves its processes in $pids and how to reach it in $reach

run_sluice() {
	media_addresses="\"$relay_ip\"" write_config xdp 1 <<-END
		limits:
		  connections_per_address: 100000
	END
	start_relay
	pids=${plane_pid[dataplane]},${plane_pid[control]}
	reach=(--url "ws://$relay_ip:9000/" --secret "$secret")
}

stop_sluice() {
	stop_relay
	plane_pid=()
}

run_janus() {
	start_janus
	pids=$janus_pid
	reach=(--janus "ws://$relay_ip:$janus_port/")
}

# ---- one measurement

load() { # NAME OPTIONS...: the tester on its CPU; figures to $out/NAME.json; its status is in $status
	local name=$1
	shift
	status=0
	# not by `on`, and in the background: its process must be known, to be ended when we are
	nsenter --net=/run/netns/load taskset -c "$tester_cpu" "$build/sluice-load" "${reach[@]}" \
		--relay-pid "$pids,$receiver" --relay-cpus "$relay_cpu" --no-audio --json "$out/$name.json" "$@" \
		>"$out/$name.log" 2>&1 &
	tester_pid=$!
	wait "$tester_pid" || status=$?
	tester_pid=
	[ $status -le 1 ] || [ $status = 3 ] || {
		cat "$out/$name.log"
		return 1
	}
}

measure() { # SYSTEM ROUND
	local name=$1-$2
	join_hosts
	taskset -cp "$relay_cpu" $$ >/dev/null # what is started now stays there
	"run_$1"
	taskset -cp "$all_cpus" $$ >/dev/null
	load "$name" --rooms $rooms --publishers 1 --subscribers $subscribers --ramp $ramp --duration "$seconds" \
		--loads $loads --decrypt-one-in $decrypt_one_in
	load "$name-join" --rooms 1 --publishers 1 --subscribers $join_clients --ramp 100000 --duration 1 \
		--room-prefix join- --first-user 100000 --video-bitrate 50k
	"stop_$1"
	part_hosts
	jq -r --arg system "$1" --arg round "$2" '"round \($round) \($system): knee \(if .knee.reached then "" else
		"at least " end)\(.knee.per_second | round) packets/s"' "$out/$name.json"
}

# ---- all rounds

about() {
	local version
	version=$(dpkg-query -W -f '${Version}' janus 2>/dev/null || echo of unknown version)
	cat <<-END
		$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p), $(nproc --all) CPUs, Linux $(uname -r)
		Sluice $("$build/sluice-dataplane" --version | sed 's/.* //'), AF_XDP, one worker; Janus $version
		relay on CPU $relay_cpu, tester on CPU $tester_cpu; $rooms rooms of 1 publisher and $subscribers subscribers,
		RTP packets of 1200 bytes, AEAD_AES_128_GCM; $seconds s for each load, $rounds rounds in alternating order
	END
}

all_cpus=$(taskset -cp $$ | sed 's/.*: //')
about | tee "$out/about.txt"
for ((round = 1; round <= rounds; round++)); do
	order=(sluice janus)
	[ $((round % 2)) = 1 ] || order=(janus sluice)
	for system in "${order[@]}"; do
		measure "$system" $round
		jq -c --arg system "$system" --argjson round $round '{$system, $round, run: ., join: input}' \
			"$out/$system-$round.json" "$out/$system-$round-join.json" >>"$out/rounds.json"
	done
done
curves=()
for ((round = 1; round <= rounds; round++)); do
	curves+=("Sluice=$out/sluice-$round.json" "Janus=$out/janus-$round.json")
done
"$build/sluice-load" plot "$out/knee.svg" "${curves[@]}"
jq -s -f "$(dirname "$0")/summary.jq" "$out/rounds.json" >"$out/summary.json"
jq -r '.table' "$out/summary.json" | tee "$out/summary.txt"
echo "figures and drawing: $out/summary.json, $out/knee.svg"
