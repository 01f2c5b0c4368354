"""The reconciliation tasks: compare both libraries, and queue or report the gaps."""

import datetime
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from plex.exceptions import PlexError
from reconciliation.engine import (
    End,
    GapDetectionEngine,
    NoConclusionError,
    RunEnd,
    pages,
    prepare,
)
from reconciliation.findings import GAPS, Finding, GapDetectionResult, Outcome
from reconciliation.run import Order, Run, Scope, window_of
from reconciliation.scheduler import Reconciler, libraries_of
from shared.files import keep_newest
from stash.exceptions import StashError
from tasks.answer import Answer, Level, TaskError, shortened
from tasks.arguments import flag
from tasks.reports.preview_sync import KEPT_REPORTS, lines_of
from validation.values import counted
from worker.services import Services
from worker.sync.inspection import Inspection

EXAMPLES = 100  # of each outcome in the report
SHOWN_REASONS, SHOWN_EXAMPLES, LONGEST_EXAMPLE = 20, 10, 500  # in an answer; characters
_EXAMPLES_OF = (*GAPS, Outcome.AMBIGUOUS, Outcome.ELSEWHERE, Outcome.UNSEEN)
_LOOK_EVERY = 0.5  # seconds between two checks of another process's run


def reconcile_all(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Compare all scenes with Plex."""
    return _reconcile(context, arguments, Order(Scope.ALL))


def reconcile_recent(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Compare the scenes created in the last 24 hours."""
    return _reconcile(context, arguments, Order(Scope.RECENT))


def reconcile_7days(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Compare the scenes created in the last 7 days."""
    return _reconcile(context, arguments, Order(Scope.WEEK))


def reconcile_missing_metadata(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Compare all scenes, and queue only those whose item has no metadata."""
    return _reconcile(context, arguments, Order(Scope.ALL, only_empty=True))


def _reconcile(context: Services, arguments: Mapping[str, Any], order: Order) -> Answer:
    dry_run = flag(arguments, "dry_run")
    if not context.sessions.config().enabled:
        message = (
            "Stash2Plex is disabled, so nothing is compared: switch on the setting 'Enabled' first"
        )
        raise TaskError(message)
    if dry_run:
        return report_gaps(context, order)
    reconciler, begun_at = Reconciler.of(context), context.clock()
    lock = reconciler.lock
    waited = not lock.try_acquire()
    if waited:
        _wait(context, reconciler)
    try:
        joined = _ended_meanwhile(reconciler, order, begun_at) if waited else None
        return joined or _run(context, reconciler.engine, order)
    finally:
        lock.release()


def _wait(context: Services, reconciler: Reconciler) -> None:
    """Show the progress of another process's run until this process gets the lock."""
    context.log.info("Another process is running a reconciliation; this task waits for its result")
    while not reconciler.lock.try_acquire():
        run = reconciler.engine.stored()
        if run is not None:
            _show_progress(context, run)
        context.sleep(_LOOK_EVERY)


def _ended_meanwhile(reconciler: Reconciler, order: Order, begun_at: float) -> Answer | None:
    """Return the result of the other run, if its scope contains this order."""
    state = reconciler.state.read()
    if state.ended_at < begun_at or state.ended_only_empty != order.only_empty:
        return None
    if not any(scope.covers(order.scope) for scope in Scope if scope.value == state.ended_scope):
        return None
    return Answer(f"Another reconciliation with this scope has just finished: {state.summary}")


def _run(context: Services, reconciliation: GapDetectionEngine, order: Order) -> Answer:
    context.sessions.current()  # unusable settings must not start a run
    run = reconciliation.begin(order)
    if run.result.checked:
        context.log.info(f"Continuing an earlier run: {run.result.checked:,} scenes are checked")
    ended = None
    while ended is None:
        ended = _step(context, reconciliation)
    if ended.queued:
        context.ensure_worker()
    text = f"Reconciliation of {order.words}: {ended.text}"
    if ended.how is End.NOTHING:
        raise TaskError(text)
    if ended.how is End.ASKS:
        context.log.warning(text)
        return Answer(text, data={"queued": 0, "asks": True}, level=Level.WARNING)
    return Answer(text, data={"queued": ended.queued, "asks": False})


def _step(context: Services, reconciliation: GapDetectionEngine) -> RunEnd | None:
    try:
        ended = reconciliation.step(libraries_of(context, context.sessions.current()))
    except (PlexError, StashError) as error:
        run = reconciliation.stored()
        checked = run.result.checked if run is not None else 0
        queued = run.result.enqueued if run is not None else 0
        message = (
            f"{error}. {checked:,} scenes are checked, {queued:,} are queued. Remove the cause and "
            "run the task again; it continues from here"
        )
        raise TaskError(message) from None
    run = reconciliation.stored() if ended is None else None
    if run is not None:
        _show_progress(context, run)
    return ended


def _show_progress(context: Services, run: Run) -> None:
    if run.total:
        context.log.progress(min(1.0, run.result.checked / run.total))


def report_gaps(context: Services, order: Order) -> Answer:
    """Compare both libraries and write the gaps to a report; an error leaves no report."""
    libraries, now = libraries_of(context, context.sessions.current()), context.clock()
    sums = GapDetectionResult()
    examples: dict[Outcome, list[str]] = {}
    try:
        prepare(libraries)
        for page in pages(context.scenes, libraries, window_of(order.scope, now), 0):
            for inspected, finding in page.found:
                wanted = not order.only_empty or finding.outcome is Outcome.EMPTY
                sums.count(finding, synced_before=inspected.synced_before, wanted=wanted)
                of_kind = examples.setdefault(finding.outcome, [])
                if finding.outcome in _EXAMPLES_OF and len(of_kind) < EXAMPLES:
                    of_kind.append(_example(inspected, finding))
            context.log.progress(sums.checked / max(1, sums.checked + page.left))
    except NoConclusionError as error:
        raise TaskError(str(error)) from None
    text = f"{order.words.capitalize()}: {sums.text()}"
    path = _write(context.folder.reports, now, text, sums.reasons, examples)
    return Answer(
        f"{text}. {counted(sums.gaps, 'gap')}; nothing was queued. Report: {path}",
        data={
            "scenes_checked": sums.checked,
            "gaps": sums.gaps,
            "report": path,
            "reasons": dict(_most(sums.reasons)[:SHOWN_REASONS]),
            "examples": {
                outcome.value: [
                    shortened(example, LONGEST_EXAMPLE) for example in of_kind[:SHOWN_EXAMPLES]
                ]
                for outcome in _EXAMPLES_OF
                if (of_kind := examples.get(outcome, []))
            },
        },
    )


def _example(inspected: Inspection, finding: Finding) -> str:
    lines = [inspected.scene.label]
    for item, edit in inspected.edits:
        of_item = lines_of(item, edit)
        if of_item:
            lines.append(f"  item {item.rating_key}, {item.files[0] if item.files else 'no file'}")
            lines += [f"    {line}" for line in of_item]
    lines += [f"  {words}" for words in (*inspected.image_reasons, *inspected.elsewhere)]
    if finding.outcome in (Outcome.MISSING, Outcome.AMBIGUOUS) and inspected.error is not None:
        lines.append(f"  {inspected.error}")
    return "\n".join(lines)


def _write(
    folder: str,
    now: float,
    sums: str,
    reasons: Counter[str],
    examples: dict[Outcome, list[str]],
) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    time = datetime.datetime.fromtimestamp(now).astimezone()
    path = os.path.join(folder, f"reconciliation-{time:%Y-%m-%d-%H%M%S}.txt")
    lines = [
        f"What a reconciliation would queue, as of {time:%Y-%m-%d %H:%M:%S %Z}.",
        "Nothing was queued.",
        "",
        sums,
        "",
        "Why, by number of scenes; a scene may have several reasons",
        *(f"  {number:>7,} {'#' * _bar(number, reasons)} {why}" for why, number in _most(reasons)),
        *([] if reasons else ["  none"]),
    ]
    for outcome in _EXAMPLES_OF:
        of_kind = examples.get(outcome, [])
        if of_kind:
            first = f", the first {len(of_kind)}" if len(of_kind) == EXAMPLES else ""
            lines += ["", f"Scenes {outcome.value}{first}", "", "\n".join(of_kind)]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write("\n".join(lines) + "\n")
    keep_newest(folder, r"reconciliation-.*\.txt", KEPT_REPORTS)
    return path


def _most(reasons: Counter[str]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))


def _bar(number: int, reasons: Counter[str]) -> int:
    return max(1, round(40 * number / max(reasons.values())))
