"""Pauses, and what is written down of them."""

from pathlib import Path

from shared.events import unreported
from tests.sync_queue.support import NOW, Clock
from worker.pauses import DATABASE, SETTINGS, STASH, PauseNote, Pauses


def pauses(path: Path) -> tuple[Pauses, PauseNote]:
    """A worker's, and its note."""
    note = PauseNote(str(path), unreported, Clock(NOW))
    return Pauses(Clock(NOW), unreported, note.write), note


def test_a_worker_begins_without_the_note_of_one_that_was_killed(tmp_path: Path) -> None:
    killed, note = pauses(tmp_path / "pause.json")
    killed.begin("Plex refused the token", SETTINGS, OSError())
    assert note.read()[0] == "Plex refused the token"

    pauses(tmp_path / "pause.json")

    assert note.read()[0] == ""


def test_a_job_that_is_decided_ends_the_pause_and_clears_its_note(tmp_path: Path) -> None:
    worker, note = pauses(tmp_path / "pause.json")
    worker.begin("Plex refused the token", SETTINGS, OSError())

    worker.succeeded()

    assert (note.read()[0], worker.reason, worker.active) == ("", "", False)


def test_where_no_job_is_left_none_waits_for_the_end_of_a_pause(tmp_path: Path) -> None:
    worker, note = pauses(tmp_path / "pause.json")
    worker.begin("Stash does not answer", STASH, OSError())

    worker.nothing_waits()

    assert (note.read()[0], worker.active) == ("", False)


def test_a_database_that_cannot_be_used_may_hide_jobs_so_its_pause_lasts(tmp_path: Path) -> None:
    worker, note = pauses(tmp_path / "pause.json")
    worker.begin("The queue's database cannot be used", DATABASE, OSError())

    worker.nothing_waits()

    assert note.read()[0] == "The queue's database cannot be used"
    assert worker.active


def test_where_there_was_no_pause_nothing_is_written(tmp_path: Path) -> None:
    worker, _ = pauses(tmp_path / "pause.json")
    worker.succeeded()
    assert not (tmp_path / "pause.json").exists()
