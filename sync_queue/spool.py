"""The spool: the durable front of the queue. Hooks add jobs here, `spool_import` moves them on.

A job is an empty file whose name says everything: `<time>-<process>-<number>.<job>`. So no job can
be torn, and one flush of the folder makes all jobs of an event durable. This module is on the hook
path: it imports nothing that costs a hook time.
"""

import errno
import os
import sys
import time

if sys.platform == "darwin":
    import fcntl

from shared.light_json import dumps

TYPE_CHECKING = False  # importing `typing` costs a third of a bare interpreter's start
if TYPE_CHECKING:
    from typing import Any

    from shared.file_lock import FileLock

CONNECTION = "connection"  # the newest Stash connection that a living worker was handed
UNFINISHED = "unfinished"  # exists while the database may hold jobs that are not done


def store(folder: str, jobs: "list[str]") -> None:
    """Add jobs durably, such as `metadata.scene_12`.

    Raises:
        FileNotFoundError: the spool's folder is missing.
        OSError: the disk does not accept the jobs.
    """
    start = os.path.join(folder, f"{time.time_ns():020}-{os.getpid():07}")
    paths = [f"{start}-{number:04}.{job}" for number, job in enumerate(jobs)]
    for path in paths:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if paths:
            _flush(folder, os.O_RDONLY)
    except OSError as error:  # Windows and some network shares flush no folders, only files
        if error.errno == errno.EIO:
            raise
        for path in paths:
            try:
                _flush(path, os.O_RDWR)
            except FileNotFoundError:
                pass  # a worker has imported the job already


def _flush(path: str, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        if sys.platform == "darwin":
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # its fsync does not reach the disk
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def elect(lock: "FileLock", folder: str, connection: "Any") -> bool:
    """Return True when this process got the worker lock and has to start the worker.

    A living worker gets the Stash connection: its own may have ended. The second try closes the
    gap: a worker that ends after it finds the connection and the jobs when it looks once more.

    Raises:
        OSError: the lock's file cannot be opened, or its file system knows no locks.
    """
    if lock.try_acquire():
        return True
    path = os.path.join(folder, CONNECTION)
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, dumps(connection).encode())
        os.close(descriptor)
        os.replace(temporary, path)
    except OSError:
        pass  # the worker keeps the connection that it has
    return lock.try_acquire()


def has_work(folder: str) -> bool:
    """Tell whether a job waits here, or may wait in the database."""
    try:
        return any(name[0].isdigit() or name == UNFINISHED for name in os.listdir(folder))
    except OSError:
        return False
