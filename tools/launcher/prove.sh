# SPDX-License-Identifier: Apache-2.0
# Sets up the model checker CBMC and runs the proofs of tests/prove.

CHECKER=$CACHE/checker

# Debian 12 has no CBMC and a C library that is too old for the next release's: the programs of that release are kept in a
# folder of their own and started by their own loader.
make_runner() {
	local name=$1 loader

	loader=$(compgen -G "$CHECKER/usr/lib*/ld-linux*.so.*" | head -n 1) || fail "no loader in $CHECKER: remove it and start again"
	cat >"$CHECKER/bin/$name.new" <<END
#!/bin/sh
exec "$loader" --library-path "$(dirname "$(compgen -G "$CHECKER/usr/lib/*/libc.so.6")"):$CHECKER/usr/lib" "$CHECKER/usr/bin/$name" "\$@"
END
	chmod +x "$CHECKER/bin/$name.new"
	mv "$CHECKER/bin/$name.new" "$CHECKER/bin/$name"
}

need_checker() {
	[ -x "$CHECKER/usr/bin/cbmc" ] || "$TOP/tools/fetch.py" checker "$CHECKER" || exit 1
	if [ ! -x "$CHECKER/bin/cbmc" ]; then
		mkdir -p "$CHECKER/bin"
		make_runner cadical
		make_runner goto-cc
		make_runner goto-instrument
		make_runner cbmc
	fi
	"$CHECKER/bin/cbmc" --version >/dev/null || fail "CBMC does not run here: remove $CHECKER and start again"
}

# Runs proofs; the last line is "N passed, N failed".
prove() {
	mkdir -p "$BUILD/prove"
	"$TOP/tests/prove/run" --checker "$CHECKER/bin" --work "$BUILD/prove" "$@"
}

command_prove() {
	need_packages "${PACKAGES_BUILD[@]}"
	need_checker
	prove "$@"
}
