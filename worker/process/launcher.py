"""Starts the worker as a detached process that inherits the worker lock."""

import os
import sys

from shared.file_lock import FileLock

if sys.platform == "win32":
    from shared.windows import start_detached

WORKER_ARGUMENT = "--worker"


def start_worker(script: str, lock: FileLock, connection: bytes) -> None:
    """Start a detached worker that inherits the lock; raise `OSError` if the start fails.

    The connection to Stash, as JSON, is passed through a pipe, which other users cannot read.
    """
    command = [sys.executable, *(["-S"] if sys.flags.no_site else []), script, WORKER_ARGUMENT]
    if sys.platform == "win32":
        lock.release()  # on Windows, the worker acquires the lock itself
        return start_detached(command, connection)
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    assert lock.descriptor is not None  # noqa: S101 - the caller holds the lock
    descriptor, lock.descriptor = lock.descriptor, None
    os.set_inheritable(descriptor, True)
    command.append(str(descriptor))
    # Stash waits until the output of this process is closed, so the worker must not inherit it.
    streams = [(os.POSIX_SPAWN_DUP2, own, n) for n, own in enumerate((reader, null, null))]
    try:
        # Write before the start: then the worker gets the connection even if this hook is killed.
        os.write(writer, connection)  # Every pipe buffers at least 4 KiB.
        os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
    except NotImplementedError:  # on an old libc, the worker calls setsid itself
        os.posix_spawn(command[0], command, os.environ, file_actions=streams)
    finally:
        for opened in (reader, writer, null, descriptor):  # the worker keeps its own descriptors
            os.close(opened)
