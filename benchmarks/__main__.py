"""The command line: `python -m benchmarks [--only hook,drain] [--against REVISION] [--quick] …`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from dataclasses import replace

from benchmarks import against, table
from benchmarks.installed import Progress
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.sections import COMPARABLE, SECTIONS
from benchmarks.workspace import Workspace, workspace

_ROUNDS = 5
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
    with workspace() as place:
        measure = _measure if options.against is None else _compare
        text = measure(options, place, progress)
    progress("done")
    print(text)
    print(f"\n{_machine()}: others may share it, so ratios tell more than times.")


def _measure(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    scale = _scale(options)
    rows: list[table.Row] = []
    for name in options.only or SECTIONS:
        for part in SECTIONS[name]:
            rows += part(place, scale, progress)
    return table.render(rows)


def _compare(options: argparse.Namespace, place: Workspace, progress: Progress) -> str:
    try:
        theirs = against.describe(options.against)
        ours = against.describe()
        other = against.extract(options.against, place.root)
    except against.RevisionError as error:
        sys.exit(f"'{options.against}' cannot be compared with: {error}")
    plan = against.Plan(place, other, options.rounds, _scale(options), progress)
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


def _scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else FULL
    sizes = {name: getattr(options, name) for name in ("scenes", "reconciled")}
    return replace(scale, **{name: size for name, size in sizes.items() if size is not None})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", type=_names, metavar="NAMES", help=f"some of {','.join(SECTIONS)}"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--scenes", type=_count, metavar="N", help="so many in each drain")
    parser.add_argument("--reconciled", type=_count, metavar="N", help="so many are reconciled")
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help=f"measure the plugin of this git revision in turn; only {','.join(COMPARABLE)}",
    )
    parser.add_argument(
        "--rounds",
        type=_count,
        metavar="N",
        default=_ROUNDS,
        help=f"how often each of the two is measured, {_ROUNDS} times by default",
    )
    options = parser.parse_args()
    alone = [name for name in options.only or () if name not in COMPARABLE]
    if options.against is not None and alone:
        parser.error(f"{', '.join(alone)}: imports the plugin, so it cannot be compared")
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        message = f"there is no {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        raise argparse.ArgumentTypeError(message)
    return names


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if count < 1:
        message = f"'{text}' is no number from 1 on"
        raise argparse.ArgumentTypeError(message)
    return count


if __name__ == "__main__":
    main()
