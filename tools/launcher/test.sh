# SPDX-License-Identifier: Apache-2.0
# Runs the tests, the fuzzers and the benches, and adds up what passed and what failed.

FUZZ_SECONDS_IN_TEST=5
TEST_SECONDS=120 # that one unit test may take

passed=0
failed=0

# The result of one step that is a test by itself: count_one STATUS NAME
count_one() {
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		say "FAILED: $2"
	fi
}

# Runs a program whose last line is "N passed, N failed", and adds that up.
count_program() {
	local log=$BUILD/step.log status=0 line

	"$@" 2>&1 | tee "$log" || status=$?
	line=$(tail -n 1 "$log")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		[ "$status" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || count_one 1 "${1#"$TOP/"} (exit code $status)"
	else
		count_one 1 "${1#"$TOP/"} printed no result"
	fi
}

# In a subshell, because a failing build ends the shell.
test_step() {
	local name=$1 status=0
	shift

	say "$name"
	("$@") || status=$?
	count_one "$status" "$name"
	return "$status"
}

test_unit() {
	local log=$BUILD/ctest.log line

	say "unit tests"
	ctest --test-dir "$BUILD/host" --timeout "$TEST_SECONDS" --output-on-failure -j "$(nproc)" 2>&1 | tee "$log" || true
	line=$(grep -E '^[0-9]+% tests passed' "$log" || true)
	if [[ $line =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+)$ ]]; then
		failed=$((failed + BASH_REMATCH[1]))
		passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
	else
		count_one 1 "unit tests: ctest ran none"
	fi
}

test_coverage() {
	"$TOP/tests/coverage/run" --build "$BUILD/host"
}

build_fuzzers() {
	need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_FUZZ[@]}"
	need_dtc
	need_lwip
	configure "$BUILD/fuzz" -S . -B "$BUILD/fuzz" -G Ninja -DSERAI_PORT=host -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14
	run_ninja "$BUILD/fuzz" fuzzers
}

# run_fuzzer FILE SECONDS: grows a corpus under build/, and keeps what made it crash.
run_fuzzer() {
	local program=$1 seconds=$2 name=${1##*/} folder log seeds=()

	folder=$BUILD/fuzz/work/$name
	log=$folder/log
	mkdir -p "$folder/corpus"
	[ ! -d "$TOP/tests/fuzz/corpus/$name" ] || seeds=("$TOP/tests/fuzz/corpus/$name")
	if "$program" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$folder/" "$folder/corpus" "${seeds[@]}" \
		>"$log" 2>&1; then
		printf 'fuzz: %-24s %12s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
	else
		tail -n 40 "$log"
		printf 'fuzz: %s failed; the input is in %s\n' "$name" "${folder#"$TOP/"}"
		return 1
	fi
}

fuzz_all() {
	local seconds=$1 program found=0 status

	for program in "$BUILD"/fuzz/fuzzers/*; do
		[ -x "$program" ] || continue
		found=1
		status=0
		run_fuzzer "$program" "$seconds" || status=$?
		count_one "$status" "fuzzer ${program##*/}"
	done
	[ "$found" -eq 1 ] || count_one 1 "there are no fuzzers"
}

finish() {
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ] || exit 1
	exit 0
}

export_environment() {
	export SERAI_BUILD=$BUILD/riscv64 SERAI_GUESTS=$GUESTS SERAI_QEMU=$QEMU SERAI_IMAGE=$BUILD/host/tools/image
}

command_test() {
	need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" "${PACKAGES_FUZZ[@]}" "${PACKAGES_MODELS[@]}"
	need_qemu
	need_dtc
	need_lwip
	need_guests_stress
	need_guests_disk
	need_guests_net
	need_debian
	say "checks of sources and documents"
	count_program "$TOP/tools/lint.py"
	say "models of what harts do to each other"
	count_program "$TOP/tests/models/run"
	say "bounded proofs of capability management"
	need_checker
	count_program prove --quick
	if test_step "build of the host port" build_preset host; then
		test_unit
		test_step "coverage of the kernel" test_coverage || true
	fi
	if test_step "build of the fuzzers" build_fuzzers; then
		FUZZ_SEED=1 # the short run is the same each time; `./serai fuzz` looks further
		fuzz_all "$FUZZ_SECONDS_IN_TEST"
	fi
	if test_step "build for riscv64" build_preset riscv64 && test_step "debug build for riscv64" build_preset riscv64-debug; then
		export_environment
		say "system tests"
		count_program "$TOP/tests/system/run"
		say "exact figures"
		count_program "$TOP/tests/bench/run" --check
	fi
	finish
}

command_fuzz() {
	local seconds=${1:-60}

	[[ $seconds =~ ^[0-9]+$ ]] || fail "fuzz takes a number of seconds"
	build_fuzzers
	fuzz_all "$seconds"
	finish
}

command_bench() {
	setup_system
	need_guests_stress
	need_guests_disk
	need_guests_net
	need_debian
	need_packages "${PACKAGES_TEST[@]}" iperf3
	need_qemu
	build_riscv64
	export_environment
	exec "$TOP/tests/bench/run" "$@"
}
