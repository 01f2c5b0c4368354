"""What is written down, for the questions that need neither Plex nor a worker.

Light on purpose: a program that asks every few seconds waits for what is imported here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciliation.state import StateFile
from sync_queue.queue_view import QueueView
from worker.records import Records


@dataclass(frozen=True, slots=True)
class Readings:
    """The data folder, read afresh by each answer.

    Attributes:
        queue: jobs and dead letters.
        records: what the worker has written down.
        reconciliation: the state of past runs.
        names: asks Stash what people call these scenes; absent are those that it does not have.
            Raises StashError.
    """

    queue: QueueView
    records: Records
    reconciliation: StateFile
    names: Callable[[Sequence[int]], Mapping[int, str]]
    clock: Callable[[], float]
