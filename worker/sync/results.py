"""The results of claimed jobs; a batch yields them, and the finalizer stores them."""

from collections.abc import Sequence
from dataclasses import dataclass

from plex.matcher import MatchConfidence
from sync_queue.models import Claim
from sync_queue.sync_records import SceneRecord
from validation.scene_extractor import SceneFile

SYNCED, SKIPPED = "synced", "skipped"  # outcomes in the sync log


class SceneError(Exception):
    """The scene cannot be synced, however often the job is tried; the message says why."""


@dataclass(frozen=True, slots=True)
class _Result:
    claims: Sequence[Claim]  # all claimed jobs of the scene
    label: str  # the scene's name for users

    @property
    def key(self) -> str:
        return self.claims[0].job.job_key

    @property
    def scene_id(self) -> int | None:
        return self.claims[0].job.scene_id


@dataclass(frozen=True, slots=True)
class Synced(_Result):
    """Plex shows the scene as Stash has it."""

    record: SceneRecord
    changed: tuple[str, ...] = ()  # the changed fields in words; empty if Plex was up to date
    confidence: MatchConfidence = MatchConfidence.HIGH
    by_plex: bool = True


@dataclass(frozen=True, slots=True)
class Skipped(_Result):
    """The scene has nothing to send now."""

    record: SceneRecord
    reasons: tuple[str, ...]
    by_plex: bool = False  # Plex answered a request about the scene


@dataclass(frozen=True, slots=True)
class Gone(_Result):
    """Stash no longer has the scene."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScenesQueued(_Result):
    """The scenes of a performer, studio or tag are queued; `outcome` is for the log."""

    outcome: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderScanned(_Result):
    """The request to scan the scene's folders is done; `outcome` is for the log."""

    outcome: str
    by_plex: bool = False  # Plex scans the folder, so the scene can be synced next


@dataclass(frozen=True, slots=True)
class ScanPostponed(_Result):
    """The job waits for another scan of the same folder."""

    until: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Failed(_Result):
    """The jobs failed."""

    error: Exception
    files: tuple[SceneFile, ...] = ()  # the scene's files in Stash


Success = Synced | Skipped | Gone | ScenesQueued | FolderScanned | ScanPostponed
Result = Success | Failed
