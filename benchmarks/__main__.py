"""The command line: `python -m benchmarks [--only hook drain] [--against REVISION] …`."""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks import against, drains, edits, hooks, reconciliations, table
from benchmarks.installed import Progress
from benchmarks.workspace import Workspace, workspace
from tools.release.wheels import ReleaseError

SECTIONS: Mapping[str, Sequence[against.Part]] = {
    "hook": (hooks.measure,),
    "edit": (edits.measure,),
    "drain": drains.PARTS,
    "reconcile": (reconciliations.measure,),
}
# The benchmark `reconcile` imports this version of the plugin, so it cannot measure other versions.
COMPARABLE = ("hook", "edit", "drain")

_LEGEND = """\
A: the work tree, {ours}
B: {theirs}
Medians of {rounds} rounds in turn; A / B is the median of the ratios of all rounds. Below 1, A is
lower: better for a cost, worse for a speed."""


def main() -> None:
    if sys.platform != "linux":
        sys.exit("The benchmarks read /proc: they run on Linux only")
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    with workspace(options.scenes, options.reconciled) as place:
        measure = _measure if options.against is None else _compare
        text = measure(options, place, progress)
    progress("done")
    print(text)
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, load at the end "
        f"{os.getloadavg()[0]:.1f}. Other programs slow all times, and hardly the ratios."
    )


def _measure(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    parts = [part for name in options.only or SECTIONS for part in SECTIONS[name]]
    return table.render(row for part in parts for row in part(place, progress))


def _compare(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    rounds = options.rounds
    try:
        theirs, ours = against.describe(options.against), against.describe()
        other = against.extract(options.against, place.root)
    except ReleaseError as error:
        sys.exit(f"'{options.against}' cannot be compared: {error}")
    rows: list[against.Compared] = []
    for name in options.only or COMPARABLE:
        for part in SECTIONS[name]:
            rows += against.compare(place, other, rounds, part, progress)
    return f"{_LEGEND.format(ours=ours, theirs=theirs, rounds=rounds)}\n\n{against.render(rows)}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=SECTIONS, help="the benchmarks to run")
    add("--scenes", type=int, default=2_000, help="size of each library that is drained")
    add("--reconciled", type=int, default=100_000, help="size of the library that is reconciled")
    compared = ",".join(COMPARABLE)
    add("--against", metavar="REVISION", help=f"measure this version in turn; only {compared}")
    add("--rounds", type=int, default=5, help="number of runs of each version")
    options = parser.parse_args()
    alone = [name for name in options.only or () if name not in COMPARABLE]
    if options.against is not None and alone:
        parser.error(f"{', '.join(alone)}: imports the plugin, so it cannot be compared")
    return options


if __name__ == "__main__":
    main()
