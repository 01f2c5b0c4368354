"""What is done about a damaged database: the right one is repaired, and not in a hot loop."""

import sqlite3
from pathlib import Path

import pytest

from app.processes.worker_process import QUIET, DatabaseRepair, identity_of
from plex.path_index import PathIndex
from shared.data_folder import DataFolder
from shared.log import Log
from sync_queue.manager import QueueManager

MALFORMED = sqlite3.DatabaseError()
MALFORMED.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Place:
    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(str(root))
        self.folder.create()
        QueueManager(self.folder.queue_folder).close()
        PathIndex(self.folder.library_database).close()
        self.index = Path(self.folder.library_database)
        self.queue = Path(self.folder.queue_database)
        self.opened = identity_of(self.folder.queue_database)
        self.told: list[str] = []
        self.waits: list[float] = []
        self.now = 1000.0
        log = Log(lambda _level, _text, code, _fields: self.told.append(code))
        self._repair = DatabaseRepair(self.folder, log, self.waits.append, lambda: self.now)

    def repair(self, error: sqlite3.DatabaseError = MALFORMED) -> str:
        self.told.clear()
        self._repair.repair(error, self.opened)
        (said,) = self.told
        return said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def ruin(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file = Path(f"{path}{suffix}")
        if file.exists() or not suffix:
            file.write_bytes(b"this is no database, it only has its name " * 200)


def test_a_damaged_queue_is_set_aside_and_the_index_stays(place: Place) -> None:
    ruin(place.queue)

    assert place.repair() == "queue_rebuilt"
    assert list(place.queue.parent.glob("data.db.corrupt-*"))
    assert place.index.exists()


def test_a_damaged_index_is_made_anew_and_the_queue_stays(place: Place) -> None:
    index = PathIndex(place.folder.library_database)
    ruin(place.index)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        index.find_exact("/a/1.mp4")
    index.close()

    assert place.repair(caught.value) == "index_rebuilt"
    assert not place.index.exists()
    assert identity_of(str(place.queue)) == place.opened


def test_a_queue_that_another_process_has_set_aside_costs_nothing_more(place: Place) -> None:
    place.queue.rename(place.queue.with_suffix(".aside"))
    QueueManager(place.folder.queue_folder).close()

    assert place.repair() == "queue_replaced"
    assert place.index.exists()
    assert not list(place.queue.parent.glob("data.db.corrupt-*"))


def test_damage_that_does_not_go_away_is_looked_at_less_and_less_often(place: Place) -> None:
    for _ in range(9):
        place.repair()

    assert place.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    place.now += QUIET
    place.repair()
    assert len(place.waits) == 8


def test_a_queue_that_cannot_be_set_aside_is_told_and_tried_again(place: Place) -> None:
    ruin(place.queue)
    (place.queue.parent / "rebuilt.json").mkdir()

    assert place.repair() == "database_not_repaired"
    (place.queue.parent / "rebuilt.json").rmdir()
    assert place.repair() == "queue_rebuilt"
