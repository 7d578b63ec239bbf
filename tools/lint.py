#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no compiler does: documents name paths that exist, the architecture seam holds, house rules are kept."""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
SOURCE_SUFFIXES = {".c", ".h", ".S", ".cpp", ".py", ".sh", ".def", ".ld", ".cmake"}
LINES_MAX = 500
FUNCTION_LINES_MAX = 60
# What a path of this repository begins with.
ROOTS = "boot|cmake|docs|kernel|libsys|servers|tests|tools|\\.ci"
PATH = re.compile(rf"(?<![\w/.-])(?:\./)?((?:{ROOTS})/[\w./*{{}},-]+)")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
ARCH_CONDITION = re.compile(r"^\s*#\s*(?:if|elif|ifdef|ifndef)\b.*(?:riscv|x86|aarch64|host)", re.IGNORECASE)


def tracked():
    """All files that git knows, and new ones that it would not ignore."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, check=True, capture_output=True)
    return sorted(name for name in listing.stdout.decode().split("\0") if name and (TOP / name).is_file())


def sources(files):
    return [name for name in files if pathlib.Path(name).suffix in SOURCE_SUFFIXES or name in ("serai", ".ci/run")]


def lines_of(name):
    return (TOP / name).read_text(errors="replace").splitlines()


def expand(path):
    """kernel/{cap,cnode}.c stands for two paths."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [inner for part in match.group(1).split(",") for inner in expand(path[:match.start()] + part + path[match.end():])]


def check_paths(files):
    for name in files:
        if not name.endswith(".md"):
            continue
        for number, line in enumerate(lines_of(name), 1):
            for found in PATH.findall(line):
                for path in expand(found.rstrip(".,/-")):
                    if not any(TOP.glob(path)):
                        yield f"{name}:{number}: there is no {path}"


def check_seam(files):
    for name in files:
        if not re.match(r"(kernel|libsys|servers/\w+)/", name) or "/arch/" in name or not name.endswith((".c", ".h")):
            continue
        for number, line in enumerate(lines_of(name), 1):
            if ARCH_CONDITION.match(line):
                yield f"{name}:{number}: a condition on the architecture in generic code"


def check_licence(files):
    for name in sources(files):
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines_of(name)[:3]):
            yield f"{name}: has no SPDX line"


def check_unfinished(files):
    for name in files:
        if name == "LICENSE" or name.startswith("tests/fuzz/corpus/"):
            continue
        for number, line in enumerate(lines_of(name), 1):
            if UNFINISHED.search(line):
                yield f"{name}:{number}: says that it is unfinished"


def check_length(files):
    for name in sources(files):
        length = len(lines_of(name))
        if length > LINES_MAX:
            yield f"{name}: has {length} lines, more than {LINES_MAX}"


def check_functions(files):
    """In our C a function's braces stand in the first column."""
    for name in files:
        if not name.endswith((".c", ".cpp")):
            continue
        start = 0
        for number, line in enumerate(lines_of(name), 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    yield f"{name}:{start}: a function of {number - start - 1} lines, more than {FUNCTION_LINES_MAX}"
                start = 0


def check_abi_document(_):
    result = subprocess.run([sys.executable, TOP / "tools/abi.py", "--check"], capture_output=True, text=True)
    if result.returncode:
        yield (result.stdout + result.stderr).strip() or "docs/abi.md is old: run tools/abi.py --docs"


CHECKS = {
    "documents name paths that exist": check_paths,
    "no architecture in generic code": check_seam,
    "every source names its licence": check_licence,
    "nothing is left unfinished": check_unfinished,
    "files are short": check_length,
    "functions are short": check_functions,
    "docs/abi.md is fresh": check_abi_document,
}


def main():
    files = tracked()
    failed = 0
    for name, check in CHECKS.items():
        faults = list(check(files))
        for fault in faults:
            print(fault)
        print(f"lint: {name}: {'FAILED' if faults else 'ok'}")
        failed += bool(faults)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
