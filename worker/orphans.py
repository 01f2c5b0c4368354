"""Whether anybody collects ended orphans here: process 1, or who stands in for it.

A worker's parent has ended long before it does. Where Stash itself is process 1, as in its
official container, nobody collects a worker that ends, and each stays a zombie for as long as the
container runs. Parent ids do not tell: a shell as process 1 collects, a Python script does not. So
an orphan of our own is left, and looked for later.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from shared.frozen import frozen
from shared.log import Log
from shared.state_file import parse_count, read_state, write_state

PATIENCE = 3.0  # seconds; some inits collect by turns, one in 1.2 s was seen
_LOOK_AGAIN = 0.05  # seconds
_STARTED = 19  # field 22 of /proc/<pid>/stat, counted from the one behind the name (proc(5))


@frozen
class Orphan:
    """A process that ended after its parent, or just before.

    Attributes:
        pid: its number, which another process may have later.
        started: its start in clock ticks since the machine's, which no other has.
    """

    pid: int
    started: int


@frozen
class Finding:
    """What is known of a place.

    Attributes:
        place: a boot of the machine or container; empty for nowhere.
        orphan: what was left there; None if whoever left it died before it could say.
        collected: None until somebody has looked.
    """

    place: str = ""
    orphan: Orphan | None = None
    collected: bool | None = None


class Processes(Protocol):
    """What has to be known of the system's processes."""

    def place(self) -> str:
        """Name this boot of the machine or container; empty where ended orphans never matter."""
        ...

    def leave_orphan(self) -> Orphan | None:
        """Make an orphan that ends; None if it cannot be told which. No thread may run.

        Raises:
            OSError: no process could be started.
        """
        ...

    def is_there(self, orphan: Orphan) -> bool:
        """Tell whether it has not been collected yet."""
        ...


class LinuxProcesses:
    """The processes of this machine or container; of no interest elsewhere than on Linux."""

    def place(self) -> str:
        """See `Processes`."""
        if sys.platform != "linux":
            return ""
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                boot = file.read().strip()
            namespace = os.stat("/proc/self/ns/pid").st_ino
        except OSError:
            return ""
        return f"{boot}/{namespace}/{_started(1)}"

    def leave_orphan(self) -> Orphan | None:
        """See `Processes`."""
        if sys.platform == "win32":
            return None
        reader, writer = os.pipe()
        with open(reader, "rb") as answer:
            try:
                child = os.fork()
                if child == 0:
                    _leave_child(writer)
            finally:
                os.close(writer)
            os.waitpid(child, 0)
            numbers = answer.read().split()
        return Orphan(int(numbers[0]), int(numbers[1])) if numbers else None

    def is_there(self, orphan: Orphan) -> bool:
        """See `Processes`."""
        return _started(orphan.pid) == orphan.started


def _leave_child(writer: int) -> None:
    """Start a process that ends at once, tell which, and end without having collected it."""
    if sys.platform == "win32":
        raise NotImplementedError
    try:
        child = os.fork()
        if child:
            os.write(writer, f"{child} {_started(child)}".encode())
    finally:
        os._exit(0)


def _started(pid: int) -> int | None:
    """Return when a process started, in clock ticks; None if there is none, or it is hidden."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[_STARTED])
    except (OSError, IndexError, ValueError):
        return None


class Orphans:
    """Finds out once for each boot of a container whether ended orphans are collected.

    Only the holder of the worker lock asks.

    Args:
        path: the file that keeps what was found.
        log: is told once when they are not collected.
        processes: the system's.
        clock: seconds since the epoch.
        monotonic: seconds that never step.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        path: str,
        log: Log,
        processes: Processes,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._log = log
        self._processes = processes
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._finding = Finding()
        self._patient_until = monotonic() + PATIENCE

    def ask(self) -> None:
        """Leave an orphan unless one was left in this place before; before any thread runs."""
        place = self._processes.place()
        if not place:
            return
        stored = parse_finding(read_state(self._path, self._log.warning, self._clock()))
        if stored.place == place:
            self._finding = stored
            return
        try:
            # First, so that one that is killed here leaves no second orphan to its successor.
            self._keep(Finding(place))
            self._keep(Finding(place, self._processes.leave_orphan()))
        except OSError as error:
            self._log.debug(f"Whether ended processes are collected is not known: {error}")

    def answer(self) -> bool | None:
        """Tell whether a process of ours that ends leaves nothing; None: it is too early to tell.

        True also where it could not be found out.
        """
        finding = self._finding
        if not finding.place or finding.collected is not None:
            return finding.collected is not False
        # Wrongly said that nobody collects, it costs a few megabytes; the contrary, zombies.
        collected = finding.orphan is not None and not self._processes.is_there(finding.orphan)
        if not collected and finding.orphan and self._monotonic() < self._patient_until:
            return None
        try:
            self._keep(replace(finding, collected=collected))
        except OSError as error:
            self._log.debug(f"Whether ended processes are collected was not kept: {error}")
        if not collected:
            self._log.info(
                "Nothing collects ended processes here, as in a container without an init: "
                "instead of ending, an idle worker waits for the next edit as a small process"
            )
        return collected

    def are_collected(self) -> bool:
        """Tell what `answer` tells, and wait until it does: for `PATIENCE` after the start."""
        while (answer := self.answer()) is None:
            self._sleep(_LOOK_AGAIN)
        return answer

    def _keep(self, finding: Finding) -> None:
        orphan = finding.orphan
        write_state(
            self._path,
            {
                "place": finding.place,
                "orphan": None if orphan is None else [orphan.pid, orphan.started],
                "collected": finding.collected,
            },
        )
        self._finding = finding


def parse_finding(state: dict[str, Any]) -> Finding:
    """Read what the file holds; whatever is missing or odd counts as not known."""
    place, raw, collected = (state.get(name) for name in ("place", "orphan", "collected"))
    numbers = [parse_count(one) for one in raw] if isinstance(raw, list) else []
    orphan = None
    if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
        orphan = Orphan(numbers[0], numbers[1])
    return Finding(
        place if isinstance(place, str) else "",
        orphan,
        collected if isinstance(collected, bool) else None,
    )
