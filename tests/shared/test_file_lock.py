import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.file_lock import FileLock
from tests.shared.locks import close_without_unlocking

REPOSITORY = Path(__file__).resolve().parents[2]
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="descriptors are handed over on POSIX")

HOLD = """
import sys
from shared.file_lock import FileLock
lock = FileLock(sys.argv[1])
print(lock.try_acquire(), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""

WAIT = """
import sys
from shared.file_lock import FileLock
from shared.files import acquire
lock = FileLock(sys.argv[1])
print("waiting", flush=True)
acquire(lock)
print("mine", flush=True)
"""

INHERIT = """
import sys
from shared.file_lock import FileLock
lock = FileLock(sys.argv[1], descriptor=int(sys.argv[2]))
print(lock.try_acquire(), flush=True)
sys.stdin.readline()
"""


class Child:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        self.process.wait()


@contextmanager
def child(script: str, *arguments: str, fds: tuple[int, ...] = ()) -> Iterator[Child]:
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", script, *arguments],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=fds,
            )
        )
        stack.callback(process.kill)
        yield Child(process)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "worker.lock")


def test_two_locks_of_one_process_exclude_each_other(path: str) -> None:
    first, second = FileLock(path), FileLock(path)
    assert first.try_acquire()
    assert not second.try_acquire()
    assert second.descriptor is None
    first.release()
    assert second.try_acquire()
    second.release()


def test_the_lock_of_a_killed_process_is_free(path: str) -> None:
    lock = FileLock(path)
    with child(HOLD, path) as holder:
        assert holder.line() == "True"
        assert not lock.try_acquire()
        holder.kill()
        assert lock.try_acquire()
    lock.release()


def test_whoever_waits_gets_the_lock_when_it_is_released(path: str) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    with child(WAIT, path) as waiting:
        assert waiting.line() == "waiting"
        assert waiting.process.poll() is None
        lock.release()
        assert waiting.line() == "mine"


@POSIX_ONLY
def test_a_lock_is_handed_over_without_a_moment_in_which_nobody_holds_it(path: str) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    assert lock.descriptor is not None
    with child(INHERIT, path, str(lock.descriptor), fds=(lock.descriptor,)) as heir:
        assert heir.line() == "True"
        close_without_unlocking(lock)
        other = FileLock(path)
        assert not other.try_acquire()
        heir.kill()
        assert other.try_acquire()
        other.release()


@POSIX_ONLY
def test_a_released_lock_is_free_though_a_forked_child_has_its_file_open(path: str) -> None:
    """Such as the process that finds out whether ended orphans are collected (`worker.orphans`)."""
    lock = FileLock(path)
    assert lock.try_acquire()
    assert lock.descriptor is not None
    with child(INHERIT, path, str(lock.descriptor), fds=(lock.descriptor,)) as bystander:
        assert bystander.line() == "True"
        lock.release()
        assert lock.try_acquire()
    lock.release()


@POSIX_ONLY
def test_a_child_that_was_not_given_the_lock_does_not_keep_it(path: str) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    with child("print('alive', flush=True); input()") as bystander:
        assert bystander.line() == "alive"
        lock.release()
        assert lock.try_acquire()
    lock.release()


@POSIX_ONLY
def test_the_locks_file_belongs_to_the_user_alone(path: str) -> None:
    lock = FileLock(path)
    lock.try_acquire()
    assert os.stat(path).st_mode & 0o077 == 0
    lock.release()


def test_a_place_without_a_lock_is_an_os_error(tmp_path: Path) -> None:
    lock = FileLock(str(tmp_path / "missing" / "worker.lock"))
    with pytest.raises(OSError, match="missing"):
        lock.try_acquire()
    assert lock.descriptor is None
