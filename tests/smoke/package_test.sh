#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian package: built, free of lintian's complaints, its units verified; installed, upgraded and purged in
# a tree of its own above this machine's, where both daemons then run as their user with the units' capabilities.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_deb.sh"

for program in dpkg-buildpackage dh lintian; do
	command -v $program >/dev/null || skip "$program is missing"
done

make_package "$work/deb.log"
lintian --allow-root --fail-on error,warning "$root"/build/deb/*.changes
echo "ok: lintian has nothing to say"

# ---- a tree of our own: this machine's files below, what the package writes above
tree=$work/tree
mkdir -p "$work/upper" "$work/overlay" "$tree"
mount -t tmpfs tmpfs "$work/overlay"
mkdir "$work/overlay/upper" "$work/overlay/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/overlay/upper,workdir=$work/overlay/work" "$tree"
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/run"
mount --bind /dev "$tree/dev"
mount --bind "$root/build/deb" "$tree/mnt"
in_tree() {
	chroot "$tree" "$@"
}
listing() {
	in_tree find /etc /usr /lib/systemd /var/lib/systemd -xdev -newer /mnt/marker \
		! -path '/usr/share/*/triggers*' -name '*sluice*' | sort
}
touch -d '1 minute ago' "$root/build/deb/marker"
in_tree dpkg -i "/mnt/${package##*/}" >"$work/install.log" 2>&1 || {
	cat "$work/install.log"
	exit 1
}
in_tree sluicectl -V
in_tree getent passwd sluice >/dev/null
[ "$(stat -c %a "$tree/etc/sluice/jwt_secret")" = 640 ]
[ "$(wc -c <"$tree/etc/sluice/jwt_secret")" = 64 ]
for page in sluice-control.8 sluice-dataplane.8 sluicectl.8 sluice-load.1 sluice.yaml.5; do
	gzip -dc "$tree/usr/share/man/man${page##*.}/$page.gz" | MANROFFSEQ='' groff -man -Tascii -ww >/dev/null 2>"$work/groff.log" ||
		{ command -v groff >/dev/null && cat "$work/groff.log" && exit 1; }
done
for unit in sluice-control.service sluice-dataplane.service; do
	in_tree systemd-analyze verify "/lib/systemd/system/$unit" 2>&1 | grep "sluice" >"$work/verify.log" && {
		cat "$work/verify.log"
		exit 1
	}
	exposure=$(in_tree systemd-analyze security --offline=true --no-pager "/lib/systemd/system/$unit" |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	expect "exposure of $unit (systemd-analyze security)" "$exposure" '<' 4.0
done
secret_before=$(cat "$tree/etc/sluice/jwt_secret")
in_tree dpkg -i "/mnt/${package##*/}" >>"$work/install.log" 2>&1
[ "$(cat "$tree/etc/sluice/jwt_secret")" = "$secret_before" ]
echo "ok: an upgrade keeps the secret"
# shellcheck disable=SC2016
in_tree bash -c 'source /usr/share/bash-completion/completions/sluicectl
	COMP_WORDS=(sluicectl dr) COMP_CWORD=1 && _sluicectl && echo "${COMPREPLY[@]}"' >"$work/completion.log"
grep -x 'drops drain' "$work/completion.log"

# ---- as the units run them: their user, their capabilities, a bpffs that is theirs
add_host relay 10
write_config xdp 1
cp "$work/sluice.yaml" "$tree/etc/sluice/sluice.yaml"
echo "$secret" >"$tree/etc/sluice/jwt_secret"
in_tree chown root:sluice /etc/sluice/jwt_secret
sed -i "s,$work/secret,/etc/sluice/jwt_secret," "$tree/etc/sluice/sluice.yaml"
in_tree systemd-tmpfiles --create sluice.conf
mkdir -p "$tree/sys/fs/bpf"
mount -t sysfs sysfs "$tree/sys"
mount -t bpf bpf "$tree/sys/fs/bpf"
in_tree chown sluice:sluice /sys/fs/bpf
as_unit() { # UNIT: runs its ExecStart with its user and capabilities
	local unit=$tree/lib/systemd/system/$1 capabilities command
	capabilities=$(sed -n 's/^AmbientCapabilities=//p' "$unit" | tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g')
	command=$(sed -n 's/^ExecStart=//p' "$unit")
	# shellcheck disable=SC2086
	nsenter --net=/run/netns/relay chroot "$tree" setpriv --reuid sluice --regid sluice --clear-groups \
		--bounding-set "-all,$capabilities" --inh-caps "-all,$capabilities" --ambient-caps "-all,$capabilities" \
		--no-new-privs $command
}
as_unit sluice-dataplane.service >"$work/dataplane.log" 2>&1 &
as_unit sluice-control.service >"$work/control.log" 2>&1 &
wait_for 15 relay_ready
in_tree sluicectl status | grep 'filter attached native'
echo "ok: both run without root"
nsenter --net=/run/netns/relay chroot "$tree" sluicectl -c /etc/sluice/sluice.yaml check >"$work/check.log" || {
	cat "$work/check.log"
	exit 1
}
grep '^ok .*XDP object' "$work/check.log" >/dev/null
echo "ok: sluicectl check finds nothing in the way"
in_tree pkill -INT -x sluice-control
in_tree pkill -INT -x sluice-dataplan
wait

in_tree dpkg --purge sluice >>"$work/install.log" 2>&1
left=$(listing)
[ -z "$left" ] || {
	echo "purging left: $left"
	exit 1
}
[ ! -e "$tree/etc/sluice" ] || { ls "$tree/etc/sluice" && exit 1; }
echo "ok: purging leaves nothing"
