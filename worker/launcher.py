"""Starts the worker; a hook that starts one loads this, so it imports little.

The process that gets the worker lock starts the worker and hands the lock over to it. So the
election is atomic, and decided before anything heavy is loaded, however many hooks come at once.
"""

import os
import stat
import sys

from shared.file_lock import FileLock
from shared.light_json import dumps
from sync_queue.spool import elect

TYPE_CHECKING = False  # importing `typing` costs a third of a bare interpreter's start
if TYPE_CHECKING:
    from typing import Any

WORKER_ARGUMENT = "--worker"
ALREADY_RUNNING, STARTED = "running", "started"


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: "Any") -> str:
    """Start a worker unless one runs, which gets the connection to Stash then.

    Args:
        script: the plugin's entry script.
        lock: the worker lock.
        spool: the spool's folder.
        server_connection: Stash's object of that name, as it arrived.

    Returns:
        `running` or `started`.

    Raises:
        OSError: no process could be started; the lock is free again.
    """
    if not elect(lock, spool, server_connection):
        return ALREADY_RUNNING
    start_worker(script, lock, server_connection)
    return STARTED


def start_worker(script: str, lock: FileLock, server_connection: "Any") -> None:
    """Start a detached worker, or have a waiting process become one.

    The worker gets Stash's connection through a pipe, never through its arguments or environment,
    which other users of the machine can read. Its standard streams are not Stash's: Stash waits
    for the end of our stdout.

    Args:
        script: the plugin's entry script.
        lock: the worker lock, held by this process; it belongs to the worker afterwards.
        server_connection: Stash's object of that name, as it arrived.

    Raises:
        OSError: no process could be started; the lock is free again.
    """
    # The pipe's buffer holds it (4 KiB at the very least): nobody waits for the worker to read.
    message = dumps(server_connection).encode("utf-8")
    try:
        if sys.platform == "win32":
            _start_on_windows(script, lock, message)
        elif not _call_waiter(script, door_of(lock), message):
            _start_on_posix(script, lock, message)
    finally:
        lock.release()


def door_of(lock: FileLock) -> str:
    """Return the named pipe that a process which waits for work keeps open (`worker.waiter`)."""
    return f"{lock.path}.door"


def _call_waiter(script: str, door_path: str, message: bytes) -> bool:
    """Tell the process that waits, if there is one, which worker to become."""
    if sys.platform == "win32":
        return False
    try:
        door = os.open(door_path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # there is no door, or nobody behind it
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(door).st_mode):
            return False
        command = [os.fsencode(part) for part in worker_command(script, "")]
        # The first line break ends what a caller left that was killed while it wrote.
        os.write(door, b"\n" + b"\0".join([*command, message]) + b"\n")
    except BlockingIOError:
        return True  # it has been called often enough
    except OSError:  # it ended in this moment
        return False
    finally:
        os.close(door)
    return True


def _start_on_posix(script: str, lock: FileLock, message: bytes) -> None:
    if sys.platform == "win32":
        raise NotImplementedError
    assert lock.descriptor is not None  # noqa: S101 - the caller holds the lock
    os.set_inheritable(lock.descriptor, True)
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    try:
        # Before there is a reader: a hook that dies here leaves no worker that knows no Stash.
        os.write(writer, message)
        command = worker_command(script, str(lock.descriptor))
        streams = [
            (os.POSIX_SPAWN_DUP2, reader, 0),
            (os.POSIX_SPAWN_DUP2, null, 1),
            (os.POSIX_SPAWN_DUP2, null, 2),
        ]
        try:
            os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
        except NotImplementedError:  # an old libc: the worker leaves our session itself
            os.posix_spawn(command[0], command, os.environ, file_actions=streams)
    finally:
        for descriptor in (reader, writer, null):
            os.close(descriptor)


def _start_on_windows(script: str, lock: FileLock, message: bytes) -> None:
    # Only here, where there is no posix_spawn: it costs half a bare start on the hook path.
    import subprocess  # noqa: PLC0415

    lock.release()  # Windows locks are not inherited: the child elects itself
    detached: int = getattr(subprocess, "DETACHED_PROCESS", 0)
    new_group: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    child = subprocess.Popen(
        worker_command(script, ""),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=detached | new_group,
        close_fds=True,
    )
    assert child.stdin is not None  # noqa: S101 - asked for above
    child.stdin.write(message)
    child.stdin.close()


def worker_command(script: str, lock_descriptor: str) -> "list[str]":
    """Return the command line of a worker, whose lock is taken already unless it is empty."""
    # As Stash started us: the search for site packages, and what starts from there, is no part of
    # the plugin.
    options = ["-S"] if sys.flags.no_site else []
    return [sys.executable, *options, script, WORKER_ARGUMENT, lock_descriptor]
