"""Test Write: learns from edits of one item how this Plex server behaves, and restores it."""

from collections.abc import Mapping
from typing import Any

from plex.diff import PERFORMERS, PLEX_NAMES, TAGS, TITLE
from plex.exceptions import PlexError
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexItem
from sync_queue.sync_records import ItemRecord
from tasks.answer import Answer, TaskError
from tasks.arguments import required_scene
from worker.process.lock_handover import LockHeldError
from worker.services import Services
from worker.sync.inspection import inspect_scenes
from worker.sync.session import SyncSession
from worker.sync.write_test import WriteProbes, obstacle, put_back, save, undo_killed_test

_NEEDED = frozenset((PLEX_NAMES[TITLE], PLEX_NAMES[PERFORMERS], PLEX_NAMES[TAGS]))
_HOW_TO_NAME_IT = (
    "run 'python3 Stash2Plex.py test-write 12' or the operation 'test_write' with the number of a "
    "scene"
)


def test_write(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Edit the item of a scene, read it back, and restore it."""
    scene_id = required_scene(arguments, _HOW_TO_NAME_IT)
    session = context.sessions.current()
    session.library.prepare()
    try:
        with context.lock_handover.hold():
            return _run(context, session, scene_id)
    except LockHeldError as error:
        raise TaskError(str(error)) from None
    finally:
        if context.queue.has_unfinished():
            context.ensure_worker()


def _run(context: Services, session: SyncSession, scene_id: int) -> Answer:
    server_id, note, client = session.library.server_id, session.write_test, session.client
    if undo_killed_test(client, server_id, note):
        context.log.info("Restored the item of a killed test")
    if note.load() is not None:
        message = (
            "A killed test has left an item of another Plex server changed: set plex_url to that "
            "server and run this task again"
        )
        raise TaskError(message)
    item = _item_of(context, session, scene_id)
    set_by_us = _locks_set(context, session, item)
    saved = save(client, server_id, item, set_by_us, session.facts.behaviour().shown_locks)
    if not {*saved.testable} >= _NEEDED:
        message = (
            f"Scene {scene_id} was never synced, so its locks could not be restored: sync it "
            "first, or choose a synced scene"
        )
        raise TaskError(message)
    note.store(saved)
    probes = WriteProbes(client, session.facts, item, saved)
    failure: PlexError | None = None
    try:
        probes.run()
    except PlexError as error:
        failure = error
    left = put_back(client, saved)
    note.clear()
    if left:
        message = (
            f"Plex did not restore the {', '.join(left)} of '{item.title}': correct them in Plex. "
            f"Results so far: {'; '.join(probes.report)}"
        )
        raise TaskError(message)
    if failure is not None:
        raise failure
    session.facts.note_test(context.clock())
    text = f"Tested Plex {client.server_version} with scene {scene_id}: {'; '.join(probes.report)}"
    return Answer(f"{text}. The item is restored", data={"report": list(probes.report)})


def _item_of(context: Services, session: SyncSession, scene_id: int) -> PlexItem:
    """Return the item for the test; raise TaskError if there is no suitable one."""
    inspected = inspect_scenes(context, session, context.scenes.read([scene_id]).values())
    found = [item for inspection in inspected for item, _ in inspection.edits]
    if not found:
        message = f"Scene {scene_id} has no item in Plex: choose another scene"
        raise TaskError(message)
    why = obstacle(found[0], session.facts.behaviour())
    if why:
        message = (
            f"The item of scene {scene_id} could not be restored after a test, because {why}: "
            "choose another scene"
        )
        raise TaskError(message)
    return found[0]


def _locks_set(context: Services, session: SyncSession, item: PlexItem) -> set[str]:
    """Return the locks that syncs of this item have set, by Plex's names."""
    records = context.queue.sync_log.records_of_item(
        session.library.server_id, item.rating_key
    ).values()
    return {lock for record in records for lock in _locks_of(record)}


def _locks_of(record: ItemRecord) -> list[str]:
    images = {POSTER: record.poster_sha1, ART: record.art_sha1}
    fields = [PLEX_NAMES[name] for name in record.sent if name in PLEX_NAMES]
    return fields + [IMAGE_LOCKS[kind] for kind, sha1 in images.items() if sha1]
