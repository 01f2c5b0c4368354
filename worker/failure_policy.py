"""Decides what happens to a failed job, by its error and the state of the servers."""

from collections.abc import Callable
from dataclasses import dataclass
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
from worker.backoff import SHORTEST_DELAY, calculate_delay, get_retry_params
from worker.outage_guard import OutageGuard
from worker.services import Services
from worker.sync.results import Failed, SceneError, Success, Synced
from worker.sync.session import SyncSession

KEEP_LOOKING = 2 * 3600.0  # seconds: how long the worker looks for a missing item
# A clock that jumps ahead must not end the search at once, so the search has a number of tries.
_FEWEST_LOOKS = 8
# The number of tries if the reason is known why Plex does not list the file. The reason may be
# wrong the first time, and a dead letter is queued again if Plex gets the file.
_LOOKS_IF_EXPLAINED = 2
_WITHOUT_COVERS = 60.0  # seconds between two tries while Stash returns no cover of any scene
ROUNDS = 3  # failures that count, after which a job is a poison job
_MOST_SUSPECTS = 100
_NO_SCENE = 0  # no scene has this id


class Blame(Enum):
    """The cause of a failure that looks like an outage of Plex."""

    JOB = "job"
    PLEX = "plex"
    UNKNOWN = "unknown"  # the first failure since the last edit: other jobs will show the cause


class Action(Enum):
    """A decision about a failed job, other than a retry."""

    DEAD_LETTER = "move it to the dead-letter queue"
    DROP = "remove it, as the settings say"
    WAIT_FOR_PLEX = "an outage: count it for the breaker, spend no retry"
    OTHERS_FIRST = "wait a moment and spend no retry: other jobs will show the cause"
    PAUSE = "no job can succeed until settings or Plex change: spend no retry"
    WAIT_FOR_STASH = "no job can succeed until Stash answers: spend no retry"
    EXIT = "this process can do nothing more: keep the jobs"


@dataclass(frozen=True, slots=True)
class Retry:
    """The decision to try a job again at the moment `at`; `counts` spends a retry."""

    at: float
    counts: bool


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
    """An error of a scene's jobs, and the findings about its cause."""

    error: Exception
    plex_healthy: bool = True  # if so, a temporary error is the fault of the job
    blame: Blame = Blame.PLEX


def decide(
    diagnosis: Diagnosis,
    job: SyncJob,
    config: Config,
    now: float,
    uniform: Callable[[float, float], float],
) -> Decision:
    """Return the decision about the job; an error of an unknown class is a bug of this plugin."""
    error = diagnosis.error
    for kinds, action in _ACTIONS:
        if isinstance(error, kinds):
            return action
    if isinstance(error, PlexReadOnly) and diagnosis.blame is Blame.UNKNOWN:
        return Action.OTHERS_FIRST
    is_sick = isinstance(error, PlexTemporaryError) and not diagnosis.plex_healthy
    if is_sick or isinstance(error, PlexServerDown):
        return Action.WAIT_FOR_PLEX
    free_wait = _free_wait(error)
    if free_wait is not None:
        return Retry(at=now + free_wait, counts=False)
    if isinstance(error, PlexNotFound):
        # A setting may only skip a file for which Plex was searched just now.
        if config.skip_not_found and error.looked_for:
            return Action.DROP
        is_last = _is_search_over(error, job, now)
    else:
        is_last = job.retry_count >= config.max_retries
    if is_last:
        return Action.DEAD_LETTER
    delay = calculate_delay(job.retry_count, get_retry_params(type(error).__name__), uniform)
    asked = getattr(error, "retry_after", None) or 0.0
    return Retry(at=now + max(delay, asked), counts=True)


def _free_wait(error: Exception) -> float | None:
    """Return the wait until a try that spends no retry; None if the try has to spend a retry."""
    if isinstance(error, PlexReplaced):
        return 0.0
    if isinstance(error, PlexUploadsDown):
        return max(SHORTEST_DELAY, error.retry_after or 0.0)
    return _WITHOUT_COVERS if isinstance(error, StashFileError) and error.concerns_all else None


def _is_search_over(error: PlexNotFound, job: SyncJob, now: float) -> bool:
    if error.explained and job.retry_count >= _LOOKS_IF_EXPLAINED:
        return True
    since = job.data.get(MISSING_SINCE)
    is_long_ago = isinstance(since, int | float) and now - since >= KEEP_LOOKING
    return is_long_ago and job.retry_count >= _FEWEST_LOOKS


@dataclass(slots=True)
class _Suspicion:
    rounds: int = 0
    others_served: bool = False


class PoisonJobs:
    """Distinguishes a poison job, at which Plex always fails, from an outage of Plex.

    Plex, or a proxy before Plex, may answer each request for a scene with 502 to 504, or may fail
    at every edit of an item. Such a failure looks like an outage, so it costs the job no retry.
    The results of other jobs show the cause. A failure counts against its job only

    - if Plex has carried out an edit of another scene since the last failure of the job; or
    - after such an edit, if no other job has failed like this in between.

    During an outage Plex carries out no edit, so no failure counts. The last failure of an outage
    may count by mistake, so a job is at fault only after three failures that count. A new worker
    knows no failures of earlier workers.
    """

    def __init__(self) -> None:
        self._suspicions: dict[str, _Suspicion] = {}  # the keys are `SyncJob.job_key`
        self._last = ""
        self._is_failing = False  # a job has failed since the last edit

    def failed(self, key: str) -> Blame:
        is_first = not self._is_failing
        self._is_failing = True
        suspicion = self._suspicions.pop(key, None) or _Suspicion()
        counts = suspicion.others_served or (suspicion.rounds > 0 and self._last == key)
        suspicion.rounds += counts
        suspicion.others_served = False
        self._suspicions[key] = suspicion
        self._last = key
        if len(self._suspicions) > _MOST_SUSPECTS:
            del self._suspicions[next(iter(self._suspicions))]
        if counts and suspicion.rounds >= ROUNDS:
            return Blame.JOB
        return Blame.UNKNOWN if counts or is_first else Blame.PLEX

    def succeeded(self, key: str, *, wrote: bool) -> None:
        """Record that a job succeeded; `wrote` if Plex carried out an edit."""
        self._suspicions.pop(key, None)
        if wrote:
            self._is_failing = False
            for suspicion in self._suspicions.values():
                suspicion.others_served = True


class FailurePolicy:
    """Finds the causes of failures, and remembers which jobs may be poison jobs."""

    def __init__(self, services: Services, guard: OutageGuard) -> None:
        self._services = services
        self._guard = guard
        self._poison = PoisonJobs()

    def succeeded(self, result: Success) -> None:
        wrote = isinstance(result, Synced) and bool(result.changed)
        self._poison.succeeded(result.key, wrote=wrote)

    def general_error(self, error: Exception) -> Exception:
        """Return the error, or a general error of Stash if no scene is at fault.

        A Stash with a closed database rejects the queries for all scenes, and their jobs would
        spend all retries within minutes. So this method queries a scene that does not exist.
        """
        if not isinstance(error, StashQueryError | StashFileError):
            return error
        try:
            self._services.scenes.read([_NO_SCENE])
            if isinstance(error, StashFileError):
                read_cover(self._services.stash, _NO_SCENE)
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
        """Find the cause of a scene's failure, with a health check of Plex if necessary."""
        error, blame = result.error, Blame.PLEX
        if isinstance(error, PlexServerDown):
            blame = self._poison.failed(result.key)
        if blame is Blame.JOB:
            error = PlexTemporaryError(f"{error}, repeatedly, although Plex serves other scenes")
        if blame is Blame.UNKNOWN and self._guard.is_away:
            blame = Blame.PLEX  # the known outage continues
        healthy = isinstance(error, PlexTemporaryError) and self._guard.check(session.client)
        return Diagnosis(error, plex_healthy=healthy, blame=blame)
