"""How a worker's process goes on where nothing would collect it if it ended.

It becomes `worker.waiter`, the same process with next to nothing loaded, and at the next edit a
worker again, possibly of a newer version. So one process serves for as long as the container runs.
"""

import contextlib
import os
import select
import sys

from shared.file_lock import FileLock
from shared.log import Log
from worker.launcher import door_of
from worker.zombie_probe import ZombieProbe

LOOK = 60.0  # seconds between two looks of a waiting process whether the plugin still exists


class Rest:
    """Lets this process wait for the next edit instead of ending, where that is better.

    Only who holds the worker lock opens the door, and only who holds it looks for an open one
    before starting a worker: so there is never more than one process that waits or works.

    Args:
        probe: tells whether it is better.
    """

    def __init__(self, script: str, lock: FileLock, probe: ZombieProbe, log: Log) -> None:
        self._script = script
        self._waiter = os.path.join(os.path.dirname(script), "worker", "waiter.py")
        self._lock = lock
        self._probe = probe
        self._log = log
        self._door: int | None = None

    def prepare(self) -> None:
        """Open the door, if this process is to wait; a call from then on is not lost.

        Does nothing without the lock.
        """
        if self._door is not None or self._lock.descriptor is None or not self._is_installed():
            return
        if not self._probe.leaves_zombie():
            return
        try:
            self._door = _open_door(door_of(self._lock))
        except OSError as error:
            self._log.debug(f"This process cannot wait for calls, and ends: {error}")

    def is_called(self) -> bool:
        """Tell whether somebody has taken this process for one that waits, and said what to do."""
        if sys.platform == "win32" or self._door is None:
            return False
        return bool(select.select([self._door], [], [], 0)[0])

    def begin(self) -> None:
        """Become the process that waits; return, without the lock, where it has to end."""
        self.prepare()
        try:
            self._lock.release()  # from now on, a hook that gets the lock finds the door open
            if self._door is not None:
                self._become_waiter(self._door)
        except OSError as error:
            self._log.debug(f"This process cannot wait for calls, and ends: {error}")

    def _is_installed(self) -> bool:
        return os.path.exists(self._script) and os.path.exists(self._waiter)

    def _become_waiter(self, door: int) -> None:
        os.set_inheritable(door, True)
        # No site packages, and no module of this folder in the place of Python's own.
        command = [sys.executable, "-S", "-P", self._waiter]
        command += [str(door), door_of(self._lock), self._lock.path, str(LOOK)]
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


def _open_door(path: str) -> int:
    """Return the descriptor of a fresh named pipe.

    Raises:
        OSError: the file system has none.
    """
    if sys.platform == "win32":
        raise NotImplementedError
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.mkfifo(path, 0o600)
    # For writing as well: so it is never at its end, whoever came and went.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
