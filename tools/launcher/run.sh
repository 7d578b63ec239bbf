# SPDX-License-Identifier: Apache-2.0
# Starts a system in QEMU on this terminal, and gdb beside it.

DEFAULT_SYSTEM=boot/systems/two-linux.toml
GDB_SOCKET=build/gdb.$$.sock # relative to $TOP: the path of a socket must be short
SERVERS=(console vmm block net gateway)

# What the kernel prints last when the machine goes off after a failure: QEMU's exit code does not tell.
FAILURE_LINE='serai: (shutdown after a failure|kernel panic: .*)'

# The ELF file of the kernel or of a server.
program_path() {
	if [ "$1" = kernel ]; then
		echo "$BUILD/riscv64/kernel/kernel.elf"
	else
		echo "$BUILD/riscv64/servers/$1/$1.elf"
	fi
}

# The same without symbols, for the archive.
stripped_path() {
	local from to=$BUILD/riscv64/stage/$1.elf

	from=$(program_path "$1")
	[ -e "$from" ] || fail "the build made no ${from#"$TOP/"}"
	if [ ! "$to" -nt "$from" ]; then
		mkdir -p "${to%/*}"
		riscv64-unknown-elf-objcopy --strip-all "$from" "$to"
	fi
	echo "$to"
}

# make_archive SYSTEM.toml ARCHIVE [OPTION...]: what `image build` takes besides
make_archive() {
	local server arguments=() kernel root

	kernel=$(stripped_path kernel)
	root=$(stripped_path root)
	for server in "${SERVERS[@]}"; do
		arguments+=(--server "$server=$(stripped_path "$server")")
	done
	"$BUILD/host/tools/image" build "$1" --guests "$GUESTS" --kernel "$kernel" --root "$root" "${arguments[@]}" "${@:3}" -o "$2"
}

# The absolute path of a system description that was named relative to where the user is, or by its short name: "debian".
system_path() {
	local path=${1:-$TOP/$DEFAULT_SYSTEM}

	if [ ! -f "$path" ] && [[ $path != */* ]] && [ -f "$TOP/boot/systems/$path.toml" ]; then
		path=$TOP/boot/systems/$path.toml
	fi
	[ -f "$path" ] || fail "there is no system description $path (see boot/systems)"
	realpath "$path"
}

# Makes a system's images that are missing, and puts QEMU's arguments for its disks into `disk_arguments`.
attach_disks() {
	local disks text

	disk_arguments=()
	disks=$("$BUILD/host/tools/image" disks "$1" --guests "$GUESTS") || exit 1
	[ -n "$disks" ] || return 0
	[[ $disks != *$'\tqcow2\t'* ]] || need_qemu_img
	text=$("$TOP/tools/disk.py" attach <<<"$disks") || exit 1
	mapfile -t disk_arguments <<<"$text"
}

# Puts QEMU's arguments for a system's NICs into `net_arguments`, and says which ports lead to guests.
attach_nets() {
	local nets text key=()

	net_arguments=()
	nets=$("$BUILD/host/tools/image" nets "$1" --guests "$GUESTS") || exit 1
	[ -n "$nets" ] || return 0
	! grep -q '@debian/root\.img' "$1" || key=(--key "$CACHE/debian-root/id_ed25519")
	text=$("$TOP/tools/nets.py" "${key[@]}" <<<"$nets") || exit 1
	mapfile -t net_arguments <<<"$text"
}

# attach_captures SYSTEM.toml OPTION...: puts QEMU's arguments for what is captured into `capture_arguments`, and says what goes where.
attach_captures() {
	local captures text

	capture_arguments=()
	captures=$("$BUILD/host/tools/image" captures "$1" --guests "$GUESTS" "${@:2}") || exit 1
	[ -n "$captures" ] || return 0
	text=$("$TOP/tools/captures.py" <<<"$captures") || exit 1
	mapfile -t capture_arguments <<<"$text"
}

# Sorts the words of `run` into `capture_options` and `system_words`.
read_run_words() {
	while [ $# -gt 0 ]; do
		case $1 in
		--pcap | --pcap-limit | --snaplen)
			[ $# -ge 2 ] || fail "$1 needs a value: --pcap NAME=FILE, --pcap-limit SIZE, --snaplen BYTES"
			capture_options+=("$1" "$2")
			shift
			;;
		--pcap=* | --pcap-limit=* | --snaplen=*) capture_options+=("${1%%=*}" "${1#*=}") ;;
		-*) fail "run does not know $1" ;;
		*) system_words+=("$1") ;;
		esac
		shift
	done
}

# Runs QEMU with this terminal raw; puts the terminal back whatever happens. Sets `status`.
run_on_terminal() {
	local saved="" pid

	if [ -t 0 ]; then
		saved=$(stty -g)
		stty raw -echo
	fi
	# In the background, or bash would act on signals only after QEMU has ended.
	"$@" <&0 &
	pid=$!
	trap 'kill "$pid" 2>/dev/null' HUP INT TERM
	status=0
	wait "$pid" || status=$?
	# A signal ends the wait early; QEMU's own exit code comes with the second.
	if kill -0 "$pid" 2>/dev/null; then
		wait "$pid" || status=$?
	fi
	trap - HUP INT TERM
	[ -z "$saved" ] || stty "$saved"
}

command_run() {
	local system machine archive log status extra disk_arguments net_arguments capture_arguments spare
	local capture_options=() system_words=()

	read_run_words "$@"
	[ ${#system_words[@]} -le 1 ] || fail "run takes one system description"
	system=$(system_path "${system_words[@]}")
	setup_system
	need_disks "$system"
	need_qemu
	build_riscv64
	machine=$("$BUILD/host/tools/image" machine "$system" --guests "$GUESTS") || exit 1
	archive=$BUILD/${system##*/}.archive
	spare=$BUILD/$(basename "$system" .toml).pcapng
	capture_options+=(--spare-pcap "$spare")
	attach_captures "$system" "${capture_options[@]}"
	make_archive "$system" "$archive" "${capture_options[@]}" || exit 1
	local "${machine% *}" "${machine#* }"
	attach_disks "$system"
	attach_nets "$system"

	cd "$TOP"
	log=$BUILD/console.$$.log
	read -r -a extra <<<"${SERAI_QEMU_ARGS:-}" || true
	say "starting ${system#"$TOP/"}"
	run_on_terminal "$QEMU" -machine virt -cpu rv64,h=true -m "$((memory >> 20))M" -smp "$harts" -no-reboot \
		-display none -monitor none -chardev "stdio,id=con,signal=off,mux=off,logfile=$log" -serial chardev:con \
		-chardev "socket,id=gdb,path=$GDB_SOCKET,server=on,wait=off" -gdb chardev:gdb \
		-kernel "$BUILD/riscv64/serai.bin" -initrd "$archive" "${disk_arguments[@]}" "${net_arguments[@]}" \
		"${capture_arguments[@]}" "${extra[@]}"
	if [ "$status" -eq 0 ] && tail -n 5 "$log" 2>/dev/null | tr -d '\r' | grep -aqxE "$FAILURE_LINE"; then
		status=1
	fi
	rm -f "$log" "$GDB_SOCKET"
	[ -s "$spare" ] || rm -f "$spare"
	[ "$status" -eq 0 ] || say "the system did not end in order (exit code $status)"
	exit "$status"
}

command_gdb() {
	local program=${1:-kernel} arguments=() socket

	case $program in
	kernel | root | console | vmm | block | net | gateway) ;;
	*) fail "gdb knows kernel, root, console, vmm, block, net and gateway" ;;
	esac
	need_packages "${PACKAGES_GDB[@]}"
	cd "$TOP"
	[ -e "$(program_path "$program")" ] || fail "nothing is built yet: start ./serai run in another terminal first"
	# The system started last, if several run.
	socket=$(find build -maxdepth 1 -type s -name 'gdb.*.sock' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d' ' -f2)
	[ -n "$socket" ] || fail "no system runs: start ./serai run in another terminal first"
	# Servers share addresses with each other, but not with the kernel: its symbols are always there.
	[ "$program" = kernel ] || arguments=(-ex "set confirm off" -ex "add-symbol-file $(program_path kernel)" -ex "set confirm on")
	exec gdb-multiarch -q "$(program_path "$program")" -ex "set architecture riscv:rv64" "${arguments[@]}" \
		-ex "target remote $socket"
}
