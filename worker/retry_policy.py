"""From an error to what becomes of its job: one pure function for every caller."""

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
from stash.exceptions import StashAuthError, StashFileError, StashUnavailable
from sync_queue.models import MISSING_SINCE, SyncJob
from worker.backoff import SHORTEST_DELAY, calculate_delay, get_retry_params

KEEP_LOOKING = 2 * 3600.0  # seconds: a missing item is looked for this long

_CONFIGURATION = (
    PlexAuthError,
    PlexPermissionError,
    PlexTlsError,
    PlexRedirectError,
    PlexLibraryError,
)
# A clock that jumps ahead must not end the search at once: so many tries it takes at least.
_FEWEST_LOOKS = 8
# Tries for a file of which it is known why Plex does not list it: the rules may be wrong once, and
# a dead letter is queued again when Plex has the file after all.
_LOOKS_IF_EXPLAINED = 2
_WITHOUT_COVERS = 60.0  # seconds between two tries while Stash gives no cover of any scene


class Blame(Enum):
    """Who is at fault when a job fails as if Plex were away."""

    JOB = "job"
    PLEX = "plex"
    OPEN = "open"  # the first failure since an edit was carried out: another job will tell


class SceneError(Exception):
    """The scene itself cannot be synced, however often it is tried; the text says why."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The job waits; `counts` spends one of its retries."""

    at: float
    counts: bool


@dataclass(frozen=True, slots=True)
class Bury:
    """The job becomes a dead letter."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The job is finished without effect, because the user wants it so."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Plex is away: the breaker counts it, the job waits and spends nothing."""


@dataclass(frozen=True, slots=True)
class OthersFirst:
    """The job waits a moment and spends nothing: other jobs will tell whose fault it is."""


@dataclass(frozen=True, slots=True)
class Pause:
    """No job can succeed until settings, Plex or Stash change: all wait and spend nothing.

    Attributes:
        by_stash: Stash is what is missing, not a setting.
    """

    by_stash: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """This process can do nothing more: it ends and keeps the jobs."""


Decision = Retry | Bury | Drop | Outage | OthersFirst | Pause | Leave


def decide(
    error: Exception,
    job: SyncJob,
    *,
    max_retries: int,
    skip_not_found: bool,
    plex_healthy: bool,
    blame: Blame = Blame.PLEX,
    now: float,
    uniform: Callable[[float, float], float],
) -> Decision:
    """Return what becomes of a job that failed with this error.

    Args:
        error: one of Plex's, Stash's or the scene's errors; anything else is a bug of ours.
        job: with its `retry_count`, and `missing_since` among its data where it was missing before.
        max_retries: the setting.
        skip_not_found: the setting; it never speaks of what Plex was not asked for just now.
        plex_healthy: what a probe said after a `PlexTemporaryError`: True makes it the job's own
            fault, False an outage.
        blame: whose fault it is when Plex seems to be away (see `worker.failure_policy`).
    """
    decision = _without_fault_of_the_job(error, plex_healthy=plex_healthy, blame=blame, now=now)
    if decision is not None:
        return decision
    if isinstance(error, PlexNotFound):
        if skip_not_found and error.looked_for:
            return Drop()
        return _when_missing(job, now, uniform, explained=error.explained)
    if isinstance(error, PlexPermanentError | SceneError) or job.retry_count >= max_retries:
        return Bury()
    params = get_retry_params(type(error).__name__)
    delay = calculate_delay(job.retry_count, params, uniform)
    asked = getattr(error, "retry_after", None) or 0.0
    return Retry(at=now + max(delay, asked), counts=True)


def _without_fault_of_the_job(
    error: Exception, *, plex_healthy: bool, blame: Blame, now: float
) -> Decision | None:
    """Return what becomes of any job at this error; None where the job itself may be at fault."""
    if isinstance(error, StashAuthError):
        return Leave()
    if isinstance(error, StashUnavailable):
        return Pause(by_stash=True)
    if isinstance(error, StashFileError) and error.concerns_all:
        return Retry(at=now + _WITHOUT_COVERS, counts=False)
    if isinstance(error, PlexUploadsDown):
        return Retry(at=now + max(SHORTEST_DELAY, error.retry_after or 0.0), counts=False)
    if isinstance(error, _CONFIGURATION):
        return Pause()
    if isinstance(error, PlexReplaced):
        return Retry(at=now, counts=False)
    if isinstance(error, PlexReadOnly) and blame is Blame.OPEN:
        return OthersFirst()
    if isinstance(error, PlexServerDown):
        return Outage()
    if isinstance(error, PlexTemporaryError) and not plex_healthy:
        return Outage()
    return None


def _when_missing(
    job: SyncJob, now: float, uniform: Callable[[float, float], float], *, explained: bool
) -> Decision:
    if explained and job.retry_count >= _LOOKS_IF_EXPLAINED:
        return Bury()
    missing_since = job.data.get(MISSING_SINCE)
    long_enough = isinstance(missing_since, int | float) and now - missing_since >= KEEP_LOOKING
    if long_enough and job.retry_count >= _FEWEST_LOOKS:
        return Bury()
    delay = calculate_delay(job.retry_count, get_retry_params("PlexNotFound"), uniform)
    return Retry(at=now + delay, counts=True)
