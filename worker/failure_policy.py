"""Decides what becomes of a job that failed: by its error, the job, and what the servers answer."""

from dataclasses import dataclass

from plex.exceptions import PlexServerDown, PlexTemporaryError
from sync_queue.models import SyncJob
from validation.config import Config
from worker.diagnosis import diagnosed
from worker.environment import Environment
from worker.retry_policy import Decision, decide
from worker.suspects import Blame, Suspects
from worker.sync.results import Failed, Success, Synced
from worker.sync.session import SyncSession


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
        environment: the worker's tools.
    """

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._suspects = Suspects()

    def succeeded(self, result: Success) -> None:
        """Note that a scene's jobs succeeded."""
        self._suspects.done(result.key, wrote=isinstance(result, Synced) and bool(result.changed))

    def diagnosed(self, error: Exception) -> Exception:
        """Return what an error turns out to be (see `worker.diagnosis`)."""
        return diagnosed(error, self._env.scenes, self._env.images)

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
        if blame is Blame.OPEN and self._env.guard.is_away:
            blame = Blame.PLEX  # the outage that is known goes on
        healthy = isinstance(error, PlexTemporaryError) and self._env.guard.check(session.client)
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
            now=self._env.clock(),
            uniform=self._env.uniform,
        )
