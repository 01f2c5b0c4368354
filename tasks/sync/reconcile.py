from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from plex.exceptions import PlexError
from reconciliation.engine import (
    Ending,
    GapDetectionEngine,
    NoConclusionError,
    RunResult,
    pages,
    prepare,
)
from reconciliation.findings import GAPS, Finding, GapDetectionResult, Outcome
from reconciliation.state import Order, Run, Scope
from stash.exceptions import StashError
from tasks.answer import Answer, Level, TaskError, shortened
from tasks.sync.preview_sync import changes_by_item, write_report
from validation.values import counted
from worker.services import Services
from worker.sync.inspection import Inspection

EXAMPLES = 100
SHOWN_REASONS, SHOWN_EXAMPLES = 20, 10
LONGEST_EXAMPLE = 500
_WITH_EXAMPLES = (*GAPS, Outcome.AMBIGUOUS, Outcome.ELSEWHERE, Outcome.UNSEEN)
_LOOK_EVERY = 0.5


def _reconcile(services: Services, *, order: Order, dry_run: bool = False) -> Answer:
    if not services.sessions.config().enabled:
        raise TaskError(
            "Stash2Plex is disabled, so nothing is compared: switch on the setting 'Enabled' first"
        )
    if dry_run:
        return _report_gaps(services, order)
    engine, begun_at = GapDetectionEngine(services), services.clock()
    waited = not engine.lock.try_acquire()
    if waited:
        services.log.info(
            "Another reconciliation (comparison of Stash and Plex) is running. This task waits "
            "until it has ended"
        )
    while waited and not engine.lock.try_acquire():
        _show_progress(services, engine.stored())
        services.sleep(_LOOK_EVERY)
    try:
        joined = _ended_meanwhile(engine, order, begun_at) if waited else None
        return joined or _run(services, engine, order)
    finally:
        engine.lock.release()


reconcile_all = partial(_reconcile, order=Order(Scope.ALL))
reconcile_recent = partial(_reconcile, order=Order(Scope.RECENT))
reconcile_7days = partial(_reconcile, order=Order(Scope.WEEK))
reconcile_missing_metadata = partial(_reconcile, order=Order(Scope.ALL, only_empty=True))


def _ended_meanwhile(engine: GapDetectionEngine, order: Order, begun_at: float) -> Answer | None:
    state = engine.state.read()
    if state.ended_at < begun_at or state.ended_only_empty != order.only_empty:
        return None
    if not any(scope.covers(order.scope) for scope in Scope if scope.value == state.ended_scope):
        return None
    return Answer(
        "This task compared nothing, because another reconciliation of these scenes has just "
        f"ended. Its result: {state.summary}"
    )


def _run(services: Services, engine: GapDetectionEngine, order: Order) -> Answer:
    services.sessions.current()
    run = engine.begin(order)
    if run.result.checked:
        checked = counted(run.result.checked, "checked scene")
        services.log.info(f"Continuing an interrupted run after {checked}")
    ended: RunResult | None = None
    while ended is None:
        try:
            ended = engine.step(services.sessions.current())
        except (PlexError, StashError) as error:
            stored = engine.stored()
            result = stored.result if stored is not None else GapDetectionResult()
            raise TaskError(
                f"{error}. {counted(result.checked, 'scene')} checked, {result.enqueued:,} queued. "
                "Remove the cause, then run the task again; it continues where it stopped"
            ) from None
        _show_progress(services, engine.stored())
    if ended.queued:
        services.ensure_worker()
    text = f"Finished the reconciliation of {order.words}. {ended.text}"
    if ended.how is Ending.NOTHING:
        raise TaskError(text)
    asks = ended.how is Ending.ASKS
    level = Level.WARNING if asks else Level.OK
    return Answer(text, data={"queued": ended.queued, "asks": asks}, level=level)


def _show_progress(services: Services, run: Run | None) -> None:
    if run is not None and run.total:
        services.log.progress(min(1.0, run.result.checked / run.total))


def _report_gaps(services: Services, order: Order) -> Answer:
    session = services.sessions.current()
    sums = GapDetectionResult()
    examples: dict[Outcome, list[str]] = {outcome: [] for outcome in _WITH_EXAMPLES}
    try:
        prepare(session.library)
        for page in pages(services, session, order.scope.since(services.clock()), 0):
            for inspection, finding in page.found:
                wanted = not order.only_empty or finding.outcome is Outcome.EMPTY
                sums.count(finding, synced_before=inspection.synced_before, wanted=wanted)
                scenes = examples.get(finding.outcome)
                if scenes is not None and len(scenes) < EXAMPLES:
                    scenes.append(_example(inspection, finding))
            services.log.progress(sums.checked / max(1, sums.checked + page.left))
    except NoConclusionError as error:
        raise TaskError(str(error)) from None
    text = f"Compared {order.words}. {sums.text()}"
    reasons = Counter(dict(sorted(sums.reasons.items()))).most_common()
    examples = {outcome: scenes for outcome, scenes in examples.items() if scenes}
    lines = _report_lines(text, reasons, examples)
    path = write_report(services, "reconciliation", "What a reconciliation would queue", lines)
    return Answer(
        f"{text}. {counted(sums.gaps, 'scene')} to sync. Nothing was queued. Report: {path}",
        data={
            "scenes_checked": sums.checked,
            "gaps": sums.gaps,
            "report": path,
            "reasons": dict(reasons[:SHOWN_REASONS]),
            "examples": {
                outcome.value: [
                    shortened(scene, LONGEST_EXAMPLE) for scene in scenes[:SHOWN_EXAMPLES]
                ]
                for outcome, scenes in examples.items()
            },
        },
    )


def _example(inspection: Inspection, finding: Finding) -> str:
    lines = changes_by_item(inspection, {})
    lines += [*inspection.image_reasons, *inspection.elsewhere]
    if finding.outcome in (Outcome.MISSING, Outcome.AMBIGUOUS) and inspection.error:
        lines.append(str(inspection.error))
    return "\n  ".join([inspection.scene.label, *lines])


def _report_lines(
    sums: str, reasons: Sequence[tuple[str, int]], examples: Mapping[Outcome, Sequence[str]]
) -> Iterator[str]:
    yield from ("Nothing was queued.", "", sums, "")
    yield "Reasons, the most frequent first; a scene can have several reasons"
    for why, number in reasons:
        yield f"  {number:>7,} {'#' * max(1, round(40 * number / reasons[0][1]))} {why}"
    if not reasons:
        yield "  none"
    for outcome, scenes in examples.items():
        first = f", the first {EXAMPLES}" if len(scenes) == EXAMPLES else ""
        yield from ("", f"Scenes {outcome.value}{first}", "", *scenes)
