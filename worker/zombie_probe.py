"""The zombie reaping probe: does ending this worker leave a zombie?

A worker's parent process has ended long before the worker does, so process 1 has to reap it. Stash
as process 1 of its official container reaps no such process, and each ended worker stays a zombie
until the container stops. Parent ids do not show that: a shell as process 1 reaps, a Python script
does not. So each worker leaves its process id, and a later worker looks for that zombie.
"""

import os
import sys
import time
from typing import NamedTuple

from shared.events import Event
from shared.log import Log
from shared.state_file import parse_count, read_state, write_state

_STATE, _STARTED = 0, 19  # fields 3 and 22 of /proc/<pid>/stat, counted behind the name


class Worker(NamedTuple):
    """A worker's process id and its start in clock ticks since the boot."""

    pid: int
    started: int


class LinuxProcesses:
    """The processes of this machine or container."""

    def boot(self) -> str:
        """Return the identity of this boot of the machine or container; empty if not on Linux."""
        if sys.platform != "linux":
            return ""
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                boot = file.read().strip()
            namespace = os.stat("/proc/self/ns/pid").st_ino
        except OSError:
            return ""
        return f"{boot}/{namespace}/{_stat(1)[1]}"

    def this_worker(self) -> Worker:
        """Return this process."""
        return Worker(os.getpid(), _stat(os.getpid())[1])

    def is_zombie(self, worker: Worker) -> bool:
        """Return whether that worker has ended and nothing has reaped it."""
        return _stat(worker.pid) == ("Z", worker.started)


class ZombieProbe:
    """Tells whether this process would stay a zombie; for the holder of the worker lock only.

    Args:
        path: the file that keeps the earlier worker.
        log: is told once for each boot that nothing reaps.
    """

    def __init__(self, path: str, log: Log, processes: LinuxProcesses) -> None:
        self._path = path
        self._log = log
        self._processes = processes
        self._boot = ""
        self._earlier: Worker | None = None
        self._is_reported = False

    def begin(self) -> None:
        """Remember the zombie of an earlier worker, or else leave this worker's process id."""
        boot = self._processes.boot()
        if not boot:
            return
        stored = read_state(self._path, self._log.event, time.time())
        raw = stored.get("orphan")
        numbers = [parse_count(number) for number in raw] if isinstance(raw, list) else []
        if stored.get("place") == boot and len(numbers) == 2:
            earlier = Worker(numbers[0] or 0, numbers[1] or 0)
            if self._processes.is_zombie(earlier):
                self._boot, self._earlier = boot, earlier
                self._is_reported = stored.get("collected") is False
                return
        self._write(boot, self._processes.this_worker(), collected=None)

    def leaves_zombie(self) -> bool:
        """Return whether the earlier worker is a zombie still, so this process would be another."""
        if self._earlier is None or not self._processes.is_zombie(self._earlier):
            return False
        if not self._is_reported:
            self._is_reported = True
            self._write(self._boot, self._earlier, collected=False)
            self._log.event(Event.WORKER_PARKS)
        return True

    def _write(self, boot: str, worker: Worker, *, collected: bool | None) -> None:
        try:
            write_state(self._path, {"place": boot, "orphan": list(worker), "collected": collected})
        except OSError as error:
            self._log.debug(f"Whether ended processes are reaped is not known: {error}")


def _stat(pid: int) -> tuple[str, int]:
    """Return the state and the start time of a process; an empty state if it is not shown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[_STATE], int(fields[_STARTED])
    except (OSError, IndexError, ValueError):
        return "", 0
