import os
import sys

from shared.file_lock import FileLock

if sys.platform == "win32":
    from shared.windows import start_detached

WORKER_ARGUMENT = "--worker"


def start_worker(script: str, lock: FileLock, connection: bytes) -> None:
    """Start a detached worker that inherits the worker lock. Raise `OSError` if the start fails."""
    command = [sys.executable, *(["-S"] if sys.flags.no_site else []), script, WORKER_ARGUMENT]
    if sys.platform == "win32":
        # On Windows, no process can inherit the lock, so the worker acquires the lock itself.
        lock.release()
        return start_detached(command, connection)
    # Send Stash's cookie through a pipe, because other users can read a process's arguments.
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    assert lock.descriptor is not None  # noqa: S101 - the caller holds the lock
    descriptor, lock.descriptor = lock.descriptor, None
    os.set_inheritable(descriptor, True)
    command.append(str(descriptor))
    # Stash waits while a process has the hook's output pipe, so the worker's output is devnull.
    streams = [(os.POSIX_SPAWN_DUP2, own, n) for n, own in enumerate((reader, null, null))]
    try:
        # Write the connection data before the worker starts, because Stash may kill this hook
        # afterwards.
        os.write(writer, connection)
        os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
    except NotImplementedError:
        # With an old libc, `posix_spawn` cannot start a session, so the worker calls setsid itself.
        os.posix_spawn(command[0], command, os.environ, file_actions=streams)
    finally:
        for opened in (reader, writer, null, descriptor):
            os.close(opened)
