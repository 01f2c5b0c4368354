"""Finds out whether ended workers stay zombies, as in a container without an init process."""

import time
from collections.abc import Callable

from shared.events import Event
from shared.log import Log
from shared.state_file import parse_count, read_state, write_state


def process_status(pid: int) -> tuple[str, int]:
    """Return the state of a process and its start in clock ticks, or ("", 0) if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", 0


class ZombieProbe:
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
                log.debug(f"The zombie reaping probe cannot store its state: {error}")

    def leaves_zombie(self) -> bool:
        is_zombie = self._is_zombie()
        if is_zombie and not self._is_reported:
            self._is_reported = True
            self._log.event(Event.WORKER_STAYS)
        return is_zombie

    def _is_zombie(self) -> bool:
        return self._status(self._pid) == ("Z", self._started)
