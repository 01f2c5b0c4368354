import sqlite3
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from plex.exceptions import (
    PlexAmbiguousMatch,
    PlexAuthError,
    PlexError,
    PlexLibraryError,
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexReadOnly,
    PlexRedirectError,
    PlexReplaced,
    PlexServerDown,
    PlexTemporaryError,
    PlexTlsError,
    PlexUploadsDown,
)
from stash.exceptions import StashAuthError, StashFileError, StashQueryError, StashUnavailable
from sync_queue.models import MISSING_SINCE, SyncJob
from tests.sync_queue.support import NOW
from validation.config import Config
from worker.failure_policy import SEARCH_SECONDS, Action, Blame, Decision, Diagnosis, Retry, decide
from worker.sync.results import SceneError

MAX_RETRIES = 5
HOURS = 3600.0


def job(retry_count: int = 0, **data: object) -> SyncJob:
    return SyncJob("j", 1, "metadata", dict(data), job_key="scene_1", retry_count=retry_count)


def longest(_low: float, high: float) -> float:
    return high


def decision(
    error: Exception,
    job: SyncJob,
    *,
    skip_not_found: bool = False,
    plex_healthy: bool = True,
    blame: Blame = Blame.PLEX,
    max_retries: int = MAX_RETRIES,
    uniform: Callable[[float, float], float] = longest,
) -> Decision:
    diagnosis = Diagnosis(error, plex_healthy=plex_healthy, blame=blame)
    config = Config(max_retries=max_retries, skip_not_found=skip_not_found)
    return decide(diagnosis, job, config, NOW, uniform)


OUTCOMES: list[tuple[Exception, Decision, Decision]] = [
    (PlexServerDown("refused"), Action.WAIT_FOR_PLEX, Action.WAIT_FOR_PLEX),
    (PlexAuthError("401"), Action.PAUSE, Action.PAUSE),
    (PlexPermissionError("403"), Action.PAUSE, Action.PAUSE),
    (PlexTlsError("certificate"), Action.PAUSE, Action.PAUSE),
    (PlexRedirectError("301"), Action.PAUSE, Action.PAUSE),
    (PlexLibraryError("misspelt"), Action.PAUSE, Action.PAUSE),
    (StashUnavailable("gone"), Action.WAIT_FOR_STASH, Action.WAIT_FOR_STASH),
    (StashAuthError("401"), Action.EXIT, Action.EXIT),
    (PlexPermanentError("400"), Action.DEAD_LETTER, Action.DEAD_LETTER),
    (PlexAmbiguousMatch("two"), Action.DEAD_LETTER, Action.DEAD_LETTER),
    (SceneError("no file"), Action.DEAD_LETTER, Action.DEAD_LETTER),
    (PlexTemporaryError("500"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (PlexTemporaryError("429", 60.0), Retry(NOW + 60, counts=True), Action.DEAD_LETTER),
    (PlexError("of no class"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (StashQueryError("no column"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (StashFileError("status 500"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (KeyError("a bug"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (sqlite3.OperationalError("disk I/O"), Retry(NOW + 5, counts=True), Action.DEAD_LETTER),
    (PlexReplaced("another"), Retry(NOW, counts=False), Retry(NOW, counts=False)),
    (
        PlexUploadsDown("no image", 60.0),
        Retry(NOW + 60, counts=False),
        Retry(NOW + 60, counts=False),
    ),
    (PlexNotFound("no item"), Retry(NOW + 30, counts=True), Retry(NOW + 600, counts=True)),
]


@pytest.mark.parametrize(
    ("error", "first", "exhausted"),
    OUTCOMES,
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_decides_what_becomes_of_a_fresh_job_and_of_one_out_of_retries(
    error: Exception, first: Decision, exhausted: Decision
) -> None:
    assert decision(error, job()) == first
    assert decision(error, job(retry_count=MAX_RETRIES)) == exhausted


def test_every_class_of_plex_s_errors_is_in_that_table() -> None:
    assert {type(error) for error, *_ in OUTCOMES} >= set(PlexError.__subclasses__())


@pytest.mark.parametrize(("retries", "wait"), list(enumerate([5, 10, 20, 40, 80])))
def test_each_retry_waits_longer_until_none_is_left(retries: int, wait: float) -> None:
    error = PlexTemporaryError("500")
    assert decision(error, job(retries)) == Retry(NOW + wait, counts=True)
    assert decision(error, job(retries), max_retries=retries) == Action.DEAD_LETTER


@pytest.mark.parametrize("retries", [0, MAX_RETRIES, 99])
def test_a_temporary_error_with_a_failed_probe_is_an_outage(retries: int) -> None:
    error = PlexTemporaryError("500", 60.0)
    assert decision(error, job(retries), plex_healthy=False) == Action.WAIT_FOR_PLEX


@pytest.mark.parametrize(
    "error",
    [PlexPermanentError("400"), SceneError("no file"), KeyError("a bug"), PlexNotFound("none")],
)
def test_a_failed_probe_changes_nothing_about_any_other_error(error: Exception) -> None:
    assert decision(error, job(), plex_healthy=False) == decision(error, job())


@pytest.mark.parametrize("retries", [0, 1, 50])
def test_a_missing_item_is_looked_for_through_two_hours_whatever_the_retries(retries: int) -> None:
    since = {MISSING_SINCE: NOW - SEARCH_SECONDS + 1}
    assert isinstance(decision(PlexNotFound("none"), job(retries, **since)), Retry)


def test_after_two_hours_and_several_tries_it_is_a_dead_letter() -> None:
    assert SEARCH_SECONDS == 2 * HOURS
    assert (
        decision(PlexNotFound("none"), job(50, **{MISSING_SINCE: NOW - 2 * HOURS}))
        == Action.DEAD_LETTER
    )


def test_a_file_of_which_it_is_known_why_plex_lacks_it_is_looked_for_three_times() -> None:
    error = PlexNotFound("none", explained=True)
    decisions = [decision(error, job(retries, **{MISSING_SINCE: NOW})) for retries in range(3)]
    assert [type(each) for each in decisions[:2]] == [Retry, Retry]
    assert decisions[2] is Action.DEAD_LETTER


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_clock_that_jumps_ahead_does_not_end_the_search(retries: int) -> None:
    since = {MISSING_SINCE: NOW - 1000 * HOURS}
    assert isinstance(decision(PlexNotFound("none"), job(retries, **since)), Retry)


def test_the_usual_back_off_needs_more_tries_than_the_fewest_within_two_hours() -> None:
    """So that without a jump of the clock the two hours alone decide."""
    waits = 0.0
    for retries in range(50):
        again = decision(PlexNotFound("none"), job(retries, **{MISSING_SINCE: NOW}))
        assert isinstance(again, Retry)
        waits += again.at - NOW
        if waits >= SEARCH_SECONDS:
            break
    since = {MISSING_SINCE: NOW - SEARCH_SECONDS}
    assert decision(PlexNotFound("none"), job(retries + 1, **since)) == Action.DEAD_LETTER


@pytest.mark.parametrize("since", [NOW - 9 * HOURS, NOW])
def test_whoever_wants_missing_items_skipped_gets_them_skipped_at_once(since: float) -> None:
    job_ = job(0, **{MISSING_SINCE: since})
    assert decision(PlexNotFound("none", looked_for=True), job_, skip_not_found=True) == Action.DROP


def test_what_plex_was_not_asked_for_is_never_skipped() -> None:
    later = decision(PlexNotFound("unknown"), job(), skip_not_found=True)
    assert later == Retry(NOW + 30, counts=True)


@pytest.mark.parametrize(
    "error", [PlexServerDown("x"), PlexTemporaryError("x"), StashUnavailable("x"), KeyError("x")]
)
def test_only_a_complete_look_may_conclude_that_there_is_nothing(error: Exception) -> None:
    """An error during the match must not read as "not in Plex"."""
    for healthy in (True, False):
        chosen = decision(error, job(), skip_not_found=True, plex_healthy=healthy)
        assert chosen == decision(error, job(), plex_healthy=healthy)
        assert chosen != Action.DROP


INDEPENDENT_OF_THE_JOB = (Action.WAIT_FOR_PLEX, Action.PAUSE, Action.WAIT_FOR_STASH, Action.EXIT)

ERRORS = st.sampled_from(
    [
        *(cls("x") for cls in PlexError.__subclasses__()),
        PlexTemporaryError("x", 30.0),
        StashUnavailable("x"),
        StashAuthError("x"),
        StashQueryError("x"),
        StashFileError("x"),
        SceneError("x"),
        ValueError("x"),
    ]
)


@given(
    error=ERRORS,
    retries=st.integers(0, 30),
    maximum=st.integers(1, 20),
    skip=st.booleans(),
    since=st.none() | st.floats(NOW - 10 * HOURS, NOW + 10 * HOURS),
    share=st.floats(0, 1),
)
def test_a_retry_lies_ahead_and_a_pause_never_depends_on_the_job(
    error: Exception, retries: int, maximum: int, skip: bool, since: float | None, share: float
) -> None:
    given_job = job(retries, **({} if since is None else {MISSING_SINCE: since}))
    chosen = decision(
        error,
        given_job,
        skip_not_found=skip,
        max_retries=maximum,
        uniform=lambda low, high: low + share * (high - low),
    )
    if isinstance(chosen, Retry):
        soonest = 0 if isinstance(error, PlexReplaced) else 1
        assert NOW + soonest <= chosen.at <= NOW + 600
    if chosen in INDEPENDENT_OF_THE_JOB:
        assert decision(error, job()) == chosen


def test_while_stash_gives_no_cover_at_all_a_job_waits_and_spends_no_retry() -> None:
    error = StashFileError("status 403")
    error.concerns_all = True
    made = decision(error, job(retry_count=MAX_RETRIES))
    assert isinstance(made, Retry)
    assert (made.counts, made.at > NOW) == (False, True)


@pytest.mark.parametrize("retries", [0, MAX_RETRIES])
def test_a_plex_that_saves_nothing_costs_no_retry(retries: int) -> None:
    error, down = PlexReadOnly("saves nothing"), PlexServerDown("gone")
    assert decision(error, job(retries), blame=Blame.UNKNOWN) == Action.OTHERS_FIRST
    assert decision(error, job(retries), blame=Blame.PLEX) == Action.WAIT_FOR_PLEX
    assert decision(down, job(retries), blame=Blame.UNKNOWN) == Action.WAIT_FOR_PLEX
