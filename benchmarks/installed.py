"""A rig on the benchmarks' own interpreter, and what there is to see of its worker and queue."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from benchmarks.processes import children, command_of
from benchmarks.workspace import Workspace
from simulators.rig import PLUGIN, Rig

Progress = Callable[[str], None]

_LOOK_EVERY = 0.01  # seconds
_PATIENCE = 180.0  # seconds after which something is broken
_LONGEST_TASK = 1_800.0  # likewise, for one that goes through all scenes


class StandstillError(Exception):
    """What a benchmark waits for does not happen; the text has the worker's last words."""


class Installed:
    """The plugin, installed in a running rig."""

    def __init__(self, rig: Rig, workspace: Workspace) -> None:
        self.rig = rig
        self.workspace = workspace

    def task(self, mode: str, **arguments: str) -> str:
        """Run a task to its end; return its last line.

        Raises:
            StandstillError: it could not do its work.
        """
        stash = self.rig.stash
        result = stash.run_task_to_end(PLUGIN, None, {"mode": mode, **arguments}, _LONGEST_TASK)
        if result.error is not None:
            raise self._standstill(f"the task '{mode}' answers: {result.error}")
        return str(result.output)

    def task_processes(self) -> list[int]:
        """The process ids of the tasks that run now."""
        script = str(self.rig.manifest.directory / "Stash2Plex.py")
        return [pid for pid in children() if script in command_of(pid)]

    def worker(self) -> int:
        """The process id of the one worker.

        Raises:
            StandstillError: there is none, or more than one.
        """
        pids = self.rig.worker_pids()
        if len(pids) != 1:
            raise self._standstill(f"one worker was expected, there are {len(pids)}")
        return pids[0]

    def wait_for_worker(self) -> int:
        """The worker's process id, as soon as there is one."""
        self._wait(lambda: bool(self.rig.worker_pids()), "no worker has started")
        return self.worker()

    def wait_for_claim(self) -> float:
        """When the worker had taken its first job, on `time.perf_counter`'s clock."""
        return self._wait_for_jobs("WHERE status = 2", present=True)

    def wait_until_drained(self) -> float:
        """When no job was left in the queue, on the same clock."""
        return self._wait_for_jobs("", present=False)

    def wait_until_visible(self, visible: Callable[[], bool]) -> float:
        """When Plex showed an edit, on the same clock; it is looked at after each request.

        Raises:
            StandstillError: it never did.
        """
        if not self.rig.wait_until(visible, _PATIENCE):
            raise self._standstill("Plex does not show an edit")
        return time.perf_counter()

    def _wait_for_jobs(self, which: str, *, present: bool) -> float:
        path = self.rig.data / "queue" / "data.db"
        self._wait(path.exists, "there is no queue")
        query = f"SELECT EXISTS (SELECT 1 FROM ack_queue_default {which})"
        # One connection for the whole wait: the last one to close would move the log of changes
        # into the database, which is the worker's business.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            problem = f"{'no job is there' if present else 'jobs stay'}: {query}"

            def holds() -> bool:
                if not present and self.rig.spooled():
                    return False  # the worker has not imported them yet
                try:
                    return bool(database.execute(query).fetchone()[0]) is present
                except sqlite3.OperationalError:
                    return False  # the worker is making the tables

            return self._wait(holds, problem)

    def _wait(self, holds: Callable[[], bool], problem: str) -> float:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise self._standstill(problem)
            time.sleep(_LOOK_EVERY)
        return time.perf_counter()

    def _standstill(self, problem: str) -> StandstillError:
        return StandstillError(f"{problem}; the worker's log ends: {self.rig.worker_log()[-800:]}")


@contextmanager
def installed(workspace: Workspace, name: str, **settings: Any) -> Iterator[Installed]:
    """Start both servers and install the plugin; at the end kill its worker."""
    rig = Rig(
        workspace.folder(name),
        settings=settings,
        plugin=workspace.plugin,
        interpreter=workspace.python,
    )
    rig.stash.runner.timeout = _LONGEST_TASK
    rig.stash.runner.env |= {one: None for one in os.environ if one.startswith("PYTHON")}
    with rig:
        plugin = Installed(rig, workspace)
        try:
            yield plugin
        finally:
            rig.stop_worker()
