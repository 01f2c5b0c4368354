import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .calls import Cancel
from .entities import StashError

JobStatus = Literal["READY", "RUNNING", "FINISHED", "CANCELLED", "FAILED"]


@dataclass(slots=True)
class Job:
    id: int
    description: str
    status: JobStatus = "READY"
    progress: float = 0.0
    result: Any = None
    error: str | None = None
    cancel: Cancel = field(default_factory=Cancel, repr=False)

    @property
    def has_ended(self) -> bool:
        return self.status in {"FINISHED", "CANCELLED", "FAILED"}


Work = Callable[[Job], Any]


class JobQueue:
    def __init__(self) -> None:
        self.panics: list[str] = []
        self._changed = threading.Condition()
        self._jobs: list[Job] = []

    def add(self, description: str, work: Work) -> int:
        with self._changed:
            job = Job(len(self._jobs) + 1, description)
            self._jobs.append(job)
        threading.Thread(target=self._run, args=(job, work), daemon=True).start()
        return job.id

    def queue(self) -> list[Job]:
        with self._changed:
            return [job for job in self._jobs if not job.has_ended]

    def find(self, job_id: int) -> Job | None:
        return next((job for job in self._jobs if job.id == job_id), None)

    def stop(self, job_id: int) -> None:
        job = self._jobs[job_id - 1]
        with self._changed:
            if job.status == "READY":
                job.status = "CANCELLED"
            self._changed.notify_all()
        job.cancel.cancel()

    def stop_all(self) -> None:
        for job in self.queue():
            self.stop(job.id)

    def wait(self, job_id: int, timeout: float = 30.0) -> Job:
        job = self._jobs[job_id - 1]
        with self._changed:
            ended = self._changed.wait_for(lambda: job.has_ended, timeout)
        assert ended, f"after {timeout} s the job is still {job}"
        return job

    def close(self) -> None:
        jobs = self.queue()
        self.stop_all()
        for job in jobs:
            self.wait(job.id)

    def _run(self, job: Job, work: Work) -> None:
        with self._changed:
            self._changed.wait_for(lambda: job.has_ended or self.queue()[0] is job)
            if job.has_ended:
                return
            job.status = "RUNNING"
        try:
            job.result = work(job)
        except StashError as error:
            job.error = str(error)
        except Exception as error:  # noqa: BLE001 - like a panic: the job fails, the queue continues
            self.panics.append("".join(traceback.format_exception(error)))
            job.error = f"panic: {error!r}"
        with self._changed:
            ended: JobStatus = "FINISHED" if job.error is None else "FAILED"
            job.status = "CANCELLED" if job.cancel.cancelled else ended
            self._changed.notify_all()
