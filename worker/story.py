"""The worker's story of its jobs: a line for each scene, and sums of many (`docs/log.md`)."""

from collections.abc import Callable, Sequence

from plex.diff import COLLECTIONS, PERFORMERS, TAGS
from shared.log import Log
from validation.metadata import SceneMetadata
from worker.scene_work import SKIPPED, SYNCED

JOBS_BETWEEN_SUMS, SECONDS_BETWEEN_SUMS = 10, 30.0  # spec.md §9
# How a job may end: the words of a line and of a sum, which names them in this order.
IN_STEP, DONE, WAITS, BURIED = "already in step", "done", "wait", "dead letters"
_ENDS = (SYNCED, IN_STEP, SKIPPED, DONE, WAITS, BURIED)
_COUNTED = {
    PERFORMERS: ("performer", "performers"),
    TAGS: ("tag", "tags"),
    COLLECTIONS: ("collection", "collections"),
}


def words_of(changed: Sequence[str], desired: SceneMetadata) -> tuple[str, ...]:
    """Return what an item got, for people: "title", "3 tags", "no studio".

    Args:
        changed: the fields and images that it was sent.
        desired: as what the scene is shown.
    """
    return tuple(_word(name, desired) for name in changed)


def _word(name: str, desired: SceneMetadata) -> str:
    value = getattr(desired, name, None)
    if name in _COUNTED:
        one, many = _COUNTED[name]
        number = len(value or ())
        return f"{number or 'no'} {one if number == 1 else many}"
    # An empty title is never sent: Plex gets the file's name then.
    return f"no {name}" if value == "" and name != "title" else name


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

    def tell(self, end: str, text: str, *, again: bool = False, cause: str = "") -> None:
        """Tell how a job ended.

        Args:
            end: one of this module's words for it.
            text: which scene, how, and what to do when something is wrong.
            again: people were warned of the same before.
            cause: what is wrong; of the jobs of a drain that wait for one cause, the first warns.
        """
        if not self._jobs:
            self._begun = self._summed_at = self._monotonic()
        self._jobs += 1
        self._ends[end] = self._ends.get(end, 0) + 1
        if end == BURIED:
            self._log.error(text)
        elif self._most is not None and self._jobs > self._most:
            self._log.debug(text)
        elif end == WAITS and not again and cause not in self._causes:
            self._log.warning(text)
            self._causes |= {cause} - {""}
        else:
            self._log.info(text)
        if self._most is None and self._jobs - self._summed >= JOBS_BETWEEN_SUMS:
            self._sum("So far")

    def pause(self) -> None:
        """Tell the sum if the last one is long ago; to be called between batches."""
        late = self._monotonic() - self._summed_at >= SECONDS_BETWEEN_SUMS
        if self._most is None and late and self._jobs > self._summed:
            self._sum("So far")

    def end(self) -> None:
        """Tell the sum of a drain that has ended; one job was told by its own line."""
        told_all = self._most is not None and self._jobs <= self._most
        if self._jobs > 1 and not told_all:
            self._sum("Drained")
        self._begin()

    def _begin(self) -> None:
        self._jobs = self._summed = 0
        self._begun = self._summed_at = float("-inf")
        self._ends: dict[str, int] = {}
        self._causes: set[str] = set()

    def _sum(self, word: str) -> None:
        now = self._monotonic()
        self._summed, self._summed_at = self._jobs, now
        self._log.info(
            f"{word}: {self._jobs} jobs in {now - self._begun:.1f} s: {sum_of(self._ends)}"
        )


def sum_of(ends: dict[str, int]) -> str:
    """Return how many jobs ended how: "480 synced, 3 skipped, 2 wait"."""
    return ", ".join(f"{ends[end]} {end}" for end in _ENDS if ends.get(end))
