import pytest

from reconciliation.engine import NOT_FOUND, TRIES, is_given_up, is_in_cool_down, tries_of
from reconciliation.state import DAY
from sync_queue.dlq import DeadLetter
from sync_queue.models import SyncJob
from tests.sync_queue.support import NOW


def letter(
    tries: object = None, failed_at: float = NOW, kind: str = "PlexPermanentError"
) -> DeadLetter:
    data = {} if tries is None else {TRIES: tries}
    job = SyncJob("1", 1, "metadata", data, job_key="scene_1")
    return DeadLetter(1, job, kind, "", "", moment=failed_at)


@pytest.mark.parametrize(
    ("tries", "days"), [(None, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 32), (10**30, 32)]
)
def test_the_pause_doubles_with_each_try_up_to_a_month(tries: int | None, days: int) -> None:
    letters = [letter(tries)]
    assert is_in_cool_down(letters, None, NOW)
    assert is_in_cool_down(letters, NOW - 1, NOW + days * DAY - 1)
    assert not is_in_cool_down(letters, None, NOW + days * DAY)


def test_a_scene_that_was_edited_since_is_tried_at_once() -> None:
    assert not is_in_cool_down([letter(5)], NOW + 1, NOW + 2)
    assert is_in_cool_down([letter(5)], NOW, NOW + 2)


def test_the_newest_failure_and_the_most_tries_count() -> None:
    letters = [letter(None, NOW), letter(1, NOW - 10 * DAY, "PlexTemporaryError")]
    assert tries_of(letters) == 1
    assert is_in_cool_down(letters, None, NOW + 2 * DAY - 1)
    assert not is_in_cool_down(letters, None, NOW + 2 * DAY)


def test_a_clock_that_was_set_back_damps_nothing() -> None:
    assert not is_in_cool_down([letter(3)], None, NOW - 1)


def test_a_letter_without_a_job_or_a_readable_time_damps_for_no_longer_than_a_day() -> None:
    assert tries_of([DeadLetter(1, None, "X", "", "", moment=NOW)]) == 0
    assert is_in_cool_down([DeadLetter(1, None, "X", "", "", moment=NOW)], None, NOW + DAY - 1)
    assert not is_in_cool_down([DeadLetter(1, None, "X", "", "yesterday")], None, NOW)


def test_only_what_plex_lacks_is_given_up() -> None:
    assert is_given_up([letter(), letter(kind=NOT_FOUND)])
    assert not is_given_up([letter()])
    assert not is_given_up([])
