"""Puts together whoever drains the queue: the worker, or a task in the foreground."""

from collections.abc import Callable
from typing import Any

from app.container import Container
from shared.clock import steady
from worker.environment import Environment
from worker.outage_guard import OutageGuard
from worker.pauses import PauseNote
from worker.processor import SyncWorker
from worker.stats import SyncStats

MOST_SCENE_LINES = 20  # of a drain in Stash's log; the sum tells of the others


def foreground_worker(container: Container, on_progress: Callable[[int], None]) -> SyncWorker:
    """Return a worker for a task's process; for the holder of the worker lock only.

    Args:
        container: the process's.
        on_progress: is told how many jobs are done.
    """
    return SyncWorker(environment(container, on_progress=on_progress, most_lines=MOST_SCENE_LINES))


def environment(
    container: Container, *, steady: Callable[[], float] = steady, **options: Any
) -> Environment:
    """Return what a `SyncWorker` works with; for the holder of the worker lock only.

    Args:
        container: its queue and sessions.
        steady: see `shared.clock.steady`.
        **options: fields of `Environment`.
    """
    queue = container.queue
    return Environment(
        queue=queue,
        sessions=container.sessions,
        scenes=container.scenes,
        images=container.images,
        stats=SyncStats(container.folder.stats, container.log.event, queue.clock),
        guard=OutageGuard(
            container.folder, container.log, queue.clock, queue.waiting, steady=steady
        ),
        log=container.log,
        on_pause=PauseNote(container.folder.pause, container.log.event, queue.clock).write,
        **options,
    )
