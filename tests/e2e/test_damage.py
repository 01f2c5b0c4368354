import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulators.rig import Rig
from tests.e2e.steps import synced_pair


def page_of(database: Path, table: str) -> tuple[int, int]:
    """Where the root of a table begins, and how long a page is; all is in the file then."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    return (page - 1) * size, size


def nothing_was_written_since_the_last_look(database: Path) -> bool:
    log = database.with_name(database.name + "-wal")
    empty = log.exists() and not log.stat().st_size
    page_of(database, "ack_queue_default")
    return empty


@pytest.mark.parametrize("where", ["the file's head", "the queue's table"])
def test_the_worker_closes_a_database_that_a_hook_quarantined(rig: Rig, where: str) -> None:
    scene_id, item = synced_pair(rig)
    (worker,) = rig.worker_pids()
    database = rig.data / "queue" / "data.db"
    # What the worker still writes would lie in the log, and hide what is in the file.
    assert rig.wait_until(lambda: nothing_was_written_since_the_last_look(database))
    start, size = page_of(database, "ack_queue_default")
    with database.open("r+b") as file:
        file.seek(0 if where == "the file's head" else start)
        file.write(b"garbage!" * (size // 8))

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.wait_until(lambda: item.title == "Two"), rig.worker_log()
    assert rig.worker_pids() == [worker]
    assert rig.events("index_rebuilt") == []
