"""Tells a poison job, at which Plex always fails, from a Plex that is away or saves nothing.

Plex, or a proxy before it, may answer one scene for ever with 502 to 504, and may fail at every
edit of one item. Both look like an outage and cost no job a retry. One failure cannot tell the two
apart, but what becomes of other jobs can. A failure of a job counts against the job only

- when Plex has carried out an edit of another scene since the job failed the last time; or
- once that was seen, also when no other job has failed like this in between: where nothing else
  waits, nothing else can go through.

In an outage nothing is carried out, even if Plex's health checks are good all the while. So no
number of failures, of however many jobs, counts against any. A job that nothing else was tried
beside is not blamed either: the job waits, and keeps no other waiting.

A failure at the end of an outage looks like the job's own, when others go through right after it.
So does one in a restart of Plex. Such chances do not come to one job three times before it
succeeds: three failures that count are its own fault.
"""

from dataclasses import dataclass
from enum import Enum

ROUNDS = 3
_MOST = 100  # jobs that are remembered; a long outage meets one with each probe


class Blame(Enum):
    """Who is at fault when a job fails as if Plex were away."""

    JOB = "job"
    PLEX = "plex"
    OPEN = "open"  # the first failure since an edit was carried out: another job will tell


@dataclass(slots=True)
class _Suspicion:
    rounds: int = 0
    others_served: bool = False


class Suspects:
    """The jobs that failed as if Plex were away, and what others did since; lost with the worker.

    Jobs are named by their `job_key`.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Suspicion] = {}
        self._last = ""
        self._failing = False  # a job has failed since an edit was carried out

    def failed(self, key: str) -> Blame:
        """Note that a job failed as if Plex were away; return who is at fault."""
        first = not self._failing
        self._failing = True
        suspicion = self._jobs.pop(key, None) or _Suspicion()
        counts = suspicion.others_served or (suspicion.rounds > 0 and self._last == key)
        suspicion.rounds += counts
        suspicion.others_served = False
        self._jobs[key] = suspicion
        self._last = key
        if len(self._jobs) > _MOST:
            del self._jobs[next(iter(self._jobs))]
        if counts and suspicion.rounds >= ROUNDS:
            return Blame.JOB
        return Blame.OPEN if counts or first else Blame.PLEX

    def done(self, key: str, *, wrote: bool) -> None:
        """Note that a job succeeded; `wrote` tells whether Plex carried out an edit for it.

        A scene that was in step says nothing: Plex may read and not write.
        """
        self._jobs.pop(key, None)
        if wrote:
            self._failing = False
            for suspicion in self._jobs.values():
                suspicion.others_served = True
