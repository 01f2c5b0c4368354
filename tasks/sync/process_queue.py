"""Process Queue and Clear Pending Queue."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer, TaskError
from validation.values import counted
from worker.process.lock_handover import LockHeldError
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker
from worker.services import Services

MOST_SCENE_LINES = 20  # of a drain in Stash's log; the sum contains the others
ITEMS_BETWEEN_LINES, SECONDS_BETWEEN_LINES = 5, 10.0


def process_queue(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Drain the queue in this process until no job is due; a running worker is stopped first."""
    del arguments
    progress = _Progress(context)
    try:
        with context.lock_handover.hold():
            worker = SyncWorker(context, on_progress=progress.show, most_lines=MOST_SCENE_LINES)
            outcome = worker.drain()
    except LockHeldError as error:
        raise TaskError(str(error)) from None
    stats = context.queue.stats()
    waiting = stats["pending"] + stats["retrying"]
    if waiting:
        context.ensure_worker()
    if outcome in (DrainOutcome.PAUSED, DrainOutcome.LEFT):
        cause = "Stash ended the session" if outcome is DrainOutcome.LEFT else worker.pause_reason
        message = (
            f"Stopped after {counted(progress.done, 'job')}: {cause}. "
            f"{counted(waiting, 'waiting job')} will be retried automatically"
        )
        raise TaskError(message)
    left = (
        f"{counted(waiting, 'job')} left for automatic retries" if waiting else "the queue is empty"
    )
    return Answer(
        f"Processed {counted(progress.done, 'job')}; {left}",
        data={"done": progress.done, "waiting": waiting},
    )


def clear_queue(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Remove the waiting jobs."""
    del arguments
    removed = context.queue.clear_waiting()
    in_progress = context.queue.stats()["in_progress"]
    return Answer(
        f"Removed {counted(removed, 'waiting job')}; {counted(in_progress, 'job')} in progress "
        f"{'continues' if in_progress == 1 else 'continue'}",
        data={"removed": removed, "in_progress": in_progress},
    )


class _Progress:
    """Updates Stash's progress bar, and logs a line every few jobs or seconds."""

    def __init__(self, context: Services) -> None:
        stats = context.queue.stats()
        self.total = stats["pending"] + stats["in_progress"]
        self.done = 0
        self._context = context
        self._begun = context.monotonic()
        self._reported_done = 0
        self._reported_at = self._begun

    def show(self, done: int) -> None:
        self.done = done
        total = max(self.total, done, 1)
        self._context.log.progress(done / total)
        now = self._context.monotonic()
        enough = done - self._reported_done >= ITEMS_BETWEEN_LINES
        if not enough and now - self._reported_at < SECONDS_BETWEEN_LINES:
            return
        self._reported_done, self._reported_at = done, now
        rate = done / max(now - self._begun, 0.001)
        left = (total - done) / rate
        self._context.log.info(
            f"{done}/{total} jobs, {rate:.1f} per second, {left:.0f} s remaining"
        )
