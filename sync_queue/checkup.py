import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from shared.sqlite import open_for_reading, uses_wal
from sync_queue.dlq import DeadLetterQueue
from sync_queue.operations import get_stats
from sync_queue.quarantine import is_damage
from sync_queue.schema import SCHEMA_VERSION, schema_version
from sync_queue.spool_import import read_spool
from sync_queue.sync_log import SyncLog

_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class DatabaseCheckup:
    exists: bool = True
    damage: str = ""
    refusal: str = ""
    version: int = 0
    size: int = 0
    wal: bool = False
    jobs: Mapping[str, int] | None = None
    spooled: int = 0
    letters: Mapping[str, int] = field(default_factory=dict)
    synced_scenes: int = 0


def examine_database(path: str, now: float) -> DatabaseCheckup:
    found = DatabaseCheckup(exists=os.path.exists(path))
    if found.exists:
        try:
            with closing(open_for_reading(path, _PATIENCE)) as connection:
                found = _examine(connection, path, now)
        except sqlite3.Error as error:
            damage, refusal = (str(error), "") if is_damage(error) else ("", str(error))
            found = DatabaseCheckup(damage=damage, refusal=refusal)
        except OSError as error:
            found = DatabaseCheckup(refusal=error.strerror or type(error).__name__)
    return replace(found, spooled=len(read_spool(os.path.dirname(path))))


def _examine(connection: sqlite3.Connection, path: str, now: float) -> DatabaseCheckup:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        return DatabaseCheckup(damage=str(problem))
    files = [file for file in (path, f"{path}-wal") if os.path.exists(file)]
    found = DatabaseCheckup(
        version=schema_version(connection),
        size=sum(map(os.path.getsize, files)),
        wal=uses_wal(connection),
    )
    if found.version != SCHEMA_VERSION:
        return found
    return replace(
        found,
        jobs=get_stats(connection, now),
        letters=DeadLetterQueue(connection).counts_by_type(),
        synced_scenes=SyncLog(connection).scenes_in_plex(),
    )
