"""Whether a long queue is slower than a short one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from benchmarks.installed import Progress
from benchmarks.scale import Scale
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job

_FEW, _SHORT_CLAIM, _BATCH, _USED = 10, 100, 50, 5_000


def measure(workspace: Workspace, scale: Scale, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the queue."""
    progress(f"queue: {scale.waiting} jobs waiting")
    with ExitStack() as stack:
        few, short, long = (
            _Queue(workspace, waiting, stack) for waiting in (_FEW, _SHORT_CLAIM, scale.waiting)
        )
        count = f"{scale.waiting:,}"
        against = f"enqueue beside {count} waiting / beside {_FEW}"
        note = f"; filled with {scale.waiting / long.filled:.0f} jobs/s"
        new = _ratio(f"{against}: new job", long.enqueue_new, few.enqueue_new, scale.tries)
        yield replace(new, note=new.note + note)
        yield _ratio(f"{against}: merged", long.enqueue_merged, few.enqueue_merged, scale.tries)
        name = f"claim {_BATCH} of {count} / of {_SHORT_CLAIM}"
        yield _ratio(name, long.claim, short.claim, scale.tries)


class _Queue:
    """A queue of some length; each operation returns its seconds and leaves the length as it was.

    Args:
        workspace: where it lies.
        waiting: its length.
        stack: closes it.
    """

    def __init__(self, workspace: Workspace, waiting: int, stack: ExitStack) -> None:
        folder = str(workspace.folder(f"queue-{waiting}"))
        self._queue = stack.enter_context(closing(QueueManager(folder)))
        self._waiting = waiting
        begun = time.perf_counter()
        self._queue.enqueue(_job(number) for number in range(waiting))
        self.filled = time.perf_counter() - begun
        # SQLite's log of changes grows to some size and is overwritten from then on, which is
        # faster: so no queue is a new one.
        self._queue.enqueue(_job(waiting + number) for number in range(_USED))
        self._queue.finish(self._queue.claim(waiting + _USED)[waiting:])
        self._queue.resume()

    def enqueue_new(self) -> float:
        """A scene that does not wait yet; due before all others, so that it can be taken out."""
        seconds = self._enqueue({**_job(self._waiting), "next_retry_at": -1.0})
        self._queue.finish(self._queue.claim(1))
        return seconds

    def enqueue_merged(self) -> float:
        """A scene that waits already."""
        return self._enqueue(_job(self._waiting // 2))

    def claim(self) -> float:
        """A batch."""
        begun = time.perf_counter()
        claims = self._queue.claim(_BATCH)
        seconds = time.perf_counter() - begun
        self._queue.give_back(claims)
        return seconds

    def _enqueue(self, job: dict[str, Any]) -> float:
        begun = time.perf_counter()
        self._queue.enqueue([job])
        return time.perf_counter() - begun


def _job(number: int) -> dict[str, Any]:
    return scene_job(number + 1, METADATA, time.time())


def _ratio(
    name: str, of_long: Callable[[], float], of_short: Callable[[], float], tries: int
) -> Row:
    pairs = [_pair(of_long, of_short, long_first=bool(number % 2)) for number in range(tries)]
    long, short = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return Row(name, ratio, "times", note=f"{long:.2f} / {short:.2f} ms")


def _pair(
    of_long: Callable[[], float], of_short: Callable[[], float], *, long_first: bool
) -> tuple[float, float]:
    """Time both, in turn with either first: what runs before leaves caches and disk behind."""
    if long_first:
        long = of_long()
        return long, of_short()
    short = of_short()
    return of_long(), short
