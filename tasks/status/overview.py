"""The operations `overview` and `wake` of the page in Stash. Both start a worker if needed."""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, fields
from itertools import chain
from typing import Any

from plex.path_learning import LearnedMapping
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.models import SyncJob
from sync_queue.operations import subject_label
from sync_queue.sync_records import SceneRecord
from tasks.answer import Answer
from tasks.dead_letters.show import Titles, titles_in_time
from tasks.error_catalogue import explain
from tasks.settings.first_run import current_step
from tasks.status.snapshot import State, StatusSnapshot, read_status, state_data, state_of
from validation.config import ENVIRONMENT, Config, refusal
from validation.path_map import PathMap, PrefixPair
from validation.values import ValueProblem
from worker.circuit_breaker import CircuitState
from worker.outage_history import NEWEST, calculate_outage_metrics
from worker.services import Services
from worker.sync.session import ConfigFault

JOBS_SHOWN, SYNCS_SHOWN, GROUPS_SHOWN, LETTERS_SHOWN = 50, 30, 20, 10
LONGEST_TEXT = 300
DAY = 86_400.0


def overview(services: Services) -> Answer:
    status = read_status(services.status_source)
    state, queue = read_state(services, status), services.queue
    active, waiting = queue.jobs_in_progress(JOBS_SHOWN), queue.jobs_waiting(JOBS_SHOWN)
    recent, counts = queue.sync_log.recent(SYNCS_SHOWN), queue.dead_letters.counts_by_type()
    newest = {
        error_type: queue.dead_letters.newest_of_type(error_type, LETTERS_SHOWN)
        for error_type in list(counts)[:GROUPS_SHOWN]
    }
    letters = chain.from_iterable(newest.values())
    scene_ids = [job.scene_id for job in (*active, *waiting)]
    scene_ids += [*recent, *(letter.scene_id for letter in letters)]
    titles = titles_for_page(services, scene_ids)
    hours = services.status_source.stats().hours.since(status.now - DAY)
    data = {
        "now": status.now,
        "state": state_data(state, status),
        "first_run": current_step(services, state.kind, has_synced=status.has_synced),
        "queue": {
            "pending": status.pending,
            "in_progress": status.in_progress,
            "retrying": status.retrying,
            "active": [job_data(job, titles) for job in active],
            "next": [job_data(job, titles) for job in waiting],
        },
        "syncs": [_sync_data(scene_id, sync, titles) for scene_id, sync in recent.items()],
        "dead_letters": {
            "count": sum(counts.values()),
            "groups": [
                _group_data(error_type, counts[error_type], letters_of_type, titles)
                for error_type, letters_of_type in newest.items()
            ],
        },
        "outages": _outages(status),
        "reconciliation": _reconciliation(status),
        "paths": _paths(services),
        "hours": [asdict(hour) for hour in hours],
        "settings": settings_in_effect(services.sessions.config(), services.sessions.stored()),
    }
    data["worker"] = ensure_worker_for_jobs(services)
    return Answer(state.text(status.now), data=data, level=state.level)


def ensure_worker_for_jobs(services: Services, *, is_due: bool = False) -> str:
    """Start a worker if there is work and no worker runs. Return the result in a word or two.

    A worker has work if there are jobs, an outage to end, or a due reconciliation (`is_due`).
    """
    try:
        is_away = services.status_source.breaker().state is not CircuitState.CLOSED
        if is_due or is_away or services.queue.has_unfinished():
            return services.ensure_worker()
        services.queue.note_finished()
    except (OSError, sqlite3.Error) as error:
        services.log.warning(
            f"Cannot start the worker ({error}). If jobs are waiting, run the task 'Process Queue'"
        )
        return "failed"
    return "not needed"


def _sync_data(scene_id: int, sync: SceneRecord, titles: Titles) -> dict[str, Any]:
    return {
        "scene_id": scene_id,
        "title": titles.get(scene_id, ""),
        "outcome": sync.outcome,
        "detail": sync.detail[:LONGEST_TEXT],
        "at": sync.at,
    }


def _group_data(
    error_type: str, count: int, letters: Sequence[DeadLetter], titles: Titles
) -> dict[str, Any]:
    explanation = explain(error_type)
    return {
        "error_type": error_type,
        "count": count,
        "matter": explanation.cause,
        "remedy": explanation.remedy,
        "newest": [letter_data(letter, titles) for letter in letters],
    }


def read_state(services: Services, status: StatusSnapshot) -> State:
    """Return the plugin's state. Raise StashError if the settings cannot be read."""
    enabled, fault = services.sessions.config().enabled, ""
    try:
        services.sessions.current()
    except ConfigFault as error:
        fault = str(error)
    return state_of(status, fault, enabled=enabled)


def titles_for_page(services: Services, scene_ids: Iterable[int | None]) -> Titles:
    titles, problem = titles_in_time(services.scenes.names, scene_ids, patience=1.5)
    if problem:
        services.log.step(f"Scenes are shown by their numbers: {problem}")
    return titles


def job_data(job: SyncJob, titles: Titles) -> dict[str, Any]:
    return {
        "scene_id": job.scene_id,
        "title": titles.get(job.scene_id or 0, "") or subject_label(job.job_key),
        "type": job.update_type,
        "since": job.enqueued_at,
        "due": job.postponed_until,
        "retries": job.retry_count,
        "error": job.last_error_type,
    }


def letter_data(letter: DeadLetter, titles: Titles) -> dict[str, Any]:
    return {
        "scene_id": letter.scene_id,
        "title": titles.get(letter.scene_id or 0, ""),
        "error_type": letter.error_type,
        "message": letter.error_message[:LONGEST_TEXT],
        "retries": letter.retry_count,
        "failed_at": letter.failed_at,
        "remedy": explain(letter.error_type).remedy,
    }


def _outages(status: StatusSnapshot) -> dict[str, Any]:
    records = status.outages.records[-NEWEST:]
    metrics = calculate_outage_metrics(records)
    return {
        "records": [
            {
                "started_at": record.started_at,
                "ended_at": record.ended_at,
                "scenes": record.jobs_affected,
                "estimated": record.estimated,
            }
            for record in records
        ],
        "mttr": metrics.mttr,
        "mtbf": metrics.mtbf,
        "availability": metrics.availability,
        "last_check": status.recovery.state.last_check_time,
    }


def _reconciliation(status: StatusSnapshot) -> dict[str, Any]:
    state, run = status.past, status.run
    return {
        "last_run": state.last_run_time,
        "scope": state.last_run_scope,
        "checked": state.last_scenes_checked,
        "gaps": dict(state.last_gaps_by_type),
        "enqueued": state.last_enqueued,
        "runs": state.run_count,
        "summary": state.summary[:LONGEST_TEXT],
        "ended_at": state.ended_at,
        "running": run and {"checked": run.result.checked, "total": run.total},
    }


def _paths(services: Services) -> dict[str, Any]:
    files, listed_at, mappings = _read_path_index(services.folder.library_database)
    try:
        scenes: int | None = services.scenes.count()
    except StashError:
        scenes = None
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


def _read_path_index(path: str) -> tuple[int, float, list[LearnedMapping]]:
    """Return the number of Plex's files, the time of their listing, and the learned path mappings.

    The result is empty if the database is missing or damaged, because the worker creates a new one.
    """
    if not os.path.exists(path):
        return 0, 0.0, []
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            (files,) = connection.execute("SELECT COUNT(*) FROM parts").fetchone()
            (listed,) = connection.execute("SELECT MAX(listed_at) FROM listings").fetchone()
            rows = connection.execute(
                "SELECT plex, stash, agree, disagree FROM learned_mappings "
                "ORDER BY agree DESC, stash"
            ).fetchall()
    except sqlite3.Error:
        return 0, 0.0, []
    return files, listed or 0.0, [LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows]


def settings_in_effect(config: Config, stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each setting with its value, its default and the allowed values.

    If a stored value is not in effect, `problem` has the reason.
    """
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


def wake(services: Services) -> Answer:
    worker = ensure_worker_for_jobs(services)
    status = read_status(services.status_source)
    state = read_state(services, status)
    data = {"state": state_data(state, status), "worker": worker}
    return Answer(state.text(status.now), data=data, level=state.level)
