"""The state of a scene in a batch, and the batch's jobs by kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.matcher import MatchConfidence, Matching
from sync_queue.models import TRY_REFUSED, Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene


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
