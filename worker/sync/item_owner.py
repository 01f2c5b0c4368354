"""Whose metadata an item shows when several scenes have their files in it.

Plex merges versions of a video into one item, and Stash may have a scene of each. If every one of
them wrote, the item would flip with each edit.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from plex.items import PlexItem
from plex.matcher import (
    Match,
    PlexMatcher,
    Sharing,
    has_first_file,
    sharing_of,
    still_holds,
)
from shared.events import Event, Report
from sync_queue.sync_log import NO_SCENE, SyncLog
from validation.paths import folded_path
from validation.scene_extractor import StashScene
from worker.sync.match_messages import shared
from worker.sync.scene_work import SceneWork

ReadScenes = Callable[[Sequence[int]], Mapping[int, StashScene]]


def owner_of(claimants: Mapping[int, bool], logged: Collection[int]) -> int:
    """Return the scene that an item shows.

    It is the one whose file is the first of the item's first version. Where that is not among
    those who ask, whoever was written to it stays, and at first the scene of the lowest id.

    Args:
        claimants: the scenes that now have a file in the item, and whether it is the first one.
        logged: the scenes that the item was written for before.
    """
    firsts = [scene for scene, has_first in claimants.items() if has_first]
    return min(firsts or logged or claimants)


class ItemOwners:
    """Gives each item to the scene that it shows.

    Whoever was written to an item loses it without a word when scenes are merged in Stash, or when
    its file is given to another one. So Stash is asked about those who are to keep an item although
    they did not ask for it: one that is gone, or has no file in the item any more, keeps nothing.

    Args:
        sync_log: knows for which scene an item was written.
        server_id: Plex's identity.
        matcher: finds the items of a scene's files.
        read: reads scenes from Stash; the ones that are gone are absent.
        report: gets an event, once, about an item that holds different films.

    Attributes:
        gone: scenes of the log that Stash no longer has, as far as they stood in the way.
    """

    def __init__(
        self,
        sync_log: SyncLog,
        server_id: str,
        matcher: PlexMatcher,
        read: ReadScenes,
        report: Report,
    ) -> None:
        self._sync_log = sync_log
        self._server_id = server_id
        self._matcher = matcher
        self._read = read
        self._report = report
        self._told: set[str] = set()
        self.gone: set[int] = set()

    def settle(self, work: Sequence[SceneWork]) -> None:
        """Leave each item with its scene, and take it away from those whom it does not show.

        Raises:
            StashError: Stash could not be asked about another owner.
        """
        items = {item.rating_key: item for one in work for item in one.items}
        claimants = _claimants(work)
        written = self._sync_log.scenes_of_items(self._server_id, items)
        logged = {key: written.get(key, set()) for key in items}
        owners = {key: scene_ids - {NO_SCENE} for key, scene_ids in logged.items()}
        absent = {
            key: owners[key] - claimants[key].keys()
            for key in items
            if owner_of(claimants[key], owners[key]) not in claimants[key]
        }
        lapsed = self._lapsed(absent, items)
        for one in work:
            for item in list(one.items):
                key = item.rating_key
                left = owners[key] - lapsed.get(key, set())
                owner = owner_of(claimants[key], left)
                if owner != one.scene.id:
                    one.items.remove(item)
                    self._take_away(one, item, claimants[key], owner)
                if item in one.items and logged[key] - {one.scene.id}:
                    one.taken_over.append(key)

    def _take_away(
        self, one: SceneWork, item: PlexItem, claimants: Mapping[int, bool], owner: int
    ) -> None:
        """Note which scene an item shows instead, and warn once if it holds different films."""
        why = "whose file is its first version" if claimants.get(owner) else "it was there first"
        note = f"item {item.rating_key} shows scene {owner}, {why}"
        match = _match_of(one, item)
        sharing = Sharing.VERSIONS if match is None else sharing_of(item, match)
        if sharing is not Sharing.VERSIONS:
            held = f"Plex holds item {item.rating_key} as {sharing.value}"
            note = f"{note}; {held}"
            if held not in self._told and not self._sync_log.has_skipped(held):
                scenes = sorted({*claimants, owner})
                self._report(
                    Event.ITEM_SHARED,
                    scene=owner,
                    item=item.rating_key,
                    sharing=sharing.value,
                    advice=shared(item, sharing, scenes, owner),
                )
            self._told.add(held)
        one.elsewhere.append(note)

    def _lapsed(
        self, absent: Mapping[int, set[int]], items: Mapping[int, PlexItem]
    ) -> dict[int, set[int]]:
        """Return, by item, which of its absent owners have nothing to do with it any more."""
        wanted = sorted({scene_id for owners in absent.values() for scene_id in owners})
        scenes = self._read(wanted) if wanted else {}
        self.gone.update(scene_id for scene_id in wanted if scene_id not in scenes)
        return {
            key: {
                scene_id
                for scene_id in owners
                if scene_id not in scenes or not self._has_file_in(scenes[scene_id], items[key])
            }
            for key, owners in absent.items()
        }

    def _has_file_in(self, scene: StashScene, item: PlexItem) -> bool:
        held = {folded_path(path) for path in item.files}
        if any(folded_path(self._matcher.to_plex(file.path)) in held for file in scene.files):
            return True
        matching = self._matcher.find(scene.files, scene.id)
        matched = (one for one in matching.matches if one.rating_key == item.rating_key)
        # One that may be its file is enough: an item must not go to and fro.
        return any(still_holds(item, one) for one in matched) or any(
            one.rating_key == item.rating_key for one in matching.candidates
        )


def _claimants(work: Sequence[SceneWork]) -> dict[int, dict[int, bool]]:
    """Return item → scene of the batch with a file in it → whether that is the first one."""
    found: dict[int, dict[int, bool]] = {}
    for one in work:
        for item in one.items:
            firsts = [
                has_first_file(item, match)
                for match in one.matching.matches
                if match.rating_key == item.rating_key
            ]
            found.setdefault(item.rating_key, {})[one.scene.id] = any(firsts)
    return found


def _match_of(one: SceneWork, item: PlexItem) -> Match | None:
    """Return the match of an item; None when a newer listing no longer has the file in it."""
    matches = one.matching.matches
    return next((match for match in matches if match.rating_key == item.rating_key), None)
