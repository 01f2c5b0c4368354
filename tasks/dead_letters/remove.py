"""Clear Dead Letter Queue, Purge Old DLQ Entries, and the removal of chosen dead letters."""

import datetime
from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer, TaskError
from tasks.arguments import days_argument, scene_argument, text
from validation.values import counted
from worker.services import Services


def clear_dlq(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Remove all dead letters."""
    del arguments
    removed = context.queue.dead_letters.clear()
    return Answer(f"Removed {counted(removed, 'dead letter')}", data={"removed": removed})


def purge_dlq(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Remove the dead letters older than `days`."""
    days = days_argument(arguments)
    before = context.clock() - datetime.timedelta(days=days).total_seconds()
    removed = context.queue.dead_letters.purge(before)
    left = context.queue.dead_letters.count()
    return Answer(
        f"Removed {counted(removed, 'dead letter')} older than {counted(days, 'day')}; "
        f"{left:,} left",
        data={"removed": removed, "left": left},
    )


def drop_dlq(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Remove the dead letters of a scene, of an error type, or of both."""
    scene_id = scene_argument(arguments)
    error_type = text(arguments, "error_type")
    if scene_id is None and not error_type:
        message = "Give a scene (scene_id) or an error type (error_type); clear_dlq removes all"
        raise TaskError(message)
    dead = context.queue.dead_letters
    letters = dead.of_type(error_type) if scene_id is None else dead.of_scene(scene_id)
    with context.queue.transaction():
        removed = sum(
            dead.remove(letter.id) for letter in letters if error_type in ("", letter.error_type)
        )
    return Answer(f"Removed {counted(removed, 'dead letter')}", data={"removed": removed})
