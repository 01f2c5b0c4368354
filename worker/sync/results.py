"""The results of claimed jobs, which a batch yields and the finalizer stores."""

from collections.abc import Sequence
from dataclasses import dataclass

from plex.matcher import MatchConfidence
from sync_queue.models import Claim
from sync_queue.sync_records import SceneRecord
from validation.scene_extractor import SceneFile

SYNCED, SKIPPED = "synced", "skipped"  # outcomes that the sync log stores


class SceneError(Exception):
    """The scene cannot be synced, and a retry would not help; the message contains the reason."""


@dataclass(frozen=True, slots=True)
class _Result:
    claims: Sequence[Claim]  # All claimed jobs of the scene.
    label: str  # The scene's name for users.

    @property
    def key(self) -> str:
        return self.claims[0].job.job_key

    @property
    def scene_id(self) -> int | None:
        return self.claims[0].job.scene_id


@dataclass(frozen=True, slots=True)
class Synced(_Result):
    """Plex shows the metadata that the scene has in Stash."""

    record: SceneRecord
    changed: tuple[str, ...] = ()  # words for the changed fields; empty if Plex was up to date
    confidence: MatchConfidence = MatchConfidence.HIGH
    by_plex: bool = True


@dataclass(frozen=True, slots=True)
class Skipped(_Result):
    """The scene was not synced; `reasons` say why."""

    record: SceneRecord
    reasons: tuple[str, ...]
    by_plex: bool = False  # whether Plex answered a request about the scene


@dataclass(frozen=True, slots=True)
class Gone(_Result):
    """The scene was deleted in Stash."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScenesQueued(_Result):
    """The scenes of a performer, studio or tag were queued; the log shows `outcome`."""

    outcome: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderScanned(_Result):
    """The result of a job that asked Plex to scan a folder; `outcome` goes to the log."""

    outcome: str
    by_plex: bool = False  # whether Plex scans the folder; if so, the scene is synced next


@dataclass(frozen=True, slots=True)
class ScanPostponed(_Result):
    """The scan job waits, because the same folder was scanned recently."""

    until: float  # end of the wait, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class Failed(_Result):
    """The jobs failed with an error."""

    error: Exception
    files: tuple[SceneFile, ...] = ()  # the scene's files in Stash


Success = Synced | Skipped | Gone | ScenesQueued | FolderScanned | ScanPostponed
Result = Success | Failed
