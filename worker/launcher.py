"""Starts the worker. The process that got the worker lock hands it over, so one worker starts."""

import os
import sys

from shared.file_lock import FileLock

if sys.platform == "win32":
    from shared.windows import start_detached

WORKER_ARGUMENT = "--worker"


def start_worker(script: str, lock: FileLock, connection: bytes) -> None:
    """Start a detached worker.

    Args:
        script: the plugin's entry script.
        lock: held by this process; the worker holds it afterwards.
        connection: Stash's, as JSON; it goes through a pipe, which other users cannot read.

    Raises:
        OSError: no process could be started; the lock is free again.
    """
    try:
        if sys.platform == "win32":
            lock.release()  # the child takes the lock itself
            start_detached(worker_command(script, ""), connection)
        else:
            _spawn(script, lock, connection)
            hand_over(lock)
    finally:
        lock.release()


def hand_over(lock: FileLock) -> None:
    """Close the lock's file without unlocking it: a child that has inherited it holds the lock."""
    descriptor, lock.descriptor = lock.descriptor, None
    if descriptor is not None:
        os.close(descriptor)


def worker_command(script: str, lock_descriptor: str) -> list[str]:
    """Return the command line of a worker; the descriptor is empty if it has to take the lock."""
    options = ["-S"] if sys.flags.no_site else []  # as Stash started this process
    return [sys.executable, *options, script, WORKER_ARGUMENT, lock_descriptor]


if sys.platform != "win32":

    def _spawn(script: str, lock: FileLock, connection: bytes) -> None:
        assert lock.descriptor is not None  # noqa: S101 - the caller holds the lock
        os.set_inheritable(lock.descriptor, True)
        command = worker_command(script, str(lock.descriptor))
        reader, writer = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        try:
            # Before there is a reader: a hook that dies here leaves no worker that knows no Stash.
            os.write(writer, connection)  # any pipe's buffer holds 4 KiB
            # Stash waits for the end of this process's output, so the worker must not share it.
            streams = [(os.POSIX_SPAWN_DUP2, own, n) for n, own in enumerate((reader, null, null))]
            try:
                os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
            except NotImplementedError:  # an old libc: the worker leaves our session itself
                os.posix_spawn(command[0], command, os.environ, file_actions=streams)
        finally:
            for descriptor in (reader, writer, null):
                os.close(descriptor)
