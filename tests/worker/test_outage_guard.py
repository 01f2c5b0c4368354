import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plex.exceptions import PlexReadOnly, PlexServerDown
from plex.health import PlexHealth
from shared.data_folder import DataFolder
from shared.log import Log
from worker.outage_guard import OutageGuard

NOW = 1_750_000_000.0
HOUR = 3600.0
NEAR = 1e-6
CLIENT: Any = None


@dataclass
class House:
    root: Path
    wall: float = NOW
    passed: float = 0.0
    waiting: int = 1
    well: bool = False
    is_read_only: bool = False
    asked: list[float] = field(default_factory=list)  # seconds passed at each request
    edited: list[float] = field(default_factory=list)  # seconds passed at each edit
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = DataFolder(str(self.root))
        self.start()

    def start(self) -> None:
        log = Log(lambda _level, _text, code, _fields: self.codes.append(code))
        services: Any = SimpleNamespace(
            folder=self.folder, log=log, clock=lambda: self.wall, boot_time=lambda: self.passed,
            queue=SimpleNamespace(waiting=lambda: self.waiting),
        )  # fmt: skip
        self.guard = OutageGuard(services, self._check)

    def _check(self, _client: object) -> PlexHealth:
        self.asked.append(self.passed)
        if self.well or self.is_read_only:
            return PlexHealth(reachable=True, latency=0.0, token_ok=True)
        return PlexHealth(reachable=False, latency=0.0, error=PlexServerDown("away"))

    def pass_on(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

    def set_clock(self, seconds: float) -> None:
        self.wall += seconds

    def try_job(self) -> None:
        if self.guard.allow(CLIENT, due=True):
            self.asked.append(self.passed)
            self.edited.append(self.passed)
            if self.well:
                self.guard.served()
            elif self.is_read_only:
                self.guard.failed(PlexReadOnly("saves nothing"))
            else:
                self.guard.failed(PlexServerDown("nothing answers"))

    def live(self, seconds: float, *, edits_every: float = 0.0) -> None:
        end = self.passed + seconds
        while self.passed < end:
            self.try_job()
            wait = self.guard.seconds_to_next_check(due=True)
            if edits_every:
                wait = min(wait, edits_every)
                self.waiting += 1
            self.pass_on(max(wait, 0.01))

    def record(self) -> dict[str, Any]:
        (record,) = json.loads(Path(self.folder.outage_history).read_text())
        assert isinstance(record, dict)
        return record


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def gaps(house: House) -> list[float]:
    return [later - one for one, later in pairwise(house.asked)]


def test_probes_of_a_dead_server_slow_down_to_once_a_minute(house: House) -> None:
    house.live(HOUR)
    between = gaps(house)
    assert min(between) >= 5.0 - NEAR
    assert max(between) <= 60.0 + 0.1
    assert between[:3] == pytest.approx([5.0, 5.0, 5.0], abs=0.1)
    assert between[-20:] == pytest.approx([60.0] * 20, abs=0.1)
    assert len(house.asked) <= 75


def test_a_server_that_saves_nothing_is_probed_by_an_edit(house: House) -> None:
    house.is_read_only = True
    house.live(HOUR)
    between = [later - edit for edit, later in pairwise(house.edited)]
    assert min(between) >= 5.0 - NEAR
    assert max(between) <= 20.0 + 0.1
    assert len(house.edited) <= 200
    house.well = True
    house.live(21.0)
    assert not house.guard.is_away
    assert house.codes == ["plex_failed", "plex_writable"]


def test_edits_that_keep_coming_bring_no_probe_closer_than_five_seconds(house: House) -> None:
    house.live(HOUR, edits_every=1.0)
    assert min(gaps(house)) >= 5.0 - NEAR
    assert max(gaps(house)) <= 60.0 + 1.0


def test_a_worker_that_is_killed_again_and_again_asks_no_more_often(house: House) -> None:
    for _ in range(200):
        house.live(7.0)
        house.start()
    assert min(gaps(house)) >= 5.0 - NEAR


@pytest.mark.parametrize("at", [100.0, 1000.0])
def test_a_return_is_noticed_within_a_minute(house: House, at: float) -> None:
    house.live(at)
    house.well = True
    house.live(61.0)
    assert not house.guard.is_away


@pytest.mark.parametrize("step", [-86400.0, -HOUR, -60.0, 60.0, HOUR, 365 * 86400.0])
def test_a_clock_change_in_an_outage_keeps_its_length(house: House, step: float) -> None:
    house.live(300.0)
    house.set_clock(step)
    asked = len(house.asked)
    house.live(600.0)
    assert 5 <= len(house.asked) - asked <= 20
    house.well = True
    house.live(61.0)
    assert not house.guard.is_away
    record = house.record()
    assert record["duration"] == pytest.approx(960 - 20, abs=62)
    assert record["ended_at"] <= house.wall
    assert "estimated" not in record


def test_a_night_of_sleep_is_a_part_of_the_outage(house: House) -> None:
    house.live(300.0)
    house.pass_on(8 * HOUR)
    house.well = True
    house.live(61.0)
    assert house.record()["duration"] == pytest.approx(8 * HOUR + 300, abs=90)
