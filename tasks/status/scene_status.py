"""Returns the state of a scene for its page in Stash, without a request to Plex."""

from sync_queue.models import SyncJob
from tasks.answer import Answer, Level
from tasks.error_catalogue import explain
from tasks.status.overview import (
    ensure_worker_for_jobs,
    job_data,
    letter_data,
    read_state,
    titles_for_page,
)
from tasks.status.snapshot import State, read_status, state_data
from worker.outage_history import format_elapsed_since
from worker.services import Services
from worker.sync.results import SKIPPED


def scene_status(services: Services, *, scene_id: int) -> Answer:
    """Return whether a scene is in Plex, and why it waits or failed. Start a worker if needed."""
    queue, log = services.queue, services.queue.sync_log
    last, jobs = log.scene(scene_id), queue.jobs_waiting_for(scene_id)
    items = sorted(log.sent_for(scene_id), key=lambda item: item.rating_key)
    letters = queue.dead_letters.of_scene(scene_id)[::-1]
    titles = titles_for_page(services, [scene_id])
    status = read_status(services.status_source)
    state, now = read_state(services, status), status.now
    remedy, sentence, level = "", "", Level.OK
    if letters:
        text = f"Not up to date: {letters[0].error_message}"
        remedy, level = explain(letters[0].error_type).remedy, Level.WARNING
    elif jobs:
        why, remedy = _why_it_waits(jobs[0], state)
        sentence = f"Queued {format_elapsed_since(jobs[0].enqueued_at, now)}{why}"
        text = state.text(now, sentence)
        level = Level.WARNING if jobs[0].last_error_type else Level.OK
        level = state.level if state.is_blocked else level
    elif items and (last is None or last.outcome != SKIPPED):
        at = max(item.at for item in items) if last is None else last.at
        text = f"In Plex; synced {format_elapsed_since(at, now)}"
    else:
        text = f"Not sent ({last.outcome}): {last.detail}" if last else "Never synced"
    data = {
        "scene_id": scene_id,
        "now": now,
        "state": state_data(state, status),
        "remedy": remedy,
        # The sentence may contain the placeholder `{since}`, which the page replaces by a local
        # time.
        "sentence": sentence or text,
        "items": [
            {"rating_key": item.rating_key, "fields": sorted(item.record.sent), "at": item.at}
            for item in items
        ],
        "last": last and {"outcome": last.outcome, "detail": last.detail, "at": last.at},
        "jobs": [job_data(job, titles) for job in jobs],
        "letters": [letter_data(letter, titles) for letter in letters],
        "worker": ensure_worker_for_jobs(services),
    }
    return Answer(text, data=data, level=level)


def _why_it_waits(job: SyncJob, state: State) -> tuple[str, str]:
    if state.is_blocked:
        return f". {state.sentence}", state.remedy
    if not job.last_error_type:
        return "", ""
    explanation = explain(job.last_error_type)
    return f". {explanation.cause}; the next try is automatic", explanation.remedy
