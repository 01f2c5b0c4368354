"""What a worker's process becomes between drains where nothing would collect it if it ended.

A script of its own (see `worker.rest`), as small as an interpreter can be: it imports what the
interpreter has loaded anyway, and little more. It holds no lock, so tasks have the worker's place
at once, and no secret. It keeps its door open, a named pipe. Whoever is about to start a worker
finds it open and calls instead (`worker.launcher`): with the command line of the worker, and with
the connection to Stash, so that the worker that it becomes has a fresh cookie.

    waiter.py DOOR_DESCRIPTOR DOOR LOCK [SECONDS_BETWEEN_LOOKS]
"""

import os
import select
import sys

if sys.platform != "win32":
    import fcntl

LOOK = 60.0  # seconds between looks whether the plugin and the door are still there, unless told
_CHUNK = 65_536


def wait_for_call(door: int, door_path: str, look: float) -> bool:
    """Sleep until somebody calls; False when nobody can any more, or the plugin is gone."""
    if sys.platform == "win32":
        raise NotImplementedError
    poll = select.poll()
    poll.register(door, select.POLLIN)
    while not poll.poll(look * 1000):
        if not (os.path.exists(__file__) and _is_at(door, door_path)):
            return False
    return True


def _is_at(door: int, door_path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(door), os.stat(door_path))
    except OSError:
        return False


def newest_call(door: int) -> tuple[list[str], bytes]:
    """Return the newest call's command and message; an empty command if there is no whole one.

    A call is a line, as `worker.launcher` writes it.
    """
    heard = b""
    try:
        while chunk := os.read(door, _CHUNK):
            heard += chunk
    except BlockingIOError:
        pass  # that was all
    *command, message = heard.rpartition(b"\n")[0].rpartition(b"\n")[2].split(b"\0")
    return [os.fsdecode(part) for part in command], message


def give_stdin(message: bytes) -> None:
    """Make a pipe that holds the message our stdin, for the program that we become.

    Raises:
        OSError: there is no pipe to be had.
    """
    if sys.platform == "win32":
        raise NotImplementedError
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # its buffer holds it (4 KiB at the very least)
    try:
        os.write(writer, message)
        os.dup2(reader, 0)
    finally:
        os.close(reader)
        os.close(writer)


if sys.platform != "win32":

    def wait_and_work(door: int, door_path: str, lock_path: str, look: float = LOOK) -> None:
        """Wait for a call and become the worker that it asks for; returns if there will be none.

        Raises:
            OSError: the lock's file or the interpreter is gone.
        """
        while wait_for_call(door, door_path, look):
            lock = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
            # Who calls holds it until all is said; a task may hold it for as long as it works.
            fcntl.flock(lock, fcntl.LOCK_EX)
            command, message = newest_call(door)
            if command:
                give_stdin(message)
                os.set_inheritable(lock, True)
                os.set_inheritable(door, False)
                # The lock's descriptor takes the place of the last argument.
                command[-1] = str(lock)
                os.execv(command[0], command)  # noqa: S606 - no shell is wanted
            os.close(lock)  # who called was killed before all was said


if __name__ == "__main__" and sys.platform != "win32":
    wait_and_work(int(sys.argv[1]), sys.argv[2], sys.argv[3], *map(float, sys.argv[4:5]))
