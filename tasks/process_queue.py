"""Process Queue: drain in the foreground, or watch the worker that does it already."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer, TaskError
from tasks.context import TaskContext
from worker.circuit_breaker import CircuitState
from worker.pauses import SETTINGS_LOOK
from worker.processor import LEFT, PAUSED

ITEMS_BETWEEN_LINES, SECONDS_BETWEEN_LINES = 5, 10.0
_LOOK_EVERY = 0.5  # seconds between looks at another process's progress
_PATIENCE = SETTINGS_LOOK + 2.0  # seconds for the worker to notice what was put right just now


def process_queue(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Drain the queue until nothing is due."""
    del arguments
    progress = _Progress(context)
    if not context.worker_lock.try_acquire():
        return _watch(context, progress)
    worker = context.foreground_worker(progress.show)
    try:
        outcome = worker.drain()
    finally:
        context.worker_lock.release()
    stats = context.queue.stats()
    waiting = stats["pending"] + stats["retrying"]
    if waiting:
        context.ensure_worker()
    if outcome in (PAUSED, LEFT):
        cause = "Stash ended the session" if outcome == LEFT else worker.pause_reason
        message = (
            f"{progress.done} done, then stopped: {cause}. {waiting} jobs wait and go on by "
            "themselves"
        )
        raise TaskError(message)
    left = f"{waiting} wait for their next try and go on by themselves" if waiting else "none waits"
    return Answer(
        f"{progress.done} jobs done; {left}", data={"done": progress.done, "waiting": waiting}
    )


def _watch(context: TaskContext, progress: "_Progress") -> Answer:
    """Show the progress of the worker that holds the lock until nothing is due any more.

    Ending this task changes nothing for that worker.
    """
    context.log.info("A worker is draining the queue already; this shows its progress")
    begun = context.monotonic()
    while not context.worker_lock.try_acquire():
        stats = context.queue.stats()
        left = stats["pending"] + stats["in_progress"]
        progress.show(max(0, progress.total - left))
        if not left:
            text = f"The worker has nothing left to do; {stats['retrying']} wait for their next try"
            return Answer(text, data={"done": progress.done, "waiting": stats["retrying"]})
        if context.records.breaker().state is not CircuitState.CLOSED:
            message = f"Plex is down; {left} jobs wait and go on by themselves when it is back"
            raise TaskError(message)
        pause, _ = context.records.pause()
        if pause and context.monotonic() - begun >= _PATIENCE:
            message = f"{pause}. {left} jobs wait and go on by themselves when that has changed"
            raise TaskError(message)
        context.sleep(_LOOK_EVERY)
    context.worker_lock.release()
    waiting = context.queue.waiting()
    if context.queue.has_unfinished():
        context.ensure_worker()
    return Answer(
        "The worker has ended; what waits goes on by itself",
        data={"done": progress.done, "waiting": waiting},
    )


class _Progress:
    """Stash's progress bar, and a line every few jobs or seconds."""

    def __init__(self, context: TaskContext) -> None:
        stats = context.queue.stats()
        self.total = stats["pending"] + stats["in_progress"]
        self.done = 0
        self._context = context
        self._begun = context.monotonic()
        self._told_done = 0
        self._told_at = self._begun

    def show(self, done: int) -> None:
        self.done = done
        total = max(self.total, done, 1)
        self._context.log.progress(done / total)
        now = self._context.monotonic()
        enough = done - self._told_done >= ITEMS_BETWEEN_LINES
        if not enough and now - self._told_at < SECONDS_BETWEEN_LINES:
            return
        self._told_done, self._told_at = done, now
        if not done:
            self._context.log.info(f"0/{total}, none went through yet")
            return
        rate = done / max(now - self._begun, 0.001)
        left = (total - done) / rate
        self._context.log.info(f"{done}/{total}, {rate:.1f} per second, {left:.0f} s remaining")
