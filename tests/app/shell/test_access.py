import os
from pathlib import Path

import pytest

from app.command_line import reason_not_to_run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have owners on POSIX")


def somebody_else() -> int:
    return os.geteuid() + 1


def test_ones_own_folder_may_be_used_be_it_there_or_not(tmp_path: Path) -> None:
    assert reason_not_to_run(str(tmp_path), {}, os.geteuid) is None
    (tmp_path / "data").mkdir()
    assert reason_not_to_run(str(tmp_path), {}, os.geteuid) is None
    assert reason_not_to_run(str(tmp_path), {}, None) is None


def test_a_folder_of_another_user_may_not_be_it_there_or_not(tmp_path: Path) -> None:
    before = reason_not_to_run(str(tmp_path), {}, somebody_else)
    (tmp_path / "data").mkdir()
    after = reason_not_to_run(str(tmp_path), {}, somebody_else)

    assert before is not None
    assert before.startswith(f"{tmp_path} ")
    assert after is not None
    assert after.startswith(f"{tmp_path}/data ")


def test_a_place_that_cannot_be_written_to_says_where_it_may_be(tmp_path: Path) -> None:
    blocker = tmp_path / "regular-file"
    blocker.write_text("no folder")

    text = reason_not_to_run(str(blocker), {}, os.geteuid)

    assert text is not None
    assert "Stash2Plex-data" in text


def test_a_folder_on_a_missing_drive_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the root of a path may be missing."""
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    text = reason_not_to_run("/plugins/Stash2Plex", {"STASH_PLUGIN_DATA": "/missing/data"})

    assert text is not None
    assert text.startswith("/ cannot be written to")
