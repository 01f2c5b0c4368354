from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from plex.diff import Comparison, ItemEdit, is_user_edited, same
from plex.edit_parameters import is_shortened
from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.matcher import MatchConfidence, Matching
from plex.originals import original_values
from plex.server_facts import UNKNOWN, Behaviour
from sync_queue.models import TRY_REFUSED, Claim
from sync_queue.sync_log import SYNCED_BY_LEGACY, FieldValues, ItemRecord, SceneRecord, SyncLog
from validation.metadata import SceneMetadata, SyncSettings, has_meaningful_metadata
from validation.paths import folded
from validation.scene_extractor import StashScene
from worker.sync.results import SYNCED
from worker.sync.session import SyncSession


@dataclass(slots=True)
class SceneWork:
    claims: list[Claim]
    scene: StashScene
    desired: SceneMetadata
    matching: Matching = field(default_factory=Matching)
    items: list[PlexItem] = field(default_factory=list)
    taken_over: list[int] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    shared_items: dict[str, list[int]] = field(default_factory=dict)
    unseen: bool = False  # whether the path index has an item that Plex did not return
    looked_for: bool = False
    error: PlexError | None = None

    @property
    def refused_since(self) -> float:
        """Return when a user last asked to send refused values again, or 0 for never."""
        moments = [claim.job.data.get(TRY_REFUSED) for claim in self.claims]
        return max((m for m in moments if isinstance(m, int | float)), default=0.0)

    def joins(self, item: PlexItem) -> list[str]:
        shown = set(map(folded, item.collections))
        return [name for name in self.desired.collections or () if folded(name) not in shown]

    @property
    def is_sure(self) -> bool:
        return all(match.confidence is MatchConfidence.HIGH for match in self.matching.matches)


def lacks_metadata(scene: StashScene, last: SceneRecord | None, settings: SyncSettings) -> bool:
    never_synced = last is None or not (last.outcome in (SYNCED, SYNCED_BY_LEGACY) or last.was_sent)
    return never_synced and not has_meaningful_metadata(scene, settings)


class ItemPlan(NamedTuple):
    last: ItemRecord
    edit: ItemEdit
    original: FieldValues


@dataclass(frozen=True, slots=True)
class EditPlanner:
    sent: Mapping[int, Mapping[int, ItemRecord]]
    originals: Mapping[int, FieldValues]
    behaviour: Behaviour = UNKNOWN
    preserve: bool = False

    @classmethod
    def of(cls, log: SyncLog, session: SyncSession, works: Collection[SceneWork]) -> Self:
        server_id = session.library.server_id
        joined = [item.section_key for work in works for item in work.items if work.joins(item)]
        since = max((work.refused_since for work in works), default=0.0)
        session.read_smart_collections(joined, since)
        keys = {item.rating_key for work in works for item in work.items}
        stored = log.items(server_id, keys), log.originals(server_id, keys)
        return cls(*stored, session.facts.behaviour(), session.config.preserve_plex_edits)

    def plan(self, work: SceneWork, item: PlexItem) -> ItemPlan:
        last = self.sent_for(work.scene.id, item.rating_key) or ItemRecord("", {})
        original = self.originals.get(item.rating_key) or original_values(item)
        refused = last.refused
        if work.refused_since:
            # A text that Plex shortened is not sent again, because Plex would shorten it again.
            refused = {
                name: value
                for name, value in refused.items()
                if isinstance(value, str) and is_shortened(str(last.sent.get(name, "")), value)
            }
        edit = Comparison(
            work.desired,
            item,
            last.sent,
            original,
            refused=refused,
            pending=last.pending,
            preserve=self.preserve,
            behaviour=self.behaviour,
        ).edit()
        return ItemPlan(last, edit, original)

    def sent_for(self, scene_id: int, rating_key: int) -> ItemRecord | None:
        return self.sent.get(rating_key, {}).get(scene_id)

    def written(self, item: PlexItem) -> set[str]:
        key = item.rating_key
        return written_fields(self.sent.get(key, {}).values(), item, self.originals.get(key, {}))


def written_fields(records: Collection[ItemRecord], item: PlexItem, held: FieldValues) -> set[str]:
    """Return the fields that the plugin has written to an item."""
    written = {name for record in records for name in (*record.sent, *record.refused)}
    for record in records:
        for name in record.pending:
            is_original = name in held and same(held[name], getattr(item, name))
            if is_original or not is_user_edited(name, item, {}, held, record.pending):
                written.add(name)
    return written


def arrived(record: ItemRecord, item: PlexItem) -> FieldValues:
    pending = record.pending.items()
    return {name: value for name, value in pending if same(value, getattr(item, name))}
