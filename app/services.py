import os
import sqlite3
import time
from contextlib import suppress
from functools import partial
from typing import Any

from legacy.importing import LegacyData
from legacy.presence import has_legacy_data
from shared.data_folder import DataFolder
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import Log
from shared.sqlite import uses_wal
from stash.connection import StashConnection, parse_address
from stash.scenes import StashScenes
from stash.settings import StashSettings
from sync_queue.manager import QueueManager
from sync_queue.quarantine import is_damage, was_emptied
from validation.pseudonyms import obfuscator_for
from worker.process.lock_handover import ensure_worker
from worker.services import Services
from worker.sync.session import CurrentSession


def build(
    script: str,
    server_connection: dict[str, Any],
    folder: DataFolder,
    log: Log,
    worker_lock: FileLock | None = None,
) -> Services:
    lock = worker_lock or FileLock(folder.worker_lock)
    connection = StashConnection(parse_address(server_connection), log.secrets.add)
    obfuscator = obfuscator_for(folder)
    log.obfuscate = obfuscator.apply if obfuscator.on else None
    scenes = StashScenes(connection, obfuscator.note_scene)
    path = folder.queue_database
    was_empty = not os.path.exists(path) or not os.path.getsize(path)
    queue = QueueManager(folder.queue_folder)
    if was_empty and was_emptied(path):
        log.event(Event.QUEUE_EMPTIED)
    settings, plex_url = StashSettings(connection), str(server_connection.get("PlexUrl") or "")
    sessions = CurrentSession(
        settings, scenes, folder, log, obfuscator=obfuscator, plex_url=plex_url
    )
    start = partial(ensure_worker, script, lock, folder.spool, server_connection)
    return Services(
        folder, log, queue, scenes.names, time.time, connection, scenes, sessions, lock, start
    )


def import_legacy_data(services: Services) -> None:
    folder, log, clock, lock = services.folder, services.log, services.clock, services.worker_lock
    is_held = lock.descriptor is not None
    try:
        if has_legacy_data(folder, clock) and lock.try_acquire():
            LegacyData(folder, log, services.sessions.config, clock).import_all()
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise
        log.event(Event.LEGACY_POSTPONED, error=error)
    finally:
        if not is_held:
            lock.release()


def report_missing_wal(services: Services) -> None:
    folder = services.folder.queue_folder
    if not uses_wal(services.queue.connection):
        with suppress(OSError), open(os.path.join(folder, "no-wal.told"), "xb"):
            services.log.event(Event.WAL_REFUSED, folder=folder)
