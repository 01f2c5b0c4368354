"""R8: over whole libraries made up from seeds, nothing is ever written to a wrong item.

Everything is real but the two servers: index, library, survey, matcher, finder and sync log. Prints
what it has seen. `SOAK=1` runs ten times as many libraries.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plex.exceptions import PlexAmbiguousMatch, PlexNotFound
from plex.library import Library
from plex.matcher import PlexMatcher
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from plex.server_facts import ServerFacts
from shared.events import unreported
from sync_queue.manager import QueueManager
from sync_queue.sync_log import ItemRecord
from tests.reliability.generated import SAME, SET, Collection, Server, collection
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.path_map import parse_path_map
from validation.scene_extractor import StashScene
from worker.sync.item_finder import ItemFinder
from worker.sync.scene_work import SceneWork
from worker.sync.session import SyncSession

LIBRARIES = 1500 if os.environ.get("SOAK") else 150
BY_CHANCE = 1118  # here a few files agree by chance on a mapping that is none
LEAST_COLLIDING = 0.30
BATCH = 25
NOW = 1_750_000_000.0


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """What all libraries together had; told when they are through."""
    counts: Counter[str] = Counter()
    yield counts
    share = counts["colliding files"] / counts["files"]
    text = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        line = f"\nR8 libraries: {text}; {share:.0%} of the files share their name"
        print(line)  # noqa: T201 - whoever reads the scoreboard wants to see what was covered


class Run:
    def __init__(self, path: Path, truth: Collection) -> None:
        self.truth = truth
        self.written: dict[int, int] = {}
        self.wrong: list[tuple[int, int]] = []
        self.unsure: set[int] = set()
        self.outcomes: dict[int, str] = {}
        self._queue = QueueManager(str(path / "queue"))
        client: Any = Server(truth)
        self._index = PathIndex(str(path / "library.db"))
        library = Library(client, self._index, "", lambda: NOW)
        self.learning = PathLearning(
            self._index.database, lambda: client.server_id, self._walk, lambda: NOW, unreported
        )
        paths = parse_path_map(truth.path_map)
        matcher = PlexMatcher(self._index, paths, library.sections_known, self.learning)
        self._config = Config(plex_unmatched_path_map=paths)
        facts = ServerFacts(self._index.database, lambda: (client.server_id, "1"), unreported)
        note: Any = None
        session = SyncSession(
            self._config, client, library, matcher, self.learning, facts, note, note
        )
        library.prepare()
        services: Any = SimpleNamespace(
            queue=self._queue,
            scenes=SimpleNamespace(read=self._read),
            log=SimpleNamespace(event=unreported),
        )
        self._finder = ItemFinder(services, session)

    def close(self) -> None:
        self._queue.close()
        self._index.close()

    def sync_all(self) -> None:
        ids = list(self.truth.scenes)
        for start in range(0, len(ids), BATCH):
            scenes = [self.truth.stash_scene(one) for one in ids[start : start + BATCH]]
            work = [SceneWork([], scene, self._desired(scene)) for scene in scenes]
            self._finder.find(work)
            for one in work:
                self._note(one)

    def _note(self, one: SceneWork) -> None:
        for item in one.items:
            self.written[item.rating_key] = one.scene.id
            if item.rating_key not in self.truth.right_items(one.scene.id):
                self.wrong.append((one.scene.id, item.rating_key))
            record = ItemRecord("digest", {})
            self._queue.sync_log.remember_item(
                one.scene.id, Server.server_id, item.rating_key, record, NOW
            )
        self.outcomes[one.scene.id] = _outcome(one)
        if one.items and not one.is_sure:
            self.unsure.add(one.scene.id)

    def _desired(self, scene: StashScene) -> SceneMetadata:
        return project(scene, self._config)

    def _read(self, scene_ids: Sequence[int]) -> dict[int, StashScene]:
        known = [one for one in scene_ids if one in self.truth.scenes]
        return {one: self.truth.stash_scene(one) for one in known}

    def _walk(self) -> Iterator[list[StashScene]]:
        yield [self.truth.stash_scene(one) for one in self.truth.scenes]


def _outcome(one: SceneWork) -> str:
    if one.items:
        return "written"
    if one.elsewhere:
        return "shown elsewhere"
    if isinstance(one.error, PlexAmbiguousMatch):
        return "ambiguous"
    assert isinstance(one.error, PlexNotFound)
    return "not found"


@pytest.mark.parametrize("seed", sorted({*range(LIBRARIES), BY_CHANCE}))
def test_no_sync_writes_to_a_wrong_item(seed: int, tmp_path: Path, seen: Counter[str]) -> None:
    truth = collection(seed)
    run = Run(tmp_path, truth)
    try:
        run.sync_all()
        after_first = dict(run.written)
        run.sync_all()
        _count(truth, run, seen)
    finally:
        run.close()

    assert run.wrong == []
    _check_owners(truth, after_first, run.written)
    _check_that_full_paths_suffice(truth, run.outcomes)


def test_many_files_of_the_libraries_share_their_name() -> None:
    """Without such files, a wrong item could not be found by name."""
    pairs = [collection(seed).colliding() for seed in range(LIBRARIES)]

    assert sum(shared for shared, _ in pairs) >= LEAST_COLLIDING * sum(total for _, total in pairs)


def _check_owners(truth: Collection, first: dict[int, int], second: dict[int, int]) -> None:
    for key, scene in second.items():
        assert first[key] == scene or truth.items[key][0] in truth.scenes[scene]


def _check_that_full_paths_suffice(truth: Collection, outcomes: dict[int, str]) -> None:
    for scene, outcome in outcomes.items():
        videos = truth.scenes[scene]
        if all(one.mount.kind in (SAME, SET) for one in videos):
            there = bool(truth.right_items(scene))
            assert outcome in (("written", "shown elsewhere") if there else ("not found",))


def _count(truth: Collection, run: Run, seen: Counter[str]) -> None:
    shared, total = truth.colliding()
    seen["libraries"] += 1
    seen["files"] += total
    seen["colliding files"] += shared
    seen["libraries with a learned mapping"] += bool(run.learning.path_map().pairs)
    for scene, outcome in run.outcomes.items():
        there = "" if truth.right_items(scene) else " and not in Plex"
        seen[f"scenes {outcome}{there}"] += 1
    seen["scenes written by name and size"] += len(run.unsure)
    seen["items written"] += len(run.written)
    seen["wrong items written"] += len(run.wrong)
