import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from legacy.jobs import LegacyJob, NoJobError, parse_job
from legacy.presence import Found, foreign_database
from shared.redaction import MASK
from sync_queue.dlq import DeadLetterQueue, Failure
from sync_queue.models import MISSING_PATHS, SyncJob
from sync_queue.operations import METADATA, put, scene_job
from validation.values import counted, whole_number

LONGEST_MESSAGE = 1000
_SELECT = """SELECT scene_id, job_data, error_type, error_message, failed_at FROM dead_letters
    ORDER BY failed_at, id"""
_CLASS_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
# Remove the query strings of URLs in legacy messages, because a query string may contain Plex's
# token.
_QUERY = re.compile(r"\?[^\s'\"<>)]*")
_NAMED_SECRET = re.compile(
    r"(?i)(token|api[-_]?key|authorization|cookie|session|password)"
    r"(['\"]?\s*[=:]\s*)(?:bearer\s+)?['\"]?[^\s'\",;&]+"
)


def read_letters(path: str, now: float, redact: Callable[[str], str]) -> Found:
    letters: dict[tuple[int, str], tuple[SyncJob, str]] = {}
    left: Counter[str] = Counter()
    with foreign_database(path) as connection:
        for scene_id, data, error_type, message, failed_at in connection.execute(_SELECT):
            known_id = whole_number(scene_id)
            try:
                read = parse_job(data, scene_id=known_id)
            except NoJobError as error:
                if not known_id:
                    left[str(error)] += 1
                    continue
                read = LegacyJob(known_id, 0.0, "")
            is_name = isinstance(error_type, str) and _CLASS_NAME.fullmatch(error_type)
            key = (read.scene_id, error_type if is_name else "UnknownError")
            paths = {MISSING_PATHS: [read.path]} if read.path else {}
            job = scene_job(read.scene_id, METADATA, _moment(failed_at, now), paths)
            letters[key] = job, clean(str(message or ""), redact)
    text = counted(len(letters), "dead letter") if letters else ""
    return Found(text, partial(_store, letters=letters, now=now), left)


def _store(
    connection: sqlite3.Connection, letters: dict[tuple[int, str], tuple[SyncJob, str]], now: float
) -> None:
    ours = DeadLetterQueue(connection)
    for (scene_id, error_type), (job, message) in letters.items():
        if any(known.error_type == error_type for known in ours.of_scene(scene_id)):
            continue
        # The worker never retries a PlexNotFound dead letter that contains no file path.
        if error_type == "PlexNotFound" and not job.data:
            put(connection, job, now)
        ours.add(job, Failure(error_type, message), job.enqueued_at)


def clean(message: str, redact: Callable[[str], str]) -> str:
    text = _NAMED_SECRET.sub(rf"\1\2{MASK}", _QUERY.sub("?…", redact(message)))
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " … (cut)"


def _moment(text: object, now: float) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
        return min(now, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return now
