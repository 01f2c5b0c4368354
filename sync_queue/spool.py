"""The spool: the durable front of the queue. Hooks add jobs here, `spool_import` moves them on.

A job is an empty file with the name `<time>-<process>-<number>.<job>`: it cannot be torn.
"""

import errno
import os
import sys
import time

from shared.file_lock import FileLock

if sys.platform == "darwin":
    import fcntl

CONNECTION = "connection"  # the newest Stash connection that a living worker was handed
UNFINISHED = "unfinished"  # exists while the database may hold jobs that are not done


def store(folder: str, jobs: list[str]) -> None:
    """Add jobs durably, such as `metadata.scene_12`; raise `OSError` if the disk refuses them."""
    start = f"{folder}/{time.time_ns():020}-{os.getpid():07}"
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
            except OSError as again:  # imported already, or on a share that flushes nothing at all
                if again.errno not in (errno.ENOENT, errno.ENOTSUP):
                    raise


def _flush(path: str, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
        if sys.platform == "darwin":
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # its fsync does not reach the disk
    finally:
        os.close(descriptor)


def has_work(folder: str) -> bool:
    """Tell whether a job waits here, or may wait in the database."""
    return any(name[0].isdigit() or name == UNFINISHED for name in os.listdir(folder))


def elect(lock: FileLock, folder: str, connection: bytes) -> bool:
    """Offer a living worker the connection; return True if there is none and we got the lock."""
    temporary = f"{folder}/{CONNECTION}.tmp-{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(connection)
        os.replace(temporary, f"{folder}/{CONNECTION}")
    except OSError:  # on Windows also while another process has the file open
        if os.path.exists(temporary):
            os.unlink(temporary)  # the worker keeps the connection that it has
    return lock.try_acquire()  # a worker that ends after this try looks into the spool once more
