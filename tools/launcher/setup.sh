# SPDX-License-Identifier: Apache-2.0
# Sets up what a command needs: packages, fetched files, builds. Everything that is there already is skipped quickly.

PACKAGES_BUILD=(gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf cmake ninja-build gcc g++ libc6-dev libtomlplusplus-dev
	python3 xz-utils debian-archive-keyring)
PACKAGES_TEST=(libcmocka-dev gcovr git python3-pexpect fdisk iproute2 openssh-client dropbear-bin libnss-wrapper qemu-utils)
PACKAGES_FUZZ=(clang-14 libclang-rt-14-dev)
PACKAGES_MODELS=(spin)
PACKAGES_GDB=(gdb-multiarch)

QEMU=${SERAI_QEMU:-qemu-system-riscv64}

# Says what apt said last if it fails.
run_apt() {
	local log=$BUILD/apt.log

	mkdir -p "$BUILD"
	DEBIAN_FRONTEND=noninteractive apt-get -y -qq "$@" >"$log" 2>&1 </dev/null && return
	fail "apt-get $1 failed ($(grep -m 1 '^E:' "$log" || echo "see $log")): check the network, then start again"
}

# Installs the named packages that are missing.
need_packages() {
	local missing
	mapfile -t missing < <(comm -23 <(printf '%s\n' "$@" | sort -u) \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u))
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] || fail "packages are missing; as root, run: apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	run_apt update
	run_apt install --no-install-recommends "${missing[@]}"
}

need_qemu() {
	if [ -n "${SERAI_QEMU:-}" ]; then
		command -v "$QEMU" >/dev/null || fail "SERAI_QEMU: there is no program $QEMU"
	elif ! command -v "$QEMU" >/dev/null; then
		need_packages qemu-system-misc
	fi
	command -v "$QEMU" >/dev/null || fail "qemu-system-riscv64 is missing: install it, or name it in SERAI_QEMU"
}

need_qemu_img() {
	[ -n "${SERAI_QEMU_IMG:-}" ] || command -v qemu-img >/dev/null || need_packages qemu-utils
}

# The source of libfdt, checked by its hash.
need_dtc() {
	[ -e "$CACHE/dtc-1.7.2/libfdt/libfdt.h" ] || "$TOP/tools/fetch.py" dtc "$CACHE/dtc-1.7.2" || exit 1
}

# The source of lwIP, for the gateway, likewise.
need_lwip() {
	[ -e "$CACHE/lwip-2.2.1/src/core/ipv4/dhcp.c" ] || "$TOP/tools/fetch.py" lwip "$CACHE/lwip-2.2.1" || exit 1
}

# The files that guests boot from: fetched once, made again when their recipe changes.
need_guests() {
	[ -e "$CACHE/debian/usr/lib/modules" ] || "$TOP/tools/fetch.py" guests "$CACHE/debian" || exit 1
	make_guests "$GUESTS/stamp" "$CACHE/debian"
}

# The same with stress-ng in one of them, for tests.
need_guests_stress() {
	need_guests
	[ -e "$CACHE/debian-stress/usr/bin/stress-ng" ] || "$TOP/tools/fetch.py" stress "$CACHE/debian-stress" || exit 1
	make_guests "$GUESTS/stamp-stress" "$CACHE/debian-stress" --stress "$CACHE/debian-stress"
}

# The same with fio and the tools of ext4 in one of them, for tests and benches.
need_guests_disk() {
	need_guests
	[ -e "$CACHE/debian-disk/usr/bin/fio" ] || "$TOP/tools/fetch.py" disk "$CACHE/debian-disk" || exit 1
	make_guests "$GUESTS/stamp-disk" "$CACHE/debian-disk" --disk "$CACHE/debian-disk"
}

# The same with network programs in one of them.
need_guests_net() {
	need_guests
	[ -e "$CACHE/debian-net/usr/bin/iperf3" ] || "$TOP/tools/fetch.py" net "$CACHE/debian-net" || exit 1
	make_guests "$GUESTS/stamp-net" "$CACHE/debian-net" --net "$CACHE/debian-net"
}

# make_guests STAMP PACKAGES [OPTION...]: makes them if the recipe or the packages are newer than the stamp.
make_guests() {
	local stamp=$1 packages=$2
	shift 2

	if [ ! -e "$stamp" ] ||
		[ -n "$(find "$TOP/tools/guests" "$TOP/tools/guests.py" "$packages/usr/bin" -newer "$stamp")" ]; then
		say "making the guests' files"
		mkdir -p "$GUESTS"
		"$TOP/tools/guests.py" "$CACHE/debian" "$GUESTS" "$@" || exit 1
		touch "$stamp"
	fi
}

# Configures a preset once, builds it or only some targets.
build_preset() {
	local preset=$1 folder=$BUILD/$1
	shift

	configure "$folder" --preset "$preset"
	run_ninja "$folder" "$@"
}

configure() {
	local folder=$1 log=$BUILD/cmake.log
	shift

	# Again if the cache is elsewhere than last time.
	if [ -e "$folder/build.ninja" ] && grep -qxF "SERAI_DTC_SOURCE:PATH=$CACHE/dtc-1.7.2" "$folder/CMakeCache.txt" &&
		grep -qxF "SERAI_LWIP_SOURCE:PATH=$CACHE/lwip-2.2.1" "$folder/CMakeCache.txt"; then
		return 0
	fi
	say "configuring ${folder#"$TOP/"}"
	mkdir -p "$BUILD"
	if ! (cd "$TOP" && cmake "$@" "-DSERAI_DTC_SOURCE=$CACHE/dtc-1.7.2" "-DSERAI_LWIP_SOURCE=$CACHE/lwip-2.2.1") >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$folder/build.ninja"
		fail "cmake could not configure ${folder#"$TOP/"} (above)"
	fi
}

# Turns what ninja prints into one line of progress; whatever is not progress (errors) passes.
show_build() {
	local name=$1 line said=""

	while IFS= read -r line; do
		case $line in
		"ninja: Entering directory"* | "ninja: no work to do"* | "-- "* | "["*"] Re-"*) ;;
		"["[0-9]*/[0-9]*"] "*)
			[ -n "$said" ] || say "building $name"
			[ ! -t 2 ] || printf '\r%s\033[K' "${line%%]*}]" >&2
			said=1
			;;
		*)
			[ ! -t 2 ] || printf '\r\033[K' >&2
			printf '%s\n' "$line" >&2
			;;
		esac
	done
	[ -z "$said" ] || [ ! -t 2 ] || printf '\r\033[K' >&2
}

run_ninja() {
	local folder=$1
	shift

	ninja -C "$folder" "$@" 2>&1 | show_build "${folder#"$TOP/"}" || fail "the build of ${folder#"$TOP/"} failed (above)"
}

build_host_tools() { build_preset host image; }

# Also puts the payload guests where system descriptions find them as "@tests/NAME.bin".
build_riscv64() {
	build_preset riscv64
	mkdir -p "$GUESTS/tests"
	cp -u "$BUILD"/riscv64/tests/guests/*.bin "$GUESTS/tests/"
}

# All that is needed to build and check a system.
setup_system() {
	need_packages "${PACKAGES_BUILD[@]}"
	need_dtc
	need_lwip
	need_guests
	build_host_tools
}
