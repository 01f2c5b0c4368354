"""What every task looks at of the reconciliation; the rest of it is loaded by those that run it."""

from app.container import Container
from reconciliation.run import run_of_today
from reconciliation.schedule import due
from reconciliation.state import StateFile
from stash.exceptions import StashError
from tasks.context import TaskContext


def reconciliation_state(container: Container) -> StateFile:
    """Return the state of past runs."""
    return StateFile(
        container.folder.reconciliation_state, container.log.warning, container.queue.clock
    )


def is_due(context: TaskContext) -> bool:
    """Tell whether a worker has a run to do: one that is due by the settings, or was left."""
    if run_of_today(context.queue.gaps.run(), context.clock()) is not None:
        return True
    try:
        config = context.sessions.config()
    except StashError:
        return False
    order = due(
        context.reconciliation_state.read(),
        config.reconcile_interval,
        config.reconcile_scope,
        context.clock(),
        at_start=True,
        rebuilt=context.queue.was_rebuilt(),
    )
    return config.enabled and order is not None
