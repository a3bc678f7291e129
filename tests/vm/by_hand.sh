# shellcheck shell=bash
# The words of docs/operations.md, typed into a bare server: the commands are read from there. Sourced by relay_test.sh.
# shellcheck disable=SC2154

# The first block of commands below a heading, without what belongs to another machine or to an editor.
words() { # HEADING
	awk -v heading="## $1" '$0 == heading { below = 1 } below && /^```sh/ { inside = 1; next } inside && /^```/ { exit } inside' \
		"$root/docs/operations.md" | sed "s/0000:03:00.0/$media_card/g; s/^sudo //; s| \./build/deb/[^ ]*| -y /root/sluice.deb|" |
		grep -v -e '^make deb' -e '^sudoedit'
}

typed() { # COMMANDS: each line by itself, as somebody types it
	local line
	while IFS= read -r line; do
		[ -z "${line%%#*}" ] && continue
		said "# $line"
		guest "$line" >"$work/typed.log" 2>&1 </dev/null || {
			quote tail -n 5 "$work/typed.log"
			return 1
		}
	done <<<"$1"
}

by_hand_config() {
	guest "cat >/etc/sluice/sluice.yaml" <<-END
		auth: {jwt_secret_file: /etc/sluice/jwt_secret}
		media: {port: $media_port}
		http: {port: $http_port}
		dialects: [{name: sfu, listen: 9000}]
		dataplane: {buffers: 8192, cores: [1]}
		limits: {suspect: 45s, drop: 90s, grace: 60s}
		ports: [{driver: vfio-pci, device: "$media_card", address: $media_ip/24}]
	END
	printf %s "$secret" | guest "cat >/etc/sluice/jwt_secret"
}

checked() { # STATUS: that of `sluicectl check`, whose findings are kept
	local status=0
	guest sluicectl -c /etc/sluice/sluice.yaml check >"$work/check.txt" || status=$?
	quote cat "$work/check.txt"
	finding "exit status of check" $status == "$1"
}

# The package, and a card given to DPDK. What is missing is said by `check` with what mends it.
stage_hand_start() {
	guest_copy "$package" /root/sluice.deb
	typed "$(words "The package" | grep -e '^apt ')"
	by_hand_config
	typed "$(words "The package" | grep -e '^sysctl ')"
	checked 1
	finding "faults that name the card or the IOMMU" "$(grep -c '^fault.*\(IOMMU\|'"$media_card"'\)' "$work/check.txt")" '>' 0
	guest "mkdir -p /etc/default/grub.d; cat >/etc/default/grub.d/iommu.cfg" <<-'END'
		GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX intel_iommu=on iommu=pt"
	END
	typed 'update-grub
apt install -y librte-net-e1000-23'
	guest_reboot
	finding "the kernel's command line has it" "$(guest grep -c intel_iommu=on /proc/cmdline)" == 1
	guest systemctl stop sluice-dataplane sluice-control
	typed "$(words "Full-bypass ports" | sed '/back to the kernel/,$d')"
	finding "the card's driver" "\"$(driver)\"" == '"vfio-pci"'
	typed "$(words "The package" | grep -e '^systemctl ')"
	wait_for 120 is_ready
	checked 0
}

# What operators do while a call runs.
stage_hand_call() {
	local verb
	guest "sed -i '1i log_level: debug' /etc/sluice/sluice.yaml"
	typed 'systemctl reload sluice-control sluice-dataplane
journalctl -u sluice-dataplane -u sluice-control -n 50
sluicectl log info
sluicectl reload
sluicectl capture smoke/1 --seconds 2 -o /root/call.pcapng'
	finding "reloads that both say" "$(guest "journalctl -u sluice-dataplane -u sluice-control -o cat | grep -c 'SIGHUP: log_level is read again'")" == 2
	finding "bytes of the capture" "$(guest stat -c %s /root/call.pcapng)" '>' 5000
	for verb in status rooms peers drops feeds "top --once" "why smoke/1" "why smoke/2" "join-report smoke/2"; do
		typed "sluicectl $verb"
		quote head -n 4 "$work/typed.log"
	done
	goes_on "all of it looked at"
	guest_copy "$newer" /root/newer.deb
	typed 'apt install -y /root/newer.deb'
	finding "the version" "\"$(version)\"" == "\"$(dpkg-deb -f "$newer" Version)\""
	wait_for 120 is_ready
	goes_on "upgraded by hand"
}

stage_hand_end() {
	stage_drain
	typed 'systemctl stop sluice-dataplane'
	typed "$(words "Full-bypass ports" | sed '1,/back to the kernel/d')"
	wait_for 60 kernel_answers
	said "given back by hand: $media_card is driven by $(driver), $kernel_ip answers"
	typed 'apt purge -y sluice'
	finding "left of it" "$(guest 'ls -d /usr/sbin/sluice-* /usr/share/sluice /run/sluice /etc/sluice /var/lib/sluice 2>/dev/null | wc -l')" == 0
}
