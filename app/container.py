"""The objects that the worker and the tasks are made of, built in one place."""

import os
from dataclasses import dataclass
from typing import Any

from app.sessions import CurrentSession
from shared.data_folder import DataFolder
from shared.events import Event
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


@dataclass(frozen=True, slots=True)
class Container:
    """One process's objects, all on the same queue and the same Stash."""

    folder: DataFolder
    log: Log
    connection: StashConnection
    queue: QueueManager
    sessions: CurrentSession
    scenes: StashScenes
    images: StashImages

    def offer(self, server_connection: Any) -> None:
        """Keep a connection to Stash for the moment when Stash refuses the one in use."""
        self.connection.offer(parse_address(server_connection))

    def close(self) -> None:
        """Close the databases and the connections."""
        self.sessions.close()
        self.connection.close()
        self.queue.close()


def build(server_connection: Any, folder: DataFolder, log: Log, secrets: Secrets) -> Container:
    """Return the objects; nothing is asked of Stash or Plex yet.

    Args:
        server_connection: Stash's own (see `stash.connection.parse_address`). The command line adds
            `PlexUrl`, an address that holds instead of the setting, also for a worker it starts.
        folder: where all state lies.
        secrets: learns the secrets of both servers.

    Raises:
        OSError, sqlite3.Error: the data folder or the database cannot be used.
    """
    connection = StashConnection(parse_address(server_connection), secrets.add)
    obfuscator = obfuscator_for(folder)
    log.obfuscate = obfuscator.apply if obfuscator.on else None
    scenes = StashScenes(connection, obfuscator.note_scene)
    path = folder.queue_database
    was_empty = not os.path.exists(path) or not os.path.getsize(path)
    queue = QueueManager(folder.queue_folder)
    if was_empty and was_emptied(path):
        log.event(Event.QUEUE_EMPTIED)
    plex_url = server_connection.get("PlexUrl") if isinstance(server_connection, dict) else None
    return Container(
        folder=folder,
        log=log,
        connection=connection,
        queue=queue,
        sessions=CurrentSession(
            StashSettings(connection),
            scenes,
            folder,
            log,
            secrets,
            obfuscator=obfuscator,
            plex_url=str(plex_url or ""),
        ),
        scenes=scenes,
        images=StashImages(connection),
    )


def tell_of_refused_wal(container: Container) -> None:
    """Say it, unless it was said before; what the worker says is told in Stash's log, too."""
    if uses_wal(container.queue.jobs.connection):
        return
    told = os.path.join(container.folder.queue_folder, "no-wal.told")
    try:
        os.close(os.open(told, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # said before, or this file system refuses more than that, which others will tell
    container.log.event(Event.WAL_REFUSED, folder=container.folder.queue_folder)
