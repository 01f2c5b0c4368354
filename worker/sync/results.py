"""The results of a scene's jobs: a batch yields them, and the finalizer stores them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plex.matcher import MatchConfidence
from sync_queue.models import Claim
from sync_queue.operations import subject_label
from sync_queue.sync_records import SceneRecord
from validation.scene_extractor import SceneFile

SYNCED, SKIPPED = "synced", "skipped"  # outcomes in the sync log


class SceneError(Exception):
    """The scene itself cannot be synced, however often it is tried; the message says why."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """What all results have.

    Attributes:
        claims: all claimed jobs of the scene.
        label: how people recognise the scene.
    """

    claims: Sequence[Claim]
    label: str

    @property
    def key(self) -> str:
        """What the jobs are about (`SyncJob.job_key`)."""
        return self.claims[0].job.job_key

    @property
    def scene_id(self) -> int | None:
        """The scene's id; None for a job about something else."""
        return self.claims[0].job.scene_id


@dataclass(frozen=True, slots=True)
class Synced(_Ended):
    """Plex shows the scene as Stash has it.

    Attributes:
        record: what to remember of the scene.
        changed: what Plex got, for the log; empty when it showed everything already.
        confidence: how sure it is that the items are the scene's.
    """

    record: SceneRecord
    changed: tuple[str, ...] = ()
    confidence: MatchConfidence = MatchConfidence.HIGH

    @property
    def by_plex(self) -> bool:
        """Whether Plex was asked, and served."""
        return True

    @property
    def edited_at(self) -> float | None:
        """When the first of its jobs was queued, in seconds since the epoch; None: nobody knows."""
        moments = (claim.job.enqueued_at for claim in self.claims)
        return min(filter(None, moments), default=None)


@dataclass(frozen=True, slots=True)
class Skipped(_Ended):
    """Nothing is to be sent for the scene as it is now.

    Attributes:
        record: what to remember of the scene.
        reasons: for the log.
        by_plex: Plex was asked, and served.
    """

    record: SceneRecord
    reasons: tuple[str, ...]
    by_plex: bool = False


@dataclass(frozen=True, slots=True)
class Gone(_Ended):
    """Stash no longer has the scene; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScenesQueued(_Ended):
    """The job was about a performer, studio or tag; `outcome` says what became of its scenes."""

    outcome: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderScanned(_Ended):
    """A job that makes Plex scan folders is done.

    Attributes:
        outcome: for the log.
        by_plex: Plex scans, and the scene's metadata is to follow.
    """

    outcome: str
    by_plex: bool = False


@dataclass(frozen=True, slots=True)
class ScanPostponed(_Ended):
    """The job waits for another scan of the same folder; `until` is in seconds since the epoch."""

    until: float


@dataclass(frozen=True, slots=True)
class Failed(_Ended):
    """The jobs failed; `files` are the scene's, as Stash names them."""

    error: Exception
    files: tuple[SceneFile, ...] = ()


Success = Synced | Skipped | Gone | ScenesQueued | FolderScanned | ScanPostponed
Result = Success | Failed


def forget_all(claims: Sequence[Claim]) -> Iterator[Gone]:
    """Yield the end of each job of a destroyed scene: nothing of it is left to know.

    A job of the same scene in the same batch comes after it, and finds it gone from Stash.
    """
    for claim in claims:
        yield Gone([claim], subject_label(claim.job.job_key), "destroyed in Stash")
