"""The lock's branch for Windows, which cannot be run here, on a simulated C library."""

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from shared.file_lock import FileLock
from simulators.rig import REPOSITORY
from tests.shared import fake_msvcrt


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> type[FileLock]:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "platform", "win32")
        patched.setitem(sys.modules, "msvcrt", fake_msvcrt)
        patched.setitem(sys.modules, "shared.windows", load("windows"))
        module = load("file_lock")
    assert "fcntl" not in vars(module)
    made = vars(module)["FileLock"]
    assert isinstance(made, type)
    return made


def load(name: str) -> ModuleType:
    source = REPOSITORY / "shared" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"shared.{name}", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "worker.lock")


@pytest.mark.parametrize("held", [errno.EACCES, 0], ids=["Windows", "Wine"])
def test_it_excludes_others_until_it_is_released(
    windows: type[FileLock], path: str, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(fake_msvcrt, "HELD", held)
    first, second = windows(path), windows(path)

    assert [first.try_acquire(), first.try_acquire(), second.try_acquire()] == [True, True, False]
    assert second.descriptor is None
    first.release()
    first.release()

    assert second.try_acquire()
    second.release()


def test_it_is_unlocked_before_its_file_is_closed(
    windows: type[FileLock], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows drops the lock of a closed file when it has the time to."""
    events: list[str] = []
    locking, close = fake_msvcrt.locking, os.close
    names = {fake_msvcrt.LK_NBLCK: "lock", fake_msvcrt.LK_UNLCK: "unlock"}

    def note_locking(fd: int, mode: int, nbytes: int) -> None:
        events.append(names[mode])
        locking(fd, mode, nbytes)

    def note_close(fd: int) -> None:
        events.append("close")
        close(fd)

    monkeypatch.setattr(fake_msvcrt, "locking", note_locking)
    monkeypatch.setattr(os, "close", note_close)
    lock = windows(path)
    lock.try_acquire()
    lock.release()

    assert events == ["lock", "unlock", "close"]


def test_the_lock_of_a_killed_process_is_free(windows: type[FileLock], path: str) -> None:
    hold = (
        "import sys; from tests.shared.fake_msvcrt import LK_NBLCK, locking\n"
        "file = open(sys.argv[1], 'w'); locking(file.fileno(), LK_NBLCK, 1)\n"
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, path],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        lock = windows(path)
        taken = lock.try_acquire()
        holder.kill()
        holder.wait()

        assert (taken, lock.try_acquire()) == (False, True)
    lock.release()


def test_a_file_system_without_locks_is_an_error_and_no_endless_wait(
    windows: type[FileLock], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_fd: int, mode: int, _nbytes: int) -> None:
        number = errno.EDEADLK if mode == fake_msvcrt.LK_LOCK else errno.EINVAL
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fake_msvcrt, "locking", refuse)
    lock = windows(path)

    with pytest.raises(OSError, match="no locks here"):
        lock.try_acquire()
    assert lock.descriptor is None
