# SPDX-License-Identifier: Apache-2.0
"""Breaks the kernel on purpose, in copies. Each time the named proof must find it: a proof that cannot fail proves nothing."""

import concurrent.futures
import dataclasses
import shutil

import __main__ as run


@dataclasses.dataclass
class Mutant:
    """In `file`, `old` becomes `new`; then the claims of `proof` do not hold."""
    what: str
    file: str
    old: str
    new: str
    proof: str


MUTANTS = [
    Mutant("mint does not look at the level", "kernel/cnode.c", "if (from->cap.level == CAP_LEVEL_MAX)\n\t\treturn ERR_LIMIT;", "", "mint"),
    Mutant("mint does not mask rights", "kernel/cnode.c", "(cap.rights & (arguments->rights | CAP_DEVICE))", "cap.rights", "mint"),
    Mutant("mint copies untyped memory", "kernel/cnode.c", "type == OBJECT_UNTYPED || type ==", "type ==", "mint"),
    Mutant("mint fills a slot without a grace period", "kernel/cnode.c", "\tcap_prepare(*to);\n", "", "mint_grace"),
    Mutant("a range may end behind its CNode", "kernel/cnode.c", "count > slots - index", "count > slots", "range"),
    Mutant("a move leaves the next one's link", "kernel/cap.c", "\tto->next->prev = to;\n", "", "move"),
    Mutant("unlinking leaves the next one's link", "kernel/cap.c", "\tslot->next->prev = slot->prev;\n", "", "leaf"),
    Mutant("the object ends with each copy", "kernel/cap.c", "bool copy = same_object(&slot->prev->cap, &cap);", "bool copy = false;", "leaf"),
    Mutant("revoke ends before a step is left", "kernel/cap.c", "if (slot_empty(slot) || !cap_has_children(slot))",
        "if (slot_empty(slot) || !cap_has_children(slot->next))", "revoke"),
    Mutant("delete takes the first child, leaf or not", "kernel/cap.c", "while (cap_has_children(leaf))", "if (cap_has_children(leaf))", "delete"),
    Mutant("descendants need not be deeper", "kernel/cap.c", "b->level <= a->level", "b->level < a->level", "revoke"),
    Mutant("retype forgets the watermark", "kernel/untyped.c", "cap->word = (uint32_t)(retype->end / UNTYPED_UNIT);", "", "split"),
    Mutant("retype starts over while children live", "kernel/untyped.c", "if (!cap_has_children(untyped) && cap->word != 0)",
        "if (cap->word != 0)", "retype"),
    Mutant("retype does not clean memory", "kernel/untyped.c", "arch_zero(arch_pointer(paddr(base + from)), bytes);", "", "retype"),
    Mutant("the range of a page table is too short", "kernel/cap.c", "UINT64_C(1) << PAGE_TABLE_BITS", "UINT64_C(1) << 11", "span"),
]


def make_tree(work, number, mutant):
    """The files of the proofs and the kernel, one of them broken; None if there is nothing to break."""
    tree = work / f"mutant-{number}"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("kernel", "libsys/abi", "tests/prove"):
        shutil.copytree(run.TOP / folder, tree / folder)
    path = tree / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        return None
    path.write_text(text.replace(mutant.old, mutant.new))
    return tree


def try_one(arguments, number, mutant):
    proof = next(proof for proof in run.PROOFS if proof.name == mutant.proof)
    tree = make_tree(arguments.work, number, mutant)
    if not tree:
        return False, "the text to change is not there just once"
    result = run.claims(tree, arguments.checker, tree, proof)
    if result.refuted:
        shutil.rmtree(tree)
        return True, result.text.partition(" (")[0]
    return False, result.text or f"{proof.name} holds nevertheless"


def main(arguments):
    failed = 0
    chosen = [mutant for mutant in MUTANTS if run.re.search(arguments.k, mutant.proof)]
    with concurrent.futures.ThreadPoolExecutor(arguments.j) as pool:
        running = [(mutant, pool.submit(try_one, arguments, number, mutant)) for number, mutant in enumerate(chosen)]
        for mutant, future in running:
            found, text = future.result()
            failed += not found
            print(f"{'found' if found else 'MISSED':<8}{mutant.what:<44}{mutant.proof}: {text}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0
