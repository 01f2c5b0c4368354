"""Stash's job queue: one job at a time, and a graveyard of the last ten."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from .calls import Cancel

GRAVEYARD = 10

JobStatus = Literal["READY", "RUNNING", "FINISHED", "STOPPING", "CANCELLED", "FAILED"]


class JobError(Exception):
    """A job that could not be started; its text becomes the job's error."""


@dataclass(slots=True)
class Job:
    """A job; `cancel` fires when somebody stops it."""

    id: int
    description: str
    status: JobStatus = "READY"
    progress: float = 0.0
    has_ended: bool = False
    error: str | None = None
    cancel: Cancel = field(default_factory=Cancel, repr=False)


class Progress:
    """How a running job reports how far it is."""

    def __init__(self, queue: JobQueue, job: Job) -> None:
        self._queue = queue
        self._job = job
        self.cancel = job.cancel

    def set(self, fraction: float) -> None:
        """Publishes the progress, clamped to 0..1."""
        self._queue.update(self._job, progress=min(max(fraction, 0.0), 1.0))


Work = Callable[[Progress], None]


class JobQueue:
    """Runs jobs one after the other in a thread of its own.

    Attributes:
        panics: traces of jobs that broke, which no job of a test's should.
    """

    def __init__(self) -> None:
        self.panics: list[str] = []
        self._changed = threading.Condition()
        self._queue: list[tuple[Job, Work]] = []
        self._graveyard: list[Job] = []
        self._last_id = 0
        self._worker: threading.Thread | None = None

    def add(self, description: str, work: Work) -> int:
        """Queues a job and returns its id at once."""
        with self._changed:
            self._last_id += 1
            job = Job(self._last_id, description)
            self._queue.append((job, work))
            if self._worker is None:
                self._worker = threading.Thread(target=self._run, daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return job.id

    def queue(self) -> list[Job]:
        """Jobs that are ready, running or stopping."""
        with self._changed:
            return [replace(job) for job, _ in self._queue]

    def stop(self, job_id: int) -> None:
        """Cancels a job: a ready one leaves the queue, a running one is told."""
        with self._changed:
            job = next((job for job, _ in self._queue if job.id == job_id), None)
            if job is None:
                return
            if job.status == "READY":
                job.status = "CANCELLED"
                self._bury(job)
            elif job.status == "RUNNING":
                job.status = "STOPPING"
            self._changed.notify_all()
        job.cancel.cancel()

    def stop_all(self) -> None:
        """Cancels every job."""
        for job in self.queue():
            self.stop(job.id)

    def wait(self, job_id: int, timeout: float = 30.0) -> Job:
        """Wait for a job's end and return it.

        Raises:
            AssertionError: it did not end within `timeout` seconds.
        """
        with self._changed:
            known = [*(job for job, _ in self._queue), *self._graveyard]
            job = next(job for job in known if job.id == job_id)
            ended = self._changed.wait_for(lambda: job.has_ended, timeout)
            assert ended, f"after {timeout} s the job is still {job}"
            return replace(job)

    def close(self, timeout: float = 10.0) -> None:
        """Cancel every job and wait until the running one has ended.

        Raises:
            AssertionError: it took longer than `timeout` seconds.
        """
        self.stop_all()
        with self._changed:
            ended = self._changed.wait_for(lambda: not self._queue, timeout)
            assert ended, f"after {timeout} s there are still {[job for job, _ in self._queue]}"

    def update(self, job: Job, *, progress: float) -> None:
        """Publishes a job's progress."""
        with self._changed:
            job.progress = progress
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._worker = None
                    return
                job, work = self._queue[0]
                job.status = "RUNNING"
                self._changed.notify_all()
            error = _execute(work, Progress(self, job), self.panics)
            with self._changed:
                self._finish(job, error)
                self._changed.notify_all()

    def _finish(self, job: Job, error: str | None) -> None:
        job.error = error
        if job.status == "STOPPING":
            job.status = "CANCELLED"
        else:
            job.status = "FINISHED" if error is None else "FAILED"
        self._bury(job)

    def _bury(self, job: Job) -> None:
        self._queue = [(each, work) for each, work in self._queue if each is not job]
        job.has_ended = True
        self._graveyard = [*self._graveyard, job][-GRAVEYARD:]


def _execute(work: Work, progress: Progress, panics: list[str]) -> str | None:
    try:
        work(progress)
    except JobError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - like a panic: the job fails, the queue goes on
        panics.append("".join(traceback.format_exception(error)))
        return f"panic: {error!r}"
    return None
