"""The results of jobs. `by_plex` is True if Plex has answered one of the job's requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync_queue.models import Claim
from sync_queue.sync_log import SceneRecord
from validation.scene_extractor import SceneFile

SYNCED, SKIPPED = "synced", "skipped"


class SceneError(Exception):
    """The scene cannot be synced, and a retry would not help."""


@dataclass(frozen=True, slots=True)
class _Result:
    claims: Sequence[Claim]
    label: str

    @property
    def key(self) -> str:
        return self.claims[0].job.job_key

    @property
    def scene_id(self) -> int | None:
        return self.claims[0].job.scene_id


@dataclass(frozen=True, slots=True)
class Synced(_Result):
    record: SceneRecord
    changed: tuple[str, ...] = ()
    is_sure: bool = True
    by_plex: bool = True


@dataclass(frozen=True, slots=True)
class Skipped(_Result):
    record: SceneRecord
    reasons: tuple[str, ...]
    by_plex: bool = False


@dataclass(frozen=True, slots=True)
class Gone(_Result):
    pass


@dataclass(frozen=True, slots=True)
class ScenesQueued(_Result):
    outcome: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderScanned(_Result):
    outcome: str
    by_plex: bool = False


@dataclass(frozen=True, slots=True)
class ScanPostponed(_Result):
    until: float


@dataclass(frozen=True, slots=True)
class Failed(_Result):
    error: Exception
    files: tuple[SceneFile, ...] = ()


Success = Synced | Skipped | Gone | ScenesQueued | FolderScanned | ScanPostponed
Result = Success | Failed
