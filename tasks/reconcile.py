"""The reconciliation tasks: compare the libraries, queue the gaps, or only report them."""

from collections.abc import Mapping
from typing import Any

from plex.exceptions import PlexError
from reconciliation.engine import End, Ended
from reconciliation.run import Order, Run
from reconciliation.scopes import Scope
from stash.exceptions import StashError
from tasks.answer import Answer, Level
from tasks.arguments import flag
from tasks.context import TaskContext
from tasks.errors import TaskError
from tasks.reconcile_report import report_gaps

_LOOK_EVERY = 0.5  # seconds between two looks at a run of another process


def reconcile_all(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Compare all scenes with Plex."""
    return _reconcile(context, arguments, Order(Scope.ALL))


def reconcile_recent(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Compare the scenes created in the last 24 hours."""
    return _reconcile(context, arguments, Order(Scope.RECENT))


def reconcile_7days(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Compare the scenes created in the last 7 days."""
    return _reconcile(context, arguments, Order(Scope.WEEK))


def reconcile_missing_metadata(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Compare all scenes, and queue only those whose item has no metadata at all."""
    return _reconcile(context, arguments, Order(Scope.ALL, only_empty=True))


def _reconcile(context: TaskContext, arguments: Mapping[str, Any], order: Order) -> Answer:
    """Run it, or report what it would do (`dry_run`).

    Raises:
        TaskError: nothing could be concluded, and what to do about it; or `dry_run` says neither.
        ConfigFault, PlexError, StashError: a side could not be asked at all.
    """
    dry_run = flag(arguments, "dry_run")
    if not context.sessions.config().enabled:
        message = "Stash2Plex is disabled, so nothing is compared; switch 'Enabled' on first"
        raise TaskError(message)
    if dry_run:
        return report_gaps(context, order)
    lock, begun_at = context.reconciler().lock, context.clock()
    waited = not lock.try_acquire()
    if waited:
        _wait(context)
    try:
        joined = _ended_meanwhile(context, order, begun_at) if waited else None
        return joined or _run(context, order)
    finally:
        lock.release()


def _wait(context: TaskContext) -> None:
    """Show how far another process's run is, until that lets go of it."""
    reconciler = context.reconciler()
    context.log.info("A reconciliation is running already; this task waits for its result")
    while not reconciler.lock.try_acquire():
        run = reconciler.reconciliation.stored()
        if run is not None:
            _show_progress(context, run)
        context.sleep(_LOOK_EVERY)


def _ended_meanwhile(context: TaskContext, order: Order, begun_at: float) -> Answer | None:
    """Return what the other run came to, if it did what this one was to do."""
    state = context.reconciliation_state.read()
    if state.ended_at < begun_at or state.ended_only_empty != order.only_empty:
        return None
    if not any(scope.covers(order.scope) for scope in Scope if scope.value == state.ended_scope):
        return None
    return Answer(f"The reconciliation that was running did this one's work: {state.summary}")


def _run(context: TaskContext, order: Order) -> Answer:
    reconciliation = context.reconciler().reconciliation
    context.reconciler_sides()  # before anything is stored: a fault of the settings begins no run
    run = reconciliation.begin(order)
    if run.sums.checked:
        context.log.info(f"Going on where a run was left: {run.sums.checked:,} scenes are checked")
    ended = None
    while ended is None:
        ended = _step(context)
    if ended.queued:
        context.ensure_worker()
    text = f"Reconciliation of {order.words}: {ended.text}"
    if ended.how is End.NOTHING:
        raise TaskError(text)
    if ended.how is End.ASKS:
        context.log.warning(text)
        return Answer(text, data={"queued": 0, "asks": True}, level=Level.WARNING)
    return Answer(text, data={"queued": ended.queued, "asks": False})


def _step(context: TaskContext) -> Ended | None:
    reconciliation = context.reconciler().reconciliation
    try:
        ended = reconciliation.step(context.reconciler_sides())
    except (PlexError, StashError) as error:
        run = reconciliation.stored()
        checked = run.sums.checked if run is not None else 0
        queued = run.sums.enqueued if run is not None else 0
        message = (
            f"{error}. {checked:,} scenes are checked, {queued:,} are queued. Run the task again "
            "when that is mended: it goes on from there"
        )
        raise TaskError(message) from None
    run = reconciliation.stored() if ended is None else None
    if run is not None:
        _show_progress(context, run)
    return ended


def _show_progress(context: TaskContext, run: Run) -> None:
    if run.total:
        context.log.progress(min(1.0, run.sums.checked / run.total))
