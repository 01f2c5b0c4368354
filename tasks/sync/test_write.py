from plex.diff import PERFORMERS, PLEX_NAMES, TAGS, TITLE
from plex.exceptions import PlexError
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexItem
from tasks.answer import Answer, TaskError
from worker.services import Services
from worker.sync.inspection import inspect_scenes
from worker.sync.session import SyncSession
from worker.sync.write_test import WriteProbes, obstacle, put_back, save, undo_killed_test

_NEEDED = frozenset((PLEX_NAMES[TITLE], PLEX_NAMES[PERFORMERS], PLEX_NAMES[TAGS]))


def test_write(services: Services, *, scene_id: int) -> Answer:
    session = services.sessions.current()
    session.library.prepare()
    with services.hold_worker_lock():
        return _run(services, session, scene_id)


def _run(services: Services, session: SyncSession, scene_id: int) -> Answer:
    server_id, note, client = session.library.server_id, session.write_test, session.client
    if undo_killed_test(client, server_id, note):
        services.log.info("Restored the item of an interrupted test")
    if note.load() is not None:
        raise TaskError(
            "An interrupted test has left an item of another Plex server changed: set plex_url "
            "to that server, then run this task again"
        )
    item = _item_of(services, session, scene_id)
    locks = _locks_set(services, session, item)
    saved = save(client, server_id, item, locks, session.facts.behaviour().shown_locks)
    if not _NEEDED.issubset(saved.testable):
        raise TaskError(
            f"Scene {scene_id} is not used for the test: it was never synced, so the test "
            "would not know which locks to restore. Sync it first, or choose a synced scene"
        )
    note.store(saved)
    probes = WriteProbes(client, session.facts, item, saved)
    failure: PlexError | None = None
    try:
        probes.run()
    except PlexError as error:
        failure = error
    left = put_back(client, saved)
    note.clear()
    results = "; ".join(probes.report)
    if left:
        raise TaskError(
            f"Plex did not restore the {', '.join(left)} of '{item.title}': correct them in Plex. "
            f"Results so far: {results}"
        )
    if failure is not None:
        raise failure
    session.facts.note_test(services.clock())
    return Answer(
        f"Tested Plex {client.server_version} with scene {scene_id}: {results}. The item is "
        "restored",
        data={"report": list(probes.report)},
    )


def _item_of(services: Services, session: SyncSession, scene_id: int) -> PlexItem:
    scenes = services.scenes.read([scene_id]).values()
    inspections = inspect_scenes(services, session, scenes)
    found = [item for inspection in inspections for item, _ in inspection.edits]
    if not found:
        raise TaskError(f"Scene {scene_id} has no item in Plex: choose another scene")
    why = obstacle(found[0], session.facts)
    if why:
        raise TaskError(
            f"Scene {scene_id} is not used for the test: {why}. Nothing was changed. Choose "
            "another scene"
        )
    return found[0]


def _locks_set(services: Services, session: SyncSession, item: PlexItem) -> set[str]:
    log, locks = services.queue.sync_log, set()
    for record in log.records_of_item(session.library.server_id, item.rating_key).values():
        locks |= {PLEX_NAMES[name] for name in record.sent if name in PLEX_NAMES}
        images = {POSTER: record.poster_sha1, ART: record.art_sha1}
        locks |= {IMAGE_LOCKS[kind] for kind, sha1 in images.items() if sha1}
    return locks
