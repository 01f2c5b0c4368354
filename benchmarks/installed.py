import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from benchmarks.workspace import Workspace
from simulators.rig import PLUGIN, Rig

Progress = Callable[[str], None]

_POLL_EVERY = 0.01
_PATIENCE = 180.0
_LONGEST_TASK = 1_800.0


class StandstillError(Exception):
    pass


class Installed:
    def __init__(self, rig: Rig, workspace: Workspace) -> None:
        self.rig = rig
        self.workspace = workspace

    def task(self, mode: str, **arguments: str) -> None:
        stash = self.rig.stash
        result = stash.run_task_to_end(PLUGIN, None, {"mode": mode, **arguments}, _LONGEST_TASK)
        if result.error is not None:
            raise self._standstill(f"the task '{mode}' failed: {result.error}")

    def worker(self) -> int:
        self._wait(lambda: bool(self.rig.worker_pids()), "no worker has started")
        pids = self.rig.worker_pids()
        if len(pids) != 1:
            raise self._standstill(f"one worker was expected, there are {len(pids)}")
        return pids[0]

    def wait_for_claim(self) -> float:
        return self._wait_for_jobs("WHERE status = 2", present=True)

    def wait_until_drained(self) -> float:
        return self._wait_for_jobs("", present=False)

    def wait_until_visible(self, is_visible: Callable[[], bool]) -> float:
        if not self.rig.wait_until(is_visible, _PATIENCE):
            raise self._standstill("Plex does not show an edit")
        return time.perf_counter()

    def _wait_for_jobs(self, condition: str, *, present: bool) -> float:
        path = self.rig.data / "queue" / "data.db"
        self._wait(path.exists, "there is no queue")
        query = f"SELECT EXISTS (SELECT 1 FROM ack_queue_default {condition})"
        # The benchmark measures the worker's CPU time. A read-only connection leaves all
        # checkpoints to the worker.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:

            def holds() -> bool:
                if not present and self.rig.spooled():
                    return False
                try:
                    return bool(database.execute(query).fetchone()[0]) is present
                except sqlite3.OperationalError:
                    return False

            return self._wait(holds, f"jobs {'do not come' if present else 'stay'}: {query}")

    def _wait(self, holds: Callable[[], bool], problem: str) -> float:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise self._standstill(problem)
            time.sleep(_POLL_EVERY)
        return time.perf_counter()

    def _standstill(self, problem: str) -> StandstillError:
        return StandstillError(f"{problem}; the worker's log ends: {self.rig.worker_log()[-800:]}")


@contextmanager
def installed(workspace: Workspace, name: str, **settings: Any) -> Iterator[Installed]:
    folder, plugin, python = workspace.folder(name), workspace.plugin, workspace.python
    rig = Rig(folder, settings=settings, plugin=plugin, interpreter=python)
    rig.stash.runner.timeout = _LONGEST_TASK
    rig.stash.runner.env |= {name: None for name in os.environ if name.startswith("PYTHON")}
    with rig:
        yield Installed(rig, workspace)
