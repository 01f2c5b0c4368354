from dataclasses import dataclass

from sync_queue.operations import clear_pending_items
from tasks.answer import Answer, TaskError
from validation.values import counted
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker
from worker.services import Services

ITEMS_BETWEEN_LINES, SECONDS_BETWEEN_LINES = 5, 10.0
MOST_SCENE_LINES = 20


def process_queue(services: Services) -> Answer:
    stats, begun = services.queue.stats(), services.monotonic()
    progress = _Progress(services, stats["pending"] + stats["in_progress"], begun, begun)
    with services.hold_worker_lock():
        worker = SyncWorker(services, on_progress=progress.show, most_lines=MOST_SCENE_LINES)
        outcome = worker.drain()
        stats, done = services.queue.stats(), progress.done
    waiting = stats["pending"] + stats["retrying"]
    if outcome in (DrainOutcome.PAUSED, DrainOutcome.LEFT):
        cause = "Stash rejects the session" if outcome is DrainOutcome.LEFT else worker.pause_reason
        raise TaskError(
            f"Stopped after {counted(done, 'job')}: {cause}. "
            f"{counted(waiting, 'waiting job')} will be retried automatically"
        )
    left = f"{counted(waiting, 'waiting job')} will be retried automatically"
    return Answer(
        f"Processed {counted(done, 'job')}; {left if waiting else 'the queue is empty'}",
        data={"done": done, "waiting": waiting},
    )


def clear_queue(services: Services) -> Answer:
    removed = clear_pending_items(services.queue.connection)
    in_progress = services.queue.stats()["in_progress"]
    text = f"Removed {counted(removed, 'waiting job')}"
    if in_progress:
        continues = "continues" if in_progress == 1 else "continue"
        text += f"; {counted(in_progress, 'job')} in progress {continues}"
    return Answer(text, data={"removed": removed, "in_progress": in_progress})


@dataclass
class _Progress:
    services: Services
    total: int
    begun: float
    reported_at: float
    reported_done: int = 0
    done: int = 0

    def show(self, done: int) -> None:
        self.done = done
        total = max(self.total, done, 1)
        self.services.log.progress(done / total)
        now = self.services.monotonic()
        enough = done - self.reported_done >= ITEMS_BETWEEN_LINES
        if not enough and now - self.reported_at < SECONDS_BETWEEN_LINES:
            return
        self.reported_done, self.reported_at = done, now
        rate = done / max(now - self.begun, 0.001)
        left = (total - done) / rate
        text = f"{done}/{total} jobs, {rate:.1f} per second, {left:.0f} s remaining"
        self.services.log.info(text)
