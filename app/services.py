"""Builds the objects of a process."""

import os
from functools import partial
from typing import Any

from shared.data_folder import DataFolder
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import Log
from shared.redaction import Secrets
from stash.connection import StashConnection, parse_address
from stash.images import StashImages
from stash.scenes import StashScenes
from stash.settings import StashSettings
from sync_queue.database import uses_wal
from sync_queue.manager import QueueManager
from sync_queue.quarantine import was_emptied
from validation.obfuscation import obfuscator_for
from worker.process.takeover import ensure_worker
from worker.services import Services
from worker.sync.session import CurrentSession


def build(
    script: str,
    server_connection: dict[str, Any],
    folder: DataFolder,
    log: Log,
    secrets: Secrets,
    worker_lock: FileLock | None = None,
) -> Services:
    """Return the objects of this process without any request to Stash or Plex.

    Args:
        server_connection: from Stash (see `stash.connection.parse_address`). The command line adds
            `PlexUrl`, an address that replaces the setting, also for a worker that it starts.
        folder: the data folder.
        secrets: learns the secrets of both servers.

    Raises:
        OSError, sqlite3.Error: the data folder or the database cannot be used.
    """
    lock = worker_lock or FileLock(folder.worker_lock)
    connection = StashConnection(parse_address(server_connection), secrets.add)
    obfuscator = obfuscator_for(folder)
    log.obfuscate = obfuscator.apply if obfuscator.on else None
    scenes = StashScenes(connection, obfuscator.note_scene)
    path = folder.queue_database
    was_empty = not os.path.exists(path) or not os.path.getsize(path)
    queue = QueueManager(folder.queue_folder)
    if was_empty and was_emptied(path):
        log.event(Event.QUEUE_EMPTIED)
    sessions = CurrentSession(
        StashSettings(connection),
        scenes,
        folder,
        log,
        secrets,
        obfuscator=obfuscator,
        plex_url=str(server_connection.get("PlexUrl") or ""),
    )
    return Services(
        folder=folder,
        log=log,
        queue=queue,
        stash=connection,
        scenes=scenes,
        images=StashImages(connection),
        sessions=sessions,
        worker_lock=lock,
        ensure_worker=partial(ensure_worker, script, lock, folder.spool, server_connection),
    )


def report_missing_wal(services: Services) -> None:
    """Report a file system without WAL support, once per data folder."""
    if uses_wal(services.queue.jobs.connection):
        return
    marker = os.path.join(services.folder.queue_folder, "no-wal.told")
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # it is reported already, or the folder cannot be written to, which others report
    services.log.event(Event.WAL_REFUSED, folder=services.folder.queue_folder)
