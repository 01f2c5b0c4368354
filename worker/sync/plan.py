"""What a scene's item would be sent: one decision for the worker and for the preview."""

from typing import NamedTuple

from plex.diff import ItemEdit, edit_for
from plex.edit_requests import is_shortened
from plex.items import PlexItem
from plex.originals import original_values
from plex.server_facts import Behaviour
from sync_queue.sync_log import SYNCED_EARLIER
from sync_queue.sync_records import FieldValues, ItemRecord, SceneRecord
from validation.metadata import has_meaningful_metadata
from validation.scene_extractor import StashScene
from worker.sync.results import SYNCED
from worker.sync.scene_work import SceneWork


class ItemPlan(NamedTuple):
    """What an item was last sent, what it would be sent now, and what it held before us."""

    last: ItemRecord
    edit: ItemEdit
    original: FieldValues


def plan_item(
    one: SceneWork,
    item: PlexItem,
    last: ItemRecord | None,
    original: FieldValues | None,
    behaviour: Behaviour,
    *,
    preserve: bool,
) -> ItemPlan:
    """Return the edit that would bring an item in step with its scene.

    Args:
        one: the scene, with what Plex shall show of it.
        item: one of its items, as just read.
        last: what the item was last sent for this scene, if ever.
        original: what it held before our first write, if there was one.
        behaviour: what is known about the server.
        preserve: leave alone what a person set in Plex.
    """
    last = last or ItemRecord("", {})
    original = original or original_values(item)
    edit = edit_for(
        one.desired,
        item,
        last.sent,
        original,
        refused=_cut_texts(last) if one.refused_since else last.refused,
        pending=last.pending,
        preserve=preserve,
        behaviour=behaviour,
    )
    return ItemPlan(last, edit, original)


def _cut_texts(last: ItemRecord) -> FieldValues:
    """Return of what Plex refused the texts that are too long: these need no other try."""
    return {
        name: value
        for name, value in last.refused.items()
        if isinstance(value, str) and is_shortened(str(last.sent.get(name, "")), value)
    }


def lacks_metadata(scene: StashScene, last: SceneRecord | None) -> bool:
    """Tell whether the scene is left alone, since nobody has identified it yet."""
    never_synced = last is None or last.outcome not in (SYNCED, SYNCED_EARLIER)
    return never_synced and not has_meaningful_metadata(scene)
