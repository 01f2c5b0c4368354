"""The command line: `python -m benchmarks [--only hook,drain] [--against REVISION] …`."""

from __future__ import annotations

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

SECTIONS: Mapping[str, Sequence[against.Part]] = {
    "hook": (hooks.measure,),
    "edit": (edits.measure,),
    "drain": drains.PARTS,
    "reconcile": (reconciliations.measure,),
}
# These start the plugin's processes, whichever version is installed. The others import it, and a
# process can import one version only.
COMPARABLE = ("hook", "edit", "drain")

_LEGEND = """\
A: the working tree, {ours}
B: {theirs}
Medians of {rounds} rounds in turn; A / B is the median of the ratios round by round. Below 1, A
takes less, or for what is counted per second does less."""


def main() -> None:
    """Run what was asked for and print its table."""
    if sys.platform != "linux":
        sys.exit("The benchmarks read /proc: they run on Linux only")
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and workers end with us
    progress = _Clock().tell
    with workspace(options.scenes, options.reconciled) as place:
        measure = _measure if options.against is None else _compare
        text = measure(options, place, progress)
    progress("done")
    print(text)
    print(f"\n{_machine()}: others may share it, so ratios tell more than times.")


def _measure(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    rows: list[table.Row] = []
    for name in options.only or SECTIONS:
        for part in SECTIONS[name]:
            rows += part(place, progress)
    return table.render(rows)


def _compare(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    try:
        theirs = against.describe(options.against)
        ours = against.describe()
        other = against.extract(options.against, place.root)
    except against.RevisionError as error:
        sys.exit(f"'{options.against}' cannot be compared with: {error}")
    plan = against.Plan(place, other, options.rounds, progress)
    rows: list[against.Compared] = []
    for name in options.only or COMPARABLE:
        for part in SECTIONS[name]:
            rows += against.compare(plan, part)
    legend = _LEGEND.format(ours=ours, theirs=theirs, rounds=options.rounds)
    return f"{legend}\n\n{against.render(rows)}"


class _Clock:
    """Tells on stderr what is being measured, and since when."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def tell(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begun:4.0f} s] {text}", file=sys.stderr, flush=True)


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the end"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", type=_names, metavar="NAMES", help=f"some of {','.join(SECTIONS)}")
    add("--scenes", type=int, default=2_000, help="in each library that is drained")
    add("--reconciled", type=int, default=100_000, help="scenes that are reconciled")
    compared = ",".join(COMPARABLE)
    add("--against", metavar="REVISION", help=f"measure this version in turn; only {compared}")
    add("--rounds", type=int, default=5, help="how often each of the two versions is measured")
    options = parser.parse_args()
    alone = [name for name in options.only or () if name not in COMPARABLE]
    if options.against is not None and alone:
        parser.error(f"{', '.join(alone)}: imports the plugin, so it cannot be compared")
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - SECTIONS.keys():
        message = f"there is no {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        raise argparse.ArgumentTypeError(message)
    return names


if __name__ == "__main__":
    main()
