import errno
import sys

LOCK_EX, LOCK_NB, LOCK_UN = 2, 4, 8

if sys.platform == "win32":
    import msvcrt

    def flock(descriptor: int, operation: int) -> None:
        """Lock or unlock an open file. Raise `BlockingIOError` if another process has the lock.

        Unlock a file before closing it, because Windows unlocks a closed file with a delay.
        """
        mode = msvcrt.LK_UNLCK if operation == LOCK_UN else msvcrt.LK_NBLCK
        try:
            msvcrt.locking(descriptor, mode, 1)
        except OSError as error:
            if operation == LOCK_UN:
                return
            # If another process holds the lock, the error number is EACCES, or 0 under Wine.
            if error.errno in (errno.EACCES, 0):
                raise BlockingIOError from None
            raise

    def start_detached(command: list[str], message: bytes) -> None:
        import subprocess  # noqa: PLC0415 - slow to load, and most hooks start no process

        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP,
            close_fds=True,
        )
        assert child.stdin is not None  # noqa: S101 - stdin is a pipe
        child.stdin.write(message)
        child.stdin.close()
