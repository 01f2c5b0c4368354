"""How jobs end, in the log: an event for each, and sums of many."""

from collections.abc import Callable

from shared.events import Event
from shared.log import DEBUG, INFO, Log

JOBS_BETWEEN_SUMS, SECONDS_BETWEEN_SUMS = 10, 30.0
_ENDS = {  # how a job may end → the word of a sum, which names them in this order
    Event.SCENE_SYNCED: "synced",
    Event.SCENE_IN_STEP: "already in step",
    Event.SCENE_SKIPPED: "skipped",
    Event.JOB_DONE: "done",
    Event.JOB_RETRIED: "wait",
    Event.JOB_DEAD_LETTERED: "dead letters",
}


class Story:
    """Tells how jobs end: each at its own line, and sums while many go by.

    Args:
        log: where the story is told.
        monotonic: seconds that never step.
        most: how many jobs get a line at a level that Stash shows; the rest is in the sum at the
            end of the drain. None: each gets its line, and sums are told on the way, too.
    """

    def __init__(self, log: Log, monotonic: Callable[[], float], most: int | None = None) -> None:
        self._log = log
        self._monotonic = monotonic
        self._most = most
        self._begin()

    def tell(self, event: Event, *, again: bool = False, cause: str = "", **fields: object) -> None:
        """Report how a job ended.

        Args:
            event: one of the six ends.
            again: people were warned of the same before.
            cause: what is wrong; of the jobs of a drain that wait for one cause, the first warns.
            **fields: of the event.
        """
        if not self._jobs:
            self._begun = self._summed_at = self._monotonic()
        self._jobs += 1
        self._ends[event] = self._ends.get(event, 0) + 1
        level = event.level
        if event is not Event.JOB_DEAD_LETTERED:
            if self._most is not None and self._jobs > self._most:
                level = DEBUG
            elif again or cause in self._causes:
                level = INFO
            elif event is Event.JOB_RETRIED:
                self._causes |= {cause} - {""}
        self._log.event(event, level=level, **fields)
        if self._most is None and self._jobs - self._summed >= JOBS_BETWEEN_SUMS:
            self._sum(Event.DRAIN_PROGRESS)

    def pause(self) -> None:
        """Tell the sum if the last one is long ago; to be called between batches."""
        late = self._monotonic() - self._summed_at >= SECONDS_BETWEEN_SUMS
        if self._most is None and late and self._jobs > self._summed:
            self._sum(Event.DRAIN_PROGRESS)

    def end(self) -> None:
        """Tell the sum of a drain that has ended; one job was told by its own line."""
        told_all = self._most is not None and self._jobs <= self._most
        if self._jobs > 1 and not told_all:
            self._sum(Event.DRAIN_ENDED)
        self._begin()

    def _begin(self) -> None:
        self._jobs = self._summed = 0
        self._begun = self._summed_at = float("-inf")
        self._ends: dict[Event, int] = {}
        self._causes: set[str] = set()

    def _sum(self, event: Event) -> None:
        now = self._monotonic()
        self._summed, self._summed_at = self._jobs, now
        ends = [f"{self._ends[end]} {word}" for end, word in _ENDS.items() if end in self._ends]
        self._log.event(event, jobs=self._jobs, seconds=now - self._begun, ends=ends)
