"""What breaker, limiter and outage history cost while Plex is well."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.installed import Progress, installed
from benchmarks.scale import Scale
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from plex.client import PlexClient
from shared.data_folder import DataFolder
from shared.log import Log
from shared.redaction import Secrets
from worker.outage_guard import OutageGuard

_JOBS = 1_000  # in one try


class GuardError(Exception):
    """The guard held a job back: something else than its normal operation was timed."""


def measure(workspace: Workspace, scale: Scale, progress: Progress) -> Iterator[Row]:
    """Yield the guard's time for a job, and its share of the fastest drain's."""
    progress(f"guard: beside a drain of {scale.scenes}")
    job = _drain(workspace, scale.scenes) / scale.scenes
    guard = _Guard(workspace.folder("guard-states"))
    taken = statistics.median(guard.seconds_per_job() for _ in range(scale.tries))
    name = "breaker, limiter, outage history, for a job"
    note = f"median of {scale.tries} times {_JOBS} jobs, each a batch of its own"
    yield Row(f"{name}: time", taken * 1e6, "µs", note=note)
    yield Row(
        f"{name}: share of the drain",
        taken / job * 1e2,
        "%",
        "≤ 1",
        f"of {job * 1e3:.2f} ms/scene: no images, Plex answers at once",
    )


def _drain(workspace: Workspace, scenes: int) -> float:
    """The seconds of a first sync that has the least else to do."""
    with installed(workspace, "guard", sync_poster=False, sync_background=False) as plugin:
        plugin.rig.add_library(scenes, covers=False)
        plugin.task("all")
        begun = plugin.wait_for_claim()
        return plugin.wait_until_drained() - begun


class _Guard:
    """A guard that has never seen an outage, used as the worker uses it.

    Args:
        folder: where its states lie.
    """

    def __init__(self, folder: Path) -> None:
        log = Log(lambda _level, _text: None, Secrets())
        self._guard = OutageGuard(DataFolder(str(folder)), log, time.time, lambda: 0)
        self._client = PlexClient("http://127.0.0.1:9", "", (1.0, 1.0), True, {})
        self._wait = threading.Event().wait

    def seconds_per_job(self) -> float:
        """Let jobs through, one in each batch, so that none shares what is done once for all.

        Raises:
            GuardError: it let fewer through.
        """
        passed = 0
        begun = time.perf_counter()
        for number in range(_JOBS):
            if self._guard.allow(self._client, due=True):
                for _ in self._guard.paced((number,), self._wait):
                    self._guard.succeeded()
                    passed += 1
            self._guard.step_ended()
        seconds = time.perf_counter() - begun
        if passed != _JOBS:
            message = f"the guard let {passed} of {_JOBS} jobs through, Plex being well"
            raise GuardError(message)
        return seconds / _JOBS
