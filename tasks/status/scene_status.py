"""The state of one scene for the page in Stash, read without asking Plex."""

from collections.abc import Mapping, Sequence
from typing import Any

from sync_queue.dlq import DeadLetter
from sync_queue.models import SyncJob
from sync_queue.sync_records import SceneRecord, SentItem
from tasks.answer import Answer, Level
from tasks.arguments import required_scene
from tasks.error_catalogue import explain
from tasks.status.overview import job_data, letter_data
from tasks.status.snapshot import read_status
from tasks.status.state_sentence import State, read_state, state_data
from tasks.titles import titles_of
from worker.outage_history import format_elapsed_since
from worker.services import Services


def scene_status(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Return whether a scene is in Plex, and why it waits or failed."""
    scene_id = required_scene(arguments)
    queue, log = context.queue, context.queue.sync_log
    last, jobs = log.scene(scene_id), queue.jobs_waiting_for(scene_id)
    items = sorted(log.sent_for(scene_id), key=lambda item: item.rating_key)
    letters = queue.dead_letters.of_scene(scene_id)[::-1]
    titles = titles_of(context, [scene_id])
    status = read_status(context.status_source)
    state, now = read_state(context, status), status.now
    text, remedy, level = _state_in_words(letters, jobs, items, last, state, now)
    data = {
        "scene_id": scene_id,
        "now": now,
        "state": state_data(state, status),
        "remedy": remedy,
        "items": [
            {"rating_key": item.rating_key, "fields": sorted(item.record.sent), "at": item.at}
            for item in items
        ],
        "last": None
        if last is None
        else {"outcome": last.outcome, "detail": last.detail, "at": last.at},
        "jobs": [job_data(job, titles) for job in jobs],
        "letters": [letter_data(letter, titles) for letter in letters],
    }
    return Answer(text, data=data, level=level)


def _state_in_words(
    letters: Sequence[DeadLetter],
    jobs: Sequence[SyncJob],
    items: Sequence[SentItem],
    last: SceneRecord | None,
    state: State,
    now: float,
) -> tuple[str, str, Level]:
    """Return the state of a scene in words, the remedy, and the level."""
    if letters:
        remedy = explain(letters[0].error_type).remedy
        return f"Not in step: {letters[0].error_message}", remedy, Level.WARNING
    if jobs:
        why, remedy = _why_it_waits(jobs[0], state, now)
        level = state.level if state.is_blocked else Level.OK
        return f"Queued {format_elapsed_since(jobs[0].enqueued_at, now)}{why}", remedy, level
    if items:
        at = max(item.at for item in items) if last is None else last.at
        return f"In Plex; synced {format_elapsed_since(at, now)}", "", Level.OK
    if last is not None:
        return f"Not sent ({last.outcome}): {last.detail}", "", Level.OK
    return "Never sent to Plex", "", Level.OK


def _why_it_waits(job: SyncJob, state: State, now: float) -> tuple[str, str]:
    """Return a sentence with the reason why a job waits, and the remedy; both may be empty."""
    if state.is_blocked:
        return f". {state.text(now)}", state.remedy
    if not job.last_error_type:
        return "", ""
    explanation = explain(job.last_error_type)
    return f". {explanation.cause}; the next try is automatic", explanation.remedy
