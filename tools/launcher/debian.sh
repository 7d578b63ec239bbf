# SPDX-License-Identifier: Apache-2.0
# The disk of the Debian guests: made once from the distribution's packages, which takes minutes and 300 MB in the cache.

PACKAGES_DEBIAN=(e2fsprogs kmod openssh-client)

need_debian() {
	need_packages "${PACKAGES_DEBIAN[@]}"
	"$TOP/tools/debian.py" "$CACHE/debian" "$CACHE/debian-root" "$GUESTS/debian/root.img" || exit 1
}

# need_disks SYSTEM.toml: makes the disks and files that a description names, if they are ours to make and not made anyway.
need_disks() {
	! grep -q '@debian/root\.img' "$1" || need_debian
	! grep -q '@debian/initramfs-net' "$1" || need_guests_net
}
