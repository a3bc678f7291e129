#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the disk of a bare Debian 12 server: image.sh DISK PUBLIC-KEY PACKAGE... It has ssh, a boot loader, and the
# named packages with all they need in a local apt repository: the guest has no network but ours.
# Neither loop devices nor a guest's kernel are needed: the file system is made from a tree, and GRUB is laid
# down by hand where its own tools would put it.
# shellcheck disable=SC2016
set -euo pipefail

disk=$1 key=$2
wanted=("${@:3}")
suite=bookworm mirror=${MIRROR:-http://deb.debian.org/debian}
mebibytes=4096
work=$(mktemp -d "${disk%/*}/image.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree

# What a server has before anybody comes. The package tree is kept: what follows takes seconds.
bare=(systemd systemd-sysv dbus udev kmod openssh-server python3 python3-apt linux-image-amd64 initramfs-tools
	grub-pc-bin grub2-common iproute2 ca-certificates procps)
kept=${disk%.*}.tar
if [ ! -e "$kept" ]; then
	mmdebstrap --variant=minbase --include="$(IFS=,; echo "${bare[*]}")" --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
		--essential-hook='printf "MODULES=list\nCOMPRESS=gzip\n" >"$1/etc/initramfs-tools/conf.d/guest"' \
		--essential-hook='printf "virtio_pci\nvirtio_blk\next4\n" >"$1/etc/initramfs-tools/modules"' \
		--customize-hook='mkdir -p "$1/srv/apt"' \
		--customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install --yes --download-only --no-install-recommends '"${wanted[*]}"' >/dev/null' \
		--customize-hook='mv "$1"/var/cache/apt/archives/*.deb "$1/srv/apt/"' \
		--customize-hook='chroot "$1" systemctl enable ssh systemd-networkd serial-getty@ttyS0 >/dev/null' \
		$suite "$work/tree.tar" "$mirror" >"$work/mmdebstrap.log" 2>&1 || {
		tail -n 30 "$work/mmdebstrap.log"
		exit 1
	}
	mv "$work/tree.tar" "$kept"
fi
mkdir "$tree"
tar -C "$tree" -xpf "$kept" --exclude './dev/*'
rm -f "$tree"/etc/ssh/ssh_host_* "$tree"/etc/apt/sources.list.d/*
ssh-keygen -q -A -f "$tree"
(cd "$tree/srv/apt" && dpkg-scanpackages --multiversion . 2>/dev/null >Packages)
echo 'deb [trusted=yes] file:/srv/apt ./' >"$tree/etc/apt/sources.list"
echo relay >"$tree/etc/hostname"
echo '127.0.0.1 localhost relay' >"$tree/etc/hosts"
echo '/dev/vda1 / ext4 defaults,noatime 0 1' >"$tree/etc/fstab"
: >"$tree/etc/machine-id"
echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/guest"
install -D -m 600 "$key" "$tree/root/.ssh/authorized_keys"

# The first card is ssh's, by DHCP; the second has the relay's HTTP address; the third is the one to be taken.
network() { # FILE MAC LINES...
	printf '[Match]\nMACAddress=%s\n%b[Network]\nLinkLocalAddressing=no\n%b' "$2" "${4:-}" "$3" >"$tree/etc/systemd/network/$1"
}
mkdir -p "$tree/etc/systemd/network"
network 10-ssh.network 52:54:00:00:00:01 'DHCP=ipv4\n'
network 20-http.network 52:54:00:00:00:02 'Address=10.77.0.10/24\n' '[Link]\nRequiredForOnline=no\n'
network 30-media.network 52:54:00:00:00:03 'Address=10.77.0.12/24\n' '[Link]\nRequiredForOnline=no\n'

# What an emulator makes slow: a clock that is a device (it takes its own TSC for unsafe, having two CPUs), and detours
# that protect from real CPUs' faults.
emulated='tsc=reliable mitigations=off'
cat >"$tree/etc/default/grub" <<-END
	GRUB_TIMEOUT=0
	GRUB_DISTRIBUTOR=Debian
	GRUB_CMDLINE_LINUX_DEFAULT=""
	GRUB_CMDLINE_LINUX="console=ttyS0,115200 $emulated"
	GRUB_TERMINAL=serial
	GRUB_DISABLE_OS_PROBER=true
	GRUB_DISABLE_LINUX_UUID=true
END
kernel=$(cd "$tree/boot" && echo vmlinuz-*)
mkdir -p "$tree/boot/grub"
cat >"$tree/boot/grub/grub.cfg" <<-END
	linux /boot/$kernel root=/dev/vda1 ro console=ttyS0,115200 $emulated
	initrd /boot/initrd.img-${kernel#vmlinuz-}
	boot
END
cp -r "$tree/usr/lib/grub/i386-pc" "$tree/boot/grub/"

# Sector 0 is GRUB's boot sector with the table of partitions; it loads sector 1 and what follows, GRUB's core. The
# partition begins at 1 MiB.
bytes() { # NUMBER: 32 bits, little-endian, for printf %b
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}
grub-mkimage -d "$tree/usr/lib/grub/i386-pc" -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" biosdisk \
	part_msdos ext2 normal linux boot echo test search search_fs_uuid search_label ls cat gzio serial terminal configfile
mkfs.ext4 -q -d "$tree" "$work/root.img" "${mebibytes}M"
truncate -s $((mebibytes + 1))M "$work/disk.img"
dd if="$tree/usr/lib/grub/i386-pc/boot.img" of="$work/disk.img" bs=440 count=1 conv=notrunc status=none
printf '%b' "\\x80\\xfe\\xff\\xff\\x83\\xfe\\xff\\xff$(bytes 2048)$(bytes $((mebibytes * 2048)))" |
	dd of="$work/disk.img" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$work/disk.img" bs=1 seek=510 conv=notrunc status=none
dd if="$work/core.img" of="$work/disk.img" bs=512 seek=1 conv=notrunc status=none
dd if="$work/root.img" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
qemu-img convert -O qcow2 "$work/disk.img" "$work/disk.qcow2"
mv "$work/disk.qcow2" "$disk"
