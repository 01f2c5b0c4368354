import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, fields, replace
from typing import Any

from plex.path_learning import LearnedMapping
from shared.sqlite import open_for_reading
from shared.state_file import read_state, write_state
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.models import SyncJob
from sync_queue.operations import subject_label
from sync_queue.sync_log import SceneRecord
from tasks.answer import Answer, Level
from tasks.dead_letters.show import Titles, titles_in_time
from tasks.error_catalogue import explain
from tasks.status.queue_status import outage_data, reconciliation_data
from tasks.status.snapshot import State, StatusSnapshot, read_status, state_data, state_of
from validation.config import ENVIRONMENT, Config, refusal
from validation.path_map import PathMap, PrefixPair
from validation.values import ValueProblem
from worker.circuit_breaker import CircuitState
from worker.outage_history import format_elapsed_since
from worker.services import Services
from worker.sync.results import SKIPPED
from worker.sync.session import ConfigFault

JOBS_SHOWN, SYNCS_SHOWN, GROUPS_SHOWN, LETTERS_SHOWN = 50, 30, 20, 10
LONGEST_TEXT = 300
DAY = 86_400.0
_STEPS, _DONE = ("libraries", "paths", "preview"), "done"


def first_run(services: Services, *, step: str) -> Answer:
    write_state(services.folder.first_run, {"step": step})
    text = "is finished" if step == "done" else f"continues with the step '{step}'"
    return Answer(f"The setup of the plugin {text}", data={"step": step})


def end_first_run(services: Services) -> None:
    if _stored_step(services) in _STEPS:
        first_run(services, step=_DONE)


def _stored_step(services: Services) -> str | None:
    state = read_state(services.folder.first_run, services.log.event, services.clock())
    step = state.get("step")
    return step if step in (*_STEPS, _DONE) else None


def _current_step(services: Services, kind: str, *, has_synced: bool) -> str | None:
    # During the setup, an edit in Stash may already be synced. The page shows the setup
    # nevertheless.
    stored = _stored_step(services)
    if stored or has_synced or kind not in ("unconfigured", "nothing_yet"):
        return stored if stored in _STEPS else None
    if kind == "unconfigured":
        first_run(services, step=_STEPS[0])
    return _STEPS[0]


def wake(services: Services) -> Answer:
    worker = ensure_worker_for_jobs(services)
    status = read_status(services)
    state = _read_state(services, status)
    data = {"state": state_data(state, status), "worker": worker}
    return Answer(state.text(status.now), data=data, level=state.level)


def ensure_worker_for_jobs(services: Services, *, is_due: bool = False) -> str:
    try:
        is_away = services.breaker().state is not CircuitState.CLOSED
        if is_due or is_away or services.queue.has_unfinished():
            return services.ensure_worker()
        services.queue.note_finished()
    except (OSError, sqlite3.Error) as error:
        services.log.warning(
            f"Cannot start the worker ({error}). If jobs are waiting, run the task 'Process Queue'"
        )
        return "failed"
    return "not needed"


def _read_state(services: Services, status: StatusSnapshot) -> State:
    enabled, fault = services.sessions.config().enabled, ""
    try:
        services.sessions.current()
    except ConfigFault as error:
        fault = str(error)
    return state_of(status, fault, enabled=enabled)


def scene_status(services: Services, *, scene_id: int) -> Answer:
    queue, log = services.queue, services.queue.sync_log
    last, jobs = log.scene(scene_id), queue.jobs_waiting_for(scene_id)
    items = sorted(log.sent_for(scene_id), key=lambda item: item.rating_key)
    letters = queue.dead_letters.of_scene(scene_id)[::-1]
    status = read_status(services)
    state, remedy, level = _read_state(services, status), "", Level.OK
    if letters:
        sentence = f"The last sync failed: {letters[0].error_message}"
        remedy, level = explain(letters[0].error_type).remedy, Level.WARNING
    elif jobs:
        why, remedy, level = _why_it_waits(jobs[0], state)
        sentence = f"Queued {format_elapsed_since(jobs[0].enqueued_at, status.now)}{why}"
    elif items and (last is None or last.outcome != SKIPPED):
        at = max(item.at for item in items) if last is None else last.at
        sentence = f"In Plex; synced {format_elapsed_since(at, status.now)}"
    else:
        sentence = f"Not sent ({last.outcome}): {last.detail}" if last else "Never synced"
    data = {
        "state": state_data(state, status),
        "remedy": remedy,
        "sentence": sentence,
        "items": [
            {"rating_key": item.rating_key, "fields": sorted(item.record.sent), "at": item.at}
            for item in items
        ],
        "jobs": [{"error": job.last_error_type} for job in jobs],
        "letters": [{"error_type": letter.error_type} for letter in letters],
        "worker": ensure_worker_for_jobs(services),
    }
    return Answer(replace(state, sentence=sentence).text(status.now), data=data, level=level)


def _why_it_waits(job: SyncJob, state: State) -> tuple[str, str, Level]:
    if state.is_blocked:
        return f". {state.sentence}", state.remedy, state.level
    if not job.last_error_type:
        return "", "", Level.OK
    cause, remedy = explain(job.last_error_type)
    return f". {cause}; the next try is automatic", remedy, Level.WARNING


def overview(services: Services) -> Answer:
    status, queue = read_status(services), services.queue
    state = _read_state(services, status)
    active, waiting = queue.jobs_in_progress(JOBS_SHOWN), queue.jobs_waiting(JOBS_SHOWN)
    recent, dead = queue.sync_log.recent(SYNCS_SHOWN), queue.dead_letters
    newest = {
        error_type: dead.newest_of_type(error_type, LETTERS_SHOWN)
        for error_type in list(status.dead)[:GROUPS_SHOWN]
    }
    jobs = [job.scene_id for job in (*active, *waiting)]
    letters = [letter.scene_id for of_type in newest.values() for letter in of_type]
    titles, problem = titles_in_time(services.names, [*jobs, *recent, *letters], patience=1.5)
    if problem:
        services.log.step(f"Scenes are shown by their numbers: {problem}")
    hours = services.stats().hours.since(status.now - DAY)
    data = {
        "now": status.now,
        "state": state_data(state, status),
        "first_run": _current_step(services, state.kind, has_synced=status.has_synced),
        "queue": {
            "pending": status.pending,
            "in_progress": status.in_progress,
            "retrying": status.retrying,
            "active": [_job_data(job, titles) for job in active],
            "next": [_job_data(job, titles) for job in waiting],
        },
        "syncs": [_sync_data(scene_id, sync, titles) for scene_id, sync in recent.items()],
        "dead_letters": {
            "count": sum(status.dead.values()),
            "groups": [_group_data(status.dead, *group, titles) for group in newest.items()],
        },
        "outages": outage_data(status.outages),
        "reconciliation": reconciliation_data(status)
        | {"summary": status.past.summary[:LONGEST_TEXT]},
        "paths": _paths(services),
        "hours": [asdict(hour) for hour in hours],
        "settings": settings_in_effect(services.sessions.config(), services.sessions.stored()),
        "worker": ensure_worker_for_jobs(services),
    }
    return Answer(state.text(status.now), data=data, level=state.level)


def _sync_data(scene_id: int, sync: SceneRecord, titles: Titles) -> dict[str, Any]:
    return {
        "scene_id": scene_id,
        "title": titles.get(scene_id, ""),
        "outcome": sync.outcome,
        "detail": sync.detail[:LONGEST_TEXT],
        "at": sync.at,
    }


def _job_data(job: SyncJob, titles: Titles) -> dict[str, Any]:
    return {
        "scene_id": job.scene_id,
        "title": titles.get(job.scene_id or 0, "") or subject_label(job.job_key),
        "due": job.postponed_until,
        "retries": job.retry_count,
        "error": job.last_error_type,
    }


def _group_data(
    counts: Mapping[str, int], error_type: str, newest: list[DeadLetter], titles: Titles
) -> dict[str, Any]:
    cause, remedy = explain(error_type)
    return {
        "error_type": error_type,
        "count": counts[error_type],
        "matter": cause,
        "remedy": remedy,
        "newest": [
            {
                "scene_id": letter.scene_id,
                "title": titles.get(letter.scene_id or 0, ""),
                "error_type": error_type,
                "message": letter.error_message[:LONGEST_TEXT],
                "failed_at": letter.failed_at,
            }
            for letter in newest
        ],
    }


def _paths(services: Services) -> dict[str, Any]:
    files, listed_at, mappings = 0, 0.0, list[LearnedMapping]()
    path = services.folder.library_database
    # A missing or damaged path index counts as empty, because the worker creates a new index.
    with suppress(sqlite3.Error), closing(open_for_reading(path, 1.0)) as connection:
        rows = connection.execute(
            "SELECT plex, stash, agree, disagree FROM learned_mappings ORDER BY agree DESC, stash"
        ).fetchall()
        files, listed_at = connection.execute(
            "SELECT (SELECT COUNT(*) FROM parts), coalesce(MAX(listed_at), 0.0) FROM listings"
        ).fetchone()
        mappings = [LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows]
    scenes: int | None = None
    with suppress(StashError):
        scenes = services.scenes.count()
    return {
        "scenes": scenes,
        "in_plex": services.queue.sync_log.scenes_in_plex(),
        "plex_files": files,
        "listed_at": listed_at,
        "learned": [
            {
                "pair": str(mapping.pair),
                "agree": mapping.agree,
                "disagree": mapping.disagree,
                "used": mapping.usable,
            }
            for mapping in mappings
        ],
    }


def settings_in_effect(config: Config, stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": setting.name,
            "value": _shown(setting.name, getattr(config, setting.name)),
            "default": _shown(setting.name, setting.default),
            "problem": _problem(setting.name, stored.get(setting.name)),
            **_allowed(setting.metadata["parse"]),
        }
        for setting in fields(Config)
    ]


def _problem(name: str, stored: Any) -> str:
    problem = refusal(name, stored)
    return f"{problem}; the default is in force" if problem and name not in ENVIRONMENT else problem


def _allowed(parse: Any) -> dict[str, Any]:
    try:
        parse(object())
    except ValueProblem as error:
        return {"allowed": str(error), "choices": list(error.choices)}
    return {"allowed": "", "choices": []}


def _shown(name: str, value: Any) -> Any:
    if name == "plex_token":
        return "set" if value else ""
    if isinstance(value, PathMap):
        return str(value)
    if name == "plex_url" and ("@" in value or "?" in value):
        return "set, with something secret in it"
    return value
