"""One scene: how it stands, without asking Plex, and its sync now."""

from collections.abc import Mapping
from typing import Any

from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer, Level
from tasks.arguments import one_scene
from tasks.context import TaskContext
from tasks.errors import TaskError
from tasks.overview import job_data, letter_data
from tasks.titles import titles_of
from worker.outage_history import format_elapsed_since


def scene_status(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell whether a scene is in Plex, since when, and what it waits for; from the records alone.

    Raises:
        TaskError: `scene_id` names no scene.
    """
    scene_id = _scene_of(arguments)
    glance = context.queue.glance
    last = context.queue.sync_log.scene(scene_id)
    items, jobs = glance.items(scene_id), glance.of_scene(scene_id)
    letters = glance.letters_of(scene_id)
    titles = titles_of(context, [scene_id])
    now = context.clock()
    level = Level.OK
    if letters:
        text, level = f"Not in step: {letters[0].message}", Level.WARNING
    elif jobs:
        text = f"It waits for its sync since {format_elapsed_since(jobs[0].enqueued_at, now)}"
    elif items:
        at = max(one.at for one in items) if last is None else last.at
        text = f"It is in Plex; synced {format_elapsed_since(at, now)}"
    elif last is not None:
        text = f"Not sent ({last.outcome}): {last.detail}"
    else:
        text = "It was never sent to Plex"
    data = {
        "scene_id": scene_id,
        "now": now,
        "items": [
            {"rating_key": one.rating_key, "fields": list(one.fields), "at": one.at}
            for one in items
        ],
        "last": None
        if last is None
        else {"outcome": last.outcome, "detail": last.detail, "at": last.at},
        "jobs": [job_data(job, titles) for job in jobs],
        "letters": [letter_data(letter, titles) for letter in letters],
    }
    return Answer(text, data=data, level=level)


def sync_scene(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Queue one scene and make sure that a worker runs.

    Raises:
        TaskError: `scene_id` names no scene.
    """
    scene_id = _scene_of(arguments)
    added, _ = context.queue.enqueue([scene_job(scene_id, METADATA, context.clock())])
    context.ensure_worker()
    text = f"Scene {scene_id} is queued" if added else f"Scene {scene_id} waited already; it is due"
    return Answer(text, data={"scene_id": scene_id, "added": added})


def _scene_of(arguments: Mapping[str, Any]) -> int:
    scene_id = one_scene(arguments)
    if scene_id is None:
        message = "scene_id is missing; the number of a scene is wanted"
        raise TaskError(message)
    return scene_id
