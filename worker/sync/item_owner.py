"""Decides whose metadata an item shows if several scenes have a file in the item.

Plex merges versions of a video into one item, but Stash may have one scene per version. If all
these scenes wrote to the item, its metadata would change with each sync.
"""

from collections.abc import Collection, Mapping, Sequence

from plex.items import PlexItem
from plex.matcher import Match, Sharing, has_first_file, sharing_of, still_holds
from shared.events import Event, Report
from stash.scenes import StashScenes
from sync_queue.sync_log import JOINED_BY_MISTAKE, NO_SCENE, OF_OTHER_SCENE
from validation.paths import folded_path
from validation.scene_extractor import StashScene
from validation.selection import why_not_selected
from worker.services import Services
from worker.sync.scene_work import SceneWork
from worker.sync.session import SyncSession


def owner_of(claimants: Mapping[int, bool], logged: Collection[int]) -> int:
    firsts = [scene for scene, has_first in claimants.items() if has_first]
    return min(firsts or logged or claimants)


def assign_items(
    services: Services, session: SyncSession, works: Sequence[SceneWork], report: Report
) -> set[int]:
    sync_log = services.queue.sync_log
    items = {item.rating_key: item for work in works for item in work.items}
    claimants: dict[int, dict[int, bool]] = {key: {} for key in items}
    for work in works:
        for item in work.items:
            match = _match_of(work, item)
            has_first = match is not None and has_first_file(item, match)
            claimants[item.rating_key][work.scene.id] = has_first
    synced = sync_log.scenes_of_items(session.library.server_id, items)
    written = {key: synced.get(key, set()) for key in items}
    owners, gone = _owners(items, claimants, written, session, services.scenes)
    reported: set[int] = set()
    for work in works:
        for item in list(work.items):
            key, owner = item.rating_key, owners[item.rating_key]
            if owner == work.scene.id:
                if written[key] - {owner}:
                    work.taken_over.append(key)
                continue
            work.items.remove(item)
            is_first = claimants[key].get(owner, False)
            why = "whose file Plex lists first" if is_first else "which was synced first"
            note = f"Plex has its file as another version of item {key}"
            work.shared_items.setdefault(OF_OTHER_SCENE, []).append(key)
            match = _match_of(work, item)
            sharing = Sharing.VERSIONS if match is None else sharing_of(item, match)
            if sharing is not Sharing.VERSIONS:
                note = f"Plex joined its file with other files as {sharing.value} (item {key})"
                work.shared_items.setdefault(JOINED_BY_MISTAKE, []).append(key)
                if key not in reported and not sync_log.scenes_beside([key], JOINED_BY_MISTAKE):
                    advice = _advice(item, sharing, {*claimants[key], owner}, owner)
                    fields = {"scene": owner, "item": key, "sharing": sharing.value}
                    report(Event.ITEM_SHARED, **fields, advice=advice)
                reported.add(key)
            work.elsewhere.append(f"{note}, and this item shows scene {owner}, {why}")
    return gone


def _owners(
    items: Mapping[int, PlexItem],
    claimants: Mapping[int, Mapping[int, bool]],
    written: Mapping[int, set[int]],
    session: SyncSession,
    stash: StashScenes,
) -> tuple[dict[int, int], set[int]]:
    """Return the scene that each item shows, and the ids of scenes that Stash has deleted."""
    logged = {key: written[key] - {NO_SCENE} for key in items}
    absent = {
        key: logged[key] - claimants[key].keys()
        for key in items
        if owner_of(claimants[key], logged[key]) not in claimants[key]
    }
    asked = sorted({scene_id for scene_ids in absent.values() for scene_id in scene_ids})
    scenes = stash.read(asked) if asked else {}
    for key, scene_ids in absent.items():
        may_own = {id_ for id_ in scene_ids if _may_own(scenes.get(id_), items[key], session)}
        logged[key] -= scene_ids - may_own
    owners = {key: owner_of(claimants[key], logged[key]) for key in items}
    return owners, {*asked} - scenes.keys()


def _may_own(scene: StashScene | None, item: PlexItem, session: SyncSession) -> bool:
    if scene is None or why_not_selected(scene, session.config):
        return False
    matcher, held = session.matcher, {folded_path(path) for path in item.files}
    if any(folded_path(matcher.to_plex(file.path)) in held for file in scene.files):
        return True
    matching, key = matcher.find(scene.files, scene.id), item.rating_key
    return any(
        match.rating_key == key and still_holds(item, match) for match in matching.matches
    ) or any(part.rating_key == key for part in matching.candidates)


def _match_of(work: SceneWork, item: PlexItem) -> Match | None:
    matches = work.matching.matches
    return next((match for match in matches if match.rating_key == item.rating_key), None)


def _advice(item: PlexItem, sharing: Sharing, scenes: Collection[int], owner: int) -> str:
    ids = ", ".join(map(str, sorted(scenes)))
    named = f"(item {item.rating_key}, '{item.title}'). Plex shows scene {owner} for all of them"
    if sharing is Sharing.PARTS:
        return (
            f"Plex plays the files of scenes {ids} as one film in parts {named}. Plex joins files "
            "whose names differ only after 'scene', 'part', 'disc', 'dvd' or 'cd'. Rename them "
            "('Scene 1' to '1 - its title') and scan the library; 'Split Apart' does not help"
        )
    return (
        f"Plex holds the files of scenes {ids} as {sharing.value} {named}. Use 'Split Apart' on "
        "the item in Plex"
    )
