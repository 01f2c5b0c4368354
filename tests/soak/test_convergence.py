"""R12: whatever happened to both libraries, when quiet returns Plex shows what Stash has.

Each seed is a story: edits on both sides, agents, rescans, moves, faults of both servers, clocks
that are set, and a worker that is killed. `SOAK=1` runs the full count;
`SOAK=1 pytest tests/soak/test_convergence.py -k 'in_step and [123]'` runs one of them.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from simulators.plex import FakePlex
from simulators.rig import PLUGIN, TOKEN, Rig
from simulators.stash import FakeStash
from tests.conftest import MakeRig
from tests.soak.household import PATIENT, Household, Time
from tests.soak.story import ALL, FORCE, STASH_FOLDER, Story
from tests.soak.troubles import Troubles

SEEDS, SEEDS_OF_PROCESSES = (500, 8) if os.environ.get("SOAK") else (12, 1)
PAUSES = (0.0, 0.4, 3.0, 40.0, 700.0)  # seconds between two steps
CLOCK_STEPS = (-86400.0, -3600.0, -7.0, 7.0, 3600.0, 31536000.0)
# A scene may die of these while a fault lasts; "Sync All" with `force` brings it back to life.
MORTAL = {"PlexTemporaryError", "PlexPermanentError", "PlexNotFound", "StashQueryError"}


class Chapter:
    def __init__(self, seed: int, folder: Path, stash: FakeStash, plex: FakePlex, time: Time):
        self.rng = random.Random(seed)
        self.plex = plex
        self.time = time
        self.troubles = Troubles(self.rng, stash, plex)
        plex_folder = self.rng.choice((STASH_FOLDER, "/plex/videos"))
        settings = {
            "plex_url": plex.url,
            "plex_token": TOKEN,
            "plex_unmatched_path_map": f"{plex_folder}=>{STASH_FOLDER}",
        }
        stash.set_plugin_settings(PLUGIN, settings)
        self.story = Story(self.rng, stash, plex, plex_folder)
        self.household = Household(folder, stash, time, self.rng)
        self.story.meanwhile = self.household.step

    @property
    def steps(self) -> list[str]:
        return self.story.steps

    def live(self) -> None:
        self.household.sync_all()
        for _ in range(self.rng.randint(12, 25)):
            self.time.pass_on(self.rng.choice(PAUSES))
            what = self.rng.random()
            if what < 0.5:
                self.story.happen()
            elif what < 0.75:
                self._work()
            elif what < 0.9:
                self.steps.append(self.troubles.begin())
                self.story.happen()
                self._work()
            elif what < 0.95:
                self.steps.append(self.troubles.end())
            else:
                seconds = self.rng.choice(CLOCK_STEPS)
                self.time.step(seconds)
                self.steps.append(f"the clock is set by {seconds:+.0f} s")
        # What the last edit lost, no later one repairs.
        self.steps.append(self.troubles.begin_at("edit"))
        self.story.edit()
        self._work()

    def _work(self) -> None:
        times = self.rng.randint(1, 6)
        if self.rng.random() < 0.3:
            requests = self.rng.randint(1, 8)
            self.household.die_after(requests)
            self.steps.append(f"the worker dies at its request {requests}")
        self.steps.append(f"{times} steps of the worker")
        for _ in range(times):
            self.household.step()

    def rest(self) -> None:
        self.steps.append(self.troubles.end())
        self.story.come_to_rest()
        self.household.close()
        self.household.open(PATIENT)
        if self.story.needs == FORCE:
            self._sync_all(force=True)
        elif self.story.needs == ALL:
            self._sync_all(force=False)
        self._drain()
        if self._dead() or self.story.differences():
            self._judge_what_is_left()
            self._sync_all(force=True)
            self._drain()

    def _dead(self) -> set[int]:
        dead = {scene_id for scene_id, _, _ in self.household.letters() if scene_id is not None}
        return dead.intersection(self.story.alive())

    def _sync_all(self, *, force: bool) -> None:
        self.steps.append(f"Sync All, force: {force}: {self.household.sync_all(force=force)}")

    def _drain(self) -> None:
        assert self.household.drain(), self.told("the queue does not become empty")

    def _judge_what_is_left(self) -> None:
        """Two things may need a person's "Sync All", and for a named reason only.

        A scene that died, and one of several items of which one was not seen: while a scene has an
        item no other is looked for, so a listing that broke off between two libraries hides it.
        """
        letters = self.household.letters()
        assert {error_type for _, error_type, _ in letters} <= MORTAL, self.told(str(letters))
        self.steps.append(f"dead letters: {letters}")
        excused = {f"scene {one}" for one in self._dead() | self.story.of_several_items()}
        # With a performer, studio or tag the news of all its scenes has died.
        others = [
            text
            for text in self.story.differences()
            if all(scene_id is not None for scene_id, _, _ in letters)
            and text.startswith("scene")
            and text.split(":")[0].split(",")[0] not in excused
        ]
        assert not others, self.told("\n".join(others))

    def told(self, problem: str) -> str:
        steps = "\n".join(f"{n:3}. {text}" for n, text in enumerate(self.steps, 1))
        lines = "\n".join(self.household.lines)
        return f"{problem}\n\nThe steps:\n{steps}\n\nThe plugin's last words:\n{lines}"


One = TypeVar("One", bound=Chapter)


@contextmanager
def living(kind: type[One], folder: Path, seed: int) -> Iterator[One]:
    time = Time()
    with (
        FakePlex(token=TOKEN, clock=time.clock) as plex,
        FakeStash(folder / "stash", now=time.clock) as stash,
    ):
        chapter = kind(seed, folder / "data", stash, plex, time)
        try:
            yield chapter
        finally:
            chapter.household.close()
            plex.start()
            stash.start()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_when_quiet_returns_both_libraries_are_in_step(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # nobody cuts the power here
    with living(Chapter, tmp_path, seed) as chapter:
        chapter.live()
        chapter.rest()
        judge_in_step(chapter)


def judge_in_step(chapter: Chapter) -> None:
    household, plex = chapter.household, chapter.plex
    differences = chapter.story.differences()
    assert not differences, chapter.told("\n".join(differences))
    dead = {scene_id for scene_id, _, _ in household.letters()}
    # Only a scene that is gone from Stash may keep a letter: nothing happens to it any more.
    assert not dead & set(chapter.story.alive()), chapter.told(str(household.letters()))
    assert household.queue.waiting() == 0

    mark = plex.log.mark()
    answer = household.sync_all()
    assert household.queue.waiting() <= chapter.story.unidentified(), chapter.told(answer)
    assert household.drain()
    household.sync_all(force=True)
    assert household.drain()
    writes = [str(one) for one in plex.log.writes(mark)]
    assert not writes, chapter.told("\n".join(writes))
    assert not chapter.story.differences()


def let_it_be_felt(rig: Rig) -> None:
    mark = rig.plex.log.mark()
    rig.wait_until(lambda: len(rig.plex.log.since(mark)) > 5, 2)


@pytest.mark.parametrize("seed", range(SEEDS_OF_PROCESSES))
def test_with_real_processes_both_libraries_are_in_step_too(make_rig: MakeRig, seed: int) -> None:
    rng = random.Random(seed)
    rig = make_rig(settings={"read_timeout": 5})
    story = Story(rng, rig.stash, rig.plex, STASH_FOLDER)
    troubles = Troubles(rng, rig.stash, rig.plex)
    rig.task("all")
    for _ in range(15):
        what = rng.random()
        if what < 0.7:
            story.happen()
        elif what < 0.85:
            story.steps.append(troubles.begin())
            let_it_be_felt(rig)
        elif what < 0.95:
            story.steps.append(troubles.end())
        else:
            rig.stop_worker()
            story.steps.append("the worker is killed")
    story.steps.append(troubles.end())
    story.come_to_rest()

    rig.task("all", force="true")

    in_step = rig.wait_until(lambda: rig.queued() == 0 and not story.differences(), 180)
    told = "\n".join([*story.differences(), *story.steps, rig.worker_log()[-3000:]])
    assert in_step, told
    mark = rig.plex.log.mark()
    answer = rig.task("all", format="json").output
    assert answer["queued"] <= story.unidentified(), told
    rig.task("all", force="true")
    assert rig.wait_until(lambda: rig.queued() == 0, 60)
    assert rig.plex.log.writes(mark) == [], told
