"""Makes sure that a worker runs where jobs wait: the start-up trigger that Stash does not offer."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer
from tasks.context import TaskContext
from tasks.state_sentence import situation_of, state_data, state_of


def wake(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Start a worker if anything waits and none runs; tell in one sentence how things stand.

    Raises:
        StashError: the settings could not be read.
    """
    del arguments
    worker = context.ensure_worker() if context.queue.has_unfinished() else "not needed"
    situation = situation_of(context)
    state = state_of(situation)
    return Answer(
        state.text(context.clock()),
        data={"state": state_data(state, situation), "worker": worker},
        level=state.level,
    )
