"""The spool is the folder in which hooks store jobs until the worker imports the jobs.

A job is an empty file named `<time>-<process>-<number>.<job>`, so no job can be half-written.
"""

import errno
import os
import sys
import time

from shared.file_lock import FileLock

if sys.platform == "darwin":
    import fcntl

# The file `unfinished` exists while the database may contain jobs.
CONNECTION = "connection"
UNFINISHED = "unfinished"


def store(folder: str, jobs: list[str]) -> None:
    """Store each job as a file that survives a power failure. Raise `OSError` on failure."""
    start = f"{folder}/{time.time_ns():020}-{os.getpid():07}"
    paths = [f"{start}-{number:04}.{job}" for number, job in enumerate(jobs)]
    for path in paths:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if paths:
            _flush(folder, os.O_RDONLY)
    except OSError as error:
        # Windows and some network shares can flush files, but not folders.
        if error.errno == errno.EIO:
            raise
        for path in paths:
            try:
                _flush(path, os.O_RDWR)
            except OSError as again:
                if again.errno not in (errno.ENOENT, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                    raise


def _flush(path: str, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
        if sys.platform == "darwin":
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    finally:
        os.close(descriptor)


def has_work(folder: str) -> bool:
    return any(name[0].isdigit() or name == UNFINISHED for name in os.listdir(folder))


def elect(lock: FileLock, folder: str, connection: bytes) -> bool:
    """Store the connection to Stash for the worker. Return whether this process acquired `lock`."""
    temporary = f"{folder}/{CONNECTION}.tmp-{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(connection)
        os.replace(temporary, f"{folder}/{CONNECTION}")
    except OSError:
        # On Windows, a file that another process reads cannot be replaced, so the old file stays.
        if os.path.exists(temporary):
            os.unlink(temporary)
    # The process that holds the lock imports the jobs, so no second worker is needed.
    return lock.try_acquire()
