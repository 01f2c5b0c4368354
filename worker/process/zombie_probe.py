"""The zombie reaping probe: does a worker that ends here stay a zombie?

A worker's parent process has ended long before the worker does, so process 1 has to reap it. Stash
as process 1 of its official container reaps no such process, and each ended worker stays a zombie
until the container stops. Parent ids do not show that: a shell as process 1 reaps, a Python script
does not. So each worker leaves its process id, and a later worker looks for that zombie.
"""

import time
from collections.abc import Callable

from shared.events import Event
from shared.log import Log
from shared.state_file import parse_count, read_state, write_state

_STATE, _STARTED = 0, 19  # fields 3 and 22 of /proc/<pid>/stat, counted behind the name


def process_status(pid: int) -> tuple[str, int]:
    """Return the state of a process and its start in clock ticks; ("", 0) if it is not shown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[_STATE], int(fields[_STARTED])
    except (OSError, IndexError, ValueError):
        return "", 0


class ZombieProbe:
    """Tells whether this process would stay a zombie; for the holder of the worker lock only.

    Args:
        path: the file that keeps the process id and the start of an earlier worker.
        log: is told once that nothing reaps.
        pid: of this process.
        status: as `process_status`.
    """

    def __init__(
        self,
        path: str,
        log: Log,
        pid: int,
        status: Callable[[int], tuple[str, int]] = process_status,
    ) -> None:
        self._log = log
        self._status = status
        self._is_reported = False
        stored = read_state(path, log.event, time.time()).get("orphan")
        numbers = [parse_count(number) for number in stored] if isinstance(stored, list) else []
        self._pid, self._started = (number or 0 for number in [*numbers, 0, 0][:2])
        own_start = status(pid)[1]
        if own_start and not self._is_zombie():
            self._pid, self._started = pid, own_start
            try:
                write_state(path, {"orphan": [pid, own_start]})
            except OSError as error:
                log.debug(f"Whether ended processes are reaped is not known: {error}")

    def leaves_zombie(self) -> bool:
        """Return whether the earlier worker is a zombie, so that this process would be another."""
        found = self._is_zombie()
        if found and not self._is_reported:
            self._is_reported = True
            self._log.event(Event.WORKER_STAYS)
        return found

    def _is_zombie(self) -> bool:
        return self._status(self._pid) == ("Z", self._started)
