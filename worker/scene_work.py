"""The state of a scene in a batch, its result, and the batch's jobs by kind."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.matcher import MatchConfidence, Matching
from sync_queue.models import TRY_REFUSED, Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET, subject_label
from sync_queue.sync_records import SceneRecord
from validation.metadata import SceneMetadata
from validation.scene_extractor import SceneFile, StashScene

SYNCED, SKIPPED = "synced", "skipped"


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of a job that makes Plex scan folders.

    Attributes:
        then_sync: whether the scene's metadata is to follow.
        wait_until: seconds since the epoch until which the job waits for another scan of the same
            folder; None when it is done.
    """

    then_sync: bool = False
    wait_until: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How the jobs of one scene ended.

    Attributes:
        claims: all claimed jobs of that scene.
        label: how people recognise the scene.
        error: None when the effect is in Plex, or nothing is to be done.
        record: what to store of the scene; None when it is gone from Stash.
        changed: what Plex got, for the log; empty when it showed everything already.
        files: the scene's, as Stash names them.
        by_plex: Plex was asked for this, and served.
        scan: these are jobs of folder scans, not of the scene's metadata.
        passed_on: the jobs were of no scene; those of the scenes concerned are queued.
        confidence: how sure it is that the items are the scene's; None when none was written.
    """

    claims: Sequence[Claim]
    label: str
    error: Exception | None = None
    record: SceneRecord | None = None
    changed: tuple[str, ...] = ()
    files: tuple[SceneFile, ...] = ()
    by_plex: bool = False
    scan: ScanOutcome | None = None
    passed_on: bool = False
    confidence: MatchConfidence | None = None

    @property
    def key(self) -> str:
        """What its jobs are about (`SyncJob.job_key`)."""
        return self.claims[0].job.job_key

    @property
    def wrote(self) -> bool:
        """Whether Plex carried out an edit for it."""
        synced = self.record is not None and self.record.outcome == SYNCED
        return self.error is None and self.by_plex and synced and bool(self.changed)

    @property
    def edited_at(self) -> float | None:
        """When the first of its jobs was queued, in seconds since the epoch; None: nobody knows."""
        moments = (claim.job.enqueued_at for claim in self.claims)
        return min(filter(None, moments), default=None)


@dataclass(slots=True)
class SceneWork:
    """A scene on its way through the stages: read, matched, written.

    Attributes:
        desired: what Plex shall show of it.
        matching: which items hold its files, by the path index.
        items: those of them that were read, do hold them, and show this scene.
        taken_over: the keys of those items that were written for another scene before.
        elsewhere: for people: which other scenes its other items show.
        unseen: whether Plex lists an item of it but did not show it when it was asked.
        looked_for: whether Plex was asked, since the edit, for what its index does not have.
        error: why it goes no further.
    """

    claims: list[Claim]
    scene: StashScene
    desired: SceneMetadata
    matching: Matching = field(default_factory=Matching)
    items: list[PlexItem] = field(default_factory=list)
    taken_over: list[int] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    unseen: bool = False
    looked_for: bool = False
    error: PlexError | None = None

    @property
    def refused_since(self) -> float:
        """From when on a refusal of Plex counts: earlier ones are tried again on request."""
        moments = [claim.job.data.get(TRY_REFUSED) for claim in self.claims]
        return max((m for m in moments if isinstance(m, int | float)), default=0.0)

    @property
    def confidence(self) -> MatchConfidence:
        """How sure it is that the items are the scene's: the least sure of them counts."""
        sure = all(one.confidence is MatchConfidence.HIGH for one in self.matching.matches)
        return MatchConfidence.HIGH if sure else MatchConfidence.LOW


@dataclass(frozen=True, slots=True)
class JobKinds:
    """Claims: scenes to forget, performers and the like, folders to scan, scenes to sync."""

    forgets: list[Claim] = field(default_factory=list)
    entities: list[Claim] = field(default_factory=list)
    scans: list[Claim] = field(default_factory=list)
    scenes: list[Claim] = field(default_factory=list)


def split_jobs(claims: Iterable[Claim]) -> JobKinds:
    """Return the claims by kind, each in the order in which they came."""
    kinds = JobKinds()
    of_type = {FORGET: kinds.forgets, ENTITY: kinds.entities, FOLDER_SCAN: kinds.scans}
    for claim in claims:
        of_type.get(claim.job.update_type, kinds.scenes).append(claim)
    return kinds


def forget_all(claims: Sequence[Claim]) -> Iterator[Result]:
    """Yield the end of each job of a destroyed scene: nothing of it is left to know.

    A job of the same scene in the same batch comes after it, and finds it gone from Stash.
    """
    for claim in claims:
        yield Result([claim], subject_label(claim.job.job_key), changed=("destroyed in Stash",))
