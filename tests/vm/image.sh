#!/usr/bin/env bash
# shellcheck disable=SC2016
# SPDX-License-Identifier: Apache-2.0
# Makes the disk of a bare Debian 12 server: image.sh DISK PUBLIC-KEY PACKAGE... It has ssh, a boot loader, and the
# named packages with all they need in a local apt repository: the guest has no network but ours.
# Neither loop devices nor a chroot's kernel are needed: the file system is made from a tree, GRUB is laid
# down by hand where its own tools would put it.
set -euo pipefail

disk=$1 key=$2
wanted=("${@:3}")
suite=bookworm mirror=${MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d "${disk%/*}/image.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree

# What a server has before anybody comes.
bare=(systemd systemd-sysv systemd-resolved dbus udev kmod openssh-server python3 python3-apt linux-image-amd64
	initramfs-tools grub-pc-bin grub2-common iproute2 ca-certificates less procps sudo)

mmdebstrap --variant=minbase --include="$(IFS=,; echo "${bare[*]}")" \
	--customize-hook='printf "relay\n" >"$1/etc/hostname"' \
	--customize-hook='printf "127.0.0.1 localhost relay\n" >"$1/etc/hosts"' \
	--customize-hook='printf "/dev/vda1 / ext4 defaults,noatime 0 1\n" >"$1/etc/fstab"' \
	--customize-hook='chroot "$1" systemctl enable ssh systemd-networkd serial-getty@ttyS0 >/dev/null' \
	--customize-hook='mkdir -p "$1/root/.ssh" && chmod 700 "$1/root/.ssh"' \
	--customize-hook="cp '$key' \"\$1/root/.ssh/authorized_keys\"" \
	--customize-hook='mkdir -p "$1/srv/apt" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install --yes --download-only --no-install-recommends '"${wanted[*]}"' >/dev/null' \
	--customize-hook='cp "$1"/var/cache/apt/archives/*.deb "$1/srv/apt/"' \
	--skip=cleanup/apt/cache \
	$suite "$tree" "$mirror" >"$work/mmdebstrap.log" 2>&1 || {
	tail -n 30 "$work/mmdebstrap.log"
	exit 1
}
rm -f "$tree"/var/cache/apt/archives/*.deb "$tree"/var/cache/apt/*.bin
dpkg-scanpackages --multiversion "$tree/srv/apt" 2>/dev/null | sed "s#$tree/srv/apt/#./#" >"$tree/srv/apt/Packages"
echo 'deb [trusted=yes] file:/srv/apt ./' >"$tree/etc/apt/sources.list"
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/etc/apt/sources.list.d/*

# The first card is ssh's, by DHCP; the second has the relay's HTTP address; the third is nobody's yet.
cat >"$tree/etc/systemd/network/10-ssh.network" <<-'END'
	[Match]
	MACAddress=52:54:00:00:00:01
	[Network]
	DHCP=ipv4
END
cat >"$tree/etc/systemd/network/20-http.network" <<-'END'
	[Match]
	MACAddress=52:54:00:00:00:02
	[Network]
	Address=10.77.0.10/24
END
cat >"$tree/etc/systemd/network/30-media.network" <<-'END'
	[Match]
	MACAddress=52:54:00:00:00:03
	[Link]
	RequiredForOnline=no
	[Network]
	LinkLocalAddressing=no
	Address=10.77.0.12/24
END
cat >"$tree/etc/default/grub" <<-'END'
	GRUB_TIMEOUT=0
	GRUB_DISTRIBUTOR=Debian
	GRUB_CMDLINE_LINUX_DEFAULT=""
	GRUB_CMDLINE_LINUX="console=ttyS0,115200 net.ifnames=1 intel_iommu=on iommu=pt"
	GRUB_TERMINAL=serial
	GRUB_DISABLE_OS_PROBER=true
	GRUB_DISABLE_LINUX_UUID=true
END
kernel=$(cd "$tree/boot" && echo vmlinuz-*)
mkdir -p "$tree/boot/grub"
cat >"$tree/boot/grub/grub.cfg" <<-END
	linux /boot/$kernel root=/dev/vda1 ro console=ttyS0,115200 net.ifnames=1 intel_iommu=on iommu=pt
	initrd /boot/initrd.img-${kernel#vmlinuz-}
	boot
END
cp -r /usr/lib/grub/i386-pc "$tree/boot/grub/"

# Sector 0: the boot sector, which loads sector 1 on; there begins GRUB's core, then at 1 MiB the partition.
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" biosdisk part_msdos ext2 normal linux \
	boot echo test search search_fs_uuid search_label ls cat gzio serial terminal configfile all_video gettext
mkfs.ext4 -q -O ^metadata_csum_seed,^orphan_file -d "$tree" "$work/root.img" 6G 2>"$work/mkfs.log" ||
	mkfs.ext4 -q -d "$tree" "$work/root.img" 6G
truncate -s $((6 * 1024 + 1))M "$work/disk.img"
echo 'start=2048, type=83, bootable' | sfdisk -q "$work/disk.img"
dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk.img" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$work/disk.img" bs=512 seek=1 conv=notrunc status=none
dd if="$work/root.img" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
qemu-img convert -O qcow2 "$work/disk.img" "$work/disk.qcow2"
mv "$work/disk.qcow2" "$disk"
