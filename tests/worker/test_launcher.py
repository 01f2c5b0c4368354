"""How a worker is started where there is no posix_spawn; what can be run is in tests/e2e."""

import io
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.file_lock import FileLock
from tests.shared import fake_msvcrt
from worker.process import launcher
from worker.process.lock_handover import ensure_worker

CONNECTION = {"Port": 9999, "SessionCookie": {"Name": "session", "Value": "cookie-Ab3dEf6hIj"}}
DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP = 0x8, 0x200


class Pipe(io.BytesIO):
    content: bytes | None = None

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


class Started:
    def __init__(self, path: str, command: list[str], options: dict[str, Any]) -> None:
        self.command, self.options, self.stdin = command, options, Pipe()
        childs = FileLock(path)
        self.lock_was_free = childs.try_acquire()
        childs.release()


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    found: list[Started] = []

    def popen(command: list[str], **options: Any) -> Started:
        found.append(Started(str(tmp_path / "worker.lock"), command, options))
        return found[-1]

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", fake_msvcrt)
    monkeypatch.delitem(sys.modules, "shared.windows", raising=False)
    start_detached = import_module("shared.windows").start_detached
    monkeypatch.delitem(sys.modules, "shared.windows")
    monkeypatch.setattr(launcher, "start_detached", start_detached, raising=False)
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(subprocess, "DETACHED_PROCESS", DETACHED_PROCESS, raising=False)
    monkeypatch.setattr(
        subprocess, "CREATE_NEW_PROCESS_GROUP", CREATE_NEW_PROCESS_GROUP, raising=False
    )
    return found


def test_windows_workers_have_no_console(started: list[Started], tmp_path: Path) -> None:
    lock = FileLock(str(tmp_path / "worker.lock"))

    assert ensure_worker("Stash2Plex.py", lock, str(tmp_path), CONNECTION) == "started"

    (one,) = started
    assert one.lock_was_free  # no lock is inherited there, so the child takes it for itself
    assert one.options["creationflags"] == DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    assert one.options["stdout"] == one.options["stderr"] == subprocess.DEVNULL
    assert one.options["close_fds"] is True
    assert lock.descriptor is None
    assert one.command[0] == sys.executable
    assert one.command[-2:] == ["Stash2Plex.py", "--worker"]
    # Stash's connection goes through a pipe that is closed.
    assert "cookie" not in " ".join(one.command)
    assert "env" not in one.options
    assert one.stdin.content is not None
    assert b"cookie-Ab3dEf6hIj" in one.stdin.content


def test_a_process_that_cannot_be_started_leaves_the_lock_free(
    started: list[Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_command: object, **_options: object) -> None:
        raise PermissionError(13, "not allowed")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    path = str(tmp_path / "worker.lock")

    with pytest.raises(OSError, match="not allowed"):
        ensure_worker("Stash2Plex.py", FileLock(path), str(tmp_path), CONNECTION)

    next_one = FileLock(path)
    assert (started, next_one.try_acquire()) == ([], True)
    next_one.release()
