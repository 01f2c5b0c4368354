import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from shared.events import Event, unreported
from tests.services import make_services
from tests.sync_queue.support import NOW, Clock
from worker.pauses import DATABASE, SETTINGS, STASH, Pauses, read_pause
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "pause.json")


def pauses(path: str) -> Pauses:
    return Pauses(path, unreported, Clock(NOW), Clock(NOW))


def reason_in(path: str) -> str:
    return read_pause(path, unreported, NOW)[0]


def test_a_worker_begins_without_the_note_of_one_that_was_killed(path: str) -> None:
    killed = pauses(path)
    killed.begin("Plex refused the token", SETTINGS, OSError())
    assert reason_in(path) == "Plex refused the token"

    pauses(path)

    assert reason_in(path) == ""


@pytest.mark.parametrize(
    ("kind", "event"), [(SETTINGS, Pauses.succeeded), (STASH, Pauses.end_if_queue_is_empty)]
)
def test_a_success_or_an_empty_queue_ends_a_pause(
    path: str, kind: str, event: Callable[[Pauses], None]
) -> None:
    worker = pauses(path)
    worker.begin("a cause", kind, OSError())

    event(worker)

    assert (reason_in(path), worker.reason, worker.active) == ("", "", False)


@pytest.mark.parametrize(("kind", "lasts"), [(STASH, False), (SETTINGS, True), (DATABASE, True)])
def test_only_a_pause_for_stash_ends_while_no_job_is_due(
    tmp_path: Path, path: str, kind: str, lasts: bool
) -> None:
    pause = pauses(path)
    pause.begin("a cause", kind, OSError())
    services = make_services(str(tmp_path), Clock(NOW))

    with closing(services.queue):
        assert SyncWorker(services, pauses=pause).drain() is DrainOutcome.DRAINED

    assert (reason_in(path) != "") is lasts
    assert pause.active is lasts


def test_a_database_that_cannot_be_used_may_hide_jobs_so_its_pause_lasts(path: str) -> None:
    worker = pauses(path)
    worker.begin("The queue's database cannot be used", DATABASE, OSError())

    worker.end_if_queue_is_empty()

    assert reason_in(path) == "The queue's database cannot be used"
    assert worker.active


def test_where_there_was_no_pause_nothing_is_written(path: str) -> None:
    worker = pauses(path)
    worker.succeeded()
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("kind", "reason", "reports"),
    [(SETTINGS, "a cause", 1), (SETTINGS, "another", 2), (STASH, "a cause", 2)],
)
def test_only_one_worker_reports_a_setting(path: str, kind: str, reason: str, reports: int) -> None:
    reported: list[object] = []

    def report(event: Event, /, **_fields: object) -> None:
        reported.append(event)

    Pauses(path, report, Clock(NOW), Clock(NOW)).begin("a cause", kind, OSError())
    Pauses(path, report, Clock(NOW), Clock(NOW)).begin(reason, kind, OSError())

    assert reported == [Event.SYNC_PAUSED] * reports
    assert reason_in(path) == reason
