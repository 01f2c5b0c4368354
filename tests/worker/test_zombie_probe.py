"""Whether ended workers are reaped: seen from the zombie of an earlier worker."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from shared.log import Log
from worker.process.zombie_probe import ZombieProbe, process_status


@dataclass
class Tree:
    """A container in which the workers of the numbers 1, 2, … start one after the other."""

    number: int = 0
    zombies: set[int] = field(default_factory=set)

    def status(self, pid: int) -> tuple[str, int]:
        return "Z" if pid in self.zombies else "S", 5

    def start(self, path: Path, told: list[str] | None = None) -> ZombieProbe:
        lines = [] if told is None else told
        log = Log(lambda _level, _text, code, _fields: lines.append(code))
        self.number += 1
        return ZombieProbe(str(path), log, self.number, self.status)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orphans.json"


def test_where_workers_are_reaped_none_would_be_a_zombie(path: Path) -> None:
    tree, told = Tree(), list[str]()

    assert [tree.start(path, told).leaves_zombie() for _ in range(3)] == [False] * 3
    assert told == []


def test_each_later_worker_reports_the_first_zombie_once(path: Path) -> None:
    tree, told = Tree(), list[str]()
    assert not tree.start(path, told).leaves_zombie()
    tree.zombies.add(1)

    second = tree.start(path, told)
    assert [second.leaves_zombie() for _ in range(3)] == [True] * 3
    assert told == ["worker_stays"]
    assert tree.start(path).leaves_zombie()


def test_a_zombie_that_is_reaped_late_counts_no_more(path: Path) -> None:
    tree = Tree(zombies={1})
    tree.start(path)
    second = tree.start(path)
    tree.zombies.clear()

    assert not second.leaves_zombie()
    assert not tree.start(path).leaves_zombie()
    tree.zombies.add(3)
    assert tree.start(path).leaves_zombie()


def test_a_worker_that_cannot_keep_its_number_ends_as_usual(path: Path) -> None:
    assert not Tree().start(path / "below a folder that is not there").leaves_zombie()


@pytest.mark.skipif(sys.platform != "linux", reason="it has no /proc")
def test_a_zombie_is_known_by_its_number_and_its_start() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        started = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])

        assert process_status(child.pid) == ("Z", started)
    assert process_status(child.pid) == ("", 0)
    assert process_status(os.getpid())[0] == "R"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4
)


@given(st.dictionaries(st.sampled_from(["orphan", "another"]), ANYTHING))
def test_whatever_the_file_holds_is_read(tmp_path_factory: Any, state: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("probe") / "orphans.json"
    path.write_text(json.dumps(state))

    assert not Tree().start(path).leaves_zombie()
