from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plex.exceptions import PlexServerDown
from plex.health import PlexHealth
from shared.events import unreported
from tests.services import make_services
from tests.sync_queue.support import NOW, Clock, job, postponed
from validation.config import Config
from worker.jobs.missing_scenes import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import FIRST_PAUSE, STASH, Pauses
from worker.rate_limiter import Pace
from worker.timetable import Timetable

ON, OFF = Config(), Config(enabled=False)


@dataclass
class Desk:
    root: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        services = make_services(str(self.root), self.clock)
        self.queue = services.queue
        self.guard = OutageGuard(services, self._check)
        self.pauses = Pauses(services.folder.pause, unreported, self.clock, self.clock)
        pace = Pace(self.clock, self.clock, unreported)
        missing = MissingScenes(self.queue, self.clock)
        self.timetable = Timetable(services, self.guard, self.pauses, missing, pace)

    def _check(self, _client: object) -> PlexHealth:
        return PlexHealth(reachable=False, latency=0.0, error=PlexServerDown("away"))

    def postpone(self, seconds: float, error_type: str) -> None:
        self.queue.enqueue([job()])
        (claim,) = self.queue.claim(1)
        self.queue.release([postponed(claim, NOW + seconds, error_type)])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.queue.close()


def test_a_disabled_worker_does_not_look_for_what_plex_lacks(desk: Desk) -> None:
    """The look would be due now and is never made: so it would be due again at once."""
    desk.postpone(400.0, "PlexNotFound")

    assert desk.timetable.missing.seconds_to_search() == 0
    assert desk.timetable.seconds_to_next_step(ON) == 0
    assert desk.timetable.seconds_to_next_step(OFF) == OFF.poll_interval


def test_a_disabled_worker_waits_for_no_return_of_plex(desk: Desk) -> None:
    desk.guard.failed(PlexServerDown("nothing answers"))
    desk.clock.now += 3600.0

    assert desk.timetable.seconds_to_next_step(ON) == 0
    assert desk.timetable.seconds_to_next_step(OFF) is None


def test_a_disabled_worker_finishes_a_job_when_it_is_due(desk: Desk) -> None:
    desk.postpone(7.0, "PlexTemporaryError")

    assert desk.timetable.seconds_to_next_step(OFF) == 7.0
    desk.clock.now += 7.0
    assert desk.timetable.seconds_to_next_step(OFF) == 0


@pytest.mark.parametrize("config", [ON, OFF], ids=["enabled", "disabled"])
def test_no_worker_looks_again_before_its_pause_is_over(desk: Desk, config: Config) -> None:
    desk.queue.enqueue([job()])
    desk.pauses.begin("why", STASH, OSError())

    assert desk.timetable.seconds_to_next_step(config) == FIRST_PAUSE
    desk.clock.now += FIRST_PAUSE
    assert desk.timetable.seconds_to_next_step(config) == 0


def test_where_nothing_waits_there_is_no_next_step(desk: Desk) -> None:
    assert desk.timetable.seconds_to_next_step(ON) is None
    assert desk.timetable.seconds_to_next_step(OFF) is None
