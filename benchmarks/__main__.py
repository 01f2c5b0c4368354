"""The command line: `python -m benchmarks [--only hook,drain] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import drains, edits, guards, hooks, indexes, queues
from benchmarks.installed import Progress
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.table import Row, render
from benchmarks.workspace import Workspace, workspace

Section = Callable[[Workspace, Scale, Progress], Iterator[Row]]

SECTIONS: Mapping[str, Section] = {
    "hook": hooks.measure,
    "edit": edits.measure,
    "drain": drains.measure,
    "guard": guards.measure,
    "queue": queues.measure,
    "index": indexes.measure,
}


def main() -> None:
    """Run what was asked for and print its table."""
    if sys.platform != "linux":
        sys.exit("The benchmarks read /proc: they run on Linux only")
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and workers end with us
    progress = _Clock().tell
    rows: list[Row] = []
    with workspace() as place:
        for name in options.only:
            rows += SECTIONS[name](place, QUICK if options.quick else FULL, progress)
    progress("done")
    print(render(rows))
    print(f"\n{_machine()}: others may share it, so ratios tell more than times.")
    if options.json is not None:
        text = json.dumps([row.as_dict() for row in rows], indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")


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
    parser.add_argument(
        "--only",
        type=_names,
        default=tuple(SECTIONS),
        metavar="NAMES",
        help=f"some of {','.join(SECTIONS)}",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        message = f"there is no {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        raise argparse.ArgumentTypeError(message)
    return names


if __name__ == "__main__":
    main()
