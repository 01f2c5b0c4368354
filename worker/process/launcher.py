"""Starts the worker, which inherits the worker lock from the starting process."""

import os
import sys

from shared.file_lock import FileLock

if sys.platform == "win32":
    from shared.windows import start_detached

WORKER_ARGUMENT = "--worker"


def start_worker(script: str, lock: FileLock, connection: bytes) -> None:
    """Start a detached worker that inherits the lock; raise `OSError` if that is not possible.

    The connection to Stash, as JSON, goes through a pipe, which other users cannot read.
    """
    command = [sys.executable, *(["-S"] if sys.flags.no_site else []), script, WORKER_ARGUMENT]
    if sys.platform == "win32":
        lock.release()  # the child takes the lock itself
        return start_detached(command, connection)
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    assert lock.descriptor is not None  # noqa: S101 - the caller holds the lock
    descriptor, lock.descriptor = lock.descriptor, None
    os.set_inheritable(descriptor, True)
    command.append(str(descriptor))
    # Stash waits for the end of this process's output, so the worker must not share it.
    streams = [(os.POSIX_SPAWN_DUP2, own, n) for n, own in enumerate((reader, null, null))]
    try:
        # Written before the worker starts, so that the worker of a killed hook knows Stash.
        os.write(writer, connection)  # the buffer of any pipe holds 4 KiB
        os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
    except NotImplementedError:  # an old libc: the worker starts its own session later
        os.posix_spawn(command[0], command, os.environ, file_actions=streams)
    finally:
        for opened in (reader, writer, null, descriptor):  # the worker still holds the lock
            os.close(opened)
