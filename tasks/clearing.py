"""The tasks that empty something: the waiting jobs, the memory of which item holds which file."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer
from tasks.context import TaskContext


def clear_queue(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Remove the jobs that wait."""
    del arguments
    removed = context.queue.clear_waiting()
    in_progress = context.queue.stats()["in_progress"]
    return Answer(
        f"{removed} waiting jobs removed; {in_progress} in progress stay",
        data={"removed": removed, "in_progress": in_progress},
    )


def clear_match_cache(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Forget which item holds which file, so that the next sync looks again."""
    del arguments
    library = context.sessions.current().library
    library.index.use_server(library.server_id)
    forgotten = library.index.clear()
    return Answer(
        f"{forgotten} files forgotten; the next sync lists the libraries anew",
        data={"forgotten": forgotten},
    )
