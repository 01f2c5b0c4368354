"""Runs the reconciliation in short steps, and stores its state after each step.

A run first checks all scenes and stores the gaps. It queues them only after both libraries were
read completely and the counts are plausible. After a kill the next process continues the run.

Each page starts after the last scene id of the previous page, so that scenes deleted or created
during the run shift no other scene.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from reconciliation.detector import GapDetector, Libraries
from reconciliation.findings import GAPS, Finding, Inspected, Outcome
from reconciliation.queueing import GONE, GapQueue
from reconciliation.run import Order, Run, Scope, Window, run_of_today, window_of
from reconciliation.safety_limits import (
    Question,
    exceeds_limits,
    hides_too_many,
    is_confirmed,
    question_text,
)
from reconciliation.state import StateFile, after, without_result
from shared.events import Event, Report
from stash.exceptions import StashQueryError
from stash.scenes import ScenePage, StashScenes
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from validation.config import Config

PAGE = 1000  # scenes in a request to Stash
LINE_EVERY = 5000  # scenes between two progress lines


class NoConclusionError(Exception):
    """A library answered so little that no conclusion is possible; the text has the remedy."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of checked scenes.

    Attributes:
        found: the scenes within the window, with the findings.
        ids: all scenes of the page.
        cursor: the last scene id of the page.
        left: the number of later scenes, as counted by Stash.
    """

    found: Sequence[tuple[Inspected, Finding]]
    ids: frozenset[int]
    cursor: int
    left: int


def prepare(libraries: Libraries) -> None:
    """Update the path index; raise NoConclusionError if Plex lists no files."""
    libraries.refresh()
    if not libraries.files_known():
        message = (
            "Plex lists no files, so no conclusion is possible. Check that its libraries exist and "
            "have been scanned"
        )
        raise NoConclusionError(message)


def pages(scenes: StashScenes, libraries: Libraries, window: Window, after: int) -> Iterator[Page]:
    """Yield the pages after a scene id; each page is read from both libraries when needed."""
    left = 0
    while True:
        page = scenes.page_after(after, PAGE, window.asked)
        if not page.scenes and left:
            page = _look_again(scenes, window, after, left)
        if not page.scenes:
            return
        left = page.left
        wanted = [scene for scene in page.scenes if window.has(scene)]
        config = libraries.config
        # With `skip_not_found` the job of a missing scene has no effect in any run.
        detector = GapDetector(
            look_for_missing=config.reconcile_missing and not config.skip_not_found
        )
        found = [(scene, detector.detect(scene)) for scene in libraries.inspect(wanted)]
        after = page.scenes[-1].id
        yield Page(found, frozenset(scene.id for scene in page.scenes), after, page.left)


def _look_again(scenes: StashScenes, window: Window, after: int, left: int) -> ScenePage:
    """Repeat a request that Stash answered with an empty page, although scenes were left.

    The scenes may be deleted since. An answer that starts with scene `after` is credible.
    """
    page = scenes.page_after(after - 1, PAGE, window.asked)
    if not page.scenes or page.scenes[0].id != after:
        message = f"Stash lists no scenes where it had {left:,} a page before"
        raise StashQueryError(message)
    return replace(page, scenes=page.scenes[1:])


class End(Enum):
    """How a run ended: with a result, with a question to the user, or without a conclusion."""

    DONE = "done"
    ASKS = "asks"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run; `text` is for users, `queued` counts scenes."""

    how: End
    text: str
    queued: int = 0


class GapDetectionEngine:
    """Executes the current run; only the holder of the reconciliation lock may use it."""

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
        """Return the unfinished run; None without one, or if it is older than a day."""
        return run_of_today(self._queue.gaps.run(), self._clock())

    def has_losses_to_find(self) -> bool:
        """Tell whether jobs were lost with a damaged database, and no run has looked for them."""
        return self._queue.was_rebuilt()

    def begin(self, order: Order) -> Run:
        """Start a run, or continue the unfinished run if it has the same scope."""
        left = self.stored()
        if left is not None and left.order.finds_the_same_as(order):
            # A user who starts it now may confirm its question.
            left.order = replace(left.order, by_user=left.order.by_user or order.by_user)
            self._queue.gaps.save_run(left.to_state())
            return left
        run = Run(order, self._clock())
        with self._queue.transaction():
            self._queue.gaps.clear()
            self._queue.gaps.save_run(run.to_state())
        return run

    def step(self, libraries: Libraries) -> RunEnd | None:
        """Check a page or queue a batch; return the end of the run, or None while it continues.

        The stored run is read again, because another process may have continued it. After an error
        of a server the stored run is unchanged.
        """
        run = self.stored()
        if run is None:
            return RunEnd(End.NOTHING, "it was interrupted more than a day ago and was deleted")
        try:
            if not run.is_checked:
                self._check_a_page(run, libraries)
                return None
            return self._queue_a_batch(run, libraries.config.reconcile_batch_size)
        except NoConclusionError as error:
            return self._without_conclusion(run, str(error))
        except BaseException:
            self._pages = None  # a generator that raised is exhausted
            raise

    # -- checking ---------------------------------------------------------------------------------

    def _check_a_page(self, run: Run, libraries: Libraries) -> None:
        page = next(self._walk(run, libraries), None)
        if page is None:
            self._judge(run)
            return
        before, lines = run.cursor, run.result.checked // LINE_EVERY
        gaps = [gap for scene, finding in page.found for gap in self._count(run, scene, finding)]
        gaps += self._gone(run, before, page.cursor, page.ids)
        run.cursor = page.cursor
        run.total = run.result.checked + page.left
        with self._queue.transaction():
            self._queue.gaps.add(gaps)
            self._queue.gaps.save_run(run.to_state())
        self._place = (run.begun_at, run.cursor)
        if run.result.checked // LINE_EVERY > lines:
            self._report(
                Event.RECONCILIATION_PROGRESS,
                checked=run.result.checked,
                total=run.total,
                gaps=run.result.gaps,
            )

    def _walk(self, run: Run, libraries: Libraries) -> Iterator[Page]:
        """Return the pages after the run's cursor; reuse the open generator if it is there."""
        place = (run.begun_at, run.cursor)
        if self._pages is None or self._config != libraries.config or self._place != place:
            prepare(libraries)
            window = window_of(run.order.scope, run.begun_at)
            self._pages = pages(self._scenes, libraries, window, run.cursor)
            self._config, self._place = libraries.config, place
        return self._pages

    def _count(self, run: Run, inspected: Inspected, finding: Finding) -> list[Gap]:
        wanted = not run.order.only_empty or finding.outcome is Outcome.EMPTY
        run.result.count(finding, synced_before=inspected.synced_before, wanted=wanted)
        if finding.outcome not in GAPS or not wanted:
            return []
        return [Gap(inspected.scene.id, finding.outcome.name, inspected.scene.updated_at)]

    def _gone(self, run: Run, after_id: int, up_to: int, present: frozenset[int]) -> list[Gap]:
        """Return gaps for known scenes that Stash did not list; each is verified before removal."""
        if run.order.scope is not Scope.ALL:
            return []
        known = self._queue.sync_log.scenes_between(after_id, up_to)
        gone = [Gap(scene_id, GONE) for scene_id in known if scene_id not in present]
        run.result.lost += len(gone)
        return gone

    def _judge(self, run: Run) -> None:
        """Raise NoConclusionError unless both libraries were read completely."""
        result = run.result
        last = 2**62  # more than any scene's id
        gone = self._gone(run, run.cursor, last, frozenset())
        if gone and not result.checked:
            message = (
                f"Stash lists no scenes, although {len(gone):,} were synced. Check that it uses "
                "the right database"
            )
            raise NoConclusionError(message)
        left = run.total - result.checked  # by Stash's count on the last page
        if left > 0:
            message = (
                f"Stash returned {left:,} scenes fewer than it had counted. Run the task again; if "
                "the message remains, check Stash's log"
            )
            raise NoConclusionError(message)
        if hides_too_many(result.outcomes[Outcome.UNSEEN], result.checked):
            message = (
                f"Plex did not return {result.outcomes[Outcome.UNSEEN]:,} of the items that it "
                f"lists ({result.text()}). Wait until Plex is idle, and check its log"
            )
            raise NoConclusionError(message)
        run.is_checked = True
        with self._queue.transaction():
            self._queue.gaps.add(gone)
            self._queue.gaps.save_run(run.to_state())

    # -- queueing ---------------------------------------------------------------------------------

    def _queue_a_batch(self, run: Run, size: int) -> RunEnd | None:
        if not run.allowed:
            question = self._question(run)
            if question is not None:
                return question
            run.allowed = True
        gaps = self._queue.gaps.first(size)
        if not gaps:
            return self._end(run)
        outcomes, forgotten = self._gap_queue.queue_gaps(gaps)
        run.result.gap_outcomes.update(outcomes)
        run.result.forgotten += forgotten
        with self._queue.transaction():
            self._queue.gaps.remove(gaps)
            self._queue.gaps.save_run(run.to_state())
        return None

    def _question(self, run: Run) -> RunEnd | None:
        """Return the end of a run that the user has to confirm; None if it may queue its gaps."""
        impact, order, now = run.result.impact, run.order, self._clock()
        state = self._state.read()
        if not exceeds_limits(impact):
            return None
        if order.by_user and is_confirmed(impact, order.words, state.question, now):
            return None
        text = f"{run.result.text()}. {question_text(impact, by_user=order.by_user)}"
        state = without_result(state, run, now, text)
        if order.by_user:
            asked = Question(order.words, now, impact.again, impact.cleared, impact.lost)
            state = replace(state, question=asked)
        elif not order.is_startup:
            # Without a user's action a repetition in ten minutes would find the same.
            state = replace(state, interval_run_time=now)
        self._state.write(state)
        self._drop(run)
        return RunEnd(End.ASKS, text)

    def _drop(self, run: Run) -> None:
        """Delete the run and its gaps."""
        self._pages = None
        with self._queue.transaction():
            self._queue.gaps.clear()
        if run.is_checked and run.order.finds_the_same_as(Order(Scope.ALL)):
            self._queue.clear_rebuilt_marker()

    def _end(self, run: Run) -> RunEnd:
        text = f"{run.result.text()}. {run.result.gaps_text()}"
        self._state.write(after(self._state.read(), run, self._clock(), text))
        self._drop(run)
        return RunEnd(End.DONE, text, queued=run.result.enqueued)

    def _without_conclusion(self, run: Run, why: str) -> RunEnd:
        text = f"{run.result.checked:,} scenes checked, nothing was queued: {why}"
        self._state.write(without_result(self._state.read(), run, self._clock(), text))
        self._drop(run)
        return RunEnd(End.NOTHING, text)
