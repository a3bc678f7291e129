#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGTERM drains control: nobody new comes in, who is there stays, and it ends when the last has left, when
# the limit is over, or at the second SIGTERM.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

not_ready() {
	[ "$(on relay curl -s -o "$work/ready.json" -w '%{http_code}' "http://$relay_ip:$http_port/readyz")" = 503 ]
}
log_says() {
	grep "$1" "$work/control.log" >/dev/null
}
ended() { # control, with status 0
	local status=0
	wait "${plane_pid[control]}" || status=$?
	expect "exit status of control" $status == 0
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered 10
kill -TERM "${plane_pid[control]}"
wait_for 3 not_ready
jq -r '.reasons[]' "$work/ready.json" | grep '^draining' >/dev/null
on relay curl -s -D - -o /dev/null "http://$relay_ip:$http_port/readyz" | grep -i '^retry-after:' >/dev/null
still_flows
echo "ok: the call goes on while control drains"
on a timeout 10 "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 3 --receive --seconds 2 \
	>"$work/third.log" 2>&1 || true
grep 'takes nobody new' "$work/third.log" >/dev/null
echo "ok: a third is refused"
ended # the two leave after their ten seconds
log_says 'drained'

start_control
wait_for 15 relay_ready
start_numbered 60
kill -TERM "${plane_pid[control]}"
wait_for 3 not_ready
kill -TERM "${plane_pid[control]}"
ended
log_says 'second SIGTERM'

echo 'limits: {drain: 1s}' >>"$work/sluice.yaml"
start_control
wait_for 15 relay_ready
still_flows 20
kill -TERM "${plane_pid[control]}"
ended
log_says 'limits.drain is over'
