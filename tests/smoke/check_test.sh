#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluicectl check: nothing to find fault with while the relay runs, and each fault by its name, with the
# command that mends it, when there is one. Exit status 0: nothing stands in the way; 1: something does.
source "$(dirname "$0")/_init.sh"

check() {
	on relay "$build/sluicectl" -c "$work/sluice.yaml" --json check
}
field() { # NAME FIELD: of the first finding of that name
	jq -r --arg name "$1" "[.checks[] | select(.name == \$name)][0].$2" "$work/check.json"
}
expect_state() { # NAME STATE
	local got
	got=$(field "$1" state)
	[ "$got" = "$2" ] || {
		echo "$1 is found to be $got, not $2:"
		cat "$work/check.json"
		exit 1
	}
	echo "ok: $1: $2"
}
# finds STATUS NAME STATE WORDS FIX [SED-EXPRESSION]...: with the configuration changed so, the check ends with that
# status and finds just that. $under may be a command in front of it.
finds() {
	local wanted=$1 name=$2 state=$3 words=$4 repair=$5 status=0 expression
	shift 5
	cp "$work/sluice.yaml" "$work/changed.yaml"
	for expression; do
		sed -i "$expression" "$work/changed.yaml"
	done
	# shellcheck disable=SC2086
	on relay $under "$build/sluicectl" -c "$work/changed.yaml" --json check >"$work/check.json" || status=$?
	expect "exit status: $name" $status == "$wanted"
	expect_state "$name" "$state"
	if [[ $(field "$name" what) != *"$words"* || $(field "$name" fix) != "$repair"* ]]; then
		echo "not '$words', to be mended by '$repair', but:"
		jq ".checks[] | select(.name == \"$name\")" "$work/check.json"
		exit 1
	fi
}
under=
expect_faults() { # COUNT: so many in all
	expect "faults" "$(jq '[.checks[] | select(.state == "fault")] | length' "$work/check.json")" == "$1"
}

add_host relay 10
write_config xdp 1
start_relay
status=0
check >"$work/check.json" || status=$?
expect "exit status while the relay runs" $status == 0
for name in kernel AF_XDP "bpf directory" "XDP object" "huge pages" cores capabilities eth0 "media port" feeds.ports "http port" \
	state "data plane" control; do
	expect_state "$name" ok
done
expect_state certificate warning
"$build/sluicectl" -c "$work/sluice.yaml" check >"$work/check.txt"
expect "lines for people" "$(grep -c '^ok ' "$work/check.txt")" == 14

# Another relay beside it needs a bpffs of its own: the two controls would empty each other's filter.
sed "s#^runtime_directory: .*#runtime_directory: $work#; s/port: $media_port/port: 7001/
	s/port: $http_port/port: 8081/; s/listen: 9000/listen: 9001/" "$work/sluice.yaml" >"$work/changed.yaml"
status=0
on relay "$build/sluice-control" -c "$work/changed.yaml" 2>"$work/second.log" || status=$?
expect "exit status of a second control" $status '>' 0
grep -F "is in use by another control, pid ${plane_pid[control]}:" "$work/second.log" >/dev/null
stop_relay

finds 0 "data plane" warning "not running" "sluice-dataplane -c FILE"
expect_state "http port" ok
expect_faults 0

# The port.
on relay ip link set eth0 down
finds 1 eth0 fault "is down" "ip link set eth0 up"
expect_faults 1
on relay ip link set eth0 up
on relay ip link set eth0 mtu 1200
finds 1 eth0 fault "its MTU is 1200" "ip link set eth0 mtu 1500"
on relay ip link set eth0 mtu 9000
finds 0 eth0 warning "its MTU is 9000" "ip link set eth0 mtu 1500"
on relay ip link set eth0 mtu 1500
finds 1 eth7 fault "no such interface" "ip link" 's/interface: eth0/interface: eth7/'
finds 1 eth0 fault "1 channels but 4 queues" "ethtool -L eth0 rx 4" 's/queues: 1/queues: 4, configure_channels: false/'
finds 1 eth0 fault "network namespace nowhere: No such file" "ip netns list" 's/queues: 1/queues: 1, netns: nowhere/'
finds 1 0000:fe:1f.7 fault "" "" 's/{interface: eth0, driver: xdp/{device: "0000:fe:1f.7", driver: net_ice/'
for name in kernel AF_XDP "XDP object"; do # such a port needs none of them
	expect_state "$name" null
done

# The machine.
under="setarch --uname-2.6"
finds 1 kernel fault "is too old for AF_XDP" "boot a kernel of 5.11 or later"
under="capsh --drop=cap_bpf,cap_net_raw -- $work/run"
printf '#!/bin/sh\nexec "$@"\n' >"$work/run"
finds 1 capabilities fault "missing here: CAP_NET_RAW CAP_BPF" sudo
expect_state AF_XDP warning
under=
finds 1 cores fault "not allow: 900" "lscpu -e" 's/^  workers: 1/  cores: [0, 900]/'
finds 0 "huge pages" warning "of 2 MiB are free, 5168 wanted" "sysctl -w vm.nr_hugepages=5168" \
	's/hugepages: false/hugepages: true\n  buffers: 4194304/'
finds 1 "bpf directory" fault "$work is no mounted bpffs" "mount -t bpf bpf $work" "\$ a bpf_directory: $work"

# The filter: none, something else, and that of another version.
finds 1 "XDP object" fault "no such file" "set xdp_object" "\$ a xdp_object: $work/none.o"
finds 1 "XDP object" fault "no BPF object" "set xdp_object" "\$ a xdp_object: $build/sluicectl"
cp -r "$root/include" "$work/include"
sed -i 's/SLUICE_XDP_STRANGERS_MAX = 64/SLUICE_XDP_STRANGERS_MAX = 32/' "$work/include/sluice/xdp.h"
clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -I"$work/include" -I"/usr/include/$(gcc -print-multiarch)" -c \
	-o "$work/other.o" "$root/ebpf/steer.bpf.c"
finds 1 "XDP object" fault "is of another version: it has no sluice_strangers" "set xdp_object" "\$ a xdp_object: $work/other.o"
expect_faults 1

# Certificates.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=relay -keyout "$work/key.pem" -out "$work/good.pem" 2>/dev/null
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\nserial=%s\n[p]\ncommonName=supplied\n' \
	"$work/index" "$work" "$work/serial" >"$work/ca.cnf"
touch "$work/index"
openssl req -new -key "$work/key.pem" -subj /CN=relay -out "$work/old.csr"
openssl ca -batch -selfsign -create_serial -config "$work/ca.cnf" -keyfile "$work/key.pem" -in "$work/old.csr" \
	-startdate 200101000000Z -enddate 200102000000Z -out "$work/old.pem" -notext 2>/dev/null
finds 0 certificate ok "is valid today" null "s#^http:#http:\n  tls_certificate: $work/good.pem\n  tls_key: $work/key.pem#"
finds 1 certificate fault "no PEM certificate in it" "see http.tls_certificate" \
	"s#^http:#http:\n  tls_certificate: $work/key.pem\n  tls_key: $work/key.pem#"
finds 1 certificate fault "No such file" "see http.tls_certificate" \
	"s#^http:#http:\n  tls_certificate: $work/none.pem\n  tls_key: $work/key.pem#"
finds 1 certificate fault "has expired" "renew it" "s#^http:#http:\n  tls_certificate: $work/old.pem\n  tls_key: $work/key.pem#"

# Sockets that somebody else holds.
nsenter --net=/run/netns/relay python3 - "$http_port" "$media_port" <<-'END' >"$work/held" &
	import socket, sys, time
	tcp, udp = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	udp.bind(("::", int(sys.argv[2])))
	print("held", flush=True)
	time.sleep(600)
END
holder=$!
wait_for 5 grep -q held "$work/held"
finds 1 "http port" fault "$http_port: Address already in use" "ss -tlpn 'sport = :$http_port'"
expect_state "media port" fault
[ "$(field "media port" fix)" = "ss -ulpn 'sport = :$media_port'" ]
expect_faults 2
kill $holder

# local ports that the kernel may give to others, until it is told to leave them alone
cp "$work/sluice.yaml" "$work/before.yaml"
echo 'feeds: {ports: 40000-40009}' >>"$work/sluice.yaml"
on relay sysctl -qw net.ipv4.ip_local_port_range="32768 60999"
check >"$work/check.json" || true
expect_state feeds.ports warning
mending=$(field feeds.ports fix)
expect "what mends it" "$mending" == "sysctl -w net.ipv4.ip_local_reserved_ports=40000-40009"
# shellcheck disable=SC2086
on relay $mending >/dev/null
check >"$work/check.json" || true
expect_state feeds.ports ok
sed -i 's/40000-40009/7010/' "$work/sluice.yaml"
nsenter --net=/run/netns/relay python3 -c 'import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", 7010)); print("bound", flush=True); time.sleep(60)' >"$work/bound.txt" &
holder=$!
wait_for 5 grep bound "$work/bound.txt"
check >"$work/check.json" || true
expect_state feeds.ports fault
kill $holder
cp "$work/before.yaml" "$work/sluice.yaml"

# What an earlier version has left.
printf '\5' | dd of=/run/sluice/observed bs=1 seek=8 conv=notrunc status=none
finds 1 state fault "observed: has ABI 5, this program has ABI" "stop both programs"
rm /run/sluice/desired /run/sluice/observed
finds 0 state ok "nothing is left" null

# A configuration that is wrong is no finding.
status=0
sed 's/^media:/medium:/' "$work/sluice.yaml" >"$work/changed.yaml"
"$build/sluicectl" -c "$work/changed.yaml" check >/dev/null 2>"$work/wrong.log" || status=$?
expect "exit status with a configuration that is wrong" $status == 2
grep medium "$work/wrong.log" >/dev/null
