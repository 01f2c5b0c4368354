"""Runs the reconciliation in short steps, each of which is stored.

First the run checks all scenes and stores the gaps. It queues gaps only after both libraries were
read completely and the counts are plausible. A run of a killed process is continued by the next.

Scenes are read by rising id, each page behind the last scene of the page before. So rows that move
meanwhile are neither lost nor read twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from reconciliation.brake import Question, is_confirmed, is_unusual, question_text, shows_too_little
from reconciliation.detector import Sides, detect
from reconciliation.findings import GAPS, Finding, Inspected, Outcome
from reconciliation.queueing import GONE, GapQueue
from reconciliation.run import Order, Run, Scope, Window, run_of_today, window_of
from reconciliation.state import StateFile, after, without_result
from shared.events import Event, Report
from stash.exceptions import StashQueryError
from stash.scenes import ScenePage, StashScenes
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from validation.config import Config

PAGE = 1000  # scenes; a heavier answer for Stash, and a hundred of them for 100,000 scenes
LINE_EVERY = 5000  # scenes between two lines about the progress


class NoConclusionError(Exception):
    """A side gave so little that nothing may be concluded; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the walk.

    Attributes:
        found: each of its scenes, and what that came to.
        ids: the scenes that Stash has from behind the cursor up to `cursor`.
        cursor: the last scene of the page.
        left: how many scenes are left behind it, as Stash counts them.
    """

    found: Sequence[tuple[Inspected, Finding]]
    ids: frozenset[int]
    cursor: int
    left: int


def prepare(sides: Sides) -> None:
    """Bring the index of Plex's files up to date.

    Raises:
        PlexError: Plex could not list them to their end.
        NoConclusionError: it lists none at all.
    """
    sides.refresh()
    if not sides.files_known():
        message = (
            "Plex lists no files at all, so nothing can be said about any scene. Look whether its "
            "libraries are there and have been scanned"
        )
        raise NoConclusionError(message)


def pages(scenes: StashScenes, sides: Sides, window: Window, after: int) -> Iterator[Page]:
    """Yield the pages behind a scene; both sides are asked for one page at a time.

    Raises:
        StashError, PlexError: a side could not be asked, or gave half an answer.
    """
    left = 0
    while True:
        page = scenes.page_after(after, PAGE, window.asked)
        if not page.scenes and left:
            page = _look_again(scenes, window, after, left)
        if not page.scenes:
            return
        left = page.left
        wanted = [scene for scene in page.scenes if window.has(scene)]
        config = sides.config
        # With `skip_not_found` such a job ends without effect: every run would queue it again.
        missing = config.reconcile_missing and not config.skip_not_found
        found = [(one, detect(one, look_for_missing=missing)) for one in sides.inspect(wanted)]
        after = page.scenes[-1].id
        yield Page(found, frozenset(scene.id for scene in page.scenes), after, page.left)


def _look_again(scenes: StashScenes, window: Window, after: int, left: int) -> ScenePage:
    """Return what is behind a scene, after Stash has said that it is nothing, where something was.

    Those scenes may have been deleted since. An answer that has the scene itself is to be believed.

    Raises:
        StashQueryError: Stash does not have that one either.
    """
    page = scenes.page_after(after - 1, PAGE, window.asked)
    if not page.scenes or page.scenes[0].id != after:
        message = f"Stash lists no scenes where it had {left:,} a page before"
        raise StashQueryError(message)
    return replace(page, scenes=page.scenes[1:])


class End(Enum):
    """How a run ended: with a result, with a question to a person, or knowing nothing."""

    DONE = "done"
    ASKS = "asks"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        text: for people.
        queued: how many scenes were queued.
    """

    how: End
    text: str
    queued: int = 0


class GapDetectionEngine:
    """The run of this moment; to be used by the holder of the reconciliation's lock only.

    Args:
        scenes: Stash's scenes.
        queue: jobs, sync log, and the run with its gaps.
        state: the file of past runs.
        report: gets the progress of a long run.
    """

    def __init__(
        self,
        scenes: StashScenes,
        queue: QueueManager,
        state: StateFile,
        report: Report,
        clock: Callable[[], float],
    ) -> None:
        self._scenes = scenes
        self._queue = queue
        self._state = state
        self._report = report
        self._clock = clock
        self._gap_queue = GapQueue(queue, scenes, clock)
        self._pages: Iterator[Page] | None = None
        self._place: tuple[float, int] | None = None
        self._config: Config | None = None

    def stored(self) -> Run | None:
        """Return the run that was begun and has not ended; None when there is none of today."""
        return run_of_today(self._queue.gaps.run(), self._clock())

    def has_losses_to_find(self) -> bool:
        """Tell whether a damaged database took jobs along that no run has looked for yet."""
        return self._queue.was_rebuilt()

    def begin(self, order: Order) -> Run:
        """Begin a run, or go on with the one that was left if that does the same."""
        left = self.stored()
        if left is not None and left.order.looks_like(order):
            # Whoever asks for it now may answer its question; what it counts as stays.
            left.order = replace(left.order, by_user=left.order.by_user or order.by_user)
            self._queue.gaps.save_run(left.to_state())
            return left
        run = Run(order, self._clock())
        with self._queue.transaction():
            self._queue.gaps.clear()
            self._queue.gaps.save_run(run.to_state())
        return run

    def step(self, sides: Sides) -> Ended | None:
        """Check one page, or queue one batch; return how the run ended, None while it goes on.

        The run is read as it is stored: between two steps another process may have gone on with it.

        Raises:
            StashError, PlexError: a side could not be asked; the run stays as it was stored.
        """
        run = self.stored()
        if run is None:
            return Ended(End.NOTHING, "it was left for more than a day, and is dropped")
        try:
            if not run.walked:
                self._check_a_page(run, sides)
                return None
            return self._queue_a_batch(run, sides.config.reconcile_batch_size)
        except NoConclusionError as error:
            return self._without_conclusion(run, str(error))
        except BaseException:
            self._pages = None  # a walk that was broken off is at its end, says Python
            raise

    # -- checking ---------------------------------------------------------------------------------

    def _check_a_page(self, run: Run, sides: Sides) -> None:
        page = next(self._walk(run, sides), None)
        if page is None:
            self._judge(run)
            return
        before, told = run.cursor, run.sums.checked // LINE_EVERY
        gaps = [gap for one, finding in page.found for gap in self._count(run, one, finding)]
        gaps += self._gone(run, before, page.cursor, page.ids)
        run.cursor = page.cursor
        run.total = run.sums.checked + page.left
        with self._queue.transaction():
            self._queue.gaps.add(gaps)
            self._queue.gaps.save_run(run.to_state())
        self._place = (run.begun_at, run.cursor)
        if run.sums.checked // LINE_EVERY > told:
            self._report(
                Event.RECONCILIATION_PROGRESS,
                checked=run.sums.checked,
                total=run.total,
                gaps=run.sums.gaps,
            )

    def _walk(self, run: Run, sides: Sides) -> Iterator[Page]:
        """Return the walk that stands where the run does, begun anew where it does not."""
        place = (run.begun_at, run.cursor)
        if self._pages is None or self._config != sides.config or self._place != place:
            prepare(sides)
            window = window_of(run.order.scope, run.begun_at)
            self._pages = pages(self._scenes, sides, window, run.cursor)
            self._config, self._place = sides.config, place
        return self._pages

    def _count(self, run: Run, one: Inspected, finding: Finding) -> list[Gap]:
        wanted = not run.order.only_empty or finding.outcome is Outcome.EMPTY
        run.sums.count(finding, synced_before=one.synced_before, wanted=wanted)
        if finding.outcome not in GAPS or not wanted:
            return []
        return [Gap(one.scene.id, finding.outcome.name, one.scene.updated_at)]

    def _gone(self, run: Run, after_id: int, up_to: int, present: frozenset[int]) -> list[Gap]:
        """Return what is known of scenes that Stash does not list; it is asked about each again."""
        if run.order.scope is not Scope.ALL:
            return []
        known = self._queue.sync_log.scenes_between(after_id, up_to)
        gone = [Gap(scene_id, GONE) for scene_id in known if scene_id not in present]
        run.sums.lost += len(gone)
        return gone

    def _judge(self, run: Run) -> None:
        """Decide whether what was found may be queued.

        Raises:
            NoConclusionError: a side has shown too little, or a person has to confirm it.
        """
        sums = run.sums
        last = 2**62  # more than any scene's id
        gone = self._gone(run, run.cursor, last, frozenset())
        if gone and not sums.checked:
            message = (
                f"Stash lists no scenes, although {len(gone):,} were synced. Look whether its "
                "database is the right one"
            )
            raise NoConclusionError(message)
        left = run.total - sums.checked  # as Stash counted them behind the page before
        if left > 0:
            message = (
                f"Stash ended its list, although it told of {left:,} more scenes. Run the task "
                "again, and if it says the same look into Stash's log"
            )
            raise NoConclusionError(message)
        if shows_too_little(sums.outcomes[Outcome.UNSEEN], sums.checked):
            message = (
                f"Plex did not show {sums.outcomes[Outcome.UNSEEN]:,} of the items that it lists "
                f"({sums.text()}). Let it finish what it is doing, and look into its log"
            )
            raise NoConclusionError(message)
        run.walked = True
        with self._queue.transaction():
            self._queue.gaps.add(gone)
            self._queue.gaps.save_run(run.to_state())

    # -- queueing ---------------------------------------------------------------------------------

    def _queue_a_batch(self, run: Run, size: int) -> Ended | None:
        if not run.allowed:
            question = self._question(run)
            if question is not None:
                return question
            run.allowed = True
        gaps = self._queue.gaps.first(size)
        if not gaps:
            return self._end(run)
        fates, forgotten = self._gap_queue.deal_with(gaps)
        run.sums.fates.update(fates)
        run.sums.forgotten += forgotten
        with self._queue.transaction():
            self._queue.gaps.remove(gaps)
            self._queue.gaps.save_run(run.to_state())
        return None

    def _question(self, run: Run) -> Ended | None:
        """Return the end of a run that a person has to confirm first; None when it may go on."""
        weight, order, now = run.sums.weight, run.order, self._clock()
        state = self._state.read()
        if not is_unusual(weight):
            return None
        if order.by_user and is_confirmed(weight, order.words, state.question, now):
            return None
        text = f"{run.sums.text()}. {question_text(weight, by_user=order.by_user)}"
        state = without_result(state, run, now, text)
        if order.by_user:
            asked = Question(order.words, now, weight.again, weight.cleared, weight.lost)
            state = replace(state, question=asked)
        elif not order.is_startup:
            # It would find the same in ten minutes: nobody has looked at it yet.
            state = replace(state, interval_run_time=now)
        self._state.write(state)
        self._drop(run)
        return Ended(End.ASKS, text)

    def _drop(self, run: Run) -> None:
        """Drop a run that has looked at all it was to look at."""
        self._pages = None
        with self._queue.transaction():
            self._queue.gaps.clear()
        if run.walked and run.order.looks_like(Order(Scope.ALL)):
            self._queue.clear_rebuilt_marker()

    def _end(self, run: Run) -> Ended:
        text = f"{run.sums.text()}. {run.sums.fates_text()}"
        self._state.write(after(self._state.read(), run, self._clock(), text))
        self._drop(run)
        return Ended(End.DONE, text, queued=run.sums.enqueued)

    def _without_conclusion(self, run: Run, why: str) -> Ended:
        text = f"{run.sums.checked:,} scenes checked, nothing was queued: {why}"
        self._state.write(without_result(self._state.read(), run, self._clock(), text))
        self._drop(run)
        return Ended(End.NOTHING, text)
