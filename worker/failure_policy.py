"""Decides what becomes of a job that failed: by its error, the job, and what the servers answer."""

from dataclasses import dataclass

from plex.exceptions import PlexServerDown, PlexTemporaryError
from stash.exceptions import StashError, StashFileError, StashQueryError, StashUnavailable
from stash.images import UnusableCoverError
from sync_queue.models import SyncJob
from validation.config import Config
from worker.outage_guard import OutageGuard
from worker.retry_policy import Blame, Decision, decide
from worker.services import Services
from worker.sync.results import Failed, Success, Synced
from worker.sync.session import SyncSession

ROUNDS = 3
_MOST = 100  # jobs that are remembered; a long outage meets one with each probe
_NO_SCENE = 0  # Stash counts its scenes from 1


@dataclass(slots=True)
class _Suspicion:
    rounds: int = 0
    others_served: bool = False


class Suspects:
    """Tells a poison job, at which Plex always fails, from a Plex that is away or saves nothing.

    Plex, or a proxy before it, may answer one scene for ever with 502 to 504, and may fail at every
    edit of one item. Both look like an outage and cost no job a retry. One failure cannot tell the
    two apart, but what becomes of other jobs can. A failure of a job counts against the job only

    - when Plex has carried out an edit of another scene since the job failed the last time; or
    - once that was seen, also when no other job has failed like this in between: where nothing else
      waits, nothing else can go through.

    In an outage nothing is carried out, even if Plex's health checks are good all the while. So no
    number of failures, of however many jobs, counts against any. A job that nothing else was tried
    beside is not blamed either: the job waits, and keeps no other waiting.

    A failure at the end of an outage looks like the job's own, when others go through right after
    it. So does one in a restart of Plex. Such chances do not come to one job three times before it
    succeeds: three failures that count are its own fault.

    Jobs are named by their `job_key`. All of this is lost with the worker.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Suspicion] = {}
        self._last = ""
        self._failing = False  # a job has failed since an edit was carried out

    def failed(self, key: str) -> Blame:
        """Note that a job failed as if Plex were away; return who is at fault."""
        first = not self._failing
        self._failing = True
        suspicion = self._jobs.pop(key, None) or _Suspicion()
        counts = suspicion.others_served or (suspicion.rounds > 0 and self._last == key)
        suspicion.rounds += counts
        suspicion.others_served = False
        self._jobs[key] = suspicion
        self._last = key
        if len(self._jobs) > _MOST:
            del self._jobs[next(iter(self._jobs))]
        if counts and suspicion.rounds >= ROUNDS:
            return Blame.JOB
        return Blame.OPEN if counts or first else Blame.PLEX

    def done(self, key: str, *, wrote: bool) -> None:
        """Note that a job succeeded; `wrote` tells whether Plex carried out an edit for it.

        A scene that was in step says nothing: Plex may read and not write.
        """
        self._jobs.pop(key, None)
        if wrote:
            self._failing = False
            for suspicion in self._jobs.values():
                suspicion.others_served = True


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of one scene's jobs, with what was found out about it.

    Attributes:
        error: what the error turned out to be.
        plex_healthy: what a health check said after a temporary error of Plex.
        blame: whose fault it is when Plex seems to be away.
    """

    error: Exception
    plex_healthy: bool = True
    blame: Blame = Blame.PLEX


class FailurePolicy:
    """Decides about failures; remembers which jobs failed as if Plex were away.

    Args:
        services: the objects of this process.
        guard: the worker's.
    """

    def __init__(self, services: Services, guard: OutageGuard) -> None:
        self._services = services
        self._guard = guard
        self._suspects = Suspects()

    def succeeded(self, result: Success) -> None:
        """Note that a scene's jobs succeeded."""
        self._suspects.done(result.key, wrote=isinstance(result, Synced) and bool(result.changed))

    def diagnosed(self, error: Exception) -> Exception:
        """Return the error, or Stash's own fault where no scene can be at fault.

        A Stash whose database is closed, or that no longer knows a field of the query, answers
        every question with errors. As faults of the scenes these would spend all retries within
        minutes. So Stash is asked the same about a scene that does not exist. Only where Stash
        answers that, the scene in question is at fault.

        Args:
            error: of a scene, or of a whole batch.
        """
        if not isinstance(error, StashQueryError | StashFileError):
            return error
        try:
            self._services.scenes.read([_NO_SCENE])
            if isinstance(error, StashFileError):
                self._services.images.cover(_NO_SCENE)
        except StashQueryError as general:
            return StashUnavailable(str(general))
        except StashFileError as general:
            general.concerns_all = True
            return general
        except StashError as general:
            return general
        except UnusableCoverError:
            pass
        return error

    def examined(self, error: Exception, result: Failed, session: SyncSession) -> Failure:
        """Find out whose fault an error of a scene is.

        Args:
            error: as `diagnosed` returned it.
            result: of the scene.
            session: of the batch, for a health check.
        """
        blame = Blame.PLEX
        if isinstance(error, PlexServerDown):
            blame = self._suspects.failed(result.key)
        if blame is Blame.JOB:
            error = PlexTemporaryError(f"{error}, again and again while it serves other scenes")
        if blame is Blame.OPEN and self._guard.is_away:
            blame = Blame.PLEX  # the outage that is known goes on
        healthy = isinstance(error, PlexTemporaryError) and self._guard.check(session.client)
        return Failure(error, plex_healthy=healthy, blame=blame)

    def decide(self, failure: Failure, job: SyncJob, config: Config) -> Decision:
        """Return what becomes of one job (see `worker.retry_policy`)."""
        return decide(
            failure.error,
            job,
            max_retries=config.max_retries,
            skip_not_found=config.skip_not_found,
            plex_healthy=failure.plex_healthy,
            blame=failure.blame,
            now=self._services.clock(),
            uniform=self._services.uniform,
        )
