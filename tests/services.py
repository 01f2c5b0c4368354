"""The objects of a process for tests: a real queue, and of the servers what a test needs."""

from collections.abc import Callable
from typing import Any

from shared.data_folder import DataFolder
from shared.file_lock import FileLock
from shared.log import Log
from sync_queue.manager import QueueManager
from worker.services import Services

SILENT = Log(lambda *_: None)


def make_services(
    root: str, clock: Callable[[], float], *, log: Log = SILENT, **options: Any
) -> Services:
    """Return services without access to a server.

    Args:
        root: the data folder.
        clock: for all times that the options do not name.
        options: fields of `Services`.
    """
    folder = DataFolder(root)
    folder.create()
    known: dict[str, Any] = dict.fromkeys(("stash", "scenes", "sessions"))
    times = {"clock": clock, "monotonic": clock, "boot_time": clock}
    known["names"] = getattr(options.get("scenes"), "names", None)
    known |= {"worker_lock": FileLock(folder.worker_lock), "ensure_worker": lambda: ""}
    queue = QueueManager(folder.queue_folder, clock)
    return Services(folder, log, queue, **(known | times | options))
