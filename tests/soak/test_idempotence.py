"""R11: a library that is synced twice costs no write the second time, whatever its size.

Real processes, both fake servers. `SOAK=1` runs 10, 1,000 and 100,000 scenes; above a thousand the
images are off: what they cost grows with the scenes alone. `-s` shows the figures.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulators.rig import PLUGIN, Rig

SIZES = (10, 1_000, 100_000) if os.environ.get("SOAK") else (10, 120)
MOST_WITH_COVERS = 1_000
LOOK_EVERY = 0.2  # seconds: the queue's database tells nobody that it is empty
PATIENCE = 1_800.0  # seconds
NO_IMAGES = {"sync_poster": False, "sync_background": False}


@dataclass
class Pass:
    """One run of "Sync All" and of the worker behind it.

    Attributes:
        answer: the task's last line.
        kinds: requests to Plex.
        writes: those of them that change Plex.
    """

    answer: str = ""
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    to_stash: int = 0
    memory: float = 0.0

    def told(self, name: str, scenes: int) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        return (
            f"R11 {scenes:>7,} scenes, {name}: {self.seconds:.1f} s, "
            f"{self.kinds.total() / scenes:.3f} requests to Plex per scene ({kinds}), "
            f"{self.to_stash / scenes:.3f} to Stash; worker's peak {self.memory:.0f} MB\n"
        )


class Sync:
    """Runs "Sync All" until nothing is left to do."""

    def __init__(self, rig: Rig, scenes: int) -> None:
        self.rig = rig
        self.scenes = scenes
        rig.stash.runner.timeout = PATIENCE

    def all(self, name: str, **arguments: str) -> Pass:
        rig = self.rig
        plex, stash, begun = rig.plex.log.mark(), rig.stash.requests.mark(), time.monotonic()
        result = rig.stash.run_task_to_end(PLUGIN, None, {"mode": "all", **arguments}, PATIENCE)
        assert result.error is None, result.error
        memory = self._wait_until_drained()
        requests = rig.plex.log.since(plex)
        done = Pass(
            str(result.output),
            time.monotonic() - begun,
            Counter(one.kind for one in requests),
            sum(one.is_write for one in requests),
            len(rig.stash.requests.since(stash)),
            memory,
        )
        sys.stdout.write(done.told(name, self.scenes))
        return done

    def lose_the_worker_and_the_index(self) -> None:
        """Kill the worker and delete `library.db`: what the plugin may lose at any time."""
        self.rig.stop_worker()
        assert self.rig.wait_until(lambda: not self.rig.worker_pids())
        found = list(self.rig.data.glob("library.db*"))
        assert found
        for path in found:
            path.unlink()

    def _wait_until_drained(self) -> float:
        """Wait; return the most megabytes that the worker has held."""
        memory, end = 0.0, time.monotonic() + PATIENCE
        uri = f"{(self.rig.data / 'queue' / 'data.db').as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
            while database.execute("SELECT EXISTS (SELECT 1 FROM ack_queue_default)").fetchone()[0]:
                assert time.monotonic() < end, self.rig.worker_log()[-800:]
                memory = max([memory, *self._memory()])
                time.sleep(LOOK_EVERY)
        return max([memory, *self._memory()])

    def _memory(self) -> Iterator[float]:
        for pid in self.rig.worker_pids():
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            except OSError:
                continue
            yield from (
                int(line.split()[1]) / 1024 for line in status.splitlines() if "VmHWM" in line
            )


@pytest.mark.parametrize("scenes", SIZES)
def test_a_second_sync_of_an_unchanged_library_writes_nothing(rig: Rig, scenes: int) -> None:
    covers = scenes <= MOST_WITH_COVERS
    if not covers:
        rig.configure(**NO_IMAGES)
    rig.add_library(scenes, covers=covers)
    sync = Sync(rig, scenes)

    first = sync.all("first sync")
    assert f"{scenes} queued" in first.answer
    assert first.kinds["edit"] >= scenes

    again = sync.all("again")
    assert f" 0 queued, 0 already queued, {scenes} already in Plex" in again.answer
    forced = sync.all("forced", force="true")
    assert f"{scenes} queued" in forced.answer

    sync.lose_the_worker_and_the_index()
    rebuilt = sync.all("again, index lost")
    assert f" 0 queued, 0 already queued, {scenes} already in Plex" in rebuilt.answer

    sync.lose_the_worker_and_the_index()
    forced_anew = sync.all("forced, index lost", force="true")
    assert f"{scenes} queued" in forced_anew.answer

    for one in (again, forced, rebuilt, forced_anew):
        assert one.writes == 0, one
        assert one.kinds["metadata"] <= scenes / 20 + 1
    assert rig.verdict().agree, rig.verdict().differences[:5]
    assert rig.verdict().compared == scenes
