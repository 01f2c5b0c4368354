"""Runs the reconciliation in short steps, and stores its state after each step.

A run first checks all scenes and stores the gaps. It queues them only after both libraries were
read completely and the counts are plausible. After a kill the next process continues the run.

Each page starts after the last scene id of the previous page, so that scenes deleted or created
during the run shift no other scene.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from reconciliation.detector import GapDetector, Libraries
from reconciliation.findings import GAPS, Finding, Outcome
from reconciliation.queueing import GONE, queue_gaps
from reconciliation.run import Order, Run, Scope, Window, run_of_today, window_of
from reconciliation.safety_limits import (
    Question,
    exceeds_limits,
    hides_too_many,
    is_confirmed,
    question_text,
)
from reconciliation.state import ReconciliationState, StateFile, after, without_result
from shared.events import Event, Report
from stash.exceptions import StashQueryError
from stash.scenes import ScenePage, StashScenes
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from validation.config import Config
from worker.sync.inspection import Inspection

PAGE = 1000  # scenes in a request to Stash
LINE_EVERY = 5000  # scenes between two progress lines
_LAST_SCENE = 2**62  # more than any scene's id


class NoConclusionError(Exception):
    """A library answered so little that no conclusion is possible; the text has the remedy."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of checked scenes."""

    found: Sequence[tuple[Inspection, Finding]]  # the scenes within the window, with the findings
    ids: frozenset[int]  # all scenes of the page
    cursor: int  # the last scene id of the page
    left: int  # the number of later scenes, as counted by Stash


def prepare(libraries: Libraries) -> None:
    """Update the path index; raise NoConclusionError if Plex lists no files."""
    libraries.refresh()
    if not libraries.files_known():
        raise NoConclusionError(
            "Plex lists no files, so no conclusion is possible. Check that its libraries exist and "
            "have been scanned"
        )


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
        raise StashQueryError(f"Stash lists no scenes where it had {left:,} a page before")
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


@dataclass(slots=True)
class GapDetectionEngine:
    """Executes the current run; only the holder of the reconciliation lock may use it."""

    scenes: StashScenes
    queue: QueueManager
    state: StateFile
    report: Report
    clock: Callable[[], float]
    _pages: Iterator[Page] | None = field(default=None, init=False)
    _position: tuple[float, int, Config] | None = field(default=None, init=False)  # of `_pages`

    def stored(self) -> Run | None:
        """Return the unfinished run; None without one, or if it is older than a day."""
        return run_of_today(self.queue.gaps.run(), self.clock())

    def has_losses_to_find(self) -> bool:
        """Tell whether jobs were lost with a damaged database, and no run has looked for them."""
        return self.queue.was_rebuilt()

    def begin(self, order: Order) -> Run:
        """Start a run, or continue the unfinished run if it has the same scope."""
        run = self.stored()
        if run is not None and run.order.finds_the_same_as(order):
            # A user who starts it now may confirm its question.
            run.order = replace(run.order, by_user=run.order.by_user or order.by_user)
            self._store(run)
            return run
        run = Run(order, self.clock())
        with self.queue.transaction():
            self.queue.gaps.clear()
            self.queue.gaps.save_run(run.to_state())
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
            text = f"{run.result.checked:,} scenes checked, nothing was queued: {error}"
            self._end(run, without_result(self.state.read(), run, self.clock(), text))
            return RunEnd(End.NOTHING, text)
        except BaseException:
            self._pages = None  # a generator that raised is exhausted
            raise

    def _store(self, run: Run, gaps: Sequence[Gap] = ()) -> None:
        with self.queue.transaction():
            self.queue.gaps.add(gaps)
            self.queue.gaps.save_run(run.to_state())

    def _end(self, run: Run, state: ReconciliationState) -> None:
        """Store the state of past runs, and delete the run and its gaps."""
        self.state.write(state)
        self._pages = None
        with self.queue.transaction():
            self.queue.gaps.clear()
        if run.is_checked and run.order.finds_the_same_as(Order(Scope.ALL)):
            self.queue.clear_rebuilt_marker()

    # -- checking ---------------------------------------------------------------------------------

    def _check_a_page(self, run: Run, libraries: Libraries) -> None:
        page = next(self._open_pages(run, libraries), None)
        if page is None:
            self._finish_checking(run)
            return
        lines = run.result.checked // LINE_EVERY
        gaps = [gap for scene, finding in page.found for gap in self._count(run, scene, finding)]
        gaps += self._gone(run, page.cursor, page.ids)
        run.cursor = page.cursor
        run.total = run.result.checked + page.left
        self._store(run, gaps)
        self._position = (run.begun_at, run.cursor, libraries.config)
        if run.result.checked // LINE_EVERY > lines:
            self.report(
                Event.RECONCILIATION_PROGRESS,
                checked=run.result.checked,
                total=run.total,
                gaps=run.result.gaps,
            )

    def _open_pages(self, run: Run, libraries: Libraries) -> Iterator[Page]:
        """Return the pages after the run's cursor; reuse the open generator if it is there."""
        position = (run.begun_at, run.cursor, libraries.config)
        if self._pages is None or self._position != position:
            prepare(libraries)
            window = window_of(run.order.scope, run.begun_at)
            self._pages = pages(self.scenes, libraries, window, run.cursor)
        return self._pages

    def _count(self, run: Run, inspection: Inspection, finding: Finding) -> list[Gap]:
        wanted = not run.order.only_empty or finding.outcome is Outcome.EMPTY
        run.result.count(finding, synced_before=inspection.synced_before, wanted=wanted)
        if finding.outcome not in GAPS or not wanted:
            return []
        return [Gap(inspection.scene.id, finding.outcome.name, inspection.scene.updated_at)]

    def _gone(self, run: Run, up_to: int, present: frozenset[int]) -> list[Gap]:
        """Return gaps for known scenes that Stash did not list; each is verified before removal."""
        if run.order.scope is not Scope.ALL:
            return []
        known = self.queue.sync_log.scenes_between(run.cursor, up_to)
        gone = [Gap(scene_id, GONE) for scene_id in known if scene_id not in present]
        run.result.lost += len(gone)
        return gone

    def _finish_checking(self, run: Run) -> None:
        """Let the run queue its gaps; raise NoConclusionError if a library is incomplete."""
        result = run.result
        gone = self._gone(run, _LAST_SCENE, frozenset())
        if gone and not result.checked:
            raise NoConclusionError(
                f"Stash lists no scenes, although {len(gone):,} were synced. Check that it uses "
                "the right database"
            )
        left = run.total - result.checked  # by Stash's count on the last page
        if left > 0:
            raise NoConclusionError(
                f"Stash returned {left:,} scenes fewer than it had counted. Run the task again; if "
                "the message remains, check Stash's log"
            )
        unseen = result.outcomes[Outcome.UNSEEN]
        if hides_too_many(unseen, result.checked):
            raise NoConclusionError(
                f"Plex did not return {unseen:,} of the items that it lists ({result.text()}). "
                "Wait until Plex is idle, and check its log"
            )
        run.is_checked = True
        self._store(run, gone)

    # -- queueing ---------------------------------------------------------------------------------

    def _queue_a_batch(self, run: Run, size: int) -> RunEnd | None:
        if not run.allowed:
            question = self._question(run)
            if question is not None:
                return question
            run.allowed = True
        gaps = self.queue.gaps.first(size)
        if not gaps:
            text = f"{run.result.text()}. {run.result.gaps_text()}"
            self._end(run, after(self.state.read(), run, self.clock(), text))
            return RunEnd(End.DONE, text, queued=run.result.enqueued)
        outcomes, forgotten = queue_gaps(self.queue, self.scenes, gaps, self.clock())
        run.result.gap_outcomes.update(outcomes)
        run.result.forgotten += forgotten
        with self.queue.transaction():
            self.queue.gaps.remove(gaps)
            self.queue.gaps.save_run(run.to_state())
        return None

    def _question(self, run: Run) -> RunEnd | None:
        """Return the end of a run that the user has to confirm; None if it may queue its gaps."""
        impact, order, now = run.result.impact, run.order, self.clock()
        state = self.state.read()
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
        self._end(run, state)
        return RunEnd(End.ASKS, text)
