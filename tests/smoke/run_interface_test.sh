#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run IFACE=eth0`: the relay on a real interface, pages over HTTPS from other machines; what is not
# ours stays with the kernel, and the interface is given back.
# alone: huge pages are the whole machine's; beside run_test each would give back what the other had taken
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
# what plays SSH: a TCP service of the kernel on the same interface
on relay node -e 'require("net").createServer((s) => s.end("SSH-2.0-test\r\n")).listen(22, "10.77.0.10")' &

status=0
BUILD=$build nsenter --net=/run/netns/relay "$root/packaging/sluice-run" --interface eth7 >"$work/refused.log" 2>&1 || status=$?
expect "exit status without such an interface" $status == 1
grep -q 'eth7: No such device' "$work/refused.log"

BUILD=$build nsenter --net=/run/netns/relay env --default-signal=INT,QUIT "$root/packaging/sluice-run" \
	--interface eth0 --port 8443 >"$work/run.log" 2>&1 &
run_pid=$!
wait_for 20 on relay curl -ksf --max-time 2 https://localhost:8443/readyz
on relay ip -details link show eth0 | grep 'prog/xdp' >/dev/null
node "$root/tests/peer/call.mjs" "https://$relay_ip:8443" 5 chromium:a chromium:b
banner() {
	on a bash -c "exec 3<>/dev/tcp/$relay_ip/22 && head -n 1 <&3" | grep SSH-2.0-test >/dev/null
}
wait_for 3 banner
echo "ok: TCP to port 22 of the interface is untouched"
kill -INT $run_pid
wait $run_pid
if on relay ip -details link show eth0 | grep 'prog/xdp' >/dev/null; then
	echo "a filter is left on the interface"
	exit 1
fi
banner
echo "ok: the interface is given back"
