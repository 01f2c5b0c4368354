"""The operations `overview` and `wake` of the page in Stash."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from typing import Any

from plex.path_learning import LearnedMapping
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.models import SyncJob
from sync_queue.operations import subject_label
from sync_queue.sync_records import SceneRecord
from tasks.answer import Answer
from tasks.error_catalogue import explain
from tasks.status.snapshot import StatusSnapshot, read_status
from tasks.status.state_sentence import read_state, state_data
from tasks.titles import titles_of
from validation.config import Config
from validation.path_map import PathMap, PrefixPair
from validation.values import ValueProblem
from worker.outage_history import NEWEST, calculate_outage_metrics
from worker.services import Services

SECRET = "plex_token"  # noqa: S105 - the setting's name
JOBS_SHOWN, SYNCS_SHOWN, GROUPS_SHOWN, LETTERS_SHOWN = 50, 30, 20, 10
LONGEST_TEXT = 300  # characters of an error or of what changed
DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class IndexView:
    """The contents of the path index.

    Attributes:
        files: the number of Plex's files.
        listed_at: the last complete listing in seconds since the epoch; 0 for never.
        mappings: the learned mappings, by descending evidence.
    """

    files: int = 0
    listed_at: float = 0.0
    mappings: tuple[LearnedMapping, ...] = ()


def read_index_view(path: str) -> IndexView:
    """Read the path index; return an empty view if it is missing or damaged."""
    if not os.path.exists(path):
        return IndexView()
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            files = connection.execute("SELECT COUNT(*) FROM parts").fetchone()[0]
            listed = connection.execute("SELECT MAX(listed_at) FROM listings").fetchone()[0]
            rows = connection.execute(
                "SELECT plex, stash, agree, disagree FROM learned_mappings "
                "ORDER BY agree DESC, stash"
            ).fetchall()
    except sqlite3.Error:
        return IndexView()  # the worker creates it again
    mappings = tuple(LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows)
    return IndexView(int(files), float(listed or 0.0), mappings)


def overview(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Return everything that the page shows."""
    del arguments
    status = read_status(context.status_source)
    state, now, queue = read_state(context, status), status.now, context.queue
    active, waiting = queue.jobs_in_progress(JOBS_SHOWN), queue.jobs_waiting(JOBS_SHOWN)
    recent, counts = queue.sync_log.recent(SYNCS_SHOWN), queue.dead_letters.counts_by_type()
    newest = {
        error_type: queue.dead_letters.newest_of_type(error_type, LETTERS_SHOWN)
        for error_type in list(counts)[:GROUPS_SHOWN]
    }
    titles = titles_of(
        context,
        [
            *(job.scene_id for job in (*active, *waiting)),
            *recent,
            *(letter.scene_id for letters in newest.values() for letter in letters),
        ],
    )
    data = {
        "now": now,
        "state": state_data(state, status),
        "queue": {
            "pending": status.pending,
            "in_progress": status.in_progress,
            "retrying": status.retrying,
            "active": [job_data(job, titles) for job in active],
            "next": [job_data(job, titles) for job in waiting],
        },
        "syncs": [_sync_data(*synced, titles) for synced in recent.items()],
        "dead_letters": {
            "count": sum(counts.values()),
            "groups": [
                _group_data(error_type, counts[error_type], letters, titles)
                for error_type, letters in newest.items()
            ],
        },
        "outages": _outages(status),
        "reconciliation": _reconciliation(status),
        "paths": _paths(context),
        "hours": [asdict(hour) for hour in context.status_source.stats().hours.since(now - DAY)],
        "settings": settings_in_effect(context.sessions.config()),
    }
    return Answer(state.text(now), data=data, level=state.level)


def job_data(job: SyncJob, titles: Mapping[int, str]) -> dict[str, Any]:
    """Return a job for programs."""
    return {
        "scene_id": job.scene_id,
        "title": _title(job.scene_id, titles) or subject_label(job.job_key),
        "type": job.update_type,
        "since": job.enqueued_at,
        "due": job.next_retry_at,
        "retries": job.retry_count,
        "error": job.last_error_type,
    }


def letter_data(letter: DeadLetter, titles: Mapping[int, str]) -> dict[str, Any]:
    """Return a dead letter for programs."""
    return {
        "scene_id": letter.scene_id,
        "title": _title(letter.scene_id, titles),
        "error_type": letter.error_type,
        "message": letter.error_message[:LONGEST_TEXT],
        "retries": letter.retry_count,
        "failed_at": letter.failed_at,
        "remedy": explain(letter.error_type).remedy,
    }


def _title(scene_id: int | None, titles: Mapping[int, str]) -> str:
    return "" if scene_id is None else titles.get(scene_id, "")


def _sync_data(scene_id: int, last: SceneRecord, titles: Mapping[int, str]) -> dict[str, Any]:
    return {
        "scene_id": scene_id,
        "title": _title(scene_id, titles),
        "outcome": last.outcome,
        "detail": last.detail[:LONGEST_TEXT],
        "at": last.at,
    }


def _group_data(
    error_type: str, count: int, newest: Sequence[DeadLetter], titles: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "error_type": error_type,
        "count": count,
        "matter": explain(error_type).cause,
        "remedy": explain(error_type).remedy,
        "newest": [letter_data(letter, titles) for letter in newest],
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
    state, running = status.past, status.run
    return {
        "last_run": state.last_run_time,
        "scope": state.last_run_scope,
        "checked": state.last_scenes_checked,
        "gaps": dict(state.last_gaps_by_type),
        "enqueued": state.last_enqueued,
        "runs": state.run_count,
        "summary": state.summary[:LONGEST_TEXT],
        "ended_at": state.ended_at,
        "running": None
        if running is None
        else {"checked": running.result.checked, "total": running.total},
    }


def _paths(context: Services) -> dict[str, Any]:
    index = read_index_view(context.folder.library_database)
    try:
        scenes: int | None = context.scenes.count()
    except StashError:
        scenes = None
    return {
        "scenes": scenes,
        "in_plex": context.queue.sync_log.scenes_in_plex(),
        "plex_files": index.files,
        "listed_at": index.listed_at,
        "learned": [
            {
                "pair": str(mapping.pair),
                "agree": mapping.agree,
                "disagree": mapping.disagree,
                "used": mapping.usable,
            }
            for mapping in index.mappings
        ],
    }


def settings_in_effect(config: Config) -> list[dict[str, Any]]:
    """Return each setting with its value, its default and the allowed values."""
    return [
        {
            "name": setting.name,
            "value": _shown(setting.name, getattr(config, setting.name)),
            "default": _shown(setting.name, setting.default),
            **_allowed(setting.metadata["parse"]),
        }
        for setting in fields(Config)
    ]


def _allowed(parse: Any) -> dict[str, Any]:
    """Return the allowed values in words and as a list, as the setting's parser states them."""
    try:
        parse(object())
    except ValueProblem as error:
        return {"allowed": str(error), "choices": list(error.choices)}
    return {"allowed": "", "choices": []}


def _shown(name: str, value: Any) -> Any:
    if name == SECRET:
        return "set" if value else ""
    if isinstance(value, PathMap):
        return "; ".join(str(pair) for pair in value.pairs)
    if name == "plex_url" and ("@" in value or "?" in value):
        return "set, with something secret in it"
    return value


def wake(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Start a worker if a job waits and no worker runs; return the state."""
    del arguments
    worker = context.ensure_worker() if context.queue.has_unfinished() else "not needed"
    status = read_status(context.status_source)
    state = read_state(context, status)
    return Answer(
        state.text(status.now),
        data={"state": state_data(state, status), "worker": worker},
        level=state.level,
    )
