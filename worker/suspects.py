"""Tells a job that Plex always fails at from a Plex that is away.

Plex, or a proxy before it, may answer one scene for ever with 502 to 504, which else says that it
is away and costs no job a retry. One such answer cannot tell the two apart; what becomes of other
jobs can. A failure of a job counts against it only

- when Plex has carried out an edit of another scene since the job failed the last time; or
- once that was seen, also when no other job has failed like this in between: where nothing else
  waits, nothing else can go through.

In an outage nothing is carried out, even if Plex's health checks are good all the while: so no
number of failures, of however many jobs, counts against any. A job that nothing else was tried
beside is not blamed either: it waits, and keeps nobody waiting.

A failure at the end of an outage looks like the job's own, when others go through right after it;
so does one in a restart of Plex. Such chances do not come to one job three times before it
succeeds: three failures that count are its own fault.
"""

from dataclasses import dataclass

ROUNDS = 3
_MOST = 100  # jobs that are remembered; a long outage meets one with each probe


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

    def failed(self, key: str) -> bool:
        """Note that a job failed as if Plex were away; return whether that is its own fault."""
        one = self._jobs.pop(key, None) or _Suspicion()
        counts = one.others_served or (one.rounds > 0 and self._last == key)
        one.rounds += counts
        one.others_served = False
        self._jobs[key] = one
        self._last = key
        if len(self._jobs) > _MOST:
            del self._jobs[next(iter(self._jobs))]
        return counts and one.rounds >= ROUNDS

    def done(self, key: str, *, wrote: bool) -> None:
        """Note that a job succeeded; `wrote` tells whether Plex carried out an edit for it.

        A scene that was in step says nothing: Plex may read and not write.
        """
        self._jobs.pop(key, None)
        if wrote:
            for one in self._jobs.values():
                one.others_served = True
