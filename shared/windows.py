"""Locks and detached processes on Windows, where nothing but a child's pipe is inherited."""

import errno
import sys

_HELD = (errno.EACCES, 0)  # of a lock that another process holds; Wine sets no error number
LOCK_EX, LOCK_NB, LOCK_UN = 2, 4, 8  # as in `fcntl`

if sys.platform == "win32":
    import msvcrt

    def flock(descriptor: int, operation: int) -> None:
        """Lock an open file or unlock it, as `fcntl.flock` does elsewhere, without waiting.

        Windows drops the lock of a closed file some time later, so it has to be unlocked.

        Raises:
            BlockingIOError: another process holds the lock.
            OSError: the file system knows no locks.
        """
        mode = msvcrt.LK_UNLCK if operation == LOCK_UN else msvcrt.LK_NBLCK
        try:
            msvcrt.locking(descriptor, mode, 1)
        except OSError as error:
            if operation == LOCK_UN:
                return  # closing the file ends a lock that is lost already
            if error.errno in _HELD:
                raise BlockingIOError from None
            raise

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
