"""Pauses, and what is written down of them."""

from __future__ import annotations

from pathlib import Path

from tests.sync_queue.support import NOW, Clock
from worker.pause_note import PauseNote
from worker.pauses import SETTINGS, Pauses


def pauses(path: Path) -> tuple[Pauses, PauseNote]:
    """A worker's, and its note."""
    note = PauseNote(str(path), print, Clock(NOW))
    return Pauses(Clock(NOW), print, note.write), note


def test_a_job_that_goes_through_clears_the_note_of_a_worker_that_was_killed(
    tmp_path: Path,
) -> None:
    killed, note = pauses(tmp_path / "pause.json")
    killed.begin("Plex refused the token", SETTINGS)
    assert note.read()[0] == "Plex refused the token"

    next_worker, _ = pauses(tmp_path / "pause.json")
    next_worker.succeeded()

    assert note.read()[0] == ""


def test_where_there_was_no_pause_nothing_is_written(tmp_path: Path) -> None:
    worker, _ = pauses(tmp_path / "pause.json")
    worker.succeeded()
    assert not (tmp_path / "pause.json").exists()
