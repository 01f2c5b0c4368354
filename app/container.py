"""The objects that the worker and the tasks are made of, built in one place."""

from dataclasses import dataclass
from typing import Any

from app.sessions import CurrentSession
from shared.data_folder import DataFolder
from shared.log import Log
from shared.redaction import Secrets
from stash.connection import StashConnection, parse_address
from stash.images import StashImages
from stash.scenes import StashScenes
from stash.settings import StashSettings
from sync_queue.manager import QueueManager
from worker.processor import Environment


@dataclass(frozen=True, slots=True)
class Container:
    """One process's objects, all on the same queue and the same Stash."""

    folder: DataFolder
    log: Log
    queue: QueueManager
    sessions: CurrentSession
    scenes: StashScenes
    images: StashImages


def build(server_connection: Any, folder: DataFolder, log: Log, secrets: Secrets) -> Container:
    """Return the objects; nothing is asked of Stash or Plex yet.

    Raises:
        OSError, sqlite3.Error: the data folder or the database cannot be used.
    """
    connection = StashConnection(parse_address(server_connection), secrets.add)
    return Container(
        folder=folder,
        log=log,
        queue=QueueManager(folder.queue_folder),
        sessions=CurrentSession(StashSettings(connection), folder, log, secrets),
        scenes=StashScenes(connection),
        images=StashImages(connection),
    )


def environment(container: Container, stats: Any, **options: Any) -> Environment:
    """Return what a `SyncWorker` works with."""
    return Environment(
        queue=container.queue,
        sessions=container.sessions,
        scenes=container.scenes,
        images=container.images,
        stats=stats,
        log=container.log,
        **options,
    )
