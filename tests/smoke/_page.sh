# SPDX-License-Identifier: Apache-2.0
# A call of two pages in the middle of which one of the planes gets a signal. Sourced by tests.
# shellcheck shell=bash disable=SC2154

# page_call PLANE SIGNAL SECONDS [arguments of call.mjs]
page_call() {
	local plane=$1 signal=$2 seconds=$3 name="sluice-$1"
	shift 3
	add_host relay 10
	add_host a 21
	add_host b 22
	write_config xdp 1
	if [ "$plane" = control ]; then
		start_dataplane
	else
		start_control
	fi
	supervise_plane "$plane"
	wait_for 15 relay_ready
	# the kernel keeps 15 bytes of a program's name
	node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "$seconds" chromium:a chromium:b \
		--during "pkill -$signal -x ${name:0:15}" "$@"
	expect "restarts of $plane" "$(metric "sluice_${plane}_restarts_total")" == 1
}
