"""The data of every version opens: what waited is synced, what was learned is kept.

The samples were written by the versions themselves (samples/README.md).
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulators.rig import Rig
from sync_queue.manager import QueueManager
from sync_queue.schema import SCHEMA_VERSION, schema_version

SAMPLES = Path(__file__).parent / "samples"
VERSIONS = range(1, SCHEMA_VERSION + 1)
TITLES = {1: "Synced", 2: "Waiting", 3: "Waiting, too", 4: "Missing"}


def lay_out(version: int, data: Path) -> Path:
    """Make the data folder as that version left it; return its queue's folder."""
    shutil.copytree(SAMPLES / f"schema-{version}", data)
    queue = data / "queue"
    queue.mkdir(mode=0o700)
    with closing(sqlite3.connect(queue / "data.db")) as database:
        database.executescript((data / "data.sql").read_text(encoding="utf-8"))
        assert schema_version(database) == version
    (data / "data.sql").unlink()
    return queue


def tables(database: sqlite3.Connection) -> dict[str, list[tuple[str, str]]]:
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {
        name: [(row[1], row[2]) for row in database.execute(f"PRAGMA table_info({name})")]
        for (name,) in names
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_queue_of_any_version_keeps_all_of_its_rows(version: int, tmp_path: Path) -> None:
    queue = QueueManager(str(lay_out(version, tmp_path / "data")))

    assert queue.stats() == {"pending": 1, "retrying": 0, "in_progress": 2}
    assert list(queue.dead_letters.of_scenes([9])) == [9]
    server_id = "f4k3" * 10
    item = queue.sync_log.records_of_item(server_id, 1).get(1)
    assert item is not None
    assert item.sent["title"] == "Synced"
    original = queue.sync_log.original(server_id, 1)
    assert original is not None
    assert original["title"] == "Before"
    queue.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_queue_that_was_upgraded_has_all_that_a_new_one_has(version: int, tmp_path: Path) -> None:
    """Nor may the tables change without the version, which the newest sample tells."""
    folders = [lay_out(version, tmp_path / "old"), tmp_path / "new"]
    folders[1].mkdir()
    found = []
    for folder in folders:
        QueueManager(str(folder)).close()
        with closing(sqlite3.connect(folder / "data.db")) as database:
            assert schema_version(database) == SCHEMA_VERSION
            found.append(tables(database))
    old, new = found

    assert set(new) - set(old) == set()
    assert {name: set(columns) - set(old[name]) for name, columns in new.items()} == {
        name: set() for name in new
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_goes_on_where_the_version_before_was_killed(rig: Rig, version: int) -> None:
    items = {}
    for scene_id, title in TITLES.items():
        found, item = rig.add_pair("abcd"[scene_id - 1], title=title, tags=["T"])
        assert (found, item.rating_key) == (scene_id, scene_id)
        items[scene_id] = item
    rig.plex.edit(1, title="Synced", genres=["T"])
    lay_out(version, rig.data)
    known = json.loads((rig.data / "device_id.json").read_text())

    answer = rig.task("process_queue")

    assert answer.error is None
    assert {scene_id: item.title for scene_id, item in items.items()} == TITLES
    assert rig.task("queue_status").error is None
    assert json.loads((rig.data / "device_id.json").read_text()) == known
    assert json.loads((rig.data / "stats.json").read_text())["jobs_succeeded"] == 4
    assert [path.name for path in rig.data.rglob("*.corrupt*")] == []
    assert rig.task("restore_values", scene_id=1).error is None
    assert items[1].title == "Before"
