"""What nobody knows about real servers: right under each reading, without repeated writes.

Each run takes one reading of every switch; together the runs hold each pair of readings. The worker
runs in this process, both fakes answer over HTTP. A library of 30 scenes is
synced, edited in every field, and synced again with `force`.
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from simulators.oracle import judge
from simulators.plex import FakePlex, Section, Switches
from simulators.rig import FOLDER, PLUGIN, png
from simulators.stash import FakeStash
from tests.soak.household import PATIENT, Household, Time

SCENES = 30
READINGS: Mapping[str, tuple[Any, ...]] = {
    "lock_names": ({}, {"actor": ""}, {"actor": "role"}, {"genre": "", "art": "", "thumb": ""}),
    "empty_date": ("clears", "refused", "ignored", "file_date"),
    "title_sort_follows": (True, False),
    "upload_selects": ("always", "new", "usually", "never"),
    "upload_locks_thumb": (False, True),
    "removal_decodings": (2, 1),
    "date_shift_days": (0, -1, 1),
    "tags_fold_ascii_only": (False, True),
    "tags_append": (True, False),
    "remove_before_add": (True, False),
    "illegal_references": (False, True),
}
Run = dict[str, int]
PEOPLE = ("Ada Berg, Jr.", "Jo Lindqvist", "René Dubois", "Zoë O'Hara", "Élodie Ünal")
TAGS = ("Outdoor", "Slow [motion], long", "50% off", "A+B", "%41", "東京", "Été")


def covering(rng: random.Random) -> list[Run]:
    """Runs (switch → number of its reading) that hold each pair of readings at least once."""
    sizes = {name: len(readings) for name, readings in READINGS.items()}
    left = {
        ((a, i), (b, j))
        for a, b in combinations(sizes, 2)
        for i in range(sizes[a])
        for j in range(sizes[b])
    }
    runs: list[Run] = []
    while left:
        tries = []
        for _ in range(60):
            run = {name: rng.randrange(size) for name, size in sizes.items()}
            run.update(rng.choice(sorted(left)))
            tries.append((len(left.intersection(_pairs(run))), sorted(run.items())))
        run = dict(max(tries)[1])
        left -= set(_pairs(run))
        runs.append({name: run[name] for name in sizes})
    return runs


def _pairs(run: Run) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    return combinations(((name, run[name]) for name in READINGS), 2)


def switches_of(run: Run) -> Switches:
    return replace(Switches(), **{name: READINGS[name][number] for name, number in run.items()})


class World:
    """Both servers and the worker.

    Args:
        folder: an empty one.
        switches: how Plex behaves.
        kind: of household.
    """

    def __init__(
        self,
        folder: Path,
        switches: Switches,
        kind: type[Household] = Household,
        scenes: int = SCENES,
    ) -> None:
        time = Time()
        self.stash = FakeStash(folder / "stash", now=time.clock).start()
        self.plex = FakePlex(switches=switches, clock=time.clock).start()
        self.section: Section = self.plex.add_section("Scenes", [FOLDER])
        known = {"plex_url": self.plex.url, "plex_token": self.plex.token}
        self.stash.set_plugin_settings(PLUGIN, known)
        self.ids = [self._add(number) for number in range(scenes)]
        self.home: Any = kind(folder / "data", self.stash, time, random.Random(1))
        self.home.close()
        self.home.open(PATIENT)

    def force(self) -> None:
        self.home.time.pass_on(120)
        self.home.sync_all(force=True)
        assert self.home.drain()

    def close(self) -> None:
        self.home.close()
        self.stash.__exit__(None, None, None)
        self.plex.close()

    def _add(self, number: int) -> int:
        path = f"{FOLDER}/s{number:02}.mp4"
        self.plex.add_item(self.section, path, genres=["été"] if number % 5 == 0 else [])
        scene = self.stash.add_scene(
            files=[path],
            title=f"Scene {number}",
            details=f"What happens in {number}",
            date=None if number % 7 == 0 else f"2021-03-{number % 28 + 1:02}",
            studio="Studio Fünf" if number % 2 else "The Old Mill, Inc.",
            performers=list(PEOPLE[: number % 4 + 1]),
            tags=list(TAGS[number % 6 :]),
            cover=png(number) if number % 3 else None,
        )
        return scene.id

    def edit(self) -> None:
        for number, scene_id in enumerate(self.ids):
            fields: dict[str, Any] = {"title": f"Renamed {number}"}
            kind = number % 6
            if kind == 0:
                fields |= {"date": None, "details": ""}
            elif kind == 1:
                fields |= {"performers": ["Kim Park"], "tags": []}
            elif kind == 2:
                fields |= {"studio": None, "tags": ["Outdoor", "New"]}
            elif kind == 3:
                fields |= {"cover": png(number + 100)}
            elif kind == 4:
                fields |= {"date": "2019-12-31", "performers": []}
            self.home.time.pass_on(2)
            self.stash.edit_scene(scene_id, **fields)


RANDOM = random.Random(6)
PAIRS = covering(random.Random(5))
RUNS = [
    *PAIRS,
    *(
        {name: RANDOM.randrange(len(readings)) for name, readings in READINGS.items()}
        for _ in range(200 if os.environ.get("SOAK") else 0)
    ),
]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: "".join(map(str, run.values())))
def test_each_pair_of_readings_ends_right_with_one_write(tmp_path: Path, run: Run) -> None:
    with closing(World(tmp_path, switches_of(run))) as world:
        home = world.home

        world.force()
        first = judge(world.stash, world.plex).differences
        world.edit()
        assert home.drain()
        # Bytes that an item had before are sent again where its cover is changed back.
        world.stash.edit_scene(world.ids[3], cover=None)
        world.stash.edit_scene(world.ids[4], cover=png(3))
        home.time.pass_on(5)
        world.stash.edit_scene(world.ids[4], cover=png(4))
        assert home.drain()
        edited = judge(world.stash, world.plex).differences
        mark = world.plex.log.mark()
        world.force()

        assert (first, edited) == ((), ())
        assert [one.kind for one in world.plex.log.writes(mark)] == []
        assert home.letters() == []
        assert len(home.warnings) <= 1, home.warnings
