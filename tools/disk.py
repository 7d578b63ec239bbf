#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes, inspects, checks and converts disk images: ./serai disk."""

import argparse
import sys

sys.dont_write_bytecode = True

from disk import Refusal, create, qemu  # noqa: E402 (before that no bytecode may be written)


def say(text):
    print(f"serai: {text}", file=sys.stderr)


def part(text):
    label, equals, size = text.partition("=")
    if not equals:
        raise Refusal(f'"{text}" is not a partition: write LABEL=SIZE or LABEL=rest')
    return label, None if size == "rest" else create.read_size(size)


def command_create(options):
    create.create(options.image, create.read_size(options.size), [part(text) for text in options.partition], options.format)


def command_attach(_):
    """What ./serai run needs: reads lines of `image disks`, prints arguments of QEMU, one a line."""
    disks = qemu.read(sys.stdin.read())
    qemu.prepare(disks, say)
    print("\n".join(qemu.arguments(disks)))


def parse():
    parser = argparse.ArgumentParser(prog="./serai disk", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name, run, text):
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    one = command("create", command_create, "make an empty sparse image")
    one.add_argument("image")
    one.add_argument("size", help="such as 8G")
    one.add_argument("--partition", "-p", action="append", default=[], metavar="LABEL=SIZE", help="in this order; SIZE may be rest")
    one.add_argument("--format", "-f", choices=("raw", "qcow2"), default="raw")
    one = commands.add_parser("attach")
    one.set_defaults(run=command_attach)
    return parser.parse_args()


def main():
    try:
        return parse_and_run()
    except Refusal as refusal:
        print(f"serai: error: {refusal}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def parse_and_run():
    options = parse()
    return options.run(options) or 0


if __name__ == "__main__":
    sys.exit(main())
