"""Executes a reconciliation run in short steps. After a kill, the next process continues the run.

A run queues nothing before both libraries were read completely.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from plex.client import READ_BATCH
from plex.library import Library
from reconciliation.detector import GapDetector
from reconciliation.findings import GAPS, Finding, GapDetectionResult, GapOutcome, Outcome
from reconciliation.safety_limits import (
    Question,
    exceeds_limits,
    hides_too_many,
    is_confirmed,
    question_text,
)
from reconciliation.state import (
    DAY,
    Gap,
    GapStore,
    Order,
    ReconciliationState,
    Run,
    Scope,
    StateFile,
    after,
    without_result,
)
from shared.events import Event
from shared.file_lock import FileLock
from stash.exceptions import StashQueryError
from sync_queue.dlq import DeadLetter
from sync_queue.models import BULK
from sync_queue.operations import METADATA, scene_job
from validation.config import Config
from validation.scene_extractor import asked_since, is_since, moment_of
from validation.values import counted
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import SyncSession

PAGE = 1000
ITEMS_AT_ONCE = 10 * READ_BATCH
LINE_EVERY = 5000
_LAST_SCENE = 2**62
_MOST_DOUBLINGS = 5
# A key of a job's data: how often reconciliations have queued the dead-lettered scene again.
TRIES = "reconciled"
NOT_FOUND = "PlexNotFound"
_GONE = "gone"


class NoConclusionError(Exception):
    """Stash or Plex returned too little data for a comparison. The message contains the remedy."""


@dataclass(frozen=True, slots=True)
class Page:
    found: Sequence[tuple[Inspection, Finding]]
    ids: frozenset[int]
    cursor: int
    left: int


def prepare(library: Library) -> None:
    library.prepare()
    library.refresh()
    if not library.index.count():
        raise NoConclusionError(
            "Plex lists no files, so no conclusion is possible. Check that its libraries exist and "
            "have been scanned"
        )


def pages(
    services: Services, session: SyncSession, since: float | None, after: int
) -> Iterator[Page]:
    asked = "" if since is None else asked_since(since)
    config, left = session.config, 0
    detector = GapDetector(look_for_missing=config.reconcile_missing and not config.skip_not_found)
    while True:
        page = services.scenes.page_after(after, PAGE, asked)
        if not page.scenes and left:
            # Check that the empty page is the end of the list, and not an error of Stash.
            page = services.scenes.page_after(after - 1, PAGE, asked)
            if not page.scenes or page.scenes[0].id != after:
                raise StashQueryError(
                    f"Stash has {counted(left, 'more scene')}, but returned none; see Stash's log"
                )
            page = replace(page, scenes=page.scenes[1:])
        if not page.scenes:
            return
        wanted = [
            scene for scene in page.scenes if since is None or is_since(scene.created_at, since)
        ]
        inspections = inspect_scenes(services, session, wanted, ITEMS_AT_ONCE)
        found = [(inspection, detector.detect(inspection)) for inspection in inspections]
        after, left = page.scenes[-1].id, page.left
        yield Page(found, frozenset(scene.id for scene in page.scenes), after, left)


class Ending(Enum):
    DONE = "done"
    ASKS = "asks"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class RunResult:
    how: Ending
    text: str
    queued: int = 0


class GapDetectionEngine:
    """Only a process that holds `lock` may begin or continue a run."""

    def __init__(self, services: Services) -> None:
        folder, report, self._clock = services.folder, services.log.event, services.clock
        self.lock = FileLock(folder.reconciliation_lock)
        self.state = StateFile(folder.reconciliation_state, report, self._clock)
        self._services = services
        self._queue, self._gaps = services.queue, GapStore(services.queue.connection)
        self._pages: Iterator[Page] | None = None
        self._position: tuple[float, int, Config] | None = None

    def stored(self) -> Run | None:
        return self._gaps.run(self._clock())

    def begin(self, order: Order) -> Run:
        run = self.stored()
        with self._queue.transaction():
            if run is not None and run.order.finds_the_same_as(order):
                run.order = replace(run.order, by_user=run.order.by_user or order.by_user)
            else:
                self._gaps.clear()
                run = Run(order, self._clock())
            self._gaps.save_run(run)
        return run

    def step(self, session: SyncSession) -> RunResult | None:
        # Read the stored run again, because another process may have continued the run.
        run = self.stored()
        if run is None:
            return RunResult(
                Ending.NOTHING, "it was interrupted more than a day ago and was deleted"
            )
        try:
            if not run.is_checked:
                self._check_a_page(run, session)
                return None
            return self._queue_a_batch(run, session.config.reconcile_batch_size)
        except NoConclusionError as error:
            text = f"{run.result.checked:,} scenes checked, nothing was queued: {error}"
            self._end(run, without_result(self.state.read(), run, self._clock(), text))
            return RunResult(Ending.NOTHING, text)
        except BaseException:
            # An exception ends the generator, so the next step creates a new one.
            self._pages = None
            raise

    def _store(self, run: Run, gaps: Sequence[Gap]) -> None:
        with self._queue.transaction():
            self._gaps.add(gaps)
            self._gaps.save_run(run)

    def _end(self, run: Run, state: ReconciliationState) -> None:
        self.state.write(state)
        self._pages = None
        with self._queue.transaction():
            self._gaps.clear()
        if run.is_checked and run.order.finds_the_same_as(Order(Scope.ALL)):
            self._queue.clear_rebuilt_marker()

    def _check_a_page(self, run: Run, session: SyncSession) -> None:
        if self._pages is None or self._position != (run.begun_at, run.cursor, session.config):
            prepare(session.library)
            since = run.order.scope.since(run.begun_at)
            self._pages = pages(self._services, session, since, run.cursor)
        page = next(self._pages, None)
        if page is None:
            self._finish_checking(run)
            return
        lines = run.result.checked // LINE_EVERY
        gaps = self._gone(run, page.cursor, page.ids)
        for inspection, finding in page.found:
            scene, outcome = inspection.scene, finding.outcome
            wanted = not run.order.only_empty or outcome is Outcome.EMPTY
            run.result.count(finding, synced_before=inspection.synced_before, wanted=wanted)
            if wanted and outcome in GAPS:
                gaps.append(Gap(scene.id, outcome.name, scene.updated_at))
        run.cursor = page.cursor
        run.total = run.result.checked + page.left
        self._store(run, gaps)
        self._position = (run.begun_at, run.cursor, session.config)
        if run.result.checked // LINE_EVERY > lines:
            self._services.log.event(
                Event.RECONCILIATION_PROGRESS,
                checked=run.result.checked,
                total=run.total,
                gaps=run.result.gaps,
            )

    def _gone(self, run: Run, up_to: int, present: frozenset[int]) -> list[Gap]:
        if run.order.scope is not Scope.ALL:
            return []
        known = self._queue.sync_log.scenes_between(run.cursor, up_to)
        gone = [Gap(scene_id, _GONE) for scene_id in known if scene_id not in present]
        run.result.lost += len(gone)
        return gone

    def _finish_checking(self, run: Run) -> None:
        result = run.result
        gone = self._gone(run, _LAST_SCENE, frozenset())
        if gone and not result.checked:
            raise NoConclusionError(
                f"Stash lists no scenes, although {len(gone):,} were synced. Check that it uses "
                "the right database"
            )
        left = run.total - result.checked
        if left > 0:
            raise NoConclusionError(
                f"Stash returned {left:,} scenes fewer than it had counted. Run the task again; if "
                "the message remains, check Stash's log"
            )
        unseen = result.outcomes[Outcome.UNSEEN]
        if hides_too_many(unseen, result.checked):
            raise NoConclusionError(
                f"Plex lists the items of {unseen:,} scenes, but did not return these items. Wait "
                "until Plex is idle, and check its log"
            )
        run.is_checked = True
        self._store(run, gone)

    def _queue_a_batch(self, run: Run, size: int) -> RunResult | None:
        if not run.allowed and exceeds_limits(run.result):
            question = self.state.read().question if run.order.by_user else None
            if not is_confirmed(run.result, run.order.words, question, self._clock()):
                return self._ask(run)
        run.allowed = True
        gaps = self._gaps.first(size)
        if not gaps:
            text = f"{run.result.text()}. {run.result.gaps_text()}"
            self._end(run, after(self.state.read(), run, self._clock(), text))
            return RunResult(Ending.DONE, text, queued=run.result.enqueued)
        self._queue_gaps(gaps, run.result)
        with self._queue.transaction():
            self._gaps.remove(gaps)
            self._gaps.save_run(run)
        return None

    def _queue_gaps(self, gaps: Sequence[Gap], result: GapDetectionResult) -> None:
        now, lost = self._clock(), [gap.scene_id for gap in gaps if gap.kind == _GONE]
        present = self._services.scenes.read(lost)
        found = [gap for gap in gaps if gap.kind != _GONE]
        ids = [gap.scene_id for gap in found]
        waiting, letters = self._queue.waiting_among(ids), self._queue.dead_letters.of_scenes(ids)
        jobs = []
        for gap in found:
            of_scene = letters.get(gap.scene_id, [])
            is_waiting = gap.scene_id in waiting
            outcome = GapOutcome.WAITING if is_waiting else _outcome(gap, of_scene, now)
            result.gap_outcomes[outcome] += 1
            if outcome is GapOutcome.QUEUED:
                hints = {TRIES: tries_of(of_scene) + 1} if of_scene else {}
                jobs.append(scene_job(gap.scene_id, METADATA, now, hints, BULK))
        # After a kill, this step runs again. It adds no second job, because scenes with waiting
        # jobs are skipped.
        self._queue.enqueue(jobs)
        forgotten = [scene_id for scene_id in lost if scene_id not in present]
        self._queue.forget_scenes(forgotten)
        result.forgotten += len(forgotten)

    def _ask(self, run: Run) -> RunResult:
        result, order, now = run.result, run.order, self._clock()
        text = f"{result.text()}. {question_text(result, by_user=order.by_user)}"
        state = without_result(self.state.read(), run, now, text)
        if order.by_user:
            asked = Question(order.words, now, result.again, result.cleared, result.lost)
            state = replace(state, question=asked)
        elif not order.is_startup:
            # Store the time of this run, or the worker would repeat the run every 10 minutes.
            state = replace(state, interval_run_time=now)
        self._end(run, state)
        return RunResult(Ending.ASKS, text)


def _outcome(gap: Gap, letters: Sequence[DeadLetter], now: float) -> GapOutcome:
    if gap.kind == Outcome.MISSING.name and is_given_up(letters):
        return GapOutcome.GIVEN_UP
    # Plex has the scene's file now, so ignore dead letters that say that the file is missing.
    failures = [letter for letter in letters if letter.error_type != NOT_FOUND]
    if is_in_cool_down(failures, moment_of(gap.changed_at), now):
        return GapOutcome.DAMPED
    return GapOutcome.QUEUED


def is_given_up(letters: Sequence[DeadLetter]) -> bool:
    return any(letter.error_type == NOT_FOUND for letter in letters)


def tries_of(letters: Sequence[DeadLetter]) -> int:
    stored = [letter.job.data.get(TRIES) for letter in letters if letter.job is not None]
    return max((tries for tries in stored if type(tries) is int and tries > 0), default=0)


def is_in_cool_down(letters: Sequence[DeadLetter], changed_at: float | None, now: float) -> bool:
    failed_at = max((letter.moment for letter in letters), default=None)
    if failed_at is None or (changed_at is not None and changed_at > failed_at):
        return False
    pause = DAY * 2.0 ** min(tries_of(letters), _MOST_DOUBLINGS)
    return bool(0 <= now - failed_at < pause)
