#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes, inspects, checks and converts disk images: ./serai disk."""

import argparse
import sys

sys.dont_write_bytecode = True

from disk import Refusal, check, convert, create, overlay, qemu, region, show, snapshots, view  # noqa: E402 (before that no bytecode may be written)


def say(text):
    print(f"serai: {text}", file=sys.stderr)


def part(text):
    label, equals, size = text.partition("=")
    if not equals:
        raise Refusal(f'"{text}" is not a partition: write LABEL=SIZE or LABEL=rest')
    return label, None if size == "rest" else create.read_size(size)


def command_create(options):
    create.create(options.image, create.read_size(options.size), [part(text) for text in options.partition], options.format)


def open_bases(specs):
    """The base of an overlay: a plain volume, then the stores of overlays on it, one on the other."""
    base = None
    for spec in specs or ():
        found = region.open_region(spec)
        base = view.View(overlay.Store(found), base) if overlay.is_overlay(found) and base else found
    return base


def command_inspect(options):
    print("\n".join(show.describe_file(options.image, region.open_region)))


def command_check(options):
    base = open_bases(options.base)
    with region.open_region(options.store) as found:
        store, report = check.check(found, base)
    for text in report.warnings:
        print(f"warning: {text}")
    for text in report.errors:
        print(f"error: {text}")
    layers = len(store.head.layers)
    print(f"{options.store}: {f'{len(report.errors)} errors' if report.errors else 'good'}: {layers} layer{'s' * (layers > 1)}, "
        f"{report.used} of {store.clusters} clusters used{'' if base else '; the base was not compared'}")
    return 1 if report.errors else 0


def command_snapshot(options):
    change = {"make": snapshots.make, "rollback": snapshots.roll_back, "forget": snapshots.delete}.get(options.what)
    if bool(change) != bool(options.name):
        raise Refusal("list takes no name" if options.name else f"{options.what} which snapshot? Add its name")
    with region.open_region(options.store, write=bool(change)) as found:
        if change:
            _, report = check.check(found)
            if report.errors:
                raise Refusal(f"{options.store} is damaged, so nothing is changed: {report.errors[0]}")
        store = overlay.Store(found)
        if change:
            change(store, options.name)
        for layer in store.snapshots():
            print(layer.name)


def command_diff(options):
    base = open_bases(options.base)
    with region.open_region(options.store) as found:
        store = overlay.Store(found)
        old = None if options.old is None else store.find_layer(options.old)
        new = store.find_layer(options.new)
        if old is not None and old >= new:
            raise Refusal(f"{options.old} is not older than {options.new}")
        views = None
        if base:
            after = view.View(store, base, options.new)
            views = (base_view(base) if old is None else view.View(store, base, options.old, checked=False), after)
        ranges = view.differences(store, old, new, views)
    for start, end, kind in ranges:
        print(f"{start} {end - start} {kind}")
    print(f"{len(ranges)} ranges, {sum(end - start for start, end, _ in ranges)} bytes{'' if base else ' written, compared with nothing'}")


def base_view(base):
    """The base by clusters."""
    class Plain:
        @staticmethod
        def cluster(index):
            at = index * overlay.CLUSTER
            return base.read(at, min(overlay.CLUSTER, base.size - at))
    return Plain


def command_convert(options):
    if options.to == "overlay":
        base = open_bases(options.base)
        if not base:
            raise Refusal("an overlay needs its base: add --base IMAGE")
        with region.open_region(options.source) as source:
            convert.make_overlay(source, base, options.target, create.read_size(options.size) if options.size else convert.store_size(source))
        return
    if not convert.is_qcow2(options.source.split("#")[0] if "#" in options.source else options.source):
        with region.open_region(options.source) as source:
            if overlay.is_overlay(source):
                if options.to == "qcow2":
                    raise Refusal("make it raw first, then qcow2")
                convert.flatten(view.View(overlay.Store(source), open_bases(options.base), options.at), options.target)
                return
            if options.to == "raw":
                with create.NewFile(options.target) as new:
                    create.copy_sparse(source.file, new.file, source.size, source.offset)
                return
            if source.offset:
                raise Refusal("make the partition a raw image first, then qcow2")
    convert.by_qemu(options.source, options.target, options.to)


def command_attach(_):
    """What ./serai run needs: reads lines of `image disks`, prints arguments of QEMU, one a line."""
    disks = qemu.read(sys.stdin.read())
    qemu.prepare(disks, say)
    print("\n".join(qemu.arguments(disks)))


PLACE = "an image, or IMAGE#PARTITION by number or label"
BASES = dict(action="append", metavar="IMAGE", help="the base; if that is an overlay too, its own base first, then --base STORE for each")


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
    one = command("inspect", command_inspect, "tell what is in an image: partitions, overlays, snapshots")
    one.add_argument("image", help=PLACE)
    one = command("check", command_check, "look for errors in the store of an overlay; exit code 0: none")
    one.add_argument("store", help=PLACE)
    one.add_argument("--base", **BASES)
    one = command("snapshot", command_snapshot, "list the snapshots of an overlay that no system uses, or change them")
    one.add_argument("store", help=PLACE)
    one.add_argument("what", choices=("list", "make", "rollback", "forget"), nargs="?", default="list")
    one.add_argument("name", nargs="?")
    one = command("diff", command_diff, "list the ranges (start, bytes, data or zero) that were written to an overlay; with --base those that differ")
    one.add_argument("store", help=PLACE)
    one.add_argument("--from", dest="old", metavar="SNAPSHOT", help="since this snapshot; default: all that is not the base")
    one.add_argument("--to", dest="new", metavar="SNAPSHOT", help="until this snapshot; default: now")
    one.add_argument("--base", **BASES)
    one = command("convert", command_convert, "make a plain image of an overlay and its base, an overlay of an image, or qcow2 raw and back")
    one.add_argument("source", help=PLACE)
    one.add_argument("target", help="a file that is not there yet")
    one.add_argument("--to", choices=("raw", "qcow2", "overlay"), default="raw")
    one.add_argument("--base", **BASES)
    one.add_argument("--at", metavar="SNAPSHOT", help="of an overlay: as it was then")
    one.add_argument("--size", help="of the store of a new overlay")
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
