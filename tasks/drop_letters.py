"""Drops some dead letters: those of a scene, of a type of error, or of both."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer
from tasks.arguments import scene_argument, text
from tasks.context import TaskContext
from tasks.errors import TaskError


def drop_dlq(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Remove the dead letters that the arguments name.

    Raises:
        TaskError: they name none; 'Clear Dead Letter Queue' removes all.
    """
    scene_id = scene_argument(arguments)
    error_type = text(arguments, "error_type")
    if scene_id is None and not error_type:
        message = "Name a scene (scene_id) or a type of error (error_type); clear_dlq removes all"
        raise TaskError(message)
    dead = context.queue.dead_letters
    letters = (
        dead.of_type(error_type) if scene_id is None else dead.of_scenes([scene_id]).get(scene_id)
    )
    with context.queue.transaction():
        removed = sum(
            dead.remove(one.id) for one in letters or () if error_type in ("", one.error_type)
        )
    return Answer(
        f"{removed} dead letter{'' if removed == 1 else 's'} dropped", data={"removed": removed}
    )
