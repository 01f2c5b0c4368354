"""Locks and detached processes on Windows, where nothing but a child's pipe is inherited."""

import errno
import os
import sys
import time

_HELD = (errno.EACCES, 0)  # of a lock that another process holds; Wine sets no error number
_RETRY = 0.05  # seconds between tries: Windows itself waits for a lock for ten seconds only

if sys.platform == "win32":
    import msvcrt

    def lock_file(descriptor: int, *, wait: bool) -> None:
        """Lock an open file.

        Raises:
            BlockingIOError: another process holds the lock, and `wait` is False.
            OSError: the file system knows no locks.
        """
        while True:
            try:
                return msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if error.errno not in _HELD:
                    raise
                if not wait:
                    raise BlockingIOError from None
                time.sleep(_RETRY)

    def unlock_and_close(descriptor: int) -> None:
        """Release a lock at once: Windows drops the lock of a closed file some time later."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        finally:
            os.close(descriptor)

    def start_detached(command: list[str], message: bytes) -> None:
        """Start a process without a console that reads the message from its standard input.

        Raises:
            OSError: no process could be started.
        """
        import subprocess  # noqa: PLC0415 - it costs a hook that finds a living worker too much

        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP,
            close_fds=True,
        )
        assert child.stdin is not None  # noqa: S101 - asked for above
        child.stdin.write(message)
        child.stdin.close()
