from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from plex.exceptions import (
    PlexAuthError,
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
from stash.exceptions import (
    StashAuthError,
    StashError,
    StashFileError,
    StashQueryError,
    StashUnavailable,
)
from stash.images import UnusableCoverError, read_cover
from sync_queue.models import MISSING_SINCE, SyncJob
from validation.config import Config
from worker.backoff import SHORTEST_DELAY, calculate_delay
from worker.outage_guard import OutageGuard
from worker.services import Services
from worker.sync.results import Failed, SceneError
from worker.sync.session import SyncSession

# If Plex does not have a scene's file and the reason is unknown, the job is retried for at least
# this time.
SEARCH_SECONDS = 2 * 3600.0
_FEWEST_SEARCHES = 8
_SEARCHES_IF_EXPLAINED = 2
_COVER_DELAY = 60.0
# An outage of Plex may make a good job fail twice, so the limit is three.
MAX_FAILURES = 3
_MOST_TRACKED_JOBS = 100
_NONEXISTENT_SCENE = 0


class Blame(Enum):
    JOB = "job"
    PLEX = "plex"
    UNKNOWN = "unknown"


class Action(Enum):
    DEAD_LETTER = "move it to the dead-letter queue"
    DROP = "remove it, as the settings say"
    WAIT_FOR_PLEX = "an outage: count it for the breaker, spend no retry"
    OTHERS_FIRST = "wait a moment and spend no retry: other jobs will show the cause"
    PAUSE = "no job can succeed until settings or Plex change: spend no retry"
    WAIT_FOR_STASH = "no job can succeed until Stash answers: spend no retry"
    EXIT = "this process can do nothing more: keep the jobs"


@dataclass(frozen=True, slots=True)
class Retry:
    at: float
    counts: bool  # whether this uses up one of the job's retries


Decision = Retry | Action

_ACTIONS: tuple[tuple[tuple[type[Exception], ...], Action], ...] = (
    ((StashAuthError,), Action.EXIT),
    ((StashUnavailable,), Action.WAIT_FOR_STASH),
    (
        (PlexAuthError, PlexPermissionError, PlexTlsError, PlexRedirectError, PlexLibraryError),
        Action.PAUSE,
    ),
    ((PlexPermanentError, SceneError), Action.DEAD_LETTER),
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    error: Exception
    plex_healthy: bool = True
    blame: Blame = Blame.PLEX


def decide(
    diagnosis: Diagnosis,
    job: SyncJob,
    config: Config,
    now: float,
    uniform: Callable[[float, float], float],
) -> Decision:
    error = diagnosis.error
    for kinds, action in _ACTIONS:
        if isinstance(error, kinds):
            return action
    if isinstance(error, PlexReadOnly) and diagnosis.blame is Blame.UNKNOWN:
        return Action.OTHERS_FIRST
    is_sick = isinstance(error, PlexTemporaryError) and not diagnosis.plex_healthy
    if is_sick or isinstance(error, PlexServerDown):
        return Action.WAIT_FOR_PLEX
    delay = _uncounted_delay(error)
    if delay is not None:
        return Retry(at=now + delay, counts=False)
    if isinstance(error, PlexNotFound):
        if config.skip_not_found and error.looked_for:
            return Action.DROP
        is_last = _is_search_over(error, job, now)
    else:
        is_last = job.retry_count >= config.max_retries
    if is_last:
        return Action.DEAD_LETTER
    delay = calculate_delay(error, job.retry_count, uniform)
    asked = getattr(error, "retry_after", None) or 0.0
    return Retry(at=now + max(delay, asked), counts=True)


def _uncounted_delay(error: Exception) -> float | None:
    if isinstance(error, PlexReplaced):
        return 0.0
    if isinstance(error, PlexUploadsDown):
        return max(SHORTEST_DELAY, error.retry_after or 0.0)
    return _COVER_DELAY if isinstance(error, StashFileError) and error.concerns_all else None


def _is_search_over(error: PlexNotFound, job: SyncJob, now: float) -> bool:
    if error.explained and job.retry_count >= _SEARCHES_IF_EXPLAINED:
        return True
    since = job.data.get(MISSING_SINCE)
    is_long_ago = isinstance(since, int | float) and now - since >= SEARCH_SECONDS
    return is_long_ago and job.retry_count >= _FEWEST_SEARCHES


@dataclass(slots=True)
class _FailureCount:
    counted: int = 0
    another_succeeded: bool = False


@dataclass
class PoisonJobs:
    """Distinguishes a poison job, which always fails, from an outage of Plex.

    If another scene is synced between two failures of a job, Plex is up. Then the second failure
    counts against the job.
    """

    _records: dict[str, _FailureCount] = field(default_factory=dict)
    _last_failed: str = ""
    _failed_since_edit: bool = False

    def failed(self, key: str) -> Blame:
        is_first = not self._failed_since_edit
        self._failed_since_edit = True
        record = self._records.pop(key, None) or _FailureCount()
        counts = record.another_succeeded or (record.counted > 0 and self._last_failed == key)
        record = self._records[key] = _FailureCount(record.counted + counts)
        self._last_failed = key
        if len(self._records) > _MOST_TRACKED_JOBS:
            del self._records[next(iter(self._records))]
        if counts and record.counted >= MAX_FAILURES:
            return Blame.JOB
        return Blame.UNKNOWN if counts or is_first else Blame.PLEX

    def succeeded(self, key: str, *, wrote: bool) -> None:
        self._records.pop(key, None)
        if wrote:
            self._failed_since_edit = False
            for record in self._records.values():
                record.another_succeeded = True


@dataclass
class FailurePolicy:
    services: Services
    guard: OutageGuard
    poison: PoisonJobs = field(default_factory=PoisonJobs)

    def general_error(self, error: Exception) -> Exception:
        if not isinstance(error, StashQueryError | StashFileError):
            return error
        try:
            self.services.scenes.read([_NONEXISTENT_SCENE])
            if isinstance(error, StashFileError):
                read_cover(self.services.stash, _NONEXISTENT_SCENE)
        except StashQueryError as general:
            return StashUnavailable(str(general))
        except StashError as general:
            if isinstance(general, StashFileError):
                general.concerns_all = True
            return general
        except UnusableCoverError:
            pass
        return error

    def diagnose(self, result: Failed, session: SyncSession) -> Diagnosis:
        error, blame = result.error, Blame.PLEX
        if isinstance(error, StashQueryError | StashFileError):
            error = self.general_error(error)
        elif isinstance(error, PlexServerDown):
            blame = self.poison.failed(result.key)
            if blame is Blame.JOB:
                error = PlexTemporaryError(f"{error.brief}, although Plex works for other scenes")
        if blame is Blame.UNKNOWN and self.guard.is_away:
            blame = Blame.PLEX
        healthy = isinstance(error, PlexTemporaryError) and self.guard.check(session.client)
        return Diagnosis(error, plex_healthy=healthy, blame=blame)
