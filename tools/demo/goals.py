"""What the demo waits for: things that get fewer until none is left."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from simulators.oracle import compare
from simulators.plex import ItemState
from simulators.plex.snapshot import item_state
from simulators.rig import Rig
from simulators.stash import Scene
from tools.demo.fields import LATE_FIELDS, fields_of


class Goal(Protocol):
    """Something that comes about by itself when the plugin does its work."""

    @property
    def what(self) -> str:
        """What comes about, for the sentence that it did not."""
        ...

    def left(self) -> int:
        """Look, and return how much is still missing."""
        ...

    def missing(self) -> list[str]:
        """Return what was missing at the last look, in words."""
        ...


class Arrivals:
    """Scenes that are to be in Plex, as the oracle sees it.

    Args:
        rig: both servers.
        ids: the scenes.
        what: see `Goal`.
        edited: whether each is edited from now on; one that is not yet has not arrived.
    """

    def __init__(self, rig: Rig, ids: Iterable[int], what: str, *, edited: bool = False) -> None:
        self.what = what
        self._rig = rig
        self._ids = tuple(ids)
        self._before = {each: rig.stash.scene(each) for each in self._ids} if edited else {}
        self._snapshot: dict[int, dict[str, Any]] = {}
        self._seen: dict[int, Scene] = {}
        self._differences: dict[int, list[str]] = {each: [""] for each in self._ids}

    def left(self) -> int:
        """Look at the scenes that have not arrived; return the number of their differences."""
        for scene_id in self.pending:
            self._differences[scene_id] = self._compare(scene_id)
        return sum(map(len, self._differences.values()))

    def missing(self) -> list[str]:
        """Return the oracle's sentences."""
        return [
            f"scene {scene_id} ({self._rig.stash.scene(scene_id).title}): {text}"
            for scene_id, found in self._differences.items()
            for text in found
        ]

    @property
    def pending(self) -> list[int]:
        """The scenes that had not arrived at the last look."""
        return [scene_id for scene_id, found in self._differences.items() if found]

    @property
    def arrived(self) -> list[int]:
        """The scenes that had arrived at the last look."""
        return [scene_id for scene_id, found in self._differences.items() if not found]

    @property
    def begun(self) -> list[int]:
        """The scenes of which only covers and their locks were missing."""
        return [each for each in self.pending if self.differing(each) <= LATE_FIELDS]

    def differing(self, scene_id: int) -> set[str]:
        """Return the fields of a scene that differed at the last look."""
        return fields_of(self._differences[scene_id])

    def _compare(self, scene_id: int) -> list[str]:
        scene = self._rig.stash.scene(scene_id)
        if scene is self._before.get(scene_id):
            return ["it has not been saved yet"]
        return compare(self._expected(scene), item_of(self._rig, scene_id))

    def _expected(self, scene: Scene) -> Mapping[str, Any]:
        """Return a scene as the oracle wants it; snapshots are dear, a changed scene is another."""
        if self._seen.get(scene.id) is not scene:
            self._seen = {each.id: each for each in self._rig.stash.scenes()}
            self._snapshot = self._rig.stash.snapshot()
        return {**self._snapshot[scene.id], "cover": scene.cover}


class EmptyQueue:
    """No job waits or is being worked on.

    Args:
        rig: the plugin's queue.
    """

    what = "The end of all jobs"

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def left(self) -> int:
        """Return the number of jobs."""
        return self._rig.queued()

    def missing(self) -> list[str]:
        """Return how many jobs are left."""
        return [f"{self._rig.queued()} jobs are in the queue"]


class WorkerSays:
    """A worker has written a line of some kind into its log.

    Args:
        rig: the plugin's log.
        what: see `Goal`.
        mark: what the line has in it.
        since: how long the log was before.
    """

    def __init__(self, rig: Rig, what: str, mark: str, since: int) -> None:
        self.what = what
        self._rig = rig
        self._mark = mark
        self._known = since

    def left(self) -> int:
        """Return 0 if there is such a line."""
        return 0 if self.words else 1

    def missing(self) -> list[str]:
        """Return what the log lacks."""
        return [f"worker.log has no new line with “{self._mark}”"]

    @property
    def words(self) -> str:
        """The first such line from the mark on; empty as long as there is none."""
        lines = self._rig.worker_log()[self._known :].splitlines()
        return next((text[text.index(self._mark) :] for text in lines if self._mark in text), "")


def item_of(rig: Rig, scene_id: int) -> ItemState:
    """Return the Plex item of a scene as it is at this moment."""
    with rig.plex.changed:
        return item_state(rig.item_of(scene_id))
