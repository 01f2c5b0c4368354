"""Whether ended processes are collected: asked once for each start of a container, and kept."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log import Log
from shared.redaction import Secrets
from simulators.rig import REPOSITORY
from worker.orphans import (
    PATIENCE,
    Orphan,
    Orphans,
    Processes,
    parse_finding,
)

HERE = "boot/4026531836/17"


@dataclass
class Tree(Processes):
    """A container that collects after so many seconds, or never."""

    collects_after: float | None = None
    name: str = HERE
    now: float = 0.0
    left: list[float] = field(default_factory=list)
    fails: bool = False

    def place(self) -> str:
        return self.name

    def leave_orphan(self) -> Orphan | None:
        if self.fails:
            raise BlockingIOError
        self.left.append(self.now)
        return Orphan(100 + len(self.left), 5)

    def is_there(self, orphan: Orphan) -> bool:
        left = self.left[orphan.pid - 101]
        return self.collects_after is None or self.now < left + self.collects_after

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def orphans(path: Path, tree: Tree, told: list[str] | None = None) -> Orphans:
    """What a worker that starts now has."""
    lines = [] if told is None else told
    log = Log(lambda level, text: lines.append(f"{level} {text}"), Secrets())
    made = Orphans(str(path), log, tree, lambda: 1.75e9, lambda: tree.now, tree.sleep)
    made.ask()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orphans.json"


@pytest.mark.parametrize("after", [0.0, 1.2, PATIENCE - 0.1])
def test_who_collects_in_time_is_believed(path: Path, after: float) -> None:
    told: list[str] = []

    assert orphans(path, Tree(after), told).are_collected()

    assert told == []


def test_who_does_not_collect_is_told_of_once_for_each_start(path: Path) -> None:
    told: list[str] = []
    tree = Tree()

    assert [orphans(path, tree, told).are_collected() for _ in range(3)] == [False] * 3
    tree.name = "the next start"
    assert not orphans(path, tree, told).are_collected()

    assert len(tree.left) == 2
    assert len(told) == 2
    assert "instead of ending" in told[0]


def test_a_young_worker_does_not_know_until_its_orphan_is_collected(path: Path) -> None:
    tree = Tree(collects_after=1.0)
    asked = orphans(path, tree)

    early = asked.answer()
    tree.now = 1.0

    assert (early, asked.answer()) == (None, True)


def test_a_worker_that_was_killed_before_it_looked_has_asked_for_its_successor(path: Path) -> None:
    tree = Tree()
    orphans(path, tree)

    assert not orphans(path, tree).are_collected()

    assert len(tree.left) == 1


def test_a_question_of_which_nobody_knows_the_orphan_is_not_asked_again(path: Path) -> None:
    path.write_text(json.dumps({"place": HERE}))
    tree = Tree(collects_after=0.0)

    assert not orphans(path, tree).are_collected()

    assert tree.left == []


def test_no_orphan_is_left_where_the_answer_could_not_be_kept(path: Path) -> None:
    tree = Tree()

    assert orphans(path / "below a folder that is not there", tree).are_collected()

    assert tree.left == []


def test_a_machine_without_room_for_a_process_is_taken_for_one_that_does_not_collect(
    path: Path,
) -> None:
    assert not orphans(path, Tree(fails=True)).are_collected()


# In a process of its own: a worker asks before it has threads, a test may have some.
ASK = """
from worker.orphans import LinuxProcesses, Orphan
processes = LinuxProcesses()
orphan, place = processes.leave_orphan(), processes.place()
print(orphan.pid, orphan.started, place)
print(processes.is_there(Orphan(1, orphan.started)), place == LinuxProcesses().place())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it has no /proc")
def test_the_orphan_that_is_left_is_known_by_number_and_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    left, others = done.stdout.splitlines()
    pid, started, place = left.split()
    assert int(pid) > 1
    assert int(started) > 0
    assert place.count("/") == 2
    assert others == "False True"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("place", "orphan", "collected"), ANYTHING)))  # fmt: skip  # noqa: E501
def test_whatever_the_file_holds_is_read(state: dict[str, Any]) -> None:
    finding = parse_finding(state)

    assert isinstance(finding.place, str)
    assert finding.collected in (None, True, False)
