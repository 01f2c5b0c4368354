"""Files that another process has open, replaced and removed also where Windows refuses that."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from shared.files import PAUSE, TRIES, remove_file, replace_file

Act = Callable[..., None]


class Reader:
    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file: IO[Any] = path.open(encoding="utf-8")
        self._replace, self._unlink = os.replace, os.unlink
        monkeypatch.setattr(os, "replace", self._refuse_or(self._replace))
        monkeypatch.setattr(os, "unlink", self._refuse_or(self._unlink))

    def _refuse_or(self, act: Act) -> Act:
        def acts(*paths: str) -> None:
            if not self._file.closed:
                raise PermissionError(13, "it is being used by another process", paths[0])
            act(*paths)

        return acts

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.json"
    path.write_text("old")
    (tmp_path / "state.json.tmp-1").write_text("new")
    return path


@pytest.mark.parametrize("name", ["replace", "remove"])
def test_windows_is_asked_again_until_the_reader_is_done(
    state: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    reader = Reader(state, monkeypatch)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            reader.close()

    if name == "replace":
        replace_file(f"{state}.tmp-1", str(state), sleep)
    else:
        remove_file(str(state), sleep)

    assert pauses == [PAUSE] * 3
    assert (state.read_text() if state.exists() else None) == ("new" if name == "replace" else None)


def test_a_reader_that_stays_is_an_error(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    reader = Reader(state, monkeypatch)
    pauses: list[float] = []

    with pytest.raises(PermissionError, match="being used by another process"):
        replace_file(f"{state}.tmp-1", str(state), pauses.append)

    assert len(pauses) == TRIES - 1
    assert sum(pauses) < 1.0  # a hook may be what waits
    assert (state.read_text(), Path(f"{state}.tmp-1").read_text()) == ("old", "new")
    reader.close()


def test_elsewhere_a_refusal_is_one_at_once(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(state, monkeypatch)
    pauses: list[float] = []

    with pytest.raises(PermissionError):
        replace_file(f"{state}.tmp-1", str(state), pauses.append)
    with pytest.raises(PermissionError):
        remove_file(str(state), pauses.append)

    assert pauses == []
    reader.close()


def test_a_missing_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    pauses: list[float] = []

    with pytest.raises(FileNotFoundError):
        remove_file(str(tmp_path / "none"), pauses.append)

    assert pauses == []
