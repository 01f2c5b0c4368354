"""R9: the drain against a small model.

The real queue, worker, outage guard, breaker and rate limiter; what stands in for both servers is
a Plex that is well, away, sick or fussy about some scenes. Time is simulated. `SOAK=1` runs the
full count.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import TestCase
from unittest.mock import patch

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from plex.exceptions import PlexPermanentError, PlexServerDown, PlexTemporaryError
from plex.health import PlexHealth
from sync_queue.models import Claim
from sync_queue.operations import METADATA, clear_pending_items, get_queued_scene_ids, scene_job
from sync_queue.sync_log import SceneRecord
from tests.services import make_services
from tests.soak.household import Killed, Stop, Time, kill, revive
from tests.sync_queue.support import rows
from validation.config import Config
from worker.circuit_breaker import CircuitState
from worker.outage_guard import OutageGuard
from worker.processor import LONGEST_BACKOFF, SyncWorker
from worker.sync.results import SYNCED, Failed, Result, Synced
from worker.sync.session import SyncSession

EXAMPLES, STEPS = (5000, 50) if os.environ.get("SOAK") else (60, 30)
MAX_RETRIES = 2
RETENTION = Config().dlq_retention_days * 86400.0  # seconds
NEAR = 1e-3  # seconds
# Written out: a constant of the plugin may be what is wrong.
CHECK_DISTANCE = 5.0  # seconds between two health checks of an outage
FIRST_RATE, LAST_RATE, RAMP = 5.0, 20.0, 300.0  # jobs a second after an outage; seconds

SCENES = st.integers(min_value=1, max_value=6)
EDITED = st.lists(SCENES, min_size=1, max_size=5)
WELL, AWAY, SICK, TROUBLED = "well", "away", "sick", "troubled"
"""Plex serves; refuses connections; fails jobs and checks; fails jobs while checks are good."""
HEALED = "healed"  # well, and left alone until all has arrived


@dataclass
class World:
    time: Time = field(default_factory=Time)
    plex: str = WELL
    refused: set[int] = field(default_factory=set)  # scenes that Plex answers with 400
    failing: set[int] = field(default_factory=set)  # scenes that make a healthy Plex fail
    newest: dict[int, int] = field(default_factory=dict)
    delivered: dict[int, int] = field(default_factory=dict)
    cleared: set[int] = field(default_factory=set)  # a person removed the newest edit
    blamed: set[int] = field(default_factory=set)  # rows whose own fault a step has found
    edited_during: set[int] = field(default_factory=set)
    clear_at_work: bool = False  # a person empties the queue while the next job is worked on
    kill_after: int | None = None
    checked: tuple[float, int] | None = None
    away: bool = False  # an outage was seen that has not ended
    recovered: tuple[float, int] | None = None
    paced: tuple[object, float, int] | None = None
    broken: list[str] = field(default_factory=list)  # rules that were seen broken

    def must(self, holds: bool, rule: str) -> None:
        """Note a broken rule: an exception here would be taken for a bug of the worker's jobs."""
        if not holds:
            self.broken.append(rule)


def _late(low: float, high: float) -> float:
    return low + (high - low) * 0.7


class Library:
    listings = 0

    def prepare(self) -> None:
        pass

    def refresh(self) -> bool:
        return False


class DrainMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.mkdtemp(prefix="drain-model-")
        self.world = World()
        self.bodies = patch("worker.batch_runner.BatchSync", self._batch)
        self.bodies.start()
        self._open()

    def teardown(self) -> None:
        try:
            self._heal()
        finally:
            self.bodies.stop()
            self.queue.close()
            shutil.rmtree(self.root)

    def _open(self) -> None:
        time = self.world.time
        config = replace(Config(), max_retries=MAX_RETRIES)
        nothing: Any = None
        client: Any = self.world
        library: Any = Library()
        session = SyncSession(config, client, library, nothing, nothing, nothing, nothing, nothing)

        class Sessions:
            def current(self, **_: object) -> SyncSession:
                return session

        sessions: Any = Sessions()
        services = make_services(
            self.root, time.clock, monotonic=time.monotonic, boot_time=time.monotonic,
            sessions=sessions, uniform=_late,
        )  # fmt: skip
        self.queue = services.queue
        self.guard = OutageGuard(services, self._check)
        self.worker = SyncWorker(services, Stop(time), guard=self.guard)
        self.worker._begin()

    # -- what stands in for Plex ----------------------------------------------------------------

    def _check(self, _client: object) -> PlexHealth:
        world = self.world
        moment = (world.time.passed, world.time.steps)
        if self.guard._breaker.state is CircuitState.OPEN:
            if world.checked and world.checked[1] == moment[1]:
                far_enough = moment[0] - world.checked[0] >= CHECK_DISTANCE - NEAR
                world.must(far_enough, "a dead server is left in peace for 5 s")
            world.checked = moment
        if world.plex in (WELL, TROUBLED):
            return PlexHealth(reachable=True, latency=0.0, token_ok=True)
        return PlexHealth(reachable=False, latency=0.0, error=PlexServerDown("away"))

    def _batch(self, *_: object) -> "DrainMachine":
        return self

    def run(self, claims: Sequence[Claim]) -> Iterator[Result]:
        self._judge(claims)
        for claim in claims:
            scene_id = claim.job.scene_id
            assert scene_id is not None
            self._judge_pace()
            error = self._error(scene_id)
            if error is None:
                self.world.delivered[scene_id] = self.world.newest[scene_id]
            elif isinstance(error, PlexTemporaryError) and self.world.plex in (WELL, TROUBLED):
                self.world.blamed.add(claim.row_id)
            if self.world.clear_at_work:
                self.world.clear_at_work = False
                self._clear()
            if scene_id in self.world.edited_during:
                self.world.edited_during.discard(scene_id)
                self._edit(scene_id)
            if self.world.kill_after is not None:
                self.world.kill_after -= 1
                if self.world.kill_after <= 0:
                    self.world.kill_after = None
                    raise kill(self.queue)
            if error is not None:
                yield Failed([claim], f"Scene {scene_id}", error)
                continue
            record = SceneRecord(SYNCED, self.world.time.wall, "", "")
            yield Synced([claim], f"Scene {scene_id}", record)

    def _error(self, scene_id: int) -> Exception | None:
        if self.world.plex == AWAY:
            return PlexServerDown("nothing answers")
        if self.world.plex in (SICK, TROUBLED) or scene_id in self.world.failing:
            return PlexTemporaryError("could not")
        return PlexPermanentError("refused") if scene_id in self.world.refused else None

    def _judge(self, claims: Sequence[Claim]) -> None:
        now, must = self.world.time.wall, self.world.must
        must(all(claim.job.next_retry_at <= now for claim in claims), "no job before it is due")
        taken = {row_id for row_id, _, status in rows(self.queue) if status == 2}
        mine = {claim.row_id for claim in claims}
        must(taken == mine and len(mine) == len(claims), "each claimed once, and none besides")
        state = self.guard._breaker.state
        must(state is not CircuitState.OPEN, "an open breaker lets nothing through")
        must(state is CircuitState.CLOSED or len(claims) == 1, "a half-open one but the probe")

    def _observe(self) -> None:
        world = self.world
        away = self.guard._breaker.state is not CircuitState.CLOSED
        if world.away and not away:
            world.recovered = (world.time.passed, world.time.steps)
        world.away = away

    def _judge_pace(self) -> None:
        self._observe()
        time, before, recovered = self.world.time, self.world.paced, self.world.recovered
        self.world.paced = (self.guard, time.passed, time.steps)
        if before is None or recovered is None or before[0] is not self.guard:
            return
        since = time.passed - recovered[0]
        no_step = before[2] == recovered[1] == time.steps
        if no_step and since < RAMP and before[1] >= recovered[0]:
            rate = FIRST_RATE + (LAST_RATE - FIRST_RATE) * since / RAMP
            far_enough = time.passed - before[1] >= 1 / rate - NEAR
            self.world.must(far_enough, "the ramp after an outage")

    # -- what may happen ------------------------------------------------------------------------

    def _edit(self, *scene_ids: int) -> None:
        for scene_id in scene_ids:
            self.world.newest[scene_id] = self.world.newest.get(scene_id, 0) + 1
            self.world.cleared.discard(scene_id)
        now = self.world.time.wall
        self.queue.enqueue([scene_job(scene_id, METADATA, now) for scene_id in scene_ids])

    @rule(scene_ids=EDITED)
    def edit(self, scene_ids: list[int]) -> None:
        self._edit(*scene_ids)

    @rule(scene_ids=EDITED, times=st.integers(min_value=1, max_value=4))
    def edit_and_work(self, scene_ids: list[int], times: int) -> None:
        self._edit(*scene_ids)
        self.work(times)

    @rule(times=st.integers(min_value=1, max_value=8))
    def work(self, times: int) -> None:
        for number in range(times):
            if number:
                self._sleep()
            self._step()

    @rule(
        how=st.sampled_from([WELL, WELL, AWAY, AWAY, SICK, TROUBLED, HEALED]),
        refused=st.sets(SCENES, max_size=2),
        failing=st.sets(SCENES, max_size=2),
    )
    def plex_changes(self, how: str, refused: set[int], failing: set[int]) -> None:
        if how == HEALED:
            self._heal()
        else:
            self.world.plex, self.world.refused, self.world.failing = how, refused, failing

    @rule(
        edited=st.sets(SCENES, max_size=3),
        clear=st.booleans(),
        kill_after=st.none() | st.integers(min_value=1, max_value=4),
    )
    def disturbed_at_work(self, edited: set[int], clear: bool, kill_after: int | None) -> None:
        self.world.edited_during, self.world.clear_at_work = edited, clear
        self.world.kill_after = kill_after
        self._step()
        self.world.edited_during, self.world.clear_at_work = set(), False
        self.world.kill_after = None

    @rule(scene_ids=EDITED, reopened=st.booleans(), after=st.sampled_from([WELL, TROUBLED, AWAY]))
    def outage(self, scene_ids: list[int], reopened: bool, after: str) -> None:
        self.world.plex = AWAY
        self._edit(*scene_ids)
        self.work(8)
        if reopened:
            self.reopen()
        self.world.plex = after

    @rule()
    def reopen(self) -> None:
        horizon = self.world.time.clock() + LONGEST_BACKOFF
        # A clock that was set back leaves times that no back-off reaches: those are due by now.
        before = [
            (row_id, data if data["next_retry_at"] <= horizon else {**data, "next_retry_at": 0.0})
            for row_id, data, _ in rows(self.queue)
        ]
        dead = self.queue.dead_letters.counts_by_type()
        breaker = self.guard._breaker.to_state()
        self.queue.close()
        self._open()
        assert [(row_id, data) for row_id, data, _ in rows(self.queue)] == before
        assert self.queue.dead_letters.counts_by_type() == dead
        assert self.guard._breaker.to_state() == breaker

    @rule(seconds=st.sampled_from([0.3, 6.0, 61.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.time.pass_on(seconds)

    @rule(seconds=st.sampled_from([-86400.0, -3600.0, -5.0, 5.0, 3600.0, 31536000.0]))
    def the_clock_is_set(self, seconds: float) -> None:
        self.world.time.step(seconds)

    @rule(what=st.sampled_from(["clear queue", "clear letters", "purge", "revive", "revive"]))
    def somebody_runs_a_task(self, what: str) -> None:
        {
            "clear queue": self._clear,
            "clear letters": self._clear_dead_letters,
            "purge": self._purge_dead_letters,
            "revive": self._revive,
        }[what]()

    # -- the tasks ------------------------------------------------------------------------------

    def _clear(self) -> None:
        dead = self.queue.dead_letters.count()
        waiting = get_queued_scene_ids(self.queue.connection)
        taken = [row for row in rows(self.queue) if row[2] == 2]
        assert clear_pending_items(self.queue.connection) == len(waiting)
        assert rows(self.queue) == taken
        assert self.queue.dead_letters.count() == dead
        self.world.cleared |= {one for one in waiting if self._owes(one)}

    def _revive(self) -> None:
        letters = self.queue.dead_letters.between(0, 4e9)
        if not letters:
            return
        letter = letters[0]
        assert letter.job is not None
        assert self.queue.requeue(letter)
        assert letter.id not in {one.id for one in self.queue.dead_letters.between(0, 4e9)}
        (job,) = [
            data for _, data, _ in rows(self.queue) if data["scene_id"] == letter.job.scene_id
        ]
        assert (job["retry_count"], job["next_retry_at"], job["last_error_type"]) == (0, 0.0, None)
        assert not self.queue.requeue(letter)

    def _clear_dead_letters(self) -> None:
        stored = rows(self.queue)
        scenes = self._dead()
        assert self.queue.dead_letters.clear() == sum(scenes.values())
        assert rows(self.queue) == stored
        self._gone(set(scenes))

    def _purge_dead_letters(self) -> None:
        stored, before = rows(self.queue), self._dead()
        limit = self.world.time.wall - 60.0
        younger = len(self.queue.dead_letters.between(limit, limit + 1e9))
        removed = self.queue.dead_letters.purge(limit)
        assert removed == sum(before.values()) - younger
        assert rows(self.queue) == stored
        self._gone(set(before) - set(self._dead()))

    # -- what must hold at any time ---------------------------------------------------------------

    @invariant()
    def every_edit_is_delivered_or_in_a_named_list(self) -> None:
        known = {data["scene_id"] for _, data, _ in rows(self.queue)}
        known |= set(self._dead()) | self.world.cleared
        for scene_id in self.world.newest:
            assert not self._owes(scene_id) or scene_id in known, f"scene {scene_id} is lost"

    @invariant()
    def the_counts_shown_are_those_stored(self) -> None:
        stored, now = rows(self.queue), self.world.time.wall
        waiting = [data["next_retry_at"] for _, data, status in stored if status != 2]
        late = sum(due > now for due in waiting)
        assert self.queue.stats() == {
            "pending": len(waiting) - late,
            "retrying": late,
            "in_progress": len(stored) - len(waiting),
        }
        assert len(stored) == len(waiting), "nothing is in progress between two steps"
        subjects = [(data["job_key"], data["update_type"]) for _, data, _ in stored]
        assert len(subjects) == len(set(subjects))
        by_type = self.queue.dead_letters.counts_by_type()
        assert sum(by_type.values()) == self.queue.dead_letters.count()
        assert set(by_type) <= {"PlexPermanentError", "PlexTemporaryError"}

    @invariant()
    def a_fault_that_may_pass_is_buried_only_after_all_its_tries(self) -> None:
        for letter in self.queue.dead_letters.of_type("PlexTemporaryError"):
            assert letter.job is not None
            assert letter.job.retry_count == MAX_RETRIES

    @invariant()
    def no_job_waits_beyond_all_back_off(self) -> None:
        assert all(data["retry_count"] <= MAX_RETRIES for _, data, _ in rows(self.queue))

    # -- the model's own rules --------------------------------------------------------------------

    def _owes(self, scene_id: int) -> bool:
        return self.world.delivered.get(scene_id, 0) < self.world.newest.get(scene_id, 0)

    def _dead(self, until: float = 4e9) -> dict[int, int]:
        found: dict[int, int] = {}
        for letter in self.queue.dead_letters.between(0, max(0.0, until)):
            assert letter.job is not None
            assert letter.job.scene_id is not None
            found[letter.job.scene_id] = found.get(letter.job.scene_id, 0) + 1
        return found

    def _gone(self, scene_ids: set[int]) -> None:
        waiting = get_queued_scene_ids(self.queue.connection)
        self.world.cleared |= {one for one in scene_ids - waiting if self._owes(one)}

    def _tries(self) -> dict[int, int]:
        return {row_id: data["retry_count"] for row_id, data, _ in rows(self.queue)}

    def _step(self) -> None:
        before = self._tries()
        outdated = self._dead(self.world.time.wall - RETENTION)  # a step may purge these
        self.world.blamed = set()
        killed = False
        try:
            self.worker._step()
        except Killed:
            killed = True  # what was found last is not written down
            revive(self.queue)
            self.queue.close()
            self._open()
        self._observe()
        assert self.world.broken == []
        self._gone(set(outdated) - set(self._dead()))
        after = self._tries()
        for row_id in before.keys() & after.keys():
            blamed = row_id in self.world.blamed
            assert after[row_id] <= before[row_id] + blamed, "an outage has spent a retry"
            if blamed and not killed:
                assert after[row_id] == before[row_id] + 1, "a fault of the job has cost no try"

    def _sleep(self) -> None:
        seconds = self.worker._seconds_to_next_step()
        self.world.time.pass_on(min(30.0, seconds or 0.0) + 0.01)

    def _heal(self) -> None:
        world = self.world
        world.plex, world.kill_after = WELL, None
        world.refused, world.failing, world.edited_during = set(), set(), set()
        world.clear_at_work = False
        end = world.time.passed + LONGEST_BACKOFF
        while self.queue.waiting() or self.guard.is_away:
            assert world.time.passed < end, "it does not heal"
            self._step()
            self._sleep()
        for scene_id in world.newest:
            left = scene_id in self._dead() or scene_id in world.cleared
            assert not self._owes(scene_id) or left


TestDrainAgainstItsModel: type[TestCase] = DrainMachine.TestCase
TestDrainAgainstItsModel.settings = settings(  # type: ignore[attr-defined]
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
