"""A library that is in step already, without the hour that its first sync would take.

Both servers hold what a sync leaves behind, and the sync log what it remembers: worked out and
stored by the plugin's own code from what Stash answers, so that a reconciliation finds no gap.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from benchmarks.installed import Installed
from plex.diff import PLEX_NAMES, edit_for
from plex.items import PlexItem
from plex.originals import held_values
from simulators.plex import Item
from stash.connection import StashConnection, parse_address
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.sync_records import ItemRecord, SceneRecord
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import StashScene
from worker.cover_sync import ART, POSTER, lock_of
from worker.scene_work import SYNCED

_LOCKS = frozenset(PLEX_NAMES.values()) | {lock_of(POSTER), lock_of(ART)}


def add_synced_library(plugin: Installed, count: int) -> list[int]:
    """Add that many scenes and their items, all in step; return the scenes' ids.

    As far as the log knows each has its cover, which is what spares looking at it again.
    """
    rig = plugin.rig
    ids = rig.add_library(count, covers=False)
    folder = rig.data / "queue"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    queue = QueueManager(str(folder))
    connection = StashConnection(parse_address(rig.stash.server_connection()), lambda _secret: None)
    for page in StashScenes(connection).walk():
        with queue.transaction():
            for scene in page:
                _sync(rig.item_of(scene.id), scene, plugin, queue)
    connection.close()
    queue.close()
    return ids


def _sync(item: Item, scene: StashScene, plugin: Installed, queue: QueueManager) -> None:
    desired = project(scene, Config())
    plex, key, now = plugin.rig.plex, item.rating_key, time.time()
    bare = PlexItem(key, item.section.key, item.title, files=tuple(item.files))
    held = held_values(bare)
    record = ItemRecord(desired.digest, edit_for(desired, bare, {}, held).sent)
    plex.edit(key, lock=False, **_shown(desired))
    plex.set_locks(key, _LOCKS)
    sha1 = hashlib.sha1(str(scene.id).encode(), usedforsecurity=False).hexdigest()
    log, server_id = queue.sync_log, plex.machine_identifier
    log.keep_original(server_id, key, held, now)
    log.remember_item(scene.id, server_id, key, record, now)
    for kind in (POSTER, ART):
        log.remember_image(scene.id, server_id, key, kind, sha1)
    log.remember_scene(
        scene.id,
        SceneRecord(
            SYNCED,
            now,
            scene_updated_at=scene.updated_at,
            cover_tag=f"{sha1} {sha1[:8]}",
            entities=scene.entity_ids(),
        ),
    )


def _shown(desired: SceneMetadata) -> Any:
    return {
        "title": desired.title,
        "studio": desired.studio,
        "summary": desired.summary,
        "originally_available_at": desired.date,
        "actors": desired.performers,
        "genres": desired.tags,
        "collections": desired.collections,
    }
