# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A bare Debian 12 and the packages that a server of ours may install, kept in $BUILD: for tests without a network. Sourced
# before _init.sh, which takes the network away.

# make_debian DIRECTORY DEB PACKAGE...: the directory's name must change with what is asked for. 77 without a mirror.
make_debian() {
	local tree=$1 deb=$2 name
	shift 2
	[ ! -e "$tree/ready" ] || return 0
	for name in mmdebstrap mount; do
		command -v $name >/dev/null || {
			echo "$name is missing"
			return 77
		}
	done
	rm -rf "${tree%-*}"-*
	mmdebstrap --quiet --variant=minbase \
		--include=systemd,systemd-sysv,udev,openssh-server,iproute2,procps,kmod,python3,python3-apt,ca-certificates \
		bookworm "$tree" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" ||
		return 77
	cp "$deb" "$tree/sluice.deb"
	chroot "$tree" apt-get -qq update || return 77
	chroot "$tree" apt-get -qq -y --no-install-recommends --download-only install /sluice.deb "$@" || return 77
	rm "$tree/sluice.deb"
	touch "$tree/ready"
}
