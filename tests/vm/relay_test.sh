#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The package on a server: the playbooks of ansible/ make an emulated machine with an IOMMU a relay from bare, give one of
# its cards to vfio-pci, and a call goes through that full-bypass port, under the real systemd, while all that operators do
# and all that breaks is done to it. docs/vm-test.md says what is tried; each stage ends in a line of the log that VM_LOG
# names, what the playbooks say is beside it.
# shellcheck disable=SC2317,SC2086,SC2154
source "$(dirname "$0")/../smoke/_init.sh"
source "$root/tests/smoke/_numbered.sh"
source "$root/tests/vm/guest.sh"
source "$root/tests/vm/by_hand.sh"

media_ip=10.77.0.11
kernel_ip=10.77.0.12 # what the kernel has on that card while it is its own
log=${VM_LOG:-$build/vm/test.log}
consent=90 # seconds; browsers have 30 (RFC 7675), and an emulator that others starve takes that long to start a data plane
turn_secret=turn-secret-0123456789abcdef
redis_password=redis-password-0123456789
: >"$log"
: >"${log%.log}-playbooks.log"

# ---- the log

said() { # TEXT...: a line with the seconds since the start
	printf '%5d s  %s\n' $SECONDS "$*" | tee -a "$log"
}

finding() { # WHAT ACTUAL OPERATOR WANTED
	(expect "$@") >"$work/finding.txt" || {
		tee -a "$log" <"$work/finding.txt"
		return 1
	}
	said "$(cat "$work/finding.txt")"
}

quote() { # shows what a command says, as it is
	"$@" | sed 's/^/         | /' | tee -a "$log"
}

# ---- Ansible, over ssh

play() { # PLAYBOOK [ARGUMENT...]
	printf 'relay ansible_host=127.0.0.1 ansible_port=%d ansible_user=root\n[sluice]\nrelay\n' $guest_ssh_port >"$work/hosts"
	: >"$work/ansible.cfg"
	ANSIBLE_CONFIG=$work/ansible.cfg ANSIBLE_SSH_ARGS="${ssh_options[*]}" ANSIBLE_PRIVATE_KEY_FILE=$build/vm/key \
		ANSIBLE_LOCAL_TEMP=$work/ansible ANSIBLE_PIPELINING=1 ANSIBLE_NOCOLOR=1 ANSIBLE_SSH_TIMEOUT=60 \
		ansible-playbook -i "$work/hosts" -e "@$work/variables.json" "$root/ansible/$1" "${@:2}" 2>&1 </dev/null |
		while IFS= read -r line; do
			[ -z "$line" ] || printf '%5d s  %s\n' $SECONDS "$line"
		done | tee "$work/playbook.log" >>"${log%.log}-playbooks.log"
}

recap() { # WORD: the number behind it in the last playbook's recap
	sed -n "s/.* relay .*$1=\([0-9]*\).*/\1/p" "$work/playbook.log"
}

variables() { # JQ-EXPRESSION: changes the role's variables
	jq "$1" "$work/variables.json" >"$work/variables.new"
	mv "$work/variables.new" "$work/variables.json"
}

# ---- the relay in the guest

unit() { # PROPERTY UNIT
	guest systemctl show -P "$1" "sluice-$2.service"
}

http() {
	curl -sf --max-time 10 "http://$relay_ip:$http_port$1"
}

is_ready() {
	http /readyz
}

status_word() { # PLANE FIELD: of /proc/PID/status
	guest "awk '\$1 == \"$2:\" {print \$2}' /proc/$(unit MainPID "$1")/status"
}

processes() { # of both planes: "DATAPLANE CONTROL"
	echo "$(unit MainPID dataplane) $(unit MainPID control)"
}

# A starved emulator is bitten by the watchdogs: then systemd has counted a restart of its own.
same_processes() { # "DATAPLANE CONTROL"
	[ "$(processes)" = "$1" ] || [ "$(unit NRestarts dataplane)$(unit NRestarts control)" != "$restarts_before" ] || {
		said "other processes than before: $(processes), not $1"
		return 1
	}
	said "processes of both planes: $1 before, $(processes) now"
}

started() { # PLANE: milliseconds of the guest's clock
	echo $(($(unit ExecMainStartTimestampMonotonic "$1") / 1000))
}

version() {
	guest dpkg-query -W sluice | cut -f2
}

driver() { # of the card for media
	guest "basename \$(readlink /sys/bus/pci/devices/$media_card/driver)"
}

interface_of() { # MAC
	guest "basename \$(dirname \$(grep -l $1 /sys/class/net/*/address))"
}

kernel_answers() {
	on a ping -qc 1 -W 2 $kernel_ip
}

# ---- the call

lost() {
	receiver '.received["1"].video.lost'
}

# The call goes on, and says what it has lost since it was last asked; 20 packets of video are sent a second.
goes_on() { # WHAT
	local before=$lost_before
	still_flows 60
	lost_before=$(lost)
	said "$1: the call goes on, lost $((lost_before - before)) packets: $(((lost_before - before) / 20)) s"
	finding "packets twice or damaged" "$(receiver '.received["1"].video | .doubled + .damaged')" == 0
	finding "participants who left" "$(receiver '.errors | length')" == 0
}

# ---- stages

stage_boot() {
	guest_boot "${VM_DISK:-$build/vm/base.qcow2}"
	said "a bare server: $(guest uname -r), $(guest nproc) CPUs, $(guest "sed -n 's/^MemTotal: *//p' /proc/meminfo")"
	media_card=$(guest "basename \$(dirname \$(dirname \$(dirname \$(grep -l $guest_media_mac /sys/bus/pci/devices/*/net/*/address))))")
	media_interface=$(interface_of $guest_media_mac)
	said "card for media: $media_card, $media_interface, driver $(driver)"
	jq -n --arg device "$media_card" --arg address "$media_ip/24" --arg secret "$secret" --arg package "$package" \
		--argjson media "$media_port" --argjson http "$http_port" '{
			sluice_package: $package, sluice_apt_cache_valid: 0,
			sluice_ports: [{driver: "vfio-pci", device: $device, address: $address}],
			sluice_driver_packages: ["librte-net-e1000-23"], sluice_isolated_cores: [1], sluice_hugepages: 128,
			sluice_reboot_allowed: true, sluice_bind_rollback: 120, sluice_jwt_secret: $secret,
			sluice_ready_timeout: 300, sluice_drain_limit: 5,
			sluice_config: {
				media: {port: $media}, http: {port: $http}, dialects: [{name: "sfu", listen: 9000}],
				dataplane: {buffers: 8192}, limits: {suspect: "45s", drop: "90s", grace: "60s"}}}' >"$work/variables.json"
}

stage_provision() {
	play site.yml
	quote grep -A 3 'PLAY RECAP' "$work/playbook.log"
	wait_for 60 is_ready
	said "provisioned by the playbook, and ready after a reboot: $(guest cat /proc/cmdline)"
	finding "huge pages of the machine" "$(guest cat /proc/sys/vm/nr_hugepages)" == 128
	finding "isolated CPUs" "$(guest cat /sys/devices/system/cpu/isolated)" == 1
	finding "the card's driver" "\"$(driver)\"" == '"vfio-pci"'
	quote guest sluicectl -c /etc/sluice/sluice.yaml check
}

stage_again() {
	local before restarts_before
	before=$(processes)
	restarts_before=$(unit NRestarts dataplane)$(unit NRestarts control)
	play site.yml
	finding "tasks of a second run that changed something" "$(recap changed)" == 0
	same_processes "$before"
}

# What the units promise.
stage_systemd() {
	local plane
	for plane in dataplane control; do
		said "sluice-$plane: $(unit Type $plane), $(unit ActiveState $plane), $(unit StatusText $plane), user $(
			unit User $plane), capabilities $(status_word $plane CapEff), threads bound by $(status_word $plane CapBnd)"
		finding "$plane: no new privileges" "$(status_word $plane NoNewPrivs)" == 1
		finding "$plane: locked memory is unlimited" \
			"$(guest "grep -c 'Max locked memory *unlimited' /proc/$(unit MainPID $plane)/limits")" == 1
		finding "$plane: core dumps" "$(guest "awk '/Max core file size/ {print \$5}' /proc/$(unit MainPID $plane)/limits")" == 0
	done
	quote guest "systemd-analyze security --no-pager sluice-dataplane.service sluice-control.service | grep Overall"
}

stage_call() {
	start_numbered 3000 20
	mapfile -t peers < <(jobs -p | grep -vx "$guest_pid")
	lost_before=0
	goes_on "two have joined"
	finding "datagrams by the punt ring" "$(metric 'sluice_punted_datagrams_total{direction="in"}')" '>' 4
	quote guest sluicectl status
}

hang_up() { # JOB...: each is a shell, its child the peer
	local job
	for job; do
		pkill -P "$job"
		wait "$job" || true
	done
}

# Signals a plane and waits until systemd has started it anew and the call goes on: survives SIGNAL PLANE.
survives() {
	local before begun
	before=$(unit NRestarts "$2")
	begun=$(guest "cut -d' ' -f1 /proc/uptime")
	guest systemctl kill -s "$1" "sluice-$2"
	has_restarted() {
		[ "$(unit NRestarts "$2")" -gt "$before" ] && [ "$(unit ActiveState "$2")" = active ]
	}
	wait_for 120 has_restarted "$1" "$2"
	wait_for 120 is_ready
	goes_on "SIG$1 to $2, forwarding again after $(unit ActiveEnterTimestampMonotonic "$2" |
		awk -v begun="$begun" '{printf "%.1f s", $1 / 1e6 - begun}')"
}

stage_crashes() {
	survives KILL control
	survives KILL dataplane
}

stage_watchdog() {
	local plane
	for plane in dataplane control; do
		survives STOP $plane
		quote guest "journalctl -u sluice-$plane -o cat | grep -i watchdog"
	done
}

# What a role may bring along, and a log level, without a restart of either plane.
stage_services() {
	local before restarts_before
	before=$(processes)
	restarts_before=$(unit NRestarts dataplane)$(unit NRestarts control)
	variables ".sluice_redis_enabled = true | .sluice_redis_password = \"$redis_password\"
		| .sluice_coturn_enabled = true | .sluice_coturn_secret = \"$turn_secret\" | .sluice_coturn_name = \"$relay_ip\"
		| .sluice_coturn_allowed_peers = [\"10.77.0.0-10.77.0.255\"] | .sluice_prometheus_enabled = true
		| .sluice_prometheus_listen = \"0.0.0.0:9090\" | .sluice_node_exporter_enabled = true
		| .sluice_node_exporter_listen = \"0.0.0.0:9100\" | .sluice_firewall_monitoring = [\"10.77.0.0/24\"]
		| .sluice_config.log_level = \"debug\""
	play site.yml
	finding "restarts of either plane by the playbook" "$(grep -c 'HANDLER.*Restart \(the data plane\|control\)' "$work/playbook.log")" == 0
	finding "reloads of both" "$(grep -c 'HANDLER.*Reload \(the data plane\|control\)' "$work/playbook.log")" == 2
	same_processes "$before"
	quote guest "journalctl -u sluice-dataplane -u sluice-control -o cat | grep 'SIGHUP: '"
	goes_on "four services beside the relay, and another log level"
	quote guest "REDISCLI_AUTH=$redis_password redis-cli ping"
	finding "connections to Redis from outside" "$(on a timeout 3 bash -c "echo >/dev/tcp/$relay_ip/6379" 2>/dev/null && echo 1 || echo 0)" == 0
	quote on a "$root/tests/peer/turn_peer.py" --url "http://$relay_ip:$http_port/v1/config.json" --secret "$secret"
	prometheus_sees() {
		[ "$(prometheus 'sum(up{job=~"sluice|node"})')" = 2 ] && [ "$(prometheus sluice_participants)" = 2 ]
	}
	prometheus() { # QUERY: its value
		on a curl -sf --max-time 10 "http://$relay_ip:9090/api/v1/query" --data-urlencode "query=$1" | jq -r '.data.result[0].value[1]'
	}
	wait_for 120 prometheus_sees
	said "Prometheus scrapes relay and node exporter: both up, sluice_participants $(prometheus sluice_participants)"
	finding "alert rules that Prometheus has loaded" \
		"$(on a curl -sf "http://$relay_ip:9090/api/v1/rules" | jq '[.data.groups[].rules[]] | length')" '>' 5
}

# The card of HTTP at the same time as a port by AF_XDP: set up by the role, and a second call that goes by it alone.
stage_xdp() {
	local interface
	interface=$(interface_of $guest_http_mac)
	variables ".sluice_ports += [{interface: \"$interface\", driver: \"xdp\", queues: 1}]"
	variables ".sluice_config.media.addresses = [\"$media_ip\", \"$relay_ip\"]"
	play site.yml
	wait_for 60 is_ready
	goes_on "an AF_XDP port beside the other, both planes restarted"
	quote guest sluicectl status
	add_host c 23
	add_host d 24
	by_xdp() { # HOST USER ARGUMENT...
		on "$1" "$root/tests/peer/numbered_peer.py" --secret "$secret" --room xdp --user "$2" --nat "$relay_ip:$media_port" \
			--consent $consent --every 0.25 --seconds 3000 "${@:3}" >"$work/xdp-$2.log" 2>&1 &
		xdp_peers+=($!)
	}
	xdp_peers=()
	by_xdp c 3 --send 20
	by_xdp d 4 --receive
	xdp_flows() {
		[ "$(tail -n 1 "$work/xdp-4.log" | jq '.received["3"].video.packets')" -ge 100 ]
	}
	wait_for 120 xdp_flows
	said "a call by AF_XDP: $(tail -n 1 "$work/xdp-4.log" | jq -c '.received["3"].video')"
	hang_up "${xdp_peers[@]}"
	finding "packets that the port has from the card" \
		"$(guest sluicectl --json status | jq --arg name "$interface" '.dataplane.ports[] | select(.name == $name).rx_packets')" '>' 100
	quote guest sluicectl -c /etc/sluice/sluice.yaml check
}

# One plane after the other, and the package's own version runs.
upgraded() { # PACKAGE [ARGUMENT...]
	local before processes
	before=$(version)
	processes=$(processes)
	variables ".sluice_package = \"$1\""
	play upgrade.yml "${@:2}"
	quote grep -A 3 'PLAY RECAP' "$work/playbook.log"
	goes_on "$before -> $(version) in mid-call"
	finding "processes of both planes" "\"$(processes)\"" != "\"$processes\""
	finding "milliseconds by which the data plane was started before control" \
		$(($(started control) - $(started dataplane))) '>' 0
	finding "participants" "$(metric sluice_participants)" == 2
}

stage_upgrade() {
	upgraded "$newer"
}

stage_downgrade() {
	upgraded "$package" -e sluice_package_allow_downgrade=true
}

# The kernel's own pktgen, out of the card that the kernel has, to the one it has not.
stage_pktgen() {
	local card dropped
	card=$(interface_of $guest_http_mac)
	"$build/sluice-pktgen" junk rtp -o "$work/junk" --relay "$media_ip:$media_port" --relay-mac $guest_media_mac \
		--source 198.18.0.0/16 --source-mac $guest_http_mac --count 1000 >/dev/null
	guest_copy "$work/junk/rtp.sh" /root
	dropped=$(metric 'sluice_dropped_packets_total{reason="no_transport"}')
	quote guest "bash /root/rtp.sh $card 1 10 100" # a second: an emulated card on a busy machine takes no more
	goes_on "flooded by the kernel's pktgen"
	finding "frames of it dropped as of no session" \
		"$(($(metric 'sluice_dropped_packets_total{reason="no_transport"}') - dropped))" '>' 100
}

stage_drain() {
	guest systemctl stop --no-block sluice-control
	draining() {
		[[ $(unit StatusText control) = *draining* ]]
	}
	wait_for 60 draining
	said "systemctl stop: $(unit ActiveState control), $(unit StatusText control)"
	still_flows 60
	hang_up "${peers[@]}"
	stopped() {
		[ "$(unit ActiveState control)" = inactive ]
	}
	wait_for 300 stopped # limits.drop and limits.grace
	finding "control ended in order when the last had left: exit status" "$(unit ExecMainStatus control)" == 0
}

give_back() {
	guest systemctl stop sluice-control sluice-dataplane
	finding "the data plane's exit status" "$(unit ExecMainStatus dataplane)" == 0
	kernel_answers >/dev/null 2>&1 && return 1
	guest systemctl disable --now sluice-bind
	wait_for 60 kernel_answers
	said "given back: $media_card is driven by $(driver), $kernel_ip answers"
}

# The card goes back to the kernel, and with it its address; a binding that nobody confirms does so by itself.
stage_rollback() {
	give_back
	guest "rm /etc/sluice/bind.conf; sluice-bind trial 30"
	finding "the card's driver on trial" "\"$(driver)\"" == '"vfio-pci"'
	kernel_answers >/dev/null 2>&1 && return 1
	wait_for 90 kernel_answers
	said "not confirmed in 30 s: $media_card is driven by $(driver), $kernel_ip answers"
	finding "confirmed too late: exit status" "$(guest sluice-bind confirm >/dev/null 2>&1 && echo 0 || echo 1)" == 1
}

# The server does not come back after the binding: nobody can connect any more, also not Ansible.
stage_cut() {
	variables '.sluice_bind_rollback = 40'
	give_back
	guest "rm -f /etc/sluice/bind.conf
		nft 'add table inet cut; add chain inet cut input { type filter hook input priority -10; }
			add rule inet cut input tcp dport 22 ct state new drop'
		systemd-run -q --on-active=600 nft delete table inet cut"
	if play site.yml; then
		said "the playbook succeeded though nobody could connect anew"
		return 1
	fi
	quote grep -A 1 'Connect anew' "$work/playbook.log"
	wait_for 90 kernel_answers
	said "the playbook could not connect anew: $kernel_ip answers again"
}

stage_purge() {
	guest "apt-get -qq purge -y sluice >/root/purge.log 2>&1"
	quote guest 'find / -xdev \( -name "*sluice*" -o -path "/etc/sluice/*" \) -not -path "/root/*" -not -path "/proc/*" -not -path "/sys/*"'
	finding "left of the package's own files" "$(guest 'ls /usr/sbin/sluice-* /usr/share/sluice /run/sluice 2>/dev/null | wc -l')" == 0
}

package=$(realpath "${1:?usage: relay_test.sh SLUICE.deb NEWER-SLUICE.deb}")
newer=$(realpath "${2:?}")
add_host a 21
add_host b 22
for stage in ${VM_STAGES:-boot provision systemd call crashes watchdog pktgen upgrade again drain rollback purge}; do
	said "---- $stage"
	"stage_$stage"
done
said "all stages passed"
guest systemctl poweroff || true
