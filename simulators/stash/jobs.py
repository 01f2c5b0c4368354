"""Stash's job queue: one job at a time, and a graveyard of the last ten."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from .calls import Cancel
from .clock import StashClock

GRAVEYARD = 10

JobStatus = Literal["READY", "RUNNING", "FINISHED", "STOPPING", "CANCELLED", "FAILED"]


class JobError(Exception):
    """A job that could not be started; its text becomes the job's error."""


@dataclass(slots=True)
class Job:
    """A job, with the attribute names of the GraphQL schema.

    Attributes:
        cancel: fires when somebody stops the job.
    """

    id: int
    description: str
    addTime: str  # noqa: N815 - the schema's spelling
    status: JobStatus = "READY"
    progress: float = 0.0
    subTasks: tuple[str, ...] | None = None  # noqa: N815
    startTime: str | None = None  # noqa: N815
    endTime: str | None = None  # noqa: N815
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

    Args:
        clock: stamps the jobs.

    Attributes:
        panics: traces of jobs that broke, which no job of a test's should.
    """

    def __init__(self, clock: StashClock) -> None:
        self.panics: list[str] = []
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: list[tuple[Job, Work]] = []
        self._graveyard: list[Job] = []
        self._last_id = 0
        self._worker: threading.Thread | None = None

    def add(self, description: str, work: Work) -> int:
        """Queues a job and returns its id at once."""
        with self._changed:
            self._last_id += 1
            job = Job(self._last_id, description, self._clock.fine_stamp())
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

    def find(self, job_id: int) -> Job | None:
        """A queued job or one of the last ten that ended."""
        with self._changed:
            found = self._find(job_id)
            return replace(found) if found else None

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
        """Waits for a job's end and returns it.

        Raises:
            AssertionError: it did not end within `timeout` seconds, or nobody knows it.
        """
        return self.wait_until(
            job_id, lambda job: job.endTime is not None or job.status == "CANCELLED", timeout
        )

    def wait_until(self, job_id: int, wanted: Callable[[Job], bool], timeout: float = 30.0) -> Job:
        """Waits until a job is as `wanted` says.

        Raises:
            AssertionError: it was not so within `timeout` seconds, or nobody knows the job.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                job = self._find(job_id)
                if job is None:
                    msg = f"there is no job {job_id}"
                    raise AssertionError(msg)
                if wanted(job):
                    return replace(job)
                left = deadline - time.monotonic()
                if left <= 0:
                    msg = f"after {timeout} s the job is still {job}"
                    raise AssertionError(msg)
                self._changed.wait(left)

    def close(self, timeout: float = 10.0) -> None:
        """Cancels every job and waits until the running one has ended.

        Raises:
            AssertionError: it took longer than `timeout` seconds.
        """
        self.stop_all()
        with self._changed:
            if not self._changed.wait_for(lambda: not self._queue, timeout):
                msg = f"after {timeout} s there are still {[job for job, _ in self._queue]}"
                raise AssertionError(msg)

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
                job.startTime = self._clock.fine_stamp()
                self._changed.notify_all()
            error = _execute(work, Progress(self, job), self.panics)
            with self._changed:
                self._finish(job, error)
                self._changed.notify_all()

    def _finish(self, job: Job, error: str | None) -> None:
        job.endTime = self._clock.fine_stamp()
        job.error = error
        if job.status == "STOPPING":
            job.status = "CANCELLED"
        else:
            job.status = "FINISHED" if error is None else "FAILED"
        self._bury(job)

    def _bury(self, job: Job) -> None:
        self._queue = [(each, work) for each, work in self._queue if each is not job]
        self._graveyard = [*self._graveyard, job][-GRAVEYARD:]

    def _find(self, job_id: int) -> Job | None:
        known = [*(job for job, _ in self._queue), *self._graveyard]
        return next((job for job in known if job.id == job_id), None)


def _execute(work: Work, progress: Progress, panics: list[str]) -> str | None:
    try:
        work(progress)
    except JobError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - like a panic: the job fails, the queue goes on
        panics.append("".join(traceback.format_exception(error)))
        return f"panic: {error!r}"
    return None
